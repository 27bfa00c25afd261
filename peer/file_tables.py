"""How a file is cut and hashed: blocks, sections, the file (docs/protocol.md section 9).

Its id is the hash of its top table, which holds its size and the hashes of its sections; a section's hash is
that of its table, which holds the hashes of its blocks. So each piece is proved when it comes, by the table
above it, and a table is never larger than a block.
"""

from __future__ import annotations

from hashlib import sha256

from peer.wire_files import BLOCK, MAX_BLOCKS

HASH = 32
SECTION = BLOCK // HASH
"""Blocks of a section: as many as its table, which has the size of a block, can name."""
MAX_SIZE = BLOCK * MAX_BLOCKS
TOP = 2**32 - 1
"""The number of the top table among the pieces of a file."""
TABLES = 2**31
"""Section `s` has its table at TABLES + s."""


def block_hash(data: bytes | memoryview) -> bytes:
    """What proves a block (32 bytes)."""
    digest = sha256(b"\x00")
    digest.update(data)
    return digest.digest()


def table_hash(table: bytes) -> bytes:
    """What proves the table of a section."""
    return sha256(b"\x01" + table).digest()


def file_id(top: bytes) -> bytes:
    """The id of the file with this top table."""
    return sha256(b"\x02" + top).digest()


def blocks_of(size: int) -> int:
    """How many blocks a file of `size` bytes has."""
    return -(-size // BLOCK)


def sections_of(size: int) -> int:
    """How many sections it has."""
    return -(-blocks_of(size) // SECTION)


def top_of(size: int, sections: list[bytes]) -> bytes:
    """The top table over the hashes of the sections."""
    return size.to_bytes(8, "big") + b"".join(sections)


class Tables:
    """The tables of a file with that id, as far as they are known: nothing is in here that is not proved."""

    def __init__(self, file: bytes, size: int) -> None:
        self.file = file
        self.size = size
        self.blocks = blocks_of(size)
        self.sections = sections_of(size)
        self.top: bytes | None = None
        self._tables: dict[int, bytes] = {}

    def __contains__(self, section: int) -> bool:
        return section in self._tables

    def length(self, piece: int) -> int:
        """Bytes of a piece that there is; 0 where there is none of that number."""
        if piece == TOP:
            return 8 + HASH * self.sections
        if piece >= TABLES:
            section = piece - TABLES
            return HASH * len(self.range(section)) if section < self.sections else 0
        return min(BLOCK, self.size - piece * BLOCK) if piece < self.blocks else 0

    def range(self, section: int) -> range:
        """The numbers of the blocks of a section; none where there is none of that number."""
        return range(min(self.blocks, section * SECTION), min(self.blocks, (section + 1) * SECTION))

    def proves(self, piece: int, data: bytes) -> bool:
        """Whether that is this piece. Only pieces whose table is known can be proved."""
        if piece == TOP:
            return file_id(data) == self.file
        if piece >= TABLES:
            return table_hash(data) == self._hash_of(self.top or b"", 8, piece - TABLES)
        section, index = divmod(piece, SECTION)
        return block_hash(data) == self._hash_of(self._tables.get(section, b""), 0, index)

    @staticmethod
    def _hash_of(table: bytes, start: int, index: int) -> bytes:
        return table[start + HASH * index : start + HASH * (index + 1)]

    def take(self, piece: int, data: bytes) -> None:
        """Keep a table that was proved."""
        if piece == TOP:
            self.top = data
        else:
            self._tables[piece - TABLES] = data

    def fits(self, top: bytes) -> bool:
        """Whether the file with this top table has the size that it is said to have."""
        return len(top) == self.length(TOP) and int.from_bytes(top[:8], "big") == self.size
