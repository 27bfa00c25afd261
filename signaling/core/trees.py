"""The S striped trees of one braid as a data structure: who feeds whom, how deep, and where there is room.

While edges change it keeps current what the planner looks up (the shallowest free slot, the shallowest leaf
that can be displaced, spare slots by stripe), so that a place is found without walking a tree.
"""

from collections.abc import Iterator
from itertools import islice

UNFED = -1
"""The depth of a node that no chain of parents connects with the root."""
EXPECTED_DEPTH = 8
"""The depth that is assumed of a node which others named as their parent and which has not come back yet."""
SCAN = 16
"""How many nodes of one depth are compared for a place."""


class Node:
    """A peer in a braid. `used` counts its (child, stripe) pairs, `home` is the stripes it is to feed."""

    __slots__ = (
        "away",
        "carries",
        "children",
        "depth",
        "expected",
        "home",
        "id",
        "leaf_at",
        "open_at",
        "open_slots",
        "parents",
        "relay",
        "separated",
        "slots",
        "used",
    )

    def __init__(self, peer: str, stripes: int, *, carries: bool, slots: int, relay: bool = False) -> None:
        self.id = peer
        self.carries = carries
        self.slots = slots
        self.relay = relay
        self.expected = False
        self.away = False
        self.used = 0
        self.home: set[int] = set()
        self.separated: set[str] = set()
        self.parents: list[Node | None] = [None] * stripes
        self.children: list[dict[str, Node]] = [{} for _ in range(stripes)]
        self.depth = [UNFED] * stripes
        self.open_at = [UNFED] * stripes
        self.open_slots = [0] * stripes
        self.leaf_at = [UNFED] * stripes

    @property
    def parent_ids(self) -> tuple[str | None, ...]:
        """Ids of the parents, by stripe."""
        return tuple(None if parent is None else parent.id for parent in self.parents)

    @property
    def free(self) -> int:
        """(child, stripe) pairs that it could take; negative while it has too many."""
        return self.slots - self.used

    @property
    def has_room(self) -> bool:
        """Whether it may be given a child: not while the introducer does not hear from it."""
        return self.carries and not self.expected and not self.away and self.used < self.slots


class Shelf:
    """Nodes by depth, the shallowest first."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[str, Node]] = {}

    def move(self, node: Node, old: int, new: int) -> None:
        """Put a node from one depth to another; UNFED is off the shelf."""
        if old != UNFED:
            level = self._levels[old]
            del level[node.id]
            if not level:
                del self._levels[old]
        if new != UNFED:
            self._levels.setdefault(new, {})[node.id] = node

    def levels(self) -> Iterator[Iterator[Node]]:
        """The nodes of each depth."""
        for depth in sorted(self._levels):
            yield iter(self._levels[depth].values())


class Trees:
    """S trees over the same nodes. The root is not one of `nodes`, has depth 0 and no bound on `used`."""

    def __init__(self, root: str, stripes: int) -> None:
        self.stripes = stripes
        self.root = Node(root, stripes, carries=True, slots=0)
        self.root.depth = [0] * stripes
        self.nodes: dict[str, Node] = {}
        self.root_links: dict[str, int] = {}
        self.free: dict[str, Node] = {}
        self.spare = [0] * stripes
        self.changed: dict[str, None] = {}
        self.touched = 0
        self._open = [Shelf() for _ in range(stripes)]
        self._leaves = [Shelf() for _ in range(stripes)]

    def add(self, node: Node) -> None:
        """Take in a node that has no edges yet."""
        self.nodes[node.id] = node
        self.refresh(node)

    def remove(self, node: Node) -> None:
        """Let go of a node whose edges are all detached."""
        del self.nodes[node.id]
        self.changed.pop(node.id, None)
        node.carries = False
        self.refresh(node)

    def attach(self, child: Node, stripe: int, parent: Node) -> None:
        """Make a detached node, with all that is under it, a child."""
        child.parents[stripe] = parent
        parent.children[stripe][child.id] = child
        parent.used += 1
        if parent is self.root:
            self.root_links[child.id] = self.root_links.get(child.id, 0) + 1
        self.changed[child.id] = None
        self._set_depth(child, stripe, parent.depth[stripe])
        self.refresh(parent)

    def detach(self, child: Node, stripe: int) -> None:
        """Cut a node, with all that is under it, from its parent."""
        parent = child.parents[stripe]
        if parent is None:
            return
        child.parents[stripe] = None
        del parent.children[stripe][child.id]
        parent.used -= 1
        if parent is self.root:
            self.root_links[child.id] -= 1
            if not self.root_links[child.id]:
                del self.root_links[child.id]
        self.changed[child.id] = None
        self._set_depth(child, stripe, UNFED)
        self.refresh(parent)

    def expect(self, node: Node) -> None:
        """Take in a node that has not come back yet: it counts as fed, but has no room."""
        node.expected = True
        node.depth = [EXPECTED_DEPTH] * self.stripes
        self.add(node)

    def arrive(self, node: Node) -> None:
        """An expected node is here: its places have to be found."""
        node.expected = False
        for stripe in range(self.stripes):
            self._set_depth(node, stripe, UNFED)
        self.changed[node.id] = None

    def is_under(self, node: Node, stripe: int, ancestor: Node) -> bool:
        """Whether `ancestor` is the node itself or on its path to the root."""
        at: Node | None = node
        while at is not None:
            self.touched += 1
            if at is ancestor:
                return True
            at = at.parents[stripe]
        return False

    def heads(self, stripe: int) -> int:
        """How many of the root's children are there to feed others."""
        return sum(1 for child in self.root.children[stripe].values() if stripe in child.home)

    def open_slot(self, child: Node, stripe: int) -> Node | None:
        """The best free slot for a detached node: shallow, of a peer new to it, a relay, with much room."""
        for level in self._open[stripe].levels():
            fit = [node for node in islice(level, SCAN) if node.id not in child.separated]
            self.touched += len(fit)
            if fit:
                parents = {parent.id for parent in child.parents if parent is not None}
                return min(fit, key=lambda node: (node.id in parents, not node.relay, -node.free))
        return None

    def leaf(self, node: Node, stripe: int) -> Node | None:
        """The shallowest node under which there is nothing, and whose place a detached node could take."""
        for level in self._leaves[stripe].levels():
            for leaf in islice(level, SCAN):
                self.touched += 1
                parent = leaf.parents[stripe]
                if (
                    parent is not None
                    and not (parent.expected or parent.away or leaf.away)
                    and parent.id not in node.separated
                    and leaf.id not in node.separated
                ):
                    return leaf
        return None

    def refresh(self, node: Node) -> None:
        """Bring the indexes up to date with a node's `home`, `slots`, `carries` and edges."""
        self.touched += 1
        if node is self.root:
            return
        if node.has_room:
            self.free[node.id] = node
        else:
            self.free.pop(node.id, None)
        for stripe in range(self.stripes):
            self._index(node, stripe)

    def _index(self, node: Node, stripe: int) -> None:
        depth = node.depth[stripe]
        home = stripe in node.home
        open_at = depth if home and node.has_room else UNFED
        slots = node.free if open_at != UNFED else 0
        self.spare[stripe] += slots - node.open_slots[stripe]
        node.open_slots[stripe] = slots
        if open_at != node.open_at[stripe]:
            self._open[stripe].move(node, node.open_at[stripe], open_at)
            node.open_at[stripe] = open_at
        leaf = not home and not node.expected and not node.children[stripe]
        leaf_at = depth if leaf else UNFED
        if leaf_at != node.leaf_at[stripe]:
            self._leaves[stripe].move(node, node.leaf_at[stripe], leaf_at)
            node.leaf_at[stripe] = leaf_at

    def _set_depth(self, top: Node, stripe: int, above: int) -> None:
        waiting = [(top, above)]
        while waiting:
            node, above = waiting.pop()
            self.touched += 1
            node.depth[stripe] = above + 1 if above != UNFED else UNFED
            self._index(node, stripe)
            waiting.extend((child, node.depth[stripe]) for child in node.children[stripe].values())
