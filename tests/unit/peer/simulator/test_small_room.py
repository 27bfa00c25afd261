"""Six viewers where one packet in a hundred is lost: they come to rest, and each carries its share."""

from __future__ import annotations

import pytest

from peer.simulator.options import Options
from peer.simulator.world import World

pytestmark = pytest.mark.crowd

VIEWERS = 6
SETTLE, SECONDS = 60, 40


def test_small_room_that_loses_packets_comes_to_rest_and_shares_the_work() -> None:
    """What parity was ahead of counted as not carried once, so that good parents were given up every two
    seconds, until one viewer fed all the others three times the stream."""
    world = World(Options(viewers=VIEWERS, loss=0.01, uplink="20M", unreachable=0.0))
    world.run(2.0)
    for _ in range(VIEWERS):
        world.viewer()
        world.run(0.15)
    world.run(SETTLE)
    viewers = world.viewers()
    uploaded = [viewer.core.counters.to_peers for viewer in viewers]
    sealed, changes = world.measures.sealed, 0
    for _ in range(2 * SECONDS):
        before = [viewer.core.stripe_parents() for viewer in viewers]
        world.run(0.5)
        after = [viewer.core.stripe_parents() for viewer in viewers]
        changes += sum(
            old != new
            for was, now in zip(before, after, strict=True)
            for old, new in zip(was, now, strict=False)
        )
    stream = world.measures.sealed - sealed
    shares = [
        (viewer.core.counters.to_peers - old) / stream for viewer, old in zip(viewers, uploaded, strict=True)
    ]
    assert sum(viewer.core.counters.parts_skipped for viewer in viewers) == 0
    assert max(shares) < 2.0
    assert changes < 4 * VIEWERS
