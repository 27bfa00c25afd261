"""The S striped trees of one braid, and that of its parity stripe, as a data structure.

While edges change it keeps current what the planner looks up (the shallowest free slot, the shallowest leaf
that can be displaced, the weakest leaf, spare slots by stripe), so that a place is found without walking a
tree. The depths below a node that moved follow step by step, DEPTHS nodes an event: they only guide choices;
what must never be wrong, that no chain of parents comes back to its beginning, is looked up in the parents.
"""

from collections import deque

from signaling.core.nodes import MOST_STANDING, UNFED, WHOLE, Node
from signaling.core.pool import Shelf

EXPECTED_DEPTH = 8
"""The depth that is assumed of a node which others named as their parent and which has not come back yet."""
MOST_DEPTH = 24
"""Nobody is put below as many levels: there a block would come too late, and the origin is nearer."""
MOST_PARENTS = 8
"""Different parents of one peer: who only receives has 12 links, two for standbys, two for chat."""
FEW_TAKERS = 30
"""Takers of parity who have but one head."""
SCAN = 16
"""How many nodes of one depth are compared for a place."""
DEPTHS = 64
"""Nodes whose children's depths are brought up to date at each event."""


IDLE, BUSY, UNTRIED = range(3)
"""What one with free slots does: it feeds nobody; some, who confirm it; some, of whom nobody did yet."""


class Trees:
    """S + 1 trees over the same nodes. The root is not one of `nodes`, has depth 0 and no bound on `used`."""

    def __init__(self, root: str, stripes: int) -> None:
        self.stripes = stripes
        self.all = range(stripes + 1)
        self.now = 0.0
        self.fan = 1
        """How many heads a stripe of the data is to have."""
        self.root = Node(root, stripes, carries=True, slots=0)
        self.root.depth = [0] * len(self.all)
        self.nodes: dict[str, Node] = {}
        self.supply = [0] * len(self.all)
        """What the nodes at home in a stripe can feed, in parts of a (child, stripe) pair."""
        self.changed: dict[str, None] = {}
        self.touched = 0
        """Nodes that were looked at since the beginning: the planner's work, which tests bound."""
        self.able: Shelf[Node] = Shelf()
        """Nodes with free slots: first IDLE ones, then BUSY, then UNTRIED ones."""
        self.reserve: list[Shelf[Node]] = [Shelf() for _ in self.all]
        """Nodes that are to feed a stripe and feed nobody on it yet, the most trusted first."""
        self.weak: list[Shelf[Node]] = [Shelf() for _ in self.all]
        """Leaves of a stripe by standing, the lowest first."""
        self._open: list[Shelf[Node]] = [Shelf() for _ in self.all]
        self._leaves: list[Shelf[Node]] = [Shelf() for _ in self.all]
        self._parity: set[str] = set()
        self._floating: list[set[str]] = [set() for _ in self.all]
        self._stale: deque[tuple[Node, int]] = deque()

    def add(self, node: Node) -> None:
        """Take in a node that has no edges yet."""
        self.nodes[node.id] = node
        self.take_parity(node, node.parity)
        self.refresh(node)

    def take_parity(self, node: Node, parity: bool) -> None:
        """A node takes the parity stripe, or no more: then it is out of that tree and not at home in it."""
        self.refresh(node)
        node.parity = parity
        if parity:
            self._parity.add(node.id)
        else:
            self._parity.discard(node.id)
        self.changed[node.id] = None

    def takers(self, stripe: int) -> int:
        """How many are to get a stripe."""
        return len(self._parity) if stripe == self.stripes else len(self.nodes)

    def remove(self, node: Node) -> None:
        """Let go of a node whose edges are all detached."""
        node.carries = False
        self.take_parity(node, False)
        del self.nodes[node.id]
        self.changed.pop(node.id, None)

    def attach(self, child: Node, stripe: int, parent: Node) -> None:
        """Make a detached node, with all that is under it, a child."""
        child.parents[stripe] = parent
        parent.children[stripe][child.id] = child
        parent.used += 1
        parent.fed[child.id] = parent.fed.get(child.id, 0) + 1
        self.changed[child.id] = None
        child.placed_at[stripe] = self.now
        self._floating[stripe].discard(child.id)
        self._set_depth(child, stripe)
        self._index_able(child)
        self.refresh(parent)

    def detach(self, child: Node, stripe: int) -> None:
        """Cut a node, with all that is under it, from its parent."""
        parent = child.parents[stripe]
        if parent is None:
            return
        child.parents[stripe] = None
        del parent.children[stripe][child.id]
        parent.used -= 1
        parent.fed[child.id] -= 1
        if not parent.fed[child.id]:
            del parent.fed[child.id]
        self.changed[child.id] = None
        floating = self._floating[stripe]
        if not parent.children[stripe]:
            floating.discard(parent.id)
        if child.children[stripe]:
            floating.add(child.id)
        child.depth[stripe] = UNFED
        self._index(child, stripe)
        self._index_able(child)
        self.refresh(parent)

    def expect(self, node: Node) -> None:
        """Take in a node that has not come back yet: it counts as fed, but has no room."""
        node.expected = True
        node.depth = [EXPECTED_DEPTH] * len(self.all)
        self.add(node)

    def arrive(self, node: Node) -> None:
        """An expected node is here: its places have to be found."""
        node.expected = False
        for stripe in self.all:
            node.depth[stripe] = UNFED
            if node.children[stripe]:
                self._floating[stripe].add(node.id)
        self.take_parity(node, node.parity)
        self.refresh(node)

    def is_under(self, node: Node, stripe: int, ancestor: Node) -> bool:
        """Whether `ancestor` is the node itself or on its path to the root."""
        at: Node | None = node
        while at is not None:
            self.touched += 1
            if at is ancestor:
                return True
            at = at.parents[stripe]
        return False

    def fits(self, parent: Node, child: Node, stripe: int) -> bool:
        """Whether a node that is fed could feed another: no circle, and nothing separates them."""
        self.touched += 1
        if parent is child or parent.id in child.separated:
            return False
        if not child.children[stripe] and not self._floating[stripe]:
            return True
        at: Node = parent
        while (above := at.parents[stripe]) is not None:
            self.touched += 1
            if above is child:
                return False
            at = above
        return at is self.root or at.expected

    def spare(self) -> float:
        """(child, stripe) pairs that those at home in each stripe could feed beside all that take it."""
        return sum(self.supply) / WHOLE - sum(map(self.takers, self.all))

    def fan_of(self, stripe: int) -> int:
        """How many heads a stripe is to have: parity that few take one, for a second is for nobody."""
        few = stripe == self.stripes and len(self._parity) <= FEW_TAKERS
        return 1 if few else self.fan

    def heads(self, stripe: int) -> int:
        """How many of the root's children are there to feed others."""
        return sum(1 for child in self.root.children[stripe].values() if stripe in child.home)

    def shallowest(self, stripe: int) -> int | None:
        """The least depth with a free slot."""
        return next((depth for depth, _ in self._open[stripe].levels(1)), None)

    def open_slot(self, child: Node, stripe: int, above: int | None = None) -> Node | None:
        """The best free slot for a node, of a parent less deep than `above` if that is given.

        Shallow, of a peer that is new to it (or not, if it has many parents) and of another network than its
        other parents, near, with much room.
        """
        others = [parent for parent in child.parents if parent is not None]
        parents = {parent.id for parent in others}
        networks = {parent.network() for parent in others}
        crowded = len(parents) >= MOST_PARENTS
        for depth, level in self._open[stripe].levels(SCAN):
            if above is not None and depth >= above:
                break
            fit = [node for node in level if self.fits(node, child, stripe)]
            if fit:
                return min(
                    fit,
                    key=lambda node: (
                        (node.id in parents) != crowded,
                        node.network() in networks,
                        not node.relay,
                        nearness(child, node),
                        -node.free,
                    ),
                )
        return None

    def leaf(self, node: Node, stripe: int, above: int | None = None) -> Node | None:
        """The shallowest node under which there is nothing, and whose place one that feeds others could take.

        Less deep than `above` if that is given; of those of one depth, one that gives least. What the root
        feeds because nobody else could makes no more heads than there are to be: they would be put under
        each other, with all that is below them.
        """
        enough = self.heads(stripe) >= self.fan_of(stripe)
        for depth, level in self._leaves[stripe].levels(SCAN):
            if above is not None and depth >= above:
                break
            fit = [
                leaf
                for leaf in level
                if not (enough and leaf.parents[stripe] is self.root) and self.can_replace(node, leaf, stripe)
            ]
            if fit:
                return min(fit, key=lambda leaf: leaf.standing)
        return None

    def can_replace(self, node: Node, leaf: Node, stripe: int) -> bool:
        """Whether a node could have a leaf's place, and the leaf be its child or anybody else's."""
        parent = leaf.parents[stripe]
        return (
            parent is not None
            and leaf is not node
            and not (parent.expected or parent.away or leaf.away)
            and leaf.id not in node.separated
            and parent.has_link(node, instead=leaf)
            and self.fits(parent, node, stripe)
        )

    def refresh(self, node: Node) -> None:
        """Bring the indexes up to date with a node's `home`, `slots`, `carries`, standing and edges."""
        self.touched += 1
        if node is self.root:
            return
        self._index_able(node)
        for stripe in node.takes:
            self._index(node, stripe)

    def is_head(self, node: Node) -> bool:
        """Whether the root feeds it so that it feeds others."""
        return self.headed(node) > 0

    def headed(self, node: Node) -> int:
        """How many stripes the root feeds it so that it feeds others."""
        return sum(node.parents[stripe] is self.root for stripe in node.home)

    def settle_depths(self) -> None:
        """Let the depths below nodes that moved follow, some at each event."""
        for _ in range(DEPTHS):
            if not self._stale:
                return
            node, stripe = self._stale.popleft()
            for child in node.children[stripe].values():
                if child.depth[stripe] != node.depth[stripe] + 1:
                    self._set_depth(child, stripe)

    def _set_depth(self, node: Node, stripe: int) -> None:
        self.touched += 1
        parent = node.parents[stripe]
        node.depth[stripe] = UNFED if parent is None else parent.depth[stripe] + 1
        self._index(node, stripe)
        if node.children[stripe]:
            self._stale.append((node, stripe))

    def _index_able(self, node: Node) -> None:
        able_at = UNFED if not node.has_room else IDLE
        if able_at == IDLE and (node.used or self.is_head(node)):
            able_at = UNTRIED if node.untried else BUSY
        if able_at != node.able_at:
            self.able.move(node, node.able_at, able_at)
            node.able_at = able_at

    def _index(self, node: Node, stripe: int) -> None:
        depth = node.depth[stripe]
        home = stripe in node.home
        fed = depth != UNFED and not node.expected
        has_room = home and 0 <= depth < MOST_DEPTH and node.has_room
        open_at = depth + node.untried if has_room else UNFED
        supply = node.supplies(stripe) if home and node.carries else 0
        self.supply[stripe] += supply - node.supply[stripe]
        node.supply[stripe] = supply
        if open_at != node.open_at[stripe]:
            self._open[stripe].move(node, node.open_at[stripe], open_at)
            node.open_at[stripe] = open_at
        feeds = bool(node.children[stripe])
        leaf_at = depth if fed and not home and not feeds else UNFED
        if leaf_at != node.leaf_at[stripe]:
            self._leaves[stripe].move(node, node.leaf_at[stripe], leaf_at)
            node.leaf_at[stripe] = leaf_at
        weak_at = node.standing if leaf_at != UNFED else UNFED
        if weak_at != node.weak_at[stripe]:
            self.weak[stripe].move(node, node.weak_at[stripe], weak_at)
            node.weak_at[stripe] = weak_at
        reserve_at = MOST_STANDING - node.standing if has_room and not feeds else UNFED
        if reserve_at != node.reserve_at[stripe]:
            self.reserve[stripe].move(node, node.reserve_at[stripe], reserve_at)
            node.reserve_at[stripe] = reserve_at


UNKNOWN_RTT = 0.06
"""Seconds assumed of the round trip to a peer that was never measured."""
NEAR = 0.02
"""Round trips are told apart by steps of as many seconds."""


def nearness(child: Node, parent: Node) -> int:
    """Steps of round trip between two nodes, as far as it was measured."""
    return int(child.rtt.get(parent.id, parent.rtt.get(child.id, UNKNOWN_RTT)) / NEAR)
