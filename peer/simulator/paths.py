"""Who is how far from whom, and who cannot reach whom: drawn from the seed, in whatever order one asks."""

from __future__ import annotations

import math
import random

_MEAN_DISTANCE = 0.5214054331647207
"""Between two random points of the unit square."""
ACCESS = 0.25
"""Share of the mean round trip that each end's access adds on average; the rest is distance."""


class Paths:
    """Peers live on the unit square, each behind an access of its own. Times are in seconds.

    rtt = mean * (ACCESS * (a1 + a2) + (1 - 2 * ACCESS) * distance / mean distance); the accesses `a` are
    Gamma(4) with mean 1. `unreachable` is the share of pairs that cannot connect.
    """

    def __init__(self, seed: int, rtt: float, unreachable: float) -> None:
        self._seed = seed
        self._rtt = rtt
        self._unreachable = unreachable
        self._places: dict[bytes, tuple[float, float, float]] = {}

    def place(self, peer: bytes, well_connected: bool = False) -> None:
        """Give a peer its place. Servers are well connected: their access adds nothing."""
        chance = random.Random(f"{self._seed} place {peer.hex()}")
        access = 0.0 if well_connected else chance.gammavariate(4.0, 0.25)
        self._places[peer] = (chance.random(), chance.random(), access)

    def forget(self, peer: bytes) -> None:
        self._places.pop(peer, None)

    def rtt(self, a: bytes, b: bytes) -> float:
        """Seconds there and back, without any queue; at least a millisecond."""
        (x1, y1, a1), (x2, y2, a2) = self._places[a], self._places[b]
        far = math.hypot(x1 - x2, y1 - y2) / _MEAN_DISTANCE
        return max(0.001, self._rtt * (ACCESS * (a1 + a2) + (1 - 2 * ACCESS) * far))

    def reachable(self, a: bytes, b: bytes) -> bool:
        """Whether a link between the two can be made at all."""
        if not self._unreachable:
            return True
        pair = f"{self._seed} pair {min(a, b).hex()} {max(a, b).hex()}"
        return random.Random(pair).random() >= self._unreachable
