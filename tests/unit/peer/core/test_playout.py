"""What a viewer without a screen would have seen."""

from __future__ import annotations

import pytest

from peer.core.playout import GUARD, Playout


def feed(playout: Playout, start: float, count: int, *, first: int = 0, late: float = 0.0) -> float:
    """Parts of 0.1 s, each arriving when it was captured plus `late`; returns the time of the last."""
    now = start
    for number in range(first, first + count):
        now = start + (number - first) * 0.1 + late
        playout.part(1, number * 0.1, 0.1, number * 0.1, now)
    return now


def test_steady_parts_play_at_the_guard_without_a_stall() -> None:
    playout = Playout(100.0)
    now = feed(playout, 100.2, 100)
    playout.advance(now)
    assert playout.startup_time == pytest.approx(0.2)
    assert (playout.stalls, playout.stall_time, playout.skipped_time) == (0, 0.0, 0.0)
    assert playout.buffered(now) <= GUARD + 0.1 + 1e-6


def test_latency_is_capture_to_the_frame_under_the_playhead() -> None:
    playout = Playout(0.0)
    now = feed(playout, 10.0, 20)
    # The playhead stays the guard behind the start of the newest part, which was captured just now.
    assert playout.latency(now - 10.0, now) == pytest.approx(GUARD, abs=0.01)


def test_pause_of_the_parts_is_a_stall_that_is_counted_once() -> None:
    playout = Playout(0.0)
    feed(playout, 0.0, 10)
    feed(playout, 2.9, 10, first=10)
    assert playout.stalls == 1
    assert playout.stall_time == pytest.approx(1.85, abs=0.15)


def test_short_hesitation_is_no_stall() -> None:
    playout = Playout(0.0)
    feed(playout, 0.0, 10)
    feed(playout, 1.3, 10, first=10)
    assert playout.stalls == 0


def test_left_out_parts_are_counted_as_skipped_time() -> None:
    playout = Playout(0.0)
    feed(playout, 0.0, 10)
    playout.part(1, 1.5, 0.1, 1.5, 1.0)
    assert playout.skipped_time == pytest.approx(0.5)


def test_gap_that_ends_a_stall_is_jumped_over_with_the_next_part() -> None:
    playout = Playout(0.0)
    feed(playout, 0.0, 10)
    playout.advance(2.0)
    playout.part(1, 1.5, 0.1, 1.5, 2.0)
    assert playout.skipped_time == pytest.approx(0.5)
    assert playout.latency(2.0, 2.0) == pytest.approx(0.5)


def test_nothing_is_buffered_or_late_before_the_first_part() -> None:
    playout = Playout(0.0)
    assert playout.buffered(1.0) == 0.0
    assert playout.latency(1.0, 1.0) is None


def test_latency_before_the_playhead_has_come_to_the_first_part() -> None:
    playout = Playout(0.0)
    playout.part(1, 0.0, 0.1, 0.0, 1.0)
    # The picture of the guard before the first part would have been captured as much before it.
    assert playout.latency(1.0, 1.0) == pytest.approx(1.0 + GUARD)


def test_backlog_at_the_start_is_jumped_over() -> None:
    playout = Playout(0.0)
    for number in range(12):
        playout.part(1, number * 0.1, 0.1, number * 0.1, 0.1)
    assert playout.buffered(0.1) > 1.0
    feed(playout, 1.2, 5, first=12)
    assert playout.buffered(1.6) < GUARD + 0.3
    assert playout.stalls == 0


def test_new_epoch_goes_on_where_the_old_one_ended() -> None:
    playout = Playout(0.0)
    feed(playout, 0.0, 10)
    playout.part(2, 0.0, 0.1, 1.0, 1.0)
    assert playout.skipped_time == 0.0
    assert playout.buffered(1.0) == pytest.approx(GUARD + 0.1, abs=0.02)
