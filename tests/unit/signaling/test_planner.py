"""The planner keeps its promises whatever comes, goes and fails."""

import math
import random

import pytest

from signaling.core.nodes import UNFED, WHOLE, Node
from signaling.core.planner import REMEMBERED, Planner
from signaling.core.recruits import SMALL_ROOM
from signaling.core.trees import MOST_DEPTH

ROOT = "publisher"
STRIPES = 4


def make(viewers: int, *, slots: int = 8, stripes: int = STRIPES, seed: int = 1) -> Planner:
    planner = Planner(ROOT, stripes, random.Random(seed))
    for number in range(viewers):
        planner.join(f"v{number}", True, slots)
    return planner


def heads(planner: Planner) -> list[list[str]]:
    return [list(children) for children in planner.trees.root.children[:STRIPES]]


def depths(planner: Planner) -> list[int]:
    return [depth for node in planner.trees.nodes.values() for depth in node.depth]


def rest(planner: Planner) -> None:
    """Let the planner try again whom it has left to later events."""
    for _ in range(20):
        planner.reconcile("nobody", "no one")


def assert_sound(planner: Planner, root_links: int = 24) -> None:
    """Edges agree, there is no cycle, slots are respected, nobody is left out while there is room."""
    rest(planner)
    trees = planner.trees
    for stripe in range(trees.stripes):
        supply = 0
        for node in trees.nodes.values():
            parent = node.parents[stripe]
            if parent is None:
                assert node.expected or node.depth[stripe] == UNFED
                assert node.expected or not node.children[stripe], "nobody is fed by one who is not fed"
            else:
                assert parent.children[stripe][node.id] is node
                assert parent.carries, "a leaf feeds nobody"
                assert node.id not in parent.separated
                assert node.depth[stripe] == parent.depth[stripe] + 1
            seen: set[str] = set()
            at: Node | None = node
            while at is not None:
                assert at.id not in seen, "a cycle"
                seen.add(at.id)
                at = at.parents[stripe]
            assert (
                node.expected
                or parent is None
                or ROOT in seen
                or any(trees.nodes[peer].expected for peer in seen if peer != ROOT)
            )
            if stripe in node.home and node.carries:
                supply += node.supplies(stripe)
        assert supply == trees.supply[stripe]
    for node in trees.nodes.values():
        assert node.used == sum(len(children) for children in node.children)
        assert node.expected or node.used <= node.slots
        assert node.expected or bool(node.home) == node.carries
        for stripe in range(trees.stripes):
            if node.parents[stripe] is None and not node.expected:
                assert not root_has_room(planner, node, root_links)
                assert not [
                    other.id
                    for other in trees.nodes.values()
                    if other is not node
                    and other.has_room
                    and (stripe in other.home or may_be_asked(planner, other))
                    and 0 <= other.depth[stripe] < MOST_DEPTH
                    and other.id not in node.separated
                ]
    assert len(trees.root.fed) <= root_links
    assert trees.root.used <= 24


def may_be_asked(planner: Planner, node: Node) -> bool:
    """Whether a node may feed a stripe that is not its home: untried, in large rooms, only what is over."""
    trees = planner.trees
    spare = all(trees.supply[home] > WHOLE * trees.takers(home) for home in node.home)
    return len(trees.nodes) <= SMALL_ROOM or not node.untried or spare


def root_has_room(planner: Planner, node: Node, root_links: int) -> bool:
    root = planner.trees.root
    may = node.id not in root.separated and root.used < 24
    return may and (node.id in root.fed or len(root.fed) < root_links)


@pytest.mark.parametrize(
    ("viewers", "balance"),
    [
        (1, [4]),
        (2, [2, 2]),
        (3, [1, 1, 2]),
        (4, [1, 1, 1, 1]),
        (5, [1, 1, 1, 1]),
        (12, [1] * 4),
        (30, [1] * 4),
    ],
)
def test_publisher_feeds_each_stripe_once_and_heads_are_balanced(viewers: int, balance: list[int]) -> None:
    planner = make(viewers)
    assert_sound(planner)
    stripes = heads(planner)
    assert [len(children) for children in stripes] == [1] * STRIPES
    counts: dict[str, int] = {}
    for (peer,) in stripes:
        counts[peer] = counts.get(peer, 0) + 1
    assert sorted(counts.values()) == balance


@pytest.mark.parametrize("viewers", [2, 3, 4, 5, 6, 9])
def test_small_room_is_two_deep(viewers: int) -> None:
    assert max(depths(make(viewers))) == 2


@pytest.mark.parametrize("leaver", range(5))
def test_small_room_is_rebuilt_after_a_leave(leaver: int) -> None:
    planner = make(5)
    planner.leave(f"v{leaver}")
    assert_sound(planner)
    assert [len(children) for children in heads(planner)] == [1] * STRIPES
    assert len({peer for (peer,) in heads(planner)}) == 4
    assert max(depths(planner)) == 2


def test_many_viewers_are_fed_by_two_heads_a_stripe() -> None:
    planner = make(60)
    assert_sound(planner)
    assert [len(children) for children in heads(planner)] == [2] * STRIPES
    for number in range(50):
        planner.leave(f"v{number}")
        assert_sound(planner)
    assert [len(children) for children in heads(planner)] == [1] * STRIPES


@pytest.mark.parametrize(("viewers", "slots"), [(10, 8), (100, 8), (1000, 8), (300, 5)])
def test_depth_grows_with_the_logarithm(viewers: int, slots: int) -> None:
    planner = make(viewers, slots=slots)
    assert_sound(planner)
    interior = math.ceil(viewers / STRIPES)
    assert max(depths(planner)) <= math.ceil(math.log(interior, slots)) + 3


def test_each_peer_feeds_one_stripe() -> None:
    planner = make(200)
    for node in planner.trees.nodes.values():
        assert sum(1 for children in node.children if children) <= 1
        assert len({parent.id for parent in node.parents if parent is not None}) == STRIPES


def test_a_join_changes_few_assignments() -> None:
    planner = make(0)
    most = 0
    for number in range(400):
        planner.join(f"v{number}", True, 8)
        changed = planner.changes()
        assert f"v{number}" in changed
        if number >= STRIPES:
            most = max(most, len(changed))
    assert most <= 3


def test_work_per_join_does_not_grow_with_the_room() -> None:
    planner = make(2000)
    planner.trees.touched = 0
    planner.join("late", True, 8)
    assert planner.trees.touched < 300


def test_a_leave_changes_its_children_and_few_others() -> None:
    planner = make(200)
    planner.changes()
    for number in range(0, 150, 7):
        node = planner.trees.nodes[f"v{number}"]
        orphans = {child for children in node.children for child in children}
        planner.leave(f"v{number}")
        changed = planner.changes()
        moved = {peer for peer in changed if peer not in orphans}
        assert len(moved) <= len(orphans) + 12
        assert_sound(planner)


def test_leaves_never_get_children() -> None:
    planner = make(3)
    for number in range(9):
        planner.join(f"leaf{number}", False, 8)
    assert_sound(planner)
    assert all(planner.trees.nodes[f"leaf{number}"].used == 0 for number in range(9))


def test_publisher_feeds_leaves_until_somebody_carries() -> None:
    planner = make(0)
    for number in range(3):
        planner.join(f"leaf{number}", False, 0)
    assert planner.parents("leaf2") == (ROOT,) * STRIPES
    planner.join("carrier", True, 20)
    assert_sound(planner)
    assert heads(planner) == [["carrier"]] * STRIPES


def test_without_any_room_a_stripe_has_no_parent() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), root_links=2)
    for number in range(3):
        planner.join(f"leaf{number}", False, 0)
    assert planner.parents("leaf2") == (None,) * STRIPES
    planner.leave("leaf0")
    assert planner.parents("leaf2") == (ROOT,) * STRIPES


def test_idle_peer_begins_to_feed_the_stripe_that_lacks_capacity() -> None:
    planner = Planner(ROOT, 2, random.Random(1), root_links=2)
    planner.join("a", True, 2)
    planner.join("b", True, 2)
    for number in range(6):
        planner.join(f"c{number}", True, 2)
        assert_sound(planner, root_links=2)


def test_relay_comes_before_viewers_of_its_depth() -> None:
    planner = make(4)
    planner.join("relay", True, 8, relay=True)
    (stripe,) = planner.trees.nodes["relay"].home
    for number in range(4):
        planner.join(f"late{number}", False, 0)
    (head,) = heads(planner)[stripe]
    assert planner.trees.nodes[head].depth[stripe] == 1
    assert planner.trees.nodes["relay"].depth[stripe] == 2


def test_standbys_are_the_other_parents_first() -> None:
    planner = make(12)
    assignment = planner.changes()["v11"]
    parents = dict.fromkeys(parent for parent in assignment.parents if parent is not None)
    assert assignment.standbys[: len(parents)] == tuple(parents)
    assert 1 <= len(assignment.standbys) - len(parents) <= 2
    assert "v11" not in assignment.standbys


def test_standby_that_leaves_is_replaced() -> None:
    planner = make(12)
    first = planner.changes()["v11"]
    extra = first.standbys[-1]
    planner.leave(extra)
    second = planner.changes()["v11"]
    assert extra not in second.standbys
    assert second.sequence > first.sequence


def test_standby_that_cannot_be_reached_is_replaced() -> None:
    planner = make(12)
    extra = planner.changes()["v11"].standbys[-1]
    assert extra not in planner.parents("v11")
    planner.separate("v11", extra)
    told = planner.changes()["v11"]
    assert extra not in told.standbys
    assert len(told.standbys) > len(set(told.parents))


def test_fail_over_to_a_peer_with_room_becomes_the_plan() -> None:
    planner = make(8)
    planner.changes()
    before = planner.parents("v7")
    stripe = next(index for index, parent in enumerate(before) if parent not in (ROOT, None))
    other = next(
        peer for peer in ("v4", "v5", "v6") if peer != before[stripe] and planner.trees.nodes[peer].free > 0
    )
    planner.report("v7", tuple(other if index == stripe else parent for index, parent in enumerate(before)))
    assert planner.parents("v7")[stripe] == other
    assert_sound(planner)
    told = planner.changes().get("v7")
    assert told is None or told.parents[stripe] == other


@pytest.mark.parametrize("away", [False, True])
def test_fail_over_far_down_with_all_that_is_below_is_the_plan_only_while_the_parent_is_away(
    away: bool,
) -> None:
    planner = make(200, slots=4)
    nodes = planner.trees.nodes.values()
    deep = next(node for node in nodes if node.free > 0)
    (stripe,) = deep.home
    above = {deep.id}
    at = deep.parents[stripe]
    while at is not None:
        above.add(at.id)
        at = at.parents[stripe]
    node = next(
        node for node in nodes if node.depth[stripe] == 2 and node.children[stripe] and node.id not in above
    )
    before = node.parent_ids
    assert deep.depth[stripe] > 3
    planner.set_away(str(before[stripe]), away)
    planner.changes()
    planner.report(node.id, tuple(deep.id if index == stripe else name for index, name in enumerate(before)))
    assert (planner.parents(node.id)[stripe] == deep.id) is away
    assert planner.changes()[node.id].parents[stripe] == (deep.id if away else before[stripe])
    assert_sound(planner)


def test_fail_over_that_would_be_a_loop_is_answered_with_the_plan() -> None:
    planner = make(3)
    planner.changes()
    before = planner.parents("v0")
    stripe = before.index(ROOT)
    planner.report("v0", tuple("v1" if index == stripe else parent for index, parent in enumerate(before)))
    assert planner.parents("v0") == before
    assert planner.changes()["v0"].parents == before


def test_fail_over_to_a_full_peer_is_answered_with_the_plan() -> None:
    planner = make(2, slots=2)
    planner.join("leaf", False, 0)
    planner.changes()
    before = planner.parents("leaf")
    planner.report("leaf", ("v0",) * STRIPES)
    assert_sound(planner)
    assert planner.parents("leaf") == before
    assert "leaf" in planner.changes()


def test_fail_over_to_the_publisher_is_answered_with_the_plan_while_others_feed() -> None:
    planner = make(8)
    planner.changes()
    before = planner.parents("v7")
    assert ROOT not in before
    planner.report("v7", (ROOT, *before[1:]))
    assert planner.parents("v7") == before
    assert planner.changes()["v7"].parents == before


def test_separated_peers_do_not_feed_each_other_until_reconciled() -> None:
    planner = make(2)
    planner.separate("v0", "v1")
    assert_sound(planner)
    assert planner.parents("v0") == planner.parents("v1") == (ROOT,) * STRIPES
    planner.reconcile("v0", "v1")
    assert_sound(planner)
    assert [len(children) for children in heads(planner)] == [1] * STRIPES


def test_peer_that_cannot_reach_the_publisher_is_fed_by_others() -> None:
    planner = make(4)
    planner.separate(ROOT, "v0")
    assert_sound(planner)
    assert ROOT not in planner.parents("v0")
    assert None not in planner.parents("v0")
    alone = make(1)
    alone.separate("v0", ROOT)
    assert alone.parents("v0") == (None,) * STRIPES
    alone.reconcile("v0", ROOT)
    assert alone.parents("v0") == (ROOT,) * STRIPES


def test_peer_that_is_away_keeps_its_children_but_gets_no_more() -> None:
    planner = make(4)
    away = "v0"
    children = planner.children(away)
    planner.set_away(away, True)
    assert_sound(planner)
    assert planner.children(away) == children
    for number in range(3):
        planner.join(f"late{number}", True, 8)
    assert planner.children(away) == children
    orphan = sorted(children)[0]
    planner.report(orphan, [None if parent == away else parent for parent in planner.parents(orphan)])
    assert orphan not in planner.children(away)
    assert None not in planner.parents(orphan)
    planner.set_away(away, False)
    assert_sound(planner)


def test_children_of_a_leaver_are_not_put_under_one_that_is_away() -> None:
    planner = make(40, slots=4)
    leaver, stripe, above = next(
        (node.id, stripe, parent)
        for node in planner.trees.nodes.values()
        for stripe, parent in enumerate(node.parents)
        if parent is not None and parent.id != ROOT and len(node.children[stripe]) == 1
    )
    orphans = list(planner.trees.nodes[leaver].children[stripe])
    planner.set_away(above.id, True)
    planner.leave(leaver)
    assert all(planner.parents(orphan)[stripe] not in (None, above.id) for orphan in orphans)
    assert_sound(planner)


def test_smaller_upload_sheds_children() -> None:
    planner = make(6)
    planner.resize("v0", True, 1)
    assert planner.trees.nodes["v0"].used <= 1
    assert_sound(planner)
    planner.resize("v0", False, 8)
    assert planner.trees.nodes["v0"].used == 0
    assert_sound(planner)
    planner.resize("v0", True, 8)
    assert_sound(planner)


@pytest.mark.parametrize("viewers", [1, 2, 3, 5, 12, 40, 120])
@pytest.mark.parametrize("seed", range(5))
def test_trees_are_adopted_as_they_are_after_a_restart(viewers: int, seed: int) -> None:
    chance = random.Random(seed)
    old = Planner(ROOT, STRIPES, chance)
    for number in range(viewers + viewers // 3):
        old.join(f"v{number}", chance.random() < 0.8, chance.randrange(1, 12))
    for peer in chance.sample(list(old.trees.nodes), viewers // 3):
        old.leave(peer)
    before = {peer: old.parents(peer) for peer in old.trees.nodes}
    new = Planner(ROOT, STRIPES, chance)
    for peer in chance.sample(list(before), len(before)):
        node = old.trees.nodes[peer]
        new.adopt(peer, node.carries, node.slots, before[peer])
        for named, assignment in new.changes().items():
            assert_kept(assignment.parents, before[named])
        assert_sound(new)
    new.expect_no_more()
    for peer, parents in before.items():
        assert_kept(new.parents(peer), parents)


def assert_kept(now: tuple[str | None, ...], before: tuple[str | None, ...]) -> None:
    """The parents are those that they were, or the publisher was relieved."""
    assert all(parent in (other, ROOT) for other, parent in zip(now, before, strict=True))


def test_children_of_a_parent_that_never_comes_back_get_another() -> None:
    old = make(6)
    new = make(0)
    for peer in list(old.trees.nodes):
        if peer != "v0":
            new.adopt(peer, True, 8, old.parents(peer))
            assert_sound(new)
    new.expect_no_more()
    assert_sound(new)
    assert all(None not in new.parents(peer) and "v0" not in new.parents(peer) for peer in new.trees.nodes)


def test_newcomer_while_others_are_expected_back() -> None:
    old = make(6)
    new = make(0)
    new.adopt("v5", True, 8, old.parents("v5"))
    new.join("newcomer", True, 8)
    assert_sound(new)
    assert None not in new.parents("newcomer")
    assert new.parents("v5") == old.parents("v5")


def test_peer_joins_once() -> None:
    planner = make(1)
    for peer in ("v0", ROOT):
        with pytest.raises(ValueError, match=peer):
            planner.join(peer, True, 8)


def test_claimed_loop_is_not_adopted() -> None:
    planner = make(0)
    planner.adopt("a", True, 8, ("b",) * STRIPES)
    planner.adopt("b", True, 8, ("a",) * STRIPES)
    assert_sound(planner)
    planner.expect_no_more()
    assert_sound(planner)


def test_who_comes_back_is_given_what_it_had_shown_unless_thousands_have_left_since() -> None:
    planner = make(0)
    for number in range(REMEMBERED + 1):
        planner.join(f"v{number}", True, 2, most=96)
        capacity = planner.trees.nodes[f"v{number}"].capacity
        capacity.granted = capacity.proven = 12
        planner.leave(f"v{number}")
    for number in (0, 1):
        planner.join(f"v{number}", True, 2, most=96)
    assert [planner.trees.nodes[f"v{number}"].slots for number in (0, 1)] == [2, 12]
