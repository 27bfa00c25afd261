"""Which links a peer wants of its own while the introducer is away, so that the mesh stays in one piece.

As long as there are enough links, whoever wanted them, nothing is done; lost ones are replaced by peers of
the passive view. A hungry peer, one that a stripe has no parent for, opens more, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from peer.core.partial_view import PartialView
from peer.peer_record import PeerRecord

AWAY_LINKS = 6
"""Links that a peer has at least: at a mean stay of 60 s, six are not lost while one is replaced."""
SURPLUS = 4
"""More than so many above that are let go of, when nobody else wants them."""
AWAY_PATIENCE = 1.0
"""Seconds that the introducer may be away before anything is done: it may only have been restarted."""
LINGER = 30.0
LINGER_SPREAD = 30.0
"""Seconds for which links are kept when it is back: its plans take over one by one, not all at once."""
ATTEMPT = 6.0
AVOID_FOR = 30.0
AVOIDED = 128
HUNGRY_EVERY = 1.0
HUNGRY_AT_ONCE = 4
HUNGRY_LINKS = 16
"""Links past which more of them are no remedy: where uploads are scarce everybody is hungry for ever."""
RESERVE = 2
"""Places that are left to those who come to us."""


class Mending:
    """`wanted` holds the peers whose links it wants, and since when."""

    def __init__(self, view: PartialView, limit: int, chance: Callable[[], float]) -> None:
        self.limit = limit
        self.wanted: dict[bytes, float] = {}
        self.open: dict[bytes, None] = {}
        self.hungry = False
        self._view = view
        self._chance = chance
        self._act_at: float | None = None
        """When to begin to mend; None while the introducer is there."""
        self._release_at: float | None = None
        self._hungry_at = 0.0
        self._avoided: dict[bytes, float] = {}

    @property
    def away(self) -> bool:
        return self._act_at is not None

    def signaling_up(self, up: bool, now: float) -> None:
        if up and self.away:
            self._act_at, self._release_at = None, now + LINGER + LINGER_SPREAD * self._chance()
        elif not up and not self.away:
            self._act_at, self._release_at = now + AWAY_PATIENCE, None

    def drop(self, peer: bytes, until: float) -> None:
        """Nothing can come of `peer` until then."""
        self.wanted.pop(peer, None)
        self._avoided.pop(peer, None)
        if len(self._avoided) >= AVOIDED:
            del self._avoided[next(iter(self._avoided))]
        self._avoided[peer] = until

    def balance(self, braids: Collection[bytes], now: float) -> list[PeerRecord]:
        """Bring `wanted` up to date; returns the records of those who are wanted from now on."""
        if self._act_at is None or now < self._act_at:
            if self._release_at is not None and now >= self._release_at:
                self.wanted.clear()
                self._release_at = None
            return []
        self._let_go(now)
        for peer in self.open:
            if sum(p in self.open for p in self.wanted) >= AWAY_LINKS:
                break
            self.wanted.setdefault(peer, now)
        return self._begin(braids, now)

    def _let_go(self, now: float) -> None:
        for peer in [p for p, since in self.wanted.items() if p not in self.open and now >= since + ATTEMPT]:
            self.drop(peer, now + AVOID_FOR)
        kept = [peer for peer in self.wanted if peer in self.open]
        if not self.hungry and len(kept) > AWAY_LINKS + SURPLUS:
            for peer in kept[AWAY_LINKS:]:
                del self.wanted[peer]
        for peer in [peer for peer, until in self._avoided.items() if now >= until]:
            del self._avoided[peer]

    def _begin(self, braids: Collection[bytes], now: float) -> list[PeerRecord]:
        trying = sum(peer not in self.open for peer in self.wanted)
        missing = AWAY_LINKS - len(self.open) - trying
        room = trying < HUNGRY_AT_ONCE and trying + len(self.open) < HUNGRY_LINKS
        if self.hungry and now >= self._hungry_at and room:
            self._hungry_at = now + HUNGRY_EVERY
            missing = max(missing, 1)
        begun: list[PeerRecord] = []
        for _ in range(min(missing, self.limit - RESERVE - len(self.open) - trying)):
            record = self._view.choose(braids, {*self.wanted, *self.open, *self._avoided})
            if record is None:
                break
            self.wanted[record.peer] = now
            begun.append(record)
        return begun
