"""How much each of many authors may say, at once and sustained."""

from __future__ import annotations

from peer.core.bucket import Bucket


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
