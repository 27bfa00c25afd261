"""Whatever befalls a room while the planner changes its mind: no circles, no storms, all are fed again."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer import wire
from tests.swarm import PATH, STRIPES, Member, Swarm

pytestmark = pytest.mark.crowd

VIEWERS = 9
RECOVERY = 8.0
"""Seconds after the last trouble; a peer whose plan names nobody that answers tries for three of them."""
SUBSCRIBES_PER_SECOND = 2.0 * STRIPES
WANTS_PER_SECOND = 30.0
"""Of one peer, on average: half a stream in blocks, and a few blocks in each message."""

TROUBLE = st.tuples(
    st.sampled_from(["plan", "plan", "kill", "freeze", "cut", "leave", "slow", "well"]),
    st.integers(0, VIEWERS - 1),
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.05, 0.3, 1.0]),
)


def befall(swarm: Swarm, viewer: Member, kind: str, chance: random.Random, number: int) -> None:
    """Something happens to a viewer that is still there."""
    match kind:
        case "plan":
            # The planner knows less than the peers: it may name the dead, the far, or oneself.
            everybody: list[bytes | None] = [None, *swarm.members]
            parents = tuple(chance.choice(everybody) for _ in range(STRIPES + chance.randrange(2)))
            standbys = tuple(chance.sample(list(swarm.members), 3))
            for peer in (*parents, *standbys):
                if peer is not None and peer != viewer.id:
                    viewer.links.introduced(peer)
            viewer.core.plan(
                10**6 + number, tuple(p if p != viewer.id else None for p in parents), standbys, 32, swarm.now
            )
            swarm.act(viewer)
        case "kill":
            swarm.kill(viewer)
        case "freeze":
            swarm.freeze(viewer)
        case "leave":
            swarm.leave(viewer)
        case "cut":
            peers = viewer.links.peers
            if peers:
                swarm.cut(viewer, swarm.members[chance.choice(peers)])
        case "slow":
            viewer.core.throttled(chance.choice([1, 2]), swarm.now)
        case _:
            viewer.core.throttled(0, swarm.now)


@settings(max_examples=settings().max_examples // 6)
@given(st.integers(0, 2**16), st.sampled_from([0.0, 0.02]), st.lists(TROUBLE, min_size=2, max_size=8))
def test_room_recovers_from_any_trouble_without_circles_or_storms(
    seed: int, loss: float, troubles: list[tuple[str, int, int, float]]
) -> None:
    swarm = Swarm(seed, path=replace(PATH, loss=loss), origin=False, part_size=2000)
    swarm.run(1.0)
    viewers = [swarm.viewer() for _ in range(VIEWERS)]
    swarm.run(4.0)
    began, said = swarm.now, {viewer.id: viewer.said.copy() for viewer in viewers}
    leaving: set[bytes] = set()
    for number, (kind, which, chance, pause) in enumerate(troubles):
        viewer = viewers[which]
        gone = sum(not v.alive or v.id in leaving for v in viewers)
        if (
            viewer.alive
            and viewer.id not in leaving
            and (gone < VIEWERS // 2 or kind not in ("kill", "freeze", "leave"))
        ):
            befall(swarm, viewer, kind, random.Random(chance), number)
            if kind == "leave":
                leaving.add(viewer.id)
        swarm.run(pause)
    swarm.plan_again()
    swarm.run(RECOVERY)
    assert swarm.cycles() == []
    seconds = swarm.now - began
    for viewer in viewers:
        if not viewer.alive:
            continue
        assert viewer.delivered[-1][0] >= swarm.published - 6
        assert swarm.in_order(viewer)
        more = viewer.said - said[viewer.id]
        assert more[wire.SUBSCRIBE] <= SUBSCRIBES_PER_SECOND * seconds
        assert more[wire.WANT] <= WANTS_PER_SECOND * seconds
