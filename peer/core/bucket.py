"""A token bucket: how much may come, or go out, at once and sustained."""

from __future__ import annotations

_ENOUGH = 0.999
"""Counts as a token: without it, rounding could leave a timer a hair too early for ever."""


class Bucket:
    """Holds up to `burst` tokens and gains `rate` of them a second. It starts full."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst = burst
        self._rate = rate
        self._tokens = burst
        self._at = now

    def take(self, now: float, cost: float = 1) -> bool:
        """Take `cost` tokens if there is at least one; the bucket owes the rest, however much it is."""
        self._gain(now)
        if self._tokens < _ENOUGH:
            return False
        self._tokens -= cost
        return True

    def change(self, rate: float, now: float) -> None:
        """Gain `rate` tokens a second from now on."""
        self._gain(now)
        self._rate = rate

    def ready(self) -> float:
        """When there is a token again."""
        return self._at + max(0.0, (1 - self._tokens) / self._rate)

    def _gain(self, now: float) -> None:
        if now > self._at:
            tokens = self._tokens + (now - self._at) * self._rate
            self._tokens = tokens if tokens < self._burst else self._burst
            self._at = now
