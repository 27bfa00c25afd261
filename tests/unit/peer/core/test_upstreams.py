"""Parents: whom to ask, when to move, and how not to end in a circle."""

from __future__ import annotations

import pytest

from peer import wire
from peer.core.actions import Report, Send
from peer.core.upstream import (
    ORPHAN_PATIENCE,
    PENDING_PATIENCE,
    PROOF_LATE,
    PROOF_PARTS,
    ROOTLESS_TRUST,
    STARVED_TRUST,
    TRUST_SPREAD,
)
from peer.core.upstreams import LINK_PATIENCE, SHUN
from peer.seal import MAX_BLOCK
from tests.seeds import seeds
from tests.swarm import Swarm
from tests.unit.peer.core.braid_bench import (
    BRAID,
    HIGH,
    LOW,
    ME,
    PUBLISHER,
    STRIPES,
    Bench,
    blocks,
    part,
    status,
)

THIRD = bytes([0x70]) * 16
ROOT = PUBLISHER.id[:4]
ALL = range(STRIPES)


def fed_by(parent: bytes, *others: bytes) -> Bench:
    """Parts 0 to 4 have come from `parent`, which the plan has named; all have said that they are fed."""
    bench = Bench()
    bench.link(parent, *others)
    bench.plan(*[parent] * STRIPES)
    bench.push(parent, range(5))
    for peer in (parent, *others):
        bench.tell(peer, status(*ALL, path=(ROOT, peer[:4])))
    bench.wait(0.06)
    bench.done = []
    return bench


def subscribed(bench: Bench) -> list[tuple[bytes, int]]:
    sent = bench.sent(wire.Subscribe)
    return [(peer, message.stripe) for peer, message in sent if isinstance(message, wire.Subscribe)]


def test_new_parent_comes_before_the_old_one_goes() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    assert subscribed(bench) == [(LOW, 0)]
    for number in range(5, 5 + PROOF_PARTS):
        assert bench.core.stripe_parents()[0] == HIGH
        bench.push(HIGH, range(number, number + 1), ALL)
        bench.push(LOW, range(number, number + 1), range(1))
    assert bench.core.stripe_parents()[0] == LOW
    assert [peer for peer, _ in bench.sent(wire.Unsubscribe)] == [HIGH]


def test_late_newcomer_does_not_take_over_from_a_parent_that_works() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    late = PROOF_LATE + 1
    for number in range(5 + late, 30 + late):
        bench.push(HIGH, range(number, number + 1), ALL)
        bench.push(LOW, range(number - late, number - late + 1), range(1))
    assert bench.core.stripe_parents()[0] == HIGH
    bench.done = []
    for number in range(30 + late, 30 + late + 5):
        bench.wait(1.1)
        bench.push(HIGH, range(number, number + 1), ALL)
    assert LOW in [peer for peer, _ in bench.sent(wire.Unsubscribe)]
    assert bench.core.stripe_parents()[0] == HIGH


def test_newcomer_shows_that_it_keeps_up_by_parts_and_not_by_blocks() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    size = 3 * STRIPES * MAX_BLOCK
    for number in range(5, 5 + PROOF_PARTS):
        bench.push(HIGH, range(number, number + 1), ALL, size)
        assert bench.core.stripe_parents()[0] == HIGH
        assert sum(block.index % STRIPES == 0 for block in blocks(part(number, size))) == 3
        bench.push(LOW, range(number, number + 1), range(1), size)
    assert bench.core.stripe_parents()[0] == LOW


def test_newcomer_whose_link_is_lost_is_not_waited_for() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.core.link_closed(LOW, bench.now)
    assert bench.core.upstreams.stripes[0].pending is None
    assert bench.core.stripe_parents()[0] == HIGH
    bench.done = []
    bench.plan(THIRD, HIGH, HIGH, HIGH, sequence=3)
    assert subscribed(bench) == [(THIRD, 0)]


def test_newcomer_that_refuses_is_not_waited_for() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.tell(LOW, wire.Refuse(BRAID, 0, wire.REFUSE_FULL))
    assert bench.core.upstreams.stripes[0].pending is None
    assert bench.core.stripe_parents()[0] == HIGH


def test_parent_that_is_about_to_leave_feeds_until_another_does() -> None:
    bench = fed_by(HIGH, LOW)
    bench.tell(HIGH, status(*ALL, path=(ROOT, HIGH[:4]), leaving=True))
    assert subscribed(bench) == [(LOW, stripe) for stripe in ALL]
    bench.wait(0.2)
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    bench.push(LOW, range(5, 6))
    assert bench.core.stripe_parents() == (LOW,) * STRIPES


def test_parent_that_is_about_to_leave_is_not_replaced_by_one_whom_it_feeds() -> None:
    bench = fed_by(HIGH, LOW)
    bench.tell(LOW, status(*ALL, path=(ROOT, HIGH[:4], LOW[:4])))
    for _ in range(3):
        bench.tell(HIGH, status(*ALL, path=(ROOT, HIGH[:4]), leaving=True))
        bench.wait(0.2)
    assert subscribed(bench) == []
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES


def test_newcomer_takes_over_at_once_where_nothing_works() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.tell(HIGH, wire.Refuse(bench.core.braid, 0, wire.REFUSE_FULL))
    bench.push(LOW, range(5, 6), range(1))
    assert bench.core.stripe_parents()[0] == LOW


def test_plan_that_is_replaced_while_its_parent_is_silent_is_not_waited_for() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.done = []
    bench.plan(THIRD, HIGH, HIGH, HIGH, sequence=3)
    sent = [(send.peer, wire.decode(send.data)) for send in bench.take(Send)]
    assert (LOW, wire.Unsubscribe(bench.core.braid, 0)) in sent
    assert [peer for peer, message in sent if isinstance(message, wire.Subscribe)] == [THIRD]


def test_replaced_plan_is_kept_until_the_new_parent_can_be_asked() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.plan(THIRD, HIGH, HIGH, HIGH, sequence=3)
    for number in range(5, 5 + PROOF_PARTS):
        bench.push(HIGH, range(number, number + 1), ALL)
        bench.push(LOW, range(number, number + 1), range(1))
    assert bench.core.stripe_parents()[0] == LOW


def test_planned_parent_that_is_not_fed_yet_waits() -> None:
    bench = fed_by(HIGH)
    bench.link(LOW)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    assert subscribed(bench) == []
    bench.tell(LOW, status(0))
    bench.wait(0.1)
    assert subscribed(bench) == [(LOW, 0)]


def test_silent_candidate_is_not_taken() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    for _ in range(8):
        bench.wait(0.1)
        bench.tell(HIGH, status(*ALL, path=(ROOT, HIGH[:4])))
        bench.tell(THIRD, status(*ALL, path=(ROOT, HIGH[:4], THIRD[:4])))
    bench.done = []
    bench.tell(HIGH, *[wire.Refuse(bench.core.braid, stripe, wire.REFUSE_FULL) for stripe in ALL])
    bench.wait(PENDING_PATIENCE + 0.1)
    assert {peer for peer, _ in subscribed(bench)} == {THIRD}


def test_candidate_that_falls_silent_is_given_up_before_its_time() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    bench.core.plan(2, (LOW, HIGH, HIGH, HIGH), (THIRD,), 32, bench.now)
    bench.tell(HIGH, wire.Refuse(bench.core.braid, 0, wire.REFUSE_FULL))
    for _ in range(8):
        bench.wait(0.1)
        bench.tell(THIRD, status(*ALL, path=(ROOT, THIRD[:4])))
    assert PENDING_PATIENCE > 0.8
    assert [pair for pair in subscribed(bench) if pair[1] == 0] == [(LOW, 0), (THIRD, 0)]


def test_orphan_does_not_take_who_was_fed_through_the_lost_parent() -> None:
    bench = fed_by(HIGH, LOW)
    bench.tell(LOW, status(*ALL, path=(ROOT, HIGH[:4], LOW[:4])))
    bench.core.link_closed(HIGH, bench.now)
    bench.act()
    bench.wait(PENDING_PATIENCE - 0.1)
    bench.tell(LOW, status(*ALL, path=(ROOT, HIGH[:4], LOW[:4])))
    assert SHUN < PENDING_PATIENCE
    bench.tell(LOW, status(*ALL, path=(ROOT, THIRD[:4], LOW[:4])))
    bench.wait(0.2)
    assert subscribed(bench) == [(LOW, stripe) for stripe in ALL]


def test_other_way_is_preferred_to_one_through_the_lost_parent() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    bench.core.plan(2, (HIGH,) * STRIPES, (LOW, THIRD), 32, bench.now)
    bench.tell(LOW, status(*ALL, path=(ROOT, HIGH[:4], LOW[:4])))
    bench.done = []
    bench.core.link_closed(HIGH, bench.now)
    bench.act()
    bench.wait(0.5)
    for peer in (LOW, THIRD):
        path = (ROOT, HIGH[:4], LOW[:4]) if peer == LOW else (ROOT, THIRD[:4])
        bench.tell(peer, status(*ALL, path=path))
    bench.wait(PENDING_PATIENCE - 0.4)
    assert {peer for peer, _ in subscribed(bench)} == {THIRD}


def test_parent_without_a_way_to_the_publisher_is_left_for_one_that_has_it() -> None:
    """Blocks come from it all the same: the circle lives on what its members ask for elsewhere."""
    bench = fed_by(HIGH, LOW)
    number = 5
    for _ in range(int((ROOTLESS_TRUST + TRUST_SPREAD) / 0.1) + 2):
        bench.tell(HIGH, status())
        bench.tell(LOW, status(*ALL, path=(ROOT, LOW[:4])))
        bench.push(HIGH, range(number, number + 1))
        number += 1
        bench.wait(0.1)
    assert subscribed(bench) == [(LOW, stripe) for stripe in ALL]
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    bench.push(LOW, range(number, number + 1))
    assert bench.core.stripe_parents() == (LOW,) * STRIPES


def test_parent_without_a_way_is_kept_while_nobody_has_one() -> None:
    bench = fed_by(HIGH, LOW)
    number = 5
    for _ in range(20):
        for peer in (HIGH, LOW):
            bench.tell(peer, status())
        bench.push(HIGH, range(number, number + 1))
        number += 1
        bench.wait(0.1)
    assert subscribed(bench) == []
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES


def test_parent_without_a_way_that_no_plan_named_is_no_failure_of_the_plan() -> None:
    bench = fed_by(HIGH, LOW)
    bench.plan(*[THIRD] * STRIPES, sequence=2)
    number = 5
    while not (asked := subscribed(bench)) and number < 30:
        bench.tell(HIGH, status())
        bench.tell(LOW, status(*ALL, path=(ROOT, LOW[:4])))
        bench.push(HIGH, range(number, number + 1))
        number += 1
        bench.wait(0.1)
    assert asked == [(LOW, stripe) for stripe in ALL]
    assert [up.plan_failures for up in bench.core.upstreams.stripes[:STRIPES]] == [0] * STRIPES


def test_parent_that_falls_silent_altogether_is_replaced_before_its_stripe_is_missed() -> None:
    bench = fed_by(HIGH, LOW)
    bench.core.link_quiet(HIGH, True, bench.now)
    bench.act()
    assert subscribed(bench) == [(LOW, stripe) for stripe in ALL]
    assert bench.core.neighbours[HIGH].doubt == 0


def test_page_that_stops_for_a_moment_as_it_opens_is_the_parent_again_when_it_goes_on() -> None:
    """It was doubted for twenty seconds once, in which the publisher fed one edge more than it had to."""
    bench = fed_by(HIGH, LOW)
    asked: list[tuple[bytes, int]] = []
    for number in range(5, 50):
        moved = bool(asked)
        for peer in (HIGH, LOW):
            bench.tell(peer, status(*ALL, newest=number - 1, path=(ROOT, peer[:4])))
        bench.push(HIGH, range(number, number + 1), range(0 if moved else 1, STRIPES))
        if moved:
            bench.push(LOW, range(number, number + 1), range(1))
        bench.wait(0.1)
        asked += subscribed(bench)
    assert asked == [(LOW, 0), (HIGH, 0)]
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    assert bench.core.neighbours[HIGH].doubt == 0


def test_page_that_stands_still_for_a_moment_later_on_is_the_parent_again_when_it_goes_on() -> None:
    """It said nothing meanwhile, so it told no lie; its children left it for twenty seconds once."""
    bench = Bench()
    bench.link(HIGH, LOW)
    bench.plan(HIGH, *[LOW] * (STRIPES - 1))
    asked: list[tuple[bytes, int]] = []
    for number in range(90):
        still = 60 <= number < 65
        for peer in (HIGH, LOW):
            if not (peer == HIGH and still):
                bench.tell(peer, status(*ALL, newest=max(0, number - 1), path=(ROOT, peer[:4])))
        if number == 65:
            bench.push(HIGH, range(60, 65), range(1))  # what it was asked for meanwhile
        stripe_0 = [peer for peer, stripe in asked if stripe == 0][-1:]
        if stripe_0 != [LOW] and not still:
            bench.push(HIGH, range(number, number + 1), range(1))
        bench.push(LOW, range(number, number + 1), range(0 if LOW in stripe_0 else 1, STRIPES))
        bench.wait(0.1)
        asked += subscribed(bench)
    assert asked == [(HIGH, 0), *[(LOW, stripe) for stripe in ALL if stripe], (LOW, 0), (HIGH, 0)]
    assert bench.core.stripe_parents()[0] == HIGH
    assert bench.core.neighbours[HIGH].doubt == 0


def test_parent_that_turns_out_to_be_below_us_is_left_at_once() -> None:
    bench = fed_by(HIGH, LOW)
    bench.tell(HIGH, status(*ALL, path=(ROOT, ME[:4], HIGH[:4])))
    assert subscribed(bench) == [(LOW, stripe) for stripe in ALL]


def test_starved_parent_is_trusted_for_a_while() -> None:
    bench = fed_by(HIGH, LOW)
    starved = status(1, 2, 3)
    stripes = (wire.StripeStatus(False, True, ()), *starved.stripes[1:])
    number, moved_after = 5, 0.0
    for tenth in range(20):
        bench.tell(HIGH, wire.Status(starved.braid, starved.epoch, 0, True, False, 8, stripes))
        bench.tell(LOW, status(*ALL, path=(ROOT, LOW[:4])))
        bench.push(HIGH, range(number, number + 1), range(1, STRIPES))
        number += 1
        bench.wait(0.1)
        if (LOW, 0) in subscribed(bench):
            moved_after = tenth / 10
            break
    assert STARVED_TRUST < moved_after < STARVED_TRUST + TRUST_SPREAD + 0.5


@pytest.mark.crowd
@pytest.mark.parametrize("way", ["leave", "vanish"])
@seeds(3)
def test_third_of_a_room_goes_while_signaling_is_away(seed: int, way: str) -> None:
    swarm = Swarm(seed, origin=False, part_size=2000)
    swarm.run(1.5)
    viewers = swarm.viewers(18)
    swarm.run(1.0)
    swarm.signaling_up = False
    since = swarm.now
    gone = swarm.random.sample(viewers, 6)
    for viewer in gone:
        if way == "leave":
            swarm.leave(viewer)
        else:
            swarm.kill(viewer)
    swarm.run(8.0)
    assert swarm.cycles() == []
    for viewer in viewers:
        if viewer not in gone:
            assert viewer.skipped == 0
            assert swarm.longest_wait(viewer, since) < 1.5
            assert None not in viewer.core.stripe_parents()


@pytest.mark.crowd
def test_third_of_a_room_vanishes_and_the_planner_knows() -> None:
    swarm = Swarm(1, origin=False, part_size=2000)
    swarm.run(1.5)
    viewers = swarm.viewers(18)
    swarm.run(1.0)
    since = swarm.now
    gone = swarm.random.sample(viewers, 6)
    for viewer in gone:
        swarm.kill(viewer)
    swarm.run(8.0)
    assert all(swarm.longest_wait(viewer, since) < 0.5 for viewer in viewers if viewer not in gone)


def test_orphan_does_not_wait_long_for_one_that_has_vanished_too() -> None:
    bench = fed_by(HIGH, LOW, THIRD)
    bench.core.plan(2, (HIGH,) * STRIPES, (LOW, THIRD), 32, bench.now)
    bench.core.link_closed(HIGH, bench.now)
    bench.act()
    assert {peer for peer, _ in subscribed(bench)} == {LOW}
    for number in range(5, 5 + round(ORPHAN_PATIENCE / 0.1) + 2):
        bench.tell(THIRD, status(*ALL, path=(ROOT, THIRD[:4])))
        bench.push(THIRD, range(number, number + 1), range(1, 2))
        bench.wait(0.1)
    assert {peer for peer, _ in subscribed(bench)} == {THIRD}


def test_planned_parent_that_no_link_leads_to_is_told_to_the_planner_while_another_feeds() -> None:
    """Else the plan names it for as long as it lives, and keeps a place for us there."""
    bench = fed_by(HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    told = []
    number = 5
    for _ in range(round(2.5 * LINK_PATIENCE * 10)):
        bench.push(HIGH, range(number, number + 1), ALL)
        bench.wait(0.1)
        number += 1
        told += [bench.now for report in bench.take(Report) if LOW in report.failed]
    assert len(told) == 2
    assert told[1] - told[0] >= LINK_PATIENCE - 0.1
    assert bench.core.stripe_parents()[0] == HIGH
