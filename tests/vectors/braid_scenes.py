"""The scenes whose traces `record_braid` records: small parts, few seconds, one event in each."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from peer import wire
from peer.core.children import NEWEST_INDEPENDENT
from peer.core.outbox import IN_FLIGHT
from peer.identity import Identity
from peer.merkle import proofs, root
from peer.seal import Seal, SealedPart, cut, seal_part
from peer.signing import TAG_SEAL
from tests.swarm import STRIPES, Member, Network, Swarm
from tests.vectors.record_braid import Recorder

PART_SIZE = 160
TYPE_UNKNOWN = b"\xff"
"""Stands for a lost message: its receiver ignores it."""


def settled(
    seed: int,
    count: int,
    recorded: int,
    *,
    network: Network | None = None,
    origin: bool = True,
    carries: bool = True,
    verify_delay: float = 0.0,
) -> tuple[Swarm, list[Member], Recorder]:
    """A room of `count` viewers, one of whom is recorded; `carries` is that one's."""
    swarm = Swarm(seed, network, origin, PART_SIZE)
    swarm.run(1.0)
    members = []
    recorder = None
    for number in range(count):
        members.append(swarm.viewer(carries=carries or number != recorded))
        if number == recorded:
            recorder = Recorder(swarm, members[-1], verify_delay)
        swarm.run(0.3)
    assert recorder is not None
    return swarm, members, recorder


def tell(swarm: Swarm, target: Member, source: Member, message: wire.Message) -> None:
    """`target` gets a message that `source` would not send by itself."""
    raw = wire.encode(message)
    target.core.received(source.id, message, raw, swarm.now)
    swarm._act(target)


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


def parent_of(swarm: Swarm, member: Member) -> Member:
    """A viewer that feeds `member`."""
    for peer in member.core.stripe_parents():
        if peer is not None and peer != swarm.publisher.id:
            return swarm.members[peer]
    raise AssertionError("no viewer feeds this member")


def start_over_http_and_hand_over_to_links() -> Recorder:
    swarm, _, recorder = settled(1, 3, 1)
    swarm.run(2.0)
    return recorder


def start_without_an_origin() -> Recorder:
    swarm, _, recorder = settled(2, 4, 3, origin=False)
    swarm.run(2.0)
    return recorder


def signatures_are_checked_later_than_blocks_come() -> Recorder:
    swarm, _, recorder = settled(3, 3, 2, origin=False, verify_delay=0.03)
    swarm.run(2.0)
    return recorder


def join_is_checked_later_than_the_links_open() -> Recorder:
    swarm, _, recorder = settled(26, 3, 2, network=Network(delay=0.06), verify_delay=0.15)
    swarm.run(2.0)
    return recorder


def parent_vanishes() -> Recorder:
    swarm, viewers, recorder = settled(4, 5, 2)
    swarm.run(0.5)
    swarm.kill(parent_of(swarm, viewers[2]))
    swarm.run(4.0)
    return recorder


def parents_vanish_while_signaling_is_away() -> Recorder:
    swarm, viewers, recorder = settled(5, 7, 6)
    swarm.run(0.5)
    swarm.signaling_up = False
    for _ in range(2):
        swarm.kill(parent_of(swarm, viewers[6]))
        swarm.run(2.5)
    return recorder


def child_is_too_slow() -> Recorder:
    """Its link takes one block every 0.2 s, of the ten that would be due."""
    swarm, viewers, recorder = settled(6, 4, 0)
    swarm.run(0.5)
    feeder, child = viewers[0], Member(Identity(bytes(32)), viewers[1].core, "viewer")
    feeder.core.link_opened(child.id, "viewer", swarm.now)
    feeder.core.drained(child.id, IN_FLIGHT, swarm.now)
    for stripe in range(2):
        tell(swarm, feeder, child, wire.Subscribe(swarm.braid, stripe, swarm.epoch, NEWEST_INDEPENDENT))
    for _ in range(8):
        feeder.core.drained(child.id, IN_FLIGHT - 1, swarm.now)
        swarm._act(feeder)
        swarm.run(0.2)
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
    tell(swarm, viewer, source, held[0])
    tell(swarm, viewer, source, blocks(another(swarm, number, epoch=swarm.epoch - 1))[0])
    tell(swarm, viewer, source, blocks(another(swarm, number, stripes=3))[0])
    swarm.run(0.5)
    return recorder


def neighbour_repeats_blocks_with_other_bytes() -> Recorder:
    swarm, viewers, recorder = settled(9, 3, 2)
    swarm.run(0.5)
    viewer, source = viewers[2], swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    held = blocks(swarm.parts[viewer.core.window.newest - 3])
    tell(swarm, viewer, source, held[1])
    tell(swarm, viewer, source, replace(held[2], data=b""))
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
    tell(swarm, viewer, source, wire.Block(raw, 0, proofs(pieces)[0], pieces[0]))
    swarm.run(0.3)
    return recorder


def two_ask_each_other() -> Recorder:
    """Both are orphans for a moment; the smaller id becomes the parent."""
    swarm, viewers, recorder = settled(25, 4, 1)
    swarm.run(0.5)
    swarm.signaling_up = False
    viewer, other = viewers[1], viewers[3]
    viewer.core.link_closed(other.id, swarm.now)
    viewer.core.link_opened(other.id, "viewer", swarm.now)
    for sequence, limit in ((1000, 0), (1001, 32)):
        viewer.core.plan(sequence, (other.id,) * STRIPES, (), limit, swarm.now)
        swarm._act(viewer)
        for stripe in range(STRIPES):
            tell(swarm, viewer, other, wire.Subscribe(swarm.braid, stripe, swarm.epoch, NEWEST_INDEPENDENT))
            tell(swarm, viewer, other, wire.Refuse(swarm.braid, stripe, wire.REFUSE_FULL))
    swarm.run(1.0)
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
    swarm._act(viewers[2])
    swarm.run(0.2)
    swarm.source_paused = False
    swarm.run(1.5)
    return recorder


def plan_names_other_parents() -> Recorder:
    swarm, viewers, recorder = settled(13, 5, 4)
    swarm.run(0.5)
    swarm.signaling_up = False
    viewer = viewers[4]
    others = tuple(v.id for v in viewers[:4])
    viewer.core.plan(1000, others, (swarm.publisher.id, viewer.id), 7, swarm.now)
    viewer.core.plan(999, (None,) * 4, (), 0, swarm.now)
    viewer.core.plan(1001, (None,) * 3, (), 0, swarm.now)
    swarm._act(viewer)
    swarm.run(2.0)
    viewer.core.plan_restarted()
    viewer.core.plan(1, (others[1], None, others[2], others[3]), others[:1], 7, swarm.now)
    swarm._act(viewer)
    swarm.run(1.0)
    viewer.core.report_soon(swarm.now)
    swarm.run(0.2)
    return recorder


def viewer_leaves() -> Recorder:
    swarm, viewers, recorder = settled(14, 4, 1)
    swarm.run(0.5)
    swarm.leave(viewers[1])
    tell(swarm, viewers[1], viewers[2], wire.Subscribe(swarm.braid, 0, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(0.45)
    return recorder


def parent_leaves() -> Recorder:
    swarm, viewers, recorder = settled(15, 5, 4)
    swarm.run(0.5)
    swarm.leave(parent_of(swarm, viewers[4]))
    swarm.run(2.0)
    return recorder


def lost_blocks_are_asked_of_others() -> Recorder:
    swarm, viewers, recorder = settled(16, 5, 4, network=Network(delay=0.03, loss=0.03))
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
        swarm._act(viewers[2])
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
        swarm._act(viewers[2])
        swarm.run(0.1)
    return recorder


def publisher_equivocates() -> Recorder:
    swarm, viewers, recorder = settled(19, 3, 2)
    swarm.run(0.5)
    source = swarm.members[viewers[2].core.stripe_parents()[0] or b""]
    for block in blocks(another(swarm, viewers[2].core.window.newest)):
        tell(swarm, viewers[2], source, block)
    swarm.run(0.5)
    return recorder


def leaf_feeds_nobody() -> Recorder:
    swarm, viewers, recorder = settled(20, 3, 2, carries=False)
    swarm.run(1.0)
    leaf, source = viewers[2], viewers[0]
    tell(swarm, leaf, source, wire.Subscribe(swarm.braid, 1, swarm.epoch, NEWEST_INDEPENDENT))
    tell(swarm, leaf, source, wire.Want(swarm.braid, swarm.epoch, leaf.core.window.newest, ()))
    swarm.run(0.5)
    return recorder


def viewer_stops_carrying() -> Recorder:
    swarm, viewers, recorder = settled(21, 4, 0)
    swarm.run(0.5)
    viewers[0].core.set_carries(False, swarm.now)
    swarm._act(viewers[0])
    swarm.run(1.5)
    return recorder


def links_are_given_up_for_http() -> Recorder:
    swarm, viewers, recorder = settled(22, 2, 1)
    swarm.run(0.5)
    swarm.signaling_up = False
    viewers[1].core.set_http_only(True)
    for peer in list(viewers[1].heard):
        swarm.cut(viewers[1], swarm.members[peer])
    swarm.run(1.0)
    viewers[1].core.fetch_failed(swarm.published + 1, True, swarm.now)
    swarm.run(1.0)
    viewers[1].core.set_origins(False)
    swarm.run(0.5)
    return recorder


def relay_carries_without_playing() -> Recorder:
    swarm = Swarm(23, part_size=PART_SIZE)
    swarm.run(1.0)
    recorder = Recorder(swarm, swarm.viewer("relay"))
    swarm.run(0.3)
    for _ in range(3):
        swarm.viewer()
        swarm.run(0.3)
    swarm.run(1.5)
    return recorder


def publisher_feeds_the_heads() -> Recorder:
    swarm = Swarm(24, part_size=PART_SIZE)
    recorder = Recorder(swarm, swarm.publisher)
    swarm.run(0.5)
    viewers = []
    for _ in range(5):
        viewers.append(swarm.viewer())
        swarm.run(0.3)
    stripe = swarm.publisher.core.stripe_children().index((viewers[0].id,))
    for viewer in viewers[1:4]:
        if viewer.id in swarm.publisher.core.neighbours:
            tell(swarm, swarm.publisher, viewer, wire.Subscribe(swarm.braid, stripe, 0, 3))
            tell(swarm, swarm.publisher, viewer, wire.Want(swarm.braid, swarm.epoch, swarm.published, (0, 1)))
            tell(swarm, swarm.publisher, viewer, wire.Want(swarm.braid, swarm.epoch, 9, ()))
            later = swarm.published + 1
            tell(swarm, swarm.publisher, viewer, wire.Want(swarm.braid, swarm.epoch, later, ()))
            tell(swarm, swarm.publisher, viewer, wire.Want(swarm.braid, swarm.epoch, later, (3,)))
    swarm.run(0.3)
    for _ in range(3):
        tell(swarm, swarm.publisher, viewers[0], wire.Subscribe(swarm.braid, stripe, swarm.epoch, 0))
    swarm.kill(viewers[0])
    swarm.run(1.5)
    return recorder


SCENES: dict[str, Callable[[], Recorder]] = {
    scene.__name__: scene
    for scene in (
        start_over_http_and_hand_over_to_links,
        start_without_an_origin,
        signatures_are_checked_later_than_blocks_come,
        join_is_checked_later_than_the_links_open,
        parent_vanishes,
        parents_vanish_while_signaling_is_away,
        child_is_too_slow,
        neighbour_tampers_with_blocks,
        neighbour_forges_seals,
        blocks_of_other_braids_and_ages_come,
        neighbour_repeats_blocks_with_other_bytes,
        publisher_cuts_blocks_as_it_should_not,
        two_ask_each_other,
        source_pauses,
        publisher_begins_a_new_epoch,
        description_announces_a_new_epoch_first,
        plan_names_other_parents,
        viewer_leaves,
        parent_leaves,
        lost_blocks_are_asked_of_others,
        lost_parts_are_fetched_from_the_origin,
        hopeless_part_is_skipped,
        publisher_equivocates,
        leaf_feeds_nobody,
        viewer_stops_carrying,
        links_are_given_up_for_http,
        relay_carries_without_playing,
        publisher_feeds_the_heads,
    )
}
