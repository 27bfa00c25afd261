"""The window: the last seconds of a rendition, as verified block messages ready to be sent on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from peer.seal import Seal

WINDOW_SECONDS = 10.0
WINDOW_BYTES = 64 * 1024 * 1024
WINDOW_PARTS = 1024

BLOCK_PROOF_COUNT = 151
"""Offset of the proof's length in a BLOCK message (docs/protocol.md section 6)."""
BLOCK_PROOF = 152


def block_payload(message: bytes) -> memoryview:
    """The data of an encoded BLOCK message, without a copy."""
    return memoryview(message)[BLOCK_PROOF + 16 * message[BLOCK_PROOF_COUNT] :]


class WindowPart:
    """One part as far as it is here. Each block is held once, as the message in which it travels."""

    __slots__ = ("bytes_held", "first_seen", "held", "messages", "raw", "seal", "spoilt")

    def __init__(self, seal: Seal, raw: bytes, now: float) -> None:
        self.seal = seal
        self.raw = raw
        self.messages: list[bytes | None] = [None] * seal.blocks
        self.held = 0
        self.bytes_held = 0
        self.first_seen = now
        self.spoilt = False
        """A companion whose parity has turned out to be false."""

    @property
    def complete(self) -> bool:
        return self.held == self.seal.blocks

    def missing(self) -> list[int]:
        """The indices of the blocks that are not here."""
        return [i for i, message in enumerate(self.messages) if message is None]

    def payloads(self) -> list[memoryview | None]:
        """The blocks' data by index, None where one is not here."""
        return [None if message is None else block_payload(message) for message in self.messages]

    def data(self) -> bytes:
        """The bytes of the part, which must be complete."""
        return b"".join(block_payload(message) for message in self.messages if message is not None)


class Window:
    """The parts of the current epoch by number, bounded in time, bytes and count."""

    def __init__(self, seconds: float = WINDOW_SECONDS, size: int = WINDOW_BYTES) -> None:
        self._seconds = seconds
        self._size = size
        self._parts: dict[int, WindowPart] = {}
        self.get: Callable[[int], WindowPart | None] = self._parts.get
        self._companions: dict[int, WindowPart] = {}
        """The parity of parts, by their numbers."""
        self.epoch = 0
        self.bytes_held = 0
        self.newest = -1
        """The greatest number of which a block is here; -1 before the first."""
        self.newest_seen = 0.0
        """When that one was first seen."""
        self.newest_complete = -1
        self.oldest = 0
        """No part before this number is taken any more."""
        self.first = -1
        """The least number of which a block has come: what was before is not missed; -1 before the first."""

    def __len__(self) -> int:
        return len(self._parts)

    def companion(self, number: int) -> WindowPart | None:
        """The parity of a part, as far as it is here."""
        return self._companions.get(number)

    def like(self, seal: Seal) -> WindowPart | None:
        """What is here of the seal's number and kind: a part, or the companion of one."""
        return (self._companions if seal.parity else self._parts).get(seal.number)

    def begin(self, epoch: int) -> None:
        """Forget everything: the publisher has begun another epoch."""
        self._parts.clear()
        self._companions.clear()
        self.epoch, self.bytes_held = epoch, 0
        self.newest = self.newest_complete = self.first = -1
        self.oldest = 0

    def open(self, seal: Seal, raw: bytes, now: float) -> WindowPart:
        """The part (or companion) of a verified seal, made if it is new; not to be before `oldest`."""
        if seal.parity:
            return self._companions.setdefault(seal.number, WindowPart(seal, raw, now))
        part = self._parts.get(seal.number)
        if part is None:
            part = self._parts[seal.number] = WindowPart(seal, raw, now)
            self.first = seal.number if self.first < 0 else min(self.first, seal.number)
            if seal.number > self.newest:
                self.newest, self.newest_seen = seal.number, now
                self._trim(seal.duration)
        return part

    def add(self, part: WindowPart, index: int, message: bytes) -> bool:
        """Keep a verified block; False if it was here already."""
        if part.messages[index] is not None:
            return False
        part.messages[index] = message
        part.held += 1
        part.bytes_held += len(message)
        self.bytes_held += len(message)
        if part.complete and not part.seal.parity:
            self.newest_complete = max(self.newest_complete, part.seal.number)
        if self.bytes_held > self._size:
            self._trim(part.seal.duration)
        return True

    def _trim(self, duration: int) -> None:
        span = min(WINDOW_PARTS, max(8, int(self._seconds * 1e6 / max(duration, 1000))))
        floor = self.newest - span + 1
        if floor > self.oldest:
            for number in {n for n in (*self._parts, *self._companions) if n < floor}:
                self._drop(number)
            self.oldest = floor
        while self.bytes_held > self._size:
            self._drop(number := min((*self._parts, *self._companions)))
            self.oldest = max(self.oldest, number + 1)

    def _drop(self, number: int) -> None:
        for held in (self._parts, self._companions):
            dropped = held.pop(number, None)
            if dropped is not None:
                self.bytes_held -= dropped.bytes_held

    def stripe(self, number: int, stripe: int, stripes: int) -> list[bytes]:
        """The messages of a stripe of part `number` that are here; number `stripes` is the parity's."""
        part = self._companions.get(number) if stripe == stripes else self._parts.get(number)
        if part is None:
            return []
        messages = part.messages if stripe == stripes else part.messages[stripe::stripes]
        return [message for message in messages if message is not None]

    def first_missing(self, stripe: int, stripes: int, start: int) -> int:
        """The first part from `start` on of which the stripe is not all here; at most one past the newest."""
        for number in range(max(start, self.oldest), self.newest + 1):
            part = self._parts.get(number)
            if part is None or None in part.messages[stripe::stripes]:
                return number
        return self.newest + 1

    def numbers(self, start: int) -> Iterator[int]:
        """The numbers from `start` (or the oldest) to the newest of which something is here."""
        for number in range(max(start, self.oldest), self.newest + 1):
            if number in self._parts:
                yield number

    def newest_independent(self, complete: bool = False) -> WindowPart | None:
        """The newest part that begins with a key frame."""
        for number in range(self.newest, self.oldest - 1, -1):
            part = self._parts.get(number)
            if part is not None and part.seal.independent and (part.complete or not complete):
                return part
        return None

    def first_after(self, number: int) -> WindowPart | None:
        """The next part after `number` of which something is here."""
        for later in range(max(number + 1, self.oldest), self.newest + 1):
            part = self._parts.get(later)
            if part is not None:
                return part
        return None
