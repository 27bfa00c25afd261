"""The downward side: pushing, remembered requests, children that are too slow."""

from __future__ import annotations

from dataclasses import replace

from peer import wire
from peer.core.actions import Send
from peer.core.children import (
    ALL,
    BACKLOG_PARTS,
    NEWEST_INDEPENDENT,
    REFUSE_SLOW,
    SERVED_PARTS_BURST,
    SERVED_PARTS_PER_SECOND,
    WANT_SECONDS,
    WANTS_KEPT,
    Children,
)
from peer.core.counters import Counters
from peer.core.intake import Taken
from peer.core.neighbour import WANTS_BURST, Neighbour
from peer.core.outbox import IN_FLIGHT, KEY_FRAME, LEAVE_WITHIN, REQUESTED
from peer.core.window import Window
from tests.unit.peer.core.braid_bench import BRAID, EPOCH, HIGH, LOW, STRIPES, blocks, part, status


class Nursery:
    """Children and the window from which they are fed."""

    def __init__(self) -> None:
        self.window, self.counters = Window(), Counters()
        self.window.begin(EPOCH)
        self.children = Children(BRAID, STRIPES, self.counters, False, 0.0)
        self.low, self.high = Neighbour(LOW, "viewer", 0.0), Neighbour(HIGH, "viewer", 0.0)

    def take(
        self, number: int, size: int = 400, *, source: bytes | None = None, now: float = 0.0
    ) -> list[Send]:
        """A part has come."""
        out = []
        sealed = part(number, size)
        for block in blocks(sealed):
            message = wire.encode(block)
            self.window.add(self.window.open(sealed.seal, sealed.raw, now), block.index, message)
            taken = Taken(sealed.seal, block.index % STRIPES, block.index, message, source, True)
            out += self.children.push(taken, now)
        return out


def told(sends: list[Send]) -> list[tuple[bytes, int, int]]:
    """(peer, part, block index)"""
    found = [(send.peer, wire.decode(send.data)) for send in sends if send.channel == "blocks"]
    return [
        (peer, int.from_bytes(message.seal[17:21], "big"), message.index)
        for peer, message in found
        if isinstance(message, wire.Block)
    ]


def test_child_gets_what_is_here_and_then_what_comes() -> None:
    n = Nursery()
    for number in range(3):
        n.take(number)
    assert told(n.children.add(n.low, 1, 1, n.window, 0.0)) == [(LOW, 1, 1), (LOW, 2, 1)]
    assert told(n.take(3)) == [(LOW, 3, 1)]
    n.children.remove(n.low, 1)
    assert n.take(4) == []


def test_newcomer_begins_at_the_newest_independent_part() -> None:
    n = Nursery()
    assert n.children.add(n.high, 0, NEWEST_INDEPENDENT, n.window, 0.0) == []
    for number in range(9, 12):
        n.take(number)
    sends = n.children.add(n.low, 0, NEWEST_INDEPENDENT, n.window, 0.0)
    assert told(sends) == [(LOW, 10, 0), (LOW, 11, 0)]


def test_block_does_not_go_back_to_where_it_came_from() -> None:
    n = Nursery()
    n.children.add(n.low, 0, 0, n.window, 0.0)
    n.children.add(n.high, 0, 0, n.window, 0.0)
    assert told(n.take(0, source=LOW)) == [(HIGH, 0, 0)]


def test_asking_again_and_again_does_not_make_more_wait() -> None:
    n = Nursery()
    for number in range(50):
        n.take(number, 40_000)
    n.low.outbox.drained(IN_FLIGHT)
    n.children.add(n.low, 0, 0, n.window, 0.0)
    waiting = n.low.outbox.waiting
    for _ in range(20):
        n.children.add(n.low, 0, 0, n.window, 0.0)
    assert n.low.outbox.waiting == waiting > 0


def test_child_that_cannot_keep_up_loses_the_stripe_and_its_siblings_nothing() -> None:
    n = Nursery()
    for child in (n.low, n.high):
        n.children.add(child, 0, 0, n.window, 0.0)
    n.low.outbox.drained(IN_FLIGHT)
    n.take(0, now=0.0)
    due = LEAVE_WITHIN + KEY_FRAME
    assert n.children.slow(n.low, due) == []
    (refusal,) = n.children.slow(n.low, due + 0.01)
    assert wire.decode(refusal.data) == wire.Refuse(BRAID, 0, REFUSE_SLOW)
    assert list(n.children.of(0)) == [HIGH]
    assert n.low.outbox.waiting == 0
    n.high.outbox.drained(0)
    assert n.children.slow(n.high, 10.0) == []


def test_want_is_answered_with_what_is_here() -> None:
    n = Nursery()
    n.take(0)
    assert told(n.children.want(n.low, 0, (2, 3, 99), n.window, 0.0)) == [(LOW, 0, 2), (LOW, 0, 3)]
    assert told(n.children.want(n.low, 0, (), n.window, 0.0)) == [(LOW, 0, i) for i in range(4)]
    assert n.counters.wants_served == 6


def test_want_is_answered_when_the_block_comes() -> None:
    n = Nursery()
    assert n.children.want(n.low, 0, (2,), n.window, 0.0) == []
    assert n.children.want(n.high, 0, (2,), n.window, 0.0) == []
    assert told(n.take(0, source=HIGH)) == [(LOW, 0, 2)]
    n.window.begin(EPOCH)
    assert n.take(0) == []


def test_want_of_a_whole_part_that_is_not_here_yet() -> None:
    n = Nursery()
    assert n.children.want(n.low, 0, (), n.window, 0.0) == []
    assert told(n.take(0)) == [(LOW, 0, i) for i in range(4)]
    assert n.take(1) == []


def test_whole_part_that_comes_later_is_sent_only_as_far_as_its_asker_may_ask() -> None:
    n = Nursery()
    for asker in (n.low, n.high):
        n.children.want(asker, 0, (), n.window, 0.0)
    for number in range(1, int(WANTS_BURST)):
        n.children.want(n.low, number, (0, 1), n.window, 0.0)
    assert told(n.take(0)) == [(HIGH, 0, i) for i in range(4)]


def test_want_is_forgotten_after_a_second() -> None:
    n = Nursery()
    n.children.want(n.low, 0, (2,), n.window, 0.0)
    n.children.want(n.low, 1, (), n.window, 0.0)
    n.children.expire(WANT_SECONDS)
    assert len(n.children._wants) == 2
    assert n.take(0, now=WANT_SECONDS + 0.01) == []
    n.children.expire(WANT_SECONDS + 0.01)
    assert (n.children._wants, n.children._wanted) == ({}, 0)


def test_wants_of_one_peer_are_limited() -> None:
    n = Nursery()
    for number in range(100):
        n.take(number)
    served = sum(len(n.children.want(n.low, number, (), n.window, 0.0)) for number in range(100))
    assert served <= WANTS_BURST + STRIPES
    assert n.children.want(n.low, 0, (0,), n.window, 1.0)


def test_wants_that_are_remembered_are_bounded() -> None:
    n = Nursery()
    for peer in range(100):
        asker = Neighbour(bytes([peer]) * 16, "viewer", 0.0)
        for number in range(40):
            n.children.want(asker, number, (1, 2, 3), n.window, 0.0)
    assert n.children._wanted == sum(map(len, n.children._wants.values())) == WANTS_KEPT


def test_who_has_gone_is_neither_fed_nor_remembered() -> None:
    n = Nursery()
    n.children.add(n.low, 0, 0, n.window, 0.0)
    n.children.want(n.low, 0, (1,), n.window, 0.0)
    n.children.want(n.low, 1, (), n.window, 0.0)
    n.children.want(n.high, 1, (), n.window, 0.0)
    n.children.gone(n.low)
    assert n.children.count() == 0
    assert list(n.children._wants) == [(1, ALL)]
    assert n.children._wanted == 1
    assert told(n.take(0)) == []


def test_new_epoch_forgets_what_was_asked() -> None:
    n = Nursery()
    n.children.want(n.low, 0, (1,), n.window, 0.0)
    n.children.begin()
    assert n.take(0) == []
    assert n.children._wanted == 0


def test_nothing_is_sent_on_request_while_blocks_wait_for_somebody() -> None:
    n = Nursery()
    n.take(0)
    n.children.busy = True
    assert n.children.want(n.low, 0, (1,), n.window, 0.0) == []
    n.children.busy = False
    n.low.outbox.drained(IN_FLIGHT)
    assert n.children.want(n.low, 0, (1,), n.window, 0.0) == []
    n.low.outbox.drained(0)
    assert told(n.children.want(n.low, 0, (1,), n.window, 0.0)) == [(LOW, 0, 1)]


def test_what_is_sent_on_request_in_all_is_less_than_a_stream() -> None:
    n = Nursery()
    for number in range(100):
        n.take(number)
    askers = [Neighbour(bytes([peer]) * 16, "viewer", 0.0) for peer in range(50)]
    served = sum(len(n.children.want(asker, 99, (), n.window, 0.0)) for asker in askers)
    assert served == STRIPES * SERVED_PARTS_BURST
    served = sum(len(n.children.want(asker, 99, (), n.window, 2.0)) for asker in askers)
    assert served == 2 * STRIPES * SERVED_PARTS_PER_SECOND


def test_requested_blocks_that_do_not_leave_cost_no_stripe() -> None:
    n = Nursery()
    for number in range(3):
        n.take(number)
    n.children.add(n.low, 0, 3, n.window, 0.0)
    assert told(n.children.want(n.low, 2, (1, 2), n.window, 0.0)) == [(LOW, 2, 1), (LOW, 2, 2)]
    assert n.low.outbox.late(LEAVE_WITHIN + 0.1) == REQUESTED
    assert n.children.slow(n.low, LEAVE_WITHIN + 0.1) == []
    assert n.children.count() == 1


def test_child_that_has_the_part_already_is_not_sent_it() -> None:
    n = Nursery()
    n.children.add(n.low, 0, 0, n.window, 0.0)
    n.low.status = status(newest=3)
    assert told(n.take(3)) == []
    assert told(n.take(4)) == [(LOW, 4, 0)]


def test_new_child_is_not_given_what_was_played_long_ago() -> None:
    n = Nursery()
    for number in range(95):
        n.take(number)
    sends = told(n.children.add(n.low, 0, 0, n.window, 0.0))
    assert sends[0] == (LOW, 94 - BACKLOG_PARTS, 0)


def test_who_has_children_is_served_before_who_has_none() -> None:
    """On a narrow upload the last child waits for all before it, and so do all that are below it."""
    n = Nursery()
    for child in (n.low, n.high):
        n.children.add(child, 0, NEWEST_INDEPENDENT, n.window, 0.0)
    assert [peer for peer, _, _ in told(n.take(0))] == [LOW, HIGH]
    said = status(*range(STRIPES))
    feeding = replace(said.stripes[0], feeds=True)
    n.high.status = replace(said, newest=0, stripes=(feeding, *said.stripes[1:]))
    assert [peer for peer, _, _ in told(n.take(1))] == [HIGH, LOW]
