"""A crowd of start-ups costs an origin a bounded multiple of the stream."""

from __future__ import annotations

import pytest

from peer.core.budget import BURST_SECONDS, STREAMS, StartupBudget


def test_crowd_is_sent_away_once_the_budget_is_spent() -> None:
    budget = StartupBudget(800_000, 0.0)
    join = 130_000  # bytes: 1.3 s of the stream
    admitted = 0
    for number in range(1000):
        now = number * 0.01
        if budget.admit(now) == 0.0:
            budget.spend(join, now)
            admitted += 1
    most = (10 + BURST_SECONDS) * STREAMS * 100_000 / join + 1
    assert 10 <= admitted <= most


def test_answer_says_when_to_ask_again() -> None:
    budget = StartupBudget(800_000, 0.0)
    budget.spend(5_000_000, 0.0)
    wait = budget.admit(0.0)
    assert wait > 1.0
    assert budget.admit(wait + 0.01) == 0.0


def test_rest_does_not_save_up_more_than_the_burst() -> None:
    budget = StartupBudget(800_000, 0.0)
    budget.spend(int(BURST_SECONDS * STREAMS * 100_000) + 1, 3600.0)
    assert budget.admit(3600.0) > 0.0


def test_budget_follows_the_bit_rate_of_the_stream() -> None:
    budget = StartupBudget(800_000, 0.0)
    budget.spend(5_000_000, 0.0)
    wait = budget.admit(0.0)
    budget.set_bandwidth(1_600_000)
    assert budget.admit(0.0) == pytest.approx(wait / 2)
