"""Whom this peer takes as a child, and how many."""

from __future__ import annotations

from peer.core.children import (
    REFUSE_FULL,
    REFUSE_LEAVING,
    REFUSE_LOOP,
    REFUSE_NOT_CARRIED,
    REFUSE_SLOW,
    Children,
)
from peer.core.neighbour import Neighbour
from peer.core.throttle import Step, Throttle
from peer.core.upload import Upload
from peer.core.upstreams import Upstreams

DEFAULT_CHILDREN = 32
PUBLISHER_PER_STRIPE = 6
"""Children that a publisher takes on one stripe: the planned ones, and more while trees are mended."""
PUBLISHER_LEAVES = 24
"""Leaves that it takes besides: a room of leaves has nobody else to feed it."""
SLOW_AGAIN = 10.0
"""Seconds for which a child that could not keep up is not taken again, so that it settles elsewhere."""


class Places:
    """The planner's limit, our own will, and what our upload turned out to carry."""

    def __init__(self, stripes: int, upstreams: Upstreams | None, children: Children, carries: bool) -> None:
        self._stripes = stripes
        self._upstreams, self._children = upstreams, children
        self.limit = DEFAULT_CHILDREN
        self.carries = carries
        self.leaving = False
        self.throttle = Throttle()
        self._slow: dict[bytes, float] = {}
        """Until when a peer is not taken again."""
        self.upload = Upload(stripes)

    def carry(self) -> bool:
        """Whether anything is passed on at all."""
        return self.carries and not self.leaving and self.throttle.step < Step.LEAF

    def announces_carrying(self) -> bool:
        """What STATUS says: who hands over seems to carry nothing, so that its children look around."""
        return self.carry() and self.throttle.step < Step.HANDING_OVER

    def free(self, now: float) -> int:
        """(child, stripe) pairs that may come."""
        if not self.carry() or self.throttle.step > Step.OPEN or self._children.busy:
            return 0
        if self._upstreams is None:
            limit = PUBLISHER_PER_STRIPE * (self._stripes + 1) + self._children.leaves()
        else:
            slots = self.slots()
            limit = self.limit if slots is None else min(self.limit, slots)
        return max(0, min(255, limit - self._children.living(now)))

    def slots(self) -> int | None:
        """What we can carry, if that is less than the planner may think."""
        if self.throttle.step >= Step.HANDING_OVER:
            return 0
        if self.throttle.step == Step.FULL:
            return self._children.count()
        return self.upload.slots

    def slow(self, child: bytes, now: float) -> None:
        """A child could not keep up and has just lost a stripe."""
        self._slow = {peer: until for peer, until in self._slow.items() if until > now}
        self._slow[child] = now + SLOW_AGAIN

    def refusal(self, child: Neighbour, stripe: int, now: float) -> int | None:
        """Why `child` may not have `stripe`; None if it may."""
        if self.leaving:
            return REFUSE_LEAVING
        if not self.announces_carrying():
            return REFUSE_NOT_CARRIED
        if child.peer in self._children.of(stripe):
            return None
        if self._slow.get(child.peer, 0.0) > now:
            return REFUSE_SLOW
        if self._upstreams is None:
            leaf = child.is_leaf()
            limit = PUBLISHER_LEAVES if leaf else PUBLISHER_PER_STRIPE
            alike = [other for other in self._children.of(stripe).values() if other.is_leaf() == leaf]
            full = sum(not other.is_gone(now) for other in alike) >= limit
            return REFUSE_FULL if full else None
        if stripe >= self._upstreams.taken():
            return REFUSE_NOT_CARRIED
        if child.short in self._upstreams.path(stripe):
            return REFUSE_LOOP
        if self._children.busy:
            return REFUSE_FULL  # what waits already would wait longer
        slots = self.slots()
        if self._children.living(now) >= (self.limit if slots is None else min(self.limit, slots)):
            return REFUSE_FULL
        return None if self._upstreams.asked_by(stripe, child.peer) else REFUSE_LOOP
