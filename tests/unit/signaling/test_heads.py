"""The heads of stripes are shared out in small rooms, so that no single link is the way of several."""

import random

import pytest

from signaling.core.heads import MANY_VIEWERS, share
from signaling.core.nodes import COOLDOWN, Node
from signaling.core.planner import Planner
from signaling.core.trees import Trees
from tests.unit.signaling.audience import ROOT, STRIPES, Audience
from tests.unit.signaling.test_planner import assert_sound


def headed(planner: Planner) -> list[int]:
    """How many stripes each peer is the head of, the most first."""
    return sorted((planner.trees.headed(node) for node in planner.trees.nodes.values()), reverse=True)


def settled(audience: Audience, rounds: int = 60) -> Audience:
    for _ in range(rounds):
        audience.round()
    assert_sound(audience.planner)
    return audience


def test_parity_that_is_switched_on_later_gets_a_head_of_its_own() -> None:
    audience = Audience()
    for _ in range(6):
        audience.join(24.0)
    settled(audience)
    for peer in audience.uploads:
        audience.planner.resize(peer, True, 24, most=24, parity=True, now=audience.now)
    settled(audience)
    assert headed(audience.planner) == [1, 1, 1, 1, 1, 0]


def test_those_who_are_left_share_what_a_head_leaves_behind() -> None:
    audience = Audience()
    for _ in range(5):
        audience.join(24.0, parity=True)
    settled(audience)
    for peer in list(audience.uploads)[:2]:
        audience.leave(peer)
    for _ in range(2):
        audience.join(24.0, parity=True)
    assert headed(settled(audience).planner) == [1, 1, 1, 1, 1]


def one_above_all(others: int, slots: int = 8) -> tuple[Trees, Node, Node]:
    """A room whose first peer is the head of all stripes and feeds everybody; it, and the second."""
    trees = Trees(ROOT, STRIPES)
    trees.now = 2 * COOLDOWN
    nodes = [Node(f"p{n}", STRIPES, carries=True, slots=slots, parity=True) for n in range(others + 1)]
    for node in nodes:
        trees.add(node)
    head = nodes[0]
    head.slots = STRIPES * others
    for stripe in range(STRIPES):
        head.home.add(stripe)
        trees.attach(head, stripe, trees.root)
        head.placed_at[stripe] = 0.0
        for node in nodes[1:]:
            trees.attach(node, stripe, head)
    return trees, head, nodes[1]


def test_peer_takes_a_stripe_over_with_the_children_that_it_has_room_for() -> None:
    trees, head, node = one_above_all(6, slots=4)
    assert share(trees, node)
    (stripe,) = node.home
    assert node.parents[stripe] is trees.root
    assert head.parents[stripe] is node
    assert (len(node.children[stripe]), len(head.children[stripe])) == (4, 2)
    assert stripe not in head.home


def test_two_who_have_as_many_leave_it_at_that() -> None:
    trees, _, node = one_above_all(2)
    assert [share(trees, node) for _ in range(3)] == [True, True, False]
    assert len(node.home) == 2


@pytest.mark.parametrize(
    "trouble", ["leaf", "full", "new head", "away", "separated", "far better", "no room", "crowd", "no loss"]
)
def test_nobody_takes_over_who_would_not_keep_it(trouble: str) -> None:
    trees, head, node = one_above_all(MANY_VIEWERS if trouble == "crowd" else 6)
    match trouble:
        case "leaf":
            node.carries = False
        case "full":
            node.slots = 0
        case "new head":
            head.placed_at = [trees.now] * (STRIPES + 1)
        case "away":
            head.away = True
        case "separated":
            node.separated.add(head.id)
        case "far better":
            head.standing = node.standing + 2
            node.capacity.ceiling = 9
        case "no loss":
            node.parity = False
        case "no room":
            node.slots = 2
    assert not share(trees, node)


def test_planner_asks_for_nothing_that_the_publisher_has_no_room_for() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), root_links=2)
    for number in range(4):
        planner.join(f"p{number}", True, 8, most=24)
    assert len(planner.children(ROOT)) <= 2
