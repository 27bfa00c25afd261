"""The publisher's clock, learned hop by hop (NTP-style, RFC 5905 section 8), never from the wall."""

from __future__ import annotations

from collections import deque

SAMPLES = 16
DRIFT = 100e-6
"""Seconds of error that a second of age adds: two ordinary crystals."""


class PublisherClock:
    """The publisher's clock minus the local monotonic one: best estimate and error, in seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=SAMPLES)
        self._exact: float | None = None

    def set_exact(self, publisher_time: float, now: float) -> None:
        """This peer is the publisher."""
        self._exact = publisher_time - now

    def sample(self, t0: float, t1: float, t2: float, t3: float, error: float) -> None:
        """A PING left at t0 and its PONG came at t3 (local); t1 and t2 are the answerer's estimates."""
        rtt = (t3 - t0) - (t2 - t1)
        if rtt < 0 or error < 0:
            return
        self._samples.append((((t1 - t0) + (t2 - t3)) / 2, rtt / 2 + error, t3))

    def read(self, now: float) -> tuple[float, float] | None:
        """The publisher's time and its error, or None while nothing is known."""
        if self._exact is not None:
            return now + self._exact, 0.0
        if not self._samples:
            return None
        offset, error, at = min(self._samples, key=lambda s: s[1] + (now - s[2]) * DRIFT)
        return now + offset, error + max(0.0, now - at) * DRIFT
