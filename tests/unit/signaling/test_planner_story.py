"""Whatever comes, goes, fails, lies and is said of others: the plan stays one that can be carried out."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signaling.core.appraisal import Fare
from signaling.core.nodes import COOLDOWN, MOST_CHILDREN, UNFED, Node
from signaling.core.planner import Planner
from signaling.core.trees import IDLE, MOST_DEPTH
from tests.unit.signaling.test_planner import ROOT, may_be_asked

MOST_PEERS = 45
PREFIXES = [None, "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"]

peers = st.integers(0, MOST_PEERS - 1)
"""Somebody of those who are there; the same number is the same peer until one before it leaves."""
slots = st.integers(0, 12) | st.just(60)
shares = st.sampled_from([0.0, 0.1, 0.4, 0.8, 0.9, 1.0])


class Story(RuleBasedStateMachine):
    """A room of one braid."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.names: list[str] = []
        self.count = 0
        self.last = 0

    @initialize(
        seed=st.integers(0, 2**32),
        stripes=st.sampled_from([4, 4, 4, 1, 2, 16]),
        root_links=st.sampled_from([24, 24, 1, 2, 5]),
        budget=st.sampled_from([6.0, 6.0, 1.0, 2.0]),
        crowd=st.sampled_from([0, 0, 3, 35]),
    )
    def begin(self, seed: int, stripes: int, root_links: int, budget: float, crowd: int) -> None:
        self.root_links, self.root_slots = root_links, int(budget * stripes)
        self.planner = Planner(ROOT, stripes, random.Random(seed), root_links=root_links, budget=budget)
        for number in range(crowd):
            self.join(number % 4 != 3, number % 7, 30, False, None, False, 0.0)

    # --- what happens

    def name(self) -> str:
        self.count += 1
        return f"p{self.count}"

    def peer(self, number: int) -> str:
        return self.names[number % len(self.names)]

    def anybody(self, number: int) -> str:
        return [ROOT, *self.names][number % (len(self.names) + 1)]

    @rule(seconds=st.sampled_from([0.5, 5.0, COOLDOWN, 70.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.names) < MOST_PEERS)
    @rule(
        carries=st.booleans(),
        slots=slots,
        most=st.none() | slots,
        relay=st.booleans(),
        prefix=st.sampled_from(PREFIXES),
        parity=st.booleans(),
        seconds=st.sampled_from([0.0, 1.0]),
    )
    def join(
        self,
        carries: bool,
        slots: int,
        most: int | None,
        relay: bool,
        prefix: str | None,
        parity: bool,
        seconds: float,
    ) -> None:
        self.now += seconds
        peer = self.name()
        self.planner.join(
            peer, carries, slots, most=most, relay=relay, prefix=prefix, parity=parity, now=self.now
        )
        self.names.append(peer)

    @precondition(lambda self: len(self.names) < MOST_PEERS)
    @rule(
        carries=st.booleans(),
        slots=slots,
        parity=st.booleans(),
        claims=st.lists(st.integers(-3, MOST_PEERS), max_size=17),
        ghosts=st.integers(0, 2),
        expect=st.booleans(),
    )
    def adopt(
        self, carries: bool, slots: int, parity: bool, claims: list[int], ghosts: int, expect: bool
    ) -> None:
        """One comes back and says who feeds it: others, nobody, itself, some who are not back yet."""
        peer = self.name()
        parents = [
            self.anybody(claim) if claim >= 0 else {-1: None, -2: peer, -3: f"p{self.count + ghosts}"}[claim]
            for claim in claims
        ]
        self.planner.adopt(peer, carries, slots, parents, parity=parity, expect=expect, now=self.now)
        self.names.append(peer)

    @precondition(lambda self: self.names)
    @rule(who=peers)
    def leave(self, who: int) -> None:
        peer = self.peer(who)
        self.names.remove(peer)
        self.planner.leave(peer, self.now)

    @precondition(lambda self: self.names)
    @rule(
        who=peers,
        got=st.lists(shares, min_size=1, max_size=5),
        loss=shares,
        rtt=st.dictionaries(peers, st.sampled_from([0.005, 0.05, 0.4]), max_size=4),
        slots=st.none() | slots,
        acted=st.booleans(),
    )
    def report(
        self, who: int, got: list[float], loss: float, rtt: dict[int, float], slots: int | None, acted: bool
    ) -> None:
        """One follows the plan and says how it fares; the weak are blamed and kept apart, as in a room."""
        peer = self.peer(who)
        parents = self.planner.parents(peer)
        received: dict[str, int] = {}
        for stripe, parent in enumerate(parents):
            if parent is not None:
                received[parent] = received.get(parent, 0) + int(1000 * got[stripe % len(got)])
        fare = Fare(received, loss, {self.anybody(other): seconds for other, seconds in rtt.items()}, slots)
        for weak in self.planner.report(peer, parents, fare=fare, now=self.now):
            if acted:
                self.planner.blame(peer, weak, self.now)
                self.planner.separate(peer, weak, now=self.now)

    @precondition(lambda self: self.names)
    @rule(seconds=st.sampled_from([2.0, COOLDOWN]), got=shares)
    def everybody_reports(self, seconds: float, got: float) -> None:
        self.now += seconds
        for who in range(len(self.names)):
            self.report(who, [got], 1.0 - got, {}, None, True)

    @precondition(lambda self: self.names)
    @rule(
        who=peers,
        stripe=st.integers(0, 16),
        parent=st.none() | peers,
        fare=st.booleans(),
        final=st.booleans(),
    )
    def fail_over(self, who: int, stripe: int, parent: int | None, fare: bool, final: bool) -> None:
        """One has another parent than planned on a stripe, or says so."""
        peer = self.peer(who)
        parents = list(self.planner.parents(peer))
        parents[stripe % len(parents)] = None if parent is None else self.anybody(parent)
        self.planner.report(peer, parents, fare=Fare() if fare else None, final=final, now=self.now)

    @precondition(lambda self: self.names)
    @rule(who=peers, claims=st.lists(st.none() | peers, max_size=17), loss=shares)
    def lie(self, who: int, claims: list[int | None], loss: float) -> None:
        """One reports whatever parents, and that they push nothing, or everything."""
        parents = [None if claim is None else self.anybody(claim) for claim in claims]
        received = {parent: int(1e6 * loss) for parent in parents if parent is not None}
        fare = Fare({**received, "nobody": 5}, loss)
        self.planner.report(self.peer(who), parents, fare=fare, now=self.now)

    @precondition(lambda self: self.names)
    @rule(who=peers, carries=st.booleans(), slots=slots, most=st.none() | slots, parity=st.booleans())
    def resize(self, who: int, carries: bool, slots: int, most: int | None, parity: bool) -> None:
        self.planner.resize(self.peer(who), carries, slots, most=most, parity=parity, now=self.now)

    @precondition(lambda self: self.names)
    @rule(who=peers, parent=peers)
    def blame(self, who: int, parent: int) -> None:
        feeding = self.planner.parents(self.peer(who))
        self.planner.blame(self.peer(who), feeding[parent % len(feeding)] or self.peer(parent), self.now)

    @precondition(lambda self: self.names)
    @rule(who=peers, other=peers, again=st.booleans())
    def separate(self, who: int, other: int, again: bool) -> None:
        self.planner.separate(self.peer(who), self.anybody(other), now=self.now)
        if again:
            self.planner.reconcile(self.peer(who), self.anybody(other))

    @precondition(lambda self: self.names)
    @rule(who=peers, stripe=st.integers(0, 16))
    def lose_parent(self, who: int, stripe: int) -> None:
        parents = self.planner.parents(self.peer(who))
        parent = parents[stripe % len(parents)]
        if parent is not None and (parent == ROOT or parent in self.planner):
            self.planner.separate(self.peer(who), parent, now=self.now)

    @precondition(lambda self: self.names)
    @rule(who=peers, one=st.booleans(), other=peers)
    def reconcile(self, who: int, one: bool, other: int) -> None:
        if one:
            self.planner.reconcile(self.peer(who), self.anybody(other))
        else:
            self.planner.reconcile_all(self.anybody(who))

    @precondition(lambda self: self.names)
    @rule(who=peers, away=st.booleans())
    def set_away(self, who: int, away: bool) -> None:
        self.planner.set_away(self.peer(who), away)

    @precondition(lambda self: self.names)
    @rule(who=peers, prefix=st.sampled_from(PREFIXES))
    def move_to_another_network(self, who: int, prefix: str | None) -> None:
        self.planner.set_prefix(self.peer(who), prefix)

    @rule()
    def expect_no_more(self) -> None:
        self.planner.expect_no_more(self.now)

    @rule()
    def rest(self) -> None:
        """Whom it has left to later events is tried again: then nobody is left out while there is room."""
        for _ in range(20):
            self.planner.reconcile("nobody", "no one")
        for node in self.planner.trees.nodes.values():
            for stripe in node.takes:
                if node.parents[stripe] is None and not node.expected:
                    assert not self.root_has_room(node)
                    assert not [other.id for other in self.able(stripe) if self.may_feed(other, node, stripe)]

    def root_has_room(self, node: Node) -> bool:
        root = self.planner.trees.root
        linked = node.id in root.fed or len(root.fed) < self.root_links
        return node.id not in root.separated and root.used < self.root_slots and linked

    def able(self, stripe: int) -> list[Node]:
        nodes = self.planner.trees.nodes.values()
        return [node for node in nodes if node.has_room and 0 <= node.depth[stripe] < MOST_DEPTH]

    def may_feed(self, other: Node, node: Node, stripe: int) -> bool:
        asked = stripe in other.home or may_be_asked(self.planner, other)
        return asked and other is not node and other.id not in node.separated

    # --- what holds whatever happens

    @invariant()
    def plan_is_sound(self) -> None:
        self.edges_agree_and_lead_to_the_publisher()
        self.whoever_is_not_fed_is_counted()
        self.nobody_feeds_more_than_it_can()
        self.nobody_is_fed_by_one_who_is_kept_apart_from_it()
        self.what_is_looked_up_is_what_is_there()
        self.peers_are_told_what_is_planned()

    def edges_agree_and_lead_to_the_publisher(self) -> None:
        trees = self.planner.trees
        for node in trees.nodes.values():
            for stripe in trees.all:
                parent = node.parents[stripe]
                if parent is None:
                    assert node.expected or not node.children[stripe], "one who is not fed feeds nobody"
                    assert node.expected or node.depth[stripe] == UNFED
                    continue
                assert stripe in node.takes
                assert parent.children[stripe][node.id] is node
                assert node.depth[stripe] == parent.depth[stripe] + 1
                above: list[Node] = [node]
                while (at := above[-1].parents[stripe]) is not None:
                    assert at not in above, "a circle"
                    above.append(at)
                assert above[-1] is trees.root or above[-1].expected
            for stripe in trees.all:
                for child in node.children[stripe].values():
                    assert child.parents[stripe] is node
                    assert trees.nodes[child.id] is child

    def whoever_is_not_fed_is_counted(self) -> None:
        trees = self.planner.trees
        for stripe in trees.all:
            unfed = {
                node.id
                for node in trees.nodes.values()
                if stripe in node.takes and node.parents[stripe] is None and not node.expected
            }
            assert self.planner._placement._unfed[stripe].keys() == unfed
        assert not self.planner._placement._waiting

    def nobody_feeds_more_than_it_can(self) -> None:
        trees = self.planner.trees
        for node in (trees.root, *trees.nodes.values()):
            fed: dict[str, int] = {}
            for children in node.children:
                for child in children:
                    fed[child] = fed.get(child, 0) + 1
            assert node.fed == fed
            assert node.used == sum(fed.values())
            if node is not trees.root and not node.expected:
                # Of those that it says that it has no room for now, as many may stay as it has room for.
                assert node.used <= min(2 * node.slots, max(node.slots, node.capacity.allowed))
                assert len(fed) <= MOST_CHILDREN
                assert node.carries == (node.slots > 0)
                assert bool(node.home) == node.carries
                assert node.home <= set(node.takes)
        assert trees.root.used <= self.root_slots
        assert len(trees.root.fed) <= self.root_links

    def nobody_is_fed_by_one_who_is_kept_apart_from_it(self) -> None:
        trees = self.planner.trees
        for node in trees.nodes.values():
            assert node.id not in node.separated
            for parent in node.parents:
                if parent is not None:
                    assert parent.id not in node.separated
                    assert node.id not in parent.separated
            for other in node.separated:
                friend = trees.root if other == ROOT else trees.nodes[other]
                assert node.id in friend.separated

    def what_is_looked_up_is_what_is_there(self) -> None:
        trees = self.planner.trees
        supply = [0] * len(trees.all)
        for node in trees.nodes.values():
            was = [self.looked_up(node, stripe) for stripe in trees.all]
            trees.refresh(node)
            assert was == [self.looked_up(node, stripe) for stripe in trees.all]
            for stripe in node.home if node.carries else ():
                supply[stripe] += node.supplies(stripe)
        assert supply == trees.supply

    @staticmethod
    def looked_up(node: Node, stripe: int) -> tuple[bool, bool, bool, int, int, int]:
        """One whom a child has just confirmed may be taken for untried until something else changes."""
        able, idle = node.able_at != UNFED, node.able_at == IDLE
        places = (node.leaf_at[stripe], node.weak_at[stripe], node.reserve_at[stripe])
        return (able, idle, node.open_at[stripe] != UNFED, *places)

    def peers_are_told_what_is_planned(self) -> None:
        trees = self.planner.trees
        for peer, told in self.planner.changes().items():
            node = trees.nodes[peer]
            assert told.parents == self.planner.parents(peer)
            assert told.slots == node.slots
            assert told.sequence > self.last
            self.last = told.sequence
            extras = set(told.standbys) - set(told.parents)
            assert len(set(told.standbys)) == len(told.standbys)
            assert peer not in extras
            assert not extras & node.separated
            assert extras <= trees.nodes.keys()
        for node in trees.nodes.values():
            if not node.expected:
                told_parents = self.planner._told[node.id][0]
                assert told_parents == node.parent_ids, "a change that nobody was told of"

    def teardown(self) -> None:
        """When nothing happens any more, parents are different wherever others are as near."""
        if not self.names:
            return
        self.planner.expect_no_more(self.now)
        for peer in self.names:
            self.planner.set_away(peer, False)
        for _ in range(60):
            self.now += COOLDOWN
            for peer in self.names:
                self.planner.report(peer, self.planner.parents(peer), now=self.now)
            if not self.planner.changes():
                break
        for node in self.planner.trees.nodes.values():
            self.assert_disjoint(node)

    def assert_disjoint(self, node: Node) -> None:
        trees = self.planner.trees
        for stripe in node.takes:
            parent = node.parents[stripe]
            if parent is None or parent is trees.root or node.parents.count(parent) == 1:
                continue
            found = trees.open_slot(node, stripe, parent.depth[stripe] + 1)
            assert found is None or found in node.parents


Story.TestCase.settings = settings(stateful_step_count=40)
TestStory = pytest.mark.crowd(Story.TestCase)
