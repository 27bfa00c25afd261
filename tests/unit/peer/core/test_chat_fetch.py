"""Who is asked next, and when it is given up."""

from __future__ import annotations

import pytest

from peer.core.chat_fetch import MAX_ASKED, MAX_GUESSES, MAX_TRIES, PATIENCE, QUIET, Fetch

MESSAGE = b"\x01" * 32
PEERS = [bytes((number,)) * 16 for number in range(40)]


def fetch(*peers: bytes) -> Fetch:
    made = Fetch()
    for peer in peers:
        made.link_opened(peer, 0.0)
    return made


def number(value: int) -> bytes:
    return value.to_bytes(32)


def test_peer_that_says_that_it_has_the_message_is_asked() -> None:
    asking = fetch(*PEERS[:3])
    asking.claimed(MESSAGE, PEERS[1], 0.0)
    assert asking.poll_questions() == [(PEERS[1], (MESSAGE,))]
    assert asking.next_timer() == QUIET


def test_nobody_else_is_asked_for_what_nobody_needs() -> None:
    asking = fetch(*PEERS[:3])
    asking.claimed(MESSAGE, PEERS[1], 0.0)
    asking.poll_questions()
    asking.handle_timer(QUIET)
    assert asking.poll_questions() == []
    assert asking.poll_given_up() == []
    assert MESSAGE not in asking


def test_guesses_are_few_and_then_it_is_given_up() -> None:
    asking = fetch(*PEERS[:10])
    asking.need(MESSAGE, PEERS[5], 0.0)
    asked = []
    while (timer := asking.next_timer()) is not None:
        asked += [peer for peer, _ in asking.poll_questions()]
        asking.handle_timer(timer)
    assert asked == [PEERS[5], PEERS[0], PEERS[1], PEERS[2]]
    assert len(asked) == MAX_GUESSES
    assert asking.poll_given_up() == [MESSAGE]


def test_claim_goes_before_a_guess_that_is_under_way() -> None:
    asking = fetch(*PEERS[:3])
    asking.need(MESSAGE, PEERS[0], 0.0)
    asking.poll_questions()
    asking.claimed(MESSAGE, PEERS[2], 0.5)
    assert asking.poll_questions() == [(PEERS[2], (MESSAGE,))]


def test_peer_that_claims_without_end_is_not_asked_without_end() -> None:
    asking = fetch(PEERS[0])
    asking.need(MESSAGE, PEERS[0], 0.0)
    tries = 0
    while (timer := asking.next_timer()) is not None:
        tries += len(asking.poll_questions())
        asking.claimed(MESSAGE, PEERS[0], timer)
        asking.handle_timer(timer)
    assert tries <= MAX_TRIES
    assert asking.poll_given_up() == [MESSAGE]


def test_answers_that_drip_do_not_hold_the_others_for_ever() -> None:
    asking = fetch(PEERS[0])
    for value in range(100):
        asking.claimed(number(value), PEERS[0], 0.0)
    for value in range(100):
        timer = asking.next_timer()
        if timer is None:
            break
        now = timer - 0.1
        if now > PATIENCE:
            break
        asking.arrived(number(value), PEERS[0], now)
    asking.handle_timer(PATIENCE)
    assert asking.next_timer() is None


def test_progress_gives_the_rest_more_time() -> None:
    asking = fetch(PEERS[0])
    for value in range(3):
        asking.claimed(number(value), PEERS[0], 0.0)
    assert asking.arrived(number(0), PEERS[0], 2.0) == [PEERS[0]]
    assert asking.next_timer() == 2.0 + QUIET


def test_answer_of_another_peer_ends_the_question() -> None:
    asking = fetch(*PEERS[:2])
    asking.claimed(MESSAGE, PEERS[0], 0.0)
    assert asking.arrived(MESSAGE, PEERS[1], 0.1) == [PEERS[0]]
    assert asking.next_timer() is None
    assert asking.poll_questions() == []
    assert asking.arrived(MESSAGE, PEERS[1], 0.2) == []


def test_useless_answer_moves_the_question_on() -> None:
    asking = fetch(*PEERS[:2])
    asking.failed(MESSAGE, PEERS[0], 0.0)  # nobody had asked
    asking.need(MESSAGE, PEERS[0], 0.0)
    asking.failed(MESSAGE, PEERS[1], 0.0)  # nobody had asked this one
    assert asking.poll_questions() == [(PEERS[0], (MESSAGE,))]
    asking.failed(MESSAGE, PEERS[0], 0.1)
    assert asking.poll_given_up() == [MESSAGE]


def test_closed_link_passes_its_questions_on() -> None:
    asking = fetch(*PEERS[:2])
    asking.need(MESSAGE, PEERS[0], 0.0)
    asking.poll_questions()
    asking.link_closed(PEERS[0], 0.5)
    asking.link_closed(PEERS[9], 0.5)
    assert asking.poll_questions() == [(PEERS[1], (MESSAGE,))]


@pytest.mark.parametrize("extra", [1, 300])
def test_questions_to_one_peer_are_bounded(extra: int) -> None:
    asking = fetch(PEERS[0])
    for value in range(MAX_ASKED + extra):
        asking.claimed(number(value), PEERS[0], 0.0)
    questions = asking.poll_questions()
    assert [len(ids) for _, ids in questions] == [256, 256]
    assert number(MAX_ASKED) not in asking
