"""Scenes of blocks and parts: checked late, forged, lost, out of order, or not made at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from peer import wire
from peer.merkle import proofs, root
from peer.seal import Seal, SealedPart, cut, seal_part
from peer.signing import TAG_SEAL
from tests.swarm import PATH, Swarm
from tests.vectors.braid_stage import PART_SIZE, parent_of, settled, tell
from tests.vectors.record_braid import Recorder

TYPE_UNKNOWN = b"\xff"
"""Stands for a lost message: its receiver ignores it."""


def another(swarm: Swarm, number: int, **changes: int) -> SealedPart:
    """A genuine part of the publisher's that is not the one that was published under that number."""
    draft = swarm.parts[number].seal
    fields = {name: changes.get(name, getattr(draft, name)) for name in Seal.__slots__}
    return seal_part(
        swarm.publisher.identity, Seal(**fields), random.Random(number + 999).randbytes(PART_SIZE)
    )


def blocks(part: SealedPart) -> list[wire.Block]:
    pieces = cut(part.data, part.seal.stripes)
    return [wire.Block(part.raw, i, proof, pieces[i]) for i, proof in enumerate(proofs(pieces))]


def signatures_are_checked_later_than_blocks_come() -> Recorder:
    swarm, _, recorder = settled(3, 3, 2, origin=False, verify_delay=0.03)
    swarm.run(2.0)
    return recorder


def join_is_checked_later_than_the_links_open() -> Recorder:
    swarm, _, recorder = settled(26, 3, 2, path=replace(PATH, delay=0.03), verify_delay=0.25)
    swarm.run(2.0)
    return recorder


def neighbour_tampers_with_blocks() -> Recorder:
    swarm, viewers, recorder = settled(7, 4, 3)
    swarm.run(0.5)
    parent_of(swarm, viewers[3]).tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    swarm.run(3.0)
    return recorder


def neighbour_forges_seals() -> Recorder:
    swarm, viewers, recorder = settled(8, 4, 3)
    swarm.run(0.5)
    parent_of(swarm, viewers[3]).tamper = lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:]
    swarm.run(3.0)
    return recorder


def blocks_of_other_braids_and_ages_come() -> Recorder:
    swarm, viewers, recorder = settled(9, 3, 2)
    swarm.run(0.5)
    viewer, source = viewers[2], swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    number = viewer.core.window.newest
    held = blocks(swarm.parts[number - 3])
    tell(swarm, viewer, source.id, held[0])
    tell(swarm, viewer, source.id, blocks(another(swarm, number, epoch=swarm.epoch - 1))[0])
    tell(swarm, viewer, source.id, blocks(another(swarm, number, stripes=3))[0])
    swarm.run(0.5)
    return recorder


def neighbour_repeats_blocks_with_other_bytes() -> Recorder:
    swarm, viewers, recorder = settled(9, 3, 2)
    swarm.run(0.5)
    viewer, source = viewers[2], swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    held = blocks(swarm.parts[viewer.core.window.newest - 3])
    tell(swarm, viewer, source.id, held[1])
    tell(swarm, viewer, source.id, replace(held[2], data=b""))
    swarm.run(0.5)
    return recorder


def publisher_cuts_blocks_as_it_should_not() -> Recorder:
    """The blocks are under the seal's root, but not as long as its size says."""
    swarm, viewers, recorder = settled(9, 3, 2)
    swarm.run(0.5)
    viewer, source = viewers[2], swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    pieces = [b"longer than it may be" * 9, b"", b"", b""]
    seal = replace(swarm.parts[swarm.published - 1].seal, number=swarm.published, root=root(pieces))
    signed = seal.encode()
    raw = signed + swarm.publisher.identity.sign(TAG_SEAL, signed)
    tell(swarm, viewer, source.id, wire.Block(raw, 0, proofs(pieces)[0], pieces[0]))
    swarm.run(0.3)
    return recorder


def publisher_equivocates() -> Recorder:
    swarm, viewers, recorder = settled(19, 3, 2)
    swarm.run(0.5)
    source = swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    for block in blocks(another(swarm, viewers[2].core.window.newest)):
        tell(swarm, viewers[2], source.id, block)
    swarm.run(0.5)
    return recorder


def lost_blocks_are_asked_of_others() -> Recorder:
    swarm, viewers, recorder = settled(16, 5, 4, path=replace(PATH, delay=0.03, loss=0.03))
    swarm.run(0.5)
    losing = random.Random(1)
    parent_of(swarm, viewers[4]).tamper = lambda data: TYPE_UNKNOWN if losing.random() < 0.3 else data
    swarm.run(3.0)
    return recorder


def lost_parts_are_fetched_from_the_origin() -> Recorder:
    swarm, viewers, recorder = settled(17, 3, 2)
    swarm.run(1.0)
    lost = {swarm.published + 5, swarm.published + 6}

    def lose(data: bytes) -> bytes:
        return TYPE_UNKNOWN if int.from_bytes(data[18:22], "big") in lost else data

    for member in [swarm.publisher, *viewers]:
        member.tamper = lose
    for _ in range(20):
        viewers[2].core.buffer(0.4 - (swarm.now - viewers[2].delivered[-1][1]), swarm.now)
        swarm.act(viewers[2])
        swarm.run(0.1)
    return recorder


def hopeless_part_is_skipped() -> Recorder:
    swarm, viewers, recorder = settled(18, 3, 2, origin=False)
    swarm.run(1.0)
    lost = swarm.published + 5

    def lose(data: bytes) -> bytes:
        return TYPE_UNKNOWN if int.from_bytes(data[18:22], "big") == lost else data

    for member in [swarm.publisher, *viewers]:
        member.tamper = lose
    for _ in range(30):
        viewers[2].core.buffer(max(0.0, 0.3 - (swarm.now - viewers[2].delivered[-1][1])), swarm.now)
        swarm.act(viewers[2])
        swarm.run(0.1)
    return recorder


def source_pauses() -> Recorder:
    swarm, _, recorder = settled(10, 3, 1)
    swarm.run(0.5)
    swarm.source_paused = True
    swarm.run(2.5)
    swarm.source_paused = False
    swarm.run(1.0)
    return recorder


def publisher_begins_a_new_epoch() -> Recorder:
    swarm, _, recorder = settled(11, 4, 2)
    swarm.run(0.5)
    swarm.source_paused = True
    swarm.run(0.5)
    swarm.restart_source()
    swarm.source_paused = False
    swarm.run(1.5)
    return recorder


def description_announces_a_new_epoch_first() -> Recorder:
    swarm, viewers, recorder = settled(12, 3, 2)
    swarm.source_paused = True
    swarm.run(0.5)
    swarm.restart_source()
    viewers[2].core.described(swarm.epoch, swarm.now)
    viewers[2].core.described(swarm.epoch - 1, swarm.now)
    swarm.act(viewers[2])
    swarm.run(0.2)
    swarm.source_paused = False
    swarm.run(1.5)
    return recorder


PART_SCENES: tuple[Callable[[], Recorder], ...] = (
    signatures_are_checked_later_than_blocks_come,
    join_is_checked_later_than_the_links_open,
    neighbour_tampers_with_blocks,
    neighbour_forges_seals,
    blocks_of_other_braids_and_ages_come,
    neighbour_repeats_blocks_with_other_bytes,
    publisher_cuts_blocks_as_it_should_not,
    publisher_equivocates,
    lost_blocks_are_asked_of_others,
    lost_parts_are_fetched_from_the_origin,
    hopeless_part_is_skipped,
    source_pauses,
    publisher_begins_a_new_epoch,
    description_announces_a_new_epoch_first,
)
