"""Whole braids in memory of whose members nearly a third do harm: the others go on, and know who it was."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from peer import wire
from peer.links.link import Channel
from tests.seeds import seeds
from tests.swarm import PART, STRIPES, Member, Swarm

pytestmark = pytest.mark.crowd

ALL = range(STRIPES)


def room(seed: int, honest: int = 7, bad: int = 3) -> tuple[Swarm, list[Member], list[Member]]:
    """A room in which those who will do harm have been good so far, and have children.

    None is a head: those the planner has to replace, which the simulator's attacks show.
    """
    swarm = Swarm(seed)
    swarm.run(1.5)
    members = swarm.viewers(honest + bad)
    below = [member for member in members if swarm.publisher.id not in member.core.stripe_parents()]
    feeding = [member for member in below if any(member.core.stripe_children())]
    attackers = random.Random(seed).sample(feeding, min(bad, len(feeding)))
    assert attackers
    return swarm, [member for member in members if member not in attackers], attackers


def number_of(block: bytes) -> int:
    return int.from_bytes(block[18:22], "big")


def fed_by(members: list[Member], attackers: list[Member]) -> list[bytes]:
    """The harmful parents that these still have."""
    ids = {attacker.id for attacker in attackers}
    return [peer for member in members for peer in member.core.stripe_parents() if peer in ids]


def well(swarm: Swarm, members: list[Member], since: float, longest: float) -> None:
    for member in members:
        assert swarm.in_order(member)
        assert swarm.at_edge(member)
        assert swarm.longest_wait(member, since) < longest


@seeds(3)
def test_polluters_lose_all_their_children_at_once(seed: int) -> None:
    swarm, members, attackers = room(seed)
    since = swarm.now
    for attacker in attackers:
        attacker.tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    swarm.run(2.0)
    assert fed_by(members, attackers) == []
    ids = {attacker.id for attacker in attackers}
    for member in members:
        assert {peer for peer, _ in member.rejected} <= ids
    swarm.run(4.0)
    well(swarm, members, since, 1.2)
    assert fed_by(members, attackers) == []


class Stingy:
    """Sends of three parts one, so that no stripe of it is ever silent for three."""

    def __init__(self, member: Member) -> None:
        self._send = member.links.send
        member.links.send = self.send  # type: ignore[method-assign]

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel != "blocks" or number_of(data) % 3 == 0:
            self._send(peer, data, channel)


@seeds(3)
def test_parents_that_send_just_enough_lose_their_children(seed: int) -> None:
    swarm, members, attackers = room(seed)
    since = swarm.now
    for attacker in attackers:
        Stingy(attacker)
    swarm.run(15.0)
    well(swarm, members, since, 1.2)
    assert len(fed_by(members, attackers)) <= 1, "one may be on trial again because the plan names it"
    doubts = [n.doubt for m in members for n in m.core.neighbours.values() if n.peer in
              {attacker.id for attacker in attackers}]  # fmt: skip
    assert any(doubts)
    honest = {member.id for member in members}
    blamed = [n.peer for m in members for n in m.core.neighbours.values() if n.peer in honest and n.doubt > 1]
    assert blamed == []


class Liar:
    """Says that it is fed everything by the publisher and has all parts, and sends nothing."""

    def __init__(self, swarm: Swarm, member: Member) -> None:
        self._swarm, self._member, self._send = swarm, member, member.links.send
        member.links.send = self.send  # type: ignore[method-assign]

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            return
        message = wire.decode(data)
        if isinstance(message, wire.Status):
            path = (self._swarm.publisher.id[:4], self._member.id[:4])
            stripes = tuple(wire.StripeStatus(True, False, path) for _ in message.stripes)
            newest = self._swarm.published - 1
            data = wire.encode(replace(message, carries=True, free=255, newest=newest, stripes=stripes))
        self._send(peer, data, channel)


@seeds(3)
def test_liars_attract_nobody_for_long(seed: int) -> None:
    swarm, members, attackers = room(seed)
    since = swarm.now
    for attacker in attackers:
        Liar(swarm, attacker)
    swarm.run(10.0)
    well(swarm, members, since, 1.2)
    assert swarm.cycles() == []
    assert fed_by(members, attackers) == []


def test_flooders_are_shown_out_and_hold_nobody_up() -> None:
    swarm, members, attackers = room(4)
    since = swarm.now
    for _ in range(100):
        for attacker in attackers:
            for peer in list(attacker.core.neighbours):
                for number in range(swarm.published - 10, swarm.published):
                    want = wire.Want(swarm.braid, swarm.epoch, number, ())
                    attacker.links.send(peer, wire.encode(want), "control")
                for stripe in ALL:
                    ask = wire.Subscribe(swarm.braid, stripe, swarm.epoch, 0)
                    attacker.links.send(peer, wire.encode(ask), "control")
        swarm.run(PART / 2)
    well(swarm, members, since, 0.5)
    ids = {attacker.id for attacker in attackers}
    for member in members:
        assert not ids & set(member.core.neighbours)
        assert {peer for peer, _ in member.rejected} <= ids
    assert sum(member.core.counters.floods for member in members) > 0


def test_whoever_sends_what_nobody_asked_for_is_shown_out_and_refused_when_it_comes_back() -> None:
    swarm, members, (attacker, *_) = room(5)
    victim = next(m for m in members if attacker.id not in m.core.stripe_parents())
    victim.core.link_opened(attacker.id, "viewer", swarm.now)
    messages = [
        message
        for number in range(swarm.published)
        if (part := swarm.publisher.core.window.get(number)) is not None
        for message in part.messages
        if message is not None
    ]
    for _ in range(20):
        for message in messages[:200]:
            decoded = wire.decode(message)
            assert decoded is not None
            victim.core.received(attacker.id, decoded, message, swarm.now)
        swarm.run(PART)
    assert attacker.id not in victim.core.neighbours
    victim.core.link_opened(attacker.id, "viewer", swarm.now)
    swarm.act(victim)
    assert attacker.id not in victim.core.neighbours


def test_honest_room_blames_nobody() -> None:
    swarm = Swarm(6)
    swarm.run(1.5)
    members = swarm.viewers(9)
    swarm.kill(members[0])
    swarm.kill(members[1])
    swarm.run(20.0)
    for member in members[2:]:
        assert member.rejected == []
        assert member.core.counters.floods == 0
        assert all(neighbour.doubt == 0 for neighbour in member.core.neighbours.values())
