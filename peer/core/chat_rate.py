"""Token buckets: how much may come, or go out, at once and sustained."""

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

    def _refill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now

    def take(self, now: float, cost: float = 1) -> bool:
        """Take `cost` tokens if there is at least one; the bucket owes the rest, however much it is."""
        self._refill(now)
        if self._tokens < _ENOUGH:
            return False
        self._tokens -= cost
        return True

    def ready(self) -> float:
        """When there is a token again."""
        return self._at + max(0.0, (1 - self._tokens) / self._rate)


class Rates:
    """A bucket for each of the `keys` keys seen last, so that many names do not take much memory."""

    __slots__ = ("_buckets", "_burst", "_keys", "_rate")

    def __init__(self, burst: float, rate: float, keys: int = 1024) -> None:
        self._burst = burst
        self._rate = rate
        self._keys = keys
        self._buckets: dict[bytes, Bucket] = {}

    def take(self, key: bytes, now: float) -> bool:
        """Take a token of `key`'s if it has one."""
        bucket = self._buckets.pop(key, None) or Bucket(self._burst, self._rate, now)
        self._buckets[key] = bucket  # last in order: the one seen last
        if len(self._buckets) > self._keys:
            del self._buckets[next(iter(self._buckets))]
        return bucket.take(now)
