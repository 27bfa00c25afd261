"""A linked peer as a source of one file: what it has, what it was asked for, how much at once."""

from __future__ import annotations

from peer.core.block_set import BlockSet
from peer.file_tables import TABLES

WINDOW = 4.0
"""Pieces that are asked for at once in the beginning."""
MAX_WINDOW = 64.0
DELAY = 0.1
"""Seconds that what is asked for may take beyond the least that it ever took. More than that is a queue, in
which what is live would wait, too (as in LEDBAT, RFC 6817)."""
LEAST_FOR = 20.0
"""Seconds after which the least is measured anew: a way may have changed."""
ANSWER = 10.0
"""Seconds after which a piece is asked for elsewhere."""
LATER = 2.0
"""Seconds for which a piece is not asked for again that did not come."""


class FileSource:
    """`size` is the number of blocks of the file."""

    def __init__(self, size: int, now: float) -> None:
        self.have = BlockSet(size)
        self.complete = False
        self.asked: dict[int, float] = {}
        """When each piece was asked for that has not come, the first one first."""
        self.window = WINDOW
        self.needed_at = now
        """When it was last of use for what nobody else has."""
        self.empty_at: tuple[int, float] | None = None
        """In which state of the fetch, and when, there was nothing to ask it for."""
        self._later: dict[int, float] = {}
        self._least = (now, float("inf"), float("inf"))
        """Since when, the least delay since then, the least in the time before."""
        self._growing = True
        self._shrunk_until = now

    def tells(self, have: BlockSet, complete: bool) -> None:
        """That is what it has."""
        self.have, self.complete, self.empty_at = have, complete, None

    @property
    def room(self) -> int:
        """How many more pieces may be asked for."""
        return int(self.window) - len(self.asked)

    def arrived(self, piece: int, now: float) -> bool:
        """A piece came. False when it was not asked for, or too long ago."""
        at = self.asked.pop(piece, None)
        if at is None:
            return False
        delay = now - at
        since, least, before = self._least
        self._least = (now, delay, least) if now > since + LEAST_FOR else (since, min(least, delay), before)
        if delay <= min(self._least[1], self._least[2]) + DELAY:
            self.window = min(MAX_WINDOW, self.window + (1 if self._growing else 1 / self.window))
        elif now >= self._shrunk_until:
            self._growing = False
            self._shrunk_until = now + delay
            self.window = max(1.0, self.window * 0.75)
        return True

    def put_off(self, piece: int, until: float) -> bool:
        """It does not send that piece before then. False when it was not asked for it."""
        if self.asked.pop(piece, None) is None:
            return False
        self._later[piece] = until
        return True

    def put_off_tables(self) -> list[int]:
        """The tables that it is not to be asked for now."""
        return [piece for piece in self._later if piece >= TABLES]

    def put_off_blocks(self) -> BlockSet:
        """The blocks that it is not to be asked for now."""
        return BlockSet.of(self.have.size, (piece for piece in self._later if piece < TABLES))

    def expired(self, now: float) -> list[int]:
        """Pieces that it did not answer for in time. It is asked for one at a time until it does."""
        late = [piece for piece, at in self.asked.items() if now >= at + ANSWER]
        for piece in late:
            self.put_off(piece, now + ANSWER)
            self.window = 1.0
        again = [piece for piece, until in self._later.items() if now >= until]
        for piece in again:
            del self._later[piece]
        if again:
            self.empty_at = None
        return late

    def next_timer(self) -> float:
        oldest = next(iter(self.asked.values()), float("inf"))
        return min(oldest + ANSWER, min(self._later.values(), default=float("inf")))
