"""How fast files go beside what is live: late timers slow them, timers in time let them grow."""

import pytest

from peer.core.file_pace import EVERY, FIRST, LATE, LEAST, LESS, MORE, MOST, FilePace
from peer.wire_files import BLOCK


def used(pace: FilePace, late: float, begin: float, seconds: float) -> float:
    """Files go all the time, and timers come `late`. Returns when that ends."""
    now = begin
    while now < begin + seconds:
        now += 0.02
        pace.give(now)
        pace.woken(late, now)
    return now


def test_rate_grows_to_its_bound_while_timers_come_in_time() -> None:
    pace = FilePace(0.0)
    used(pace, 0.001, 0.0, 5.0)
    assert pace.rate == MOST


def test_late_timers_slow_at_once_and_growth_is_careful_from_then_on() -> None:
    pace = FilePace(0.0)
    now = used(pace, 0.001, 0.0, 5.0)
    now = used(pace, 3 * LATE, now, EVERY)
    assert pace.rate == pytest.approx(LESS * MOST)
    now = used(pace, 3 * LATE, now, 10.0)
    assert pace.rate == LEAST, "It goes on, slowly."
    used(pace, 0.001, now, 1.0)
    assert LEAST < pace.rate <= LEAST + (1.0 / EVERY) * MORE


def test_one_timer_among_many_may_be_late() -> None:
    pace = FilePace(0.0)
    pace.give(0.0)
    for step in range(1, 14):
        pace.woken(0.05 if step == 6 else 0.0, step * 0.02)
    assert pace.rate > FIRST


def test_rate_of_what_is_not_used_stays() -> None:
    pace = FilePace(0.0)
    for step in range(200):
        pace.woken(0.0, step * 0.02)
    assert pace.rate == FIRST


def test_what_was_asked_for_is_owed() -> None:
    pace = FilePace(0.0)
    assert pace.may_ask(0.0)
    assert pace.asks_again_at(0.0) == float("inf"), "It may ask now."
    pace.asked(16, 0.0)
    assert not pace.may_ask(0.0)
    assert pace.asks_again_at(0.0) == pytest.approx(12 * BLOCK / FIRST, abs=1e-4)
    assert pace.may_ask(pace.asks_again_at(0.0))
