"""The publisher's clock, learned over links from peers that may lie."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peer.core.clock import DRIFT, MOST_BEHIND, SOURCES, PublisherClock
from tests.vectors.write_clock import AHEAD, FILE, PUBLISHER, cases

A, B, C = b"a", b"b", b"c"


def told(clock: PublisherClock, source: bytes, offset: float, error: float = 0.01, at: float = 10.0) -> None:
    """`source` says at `at` that the publisher's clock is so far ahead of ours."""
    clock.sample(source, at, at + offset, at + offset, at, error)


def offset_of(clock: PublisherClock, now: float = 10.0) -> float | None:
    read = clock.read(now)
    return None if read is None else read[0] - now


def test_nothing_is_known_at_first() -> None:
    assert PublisherClock().read(5.0) is None


def test_publisher_knows_its_clock() -> None:
    clock = PublisherClock()
    clock.set_exact(1000.0, 10.0)
    assert clock.read(12.5) == (1002.5, 0.0)


def test_error_is_half_the_round_trip_and_that_of_the_answerer() -> None:
    clock = PublisherClock()
    clock.sample(A, 10.0, 1010.1, 1010.1, 10.2, 0.05)
    read = clock.read(10.2)
    assert read is not None
    assert read == pytest.approx((1010.2, 0.15))


def test_best_sample_counts_until_it_is_too_old() -> None:
    clock = PublisherClock()
    clock.sample(A, 0.0, 1000.005, 1000.005, 0.01, 0.0)
    clock.sample(A, 1.0, 1001.15, 1001.15, 1.2, 0.0)
    near, far = clock.read(2.0), clock.read(2000.0)
    assert near is not None
    assert near[0] == pytest.approx(1002.0)
    assert far is not None
    assert far[1] > 1000 * DRIFT


@pytest.mark.parametrize("sample", [(0.0, 5.0, 9.0, 1.0, 0.0), (0.0, 5.0, 5.0, 1.0, -0.1)])
def test_answers_that_make_no_sense_are_ignored(sample: tuple[float, float, float, float, float]) -> None:
    clock = PublisherClock()
    clock.sample(A, *sample)
    assert clock.read(1.0) is None


def test_liar_with_a_tiny_error_is_outvoted() -> None:
    clock = PublisherClock()
    told(clock, A, 5000.0, 0.0)
    told(clock, B, 100.0)
    told(clock, C, 100.005)
    assert offset_of(clock) == pytest.approx(100.0, abs=0.02)


def test_of_two_that_differ_the_one_that_seals_do_not_refute_counts() -> None:
    clock = PublisherClock()
    told(clock, A, 90.0, 0.0)
    told(clock, B, 100.0)
    clock.prove(10.0 + 99.5, 10.0)
    assert offset_of(clock) == pytest.approx(100.0, abs=0.02)
    ahead = PublisherClock()
    told(ahead, A, 5000.0, 0.0)
    told(ahead, B, 100.0)
    ahead.prove(10.0 + 99.5, 10.0)
    assert offset_of(ahead) == pytest.approx(100.0, abs=0.02)


def test_majority_of_liars_gains_no_more_than_parts_are_old() -> None:
    clock = PublisherClock()
    for liar in range(5):
        told(clock, bytes([liar]), 5000.0, 0.0)
    clock.prove(10.0 + 99.5, 10.0)
    assert offset_of(clock) is None
    for liar in range(5):
        told(clock, bytes([10 + liar]), 99.0 + MOST_BEHIND, 0.0)
    assert offset_of(clock) == pytest.approx(99.0 + MOST_BEHIND)


def test_wide_error_does_not_make_a_lie_count() -> None:
    clock = PublisherClock()
    told(clock, A, 130.0, 60.0)
    told(clock, B, 100.0)
    assert offset_of(clock) == pytest.approx(100.0)


def test_answer_is_within_what_all_that_agree_say() -> None:
    clock = PublisherClock()
    told(clock, A, 100.0, 0.02)
    told(clock, B, 100.04, 0.03)
    assert offset_of(clock) == pytest.approx(100.01)


def test_publisher_itself_is_believed() -> None:
    clock = PublisherClock(PUBLISHER)
    told(clock, A, 5000.0, 0.0)
    told(clock, B, 5000.0, 0.0)
    told(clock, PUBLISHER, 100.0)
    assert offset_of(clock) == pytest.approx(100.0)


def test_older_part_proves_nothing_more() -> None:
    clock = PublisherClock()
    clock.prove(110.0, 10.0)
    clock.prove(105.0, 10.0)
    told(clock, A, 97.0, 0.01)
    assert offset_of(clock) is None


def test_many_sources_are_bounded_and_the_one_silent_for_longest_goes() -> None:
    clock = PublisherClock()
    told(clock, A, 100.0)
    for number in range(SOURCES - 1):
        told(clock, bytes([number]), 5000.0 + number)
    told(clock, A, 100.0)
    told(clock, B, 100.0)
    assert offset_of(clock) == pytest.approx(100.0, abs=0.02)


def test_true_time_is_within_the_error() -> None:
    for steps in cases():
        for step in steps[6:]:
            for at, read in step["reads"]:
                assert abs(read[0] - (at + AHEAD)) <= read[1] + 1e-6


def test_samples_read_as_recorded() -> None:
    recorded: list[list[dict[str, Any]]] = json.loads(FILE.read_text())
    assert json.loads(json.dumps(cases())) == recorded
