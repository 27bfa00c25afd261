"""How fast files come and go while something is live: as fast as leaves nobody on this machine late."""

from __future__ import annotations

from peer.core.bucket import Bucket
from peer.wire_files import BLOCK

FIRST, LEAST, MOST = 500_000.0, 100_000.0, 2_000_000.0
"""Bytes a second in the beginning, at least and at most, each way."""
BURST = 4.0 * BLOCK
LATE = 0.006
"""Seconds by which timers come late on average on a machine that has more to do than it can. With an idle
processor it is a tenth of that."""
EVERY = 0.25
"""Seconds after which the rate is set anew."""
GROWTH, MORE, LESS = 1.5, 25_000.0, 0.7
"""By what it is multiplied until it was too much for the first time, what is added from then on, and by what
it is multiplied each time that it is too much (additive increase, multiplicative decrease, as in TCP)."""
TICK = 0.02
"""Seconds between looks while there is something to do."""


class FilePace:
    """Hashes, disks and links of files take time of a processor that a picture may need, here or elsewhere on
    the machine: whoever is woken late goes slower."""

    def __init__(self, now: float) -> None:
        self.rate = FIRST
        self._giving = Bucket(BURST, FIRST, now)
        self._asking = Bucket(BURST, FIRST, now)
        self._growing = True
        self._used = False
        self._since = now
        self._late = 0.0
        self._times = 0

    def give(self, now: float) -> bool:
        """Whether a piece may go out now."""
        self._used = True
        return self._giving.take(now, BLOCK)

    def may_ask(self, now: float) -> bool:
        return self._asking.take(now, 0)

    def asked(self, pieces: int, now: float) -> None:
        """So many were asked for."""
        self._used = True
        self._asking.take(now, pieces * BLOCK)

    def asks_again_at(self, now: float) -> float:
        """When more may be asked for; infinity when that is now."""
        at = self._asking.ready()
        return at if at > now else float("inf")

    def woken(self, late: float, now: float) -> None:
        """A timer came, `late` by so many seconds."""
        self._late += late
        self._times += 1
        if now < self._since + EVERY:
            return
        if self._late > LATE * self._times:
            self._growing = False
            self._go(max(LEAST, self.rate * LESS), now)
        elif self._used:
            self._go(min(MOST, self.rate * GROWTH if self._growing else self.rate + MORE), now)
        self._used, self._since, self._late, self._times = False, now, 0.0, 0

    def _go(self, rate: float, now: float) -> None:
        self.rate = rate
        self._giving.change(rate, now)
        self._asking.change(rate, now)
