"""A set of the blocks of a file, by number."""

from __future__ import annotations

from collections.abc import Iterable


class BlockSet:
    """Some of `size` blocks. An integer with a bit for each: that is fast whatever their number."""

    __slots__ = ("_bits", "size")

    def __init__(self, size: int, bits: int = 0) -> None:
        self.size = size
        self._bits = bits

    @classmethod
    def whole(cls, size: int) -> BlockSet:
        return cls(size, (1 << size) - 1)

    @classmethod
    def of(cls, size: int, numbers: Iterable[int]) -> BlockSet:
        found = cls(size)
        for number in numbers:
            found.add(number)
        return found

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> BlockSet | None:
        """Block 0 is the lowest bit of the first byte; None where that is no set of `size` blocks."""
        bits = int.from_bytes(data, "little")
        if len(data) != -(-size // 8) or bits >> size:
            return None
        return cls(size, bits)

    def to_bytes(self) -> bytes:
        return self._bits.to_bytes(-(-self.size // 8), "little")

    def __contains__(self, number: int) -> bool:
        return self._bits >> number & 1 == 1

    def __bool__(self) -> bool:
        return self._bits != 0

    def __len__(self) -> int:
        return self._bits.bit_count()

    def add(self, number: int) -> None:
        self._bits |= 1 << number

    def discard(self, number: int) -> None:
        self._bits &= ~(1 << number)

    def add_range(self, numbers: range) -> None:
        self._bits |= (1 << numbers.stop) - (1 << numbers.start)

    def discard_range(self, numbers: range) -> None:
        self._bits &= ~((1 << numbers.stop) - (1 << numbers.start))

    def __and__(self, other: BlockSet) -> BlockSet:
        return BlockSet(self.size, self._bits & other._bits)

    def __or__(self, other: BlockSet) -> BlockSet:
        return BlockSet(self.size, self._bits | other._bits)

    def __sub__(self, other: BlockSet) -> BlockSet:
        return BlockSet(self.size, self._bits & ~other._bits)

    def first(self, start: int) -> int | None:
        """The first one at or after `start`, going round; None when it is empty."""
        above = self._bits >> start
        if above:
            return start + (above & -above).bit_length() - 1
        return (self._bits & -self._bits).bit_length() - 1 if self._bits else None
