"""A file that a message of the chat tells of (docs/protocol.md section 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from peer.file_tables import MAX_SIZE
from signaling.measures import is_text, read_id

MAX_FILE_NAME = 255
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs that would make a name look like another one, or be a path."""
_TYPE = re.compile("[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_SIZE = re.compile("[1-9][0-9]{0,9}")
ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class SharedFile:
    """`id` has 32 bytes, `size` is in bytes. Name and type are what the author claims, and no more."""

    id: bytes
    name: str
    size: int
    type: str


def fit_name(name: str) -> str:
    """A name like this one that can be sent."""
    fit = _UNFIT.sub("_", name)[:MAX_FILE_NAME]
    return "file" if fit in ("", ".", "..") else fit


def fit_type(media_type: str | None) -> str:
    """A media type that can be sent: that one, if it can be."""
    return media_type if media_type is not None and _TYPE.fullmatch(media_type) else ANY_TYPE


def write_file(file: SharedFile) -> dict[str, str]:
    """What a body says of a file. The size is in digits, for the numbers of a body are not read."""
    return {"id": file.id.hex(), "name": file.name, "size": str(file.size), "type": file.type}


def read_file(value: Any) -> SharedFile | None:
    """The file that a body tells of; None where it tells of none that can be."""
    if not isinstance(value, dict):
        return None
    id, name, size, media_type = (read_id(value.get("id")), *map(value.get, ("name", "size", "type")))
    if (
        id is None
        or not is_text(name, 1, MAX_FILE_NAME)
        or fit_name(name) != name
        or not (isinstance(size, str) and _SIZE.fullmatch(size) and int(size) <= MAX_SIZE)
        or not (isinstance(media_type, str) and _TYPE.fullmatch(media_type))
    ):
        return None
    return SharedFile(id, name, int(size), media_type)
