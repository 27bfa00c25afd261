"""Whom a peer takes as a child, and how many."""

from __future__ import annotations

from peer import wire
from peer.core.children import Children
from peer.core.counters import Counters
from peer.core.neighbour import HEARD_WITHIN, Neighbour
from peer.core.places import (
    PUBLISHER_LEAVES,
    PUBLISHER_PER_STRIPE,
    SLOW_AGAIN,
    Places,
)
from peer.core.upstreams import Upstreams
from peer.core.window import Window
from tests.unit.peer.core.braid_bench import BRAID, ME, STRIPES, status


class Nursery:
    """The places of one peer, and its children."""

    def __init__(self, publisher: bool = False) -> None:
        self.window = Window()
        self.children = Children(BRAID, STRIPES, Counters(), publisher, 0.0)
        self.upstreams = Upstreams(ME, STRIPES, 0.0, 0.1, {}, self.window, 0.0)
        self.places = Places(STRIPES, None if publisher else self.upstreams, self.children, True)

    def child(self, number: int, leaf: bool = False, now: float = 0.0) -> Neighbour:
        child = Neighbour(bytes([number]) * 16, "viewer", now)
        child.status = status(carries=not leaf)
        return child

    def take(self, number: int, stripe: int, now: float = 0.0, leaf: bool = False) -> int | None:
        child = self.child(number, leaf, now)
        reason = self.places.refusal(child, stripe, now)
        if reason is None:
            self.children.add(child, stripe, 0, self.window, now)
        return reason


def test_no_more_are_taken_than_the_planner_allows() -> None:
    nursery = Nursery()
    nursery.places.limit = 2
    assert [nursery.take(number, 0) for number in (1, 2, 3, 2)] == [None, None, wire.REFUSE_FULL, None]
    assert nursery.places.free(0.0) == 0


def test_publisher_takes_two_on_each_stripe_and_leaves_besides() -> None:
    nursery = Nursery(publisher=True)
    taken = [nursery.take(number, 4) for number in range(PUBLISHER_PER_STRIPE + 1)]
    assert taken == [None] * PUBLISHER_PER_STRIPE + [wire.REFUSE_FULL]
    leaves = [nursery.take(100 + number, 4, leaf=True) for number in range(PUBLISHER_LEAVES + 1)]
    assert leaves == [None] * PUBLISHER_LEAVES + [wire.REFUSE_FULL]
    assert nursery.places.free(0.0) == PUBLISHER_PER_STRIPE * STRIPES


def test_parity_is_refused_by_who_does_not_take_it() -> None:
    nursery = Nursery()
    assert nursery.take(1, STRIPES) == wire.REFUSE_NOT_CARRIED
    nursery.upstreams.wants_parity = True
    assert nursery.take(1, STRIPES) is None


def test_slow_child_does_not_come_back_at_once() -> None:
    nursery = Nursery()
    nursery.places.slow(bytes([1]) * 16, 0.0)
    assert nursery.take(1, 0, SLOW_AGAIN - 0.1) == wire.REFUSE_SLOW
    assert nursery.take(2, 0, 1.0) is None
    assert nursery.take(1, 0, SLOW_AGAIN) is None
    assert nursery.places.slots() is None


def test_no_more_are_taken_than_our_upload_was_seen_to_carry() -> None:
    nursery = Nursery()
    for number in (1, 2):
        nursery.take(number, 0)
    nursery.places.upload.slots = 2
    assert (nursery.places.slots(), nursery.places.free(0.0)) == (2, 0)
    assert nursery.take(4, 1) == wire.REFUSE_FULL
    nursery.places.upload.slots = 3
    assert nursery.take(4, 1) is None


def test_dead_children_keep_nobody_out() -> None:
    nursery, publisher = Nursery(), Nursery(publisher=True)
    nursery.places.limit = PUBLISHER_PER_STRIPE
    gone = HEARD_WITHIN + 0.01
    for number in range(PUBLISHER_PER_STRIPE):
        nursery.take(number, 0)
        publisher.take(number, 0)
    assert [n.take(9, 0, HEARD_WITHIN) for n in (nursery, publisher)] == [wire.REFUSE_FULL] * 2
    assert nursery.places.free(gone) == PUBLISHER_PER_STRIPE
    assert [n.take(9, 0, gone) for n in (nursery, publisher)] == [None] * 2


def test_nobody_more_is_taken_while_what_is_sent_already_waits() -> None:
    nursery = Nursery()
    nursery.children.busy = True
    assert nursery.take(1, 0) == wire.REFUSE_FULL
    nursery.children.busy = False
    assert nursery.take(1, 0) is None


def test_slow_children_are_forgotten_in_time() -> None:
    nursery = Nursery()
    nursery.places.slow(bytes([1]) * 16, 0.0)
    nursery.places.slow(bytes([3]) * 16, 100.0)
    assert list(nursery.places._slow) == [bytes([3]) * 16]


def test_throttled_peer_steps_down_for_those_who_ask_and_for_the_planner() -> None:
    nursery = Nursery()
    nursery.take(1, 0)
    places = nursery.places
    places.throttle.told(2, 0.0)
    seen = []
    for tick in range(60):
        if places.throttle.changed(tick / 10):
            now = tick / 10
            reason = nursery.take(2, 0, now)
            seen.append(
                (reason, places.free(now), places.slots(), places.announces_carrying(), places.carry())
            )
    assert seen == [
        (wire.REFUSE_FULL, 0, 1, True, True),
        (wire.REFUSE_NOT_CARRIED, 0, 0, False, True),
        (wire.REFUSE_NOT_CARRIED, 0, 0, False, False),
    ]
