"""Parity is given while uploads have room for it beside all that is asked of them, and taken back first."""

import random

import pytest

from signaling.core import parity
from signaling.core import planner as planner_module
from signaling.core.appraisal import Fare
from signaling.core.planner import Planner
from tests.unit.signaling.test_planner import ROOT, STRIPES

PEERS = tuple(f"p{number}" for number in range(8))


@pytest.fixture(autouse=True)
def _four_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "FEW", 4)


def room(slots: int, *, asks: bool = True) -> Planner:
    """Eight peers that can feed so many pairs each, and ask for parity as they come."""
    planner = Planner(ROOT, STRIPES, random.Random(1))
    for peer in PEERS:
        planner.join(peer, True, slots, most=99, parity=asks)
    return planner


def takers(planner: Planner) -> list[str]:
    return [peer for peer in PEERS if len(planner.parents(peer)) > STRIPES]


def report(planner: Planner, now: float, slots: int | None = None) -> None:
    """Everybody says that it has what is planned, and what its upload carries."""
    for peer in PEERS:
        planner.report(peer, planner.parents(peer), fare=Fare(slots=slots), now=now)


def test_uploads_with_room_to_spare_carry_parity_for_all() -> None:
    planner = room(8)
    assert takers(planner) == list(PEERS)
    report(planner, 1.0)
    assert takers(planner) == list(PEERS)


def test_room_that_is_just_carried_gives_no_more_of_it() -> None:
    planner = room(STRIPES)
    assert takers(planner) == list(PEERS[:4])  # for whom the room was small
    report(planner, 1.0)
    assert set(takers(planner)) < set(PEERS[:4])


def test_small_room_gives_it_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "FEW", 9)
    assert takers(room(STRIPES)) == list(PEERS)


def test_parity_that_was_refused_comes_when_there_is_room() -> None:
    planner = room(STRIPES)
    assert takers(planner) != list(PEERS)
    for peer in PEERS:
        planner.resize(peer, True, 8, parity=True)
    report(planner, 1.0)
    assert takers(planner) == list(PEERS)


def test_uploads_that_turn_out_to_be_small_lose_parity_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planner = room(8)
    monkeypatch.setattr(planner_module, "FEW", 4)
    for now in (1.0, 2.0, 3.0, 4.0, 5.0):
        report(planner, now, slots=STRIPES + 1)
    assert takers(planner) == []
    assert all(None not in planner.parents(peer) for peer in PEERS)


def test_who_does_not_ask_any_more_is_not_given_it_again() -> None:
    planner = room(8)
    planner.resize("p1", True, 8, most=99, parity=False)
    report(planner, 1.0)
    assert takers(planner) == [peer for peer in PEERS if peer != "p1"]


def test_who_comes_back_without_asking_is_not_given_it() -> None:
    planner = room(8)
    planner.leave("p1", 1.0)
    planner.join("p1", True, 8, most=99, now=2.0)
    report(planner, 3.0)
    assert takers(planner) == [peer for peer in PEERS if peer != "p1"]


def test_parity_that_a_peer_has_already_is_left_to_it_when_the_introducer_comes_back() -> None:
    planner = room(STRIPES, asks=False)
    parents = (*planner.parents("p1"), "p0")
    planner.leave("p1", 1.0)
    planner.adopt("p1", True, STRIPES, parents, most=99, parity=True, now=1.0)
    assert len(planner.parents("p1")) > STRIPES
