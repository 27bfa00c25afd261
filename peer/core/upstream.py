"""Who feeds one stripe, who may take over, and when the parent has to go."""

from __future__ import annotations

from dataclasses import dataclass

from peer.core.neighbour import Neighbour
from peer.core.rhythm import SILENT_PARTS, STARVED_PARTS

PROOF_PARTS = 5
"""Parts that a new parent must push in time, one after another, before a working one is given up for it."""
PROOF_LATE = 2
"""Parts that it may be behind the working one: a longer way takes longer."""
PROOF_PATIENCE = 5.0
"""Seconds in which it must have done so; a page that has just been opened is often late at first."""
PENDING_PATIENCE = 1.0
"""Seconds in which a new parent must push its first block while others move."""
ORPHAN_PATIENCE = 0.4
"""The same of one that has not said a word since, where nothing works; twice as long at each further try."""
STARVED_TRUST = 0.6
"""Seconds for which a parent that announced starvation is left to look for its own new parent."""
TRUST_SPREAD = 0.4
"""Seconds over which those that trust no longer spread themselves."""
ROOTLESS_TRUST = 0.6
"""Seconds for which a parent may not know its way to the publisher; then we might be in a circle."""
PLAN_RETRY = 2.0


@dataclass(slots=True)
class Upstream:
    """One stripe's way up."""

    parent: bytes | None = None
    pending: bytes | None = None
    """Asked to take over; a working parent is kept until this one has shown that it keeps up."""
    pending_since: float = 0.0
    pushing_since: float | None = None
    """When the first block of the pending parent came."""
    proved: int = 0
    proved_to: int = -1
    """How many parts it has pushed in time, one after another, and the number of the last."""
    superseded: bool = False
    """It was asked for by a plan that has been replaced, perhaps because it does not answer."""
    for_more: bool = False
    """The pending one was asked because the parent pushes too little."""
    planned: bytes | None = None
    planned_at: float = 0.0
    """When it was named, or last told to have no link."""
    plan_retry_at: float = 0.0
    plan_failures: int = 0
    trust_until: float | None = None
    rootless_since: float | None = None
    going_since: float | None = None
    """Since when the parent has been asking to be replaced, while it still feeds."""
    lost: bytes | None = None
    """The short id of the parent that was lost last."""
    orphan_since: float | None = None
    tries: int = 0
    """How many were asked in vain since then."""
    starved: bool = True

    def plan(self, planned: bytes | None, now: float) -> None:
        """The planner names another parent, or none."""
        if planned != self.planned:
            self.superseded = self.pending is not None and self.pending == self.planned
            self.planned, self.plan_retry_at, self.plan_failures = planned, now, 0
            self.planned_at = now

    def plan_failed(self, now: float) -> bool:
        """The planned parent does not feed us; True if it has not for the second time."""
        self.plan_failures += 1
        self.plan_retry_at = now + PLAN_RETRY * self.plan_failures
        return self.plan_failures >= 2 and self.planned is not None

    def ask(self, peer: bytes, now: float, for_more: bool = False) -> None:
        """`peer` is asked to take over."""
        self.pending, self.pending_since, self.superseded, self.for_more = peer, now, False, for_more
        self.pushing_since, self.proved, self.proved_to = None, 0, -1

    def adopt(self, peer: bytes) -> None:
        """The pending parent takes over."""
        self.parent, self.pending, self.lost = peer, None, None
        self.tries = 0
        self.orphan_since = self.trust_until = self.rootless_since = self.going_since = None
        if peer == self.planned:
            self.plan_failures = 0

    def orphan(self, lost: bytes | None, now: float) -> None:
        """The parent is gone; `lost` is its short id where those that it fed are orphans, too."""
        self.parent, self.orphan_since, self.lost = None, now, lost
        self.trust_until = self.going_since = None

    def keeps_up(self, number: int, newest: int, now: float) -> bool:
        """Whether the pending parent, which pushed part `number`, may take over.

        Anybody may where nothing works. `newest` is the newest part that the working one has pushed.
        """
        if self.parent is None or self.starved:
            return True
        if self.rootless_since is not None or self.going_since is not None:
            return True
        if self.pushing_since is None:
            self.pushing_since = now
        if number > self.proved_to:
            self.proved_to = number
            self.proved = self.proved + 1 if number >= newest - PROOF_LATE else 0
        return self.proved >= PROOF_PARTS

    def hopeless(self, pending: Neighbour, moved_at: float, now: float) -> bool:
        """Whether the pending parent has had its time; `moved_at`: when anything new last came."""
        if pending.silent(now):
            return True
        waited = now - self.pending_since
        if self.pushing_since is not None and now - self.pushing_since <= PROOF_PATIENCE:
            return False
        patience = PENDING_PATIENCE
        if self.parent is None and pending.heard_at <= self.pending_since:
            patience = min(patience, ORPHAN_PATIENCE * 2 ** min(self.tries, 3))
        others_move = moved_at > self.pending_since + patience / 2
        return waited > patience and (others_move or waited > 3 * PENDING_PATIENCE)

    def is_well(self, parent: Neighbour, stripe: int, me: bytes) -> bool:
        """Whether nothing is to be thought about, as nearly always.

        The parent is the planned one, stays, and knows its way to the publisher, which is not by us; `me` is
        our short id.
        """
        if self.pending is not None or parent.quiet or parent.status is None or parent.going():
            return False
        if self.planned is not None and self.planned != self.parent:
            return False
        path = parent.path(stripe)
        return bool(path) and me not in path

    def must_go(
        self, parent: Neighbour, stripe: int, silent: float, me: bytes, spread: float, now: float
    ) -> bool:
        """Whether the parent is of no use any more; `silent` in parts, `me` is our short id."""
        if parent.quiet or me in parent.path(stripe):
            return True
        if silent < STARVED_PARTS:
            self.trust_until = None
            return False
        if parent.starved(stripe):
            # Only the real orphan looks for a parent; its descendants pull meanwhile, for a while.
            if self.trust_until is None:
                self.trust_until = now + STARVED_TRUST + spread * TRUST_SPREAD
            return now >= self.trust_until
        return silent >= SILENT_PARTS

    def is_going(self, parent: Neighbour | None, now: float) -> bool:
        """Whether the parent asks to be replaced while it still feeds."""
        if parent is None or not parent.going():
            self.going_since = None
            return False
        if self.going_since is None:
            self.going_since = now
        return True

    def is_rootless(self, parent: Neighbour | None, stripe: int, spread: float, now: float) -> bool:
        """Whether the parent has not known its way to the publisher for too long.

        A circle may live on the blocks that its members ask for elsewhere, so it is never silent, and nobody
        in it has a path that could tell.
        """
        if parent is None or parent.status is None or parent.path(stripe):
            self.rootless_since = None
            return False
        if self.rootless_since is None:
            self.rootless_since = now
        return now - self.rootless_since >= ROOTLESS_TRUST + spread * TRUST_SPREAD


@dataclass(frozen=True, slots=True)
class Subscribe:
    stripe: int
    peer: bytes


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    stripe: int
    peer: bytes


Change = Subscribe | Unsubscribe
