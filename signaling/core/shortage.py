"""Who is left to the origin while uploads do not carry everybody.

A peer that lacks one stripe of four fetches whole parts for it, asks its neighbours for the rest, and takes
from their uploads what is then lacking elsewhere: a shortage that is spread over a room costs far more than
it is. So in all but small rooms it falls to those who give nothing. They get no parent at all, have the whole
stream over HTTP, and come back as soon as there is room for all of their stripes.

Who turned out to carry nothing counts as one of them: to keep those in the trees was tried, and was worse.
"""

from signaling.core.nodes import FEW, Node
from signaling.core.placement import Placement
from signaling.core.recruits import Recruits
from signaling.core.trees import SCAN, Trees

REST = 10.0
"""Seconds for which a peer is left to the origin at least."""
RESERVE = 4
"""Pairs that stay free when one comes back, for those whose parents leave."""


class Shortage:
    """Decides who has no parents. `origin`: whether the stream is to be had over HTTP."""

    def __init__(self, trees: Trees, placement: Placement) -> None:
        self.origin = False
        self._trees = trees
        self._placement = placement
        self._recruits = Recruits(trees)

    def relieve(self) -> bool:
        """While somebody lacks a stripe, leave some who give nothing to the origin; whether any was."""
        unfed = self._placement.unfed()
        if not unfed or not self.origin or self._placement.expected or self._is_small():
            return False
        chosen = self._choose(-(-unfed // self._trees.stripes))
        for node in chosen:
            node.by_origin = True
            node.placed_at = [self._trees.now] * len(self._trees.all)
            for stripe in self._trees.all:
                self._trees.detach(node, stripe)
                self._placement.satisfied(node, stripe)
            self._trees.changed[node.id] = None
        return bool(chosen)

    def end(self, node: Node) -> None:
        """A node that was left to the origin is to be fed again, if there is room or it begins to give."""
        if not node.by_origin:
            return
        if not node.carries and not self._is_small():
            rested = self._trees.now - node.moved_at >= REST
            if not rested or self._placement.unfed() or not self._has_room():
                return
        node.by_origin = False
        node.placed_at = [self._trees.now] * len(self._trees.all)
        for stripe in node.takes:
            self._placement.want(node, stripe)

    def _is_small(self) -> bool:
        return len(self._trees.nodes) < FEW

    def _has_room(self) -> bool:
        needed = self._trees.stripes + RESERVE
        for node in self._recruits.able():
            needed -= node.free
            if needed <= 0:
                return True
        return False

    def _choose(self, count: int) -> list[Node]:
        """First those who lack most stripes."""
        found: dict[str, Node] = {}
        for stripe in range(self._trees.stripes):
            for node in (*self._placement.unfed_leaves(stripe), *self._fed_leaves(stripe)):
                found[node.id] = node
        ranked = sorted(found.values(), key=lambda node: -node.parents[: node.stripes].count(None))
        return ranked[:count]

    def _fed_leaves(self, stripe: int) -> list[Node]:
        lowest = dict(self._trees.weak[stripe].levels(SCAN)).get(0, ())
        return [node for node in lowest if not node.away]
