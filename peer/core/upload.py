"""What our own upload carries: seen where it is full, and tried anew when it has not been for a while."""

from __future__ import annotations

SEEN_AFTER = 0.3
"""Seconds for which it has been full when what leaves is first counted as all that it carries."""
SEEN_AGAIN = 1.0
"""Seconds until that is counted anew: a group of pictures begins with most of its bytes."""
HEADROOM = 0.15
"""Share of it that is left free: what stands at the edge of an upload waits behind every key frame."""
ROUNDING = 0.2
"""Of a pair: with so little missing, one more is fed."""
PROBE_AFTER = 4.0
"""Seconds without being full after which more is tried; twice as long after each time that was in vain."""
MOST_PATIENCE = 320.0
RATE_MEMORY = 2.0
"""Seconds of the stream that its mean rate is taken from."""
SEEN_FOR = 0.5
"""Seconds of it that are enough to begin with."""
PROBED_SHARE = 0.85
"""Of the rate that probing has shown, what blocks of children may take: the rest is for their proofs, for
what is sent again or said, and so that blocks for many do not wait for one another."""
PROBED_PATIENCE = 60.0
"""Seconds without being full after which more than that is tried."""


class Upload:
    """How many (child, stripe) pairs our upload carries, as far as it has been full."""

    def __init__(self, stripes: int) -> None:
        self._stripes = stripes
        self.slots: int | None = None
        """What it carries; None while it was never full."""
        self._newest = -1
        self._seen = 0.0
        self._rate = 0.0
        """Bytes of the stream a second, and how many seconds of it were seen."""
        self._full_since: float | None = None
        self._counted_at = 0.0
        self._left = 0
        self._probe_at = 0.0
        self._probed_at = float("-inf")
        self._patience = PROBE_AFTER
        self._measured = False

    @property
    def watching(self) -> bool:
        """Whether anything would come of it to say that it is not full."""
        return self.slots is not None or self._full_since is not None

    def part(self, number: int, size: int, seconds: float) -> None:
        """A part of the stream that has `size` bytes and lasts so long."""
        if number <= self._newest or seconds <= 0.0:
            return
        self._newest = number
        self._seen = min(RATE_MEMORY, self._seen + seconds)
        self._rate += (size / seconds - self._rate) * min(1.0, seconds / self._seen)

    def begin(self) -> None:
        """Another epoch: numbers start again."""
        self._newest = -1

    def left(self, size: int) -> None:
        """So many bytes have left."""
        self._left += size

    def carries(self, rate: float | None, now: float) -> None:
        """Bytes a second that it was found to carry, before it was ever full."""
        if rate is None or self._measured or self._seen < SEEN_FOR:
            return
        self._measured = True
        slots = int(rate * PROBED_SHARE * self._stripes / self._rate + ROUNDING)
        self.slots = slots if self.slots is None else min(self.slots, slots)
        self._patience = PROBED_PATIENCE
        self._probe_at = now + self._patience

    def look(self, full: bool, pairs: int, now: float) -> None:
        """`full`: blocks have been waiting for a while; `pairs`: of a child and a stripe, that are fed."""
        if not full:
            self._full_since = None
            if self.slots is not None and now >= self._probe_at and pairs >= self.slots:
                self.slots += 1 + self.slots // 4
                self._probed_at, self._probe_at = now, now + self._patience
        elif self._full_since is None:
            self._full_since = self._counted_at = now
            self._left = 0
        else:
            wait = SEEN_AFTER if self._counted_at == self._full_since else SEEN_AGAIN
            if now - self._counted_at >= wait and self._rate > 0.0:
                self._count(self._full_since, pairs, now)

    def _count(self, since: float, pairs: int, now: float) -> None:
        carried = self._left / (now - since) * (1.0 - HEADROOM)
        slots = int(carried * self._stripes / self._rate + ROUNDING)
        self._counted_at = now
        if self.slots is None and slots >= pairs:
            return
        if self.slots is None or slots < self.slots:
            if now - self._probed_at < self._patience:
                self._patience = min(MOST_PATIENCE, 2.0 * self._patience)
            self._probe_at = now + self._patience
        self.slots = slots
