"""Finds the places of peers in the trees of a braid.

The rules, in the order in which they matter:

1. The publisher feeds each stripe once, twice when there are many viewers; these children are its heads.
2. A newcomer takes heads over from a peer that has two more than it (`heads`). Otherwise it feeds the stripe
   with the least spare capacity, as near to the publisher as it can without moving anybody but a leaf.
3. A child goes to the shallowest free slot; without one, somebody with free slots begins to feed a second
   stripe; without such a peer one of its parents, a relay, feeds it more; then the publisher within its
   budget; then it takes the place of a leaf that gives less; then it has to ask the origin.
4. Who was placed worse than these rules want (nobody, the publisher) is moved as soon as there is room.
"""

from collections import deque
from collections.abc import Sequence

from signaling.core.heads import MANY_VIEWERS, shared_out
from signaling.core.nodes import COOLDOWN, MOST_STANDING, SUPERIOR, UNFED, WHOLE, Node
from signaling.core.pool import Shelf
from signaling.core.recruits import Recruits
from signaling.core.trees import SCAN, Trees

ROOT_LINKS = 24
"""Peers that the publisher feeds at most; the rest of its 32 links is for chat and failing over."""
BUDGET = 6.0
"""Times the stream that the publisher sends over links at most, all children together."""
FEW_VIEWERS = 24
RETRIES = 16
"""Peers without a parent, by stripe and standing, that are tried again when there is room."""
FAILURES = 4
"""Of these in a row after which the others are left to later events."""
MOVES = 8
"""Superfluous children of the publisher that are moved at each event, by stripe."""


class Placement:
    """The rules by which nodes are put into trees: `want` for each that was detached, then `settle`."""

    def __init__(self, trees: Trees, root_links: int, budget: float) -> None:
        self.trees = trees
        self.expected: dict[str, Node] = {}
        """Named as parents after a restart and not back yet; while there are some, nothing is improved."""
        self._recruits = Recruits(trees)
        trees.root.links = root_links
        self._root_slots = int(budget * trees.stripes)
        self._waiting: deque[tuple[Node, int]] = deque()
        self._unfed: list[dict[str, int]] = [{} for _ in trees.all]
        self._shelves: list[Shelf[Node]] = [Shelf() for _ in trees.all]
        self._enlisted: dict[str, Node] = {}

    def want(self, node: Node, stripe: int) -> None:
        """A detached node needs a parent."""
        self._waiting.append((node, stripe))

    def satisfied(self, node: Node, stripe: int) -> None:
        """A node needs no parent any more."""
        level = self._unfed[stripe].pop(node.id, None)
        if level is not None:
            self._shelves[stripe].move(node, level, UNFED)

    def unfed(self) -> int:
        """How many (peer, stripe) pairs have no parent."""
        return sum(map(len, self._unfed))

    def unfed_leaves(self, stripe: int) -> Sequence[Node]:
        """Some of those without a parent who give nothing."""
        return dict(self._shelves[stripe].levels(RETRIES)).get(MOST_STANDING, ())

    def choose_home(self, node: Node) -> dict[int, Node]:
        """Choose the stripes that a newcomer feeds; returns those where it takes a head's place."""
        taken: dict[int, Node] = {}
        if self.expected:
            node.home.add(self.neediest(node))
        elif self.root_has_room(node):
            node.home.update(stripe for stripe in node.takes if not self.trees.heads(stripe))
            while len(taken) < node.free:
                found = shared_out(self.trees, node, taken, len(node.home))
                if found is None:
                    break
                taken[found[1]] = found[0]
                node.home.add(found[1])
        if not node.home:
            node.home.add(self.neediest(node))
        self.trees.refresh(node)
        return taken

    def neediest(self, node: Node) -> int:
        """The stripe for which those who are at home there can do least, of those that a node takes."""
        supply, takers = self.trees.supply, self.trees.takers
        return min(node.takes, key=lambda stripe: supply[stripe] - WHOLE * takers(stripe))

    def root_has_room(self, node: Node) -> bool:
        """Whether the root could feed a node one stripe more."""
        root = self.trees.root
        if node.id in root.separated or root.used >= self._root_slots:
            return False
        return root.has_link(node)

    def release(self, node: Node, stripe: int) -> None:
        """Take all its children from a node."""
        for child in list(node.children[stripe].values()):
            self.trees.detach(child, stripe)
            self.want(child, stripe)

    def part(self, child: Node, parent: Node) -> None:
        """Take from a node all that another feeds it."""
        for stripe in self.trees.all:
            if child.parents[stripe] is parent:
                self.trees.detach(child, stripe)
                self.want(child, stripe)

    def shed(self, node: Node) -> None:
        """Take from a node what it has no links or slots for: children that give least; then, first of all
        outside its home, weak leaves."""
        surplus = len(node.fed) - node.links
        if surplus > 0:
            for peer in sorted(node.fed, key=lambda peer: self.trees.nodes[peer].standing)[:surplus]:
                self.part(self.trees.nodes[peer], node)
        if node.free >= 0:
            return
        pairs = [(stripe, child) for stripe in self.trees.all for child in node.children[stripe].values()]
        pairs.sort(key=lambda pair: (pair[0] in node.home, bool(pair[1].children[pair[0]]), pair[1].standing))
        for stripe, child in pairs[: -node.free]:
            self.trees.detach(child, stripe)
            self.want(child, stripe)

    def enlist(self, relay: Node) -> None:
        """Have a relay take the parity stripe, in order to carry it."""
        self.trees.take_parity(relay, True)
        relay.enlisted = True
        relay.home.add(self.trees.stripes)
        self._enlisted[relay.id] = relay
        self.trees.refresh(relay)
        self.want(relay, self.trees.stripes)

    def keep(self, node: Node) -> None:
        """A node wants the parity that it has itself, whatever it was asked to carry."""
        node.enlisted = False
        self._enlisted.pop(node.id, None)

    def forget(self, node: Node) -> None:
        """A node leaves the braid."""
        self._enlisted.pop(node.id, None)

    def dismiss(self, node: Node) -> None:
        """A node takes no parity any more; its children on that stripe have others already."""
        parity = self.trees.stripes
        self._enlisted.pop(node.id, None)
        self.trees.detach(node, parity)
        self.satisfied(node, parity)
        node.home.discard(parity)
        self.trees.take_parity(node, False)
        node.enlisted = False
        if node.carries and not node.home:
            node.home.add(self.neediest(node))
        self.trees.refresh(node)

    def settle(self) -> None:
        """Find places for all who wait for one, and better ones for those whom only the root could take."""
        viewers = len(self.trees.nodes)
        if viewers > MANY_VIEWERS:
            self.trees.fan = 2
        elif viewers < FEW_VIEWERS:
            self.trees.fan = 1
        self._place_waiting()
        progress = True
        while progress:
            # What one got, above all a link to the root, may be what another of its stripes needed.
            before = sum(map(len, self._unfed))
            if before:
                self._retry()
            moved = not self.expected and self._relieve_root()
            left = sum(map(len, self._unfed))
            progress = left > 0 and (moved or left < before)
        for relay in [relay for relay in self._enlisted.values() if not relay.children[self.trees.stripes]]:
            self.dismiss(relay)
        self.trees.settle_depths()

    def _retry(self) -> None:
        """Try those again for whom there may be room now, those who give most first."""
        # First where there are free slots already, so that nobody is recruited away from its own stripe.
        stripes = sorted(
            (stripe for stripe in self.trees.all if self._unfed[stripe]),
            key=lambda stripe: (self.trees.shallowest(stripe) is None, -len(self._unfed[stripe])),
        )
        for stripe in stripes:
            for _, level in self._shelves[stripe].levels(RETRIES):
                self._retry_some(level, stripe)
        root = self.trees.root
        if root.used < self._root_slots:
            for peer in list(root.fed):
                for stripe in self.trees.all:
                    if peer in self._unfed[stripe]:
                        self.want(self.trees.nodes[peer], stripe)
            self._place_waiting()

    def _retry_some(self, nodes: Sequence[Node], stripe: int) -> None:
        failures = 0
        for node in nodes:
            if failures == FAILURES or not self._may_have_room(node):
                return
            self.want(node, stripe)
            self._place_waiting()
            failures = failures + 1 if node.parents[stripe] is None else 0

    def _may_have_room(self, node: Node) -> bool:
        return bool(self.trees.able) or self.root_has_room(node)

    def _place_waiting(self) -> None:
        # Those who feed the stripe come first: they bring the slots that the others need. Then the stripe
        # that is missed most.
        waiting = sorted(
            self._waiting,
            key=lambda item: (
                not item[0].children[item[1]],
                item[1] not in item[0].home,
                -len(self._unfed[item[1]]),
                -item[0].standing,
                -item[0].slots,
            ),
        )
        self._waiting = deque(waiting)
        while self._waiting:
            node, stripe = self._waiting.popleft()
            if (
                node.parents[stripe] is not None
                or node.id not in self.trees.nodes
                or stripe not in node.takes
                or node.by_origin
            ):
                continue
            if stripe not in node.home and not self.expected and not self.trees.heads(stripe):
                self._elect_head(stripe)
            if node.parents[stripe] is not None or self._place(node, stripe):
                self.satisfied(node, stripe)
            else:
                self._give_up(node, stripe)

    def _give_up(self, node: Node, stripe: int) -> None:
        """Nobody can feed a node now. Whoever was tried in vain comes after the others next time."""
        self.satisfied(node, stripe)
        level = MOST_STANDING - node.standing
        self._unfed[stripe][node.id] = level
        self._shelves[stripe].move(node, UNFED, level)
        self.trees.changed[node.id] = None
        self.release(node, stripe)

    def _place(self, node: Node, stripe: int) -> bool:
        trees = self.trees
        trees.touched += 1
        feeds = stripe in node.home and node.carries
        if feeds and trees.heads(stripe) < trees.fan_of(stripe) and self._root_takes(node):
            trees.attach(node, stripe, trees.root)
            return True
        parent = trees.open_slot(node, stripe)
        if node.children[stripe] or (feeds and node.free > 0):
            leaf = trees.leaf(node, stripe)
            near = leaf is not None and (parent is None or leaf.depth[stripe] <= parent.depth[stripe])
            if leaf is not None and near and self.replace(node, leaf, stripe):
                return True
        if parent is None:
            parent = self._recruits.recruit(node, stripe) or self._recruits.patron(node, stripe)
        if parent is None and stripe == trees.stripes:
            relay = self._recruits.idle_relay()
            if relay is not None:
                self.enlist(relay)
        feeds_some = bool(node.children[stripe])
        if parent is None and (self._root_takes(node) if feeds_some else self.root_has_room(node)):
            parent = trees.root
        parent = parent or self._recruits.borrow(node, stripe)
        if parent is None:
            return self._evict(node, stripe)
        trees.attach(node, stripe, parent)
        return True

    def _root_takes(self, node: Node) -> bool:
        """Whether the root has room for one that feeds others, maybe at the cost of one that does not."""
        root = self.trees.root
        if self.root_has_room(node):
            return True
        if node.id in root.separated:
            return False
        idle = [
            (child.standing, root.fed[child.id] > 1, stripe, child)
            for stripe in self.trees.all
            for child in root.children[stripe].values()
            if stripe not in child.home and not child.children[stripe] and not child.away
        ]
        for _, _, stripe, child in sorted(idle, key=lambda each: each[:3]):
            self.trees.touched += 1
            self.trees.detach(child, stripe)
            if self.root_has_room(node):
                self.want(child, stripe)
                return True
            self.trees.attach(child, stripe, root)
        return False

    def replace(self, node: Node, leaf: Node, stripe: int) -> bool:
        """Give a detached node a leaf's place if it can, and the leaf one under it if there is room."""
        above = leaf.parents[stripe]
        if above is None or not self.trees.can_replace(node, leaf, stripe):
            return False
        self.trees.detach(leaf, stripe)
        self.trees.attach(node, stripe, above)
        if node.free > 0 and stripe in node.home and node.has_link(leaf):
            self.trees.attach(leaf, stripe, node)
        else:
            self.want(leaf, stripe)
        return True

    def _evict(self, node: Node, stripe: int) -> bool:
        """Under shortage a node takes the place of a leaf that gives less."""
        if self.expected:
            return False
        for standing, level in self.trees.weak[stripe].levels(SCAN):
            if standing >= node.standing:
                break
            for leaf in level:
                if self._may_evict(node, leaf, stripe) and self.replace(node, leaf, stripe):
                    return True
        return False

    def _may_evict(self, node: Node, leaf: Node, stripe: int) -> bool:
        """In a crowd who was just placed stays: else all push each other out for ever."""
        if len(self.trees.nodes) <= MANY_VIEWERS:
            return True
        if self.trees.now - leaf.placed_at[stripe] < COOLDOWN:
            return False
        return leaf.standing == 0 or leaf.standing + SUPERIOR <= node.standing

    def _elect_head(self, stripe: int) -> None:
        """A stripe that nobody feeds gets a head."""
        fit = (
            node
            for node in self._recruits.able()
            if stripe in node.takes
            and node.parents[stripe] is not self.trees.root
            and self.root_has_room(node)
        )
        head = self._recruits.engage(fit, stripe)
        if head is not None:
            self.trees.detach(head, stripe)
            self.trees.attach(head, stripe, self.trees.root)
            self.satisfied(head, stripe)

    def _relieve_root(self) -> bool:
        """Move superfluous children of the root to free slots elsewhere; returns whether any was moved."""
        root = self.trees.root
        if root.used <= self.trees.fan * self.trees.stripes or not self.trees.able:
            return False
        moved = False
        for stripe in self.trees.all:
            children = root.children[stripe]
            if len(children) <= self.trees.fan_of(stripe):
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
                if len(children) <= self.trees.fan_of(stripe):
                    break
                if stripe in child.home and self.trees.heads(stripe) <= self.trees.fan_of(stripe):
                    break  # under one of another stripe a head, with all below it, would only be deeper
                parent = (
                    self.trees.open_slot(child, stripe)
                    or self._recruits.recruit(child, stripe)
                    or self._recruits.borrow(child, stripe)
                )
                if parent is not None:
                    self._move_down(child, stripe, parent)
                    moved = True
        self._place_waiting()
        return moved

    def _move_down(self, child: Node, stripe: int, parent: Node) -> None:
        """Move a child of the root below a parent, or, if it feeds others, into the place of a leaf above."""
        leaf = None
        if child.children[stripe]:
            leaf = self.trees.leaf(child, stripe, parent.depth[stripe] + 1)
        self.trees.detach(child, stripe)
        if leaf is None or leaf.parents[stripe] is self.trees.root or not self.replace(child, leaf, stripe):
            self.trees.attach(child, stripe, parent)
