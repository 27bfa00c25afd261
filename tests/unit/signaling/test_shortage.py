"""Who gives nothing is left to the origin while uploads do not carry everybody, and comes back."""

import random

import pytest

from signaling.core import shortage
from signaling.core.appraisal import Fare
from signaling.core.planner import Planner
from signaling.core.shortage import RESERVE, REST
from tests.unit.signaling.test_planner import ROOT, STRIPES

LEAVES = ("leaf0", "leaf1", "leaf2")


@pytest.fixture(autouse=True)
def _four_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortage, "FEW", 4)


def short(*, origin: bool = True, slots: int = 4) -> Planner:
    """The publisher feeds one peer a whole stream, and that one has `slots` for three leaves."""
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.set_origin(origin)
    planner.join("carrier", True, slots, most=99)
    for leaf in LEAVES:
        planner.join(leaf, False, 0)
    return planner


def left(planner: Planner) -> list[str]:
    return [node.id for node in planner.trees.nodes.values() if node.by_origin]


def unfed(planner: Planner) -> list[int]:
    """How many stripes each leaf lacks."""
    return [planner.parents(leaf).count(None) for leaf in LEAVES]


def report(planner: Planner, peer: str, now: float, *parents: str | None) -> None:
    planner.report(peer, parents or planner.parents(peer), fare=Fare(), now=now)


def test_shortage_falls_to_whole_peers_and_the_others_have_everything() -> None:
    assert sorted(unfed(short())) == [0, STRIPES, STRIPES]
    assert len(left(short())) == 2


def test_without_an_origin_everybody_is_short_of_something_and_nobody_is_left_alone() -> None:
    planner = short(origin=False)
    assert sum(unfed(planner)) == 2 * STRIPES
    assert left(planner) == []


def test_in_a_small_room_nobody_is_left_to_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortage, "FEW", 5)
    assert left(short()) == []


def test_who_is_left_to_the_origin_has_no_standbys_either() -> None:
    planner = short()
    told = planner.changes()
    for leaf in left(planner):
        assert (told[leaf].parents, told[leaf].standbys) == ((None,) * STRIPES, ())


def test_parents_that_it_still_has_do_not_become_the_plan() -> None:
    planner = short(slots=6)
    planner.changes()
    alone = left(planner)[0]
    report(planner, alone, 1.0, *["carrier"] * STRIPES)
    assert planner.parents(alone) == (None,) * STRIPES


def test_it_comes_back_when_it_has_rested_and_all_of_its_stripes_find_room() -> None:
    planner = short()
    alone = left(planner)[0]
    planner.resize("carrier", True, 4 + STRIPES + RESERVE - 1)
    report(planner, alone, REST)
    assert alone in left(planner)
    planner.resize("carrier", True, 4 + STRIPES + RESERVE)
    report(planner, alone, REST - 1.0)
    assert alone in left(planner)
    report(planner, alone, REST)
    assert None not in planner.parents(alone)
    assert alone not in left(planner)


def test_it_stays_while_others_lack_something() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.set_origin(True)
    planner.join("carrier", True, 4)
    planner.join("leaf", False, 0)
    for number in range(3):  # who gives something is never left alone
        planner.join(f"small{number}", True, 1)
    assert left(planner) == ["leaf"]
    report(planner, "leaf", REST)
    assert left(planner) == ["leaf"]


def test_one_that_begins_to_give_is_fed_at_once() -> None:
    planner = short()
    alone = left(planner)[0]
    planner.resize(alone, True, 8)
    report(planner, alone, 0.5)
    assert alone not in left(planner)


def test_room_becomes_small_and_nobody_is_left_to_the_origin_any_more() -> None:
    planner = short()
    alone, other = left(planner)
    planner.leave(other)
    report(planner, alone, 0.5)
    assert left(planner) == []


def test_parity_is_left_to_the_others_too() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=2.0)
    planner.set_origin(True)
    planner.join("carrier", True, 4, parity=True)
    for leaf in LEAVES:
        planner.join(leaf, False, 0, parity=True)
    assert left(planner)
    for leaf in left(planner):
        assert set(planner.parents(leaf)) == {None}


def test_leaves_whom_the_introducer_does_not_hear_from_keep_their_places() -> None:
    planner = short(slots=12)
    assert left(planner) == []
    for leaf in LEAVES:
        planner.set_away(leaf, True)
    planner.join("newcomer", True, 1)
    assert left(planner) == []
