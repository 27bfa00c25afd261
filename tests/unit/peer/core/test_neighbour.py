"""What is believed of a neighbour by what it says."""

from __future__ import annotations

from dataclasses import replace

from peer.core.neighbour import Neighbour
from tests.unit.peer.core.braid_bench import EPOCH, LOW, ME, STRIPES, status


def test_neighbour_that_tells_of_fewer_stripes_than_there_are_has_and_feeds_only_those() -> None:
    neighbour = Neighbour(LOW, "viewer", 0.0)
    told = status(*range(STRIPES))
    neighbour.status = replace(told, stripes=told.stripes[:2])
    asked = range(STRIPES)
    assert [neighbour.has(stripe, EPOCH, ME[:4], 0.0) for stripe in asked] == [True, True, False, False]
    assert [neighbour.can_feed(stripe, EPOCH, ME[:4], 0.0) for stripe in asked] == [True, True, False, False]
