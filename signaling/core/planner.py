"""Who feeds whom in one braid: S striped trees, each peer interior in one of them and a leaf in the others.

What comes and goes, what peers report, and what they are told. `placement` has the rules for places,
`succession` those for the gaps that leavers make, `promotion` those for better places, `capacity` how much
a peer is given to feed, `appraisal` what is made of reports, `fail_overs` of the parents in them.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from signaling.core.appraisal import Appraisal, Fare
from signaling.core.capacity import Capacity
from signaling.core.fail_overs import FailOvers
from signaling.core.heads import take_over
from signaling.core.nodes import FEW, Node
from signaling.core.parity import Parity
from signaling.core.placement import BUDGET, ROOT_LINKS, Placement
from signaling.core.pool import Chance
from signaling.core.promotion import Promotion
from signaling.core.shortage import Shortage
from signaling.core.standbys import Standbys
from signaling.core.succession import succeed
from signaling.core.trees import Trees

REMEMBERED = 4_096
"""Peers that left whose capacity is remembered: who comes back is neither unknown nor forgiven."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a peer is told: a parent or None by stripe, standbys, its (child, stripe) pairs at most."""

    parents: tuple[str | None, ...]
    standbys: tuple[str, ...]
    slots: int
    sequence: int


class Planner:
    """The plan of one braid. Peers are named by their id; the publisher, the root, is not one of them.

    `root_links` bounds the peers that the publisher feeds, `budget` what it sends, in times the stream.
    """

    def __init__(
        self,
        root: str,
        stripes: int,
        chance: Chance,
        *,
        root_links: int = ROOT_LINKS,
        budget: float = BUDGET,
        sequence: Iterator[int] | None = None,
    ) -> None:
        self.trees = Trees(root, stripes)
        self._placement = Placement(self.trees, root_links, budget)
        self._promotion = Promotion(self.trees, self._placement)
        self._shortage = Shortage(self.trees, self._placement)
        self._parity = Parity(self.trees, self._placement)
        self._appraisal = Appraisal(self.trees)
        self._fail_overs = FailOvers(self.trees, self._placement)
        self._sequence = count(1) if sequence is None else sequence
        self._standbys = Standbys(self.trees, chance)
        self._told: dict[str, tuple[tuple[str | None, ...], tuple[str, ...], int]] = {}
        self._tell: dict[str, None] = {}
        self._remembered: OrderedDict[str, Capacity] = OrderedDict()

    def __contains__(self, peer: object) -> bool:
        return peer in self.trees.nodes and peer not in self._placement.expected

    @property
    def root(self) -> str:
        """The publisher."""
        return self.trees.root.id

    @property
    def stripes(self) -> int:
        """How many trees there are, without the parity stripe's."""
        return self.trees.stripes

    def children(self, peer: str) -> set[str]:
        """Everybody whom a peer, or the publisher, feeds."""
        return set(self._node(peer).fed)

    def parents(self, peer: str) -> tuple[str | None, ...]:
        """A peer's parents by stripe."""
        return self.trees.nodes[peer].parent_ids

    def join(
        self,
        peer: str,
        carries: bool,
        slots: int,
        *,
        most: int | None = None,
        relay: bool = False,
        prefix: str | None = None,
        parity: bool = False,
        now: float = 0.0,
    ) -> None:
        """Give a newcomer its places.

        `slots`: (child, stripe) pairs that it begins with; `most`: how many they may become as children
        confirm them (no more than `slots` unless given); `prefix`: of its address.
        """
        self.trees.now = now
        takes = self._parity.arrives(peer, parity)
        node = self._arrive(peer, carries, slots, most, relay, prefix, takes)
        self._placement.shed(node)
        taken = self._placement.choose_home(node) if node.carries else {}
        take_over(self.trees, node, taken)
        for stripe in sorted(node.takes, key=lambda stripe: stripe not in node.home):
            if node.parents[stripe] is None:
                self._placement.want(node, stripe)
        self._settle()

    def adopt(
        self,
        peer: str,
        carries: bool,
        slots: int,
        parents: Sequence[str | None],
        *,
        most: int | None = None,
        relay: bool = False,
        prefix: str | None = None,
        parity: bool = False,
        expect: bool = True,
        now: float = 0.0,
    ) -> None:
        """Take in a peer that is being fed already, as after a restart of the introducer, as it is fed.

        A parent that is not there is expected to come back, until `expect_no_more`, if `expect` allows it.
        """
        self.trees.now = now
        takes = self._parity.arrives(peer, parity, takes=True)
        node = self._arrive(peer, carries, slots, most, relay, prefix, takes)
        for stripe, name in zip(node.takes, parents, strict=False):
            parent = self._fail_overs.claimed(node, stripe, name)
            unknown = name not in self.trees.nodes and name != self.root
            if parent is None and expect and unknown and name is not None:
                parent = self._expect(name, parity=stripe == self.stripes)
            if parent is None:
                continue
            self.trees.attach(node, stripe, parent)
            if parent is self.trees.root and node.carries:
                node.home.add(stripe)
            elif parent is not self.trees.root and stripe not in parent.home:
                # An expected parent shows by its children what it feeds; an idle one has no home to keep.
                if not parent.expected and parent.used == 1 and not self.trees.is_head(parent):
                    parent.home.clear()
                parent.home.add(stripe)
                self.trees.refresh(parent)
        if node.carries and not node.home:
            node.home.add(self._placement.neediest(node))
        self.trees.refresh(node)
        for stripe in node.takes:
            if node.parents[stripe] is None:
                self._placement.want(node, stripe)
        self._placement.shed(node)
        self._settle()

    def expect_no_more(self, now: float = 0.0) -> None:
        """Those who were named as parents and have not come back are gone."""
        for peer in list(self._placement.expected):
            self.leave(peer, now)

    def resize(
        self,
        peer: str,
        carries: bool,
        slots: int,
        *,
        most: int | None = None,
        parity: bool = False,
        now: float = 0.0,
    ) -> None:
        """A peer says that it carries or not, that its bound is another, that it takes parity or not.

        With a bound `most` what was measured stays, else `slots` is what it is given from now on.
        """
        self.trees.now = now
        node = self.trees.nodes[peer]
        node.willing = carries
        if most is None:
            node.capacity = Capacity(slots, slots)
        else:
            node.capacity.most = most
        self._parity.ask(node, parity)
        self._refit(node)
        self.trees.changed[peer] = None
        self._settle()

    def leave(self, peer: str, now: float = 0.0) -> None:
        """Take a peer out and give its children other parents."""
        self.trees.now = max(self.trees.now, now)
        node = self.trees.nodes.get(peer)
        if node is None:
            return
        for stripe in self.trees.all:
            succeed(self.trees, self._placement, node, stripe)
        self._placement.forget(node)
        self._parity.leaves(peer)
        self.trees.remove(node)
        self._placement.expected.pop(peer, None)
        self._standbys.forget(peer)
        for other in node.separated:
            self._node(other).separated.discard(peer)
        self._told.pop(peer, None)
        self._tell.pop(peer, None)
        if not node.expected and node.capacity.forget():
            self._remembered[peer] = node.capacity
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        self._settle()

    def report(
        self,
        peer: str,
        parents: Sequence[str | None],
        *,
        fare: Fare | None = None,
        final: bool = True,
        now: float = 0.0,
    ) -> list[str]:
        """A peer says who its parents are, and how it fares.

        A fail-over that fits becomes the plan, else it is told again; `final`: even if its plan is so new
        that it may not have known it. Returns parents that push far less to it than others do.
        """
        self.trees.now = now
        node = self.trees.nodes[peer]
        self._follow(node, parents, final)
        weak: list[str] = []
        if fare is not None:
            appraised = self._appraisal.hear(node, tuple(parents), fare)
            weak = appraised.weak
            for other in (node, *appraised.parents):
                self._refit(other)
            self._parity.review(node)
        self._shortage.end(node)
        for stripe in node.takes:
            if node.parents[stripe] is None and fare is not None:
                self._placement.want(node, stripe)
        if tuple(parents) == node.parent_ids:
            self._promotion.consider(node)
        self._settle()
        return weak

    def separate(self, one: str, other: str, *, now: float = 0.0) -> bool:
        """Two peers cannot reach each other: neither is to feed the other until `reconcile`.

        Returns whether this is new.
        """
        self.trees.now = max(self.trees.now, now)
        first, second = self._node(one), self._node(other)
        if first is second or other in first.separated:
            return False
        first.separated.add(other)
        second.separated.add(one)
        self._standbys.separate(one, other)
        self._placement.part(first, second)
        self._placement.part(second, first)
        self._settle()
        return True

    def blame(self, child: str, parent: str, now: float) -> None:
        """A child could not keep, or not reach, one that was to feed it."""
        blamed = self.trees.nodes.get(parent)
        accuser = self.trees.nodes.get(child)
        if blamed is not None and accuser is not None and child in blamed.fed:
            blamed.capacity.blame(child, accuser.network(), len(blamed.fed), now)
            self._refit(blamed)
            self._settle()

    def reconcile_all(self, peer: str) -> None:
        """A peer, or the publisher, is back on another way: everybody may try again to reach it."""
        node = self._node(peer)
        for other in node.separated:
            self._node(other).separated.discard(peer)
        node.separated.clear()
        self._settle()

    def reconcile(self, one: str, other: str) -> None:
        """Two separated peers may try again."""
        for peer, friend in ((one, other), (other, one)):
            if peer == self.trees.root.id or peer in self.trees.nodes:
                self._node(peer).separated.discard(friend)
        self._settle()

    def set_away(self, peer: str, away: bool) -> None:
        """The introducer has lost, or found again, a peer: it keeps its places, but gets no more children."""
        node = self.trees.nodes[peer]
        node.away = away
        self.trees.refresh(node)
        self._settle()

    def set_prefix(self, peer: str, prefix: str | None) -> None:
        """A peer is in another network now."""
        self.trees.nodes[peer].prefix = prefix

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
            anew = told is None or told[0] != parents
            standbys = () if node.by_origin else self._standbys.of(node, anew=anew)
            now = (parents, standbys, node.slots)
            if now != told or peer in self._tell:
                self._told[peer] = now
                assignments[peer] = Assignment(*now, next(self._sequence))
        self.trees.changed.clear()
        self._tell.clear()
        return assignments

    def set_origin(self, origin: bool) -> None:
        """Whether the stream can be had over HTTP: then who gives nothing may be left to that."""
        self._shortage.origin = origin

    def _settle(self) -> None:
        self._placement.settle()
        while self._shortage.relieve():
            self._placement.settle()

    def _node(self, peer: str) -> Node:
        return self.trees.root if peer == self.trees.root.id else self.trees.nodes[peer]

    def _arrive(
        self,
        peer: str,
        carries: bool,
        slots: int,
        most: int | None,
        relay: bool,
        prefix: str | None,
        parity: bool,
    ) -> Node:
        if peer == self.trees.root.id or peer in self:
            raise ValueError(f"{peer} is in the braid already.")
        node = self._placement.expected.pop(peer, None) or Node(
            peer, self.trees.stripes, carries=False, slots=0
        )
        known = self._remembered.pop(peer) if peer in self._remembered else None
        node.capacity = Capacity(slots, slots) if known is None else known
        node.capacity.most = slots if most is None else most
        node.willing = carries
        node.slots = node.capacity.slots if carries else 0
        node.carries = node.slots > 0
        node.relay = relay
        node.prefix = prefix
        feeds = bool(node.children[self.trees.stripes])  # as others said while it was expected
        node.parity = feeds or parity
        node.enlisted = feeds and not parity
        node.joined_at = self.trees.now
        node.placed_at = [self.trees.now] * len(self.trees.all)
        node.standing = node.stand(self.trees.now)
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

    def _refit(self, node: Node) -> None:
        """Bring a node's slots, standing and homes in line with what is known of its capacity."""
        node.capacity.spares = len(self.trees.nodes) >= FEW
        slots = node.capacity.slots if node.willing else 0
        standing = node.standing
        if (slots, slots > 0) != (node.slots, node.carries):
            node.slots = slots
            node.carries = slots > 0
            self.trees.changed[node.id] = None
            if not node.carries:
                self._standbys.carriers.discard(node.id)
                node.home.clear()
            else:
                self._standbys.carriers.add(node.id)
                if not node.home:
                    node.home.add(self._placement.neediest(node))
            standing = -1
        node.standing = node.stand(self.trees.now)
        if node.standing != standing:
            self.trees.refresh(node)
            if node.used > min(node.capacity.bearable, 2 * node.slots):
                self._placement.shed(node)

    def _follow(self, node: Node, parents: Sequence[str | None], final: bool) -> None:
        if node.by_origin:
            return
        accepted, again = self._fail_overs.follow(node, parents, final)
        if again:
            self._tell[node.id] = None
        told = self._told.get(node.id)
        if accepted and told is not None:
            known = tuple(accepted.get(stripe, name) for stripe, name in enumerate(told[0]))
            self._told[node.id] = (known, *told[1:])

    def _expect(self, name: str, *, parity: bool) -> Node:
        """Take in a parent that was named and has not come back yet."""
        parent = Node(name, self.trees.stripes, carries=True, slots=0, parity=parity)
        self._placement.expected[name] = parent
        self.trees.expect(parent)
        return parent
