"""Rates and timers by the time that is passed in."""

from signaling.core.limits import TokenBucket
from signaling.core.timers import Timers


def test_bucket_allows_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=10)
    assert [bucket.take(1, 10) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1, 11) for _ in range(3)] == [True, True, False]
    assert bucket.take(3, 100)
    assert not bucket.take(3.5, 1_000), "more than it holds"
    assert bucket.take(3, 1_000)


def test_bucket_does_not_fill_when_time_goes_back() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=10)
    assert bucket.take(1, 10)
    assert not bucket.take(1, 5)


def test_timers_run_in_order_and_once() -> None:
    timers = Timers()
    seen: list[tuple[str, float]] = []
    timers.at(5, lambda now: seen.append(("b", now)))
    timers.at(3, lambda now: seen.append(("a", now)))
    timers.at(5, lambda now: timers.at(5.5, lambda later: seen.append(("c", later))))
    assert timers.next() == 3
    timers.run(2)
    assert seen == []
    timers.run(6)
    assert seen == [("a", 6), ("b", 6), ("c", 6)]
    assert timers.next() is None
