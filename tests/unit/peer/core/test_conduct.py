"""What a linked peer does, and what follows from it."""

from __future__ import annotations

import pytest

from peer.core.conduct import ALLOWED, ANSWERS, BACKLOG_BURST, PROMISE, PROMISES, Conduct
from peer.core.judge import BYE_PROTOCOL, Judge
from peer.core.neighbour import LATE_AT_FIRST, NO_PART, SURE_PARTS, Neighbour
from peer.core.standing import BROKEN_PROMISE, EMPTY_WORD, FLOOD, IN_TIME, MEAGRE, STANDSTILL, STRAY, Standing
from peer.wire import Block, Message, Refuse, Status, StripeStatus, Subscribe, Unsubscribe, Want
from tests.unit.peer.core.braid_bench import status

PEER, OTHER = bytes(16), bytes([1]) * 16


def asked(newest: int, number: int) -> float:
    """What it costs to leave a WANT for a part unanswered when the newest complete one is `newest`."""
    neighbour = Neighbour(PEER, "viewer", 0.0)
    neighbour.status = status(newest=newest)
    neighbour.asked(number, (1,), 0.0)
    return neighbour.conduct.settle(False, 10.0)


def test_unanswered_request_costs_only_what_was_promised() -> None:
    assert asked(20, 20 - SURE_PARTS) == BROKEN_PROMISE
    assert asked(20, 20 - SURE_PARTS + 1) == 0.0
    assert asked(NO_PART, 3) == 0.0
    silent = Neighbour(PEER, "viewer", 0.0)
    silent.asked(3, (1,), 0.0)
    assert silent.conduct.settle(False, 10.0) == 0.0


@pytest.mark.parametrize("indices", [(5, 6), ()], ids=["blocks", "a whole part"])
def test_promise_is_kept_by_a_block(indices: tuple[int, ...]) -> None:
    conduct = Conduct(0.0)
    conduct.asked(7, indices, True, 0.0)
    conduct.sent(7, 5)
    assert conduct.settle(False, 10.0) == 0.0


def test_promise_is_not_kept_by_another_block_nor_broken_before_its_time() -> None:
    conduct = Conduct(0.0)
    conduct.asked(7, (5,), True, 0.0)
    conduct.sent(7, 6)
    assert conduct.settle(False, PROMISE) == 0.0
    assert conduct.settle(False, PROMISE + 0.1) == BROKEN_PROMISE
    assert conduct.settle(False, PROMISE + 1.0) == 0.0


def test_many_promises_broken_at_once_are_one_and_those_of_the_dead_are_none() -> None:
    conduct = Conduct(0.0)
    for number in range(2 * PROMISES):
        conduct.asked(number, (0,), True, 0.0)
    assert conduct.settle(False, 5.0) == BROKEN_PROMISE
    conduct.asked(3, (0,), True, 5.0)
    assert conduct.settle(True, 10.0) == 0.0


def test_whoever_is_asked_for_more_than_it_has_to_give_breaks_no_promise() -> None:
    conduct = Conduct(0.0)
    conduct.asked(1, tuple(range(200)), False, 0.0)
    conduct.asked(2, (0,), True, 0.0)
    assert conduct.settle(False, 5.0) == 0.0


@pytest.mark.parametrize("kind", [Subscribe, Unsubscribe, Refuse, Status, Want])
def test_flood_is_dropped_and_held_against_who_sends_it(kind: type[Message]) -> None:
    conduct = Conduct(0.0)
    burst, rate = ALLOWED[kind]
    assert all(conduct.may_say(kind, 0.0) for _ in range(int(burst)))
    assert not conduct.may_say(kind, 0.0)
    assert conduct.may_say(kind, 1.0)
    assert conduct.settle(False, 1.0) == FLOOD
    assert rate < burst


def test_blocks_are_not_counted_as_talk() -> None:
    conduct = Conduct(0.0)
    assert all(conduct.may_say(Block, 0.0) for _ in range(10_000))


def test_subscribing_again_and_again_does_not_bring_the_window_again_and_again() -> None:
    conduct = Conduct(0.0)
    assert sum(conduct.may_have_backlog(0.0) for _ in range(100)) == BACKLOG_BURST


def test_answers_to_requests_are_not_stray_and_blocks_that_nobody_asked_for_are() -> None:
    conduct = Conduct(0.0)
    conduct.asked(1, (1, 2), False, 0.0)
    for _ in range(3):
        conduct.unexpected()
    assert conduct.settle(False, 0.0) == STRAY
    for number in range(100):
        conduct.asked(number, (), False, 0.0)
    for _ in range(ANSWERS + 2):
        conduct.unexpected()
    assert conduct.settle(False, 0.0) == 2 * STRAY


@pytest.mark.parametrize(
    ("fed", "starved", "since", "heard", "due", "points"),
    [
        (True, False, -LATE_AT_FIRST, 0.0, -0.1, EMPTY_WORD),
        (True, False, -LATE_AT_FIRST, 0.0, 0.0, STANDSTILL),
        (False, False, -LATE_AT_FIRST, 0.0, -0.1, 0.0),
        (True, True, -LATE_AT_FIRST, 0.0, -0.1, 0.0),
        (True, False, -LATE_AT_FIRST, -LATE_AT_FIRST, -0.1, 0.0),
        (True, False, 0.1 - LATE_AT_FIRST, 0.0, -0.1, 0.0),
    ],
    ids=[
        "says that it is fed",
        "said so before the block was due",
        "says that it is not",
        "says that it starves",
        "may be dead",
        "has just come",
    ],
)
def test_pushing_nothing_is_a_lie_of_one_who_says_that_it_is_fed(
    fed: bool, starved: bool, since: float, heard: float, due: float, points: float
) -> None:
    neighbour = Neighbour(PEER, "viewer", since)
    neighbour.heard_at = heard
    neighbour.pushed_nothing(0, due, 0.0)
    neighbour.status, neighbour.status_at = status(stripes=(StripeStatus(fed, starved, ()),)), 0.0
    neighbour.pushed_nothing(0, due, 0.0)
    neighbour.pushed_nothing(1, due, 0.0)
    assert neighbour.conduct.settle(False, 0.0) == points
    assert neighbour.conduct.settle(False, 0.0) == 0.0


def test_blocks_pushed_in_time_are_merit() -> None:
    conduct = Conduct(0.0)
    conduct.in_time += 10
    assert conduct.settle(False, 0.0) == pytest.approx(10 * IN_TIME)
    assert conduct.settle(False, 0.0) == 0.0


def test_link_of_a_peer_that_floods_ends_and_it_is_no_neighbour_when_it_comes_back() -> None:
    standing = Standing()
    judge = Judge(standing, 0.0)
    bad, good = Neighbour(PEER, "viewer", 0.0), Neighbour(OTHER, "viewer", 0.0)
    for _ in range(200):
        bad.conduct.may_say(Subscribe, 0.0)
    assert judge.settle((bad, good), (), 0.5) == []
    ended = judge.settle((bad, good), (), 1.0)
    assert [(reject.peer, reject.reason) for reject in ended] == [(PEER, BYE_PROTOCOL)]
    assert not Judge(standing, 2.0).admits(Neighbour(PEER, "viewer", 2.0), 2.0)
    assert judge.admits(good, 2.0)


def test_doubt_comes_with_a_peer_that_comes_back() -> None:
    judge = Judge(Standing(), 0.0)
    neighbour = Neighbour(PEER, "viewer", 0.0)
    judge.settle((neighbour,), (PEER,), 0.1)
    assert neighbour.doubt == 2
    again = Neighbour(PEER, "viewer", 1.0)
    assert judge.admits(again, 1.0)
    assert again.doubt == 1
    later = 1.0 - MEAGRE / 0.05
    assert judge.settle((again,), (), later) == []
    assert again.doubt == 0


def test_publisher_is_not_judged() -> None:
    standing = Standing()
    judge = Judge(standing, 0.0)
    publisher = Neighbour(PEER, "publisher", 0.0)
    for _ in range(1000):
        publisher.conduct.may_say(Status, 0.0)
    assert judge.settle((publisher,), (), 1.0) == []
    assert len(standing) == 0


def test_bad_block_is_never_forgotten_while_it_counts() -> None:
    judge = Judge(Standing(), 0.0)
    judge.expelled(PEER, 0.0)
    assert not judge.admits(Neighbour(PEER, "viewer", 60.0), 60.0)
