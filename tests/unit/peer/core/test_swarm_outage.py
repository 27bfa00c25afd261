"""Whole braids whose introducer is away for long, while those who watch come and go."""

from __future__ import annotations

import random

import pytest

from tests.swarm import PART, Member, Swarm

pytestmark = pytest.mark.crowd

WATCHERS, STAYING = 16, 6
OUTAGE = 60.0
MEAN_STAY = 20.0
"""Seconds: ten minutes at a mean stay of 200 s, ten times as fast."""


def outage(seed: int) -> tuple[Swarm, list[Member], float, int]:
    """A room without an origin through an outage in which all but STAYING vanish without a word."""
    swarm = Swarm(seed, origin=False)
    swarm.run(1.5)
    members = swarm.viewers(WATCHERS)
    swarm.run(5.0)
    swarm.signaling_up = False
    since, first = swarm.now, swarm.published
    chance = random.Random(seed)
    for member in members[STAYING:]:
        at = since + min(0.95 * OUTAGE, chance.expovariate(1 / MEAN_STAY))
        swarm.schedule(at, lambda member=member: swarm.kill(member))  # type: ignore[misc]
    swarm.run(OUTAGE)
    return swarm, members[:STAYING], since, first


def in_one_piece(swarm: Swarm) -> bool:
    alive = {member.id for member in swarm.members.values() if member.alive}
    waiting, seen = [swarm.publisher.id], {swarm.publisher.id}
    while waiting:
        for peer in swarm.members[waiting.pop()].links.peers:
            if peer in alive and peer not in seen:
                seen.add(peer)
                waiting.append(peer)
    return seen == alive


@pytest.mark.slow
def test_those_who_stay_go_on_watching_while_the_introducer_is_away_and_others_vanish() -> None:
    swarm, staying, since, first = outage(1)
    due = swarm.published - first - int(1.0 / PART)
    for member in staying:
        in_time = [
            number
            for number, at in member.delivered
            if first <= number and at <= since + (number - first) * PART + 1.0
        ]
        assert len(in_time) >= 0.995 * due
        assert member.skipped == 0
        assert swarm.at_edge(member)
    assert in_one_piece(swarm)
    assert swarm.cycles() == []
    # Nobody is linked any more with those who fed it at first but who have gone: others took their places.
    assert all(swarm.members[peer].alive for member in staying for peer in member.links.peers)
    relayed = sum(member.introductions.core.relaying.relayed for member in swarm.members.values())
    assert relayed > 0

    # The introducer is back: what there is stays as it is.
    opened = {member.id: set(member.links.peers) for member in staying}
    parents = [member.core.stripe_parents() for member in staying]
    swarm.signaling_up = True
    swarm.run(5.0)
    assert [member.core.stripe_parents() for member in staying] == parents
    assert all(opened[member.id] <= set(member.links.peers) for member in staying)
    assert all(swarm.at_edge(member) for member in staying)
