"""Amounts and times as people write them."""

import pytest

from peer.quantity import parse_amount, parse_time


@pytest.mark.parametrize(
    ("text", "amount"), [("7", 7), ("800k", 800_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9)]
)
def test_amounts_are_read(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["", "0", "0M", "-1", "M", "1T", "1,5M", "1e3", "0x10"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("12s", 12), ("1.5m", 90), ("2h", 7_200), ("30d", 2_592_000)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1s", "12", "m", "1.m", "1 h", "1w"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None
