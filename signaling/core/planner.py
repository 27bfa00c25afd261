"""Who feeds whom in one braid: S striped trees, each peer interior in one of them and a leaf in the others.

The rules, in the order in which they matter:

1. The publisher feeds each stripe once, twice when there are many viewers; these children are its heads.
2. A newcomer takes heads over from a peer that has two more than it. Otherwise it feeds the stripe with the
   least spare capacity, as near to the publisher as it can without moving anybody but a leaf.
3. A child goes to the shallowest free slot; without one, somebody with free slots begins to feed a second
   stripe; without such a peer the publisher takes it; without room there it has to ask the origin.
4. Who was placed worse than these rules want (nobody, the publisher) is moved as soon as there is room.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from signaling.core.pool import Chance
from signaling.core.standbys import Standbys
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


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a peer is told: a parent or None by stripe, standbys, its (child, stripe) pairs at most."""

    parents: tuple[str | None, ...]
    standbys: tuple[str, ...]
    slots: int
    sequence: int


class Planner:
    """The plan of one braid. Peers are named by their id; the publisher, the root, is not one of them."""

    def __init__(
        self,
        root: str,
        stripes: int,
        chance: Chance,
        *,
        root_links: int = ROOT_LINKS,
        sequence: Iterator[int] | None = None,
    ) -> None:
        self.trees = Trees(root, stripes)
        self._root_links = root_links
        self._sequence = count(1) if sequence is None else sequence
        self._fan = 1
        self._waiting: deque[tuple[Node, int]] = deque()
        self._unfed: list[dict[str, Node]] = [{} for _ in range(stripes)]
        self._expected: dict[str, Node] = {}
        self._standbys = Standbys(self.trees, chance)
        self._told: dict[str, tuple[tuple[str | None, ...], tuple[str, ...], int]] = {}
        self._tell: dict[str, None] = {}

    def __contains__(self, peer: object) -> bool:
        return peer in self.trees.nodes and peer not in self._expected

    def __len__(self) -> int:
        return len(self.trees.nodes) - len(self._expected)

    @property
    def root(self) -> str:
        """The publisher."""
        return self.trees.root.id

    @property
    def stripes(self) -> int:
        """How many trees there are."""
        return self.trees.stripes

    def children(self, peer: str) -> set[str]:
        """Everybody whom a peer, or the publisher, feeds."""
        return {child for children in self._node(peer).children for child in children}

    def parents(self, peer: str) -> tuple[str | None, ...]:
        """A peer's parents by stripe."""
        return self.trees.nodes[peer].parent_ids

    def join(self, peer: str, carries: bool, slots: int, *, relay: bool = False) -> None:
        """Give a newcomer its places. `slots`: (child, stripe) pairs that its upload can feed."""
        node = self._arrive(peer, carries, slots, relay)
        self._shed(node)
        taken = self._choose_home(node) if node.carries else {}
        for stripe, head in taken.items():
            self._take_over(node, head, stripe)
        for stripe in sorted(range(self.trees.stripes), key=lambda stripe: stripe not in node.home):
            if node.parents[stripe] is None:
                self._waiting.append((node, stripe))
        self._settle()

    def adopt(
        self,
        peer: str,
        carries: bool,
        slots: int,
        parents: Sequence[str | None],
        *,
        relay: bool = False,
        expect: bool = True,
    ) -> None:
        """Take in a peer that is being fed already, as after a restart of the introducer, as it is fed.

        A parent that is not there is expected to come back, until `expect_no_more`, if `expect` allows it.
        """
        node = self._arrive(peer, carries, slots, relay)
        for stripe, name in enumerate(parents[: self.trees.stripes]):
            parent = self._claimed(node, stripe, name, expect)
            if parent is None:
                continue
            self.trees.attach(node, stripe, parent)
            if parent is self.trees.root and node.carries:
                node.home.add(stripe)
            elif parent is not self.trees.root and stripe not in parent.home:
                # An expected parent shows by its children what it feeds; an idle one has no home to keep.
                if not parent.expected and parent.used == 1 and not self._is_head(parent):
                    parent.home.clear()
                parent.home.add(stripe)
                self.trees.refresh(parent)
        if node.carries and not node.home:
            node.home.add(self._neediest())
        self.trees.refresh(node)
        for stripe in range(self.trees.stripes):
            if node.parents[stripe] is None:
                self._waiting.append((node, stripe))
        self._shed(node)
        self._settle()

    def expect_no_more(self) -> None:
        """Those who were named as parents and have not come back are gone."""
        for peer in list(self._expected):
            self.leave(peer)

    def resize(self, peer: str, carries: bool, slots: int) -> None:
        """A peer's upload is another than was thought."""
        node = self.trees.nodes[peer]
        node.carries = carries and slots > 0
        node.slots = slots if node.carries else 0
        if node.carries:
            self._standbys.carriers.add(peer)
            if not node.home:
                node.home.add(self._neediest())
        else:
            self._standbys.carriers.discard(peer)
            node.home.clear()
        self.trees.refresh(node)
        self.trees.changed[peer] = None
        self._shed(node)
        self._settle()

    def leave(self, peer: str) -> None:
        """Take a peer out and give its children other parents."""
        node = self.trees.nodes.get(peer)
        if node is None:
            return
        for stripe in range(self.trees.stripes):
            self._release(node, stripe)
            self.trees.detach(node, stripe)
            self._unfed[stripe].pop(peer, None)
        self.trees.remove(node)
        self._expected.pop(peer, None)
        self._standbys.forget(peer)
        for other in node.separated:
            self._node(other).separated.discard(peer)
        self._told.pop(peer, None)
        self._tell.pop(peer, None)
        self._settle()

    def report(self, peer: str, parents: Sequence[str | None]) -> None:
        """A peer says who its parents are: a fail-over that fits becomes the plan, else it is told again."""
        node = self.trees.nodes[peer]
        accepted = False
        for stripe, name in enumerate(parents[: self.trees.stripes]):
            planned = node.parents[stripe]
            if name is None or (planned is not None and planned.id == name):
                continue
            parent = self._claimed(node, stripe, name, expect=False)
            if parent is None or (parent is self.trees.root and self.trees.heads(stripe) >= self._fan):
                self._tell[peer] = None
                continue
            self.trees.detach(node, stripe)
            self.trees.attach(node, stripe, parent)
            self._unfed[stripe].pop(peer, None)
            accepted = True
        if accepted:
            told = self._told.get(peer)
            if told is not None:
                self._told[peer] = (node.parent_ids, *told[1:])
            self._settle()

    def separate(self, one: str, other: str) -> bool:
        """Two peers cannot reach each other: neither is to feed the other until `reconcile`.

        Returns whether this is new.
        """
        first, second = self._node(one), self._node(other)
        if first is second or other in first.separated:
            return False
        first.separated.add(other)
        second.separated.add(one)
        self._standbys.separate(one, other)
        for child, parent in ((first, second), (second, first)):
            for stripe in range(self.trees.stripes):
                if child.parents[stripe] is parent:
                    self.trees.detach(child, stripe)
                    self._waiting.append((child, stripe))
        self._settle()
        return True

    def reconcile_root(self) -> None:
        """The publisher is back: everybody may try again."""
        for peer in list(self.trees.root.separated):
            self.trees.nodes[peer].separated.discard(self.root)
        self.trees.root.separated.clear()
        self._settle()

    def reconcile(self, one: str, other: str) -> None:
        """Two separated peers may try again."""
        for peer, friend in ((one, other), (other, one)):
            if peer == self.trees.root.id or peer in self.trees.nodes:
                self._node(peer).separated.discard(friend)
        self._settle()

    def tell_again(self, peer: str) -> None:
        """Have `changes` name a peer even though nothing changed for it."""
        if peer in self:
            self._tell[peer] = None

    def changes(self) -> dict[str, Assignment]:
        """The assignments that are other than when they were last returned."""
        assignments: dict[str, Assignment] = {}
        for peer in (*self.trees.changed, *self._tell):
            node = self.trees.nodes[peer]
            if node.expected or peer in assignments:
                continue
            told = self._told.get(peer)
            parents = node.parent_ids
            standbys = self._standbys.of(node, anew=told is None or told[0] != parents)
            now = (parents, standbys, node.slots)
            if now != told or peer in self._tell:
                self._told[peer] = now
                assignments[peer] = Assignment(*now, next(self._sequence))
        self.trees.changed.clear()
        self._tell.clear()
        return assignments

    def _node(self, peer: str) -> Node:
        return self.trees.root if peer == self.trees.root.id else self.trees.nodes[peer]

    def _arrive(self, peer: str, carries: bool, slots: int, relay: bool) -> Node:
        if peer == self.trees.root.id or peer in self:
            raise ValueError(f"{peer} is in the braid already.")
        node = self._expected.pop(peer, None) or Node(peer, self.trees.stripes, carries=False, slots=0)
        node.carries = carries and slots > 0
        node.slots = slots if node.carries else 0
        node.relay = relay
        if not node.carries:
            node.home.clear()
        if node.expected:
            self.trees.arrive(node)
        else:
            self.trees.add(node)
        self.trees.changed[peer] = None
        if node.carries:
            self._standbys.carriers.add(peer)
        return node

    def _claimed(self, node: Node, stripe: int, name: str | None, expect: bool) -> Node | None:
        """The node of a parent that a peer says it has, if it can be that."""
        if name is None or name == node.id or name in node.separated:
            return None
        if name == self.trees.root.id:
            return self.trees.root if self._root_has_room(node) else None
        parent = self.trees.nodes.get(name)
        if parent is None:
            if not expect:
                return None
            parent = Node(name, self.trees.stripes, carries=True, slots=0)
            self._expected[name] = parent
            self.trees.expect(parent)
        if parent.expected:
            return parent
        if not parent.carries or parent.free <= 0 or self.trees.is_under(parent, stripe, node):
            return None
        # A parent that came back but is not fed itself yet is one as well while others are expected.
        return parent if parent.depth[stripe] != UNFED else None

    def _choose_home(self, node: Node) -> dict[int, Node]:
        """Choose the stripes that a newcomer feeds; returns those where it takes a head's place."""
        taken: dict[int, Node] = {}
        if self._expected:
            node.home.add(self._neediest())
        elif self._root_has_room(node):
            node.home.update(stripe for stripe in range(self.trees.stripes) if not self.trees.heads(stripe))
            # Putting somebody under a newcomer moves all who are below: only in small rooms is that few.
            while len(taken) < node.free and len(self.trees.nodes) <= MANY_VIEWERS:
                heads: dict[str, list[int]] = {}
                for stripe in range(self.trees.stripes):
                    for child in self.trees.root.children[stripe].values():
                        if stripe in child.home and stripe not in taken and child.id not in node.separated:
                            heads.setdefault(child.id, []).append(stripe)
                most = max(heads, key=lambda peer: len(heads[peer]), default=None)
                if most is None or len(heads[most]) - len(node.home) <= 1:
                    break
                head = self.trees.nodes[most]
                stripe = min(heads[most], key=lambda stripe: len(head.children[stripe]))
                taken[stripe] = head
                node.home.add(stripe)
        if not node.home:
            node.home.add(self._neediest())
        self.trees.refresh(node)
        return taken

    def _take_over(self, node: Node, head: Node, stripe: int) -> None:
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

    def _neediest(self) -> int:
        return min(range(self.trees.stripes), key=lambda stripe: self.trees.spare[stripe])

    def _is_head(self, node: Node) -> bool:
        return any(node.parents[stripe] is self.trees.root for stripe in node.home)

    def _root_has_room(self, node: Node) -> bool:
        if node.id in self.trees.root.separated:
            return False
        return node.id in self.trees.root_links or len(self.trees.root_links) < self._root_links

    def _release(self, node: Node, stripe: int) -> None:
        for child in list(node.children[stripe].values()):
            self.trees.detach(child, stripe)
            self._waiting.append((child, stripe))

    def _shed(self, node: Node) -> None:
        """Take from a node the children that it has no slots for, first those outside its home."""
        stripes = sorted(range(self.trees.stripes), key=lambda stripe: stripe in node.home)
        for stripe in stripes:
            for child in list(node.children[stripe].values()):
                if node.free >= 0:
                    return
                self.trees.detach(child, stripe)
                self._waiting.append((child, stripe))

    def _settle(self) -> None:
        """Find places for all who wait for one, and better ones for those whom only the root could take."""
        viewers = len(self.trees.nodes)
        if viewers > MANY_VIEWERS:
            self._fan = 2
        elif viewers < FEW_VIEWERS:
            self._fan = 1
        self._place_waiting()
        progress = True
        while progress:
            # What one got, above all a link to the root, may be what another of its stripes needed.
            unfed = sum(map(len, self._unfed))
            for stripe, nodes in enumerate(self._unfed):
                self._waiting.extend((node, stripe) for node in islice(nodes.values(), RETRIES))
            self._place_waiting()
            moved = not self._expected and self._relieve_root()
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
            if stripe not in node.home and not self._expected and not self.trees.heads(stripe):
                self._elect_head(stripe)
            if node.parents[stripe] is not None or self._place(node, stripe):
                self._unfed[stripe].pop(node.id, None)
            else:
                self._unfed[stripe][node.id] = node
                self._release(node, stripe)

    def _place(self, node: Node, stripe: int) -> bool:
        trees = self.trees
        feeds = stripe in node.home and node.carries
        if feeds and trees.heads(stripe) < self._fan and self._root_has_room(node):
            trees.attach(node, stripe, trees.root)
            return True
        parent = trees.open_slot(node, stripe)
        if feeds and node.free > 0:
            leaf = trees.leaf(node, stripe)
            if leaf is not None and (parent is None or leaf.depth[stripe] <= parent.depth[stripe]):
                above = leaf.parents[stripe]
                if above is not None and (above is not trees.root or self._root_has_room(node)):
                    trees.detach(leaf, stripe)
                    trees.attach(node, stripe, above)
                    trees.attach(leaf, stripe, node)
                    return True
        if parent is None:
            parent = self._recruit(node, stripe)
        if parent is None and self._root_has_room(node):
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
            if node.parents[stripe] is not self.trees.root and self._root_has_room(node)
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
                node.used == 0 and not self._is_head(node),
                -len(node.home),
                -node.depth[stripe],
                node.free,
            ),
            default=None,
        )
        if node is not None:
            if node.used == 0 and not self._is_head(node):
                node.home.clear()
            node.home.add(stripe)
            self.trees.refresh(node)
        return node

    def _relieve_root(self) -> bool:
        """Move superfluous children of the root to free slots elsewhere; returns whether any was moved."""
        moved = False
        for stripe in range(self.trees.stripes):
            children = self.trees.root.children[stripe]
            if len(children) <= self._fan or not self.trees.free:
                continue
            # First those who feed nobody; a head with many below it is not worth the change.
            surplus = sorted(
                (child for child in children.values() if len(child.children[stripe]) <= MOVES),
                key=lambda child: (stripe in child.home, len(child.children[stripe]), child.slots),
            )
            for child in surplus[:MOVES]:
                if len(children) <= self._fan:
                    break
                self.trees.detach(child, stripe)
                parent = self.trees.open_slot(child, stripe) or self._recruit(child, stripe)
                self.trees.attach(child, stripe, parent or self.trees.root)
                moved = moved or parent is not None
        return moved
