"""One direction of an emulated link on a bench: what arrives when."""

from __future__ import annotations

import random
from collections.abc import Iterable

from peer.links.clock import VirtualClock
from peer.links.link import Channel
from peer.simulator.association import Association, Traffic, Uplink
from peer.simulator.loss import BurstLoss


class Marked(BurstLoss):
    """Loses exactly the packets with these numbers, counted from 0."""

    def __init__(self, marked: Iterable[int]) -> None:
        super().__init__(0.0, random.Random(1))
        self._marked = set(marked)
        self._at = 0

    def lost(self, packets: int) -> tuple[int, int]:
        lost = [n for n in range(self._at, self._at + packets) if n in self._marked]
        after = self._at + packets - 1 - lost[-1] if lost else packets
        self._at += packets
        return len(lost), after


class Bench:
    """An association that begins at time 0, without jitter."""

    def __init__(self, delay: float = 0.02, rate: float = 1e9, loss: BurstLoss | None = None) -> None:
        self.clock = VirtualClock()
        self.uplink = Uplink(rate)
        self.traffic = Traffic()
        self.arrived: list[tuple[float, bytes, Channel]] = []
        self.drained = 0
        self.association = Association(
            self.clock,
            self.uplink,
            loss or BurstLoss(0.0, random.Random(1)),
            self.traffic,
            delay,
            0.0,
            random.Random(2),
            self._arrive,
            self._drained,
        )

    def send(self, size: int, channel: Channel = "blocks", mark: int = 0) -> bool:
        return self.association.send(bytes((mark,)) + bytes(size - 1), channel)

    def arrival(self, mark: int) -> float:
        """When the message with that mark came."""
        return next(at for at, data, _ in self.arrived if data[0] == mark)

    def _arrive(self, data: bytes, channel: Channel) -> None:
        self.arrived.append((self.clock.now, data, channel))

    def _drained(self) -> None:
        self.drained += 1
