"""Settles what linked peers did into their standing, and ends the links of those who did too much."""

from __future__ import annotations

from collections.abc import Iterable

from peer.core.actions import Reject
from peer.core.conduct import SETTLE_EVERY
from peer.core.neighbour import Neighbour
from peer.core.standing import MEAGRE, Standing

BYE_PROTOCOL = 3


class Judge:
    """`standing` may be shared by the braids of a peer. The publisher is not judged: there is no other."""

    def __init__(self, standing: Standing, now: float) -> None:
        self._standing = standing
        self._settle_at = now + SETTLE_EVERY

    def admits(self, neighbour: Neighbour, now: float) -> bool:
        """Whether one that has just been linked may be a neighbour; what it did before comes with it."""
        neighbour.doubt = self._standing.doubt(neighbour.peer, now)
        return not self._standing.shunned(neighbour.peer, now)

    def expelled(self, peer: bytes, now: float) -> None:
        """It did what cannot be excused."""
        self._standing.shun(peer, now)

    def settle(self, neighbours: Iterable[Neighbour], meagre: Iterable[bytes], now: float) -> list[Reject]:
        """`meagre` are parents that were just replaced because they pushed too little."""
        for peer in meagre:
            self._standing.note(peer, MEAGRE, now)
            self._settle_at = now
        if now < self._settle_at:
            return []
        self._settle_at = now + SETTLE_EVERY
        out: list[Reject] = []
        for neighbour in neighbours:
            if neighbour.role == "publisher":
                continue
            points = neighbour.conduct.settle(neighbour.quiet, now)
            if points:
                self._standing.note(neighbour.peer, points, now)
            neighbour.doubt = self._standing.doubt(neighbour.peer, now)
            if self._standing.shunned(neighbour.peer, now):
                out.append(refusal(neighbour.peer))
        return out


def refusal(peer: bytes) -> Reject:
    return Reject(peer, BYE_PROTOCOL, "it has done too much that peers do not do")
