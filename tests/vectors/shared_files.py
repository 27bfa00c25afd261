"""Files whose bytes both languages can make, with everything that anybody can ask for of them."""

from __future__ import annotations

from peer.file_tables import SECTION, TABLES, TOP, block_hash, file_id, table_hash, top_of
from peer.wire_files import BLOCK


def octets(size: int) -> bytes:
    """Byte i is the low byte of i xor (i >> 8) xor (i >> 16): no block is like another."""
    pages = [bytes(low ^ mask for low in range(256)) for mask in range(256)]  # far faster than octet by octet
    return b"".join(pages[(at ^ at >> 8) & 255] for at in range((size + 255) // 256))[:size]


class Content:
    """A file and its tables: `pieces` by their numbers."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
        hashes = [block_hash(block) for block in blocks]
        tables = [b"".join(hashes[at : at + SECTION]) for at in range(0, len(hashes), SECTION)]
        top = top_of(self.size, [table_hash(table) for table in tables])
        self.id = file_id(top)
        self.pieces = dict(enumerate(blocks)) | {TABLES + at: table for at, table in enumerate(tables)}
        self.pieces[TOP] = top
