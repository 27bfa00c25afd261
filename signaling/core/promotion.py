"""Better places for peers that have one: who gives more and stays longer moves nearer to the publisher.

A move costs a new link and a moment without a spare parent, so each has to pay, a peer moves at most once in
COOLDOWN seconds on one stripe at a time, and only when it has reported that its last move is done. Every move
makes something strictly better (depth, standing, own stripe, network), so that a room in which nothing
happens comes to rest.
"""

from signaling.core.heads import is_settled, share
from signaling.core.nodes import COOLDOWN, SUPERIOR, UNFED, Node
from signaling.core.placement import Placement
from signaling.core.trees import NEAR, Trees

LEAF_GAIN = 2
"""Levels that a peer without children on a stripe must win by a move there; with children, one is enough."""
SLOW = 2 * NEAR
"""Seconds of round trip that another parent of the same depth must save, and half of it."""


class Promotion:
    """Moves one peer at a time, when it reports."""

    def __init__(self, trees: Trees, placement: Placement) -> None:
        self._trees = trees
        self._placement = placement

    def consider(self, node: Node) -> bool:
        """Move a node if that pays. Returns whether anything was changed."""
        now = self._trees.now
        if node.away or self._placement.expected or now - node.moved_at < COOLDOWN:
            return False
        if self._placement.root_has_room(node) and share(self._trees, node):
            return True
        stripes = [stripe for stripe in node.takes if node.parents[stripe] is not None]
        stripes.sort(key=lambda stripe: (not node.children[stripe], -node.depth[stripe]))
        return any(self._improve(node, stripe) for stripe in stripes) or self._try(node)

    def _improve(self, node: Node, stripe: int) -> bool:
        trees = self._trees
        parent = node.parents[stripe]
        if parent is None or parent.away or parent is trees.root:
            return False
        trees.touched += 1
        if stripe not in parent.home:
            found = trees.open_slot(node, stripe, node.depth[stripe] + 1)
            if found is not None and found is not parent:
                return self._move(node, stripe, found)
        feeds = bool(node.children[stripe])
        gain = 1 if feeds else LEAF_GAIN
        found = trees.open_slot(node, stripe, parent.depth[stripe] - gain + 1)
        if found is not None:
            return self._move(node, stripe, found)
        if feeds and not node.untried:
            leaf = trees.leaf(node, stripe, node.depth[stripe])
            if leaf is not None and self._rested(leaf) and self._exchange(node, leaf, stripe):
                return True
            superior = node.standing >= parent.standing + SUPERIOR and self._rested(parent)
            if superior and self._overtake(node, parent, stripe):
                return True
        elif not feeds and self._displace(node, stripe):
            return True
        return self._diverge(node, stripe, parent)

    def _rested(self, node: Node) -> bool:
        return self._trees.now - node.moved_at >= COOLDOWN and not node.away

    def _move(self, node: Node, stripe: int, parent: Node) -> bool:
        self._trees.detach(node, stripe)
        self._trees.attach(node, stripe, parent)
        return True

    def _exchange(self, node: Node, leaf: Node, stripe: int) -> bool:
        """A node, with all that is under it, and a leaf change places."""
        trees = self._trees
        above, below = leaf.parents[stripe], node.parents[stripe]
        if above is None or below is None or not trees.fits(below, leaf, stripe):
            return False
        if not (above.has_link(node, instead=leaf) and below.has_link(leaf, instead=node)):
            return False
        trees.detach(leaf, stripe)
        trees.detach(node, stripe)
        trees.attach(node, stripe, above)
        trees.attach(leaf, stripe, below)
        return True

    def _displace(self, node: Node, stripe: int) -> bool:
        """Of two leaves the one that gives much more comes nearer."""
        depth = node.depth[stripe]
        for standing, level in self._trees.weak[stripe].levels(8):
            if standing + SUPERIOR > node.standing:
                return False
            for leaf in level:
                self._trees.touched += 1
                if (
                    leaf.depth[stripe] + LEAF_GAIN <= depth
                    and self._rested(leaf)
                    and self._trees.can_replace(node, leaf, stripe)
                    and self._exchange(node, leaf, stripe)
                ):
                    return True
        return False

    def _overtake(self, node: Node, parent: Node, stripe: int) -> bool:
        """A node takes the place, and the children, of its parent, which gives far less."""
        trees = self._trees
        above = parent.parents[stripe]
        brothers = [child for child in parent.children[stripe].values() if child is not node]
        if above is None or above.away or not trees.fits(above, node, stripe):
            return False
        if not (above.has_link(node, instead=parent) and node.has_link(parent)):
            return False
        if above is trees.root and is_settled(trees, parent, node):
            return False
        needed = len(brothers) + 1 - node.free
        trees.detach(node, stripe)
        trees.detach(parent, stripe)
        trees.attach(node, stripe, above)
        own = sorted(node.children[stripe].values(), key=lambda child: len(child.children[stripe]))
        for child in own[: max(0, needed)]:
            trees.detach(child, stripe)
            self._placement.want(child, stripe)
        trees.attach(parent, stripe, node)
        for brother in brothers:
            trees.detach(brother, stripe)
            if node.has_room and trees.fits(node, brother, stripe):
                trees.attach(brother, stripe, node)
            else:
                self._placement.want(brother, stripe)
        return True

    def _diverge(self, node: Node, stripe: int, parent: Node) -> bool:
        """Another parent of the same depth: one that is new to it, of another network, or much nearer."""
        trees = self._trees
        others = [other for s, other in enumerate(node.parents) if s != stripe and other is not None]
        same = parent in others
        near = parent.network() in {other.network() for other in others if other is not parent}
        rtt = node.rtt.get(parent.id, 0.0)
        if not (same or near or rtt > SLOW):
            return False
        found = trees.open_slot(node, stripe, parent.depth[stripe] + 1)
        if found is None or found is parent or found in others:
            return False
        elsewhere = found.network() not in {other.network() for other in others}
        known = node.rtt.get(found.id)
        nearer = known is not None and known <= rtt - SLOW and known <= rtt / 2
        if same or (near and elsewhere) or (nearer and elsewhere):
            return self._move(node, stripe, found)
        return False

    def _try(self, node: Node) -> bool:
        """One that gives nothing yet gets a leaf, a brother of it, as its first child."""
        if not node.untried or node.tried or node.used or not node.has_room:
            return False
        for stripe in node.home:
            parent = node.parents[stripe]
            if parent is None or parent.depth[stripe] == UNFED or parent.away:
                continue
            for leaf in list(parent.children[stripe].values())[:8]:
                self._trees.touched += 1
                if (
                    leaf is not node
                    and stripe not in leaf.home
                    and not leaf.children[stripe]
                    and self._rested(leaf)
                    and self._trees.fits(node, leaf, stripe)
                ):
                    node.tried = True
                    return self._move(leaf, stripe, node)
        return False
