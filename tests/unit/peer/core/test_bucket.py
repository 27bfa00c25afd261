"""Rates hold, and nobody has to wait for rounding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peer.core.bucket import Bucket


@given(st.floats(0, 1e7), st.floats(0.001, 1e6), st.lists(st.floats(1, 1e5), min_size=1, max_size=20))
def test_there_is_a_token_when_it_was_said_that_there_would_be(
    now: float, rate: float, costs: list[float]
) -> None:
    bucket = Bucket(10, rate, now)
    for cost in costs:
        now = max(now, bucket.ready())
        assert bucket.take(now, cost)


@given(st.lists(st.floats(0, 1), max_size=200))
def test_no_more_than_the_burst_and_the_rate_is_taken(pauses: list[float]) -> None:
    bucket, now, taken = Bucket(5, 2, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= 5 + 2 * now + 0.01


def test_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(1, 1, 10.0)
    assert bucket.take(10.0)
    assert not bucket.take(10.0)
    assert not bucket.take(3.0)
