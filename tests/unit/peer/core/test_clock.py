"""The publisher's clock, learned over links."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peer.core.clock import DRIFT, PublisherClock
from tests.vectors.write_clock import AHEAD, FILE, cases


def test_nothing_is_known_at_first() -> None:
    assert PublisherClock().read(5.0) is None


def test_publisher_knows_its_clock() -> None:
    clock = PublisherClock()
    clock.set_exact(1000.0, 10.0)
    assert clock.read(12.5) == (1002.5, 0.0)


def test_error_is_half_the_round_trip_and_that_of_the_answerer() -> None:
    clock = PublisherClock()
    clock.sample(10.0, 1010.1, 1010.1, 10.2, 0.05)
    read = clock.read(10.2)
    assert read is not None
    assert read == pytest.approx((1010.2, 0.15))


def test_best_sample_counts_until_it_is_too_old() -> None:
    clock = PublisherClock()
    clock.sample(0.0, 1000.005, 1000.005, 0.01, 0.0)
    clock.sample(1.0, 1001.15, 1001.15, 1.2, 0.0)
    near, far = clock.read(2.0), clock.read(2000.0)
    assert near is not None
    assert near[0] == pytest.approx(1002.0)
    assert far is not None
    assert far[1] > 1000 * DRIFT


@pytest.mark.parametrize("sample", [(0.0, 5.0, 9.0, 1.0, 0.0), (0.0, 5.0, 5.0, 1.0, -0.1)])
def test_answers_that_make_no_sense_are_ignored(sample: tuple[float, float, float, float, float]) -> None:
    clock = PublisherClock()
    clock.sample(*sample)
    assert clock.read(1.0) is None


def test_true_time_is_within_the_error() -> None:
    for steps in cases():
        for step in steps:
            for at, read in step["reads"]:
                assert abs(read[0] - (at + AHEAD)) <= read[1] + 1e-6


def test_samples_read_as_recorded() -> None:
    recorded: list[list[dict[str, Any]]] = json.loads(FILE.read_text())
    assert json.loads(json.dumps(cases())) == recorded
