"""Finds the places of peers in the trees of a braid.

The rules, in the order in which they matter:

1. The publisher feeds each stripe once, twice when there are many viewers; these children are its heads.
2. A newcomer takes heads over from a peer that has two more than it. Otherwise it feeds the stripe with the
   least spare capacity, as near to the publisher as it can without moving anybody but a leaf.
3. A child goes to the shallowest free slot; without one, somebody with free slots begins to feed a second
   stripe; without such a peer the publisher takes it; without room there it has to ask the origin.
4. Who was placed worse than these rules want (nobody, the publisher) is moved as soon as there is room.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from signaling.core.trees import UNFED, Node, Trees

ROOT_LINKS = 24
"""Peers that the publisher feeds at most; the rest of its 32 links is for chat and failing over."""
MANY_VIEWERS = 30
"""With more viewers the publisher feeds each stripe twice, until there are fewer than FEW_VIEWERS."""
FEW_VIEWERS = 24
RECRUITS = 256
"""Peers with free slots that are looked at for one that begins to feed another stripe."""
RETRIES = 64
"""Peers without a parent, by stripe, that are tried again at each event."""
MOVES = 8
"""Superfluous children of the publisher that are moved at each event, by stripe."""


class Placement:
    """The rules by which nodes are put into trees: `want` for each that was detached, then `settle`."""

    def __init__(self, trees: Trees, root_links: int) -> None:
        self.trees = trees
        self.fan = 1
        """How many heads a stripe is to have."""
        self.expected: dict[str, Node] = {}
        """Named as parents after a restart and not back yet; while there are some, nothing is improved."""
        self._root_links = root_links
        self._waiting: deque[tuple[Node, int]] = deque()
        self._unfed: list[dict[str, Node]] = [{} for _ in range(trees.stripes)]

    def want(self, node: Node, stripe: int) -> None:
        """A detached node needs a parent."""
        self._waiting.append((node, stripe))

    def satisfied(self, node: Node, stripe: int) -> None:
        """A node needs no parent any more."""
        self._unfed[stripe].pop(node.id, None)

    def choose_home(self, node: Node) -> dict[int, Node]:
        """Choose the stripes that a newcomer feeds; returns those where it takes a head's place."""
        taken: dict[int, Node] = {}
        if self.expected:
            node.home.add(self.neediest())
        elif self.root_has_room(node):
            node.home.update(stripe for stripe in range(self.trees.stripes) if not self.trees.heads(stripe))
            # Putting somebody under a newcomer moves all who are below: only in small rooms is that few.
            while len(taken) < node.free and len(self.trees.nodes) <= MANY_VIEWERS:
                heads: dict[str, list[int]] = {}
                for stripe in range(self.trees.stripes):
                    for child in self.trees.root.children[stripe].values():
                        if stripe in child.home and stripe not in taken and not child.away:
                            heads.setdefault(child.id, []).append(stripe)
                most = max(heads, key=lambda peer: len(heads[peer]), default=None)
                if most is None or len(heads[most]) - len(node.home) <= 1:
                    break
                head = self.trees.nodes[most]
                stripe = min(heads[most], key=lambda stripe: len(head.children[stripe]))
                taken[stripe] = head
                node.home.add(stripe)
        if not node.home:
            node.home.add(self.neediest())
        self.trees.refresh(node)
        return taken

    def take_over(self, node: Node, head: Node, stripe: int) -> None:
        """Put a newcomer between the root and a head, whose children it takes as far as it has room."""
        self.trees.detach(head, stripe)
        self.trees.attach(node, stripe, self.trees.root)
        self.trees.attach(head, stripe, node)
        head.home.discard(stripe)
        others = len([home for home in node.home if node.parents[home] is None])
        for child in islice(list(head.children[stripe].values()), max(0, node.free - others)):
            self.trees.detach(child, stripe)
            self.trees.attach(child, stripe, node)
        self.trees.refresh(head)

    def neediest(self) -> int:
        return min(range(self.trees.stripes), key=lambda stripe: self.trees.spare[stripe])

    def is_head(self, node: Node) -> bool:
        return any(node.parents[stripe] is self.trees.root for stripe in node.home)

    def root_has_room(self, node: Node) -> bool:
        if node.id in self.trees.root.separated:
            return False
        return node.id in self.trees.root_links or len(self.trees.root_links) < self._root_links

    def release(self, node: Node, stripe: int) -> None:
        for child in list(node.children[stripe].values()):
            self.trees.detach(child, stripe)
            self._waiting.append((child, stripe))

    def shed(self, node: Node) -> None:
        """Take from a node the children that it has no slots for, first those outside its home."""
        stripes = sorted(range(self.trees.stripes), key=lambda stripe: stripe in node.home)
        for stripe in stripes:
            for child in list(node.children[stripe].values()):
                if node.free >= 0:
                    return
                self.trees.detach(child, stripe)
                self._waiting.append((child, stripe))

    def settle(self) -> None:
        """Find places for all who wait for one, and better ones for those whom only the root could take."""
        viewers = len(self.trees.nodes)
        if viewers > MANY_VIEWERS:
            self.fan = 2
        elif viewers < FEW_VIEWERS:
            self.fan = 1
        self._place_waiting()
        progress = True
        while progress:
            # What one got, above all a link to the root, may be what another of its stripes needed.
            unfed = sum(map(len, self._unfed))
            for stripe, nodes in enumerate(self._unfed):
                self._waiting.extend((node, stripe) for node in islice(nodes.values(), RETRIES))
            self._place_waiting()
            moved = not self.expected and self._relieve_root()
            left = sum(map(len, self._unfed))
            progress = left > 0 and (moved or left < unfed)

    def _place_waiting(self) -> None:
        # Those who feed the stripe come first: they bring the slots that the others need.
        waiting = sorted(self._waiting, key=lambda item: (item[1] not in item[0].home, -item[0].slots))
        self._waiting = deque(waiting)
        while self._waiting:
            node, stripe = self._waiting.popleft()
            if node.parents[stripe] is not None or node.id not in self.trees.nodes:
                continue
            if stripe not in node.home and not self.expected and not self.trees.heads(stripe):
                self._elect_head(stripe)
            if node.parents[stripe] is not None or self._place(node, stripe):
                self._unfed[stripe].pop(node.id, None)
            else:
                self._unfed[stripe][node.id] = node
                self.release(node, stripe)

    def _place(self, node: Node, stripe: int) -> bool:
        trees = self.trees
        feeds = stripe in node.home and node.carries
        if feeds and trees.heads(stripe) < self.fan and self.root_has_room(node):
            trees.attach(node, stripe, trees.root)
            return True
        parent = trees.open_slot(node, stripe)
        if feeds and node.free > 0:
            leaf = trees.leaf(node, stripe)
            if leaf is not None and (parent is None or leaf.depth[stripe] <= parent.depth[stripe]):
                above = leaf.parents[stripe]
                if above is not None and (above is not trees.root or self.root_has_room(node)):
                    trees.detach(leaf, stripe)
                    trees.attach(node, stripe, above)
                    trees.attach(leaf, stripe, node)
                    return True
        if parent is None:
            parent = self._recruit(node, stripe)
        if parent is None and self.root_has_room(node):
            parent = trees.root
        if parent is None:
            return False
        trees.attach(node, stripe, parent)
        return True

    def _recruit(self, child: Node, stripe: int) -> Node | None:
        """Somebody with free slots who begins to feed this stripe, at best one who feeds nobody yet."""
        fit = (
            node
            for node in islice(self.trees.free.values(), RECRUITS)
            if node.depth[stripe] != UNFED and node is not child and node.id not in child.separated
        )
        return self._engage(fit, stripe)

    def _elect_head(self, stripe: int) -> None:
        """A stripe that nobody feeds gets a head."""
        fit = (
            node
            for node in islice(self.trees.free.values(), RECRUITS)
            if node.parents[stripe] is not self.trees.root and self.root_has_room(node)
        )
        head = self._engage(fit, stripe)
        if head is not None:
            self.trees.detach(head, stripe)
            self.trees.attach(head, stripe, self.trees.root)
            self._unfed[stripe].pop(head.id, None)

    def _engage(self, fit: Iterable[Node], stripe: int) -> Node | None:
        node = max(
            fit,
            key=lambda node: (
                node.used == 0 and not self.is_head(node),
                -len(node.home),
                -node.depth[stripe],
                node.free,
            ),
            default=None,
        )
        if node is not None:
            if node.used == 0 and not self.is_head(node):
                node.home.clear()
            node.home.add(stripe)
            self.trees.refresh(node)
        return node

    def _relieve_root(self) -> bool:
        """Move superfluous children of the root to free slots elsewhere; returns whether any was moved."""
        moved = False
        for stripe in range(self.trees.stripes):
            children = self.trees.root.children[stripe]
            if len(children) <= self.fan or not self.trees.free:
                continue
            # First those who feed nobody; a head with many below it is not worth the change.
            surplus = sorted(
                (
                    child
                    for child in children.values()
                    if not child.away and len(child.children[stripe]) <= MOVES
                ),
                key=lambda child: (stripe in child.home, len(child.children[stripe]), child.slots),
            )
            for child in surplus[:MOVES]:
                if len(children) <= self.fan:
                    break
                self.trees.detach(child, stripe)
                parent = self.trees.open_slot(child, stripe) or self._recruit(child, stripe)
                self.trees.attach(child, stripe, parent or self.trees.root)
                moved = moved or parent is not None
        return moved
