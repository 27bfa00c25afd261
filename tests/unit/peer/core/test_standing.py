"""What is remembered of other peers."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from peer.core.standing import (
    BROKEN_PROMISE,
    CREDIT,
    FLOOD,
    IN_TIME,
    MEAGRE,
    REMEMBERED,
    SHUNNED_FOR,
    STRAY,
    Standing,
)
from tests.vectors.write_standing import FILE, cases

PEER = bytes(16)
POINTS = st.sampled_from((IN_TIME, STRAY, FLOOD, BROKEN_PROMISE, MEAGRE))


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_nothing_is_held_against_a_stranger() -> None:
    standing = Standing()
    assert standing.points(PEER, 5.0) == 0.0
    assert standing.doubt(PEER, 5.0) == 0
    assert not standing.shunned(PEER, 5.0)


def test_slip_of_a_peer_that_served_long_only_raises_doubt() -> None:
    standing = Standing()
    for _ in range(10_000):
        standing.note(PEER, IN_TIME, 0.0)
    assert standing.points(PEER, 0.0) == CREDIT
    standing.note(PEER, MEAGRE, 0.0)
    assert standing.doubt(PEER, 0.0) == 1
    standing.note(PEER, MEAGRE, 0.0)
    assert standing.doubt(PEER, 0.0) == 2


def test_rare_slips_are_forgiven_and_a_habit_is_not() -> None:
    rare, habit = Standing(), Standing()
    for second in range(0, 600, 30):
        rare.note(PEER, BROKEN_PROMISE, float(second))
        assert rare.doubt(PEER, float(second)) == 0
    for second in range(20):
        habit.note(PEER, BROKEN_PROMISE, float(second))
    assert habit.shunned(PEER, 20.0)


def test_shunned_peer_is_remembered_while_it_is_away_and_may_come_back_later() -> None:
    standing = Standing()
    standing.shun(PEER, 10.0)
    assert standing.shunned(PEER, 10.0 + SHUNNED_FOR - 1.0)
    assert not standing.shunned(PEER, 10.0 + SHUNNED_FOR)
    assert standing.doubt(PEER, 10.0 + SHUNNED_FOR) == 0


def test_merit_does_not_pay_for_a_bad_block() -> None:
    standing = Standing()
    for _ in range(1000):
        standing.note(PEER, IN_TIME, 0.0)
    standing.shun(PEER, 0.0)
    assert standing.shunned(PEER, 1.0)


def test_many_new_names_do_not_wash_away_who_did_harm() -> None:
    standing = Standing()
    standing.shun(PEER, 0.0)
    standing.note(name(1), BROKEN_PROMISE * 3, 0.0)
    for number in range(2, 3 * REMEMBERED):
        standing.note(name(number), STRAY, 1.0)
    assert len(standing) == REMEMBERED
    assert standing.shunned(PEER, 1.0)
    assert standing.doubt(name(1), 1.0) == 1


def test_whoever_was_shunned_first_goes_first_when_all_were() -> None:
    standing = Standing()
    for number in range(REMEMBERED + 1):
        standing.shun(name(number), float(number) / REMEMBERED)
    assert not standing.shunned(name(0), 2.0)
    assert standing.shunned(name(1), 2.0)


@given(st.lists(st.tuples(POINTS, st.floats(0.0, 100.0))))
def test_points_stay_within_merit_and_fade_towards_nothing(deeds: list[tuple[float, float]]) -> None:
    standing = Standing()
    now = 0.0
    for points, pause in deeds:
        standing.note(PEER, points, now)
        here, later = standing.points(PEER, now), standing.points(PEER, now + pause)
        assert here <= CREDIT
        assert abs(later) <= abs(here)
        assert later * here >= 0
        now += pause
    assert standing.points(PEER, now + 1e9) == 0.0


def test_deeds_count_as_recorded() -> None:
    assert json.loads(json.dumps(cases())) == json.loads(FILE.read_text())
