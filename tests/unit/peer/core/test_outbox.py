"""What waits for one child: how much, how long, and what is late."""

from __future__ import annotations

from peer.core.outbox import BUSY_AFTER, IN_FLIGHT, LEAVE_WITHIN, MAX_BYTES, Outbox

BLOCK = bytes(16_000)


def filled(count: int, stripe: int = 0, leave_by: float = 1.0) -> Outbox:
    outbox = Outbox()
    for _ in range(count):
        outbox.put(stripe, BLOCK, leave_by)
    return outbox


def test_link_is_given_no_more_than_it_can_lose() -> None:
    outbox = filled(20)
    taken = outbox.take()
    assert IN_FLIGHT <= sum(map(len, taken)) < IN_FLIGHT + len(BLOCK)
    assert outbox.full()
    assert outbox.take() == []
    outbox.drained(IN_FLIGHT - len(BLOCK))
    assert len(outbox.take()) == 1


def test_what_lies_in_the_links_buffer_ages_like_what_waits_here() -> None:
    outbox = filled(3)
    outbox.take()
    assert outbox.waiting == 0
    assert (outbox.late(1.0), outbox.late(1.01)) == (None, 0)
    outbox.drained(len(BLOCK))
    assert outbox.late(1.01) == 0
    outbox.drained(0)
    assert outbox.late(1.01) is None
    assert outbox.empty


def test_block_behind_one_with_more_time_has_as_much() -> None:
    outbox = filled(1, stripe=1, leave_by=3.0)
    outbox.put(2, BLOCK, 1.0)
    assert outbox.late(2.9) is None
    assert outbox.late(3.1) == 1
    outbox.take()
    outbox.put(2, BLOCK, 1.0)
    outbox.drained(len(BLOCK))
    assert outbox.late(2.9) is None
    assert outbox.late(3.1) == 2


def test_who_was_relieved_has_time_to_catch_up() -> None:
    outbox = filled(1)
    outbox.relieve(1.1)
    assert outbox.late(1.1 + LEAVE_WITHIN) is None
    assert outbox.late(1.2 + LEAVE_WITHIN) == 0


def test_too_many_bytes_are_late_at_once() -> None:
    outbox = filled(MAX_BYTES // len(BLOCK), stripe=3, leave_by=9.0)
    assert outbox.late(0.0) is None
    outbox.put(2, BLOCK, 9.0)
    assert outbox.late(0.0) == 2
    assert outbox.drop(3) == MAX_BYTES // len(BLOCK)
    assert outbox.waiting == len(BLOCK)


def test_waiting_for_a_moment_makes_busy() -> None:
    outbox = Outbox()
    assert not outbox.busy(0.0)
    outbox.put(0, BLOCK, LEAVE_WITHIN)
    assert not outbox.busy(BUSY_AFTER)
    assert outbox.busy(BUSY_AFTER + 0.01)
    outbox.take()
    assert outbox.busy(BUSY_AFTER + 0.01)
