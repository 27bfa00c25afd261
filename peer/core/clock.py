"""The publisher's clock, learned hop by hop (NTP-style, RFC 5905 section 8), never from the wall.

Neighbours may lie about it, and about their error. So each says where the clock must be, and what most of
them agree on counts (Marzullo's algorithm, RFC 5905 section 11.2.1); a seal, which the publisher has signed,
proves that its clock was at least at the seal's capture time; and the publisher itself is believed.
"""

from __future__ import annotations

from collections import deque

SOURCES = 32
"""Peers whose word is kept; who has been silent for longest makes room."""
SAMPLES = 4
"""Of each."""
DRIFT = 100e-6
"""Seconds of error that a second of age adds: two ordinary crystals."""
MOST_BEHIND = 60.0
"""Seconds that parts may be old when they come: a clock that is further ahead of them is a lie."""

Sample = tuple[float, float, float]
"""(publisher's time minus ours, error, when), in seconds."""


class PublisherClock:
    """The publisher's clock minus the local monotonic one: best estimate and error, in seconds."""

    def __init__(self, publisher: bytes = b"") -> None:
        self._publisher = publisher
        self._samples: dict[bytes, deque[Sample]] = {}
        self._exact: float | None = None
        self._proved: tuple[float, float] | None = None

    def set_exact(self, publisher_time: float, now: float) -> None:
        """This peer is the publisher."""
        self._exact = publisher_time - now

    def sample(self, source: bytes, t0: float, t1: float, t2: float, t3: float, error: float) -> None:
        """A PING to `source` left at t0 and its PONG came at t3 (local); t1 and t2 are its estimates."""
        rtt = (t3 - t0) - (t2 - t1)
        if rtt < 0 or error < 0:
            return
        samples = self._samples.pop(source, None)
        if samples is None:
            samples = deque(maxlen=SAMPLES)
            if len(self._samples) >= SOURCES:
                del self._samples[next(iter(self._samples))]
        self._samples[source] = samples
        samples.append((((t1 - t0) + (t2 - t3)) / 2, rtt / 2 + error, t3))

    def prove(self, captured: float, now: float) -> None:
        """A part that was captured then, by a seal whose signature was checked, is here."""
        offset = captured - now
        if self._proved is None or offset > self._floor(now, self._proved):
            self._proved = (offset, now)

    def read(self, now: float) -> tuple[float, float] | None:
        """The publisher's time and its error, or None while nothing is known."""
        if self._exact is not None:
            return now + self._exact, 0.0
        words = [(source, _best(samples, now)) for source, samples in self._samples.items()]
        for source, (offset, error) in words:
            if source == self._publisher:
                return now + offset, error
        floor, ceiling = float("-inf"), float("inf")
        if self._proved is not None:
            floor = self._floor(now, self._proved)
            ceiling = floor + MOST_BEHIND
        ranges = [
            (max(offset - error, floor), min(offset + error, ceiling), offset, error)
            for _, (offset, error) in words
        ]
        ranges = [each for each in ranges if each[0] <= each[1]]
        if not ranges:
            return None
        # Where most ranges overlap, one of them begins; of two such places the earlier: no lie is before the
        # truth by more than parts are old.
        agreed = max((sum(r[0] <= lo <= r[1] for r in ranges), -lo) for lo, *_ in ranges)
        lo = -agreed[1]
        members = [each for each in ranges if each[0] <= lo <= each[1]]
        hi = min(each[1] for each in members)
        _, _, offset, error = min(members, key=lambda each: each[3])
        return now + min(max(offset, lo), hi), error

    @staticmethod
    def _floor(now: float, proved: tuple[float, float]) -> float:
        """The least that the clock can be ahead of ours."""
        return proved[0] - max(0.0, now - proved[1]) * DRIFT


def _best(samples: deque[Sample], now: float) -> tuple[float, float]:
    """Offset and error of the sample that is worth most now."""
    offset, error, at = min(samples, key=lambda sample: sample[1] + (now - sample[2]) * DRIFT)
    return offset, error + max(0.0, now - at) * DRIFT
