"""Complaints that nobody can prove: one parts two peers, several independent ones are believed."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from signaling.core.hearsay import (
    ACCUSATIONS,
    ACCUSED,
    CONDEMNED_FOR,
    FRESH,
    INDEPENDENT,
    REMEMBERED,
    Hearsay,
)
from signaling.protocol import Leave, Ping, Plan, Report
from tests.unit.signaling.world import Client, World

STRIPES = 4


def complain(hearsay: Hearsay, number: int, accused: str = "bad", now: float = 100.0) -> bool:
    """Accuser `number` is in a network of its own and has been here for long."""
    return hearsay.complain(f"peer {number}", f"network {number}", 0.0, accused, now)


def test_several_independent_complaints_condemn_for_a_while() -> None:
    hearsay = Hearsay()
    told = [complain(hearsay, number) for number in range(INDEPENDENT)]
    assert told == [False] * (INDEPENDENT - 1) + [True]
    assert hearsay.condemned("bad", 100.0 + CONDEMNED_FOR - 1.0)
    assert not hearsay.condemned("bad", 100.0 + CONDEMNED_FOR)
    assert not complain(hearsay, 9), "it is condemned already"


def test_one_accuser_is_not_believed_however_often_it_complains() -> None:
    hearsay = Hearsay()
    assert not any(complain(hearsay, 1) for _ in range(50))
    assert not hearsay.condemned("bad", 100.0)


def test_many_accusers_of_one_network_are_one() -> None:
    hearsay = Hearsay()
    told = [hearsay.complain(f"sybil {n}", "one network", 0.0, "good", 100.0) for n in range(50)]
    assert not any(told)


def test_accusers_who_have_just_come_are_not_believed() -> None:
    hearsay = Hearsay()
    told = [hearsay.complain(f"peer {n}", f"network {n}", 100.0, "good", 100.0 + FRESH / 2) for n in range(9)]
    assert not any(told)


def test_old_complaints_lapse() -> None:
    hearsay = Hearsay()
    for number in range(INDEPENDENT - 1):
        complain(hearsay, number)
    assert not complain(hearsay, 9, now=100.0 + REMEMBERED)


def test_whoever_accuses_everybody_is_believed_against_few() -> None:
    hearsay = Hearsay()
    for number in range(INDEPENDENT - 1):
        for other in range(ACCUSATIONS + 1):
            complain(hearsay, number, f"victim {other}")
    assert not complain(hearsay, 9, "victim 0"), "the complaints of the others have lapsed"
    assert complain(hearsay, 9, f"victim {ACCUSATIONS}")


def test_complaints_are_bounded_and_a_case_that_was_dropped_does_no_harm() -> None:
    hearsay = Hearsay()
    complain(hearsay, 0, "first")
    for number in range(ACCUSED):
        complain(hearsay, number + 1, f"peer {number}")
    assert not complain(hearsay, 7, "first")
    for other in range(ACCUSATIONS):
        complain(hearsay, 0, f"other {other}")
    assert not hearsay.condemned("first", 100.0)


def test_complaint_that_lapses_after_its_case_was_dropped_is_not_counted_in_a_new_one() -> None:
    hearsay = Hearsay()
    complain(hearsay, 0, "first")
    for number in range(ACCUSED - 1):
        complain(hearsay, number + 1, f"peer {number}")
    complain(hearsay, 0, "second")
    for other in range(ACCUSATIONS - 1):
        complain(hearsay, 0, f"other {other}")
    told = [complain(hearsay, 2000 + number, "first") for number in range(INDEPENDENT)]
    assert told == [False] * (INDEPENDENT - 1) + [True]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, INDEPENDENT - 2), st.floats(0.0, 500.0))))
def test_nobody_is_condemned_from_fewer_networks(complaints: list[tuple[int, int, float]]) -> None:
    hearsay = Hearsay()
    for accuser, network, now in sorted(complaints, key=lambda each: each[2]):
        assert not hearsay.complain(f"{accuser}", f"{network}", -FRESH, "good", now)


def polluted() -> tuple[World, Client, list[Client]]:
    """A relay that feeds three leaves all that they watch."""
    world = World()
    publisher = world.join("publisher", "publisher")
    publisher.announce()
    relay = world.join("relay", "relay")
    relay.watch()
    leaves = [world.join(f"leaf {number}") for number in range(3)]
    for leaf in leaves:
        leaf.watch(carry=False)
        assert leaf.last(Plan).parents == [relay.id] * STRIPES
    world.wait(FRESH)
    return world, relay, leaves


def accuse(accuser: Client, accused: Client) -> None:
    parents = accuser.last(Plan).parents
    accuser.send(Report(accuser.last(Plan).braid, parents, [accused.id], harmful=[accused.id]))


def alive(world: World) -> Callable[[], None]:
    """Everybody's heart beats."""

    def beat() -> None:
        for client in list(world.clients.values()):
            client.send(Ping())

    return beat


def test_single_report_parts_the_two_and_leaves_the_others_fed() -> None:
    world, relay, leaves = polluted()
    accuse(leaves[0], relay)
    assert relay.id not in leaves[0].last(Plan).parents
    assert all(relay.id in leaf.last(Plan).parents for leaf in leaves[1:])
    world.wait(60.0, alive(world))
    assert relay.id not in world.plans[leaves[0].id].parents, "a lost link would be tried again by now"


def test_peer_that_several_others_accuse_feeds_nobody_until_its_time_is_over() -> None:
    world, relay, leaves = polluted()
    for leaf in leaves:
        accuse(leaf, relay)
    assert (relay.last(Plan).slots, relay.last(Plan).children_limit) == (0, 0)
    relay.watch(uplink=50_000_000)
    assert relay.last(Plan).slots == 0, "asking again does not help"
    newcomer = world.join("newcomer")
    newcomer.watch(carry=False)
    assert relay.id not in newcomer.last(Plan).parents
    world.wait(CONDEMNED_FOR, alive(world))
    relay.send(Report(relay.last(Plan).braid, relay.last(Plan).parents))
    assert relay.last(Plan).slots > 0


def test_accused_that_has_left_meanwhile_is_not_given_a_place_again() -> None:
    world, relay, leaves = polluted()
    for leaf in leaves:
        accuse(leaf, relay)
    relay.send(Leave())
    world.wait(CONDEMNED_FOR, alive(world))
    assert all(relay.id not in world.plans[leaf.id].parents for leaf in leaves)


def test_complaints_of_those_whom_the_plan_did_not_feed_from_the_accused_condemn_nobody() -> None:
    _, relay, leaves = polluted()
    for leaf in leaves:
        leaf.send(Report(leaf.last(Plan).braid, leaf.last(Plan).parents, harmful=[leaves[0].id]))
    relay.send(Report(relay.last(Plan).braid, relay.last(Plan).parents, harmful=[leaves[0].id]))
    leaves[0].watch(carry=True)
    assert leaves[0].last(Plan).slots > 0
