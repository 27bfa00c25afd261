"""What CHAT_COMPARE and CHAT_RANGES hold (docs/protocol.md sections 6 and 8).

The bounds of ranges are places as bytes, `clock (4) ‖ author (32) ‖ id (32)`, of which any number of bytes at
the end may be left out: bytes are in order as places are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from peer.wire import MALFORMED, WireError

PLACE = 68
"""Bytes of a whole place."""
FINGERPRINT = 16
SHORT = 8
"""The first bytes of an id, which stand for it in a list."""

SKIP, SAME, LIST, ASK = 0, 1, 2, 3
"""What is said of a range: nothing; its fingerprint; what the sender has there; what it lacks there."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a peer has: `fingerprint` is of all that stands at the place `horizon` or behind it.

    What is before that it does not compare. `begins`: it has nothing of anybody else, and is to be told of
    what is new. A newcomer compares from then on what stands at the place `page` or behind it.
    `measures` is the fingerprint of the measures that it has taken.
    """

    begins: bool
    measures: bytes
    page: bytes
    horizon: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Range:
    """What stands at `start` or behind it, and before the start of the next range, if there is one."""

    start: bytes
    kind: int = SKIP
    fingerprint: bytes = b""
    shorts: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes in a message."""
        listed = 2 + SHORT * len(self.shorts) if self.kind >= LIST else 0
        return 2 + len(self.start) + len(self.fingerprint) + listed


_COMPARISON = struct.Struct(f">B{FINGERPRINT}s{PLACE}s{PLACE}s{FINGERPRINT}s")


def write_comparison(comparison: Comparison) -> bytes:
    return _COMPARISON.pack(
        comparison.begins,
        comparison.measures,
        comparison.page,
        comparison.horizon,
        comparison.fingerprint,
    )


def read_comparison(data: bytes) -> Comparison:
    """Raises WireError. Flags that are not known mean nothing."""
    if len(data) != _COMPARISON.size:
        raise WireError(MALFORMED, f"A comparison of chats has {_COMPARISON.size} bytes.")
    flags, *fields = _COMPARISON.unpack(data)
    return Comparison(flags & 1 == 1, *fields)


def write_ranges(ranges: list[Range]) -> bytes:
    parts = []
    for written in ranges:
        parts.append(struct.pack(">B", len(written.start)) + written.start + struct.pack(">B", written.kind))
        if written.kind >= LIST:
            parts.append(struct.pack(">H", len(written.shorts)))
        parts += [written.fingerprint, *written.shorts]
    return b"".join(parts)


def read_ranges(data: bytes) -> list[Range]:
    """Ranges whose starts ascend. Raises WireError."""
    found: list[Range] = []
    at = 0
    try:
        while at < len(data):
            at = _read_range(data, at, found)
    except (struct.error, IndexError) as error:
        raise WireError(MALFORMED, "The ranges of a chat are longer than their message.") from error
    return found


def _read_range(data: bytes, at: int, found: list[Range]) -> int:
    end = at + 1 + data[at]
    start, kind = data[at + 1 : end], data[end]
    if len(start) > PLACE or (found and start <= found[-1].start):
        raise WireError(MALFORMED, "The ranges of a chat are not in order.")
    at = end + 1
    size, count = {SKIP: (0, 0), SAME: (FINGERPRINT, 1)}.get(kind, (SHORT, 0))
    if kind in (LIST, ASK):
        (count,) = struct.unpack_from(">H", data, at)
        at += 2
    elif kind > ASK:
        raise WireError(MALFORMED, f"{kind} is nothing that can be said of a range.")
    end = at + size * count
    if end > len(data):
        raise IndexError
    items = tuple(data[place : place + size] for place in range(at, end, size or 1))
    found.append(Range(start, kind, items[0]) if kind == SAME else Range(start, kind, b"", items))
    return end
