"""One file on its way here: which piece is asked of whom (docs/protocol.md section 9)."""

from __future__ import annotations

from enum import Enum
from hashlib import sha256

from peer.core.block_set import BlockSet
from peer.core.file_source import LATER, FileSource
from peer.file_tables import SECTION, TABLES, TOP, Tables

TABLES_AT_ONCE = 2
READY = 128
"""With fewer blocks that can be asked for, the next table is."""
REST = 2.0
"""Seconds after which one who has all, but nothing that others lack, is asked for what they have, too."""


LOOK_AGAIN = 0.25
"""Seconds after which one who has all is looked at again, for it may have rested."""


class Came(Enum):
    """What is to be made of a piece that came."""

    KEEP = "keep"
    UNASKED = "unasked"
    WRONG = "wrong"
    LIE = "lie"
    """It proves that the file does not have the size that it is said to have."""


class FileFetch:
    """`tables` and `have` are what is kept of it already."""

    def __init__(self, own: bytes, tables: Tables, have: BlockSet, now: float) -> None:
        self.tables = tables
        self.have = have
        self.sources: dict[bytes, FileSource] = {}
        self.moved_at = now
        """When a piece of it came last."""
        self.tries = 0
        """How often company was looked for."""
        self.written = len(have)
        self._start = int.from_bytes(sha256(own + tables.file).digest()[:4], "big") % tables.blocks
        """Everybody begins elsewhere, so that the first to have the file gives each block once."""
        self._flying = BlockSet(tables.blocks)
        """Blocks that were asked for, or are being written."""
        self._flying_tables: set[int] = set()
        self._state = 0
        """Greater after each change by which there may be more to ask for."""
        self._open = BlockSet(tables.blocks)
        """Blocks whose table is here."""
        for section in range(tables.sections):
            if section in tables:
                self._open.add_range(tables.range(section))

    @property
    def is_done(self) -> bool:
        return self.written == self.tables.blocks

    @property
    def flying(self) -> int:
        """Pieces that were asked for, or are being written."""
        return len(self._flying) + len(self._flying_tables)

    def has(self, piece: int) -> bool:
        """Whether that piece can be given to others."""
        if piece == TOP:
            return self.tables.top is not None
        return piece - TABLES in self.tables if piece >= TABLES else piece in self.have

    def source(self, peer: bytes, now: float) -> FileSource:
        """What is known of `peer`, who said that it takes part."""
        source = self.sources.get(peer)
        if source is None:
            source = self.sources[peer] = FileSource(self.tables.blocks, now)
        return source

    def left(self, peer: bytes) -> None:
        """It sends nothing any more."""
        source = self.sources.pop(peer, None)
        if source is not None:
            self._state += 1
            self._land(list(source.asked))

    def plan(self, peer: bytes, most: int, now: float) -> list[int]:
        """The pieces to ask of `peer` now, at most so many."""
        source = self.sources[peer]
        room = min(source.room, most)
        if room <= 0 or (room < source.window / 4 and source.asked):
            return []  # a few at once: asking one by one would say as much about each as about many
        if source.empty_at is not None:
            state, at = source.empty_at
            if state == self._state and (not source.complete or now < at + LOOK_AGAIN):
                return []
        pieces = self._choose(source, room, now)
        source.empty_at = None if pieces else (self._state, now)
        for piece in pieces:
            source.asked[piece] = now
            if piece < TABLES:
                self._flying.add(piece)
            else:
                self._flying_tables.add(piece)
        return pieces

    def _choose(self, source: FileSource, room: int, now: float) -> list[int]:
        if self.tables.top is None:
            knows = source.complete or bool(source.have)
            free = knows and not self._flying_tables and TOP not in source.put_off_tables()
            return [TOP] if free else []
        wanted = source.have - self.have - self._flying - source.put_off_blocks()
        ready = wanted & self._open
        pieces = self._missing_tables(source, wanted, len(ready))
        once, twice, thrice = self._spread()
        if source.complete:
            only = ready - once
            if only:
                source.needed_at = now
                ready = only
            elif now < source.needed_at + REST or source.asked:
                return pieces
            else:
                room = 1
        for common in (twice, thrice, BlockSet(self.tables.blocks)):
            some = ready - common
            while some and len(pieces) < room:
                block = some.first(self._start) or 0
                some.discard(block)
                ready.discard(block)
                pieces.append(block)
        return pieces

    def _missing_tables(self, source: FileSource, wanted: BlockSet, ready: int) -> list[int]:
        """The table of the first blocks that cannot be proved yet, when few are left that can."""
        if ready >= READY or len(self._flying_tables) >= TABLES_AT_ONCE:
            return []
        closed = wanted - self._open
        for piece in (*self._flying_tables, *source.put_off_tables()):
            closed.discard_range(self.tables.range(piece - TABLES))
        block = closed.first(self._start)
        return [] if block is None else [TABLES + block // SECTION]

    def _spread(self) -> tuple[BlockSet, BlockSet, BlockSet]:
        """What one, two and three of those have who have not got all: what is rare goes first."""
        once = twice = thrice = BlockSet(self.tables.blocks)
        for source in self.sources.values():
            if not source.complete:
                thrice, twice, once = (
                    thrice | (twice & source.have),
                    twice | (once & source.have),
                    once | source.have,
                )
        return once, twice, thrice

    def arrived(self, peer: bytes, piece: int, data: bytes, now: float) -> Came:
        """A piece came from `peer`. What is to be kept is then to be `kept`."""
        source = self.sources.get(peer)
        if source is None or not source.arrived(piece, now):
            return Came.UNASKED
        self.moved_at = now
        if not self.tables.proves(piece, data):
            self._land([piece])
            return Came.WRONG
        if piece < TABLES:
            return Came.KEEP
        self._land([piece])
        if piece == TOP and not self.tables.fits(data):
            return Came.LIE
        self.tables.take(piece, data)
        if piece != TOP:
            self._open.add_range(self.tables.range(piece - TABLES))
        return Came.KEEP

    def kept(self, block: int) -> None:
        """A block is on disk."""
        self._flying.discard(block)
        self.have.add(block)
        self.written += 1

    def put_off(self, peer: bytes, pieces: tuple[int, ...], now: float) -> None:
        """`peer` does not send these now."""
        source = self.sources.get(peer)
        if source is not None:
            self._land([piece for piece in pieces if source.put_off(piece, now + LATER)])

    def expire(self, now: float) -> None:
        """What was not answered for in time is asked of others."""
        for source in self.sources.values():
            self._land(source.expired(now))

    def next_timer(self) -> float:
        return min((source.next_timer() for source in self.sources.values()), default=float("inf"))

    def _land(self, pieces: list[int]) -> None:
        for piece in pieces:
            self._state += 1
            if piece < TABLES:
                self._flying.discard(piece)
            else:
                self._flying_tables.discard(piece)
