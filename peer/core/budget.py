"""What an origin spends on start-ups, so that a crowd starts from its links instead."""

from __future__ import annotations

STREAMS = 3.0
"""Default budget, in multiples of the stream's bit rate (DESIGN.md section 3.6)."""
BURST_SECONDS = 5.0
WITH_PARTS_THAT_FOLLOW = 2
"""Times its answer that a join is counted: parts are fetched one by one until links feed the newcomer. Those
are not counted themselves, nor what mends and what those get who are left to the origin: in a room that is
short of uploads they would keep all newcomers out."""


class StartupBudget:
    """A token bucket in bytes. `bandwidth` is the stream's, in bit/s."""

    def __init__(self, bandwidth: int, now: float, streams: float = STREAMS) -> None:
        self._rate = bandwidth / 8 * streams
        self._left = self._rate * BURST_SECONDS
        self._at = now

    def set_bandwidth(self, bandwidth: int, streams: float = STREAMS) -> None:
        self._rate = bandwidth / 8 * streams

    def _refill(self, now: float) -> None:
        most = self._rate * BURST_SECONDS
        self._left = min(most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now

    def admit(self, now: float) -> float:
        """0.0 when another start-up may begin, else the seconds after which to ask again."""
        self._refill(now)
        return 0.0 if self._left > 0 else max(0.1, -self._left / max(self._rate, 1.0))

    def spend(self, size: int, now: float) -> None:
        """`size` bytes were sent."""
        self._refill(now)
        self._left -= size
