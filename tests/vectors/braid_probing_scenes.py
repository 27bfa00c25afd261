"""Scenes in which a newcomer finds out what its upload carries, or a neighbour's trains are answered for."""

from __future__ import annotations

from collections.abc import Callable

from peer import wire
from peer.core.probing import COMPANY, PATIENCE, SIZE
from tests.swarm import Member, Swarm
from tests.vectors.braid_stage import PART_SIZE, fares_well, tell
from tests.vectors.record_braid import Recorder

UPLOAD = 24_000
"""Bytes a second of a newcomer: its first train is sure, and the second, which takes long, settles it."""
PART = 2_637
"""Bytes of a part of which that carries 2.8 (child, stripe) pairs, so that two are fed whatever is spared."""


def newcomer(swarm: Swarm, upload: int | None = None) -> tuple[Member, Recorder]:
    """A viewer that does not know what its upload carries."""
    member = swarm.viewer(probes=True)
    if upload is not None:
        swarm.network.set_uplink(member.id, 8 * upload)
    return member, Recorder(swarm, member)


def link(swarm: Swarm, member: Member, *peers: bytes) -> None:
    """Links to those, whom the swarm does not know; they take part."""
    for peer in peers:
        member.core.link_opened(peer, "viewer", swarm.now)
        fares_well(swarm, member, peer)


def newcomer_finds_out_what_its_upload_carries() -> Recorder:
    """Two neighbours answer for two trains, and what came to both together is what it may give."""
    swarm = Swarm(41, part_size=PART)
    swarm.run(1.0)
    for _ in range(2):
        swarm.viewer()
        swarm.run(0.3)
    member, recorder = newcomer(swarm, UPLOAD)
    swarm.run(1.8)
    assert member.core._down.places.upload.slots == 2
    return recorder


def who_is_asked_for_the_upload_is_silent_or_goes() -> Recorder:
    """The trains go on with one of two until its link closes.

    What it says of the first is no measure, for that went to both; nor is what the other says too late.
    On its new link a train has nothing of the one that was under way on the old one.
    """
    swarm = Swarm(42, part_size=PART_SIZE)
    swarm.run(1.0)
    member, recorder = newcomer(swarm)
    silent, other = bytes([1]) * 16, bytes([2]) * 16
    link(swarm, member, silent, other)
    swarm.run(0.1)
    tell(swarm, member, other, wire.Probed(swarm.braid, 0, 400_000))
    swarm.run(PATIENCE)
    tell(swarm, member, silent, wire.Probed(swarm.braid, 0, 100_000))
    tell(swarm, member, silent, wire.Probed(swarm.braid, 1, 100_000))
    tell(swarm, member, other, wire.Probed(swarm.braid, 1, 80_000))
    swarm.run(0.1)
    tell(swarm, member, other, wire.Probe(swarm.braid, 1, 2, SIZE))
    member.core.link_closed(other, swarm.now)
    swarm.run(PATIENCE)
    link(swarm, member, other)
    for _ in range(2):
        tell(swarm, member, other, wire.Probe(swarm.braid, 0, 2, SIZE))
    swarm.run(COMPANY)
    assert member.core._probing.rate is None
    return recorder


def neighbour_floods_with_trains() -> Recorder:
    """So many are answered for as an honest peer sends, and who sends many more has to go.

    A message of an honest one was lost, and comes amid its next train. Two trains of ours come alike to both.
    """
    swarm = Swarm(43, part_size=PART_SIZE)
    swarm.run(1.0)
    member, recorder = newcomer(swarm)
    hostile, honest = bytes([1]) * 16, bytes([2]) * 16
    link(swarm, member, hostile)
    for number in range(200):
        tell(swarm, member, hostile, wire.Probe(swarm.braid, number // 4, 4, 11))
    link(swarm, member, honest)
    for train in (0, 1, 1, 1, 0, 1, 1, 1, 1, 1):
        swarm.run(0.0125)
        tell(swarm, member, honest, wire.Probe(swarm.braid, train, 8, SIZE))
    for peer in (hostile, honest):
        tell(swarm, member, peer, wire.Probed(swarm.braid, 0, 25_000))
    swarm.run(1.2)
    assert member.rejected
    for peer in (hostile, honest):
        tell(swarm, member, peer, wire.Probed(swarm.braid, 1, 60_000))
    assert member.core._probing.rate is not None
    return recorder


PROBING_SCENES: tuple[Callable[[], Recorder], ...] = (
    newcomer_finds_out_what_its_upload_carries,
    who_is_asked_for_the_upload_is_silent_or_goes,
    neighbour_floods_with_trains,
)
