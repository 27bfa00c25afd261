"""Parents that send just enough not to be silent."""

from __future__ import annotations

import pytest

from peer import wire
from peer.core.actions import Report
from peer.core.push_share import (
    FEW,
    PATIENCE,
    PATIENCE_A_HOP,
    PATIENT_HOPS,
    REVIEW_PARTS,
    SETTLED_PARTS,
    PushShare,
)
from peer.core.upstream import PROOF_PARTS
from peer.core.window import Window
from peer.wire import encode
from tests.unit.peer.core.braid_bench import (
    EPOCH,
    HIGH,
    LOW,
    PUBLISHER,
    STRIPES,
    Bench,
    blocks,
    part,
    status,
)

ROOT = PUBLISHER.id[:4]
SPAN = REVIEW_PARTS + SETTLED_PARTS


def window_of(count: int, but: range = range(0)) -> Window:
    """Of every part but some one block is here: others show that they exist."""
    window = Window()
    window.begin(EPOCH)
    for number in range(count):
        if number not in but:
            sealed = part(number)
            opened = window.open(sealed.seal, sealed.raw, 0.0)
            window.add(opened, 3, encode(blocks(sealed)[3]))
    return window


def reviewed(pushed: range, count: int = SPAN, *, late: bool = False, but: range = range(0)) -> PushShare:
    """Stripe 0's parent has pushed its block of some parts, stripe 3's all."""
    share = PushShare(STRIPES)
    for number in pushed:
        assert share.pushed(number, 0, not late)
    for number in range(count):
        share.pushed(number, 3, True)
    share.review(window_of(count, but), 0.0)
    return share


def is_meagre(share: PushShare, stripe: int = 0) -> bool:
    return share.meagre(stripe, 0, PATIENCE)


@pytest.mark.parametrize(("pushed", "meagre"), [(4, True), (5, False), (10, False)])
def test_parent_is_meagre_below_half_of_what_exists(pushed: int, meagre: bool) -> None:
    share = reviewed(range(pushed))
    assert is_meagre(share) is meagre
    assert not is_meagre(share, 3)


def test_block_that_had_to_be_asked_for_elsewhere_first_does_not_count() -> None:
    assert is_meagre(reviewed(range(10), late=True))


def test_repeated_and_old_blocks_do_not_count() -> None:
    share = reviewed(range(4))
    assert not share.pushed(2, 0, True)
    assert share.pushed(SPAN, 0, True)
    assert not share.pushed(SPAN, 0, True)


def test_parts_of_which_nothing_came_were_due_too() -> None:
    assert not is_meagre(reviewed(range(5), but=range(5, 9)))
    assert is_meagre(reviewed(range(4), but=range(4, 9)))


def test_parent_is_not_judged_by_what_is_still_on_its_way() -> None:
    share = reviewed(range(0), SPAN - 1)
    assert not is_meagre(share)


def test_block_that_comes_after_its_part_was_judged_is_neither_counted_nor_held_against_the_parent() -> None:
    bench = Bench()
    bench.link(LOW, HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH)
    starving(bench, range(SPAN + 1), HIGH, LOW)
    conduct = bench.core.neighbours[LOW].conduct
    conduct.settle(False, bench.now)
    bench.push(LOW, range(1, 2), range(1))
    assert bench.core.counters.late == 0
    assert conduct.settle(False, bench.now) == 0.0


def test_meagre_parent_is_given_time_and_more_the_further_it_is_from_the_publisher() -> None:
    share = reviewed(range(0))
    for hops in (1, 4):
        patience = PATIENCE + hops * PATIENCE_A_HOP
        assert not share.meagre(0, hops, patience - 0.01)
        assert share.meagre(0, hops, patience)
    assert share.meagre(0, 31, PATIENCE + PATIENT_HOPS * PATIENCE_A_HOP)


def test_parent_that_recovers_is_kept() -> None:
    share = reviewed(range(0))
    for number in range(REVIEW_PARTS, 2 * REVIEW_PARTS):
        share.pushed(number, 0, True)
    share.review(window_of(SPAN + REVIEW_PARTS), 1.0)
    assert not share.meagre(0, 0, 100.0)
    assert share.meagre(1, 0, 100.0)


def test_patience_begins_with_the_first_meagre_review() -> None:
    share = reviewed(range(0))
    share.review(window_of(SPAN + REVIEW_PARTS), 1.0)
    assert share.meagre(0, 0, PATIENCE)


def test_new_parent_does_not_answer_for_what_was_before() -> None:
    share = PushShare(STRIPES)
    share.taken_over(0, SPAN - SETTLED_PARTS - FEW)
    share.review(window_of(SPAN), 0.0)
    assert not is_meagre(share)
    assert is_meagre(share, 1)
    share.excuse(SPAN)
    assert not is_meagre(share, 1)


def test_another_epoch_begins_anew() -> None:
    share = reviewed(range(0))
    share.begin()
    assert not is_meagre(share)
    assert share.pushed(0, 0, True)


def starving(bench: Bench, numbers: range, giver: bytes, starver: bytes) -> None:
    """The giver pushes all of its stripes; the starver every third block of stripe 0."""
    for number in numbers:
        bench.push(giver, range(number, number + 1), range(1, STRIPES))
        if number % 3 == 0:
            bench.push(starver, range(number, number + 1), range(1))
        bench.wait(0.1)
        for peer in (giver, starver):
            bench.tell(peer, status(*range(STRIPES), newest=number, path=(ROOT, peer[:4])))


def test_parent_that_sends_just_enough_is_replaced_once_another_has_shown_to_be_better() -> None:
    bench = Bench()
    bench.link(LOW, HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH)
    starving(bench, range(SPAN), HIGH, LOW)
    assert [peer for peer, _ in bench.sent(wire.Subscribe)] == [LOW, HIGH, HIGH, HIGH]
    begun = SPAN
    while bench.core.upstreams.stripes[0].pending is None:
        starving(bench, range(begun, begun + 1), HIGH, LOW)
        begun += 1
    assert begun < 4 * SPAN
    assert bench.core.stripe_parents()[0] == LOW
    assert [peer for peer, _ in bench.sent(wire.Subscribe)] == [HIGH]
    for number in range(begun, begun + PROOF_PARTS):
        bench.push(HIGH, range(number, number + 1))
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    assert LOW in [peer for peer, _ in bench.sent(wire.Unsubscribe)]
    bench.wait(2.5)
    assert bench.core.neighbours[LOW].doubt > 0
    assert LOW not in [peer for peer, _ in bench.sent(wire.Subscribe)], "the plan names it, but it is known"


def test_parent_that_sends_just_enough_is_kept_while_nobody_else_has_room() -> None:
    bench = Bench()
    bench.link(LOW, HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH)
    for number in range(4 * SPAN):
        starving(bench, range(number, number + 1), HIGH, LOW)
        bench.tell(HIGH, status(*range(STRIPES), newest=number, path=(ROOT, HIGH[:4]), free=0))
    assert bench.core.stripe_parents() == (LOW, HIGH, HIGH, HIGH)
    assert bench.core.upstreams.failed == set()


def test_parent_of_its_own_choice_that_sends_too_little_is_no_failure_of_the_plan() -> None:
    bench = Bench()
    bench.link(LOW, HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH)
    starving(bench, range(SPAN), HIGH, LOW)
    bench.plan(None, HIGH, HIGH, HIGH, sequence=2)
    begun = SPAN
    while bench.core.upstreams.stripes[0].pending is None:
        starving(bench, range(begun, begun + 1), HIGH, LOW)
        begun += 1
    assert begun < 4 * SPAN
    bench.wait(2.5)
    assert all(report.failed == () for report in bench.take(Report))
