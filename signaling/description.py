"""What the introducer reads of a signed stream description (docs/protocol.md, section 3)."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from signaling.fields import MAX_DESCRIPTION, Name, Version
from signaling.protocol import TAG_STREAM, ProtocolError

Verify: TypeAlias = Callable[[bytes, bytes, bytes, bytes], bool]
"""Whether a signature holds: key, tag, data, signature."""


class Rendition(Struct, frozen=True):
    """One quality of a stream; `bandwidth` is in bit/s."""

    id: Name
    bandwidth: Annotated[int, Meta(ge=1, le=10**10)]
    stripes: Annotated[int, Meta(ge=1, le=16)]


class Description(Struct, frozen=True):
    """A live programme. The greater `(epoch, revision)` replaces the smaller."""

    version: Version
    room: Name
    stream: Name
    state: Literal["live", "offline", "ended"]
    epoch: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    revision: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    renditions: Annotated[list[Rendition], Meta(max_length=16)]
    title: Annotated[str, Meta(max_length=256)] = ""
    origins: Annotated[tuple[str, ...], Meta(max_length=16)] = ()


_decoder = msgspec.json.Decoder(Description)


def open_description(data: bytes, verify: Verify) -> tuple[bytes, Description]:
    """The publisher's key and what it says.

    Raises:
        ProtocolError: `too-large`, `signature`, `malformed` or `version`.
    """
    if len(data) > MAX_DESCRIPTION:
        raise ProtocolError("too-large", f"A stream description has at most {MAX_DESCRIPTION} bytes.")
    key, signature, text = data[:32], data[32:96], data[96:]
    if not verify(key, TAG_STREAM, text, signature):
        raise ProtocolError("signature", "The signature of the stream description does not fit.")
    try:
        text.decode()  # fields that are skipped here are read by the peers
        description = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError("malformed", f"The stream description is malformed: {error}."[:1_024]) from error
    if description.version != 1:
        raise ProtocolError(
            "version", f"Version {description.version} of the stream description is not known here, only 1."
        )
    names = [rendition.id for rendition in description.renditions]
    if len(set(names)) != len(names):
        raise ProtocolError("malformed", "Two renditions of the stream description have one id.")
    return key, description
