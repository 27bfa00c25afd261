"""Where the log of a newcomer begins: with the last messages that it is told of, and not with the past."""

from __future__ import annotations


class Beginning:
    """Lasts until `settling` seconds after the first message of another peer was accepted."""

    __slots__ = ("_limit", "_settled", "_settling", "_told", "clock", "resumes")

    def __init__(self, settling: float, limit: int) -> None:
        self._settling = settling
        self._limit = limit
        self._settled: float | None = None
        self._told: dict[bytes, None] = {}
        self.resumes = False
        """Whether something was kept when the program ended: then the log goes on, and does not begin."""
        self.clock = 0
        """The least clock of what was accepted without all that it follows; 0 when nothing was left out."""

    def lasts(self, now: float) -> bool:
        return self._settled is None or now < self._settled

    @property
    def begins(self) -> bool:
        """Whether there is nothing here but one's own words."""
        return self._settled is None and not self.resumes

    def tell(self, message: bytes, now: float) -> None:
        """A peer says that it has this among its last messages."""
        if self.lasts(now):
            self._told[message] = None
            if len(self._told) > self._limit:
                del self._told[next(iter(self._told))]

    def includes(self, message: bytes, now: float) -> bool:
        """Whether `message` counts although what it follows was left out."""
        return self.lasts(now) and message in self._told

    def accepted(self, clock: int, complete: bool, now: float) -> None:
        """A message of another peer was accepted; `complete` when all that it follows is there."""
        if not self.lasts(now):
            self._told = {}
            return
        if self._settled is None:
            self._settled = now + self._settling
        if not complete:
            self.clock = min(self.clock or clock, clock)
