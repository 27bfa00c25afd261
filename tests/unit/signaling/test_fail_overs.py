"""The plan follows the room: what peers say of their parents is made the plan where it fits."""

import random

import pytest

from signaling.core import fail_overs
from signaling.core.appraisal import Fare
from signaling.core.fail_overs import SETTLE
from signaling.core.heads import MANY_VIEWERS
from signaling.core.nodes import COOLDOWN, Node
from signaling.core.planner import Planner

ROOT = "publisher"
STRIPES = 4


def full_parent(now: float = 0.0) -> tuple[Planner, str, str, int]:
    """A peer with as many children as it has slots, one of these, and another that is planned elsewhere."""
    planner = Planner(ROOT, STRIPES, random.Random(1))
    for number in range(16):
        planner.join(f"p{number}", True, 4, now=now)
    for node in planner.trees.nodes.values():
        for stripe in range(STRIPES):
            if node.free == 0 and node.depth[stripe] > 0 and leaves(node, stripe):
                for other in planner.trees.nodes.values():
                    at_home = planner.trees.is_under(node, stripe, other) or other.children[stripe]
                    if other.parents[stripe] is not node and not at_home:
                        return planner, node.id, other.id, stripe
    raise AssertionError("there is none")


def leaves(node: Node, stripe: int) -> list[str]:
    """The children that feed nobody, and are not to."""
    return [
        child.id
        for child in node.children[stripe].values()
        if not child.children[stripe] and stripe not in child.home
    ]


def moved(planner: Planner, peer: str, stripe: int, parent: str | None) -> list[str | None]:
    """What a peer reports that has another parent on one stripe."""
    parents = list(planner.parents(peer))
    parents[stripe] = parent
    return parents


def test_fail_over_takes_the_place_of_a_child_that_never_came() -> None:
    planner, parent, other, stripe = full_parent()
    missing = leaves(planner.trees.nodes[parent], stripe)[0]
    later = SETTLE + 1
    planner.report(missing, moved(planner, missing, stripe, None), final=False, now=later)
    planner.report(other, moved(planner, other, stripe, parent), final=False, now=later)
    assert planner.parents(other)[stripe] == parent
    assert planner.parents(missing)[stripe] not in (None, parent)


def test_fail_over_to_a_full_parent_whose_children_all_came_is_undone() -> None:
    planner, parent, other, stripe = full_parent()
    for peer in planner.trees.nodes:
        planner.report(peer, planner.parents(peer), fare=Fare(), now=1.0)
    before = planner.parents(other)
    planner.changes()
    planner.report(other, moved(planner, other, stripe, parent), final=False, now=SETTLE + 1)
    assert planner.parents(other) == before
    assert other in planner.changes()


def test_in_a_large_room_a_fail_over_to_a_parent_outside_its_home_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Followed, it would have everybody feed several stripes a little, and trees be twice as deep."""
    for few, follows in ((100, True), (2, False)):
        monkeypatch.setattr(fail_overs, "FEW", few)
        planner = Planner(ROOT, STRIPES, random.Random(1))
        for number in range(12):
            planner.join(f"p{number}", True, 8)
        nodes = planner.trees.nodes.values()
        other, parent, stripe = next(
            (other.id, parent.id, stripe)
            for stripe in range(STRIPES)
            for other in nodes
            for parent in nodes
            if not other.children[stripe]
            and stripe not in other.home
            and stripe not in parent.home
            and parent.has_room
            and parent not in (other, other.parents[stripe])
        )
        planner.report(other, moved(planner, other, stripe, parent), final=False, now=SETTLE + 1)
        assert (planner.parents(other)[stripe] == parent) == follows


def test_parent_that_the_introducer_has_lost_takes_over_nobody() -> None:
    planner, parent, other, stripe = full_parent()
    planner.set_away(parent, True)
    planner.report(other, moved(planner, other, stripe, parent), final=False, now=SETTLE + 1)
    assert planner.parents(other)[stripe] != parent


def test_report_that_a_new_plan_has_overtaken_changes_nothing() -> None:
    planner, parent, other, stripe = full_parent(now=10.0)
    missing = leaves(planner.trees.nodes[parent], stripe)[0]
    planner.report(missing, moved(planner, missing, stripe, None), final=False, now=10.0 + SETTLE - 1)
    before = planner.parents(other)
    planner.report(other, moved(planner, other, stripe, parent), final=False, now=10.0 + SETTLE - 1)
    assert planner.parents(other) == before


def test_crowd_does_not_push_out_who_was_just_placed() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    for number in range(MANY_VIEWERS):
        planner.join(f"leaf{number}", False, 0, now=0.0)
    planner.join("carrier", True, 4, now=0.0)
    fed = {peer: node.parent_ids for peer, node in planner.trees.nodes.items() if any(node.parents)}
    planner.join("another", True, 1, now=1.0)
    stayed = sum(planner.parents(peer) == parents for peer, parents in fed.items())
    for _ in range(3):
        planner.report("another", planner.parents("another"), fare=Fare(), now=COOLDOWN - 1)
    assert sum(planner.parents(peer) == parents for peer, parents in fed.items()) == stayed
    assert None in planner.parents("another")
    planner.report("another", planner.parents("another"), fare=Fare(), now=COOLDOWN + 1)
    assert None not in planner.parents("another")


def test_peer_that_returns_and_names_a_full_parent_gets_another() -> None:
    planner, parent, _, stripe = full_parent()
    parents: list[str | None] = [None] * STRIPES
    parents[stripe] = parent
    planner.adopt("back", False, 0, parents)
    assert planner.parents("back")[stripe] != parent
