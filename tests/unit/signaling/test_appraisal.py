"""What is made of a report: confirmations, doubts, and neither where nothing can be said."""

from signaling.core.appraisal import DOUBTS, PATIENT_DOUBTS, Fare
from signaling.core.planner import Planner
from tests.unit.signaling.audience import ROOT, STRIPES, Audience

FULL = 10_000


def room(viewers: int = 5) -> Planner:
    audience = Audience()
    for _ in range(viewers):
        audience.join(24)
    return audience.planner


def tell(planner: Planner, peer: str, shares: dict[str, float], loss: float = 0.0) -> list[str]:
    """A peer reports twice what its parents push, by share of what they should."""
    parents = planner.parents(peer)
    received = {
        parent: int(FULL * parents.count(parent) * shares.get(parent, 1.0))
        for parent in parents
        if parent is not None
    }
    return planner.report(peer, parents, fare=Fare(received, loss), now=1.0)


def fed_by_another(planner: Planner) -> tuple[str, str]:
    """A child and a parent of one stripe that is not the publisher."""
    return next(
        (peer, parent)
        for peer in planner.trees.nodes
        for parent in planner.parents(peer)
        if parent not in (None, ROOT) and planner.parents(peer).count(parent) == 1
    )


def doubt(planner: Planner, child: str, parent: str, times: int) -> list[list[str]]:
    return [tell(planner, child, {parent: 0.1}, loss=0.9 / STRIPES) for _ in range(times)]


def test_parent_is_confirmed_from_the_second_report_on() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    tell(planner, child, {})
    assert not planner.trees.nodes[parent].capacity.heard
    tell(planner, child, {})
    assert planner.trees.nodes[parent].capacity.heard[child].share == 1.0
    assert planner.trees.nodes[parent].capacity.proven == 1


def test_parent_that_has_just_taken_over_is_not_judged() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    planner.report(child, [None if each == parent else each for each in planner.parents(child)], now=0.0)
    assert doubt(planner, child, parent, 1) == [[]]
    assert not planner.trees.nodes[child].doubts


def test_parent_that_has_the_stripe_and_pushes_little_is_left() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    for peer in planner.trees.nodes:
        tell(planner, peer, {})
    for peer in planner.trees.nodes:
        tell(planner, peer, {})
    assert doubt(planner, child, parent, DOUBTS) == [[]] * (DOUBTS - 1) + [[parent]]


def test_parent_that_lacks_the_stripe_itself_is_left_later() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    tell(planner, child, {})
    told = doubt(planner, child, parent, PATIENT_DOUBTS)
    assert told == [[]] * (PATIENT_DOUBTS - 1) + [[parent]]
    assert not planner.trees.nodes[parent].capacity.heard, "its capacity is not judged by that"


def test_doubt_ends_when_the_parent_delivers_again() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    tell(planner, child, {})
    doubt(planner, child, parent, 1)
    assert planner.trees.nodes[child].doubts == {parent: 1}
    tell(planner, child, {})
    assert not planner.trees.nodes[child].doubts


def test_child_that_gets_little_from_everybody_leaves_nobody() -> None:
    planner = room()
    child, _ = fed_by_another(planner)
    everybody = dict.fromkeys([parent for parent in planner.parents(child) if parent is not None], 0.2)
    assert [tell(planner, child, everybody, loss=0.8) for _ in range(9)] == [[]] * 9


def test_publisher_is_never_left_for_pushing_little() -> None:
    planner = room()
    child = next(peer for peer in planner.trees.nodes if ROOT in planner.parents(peer))
    assert [tell(planner, child, {ROOT: 0.1}, loss=0.2) for _ in range(9)] == [[]] * 9


def test_pause_of_the_source_says_nothing() -> None:
    planner = room()
    child, parent = fed_by_another(planner)
    for _ in range(9):
        assert planner.report(child, planner.parents(child), fare=Fare({}, 0.0), now=1.0) == []
    assert not planner.trees.nodes[parent].capacity.heard


def test_bytes_from_one_who_is_not_a_planned_parent_confirm_nothing() -> None:
    planner = room(2)
    fare = Fare({"stranger": FULL}, 0.0)
    for _ in range(3):
        planner.report("p0", ["stranger"] * STRIPES, fare=fare, now=1.0)
    assert not planner.trees.nodes["p0"].doubts


def test_children_that_are_throttled_lower_their_slots_and_raise_them_again() -> None:
    planner = room()
    for slots, told in ((1, 1), (None, 6), (1_000, 6)):
        planner.report("p0", planner.parents("p0"), fare=Fare(slots=slots), now=1.0)
        assert planner.trees.nodes["p0"].slots == told
        assert planner.trees.nodes["p0"].used <= told


def test_child_that_came_by_failing_over_confirms_and_does_not_complain() -> None:
    planner = room(8)
    child = next(iter(planner.trees.nodes))
    other = next(peer for peer in planner.trees.nodes if peer != child and peer not in planner.parents(child))
    parents = (other, *planner.parents(child)[1:])
    capacity = planner.trees.nodes[other].capacity
    for share in (1.0, 1.0, 0.1):
        received = {peer: int(FULL * parents.count(peer)) for peer in parents if peer is not None}
        received[other] = int(share * received[other])
        planner.report(child, parents, fare=Fare(received, (1 - share) / STRIPES), final=False, now=1.0)
    assert [(each.share, each.planned) for each in capacity.heard.values()] == [(1.0, False)]
