"""Waiting for a source that went away: short at first, and not for ever."""

from peer.media.patience import Patience


def pauses(patience: Patience, now: float) -> list[float]:
    """All pauses until it gives up."""
    taken: list[float] = []
    while (pause := patience.pause(now)) is not None:
        taken.append(pause)
        now += pause
    return taken


def test_pauses_grow_and_stay_within_the_bound() -> None:
    taken = pauses(Patience(60.0), 100.0)
    assert taken == sorted(taken)
    assert taken[0] < 0.5
    assert taken[-1] == 4.0
    assert 56.0 < sum(taken) <= 60.0


def test_a_source_that_comes_back_is_waited_for_as_long_again() -> None:
    patience = Patience(10.0)
    first = pauses(patience, 0.0)
    patience.renew()
    assert pauses(patience, 1_000.0) == first


def test_attempts_that_take_long_count_too() -> None:
    patience = Patience(10.0)
    assert patience.pause(0.0) is not None
    assert patience.pause(9.9) is None


def test_without_a_bound_nobody_gives_up() -> None:
    patience = Patience(None)
    assert all(patience.pause(float(now)) is not None for now in range(0, 100_000, 1_000))
