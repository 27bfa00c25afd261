"""Each author has a rate of its own, and many authors do not take much memory."""

from __future__ import annotations

from peer.core.chat_rate import Rates


def test_names_do_not_take_memory_and_the_last_ones_are_known() -> None:
    rates = Rates(1, 0.1, keys=2)
    for key in (b"a", b"b", b"c"):
        assert rates.take(key, 0.0)
    assert not rates.take(b"c", 0.0)
    assert rates.take(b"a", 0.0)  # forgotten
