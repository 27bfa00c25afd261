"""Who feeds whom in one braid: S striped trees, each peer interior in one of them and a leaf in the others.

What comes and goes, what peers report, and what they are told; `placement` has the rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from signaling.core.placement import ROOT_LINKS, Placement
from signaling.core.pool import Chance
from signaling.core.standbys import Standbys
from signaling.core.trees import UNFED, Node, Trees


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
        self._placement = Placement(self.trees, root_links)
        self._sequence = count(1) if sequence is None else sequence
        self._standbys = Standbys(self.trees, chance)
        self._told: dict[str, tuple[tuple[str | None, ...], tuple[str, ...], int]] = {}
        self._tell: dict[str, None] = {}

    def __contains__(self, peer: object) -> bool:
        return peer in self.trees.nodes and peer not in self._placement.expected

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
        self._placement.shed(node)
        taken = self._placement.choose_home(node) if node.carries else {}
        for stripe, head in taken.items():
            self._placement.take_over(node, head, stripe)
        for stripe in sorted(range(self.trees.stripes), key=lambda stripe: stripe not in node.home):
            if node.parents[stripe] is None:
                self._placement.want(node, stripe)
        self._placement.settle()

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
                if not parent.expected and parent.used == 1 and not self._placement.is_head(parent):
                    parent.home.clear()
                parent.home.add(stripe)
                self.trees.refresh(parent)
        if node.carries and not node.home:
            node.home.add(self._placement.neediest())
        self.trees.refresh(node)
        for stripe in range(self.trees.stripes):
            if node.parents[stripe] is None:
                self._placement.want(node, stripe)
        self._placement.shed(node)
        self._placement.settle()

    def expect_no_more(self) -> None:
        """Those who were named as parents and have not come back are gone."""
        for peer in list(self._placement.expected):
            self.leave(peer)

    def resize(self, peer: str, carries: bool, slots: int) -> None:
        """A peer's upload is another than was thought."""
        node = self.trees.nodes[peer]
        node.carries = carries and slots > 0
        node.slots = slots if node.carries else 0
        if node.carries:
            self._standbys.carriers.add(peer)
            if not node.home:
                node.home.add(self._placement.neediest())
        else:
            self._standbys.carriers.discard(peer)
            node.home.clear()
        self.trees.refresh(node)
        self.trees.changed[peer] = None
        self._placement.shed(node)
        self._placement.settle()

    def leave(self, peer: str) -> None:
        """Take a peer out and give its children other parents."""
        node = self.trees.nodes.get(peer)
        if node is None:
            return
        for stripe in range(self.trees.stripes):
            self._placement.release(node, stripe)
            self.trees.detach(node, stripe)
            self._placement.satisfied(node, stripe)
        self.trees.remove(node)
        self._placement.expected.pop(peer, None)
        self._standbys.forget(peer)
        for other in node.separated:
            self._node(other).separated.discard(peer)
        self._told.pop(peer, None)
        self._tell.pop(peer, None)
        self._placement.settle()

    def report(self, peer: str, parents: Sequence[str | None]) -> None:
        """A peer says who its parents are: a fail-over that fits becomes the plan, else it is told again."""
        node = self.trees.nodes[peer]
        accepted: dict[int, str] = {}
        for stripe, name in enumerate(parents[: self.trees.stripes]):
            planned = node.parents[stripe]
            if name is None and (planned is None or not planned.away):
                continue
            if planned is not None and planned.id == name:
                continue
            parent = self._claimed(node, stripe, name, expect=False)
            if parent is self.trees.root and self.trees.heads(stripe) >= self._placement.fan:
                parent = None
            if parent is not None:
                self.trees.detach(node, stripe)
                self.trees.attach(node, stripe, parent)
                self._placement.satisfied(node, stripe)
                accepted[stripe] = parent.id
            elif planned is not None and planned.away:
                self.trees.detach(node, stripe)
                self._placement.want(node, stripe)
            else:
                self._tell[peer] = None
        told = self._told.get(peer)
        if accepted and told is not None:
            known = tuple(accepted.get(stripe, name) for stripe, name in enumerate(told[0]))
            self._told[peer] = (known, *told[1:])
        self._placement.settle()

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
                    self._placement.want(child, stripe)
        self._placement.settle()
        return True

    def reconcile_all(self, peer: str) -> None:
        """A peer, or the publisher, is back on another way: everybody may try again to reach it."""
        node = self._node(peer)
        for other in node.separated:
            self._node(other).separated.discard(peer)
        node.separated.clear()
        self._placement.settle()

    def reconcile(self, one: str, other: str) -> None:
        """Two separated peers may try again."""
        for peer, friend in ((one, other), (other, one)):
            if peer == self.trees.root.id or peer in self.trees.nodes:
                self._node(peer).separated.discard(friend)
        self._placement.settle()

    def set_away(self, peer: str, away: bool) -> None:
        """The introducer has lost, or found again, a peer: it keeps its places, but gets no more children."""
        node = self.trees.nodes[peer]
        node.away = away
        self.trees.refresh(node)
        self._placement.settle()

    def tell_again(self, peer: str) -> None:
        """Have `changes` name a peer even though nothing changed for it."""
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
        node = self._placement.expected.pop(peer, None) or Node(
            peer, self.trees.stripes, carries=False, slots=0
        )
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
            return self.trees.root if self._placement.root_has_room(node) else None
        parent = self.trees.nodes.get(name)
        if parent is None:
            if not expect:
                return None
            parent = Node(name, self.trees.stripes, carries=True, slots=0)
            self._placement.expected[name] = parent
            self.trees.expect(parent)
        if parent.expected:
            return parent
        if not parent.has_room or parent.depth[stripe] == UNFED:
            return None
        return None if self.trees.is_under(parent, stripe, node) else parent
