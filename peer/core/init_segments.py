"""Brings delivered parts together with their init segments, which are in the stream description."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from peer.seal import Seal

WAITING = 200
"""Parts that wait for a description at most: 20 s of them."""


@dataclass(frozen=True, slots=True)
class PlayablePart:
    """`raw` is the seal's 148 bytes."""

    seal: Seal
    raw: bytes
    data: bytes
    init: bytes


class InitSegments:
    """Parts can come before the description of their epoch or init segment: they travel on other ways.

    Such parts wait, and what comes after them does too.
    """

    def __init__(self) -> None:
        self._epoch = -1
        self._inits: Sequence[bytes] = ()
        self._waiting: deque[tuple[Seal, bytes, bytes]] = deque(maxlen=WAITING)

    def described(self, epoch: int, inits: Sequence[bytes]) -> list[PlayablePart]:
        """The description of `epoch` has these init segments; returns what can be played now."""
        if epoch < self._epoch:
            return []
        self._epoch, self._inits = epoch, inits
        return self._ready()

    def delivered(self, raw: bytes, data: bytes) -> list[PlayablePart]:
        """A part came out of the braid, in order; returns what can be played now."""
        self._waiting.append((Seal.parse(raw), raw, data))
        return self._ready()

    def _ready(self) -> list[PlayablePart]:
        out: list[PlayablePart] = []
        while self._waiting:
            seal, raw, data = self._waiting[0]
            if seal.epoch > self._epoch or (seal.epoch == self._epoch and seal.init >= len(self._inits)):
                break
            self._waiting.popleft()
            # Parts of an epoch that is over have lost their init segments with its description.
            if seal.epoch == self._epoch:
                out.append(PlayablePart(seal, raw, data, self._inits[seal.init]))
        return out
