"""The header of a chat message (docs/protocol.md section 8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256

from signaling.binary import lp

VERSION = 1
TEXT = 1
"""The kind whose body is shown; others are kept and passed on."""
MAX_FOLLOWS = 8
MAX_BODY = 16384
MAX_TIME = 2**53 - 1
"""ms: what a double holds exactly."""

_HEAD = struct.Struct(">BB8s32sIQB")
_TAIL = struct.Struct(">I32s")
MIN_HEADER = _HEAD.size + _TAIL.size
MAX_HEADER = MIN_HEADER + 32 * MAX_FOLLOWS


class ChatHeaderError(ValueError):
    """Bytes are no header; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ChatHeader:
    """What the author signs. Ids and hashes have 32 bytes, `room` 8; `time` is in ms since 1970."""

    kind: int
    room: bytes
    author: bytes
    clock: int
    time: int
    follows: tuple[bytes, ...]
    body_length: int
    body_hash: bytes

    def encode(self) -> bytes:
        """The bytes that are signed and hashed. Raises ChatHeaderError when a field is out of its bounds."""
        sizes = [len(self.room), len(self.author), len(self.body_hash), *map(len, self.follows)]
        if sizes != [8] + [32] * (2 + len(self.follows)):
            raise ChatHeaderError("A key, id or hash of the chat message has the wrong size.")
        _check(self)
        try:
            head = _HEAD.pack(
                VERSION, self.kind, self.room, self.author, self.clock, self.time, len(self.follows)
            )
            return head + b"".join(self.follows) + _TAIL.pack(self.body_length, self.body_hash)
        except struct.error as error:
            raise ChatHeaderError("A field of the chat message does not fit its bytes.") from error

    @classmethod
    def parse(cls, data: bytes) -> ChatHeader:
        """Read a header and check its bounds, not signature or body. Raises ChatHeaderError."""
        if not MIN_HEADER <= len(data) <= MAX_HEADER:
            raise ChatHeaderError(
                f"The header of a chat message has {MIN_HEADER} to {MAX_HEADER} bytes, not {len(data)}."
            )
        version, kind, room, author, clock, time, count = _HEAD.unpack_from(data)
        if version != VERSION:
            raise ChatHeaderError(
                f"The chat message has version {version}; this program knows version {VERSION}."
            )
        if len(data) != MIN_HEADER + 32 * count:
            raise ChatHeaderError(
                "The header of a chat message is not as long as its list of followed messages."
            )
        end = _HEAD.size + 32 * count
        follows = tuple(data[start : start + 32] for start in range(_HEAD.size, end, 32))
        body_length, body_hash = _TAIL.unpack_from(data, end)
        header = cls(kind, room, author, clock, time, follows, body_length, body_hash)
        _check(header)
        return header


def _check(header: ChatHeader) -> None:
    if len(header.follows) > MAX_FOLLOWS:
        raise ChatHeaderError(f"A chat message follows at most {MAX_FOLLOWS} others.")
    if header.body_length > MAX_BODY:
        raise ChatHeaderError(f"The body of a chat message has at most {MAX_BODY} bytes.")
    if header.time > MAX_TIME:
        raise ChatHeaderError("The time of a chat message is out of range.")


def message_id(header: bytes) -> bytes:
    """The id (32 bytes) of the message with these header bytes."""
    return sha256(header).digest()


def room_hash(room: str) -> bytes:
    """The 8 bytes by which a header names its room."""
    return sha256(lp(room)).digest()[:8]
