"""What is made of the parents that a peer says it has: where it fits, the plan follows the room.

A plan that insists is behind a room in which many move: its places stand empty while others sit there, so
nobody's children are those that were planned, and nobody's capacity is confirmed. So a fail-over becomes the
plan, if need be in the place of a child that has not come, or has gone elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from signaling.core.nodes import FEW, UNFED, Node
from signaling.core.placement import Placement
from signaling.core.trees import Trees

SETTLE = 6.0
"""Seconds after a change of plan in which a peer may still report the parent that it had before."""


class FailOvers:
    """Brings plan and room together, one report at a time."""

    def __init__(self, trees: Trees, placement: Placement) -> None:
        self._trees = trees
        self._placement = placement

    def follow(self, node: Node, parents: Sequence[str | None], final: bool) -> tuple[dict[int, str], bool]:
        """Make what a node reports the plan where it fits.

        `final`: the node knew its plan, however new that is. Returns the parents that were taken over, by
        stripe, and whether the node has to be told its plan again.
        """
        accepted: dict[int, str] = {}
        again = False
        for stripe, name in zip(node.takes, parents, strict=False):
            planned = node.parents[stripe]
            if planned is not None and not final and not self._is_settled(node, stripe):
                continue
            if name is None and (planned is None or not planned.away):
                continue
            if planned is not None and planned.id == name:
                continue
            parent = self._taken_over(node, stripe, name)
            if parent is not None:
                self._trees.detach(node, stripe)
                self._trees.attach(node, stripe, parent)
                self._placement.satisfied(node, stripe)
                accepted[stripe] = parent.id
            elif planned is not None and planned.away:
                self._trees.detach(node, stripe)
                self._placement.want(node, stripe)
            else:
                again = True
        return accepted, again

    def claimed(self, node: Node, stripe: int, name: str | None) -> Node | None:
        """The node, with room, of a parent that a peer says it has, if it can be that."""
        parent = self._possible(node, stripe, name)
        if parent is None or parent is self._trees.root or parent.expected or parent.has_room:
            return parent
        return None

    def _possible(self, node: Node, stripe: int, name: str | None) -> Node | None:
        if name is None or name == node.id or name in node.separated:
            return None
        if name == self._trees.root.id:
            return self._trees.root if self._placement.root_has_room(node) else None
        parent = self._trees.nodes.get(name)
        if parent is None or parent.expected:
            return parent
        if parent.depth[stripe] == UNFED or self._trees.is_under(parent, stripe, node):
            return None
        return parent

    def _taken_over(self, node: Node, stripe: int, name: str | None) -> Node | None:
        parent, planned = self._possible(node, stripe, name), node.parents[stripe]
        if parent is None or parent.expected:
            return parent
        if parent is self._trees.root:
            return None if self._trees.heads(stripe) >= self._trees.fan_of(stripe) else parent
        if planned is not None and not planned.away:
            if stripe not in parent.home and len(self._trees.nodes) >= FEW:
                return None
            if _sinks(node, stripe, planned, parent):
                return None
        return parent if parent.has_room or self._make_room(parent) else None

    def _make_room(self, parent: Node) -> bool:
        """Take from a full parent a child that has not come to it, or has left it for another."""
        if parent.away or not parent.carries:
            return False
        absent: list[tuple[int, int, Node]] = []
        for stripe in self._trees.all:
            for child in parent.children[stripe].values():
                self._trees.touched += 1
                if self._is_settled(child, stripe) and child.reported[stripe : stripe + 1] != (parent.id,):
                    absent.append((len(child.children[stripe]), stripe, child))
        if not absent:
            return False
        _, stripe, child = min(absent, key=lambda each: each[:2])
        self._trees.detach(child, stripe)
        self._placement.want(child, stripe)
        return parent.has_room

    def _is_settled(self, node: Node, stripe: int) -> bool:
        return self._trees.now - node.placed_at[stripe] >= SETTLE


def _sinks(node: Node, stripe: int, planned: Node, parent: Node) -> bool:
    """Whether a fail-over takes all that is below a node further down, while its place waits for it.

    In a crowd many a planned parent is not fed yet when it is asked, and whoever is at hand is deep.
    """
    if not node.children[stripe]:
        return False
    return parent.depth[stripe] > planned.depth[stripe] + 1
