"""Giving pieces of files to others: who waits for what, and how much leaves beside what is live."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from peer.core.file_pace import TICK as TICK_BESIDE
from peer.core.file_pace import FilePace
from peer.wire_files import BLOCK

MAX_QUEUE = 128
"""Pieces that one peer may have asked for and not got."""
READING = 4
"""Pieces that are read at once for one peer."""
ALONE = 256 * 1024
"""Bytes that may wait on a link while nothing is live."""
BESIDE = 2 * BLOCK
"""Bytes that may wait on all links together for more to be put on one, while something is live: a video block
that comes then waits for no more than this."""
TICK = 0.25
GIVEN_FOR = 5.0
"""Seconds for which whoever has all of a file remembers whom a block was given to."""


@dataclass(slots=True)
class _Given:
    to: bytes
    at: float
    sent_on: set[bytes] = field(default_factory=set)
    """Those who were told to ask somebody else."""


@dataclass(slots=True)
class _Waiting:
    """What a peer asked for: `reading` pieces come from the disk, `buffered` bytes wait on the link."""

    queue: deque[tuple[bytes, int]] = field(default_factory=deque)
    reading: int = 0
    buffered: int = 0


class FileServing:
    """Peers take turns."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Waiting] = {}
        self._given: dict[tuple[bytes, int], _Given] = {}
        self.pace: FilePace | None = None
        """While something is live."""

    def link_opened(self, peer: bytes) -> None:
        self._waiting[peer] = _Waiting()

    def link_closed(self, peer: bytes) -> None:
        self._waiting.pop(peer, None)

    def drained(self, peer: bytes, buffered: int) -> None:
        """The link says how many bytes it still holds, of whatever kind."""
        if peer in self._waiting:
            self._waiting[peer].buffered = buffered

    def ask(self, peer: bytes, file: bytes, piece: int, whole: bool, now: float) -> bool:
        """`peer` wants a piece that is here. False when it is to ask elsewhere, or again later.

        Whoever has the `whole` file sends a second one to the first whom it gave the block; who cannot have
        it there asks again. So one copy of the file has left before a second one does.
        """
        waiting = self._waiting[peer]
        if len(waiting.queue) >= MAX_QUEUE or (file, piece) in waiting.queue:
            return False
        if whole:
            given = self._given.get((file, piece))
            elsewhere = given is not None and given.to != peer and given.to in self._waiting
            if given is not None and elsewhere and now < given.at + GIVEN_FOR and peer not in given.sent_on:
                given.sent_on.add(peer)
                return False
            self._given.pop((file, piece), None)
            self._given[file, piece] = _Given(peer, now)
            self._forget_given(now)
        waiting.queue.append((file, piece))
        return True

    def _forget_given(self, now: float) -> None:
        while now >= self._given[oldest := next(iter(self._given))].at + GIVEN_FOR:
            del self._given[oldest]

    def take(self, now: float) -> list[tuple[bytes, bytes, int]]:
        """(peer, file, piece) to be read and sent now."""
        out: list[tuple[bytes, bytes, int]] = []
        busy = True
        while busy:
            busy = False
            for peer, waiting in self._waiting.items():
                if waiting.queue and self._may_send(waiting, now):
                    busy = True
                    waiting.reading += 1
                    out.append((peer, *waiting.queue.popleft()))
        return out

    def _may_send(self, waiting: _Waiting, now: float) -> bool:
        if waiting.reading >= READING:
            return False
        if self.pace is None:
            return waiting.buffered + waiting.reading * BLOCK < ALONE
        held = sum(other.buffered + other.reading * BLOCK for other in self._waiting.values())
        return held < BESIDE and self.pace.give(now)

    def read(self, peer: bytes, size: int) -> bool:
        """A message of `size` bytes with a piece goes out (0: none does). False when its peer is gone."""
        waiting = self._waiting.get(peer)
        if waiting is None or waiting.reading == 0:
            return False
        waiting.reading -= 1
        waiting.buffered += size
        return True

    def forget(self, file: bytes) -> None:
        """It is not here any more."""
        for waiting in self._waiting.values():
            waiting.queue = deque(entry for entry in waiting.queue if entry[0] != file)

    def next_timer(self, now: float) -> float:
        """While something waits. Beside what is live a link holds so little that it never says it drained."""
        waits = any(waiting.queue for waiting in self._waiting.values())
        return now + (TICK if self.pace is None else TICK_BESIDE) if waits else float("inf")
