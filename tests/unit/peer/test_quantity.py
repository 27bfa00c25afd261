"""Amounts as people write them."""

import pytest

from peer.quantity import parse_amount


@pytest.mark.parametrize(
    ("text", "amount"), [("7", 7), ("800k", 800_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9)]
)
def test_amounts_are_read(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["", "0", "0M", "-1", "M", "1T", "1,5M", "1e3", "0x10"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None
