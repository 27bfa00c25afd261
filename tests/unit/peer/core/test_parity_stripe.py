"""The parity stripe at one peer: when it is wanted, taken, used, passed on, and not believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from peer import wire
from peer.core.actions import Deliver, Parity, Reject, Report
from peer.core.braid import Braid
from peer.core.intake import COMPANIONS_AHEAD
from peer.core.reception import PARITY_QUIET
from peer.core.upstream import PENDING_PATIENCE
from peer.core.upstreams import PARITY_SPARE
from peer.parity import seal_parity
from peer.seal import MAX_STRIPES, SealedPart, seal_part
from tests.unit.peer.core.braid_bench import (
    BRAID,
    EPOCH,
    HIGH,
    LOW,
    PART,
    PUBLISHER,
    STRIPES,
    Bench,
    blocks,
    part,
)

S = STRIPES
"""The number of the parity stripe."""
ROOT = PUBLISHER.id[:4]


def companion(number: int, size: int = 400) -> SealedPart:
    return seal_parity(PUBLISHER, part(number, size))


def status(peer: bytes, stripes: int, *, free: int = 8) -> wire.Status:
    fed = wire.StripeStatus(True, False, (ROOT, peer[:4]))
    return wire.Status(BRAID, EPOCH, 0, True, False, free, (fed,) * stripes)


def fed() -> Bench:
    """Parts 0 to 4 have come from one parent; another neighbour has the parity stripe."""
    bench = Bench()
    bench.link(HIGH, LOW)
    bench.plan(*[HIGH] * STRIPES)
    bench.push(HIGH, range(5))
    bench.tell(HIGH, status(HIGH, STRIPES))
    bench.tell(LOW, status(LOW, STRIPES + 1))
    bench.wait(0.1)
    bench.done = []
    return bench


def lossy(bench: Bench, start: int, count: int, every: int = 5, free: int = 8) -> int:
    """Parts of which now and then a block of stripe 0 does not come; returns the number of the next.

    `free` are the places of the neighbour that has parity.
    """
    for number in range(start, start + count):
        bench.push(HIGH, range(number, number + 1), range(1 if number % every == 0 else 0, STRIPES))
        bench.wait(PART)
        bench.tell(HIGH, status(HIGH, STRIPES))
        bench.tell(LOW, status(LOW, STRIPES + 1, free=free))
    return start + count


def taking_parity() -> Bench:
    """The plan has LOW push parity to us."""
    bench = fed()
    bench.plan(*[HIGH] * STRIPES, LOW, sequence=2)
    bench.push(HIGH, range(5, 6))
    bench.tell(LOW, *blocks(companion(5)))
    bench.wait(0.06)
    bench.done = []
    return bench


def test_lost_packets_make_it_wanted_and_a_quiet_while_unwanted() -> None:
    bench = fed()
    number = lossy(bench, 5, 60)
    assert bench.take(Parity) == [Parity(True)]
    for _ in range(round(PARITY_QUIET / PART) + 400):
        number = lossy(bench, number, 1, every=10**9)
    assert bench.take(Parity) == [Parity(False)]
    assert len(bench.core.stripe_parents()) == STRIPES


def test_a_single_loss_starts_nothing() -> None:
    bench = fed()
    lossy(bench, 5, 100, every=105)
    assert bench.take(Parity) == []


def test_without_an_answer_of_the_planner_a_neighbour_that_has_it_is_asked() -> None:
    bench = fed()
    number = lossy(bench, 5, 60)
    number = lossy(bench, number, round(PENDING_PATIENCE / PART) + 3)
    asked = [(p, m.stripe) for p, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)]
    assert (LOW, S) in asked
    bench.tell(LOW, *blocks(companion(number)))
    assert bench.core.stripe_parents()[S] == LOW


def test_last_places_of_a_neighbour_are_left_to_those_who_lack_a_stripe() -> None:
    bench = fed()
    number = lossy(bench, 5, 60 + round(PENDING_PATIENCE / PART) + 3, free=PARITY_SPARE - 1)
    assert bench.core.upstreams.takes_parity
    assert bench.sent(wire.Subscribe) == []
    lossy(bench, number, 1, free=PARITY_SPARE)
    bench.wait(0.1)
    assert [(p, m.stripe) for p, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)] == [
        (LOW, S)
    ]


def test_parity_that_the_plan_names_takes_the_last_place() -> None:
    bench = fed()
    bench.tell(LOW, status(LOW, STRIPES + 1, free=1))
    bench.plan(*[HIGH] * STRIPES, HIGH, sequence=2)
    bench.tell(HIGH, wire.Refuse(BRAID, S, wire.REFUSE_NOT_CARRIED))
    bench.done = []
    bench.wait(PENDING_PATIENCE)
    bench.tell(LOW, status(LOW, STRIPES + 1, free=1))
    bench.wait(0.1)
    assert (LOW, S) in [(p, m.stripe) for p, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)]


def test_planner_names_its_parent_and_takes_it_away_again() -> None:
    bench = taking_parity()
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES + (LOW,)
    bench.plan(*[HIGH] * STRIPES, sequence=3)
    assert (LOW, wire.Unsubscribe(BRAID, S)) in bench.sent(wire.Unsubscribe)
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    bench.wait(0.5)
    assert bench.sent(wire.Unsubscribe) == []


@pytest.mark.parametrize("size", [400, 200_000])
@pytest.mark.parametrize("parity_first", [True, False])
def test_lost_blocks_are_rebuilt_played_and_passed_on(size: int, parity_first: bool) -> None:
    bench = taking_parity()
    child = bytes([0x20]) * 16
    bench.link(child)
    for stripe in (0, S):
        bench.tell(child, wire.Subscribe(BRAID, stripe, EPOCH, 6))
    bench.done = []
    if parity_first:
        bench.tell(LOW, *blocks(companion(6, size)))
    bench.push(HIGH, range(6, 7), range(1, STRIPES), size)
    if not parity_first:
        assert bench.core.counters.rebuilt == 0
        bench.tell(LOW, *blocks(companion(6, size)))
    done, bench.done = bench.done, []
    assert [d.data for d in done if isinstance(d, Deliver)] == [part(6, size).data]
    bench.done = done
    sent = [m for p, m in bench.sent(wire.Block) if p == child and isinstance(m, wire.Block)]
    genuine = blocks(part(6, size))
    assert [m for m in sent if m.seal == part(6, size).raw] == genuine[0::STRIPES]
    assert [m for m in sent if m.seal != part(6, size).raw] == blocks(companion(6, size))
    assert bench.core.counters.rebuilt == len(genuine) // STRIPES
    # What comes late after all is no news.
    bench.push(HIGH, range(6, 7), range(1), size)
    assert bench.sent(wire.Block) == []


@pytest.mark.parametrize(("late", "carried"), [(0.04, True), (0.08, False)])
def test_parent_that_parity_is_always_ahead_of_is_not_taken_for_weak(late: float, carried: bool) -> None:
    """Its way is the longest: all its blocks are rebuilt before they come. Much later they are of no use."""
    bench = taking_parity()
    other = bytes([0x70]) * 16
    bench.link(other)
    bench.plan(*[HIGH] * (STRIPES - 1), other, LOW, sequence=3)
    for number in range(6, 40):
        bench.push(HIGH, range(number, number + 1), range(STRIPES - 1))
        bench.tell(LOW, *blocks(companion(number)))
        assert bench.core.window.newest_complete == number
        bench.wait(late)
        for _ in range(2):
            bench.push(other, range(number, number + 1), range(STRIPES - 1, STRIPES))
        bench.wait(max(0.0, PART - late))
        for peer in (HIGH, LOW, other):
            bench.tell(peer, status(peer, S + 1))
    received = dict(bench.take(Report)[-1].received_from)
    if carried:
        # What is repeated carries nothing.
        assert received[other] == pytest.approx(received[HIGH] / (STRIPES - 1), rel=0.1)
    else:
        assert other not in received


def test_parity_that_comes_after_its_part_is_still_passed_on() -> None:
    bench = taking_parity()
    child = bytes([0x20]) * 16
    bench.link(child)
    bench.tell(child, wire.Subscribe(BRAID, S, EPOCH, 6))
    bench.push(HIGH, range(6, 7))
    bench.done = []
    bench.tell(LOW, *blocks(companion(6)))
    assert bench.sent(wire.Block) == [(child, block) for block in blocks(companion(6))]


def test_new_child_gets_the_parity_that_is_here() -> None:
    bench = taking_parity()
    child = bytes([0x20]) * 16
    bench.link(child)
    bench.done = []
    bench.tell(child, wire.Subscribe(BRAID, S, EPOCH, 4))
    assert bench.sent(wire.Block) == [(child, block) for block in blocks(companion(5))]
    assert bench.core.stripe_children()[S] == (child,)


def test_two_lost_blocks_of_a_row_are_asked_for_as_ever() -> None:
    bench = taking_parity()
    bench.tell(LOW, *blocks(companion(6)))
    bench.push(HIGH, range(6, 7), range(2, STRIPES))
    assert bench.core.counters.rebuilt == 0
    bench.wait(0.3)
    assert bench.sent(wire.Want) != []


def false_companion(number: int) -> SealedPart:
    """Genuinely sealed by the publisher, and wrong."""
    genuine = companion(number)
    return seal_part(PUBLISHER, genuine.seal, bytes(len(genuine.data)))


def of_another_part(number: int) -> SealedPart:
    genuine = companion(number)
    return seal_part(PUBLISHER, replace(genuine.seal, previous=bytes(16)), genuine.data)


@pytest.mark.parametrize("make", [false_companion, of_another_part])
def test_false_parity_of_the_publisher_is_left_aside_and_nobody_blamed(
    make: Callable[[int], SealedPart],
) -> None:
    bench = taking_parity()
    bench.tell(LOW, *blocks(make(6)))
    bench.push(HIGH, range(6, 7), range(1, STRIPES))
    assert bench.take(Reject) == []
    assert bench.core.counters.rebuilt == 0
    bench.push(HIGH, range(6, 7), range(1))
    assert [deliver.data for deliver in bench.take(Deliver)] == [part(6).data]


def test_forged_parity_ends_the_link() -> None:
    bench = taking_parity()
    (block,) = blocks(companion(6))
    bench.tell(LOW, replace(block, data=bytes(len(block.data))))
    assert [reject.peer for reject in bench.take(Reject)] == [LOW]


def test_parity_under_a_seal_of_more_stripes_is_none_of_this_braid() -> None:
    bench = taking_parity()
    odd = seal_part(PUBLISHER, replace(companion(6).seal, stripes=2), b"x" * 400)
    bench.tell(LOW, blocks(odd)[0])
    assert [reject.sentence for reject in bench.take(Reject)] == ["a block does not belong to this braid"]


def test_parity_from_an_origin_is_no_part() -> None:
    bench = fed()
    sealed = companion(5)
    bench.core.fetched(5, sealed.raw, sealed.data, bench.now)
    bench.act()
    assert bench.core.counters.blocks_rejected > 0
    assert bench.core.window.companion(5) is None


def test_parity_far_ahead_and_far_behind_is_not_kept() -> None:
    bench = taking_parity()
    newest = bench.core.window.newest
    for number in (newest + COMPANIONS_AHEAD, newest + COMPANIONS_AHEAD + 1):
        bench.tell(LOW, *blocks(companion(number)))
    assert bench.core.window.companion(newest + COMPANIONS_AHEAD) is not None
    assert bench.core.window.companion(newest + COMPANIONS_AHEAD + 1) is None
    bench.push(HIGH, range(300, 302))
    assert bench.core.window.companion(newest + COMPANIONS_AHEAD) is None
    assert bench.core.window.bytes_held == sum(
        len(wire.encode(block)) for number in (300, 301) for block in blocks(part(number))
    )


def test_equivocation_of_a_companion_is_counted_and_the_first_stands() -> None:
    bench = taking_parity()
    bench.tell(LOW, *blocks(companion(6)), *blocks(false_companion(6)))
    assert bench.core.counters.equivocations == 1
    bench.push(HIGH, range(6, 7), range(1, STRIPES))
    assert bench.core.counters.rebuilt == 1


def test_publisher_makes_parity_only_while_somebody_takes_it() -> None:
    bench = Bench(PUBLISHER.id)
    bench.link(LOW)
    feeds = [bench.core.feeds_parity]
    bench.tell(LOW, wire.Subscribe(BRAID, S, EPOCH, 0))
    feeds.append(bench.core.feeds_parity)
    bench.core.publish(part(0).raw, part(0).data, bench.now)
    bench.done = []
    sealed = companion(0)
    bench.core.publish(sealed.raw, sealed.data, bench.now)
    bench.core.publish(sealed.raw, sealed.data, bench.now)
    bench.act()
    assert bench.sent(wire.Block) == [(LOW, block) for block in blocks(sealed)]
    bench.tell(LOW, wire.Unsubscribe(BRAID, S))
    assert [*feeds, bench.core.feeds_parity] == [False, True, False]


def test_braid_of_sixteen_stripes_has_no_number_left_for_parity() -> None:
    core = Braid(
        PUBLISHER.id, PUBLISHER.id, PUBLISHER.key, BRAID,
        stripes=MAX_STRIPES, part_duration=PART, epoch=EPOCH, now=0.0,
    )  # fmt: skip
    core.link_opened(LOW, "viewer", 0.0)
    (said, *_) = [wire.decode(action.data) for action in core.poll_actions() if hasattr(action, "data")]
    assert isinstance(said, wire.Status)
    assert len(said.stripes) == MAX_STRIPES
