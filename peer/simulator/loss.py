"""Packet loss in bursts: the model of Gilbert (1960), by arithmetic instead of a draw for each packet."""

from __future__ import annotations

import math
import random

BURST = 1.5
"""Mean packets lost one after another."""


class BurstLoss:
    """One direction of a path. In the good state nothing is lost, in the bad one everything.

    With a mean loss p and mean burst B the bad state is left with probability r = 1/B a packet and entered
    with q = p * r / (1 - p), so runs of good packets are geometric with mean 1/q.
    """

    __slots__ = ("_chance", "_good", "_leave", "_log_stay")

    def __init__(self, mean: float, chance: random.Random, burst: float = BURST) -> None:
        self._chance = chance
        self._leave = 1 / burst
        enter = mean * self._leave / (1 - mean)
        self._log_stay = math.log1p(-enter) if 0 < enter < 1 else 0.0
        self._good = self._run() if mean > 0 else math.inf

    def _run(self) -> float:
        """Packets until the next burst."""
        return int(math.log(1 - self._chance.random()) / self._log_stay)

    def lost(self, packets: int) -> tuple[int, int]:
        """How many of the next packets are lost, and how many come through after the last of those."""
        if self._good >= packets:
            self._good -= packets
            return 0, packets
        lost, after, left = 0, 0, packets
        while True:
            if self._good >= left:
                self._good -= left
                return lost, after + left
            left -= int(self._good)
            after = 0
            self._good = 0
            # The burst: at least one packet, each further one with probability 1 - r.
            lost += 1
            left -= 1
            if self._chance.random() < self._leave:
                self._good = self._run()
            if left == 0:
                return lost, 0
