"""Who is writing is told seldom, and forgotten soon."""

from __future__ import annotations

from peer import wire_typing
from peer.core.chat_typing import LASTS, TELL_EVERY, Typing
from tests.vectors.typing_samples import ANA, BOB


def test_others_are_told_at_most_every_three_seconds_and_at_the_end() -> None:
    typing = Typing()
    assert not typing.writes(False, 0)
    assert [typing.writes(True, at) for at in (0, TELL_EVERY - 0.1, TELL_EVERY)] == [True, False, True]
    assert [typing.writes(False, 4), typing.writes(False, 4)] == [True, False]


def test_who_has_sent_need_not_say_that_it_has_stopped() -> None:
    typing = Typing()
    typing.writes(True, 0)
    typing.sent()
    assert not typing.writes(False, 1)
    assert typing.writes(True, 1)


def test_somebody_who_falls_silent_is_forgotten() -> None:
    typing = Typing()
    assert typing.next_timer() is None
    assert [typing.heard(BOB, True, 0), typing.heard(BOB, True, 1), typing.heard(ANA, True, 2)] == [
        *(True, False, True)
    ]
    assert typing.peers(2) == (BOB, ANA)
    assert typing.next_timer() == 1 + LASTS
    assert typing.peers(1 + LASTS) == (ANA,)
    assert [typing.handle_timer(LASTS), typing.handle_timer(1 + LASTS)] == [False, True]
    assert typing.peers(0) == (ANA,)


def test_who_stops_or_goes_is_not_writing_any_more() -> None:
    typing = Typing()
    typing.heard(BOB, True, 0)
    typing.heard(ANA, True, 0)
    assert [typing.heard(BOB, False, 1), typing.heard(BOB, False, 1)] == [True, False]
    assert [typing.stopped(ANA), typing.stopped(ANA)] == [True, False]
    assert typing.peers(1) == ()


def test_message_is_read_as_it_was_written() -> None:
    assert [wire_typing.decode(wire_typing.encode(on)) for on in (True, False)] == [True, False]
