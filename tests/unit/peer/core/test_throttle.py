"""Stepping down in order, and slowly up again."""

from __future__ import annotations

from peer.core.throttle import GRACE, STEP_DOWN_AFTER, STEP_UP_AFTER, Step, Throttle


def steps(throttle: Throttle, start: float, end: float) -> list[tuple[float, Step]]:
    """The steps from `start` to `end`, looked at every tenth of a second."""
    moments = (tick / 10 for tick in range(round(start * 10), round(end * 10)))
    return [(now, throttle.step) for now in moments if throttle.changed(now)]


def test_hidden_tab_takes_no_more_children_and_keeps_those_that_it_has() -> None:
    throttle = Throttle()
    assert steps(throttle, 0, 5) == []
    throttle.told(1, 5.0)
    assert steps(throttle, 5, 60) == [(5.0, Step.FULL)]


def test_peer_that_is_behind_hands_over_before_it_becomes_a_leaf() -> None:
    throttle = Throttle()
    throttle.told(2, 5.0)
    assert steps(throttle, 5, 60) == [
        (5.0, Step.FULL),
        (5.0 + STEP_DOWN_AFTER, Step.HANDING_OVER),
        (5.0 + STEP_DOWN_AFTER + GRACE, Step.LEAF),
    ]


def test_one_hiccup_moves_no_child() -> None:
    throttle = Throttle()
    throttle.told(2, 5.0)
    assert steps(throttle, 5, 5.8) == [(5.0, Step.FULL)]
    throttle.told(0, 5.8)
    assert steps(throttle, 5.8, 30) == [(5.8 + STEP_UP_AFTER, Step.OPEN)]


def test_word_that_is_repeated_does_not_begin_anew() -> None:
    throttle = Throttle()
    for moment in range(5, 20):
        throttle.told(2, float(moment))
    assert steps(throttle, 5, 20)[-1][1] == Step.LEAF
    throttle.told(0, 20.0)
    throttle.told(0, 20.0 + STEP_UP_AFTER - 0.1)
    assert steps(throttle, 20, 20.5 + STEP_UP_AFTER) == [(20.0 + STEP_UP_AFTER, Step.FULL)]


def test_hidden_tab_that_falls_behind_has_a_moment_from_then_on() -> None:
    throttle = Throttle()
    throttle.told(1, 5.0)
    steps(throttle, 5, 20)
    throttle.told(2, 20.0)
    assert steps(throttle, 20, 21.5) == [(20.0 + STEP_DOWN_AFTER, Step.HANDING_OVER)]


def test_it_comes_back_step_by_step_and_not_while_trouble_comes_and_goes() -> None:
    throttle = Throttle()
    throttle.told(2, 0.0)
    steps(throttle, 0, 10)
    for moment in range(10, 40, 5):
        throttle.told(1 if moment % 10 else 0, float(moment))
        assert steps(throttle, moment, moment + 5) == []
    throttle.told(0, 40.0)
    assert steps(throttle, 40, 80) == [
        (40.0 + STEP_UP_AFTER, Step.FULL),
        (40.0 + 2 * STEP_UP_AFTER, Step.OPEN),
    ]
