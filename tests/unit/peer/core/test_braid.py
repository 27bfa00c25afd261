"""A braid core among made-up neighbours: what it asks of whom, and when."""

from __future__ import annotations

import pytest

from peer import wire
from peer.core.actions import Deliver, Equivocation, Fetch, Join, Links, Reject, Report, Send, Verify
from peer.core.children import (
    NEWEST_INDEPENDENT,
    REFUSE_FULL,
    REFUSE_LEAVING,
    REFUSE_LOOP,
    REFUSE_NOT_CARRIED,
)
from peer.core.conduct import BACKLOG_BURST
from peer.core.neighbour import HEARD_WITHIN
from peer.core.outbox import IN_FLIGHT
from peer.core.places import PUBLISHER_PER_STRIPE
from tests.unit.peer.core.braid_bench import (
    BRAID,
    EPOCH,
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

OTHER = bytes([0x50]) * 16


def fed_by_high() -> Bench:
    """Parts 0 to 4 have come from one parent."""
    bench = Bench()
    bench.link(HIGH)
    bench.plan(*[HIGH] * STRIPES)
    bench.push(HIGH, range(5))
    bench.wait(0.1)
    return bench


def test_planned_parents_are_linked_and_asked_for_their_stripes() -> None:
    bench = Bench()
    bench.plan(HIGH, LOW, None, HIGH)
    assert bench.take(Links) == [Links((HIGH, LOW))]
    bench.link(HIGH)
    asked = bench.sent(wire.Subscribe)
    assert asked == [(HIGH, wire.Subscribe(BRAID, s, EPOCH, NEWEST_INDEPENDENT)) for s in (0, 3)]


def test_parts_are_delivered_as_they_come() -> None:
    bench = fed_by_high()
    assert [deliver.data for deliver in bench.take(Deliver)] == [part(number).data for number in range(5)]
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES


def feeding(*children: bytes) -> Bench:
    """All stripes come from the publisher; each child gets stripe 0 over a link that takes no more."""
    bench = Bench()
    bench.link(PUBLISHER.id, *children)
    bench.plan(*[PUBLISHER.id] * STRIPES)
    bench.push(PUBLISHER.id, range(5))
    for child in children:
        bench.tell(child, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
        for buffered in (0, IN_FLIGHT):
            bench.core.drained(child, buffered, bench.now)
    bench.wait(0.1)
    bench.push(PUBLISHER.id, range(5, 7))
    return bench


def helped(bench: Bench, asker: bytes) -> int:
    """How many blocks `asker` gets that it asks for."""
    bench.take(Send)
    bench.tell(asker, wire.Want(BRAID, EPOCH, 5, (1, 2)))
    return len(bench.sent(wire.Block))


def test_child_that_has_vanished_keeps_no_other_from_being_helped() -> None:
    """What waits for it would wait until its link is closed, seconds later."""
    bench = feeding(LOW)
    bench.link(HIGH)
    bench.wait(0.2)
    assert helped(bench, HIGH) == 0
    bench.wait(HEARD_WITHIN)
    assert helped(bench, HIGH) == 2
    assert bench.core.counters.slow_children == 0


def test_children_that_all_wait_show_that_there_is_nothing_to_spare() -> None:
    bench = feeding(LOW, HIGH)
    bench.link(OTHER)
    bench.wait(0.2)
    assert helped(bench, OTHER) == 0


def test_two_children_that_vanish_say_nothing_of_our_upload() -> None:
    bench = feeding(LOW, HIGH)
    bench.wait(2.0)
    assert bench.core.counters.slow_children == 0
    assert bench.core._down.places.slots() is None


def test_upload_that_is_full_is_measured_and_told() -> None:
    """A child's link takes a block now and then: the planner is told that one stripe is one too many."""
    bench = feeding(LOW)
    for number in range(7, 15):
        bench.tell(LOW, status())
        bench.push(PUBLISHER.id, range(number, number + 1))
        if number % 4 == 0:
            bench.core.drained(LOW, IN_FLIGHT - 50, bench.now)
        bench.wait(0.1)
    assert [report.slots for report in bench.take(Report)][-1] == 0


def test_link_that_nobody_needed_is_not_missed() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.take(Report)
    bench.core.link_closed(LOW, bench.now)
    bench.core.link_closed(HIGH, bench.now)
    bench.wait(0.2)
    assert [report.lost for report in bench.take(Report)] == [(HIGH,)]


def test_stripe_that_is_asked_for_later_begins_where_the_others_did() -> None:
    """And not at the far end of the window, which nobody will play."""
    bench = Bench()
    bench.link(HIGH)
    bench.plan(HIGH, LOW, LOW, LOW)
    bench.push(HIGH, range(500, 504), range(1))
    bench.take(Send)
    bench.link(LOW)
    assert {m.number for _, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)} == {500}


def test_relay_asks_for_no_more_than_has_come_since_it_joined() -> None:
    bench = Bench(delivers=False)
    bench.link(HIGH, LOW)
    bench.plan(HIGH, HIGH, HIGH, LOW)
    bench.push(HIGH, range(500, 504), range(3))
    bench.push(LOW, range(500, 502), range(3, 4))
    bench.tell(LOW, status(0, 1, 2, 3))
    bench.take(Send)
    bench.core.link_closed(HIGH, bench.now)
    bench.act()
    bench.wait(1.5)
    sent = [wire.decode(send.data) for send in bench.take(Send)]
    assert {m.number for m in sent if isinstance(m, wire.Subscribe) and m.stripe < 3} == {504}
    assert {m.number for m in sent if isinstance(m, wire.Want) and m.number <= 503} == {502, 503}


def test_lost_block_is_asked_for_before_the_first_part_was_played() -> None:
    bench = Bench()
    bench.link(HIGH, LOW)
    bench.plan(*[HIGH] * STRIPES)
    bench.push(HIGH, range(500, 503), range(3))
    bench.push(HIGH, range(501, 503), range(3, 4))
    for peer in (HIGH, LOW):
        bench.tell(peer, status(0, 1, 2, 3))
    bench.take(Send)
    bench.wait(0.25)
    wants = [m for _, m in bench.sent(wire.Want)]
    assert wants[0] == wire.Want(BRAID, EPOCH, 500, (3,))


def test_all_parents_die_together_and_a_third_peer_tells_by_one_part_that_the_source_goes_on() -> None:
    """Nothing moved, as in a pause: until a link fell quiet, 1.5 s later, nobody looked for other parents."""
    bench = fed_by_high()
    bench.link(LOW)
    bench.wait(0.2)
    bench.tell(LOW, status(0, 1, 2, 3))
    bench.take(Send)
    bench.wait(0.15)
    (due,) = {m.number for _, m in bench.sent(wire.Want) if isinstance(m, wire.Want)}
    assert due in (8, 9), "the part that is due, not the one after the last"
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES
    bench.push(LOW, range(due, due + 1), range(1))
    bench.wait(0.05)
    subscribed = [(peer, m.stripe) for peer, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)]
    assert subscribed == [(LOW, stripe) for stripe in range(STRIPES)]
    assert bench.core.counters.fail_overs == STRIPES


def test_starved_by_its_parent_it_takes_a_standby() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.tell(LOW, status(0, 1, 2, 3))
    for number in range(5, 12):
        bench.push(HIGH, range(number, number + 1), range(3))
        bench.wait(0.1)
    subscribed = [(peer, m.stripe) for peer, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)]
    assert (LOW, 3) in subscribed
    assert bench.core.counters.fail_overs == 1


def test_refusal_by_the_planned_parent_counts_once() -> None:
    bench = fed_by_high()
    bench.tell(HIGH, wire.Refuse(BRAID, 0, REFUSE_FULL))
    bench.wait(0.2)
    assert bench.core.upstreams.stripes[0].plan_failures == 1
    assert all(report.failed == () for report in bench.take(Report))


def test_who_leaves_looks_for_no_new_parent() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.tell(LOW, status(0, 1, 2, 3, newest=4))
    bench.plan(LOW, HIGH, HIGH, HIGH, sequence=2)
    bench.take(Send)
    bench.core.leave(bench.now)
    bench.act()
    left = bench.sent(wire.Unsubscribe)
    assert {(peer, m.stripe) for peer, m in left if isinstance(m, wire.Unsubscribe)} == {
        (HIGH, 0), (HIGH, 1), (HIGH, 2), (HIGH, 3), (LOW, 0),
    }  # fmt: skip
    bench.push(LOW, range(5, 12), range(1))
    bench.wait(2.0)
    assert bench.sent(wire.Subscribe) == []
    assert bench.core.counters.fail_overs == 0


@pytest.mark.parametrize(("other", "accepted"), [(HIGH, True), (LOW, False)])
def test_of_two_that_ask_each_other_the_smaller_id_is_the_parent(other: bytes, accepted: bool) -> None:
    bench = Bench()
    bench.link(other)
    bench.plan(*[other] * STRIPES)
    bench.take(Send)
    bench.tell(other, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
    assert (other in bench.core.stripe_children()[0]) == accepted
    sent = [wire.decode(send.data) for send in bench.take(Send)]
    assert (wire.Refuse(BRAID, 0, REFUSE_LOOP) in sent) == (not accepted)
    # It may have begun to push before our answer came.
    assert (wire.Unsubscribe(BRAID, 0) in sent) == accepted


def test_child_that_is_refused_for_want_of_room_is_still_asked_to_be_the_parent() -> None:
    bench = Bench()
    bench.link(HIGH)
    bench.plan(*[HIGH] * STRIPES, children=0)
    bench.take(Send)
    bench.tell(HIGH, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
    assert bench.sent(wire.Refuse) == [(HIGH, wire.Refuse(BRAID, 0, REFUSE_FULL))]
    bench.push(HIGH, range(1), range(1))
    assert bench.core.stripe_parents()[0] == HIGH


def test_parent_is_refused_as_a_child() -> None:
    bench = fed_by_high()
    bench.take(Send)
    bench.tell(HIGH, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
    assert bench.sent(wire.Refuse) == [(HIGH, wire.Refuse(BRAID, 0, REFUSE_LOOP))]


def test_who_is_above_us_is_refused_as_a_child() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.tell(HIGH, status(0, path=(PUBLISHER.id[:4], LOW[:4], HIGH[:4])))
    bench.take(Send)
    bench.tell(LOW, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
    assert bench.sent(wire.Refuse) == [(LOW, wire.Refuse(BRAID, 0, REFUSE_LOOP))]


def test_leaf_and_leaver_refuse_children() -> None:
    leaf, leaver = Bench(carries=False), Bench()
    for bench, reason in ((leaf, REFUSE_NOT_CARRIED), (leaver, REFUSE_LEAVING)):
        bench.link(LOW)
        if bench is leaver:
            bench.core.leave(bench.now)
        bench.take(Send)
        bench.tell(LOW, wire.Subscribe(BRAID, 2, EPOCH, 0))
        assert bench.sent(wire.Refuse) == [(LOW, wire.Refuse(BRAID, 2, reason))]


def test_viewer_that_turns_into_a_leaf_lets_its_children_go() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.tell(LOW, wire.Subscribe(BRAID, 2, EPOCH, 0))
    assert bench.core.stripe_children()[2] == (LOW,)
    bench.take(Send)
    bench.core.set_carries(False, bench.now)
    bench.act()
    assert not bench.core.carries
    assert bench.sent(wire.Refuse) == [(LOW, wire.Refuse(BRAID, 2, REFUSE_NOT_CARRIED))]
    assert bench.core.stripe_children() == ((),) * STRIPES


def test_who_subscribes_again_and_again_gets_the_backlog_only_so_often() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    got = []
    for _ in range(int(BACKLOG_BURST) + 2):
        bench.take(Send)
        bench.tell(LOW, wire.Subscribe(BRAID, 0, EPOCH, 0))
        got.append(len(bench.sent(wire.Block)))
        bench.tell(LOW, wire.Unsubscribe(BRAID, 0))
        bench.core.drained(LOW, 0, bench.now)
    assert got == [5] * int(BACKLOG_BURST) + [0, 0]


def test_what_came_from_relays_is_counted_apart() -> None:
    bench = Bench()
    bench.core.link_opened(LOW, "relay", bench.now)
    bench.link(HIGH)
    bench.plan(LOW, HIGH, HIGH, HIGH)
    bench.push(LOW, range(1), range(1))
    bench.push(HIGH, range(1), range(1, STRIPES))
    counters = bench.core.counters
    assert counters.from_viewers == 3 * counters.from_relays > 0
    assert counters.from_publisher == 0


def test_answers_that_do_not_leave_cost_a_child_no_stripe() -> None:
    bench = feeding(LOW, HIGH)
    for child in (LOW, HIGH):
        bench.core.drained(child, 0, bench.now)
        bench.core.drained(child, 0, bench.now)
    bench.act()
    bench.take(Send)
    bench.tell(LOW, wire.Want(BRAID, EPOCH, 5, (1, 2)))
    assert len(bench.sent(wire.Block)) == 2
    for _ in range(20):
        bench.wait(0.1)
        bench.tell(LOW, wire.Unsubscribe(BRAID, 3))
        bench.core.drained(LOW, IN_FLIGHT, bench.now)
    assert bench.core.counters.slow_children == 0
    assert LOW in bench.core.stripe_children()[0]


def test_polluter_is_rejected_and_nothing_of_it_passed_on() -> None:
    bench = fed_by_high()
    bench.link(LOW)
    bench.tell(LOW, wire.Subscribe(BRAID, 0, EPOCH, 5))
    block = blocks(part(5))[0]
    bench.done = []
    bench.tell(HIGH, wire.Block(block.seal, 0, block.proof, b"x" * len(block.data)))
    assert [reject.peer for reject in bench.take(Reject)] == [HIGH]
    assert bench.core.window.newest == 4


def test_messages_for_stripes_that_do_not_exist_are_ignored() -> None:
    bench = fed_by_high()
    bench.take(Send)
    bench.tell(
        HIGH,
        wire.Subscribe(BRAID, 9, EPOCH, 0),
        wire.Unsubscribe(BRAID, 9),
        wire.Refuse(BRAID, 9, REFUSE_FULL),
    )
    assert bench.take(Send) == []
    assert bench.core.stripe_parents() == (HIGH,) * STRIPES


def test_strangers_are_not_heard() -> None:
    bench = Bench()
    bench.tell(LOW, status(0), *blocks(part(0)))
    assert bench.done == []
    assert bench.core.counters.from_viewers == 0


def test_end_of_a_link_that_was_refused_means_nothing() -> None:
    bench = fed_by_high()
    block = blocks(part(5))[0]
    bench.tell(HIGH, wire.Block(block.seal, 0, block.proof, b"x" * len(block.data)))
    bench.core.link_closed(HIGH, bench.now)
    bench.wait(2.0)
    bench.done = []
    bench.link(HIGH)
    assert [reject.peer for reject in bench.take(Reject)] == [HIGH]
    bench.core.link_quiet(HIGH, True, bench.now)
    bench.core.drained(HIGH, 0, bench.now)
    bench.core.link_closed(HIGH, bench.now)
    bench.wait(2.5)
    assert all(report.lost == () for report in bench.take(Report))


def test_message_that_no_braid_knows_is_a_sign_of_life_and_nothing_else() -> None:
    bench = fed_by_high()
    bench.take(Send)
    bench.now += 0.01
    bench.tell(HIGH, wire.Bye(0))
    assert bench.done == []
    assert bench.core.neighbours[HIGH].heard_at == bench.now


def test_proof_that_the_publisher_signed_twice_is_kept_to_be_shown() -> None:
    bench = fed_by_high()
    first, second = part(4), part(4, salt=1)
    bench.tell(HIGH, blocks(second)[0])
    assert bench.core.equivocations() == (Equivocation(first.raw, second.raw),)


def test_loss_of_a_parents_link_is_reported_at_once() -> None:
    bench = fed_by_high()
    bench.wait(0.1)
    bench.take(Report)
    bench.core.link_closed(HIGH, bench.now)
    bench.wait(0.2)
    report = bench.take(Report)[-1]
    assert (report.parents, report.lost) == ((None,) * STRIPES, (HIGH,))


def test_older_plan_and_plan_of_another_shape_are_ignored() -> None:
    bench = Bench()
    bench.plan(*[HIGH] * STRIPES, sequence=5)
    bench.plan(*[LOW] * STRIPES, sequence=4)
    bench.plan(LOW, sequence=6)
    assert bench.take(Links) == [Links((HIGH,))]
    bench.core.plan_restarted()
    bench.plan(*[LOW] * STRIPES, sequence=1)
    assert bench.take(Links) == [Links((LOW,))]


def test_start_is_over_http_and_lost_parts_are_fetched_there() -> None:
    bench = Bench(origins=True)
    bench.wait(0.01)
    assert bench.take(Join) == [Join()]
    bench.core.joined([(part(n).raw, part(n).data) for n in range(3)], bench.now)
    bench.act()
    assert [deliver.data for deliver in bench.done if isinstance(deliver, Deliver)] == [
        part(n).data for n in range(3)
    ]
    assert bench.take(Fetch) == []
    bench.wait(0.1)
    assert bench.take(Fetch) == [Fetch(EPOCH, 3), Fetch(EPOCH, 4)]


def test_links_begin_where_the_join_ends_though_it_is_checked_later() -> None:
    bench = Bench(origins=True)
    bench.checks = False
    bench.link(HIGH)
    bench.plan(*[HIGH] * STRIPES)
    bench.core.joined([(part(n).raw, part(n).data) for n in range(3)], bench.now)
    bench.act()
    checks = bench.take(Verify)
    bench.wait(0.2)
    assert bench.done == []
    for check in checks:
        bench.core.verified(check.token, True, bench.now)
    bench.wait(0.1)
    assert {m.number for _, m in bench.sent(wire.Subscribe) if isinstance(m, wire.Subscribe)} == {3}


def test_lost_block_is_asked_for_while_the_origin_does_not_answer() -> None:
    bench = Bench(origins=True)
    bench.link(HIGH, LOW)
    bench.plan(HIGH, HIGH, HIGH, None)
    bench.core.join_failed(0.5, bench.now)
    bench.wait(1.1)
    bench.push(HIGH, range(3), range(3))
    bench.tell(LOW, status(0, 1, 2, 3))
    bench.wait(0.3)
    assert (LOW, wire.Want(BRAID, EPOCH, 0, (3,))) in bench.sent(wire.Want)


def test_publisher_feeds_few_on_a_stripe_and_asks_nobody() -> None:
    bench = Bench(PUBLISHER.id)
    fed = [bytes([number]) * 16 for number in range(1, PUBLISHER_PER_STRIPE + 1)]
    bench.link(*fed, OTHER)
    for peer in (*fed, OTHER):
        bench.tell(peer, wire.Subscribe(BRAID, 0, EPOCH, NEWEST_INDEPENDENT))
    assert bench.sent(wire.Refuse) == [(OTHER, wire.Refuse(BRAID, 0, REFUSE_FULL))]
    bench.core.publish(part(0).raw, part(0).data, bench.now)
    bench.act()
    pushed = [(peer, m.index) for peer, m in bench.sent(wire.Block) if isinstance(m, wire.Block)]
    assert pushed == [(peer, 0) for peer in fed]
    bench.wait(3.0)
    assert bench.take(Report) == []
    assert ME not in bench.core.stripe_children()[0]
