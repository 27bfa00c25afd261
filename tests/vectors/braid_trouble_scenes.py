"""Scenes of lost packets, which parity mends, and of peers that can carry no more."""

from __future__ import annotations

import random
from collections.abc import Callable

from peer import wire
from peer.core.children import NEWEST_INDEPENDENT
from peer.core.outbox import IN_FLIGHT
from peer.parity import seal_parity
from peer.seal import seal_part
from tests.swarm import STRIPES, Member, Swarm
from tests.vectors.braid_part_scenes import TYPE_UNKNOWN, blocks
from tests.vectors.braid_stage import fares_well, parent_of, settled, tell
from tests.vectors.record_braid import Recorder


def takes_parity(swarm: Swarm, member: Member) -> None:
    """The publisher feeds it the parity stripe, without waiting for its own measure."""
    tell(
        swarm,
        swarm.publisher,
        member.id,
        wire.Subscribe(swarm.braid, STRIPES, swarm.epoch, NEWEST_INDEPENDENT),
    )


def lost_packets_are_mended_by_parity() -> Recorder:
    """A parent's blocks are lost now and then; after a while parity comes from the publisher."""
    swarm, viewers, recorder = settled(31, 4, 3)
    swarm.run(0.5)
    losing = random.Random(4)
    parent_of(swarm, viewers[3]).tamper = lambda data: TYPE_UNKNOWN if losing.random() < 0.25 else data
    swarm.run(6.0)
    return recorder


def planner_has_a_viewer_carry_parity() -> Recorder:
    swarm, viewers, recorder = settled(32, 4, 1)
    swarm.run(0.5)
    swarm.signaling_up = False
    viewer, child = viewers[1], viewers[3]
    subscribe = wire.Subscribe(swarm.braid, STRIPES, swarm.epoch, NEWEST_INDEPENDENT)
    tell(swarm, viewer, child.id, subscribe)
    data = viewer.core.stripe_parents()
    viewer.core.plan(1000, (*data, swarm.publisher.id), (), 32, swarm.now)
    swarm.act(viewer)
    swarm.run(0.5)
    tell(swarm, viewer, child.id, subscribe)
    swarm.run(0.5)
    tell(swarm, viewer, child.id, wire.Unsubscribe(swarm.braid, STRIPES))
    viewer.core.plan(1001, data, (), 32, swarm.now)
    swarm.act(viewer)
    swarm.run(0.5)
    return recorder


def publisher_makes_parity_while_it_is_taken() -> Recorder:
    swarm = Swarm(33, part_size=160)
    publisher = swarm.publisher
    recorder = Recorder(swarm, publisher)
    swarm.run(0.5)
    viewers = []
    for _ in range(3):
        viewers.append(swarm.viewer())
        swarm.run(0.3)
    for viewer in viewers:
        if viewer.id in publisher.core.neighbours:
            takes_parity(swarm, viewer)
    swarm.run(0.5)
    for viewer in viewers:
        tell(swarm, publisher, viewer.id, wire.Unsubscribe(swarm.braid, STRIPES))
    swarm.run(0.3)
    return recorder


def parity_is_false_early_late_or_forged() -> Recorder:
    swarm, viewers, recorder = settled(34, 3, 2, origin=False)
    swarm.run(0.5)
    viewer = viewers[2]
    source = swarm.members[viewer.core.stripe_parents()[0] or b""]
    genuine = [
        seal_parity(swarm.publisher.identity, swarm.parts[swarm.published - back]) for back in (1, 2, 9)
    ]
    false = seal_part(swarm.publisher.identity, genuine[1].seal, bytes(len(genuine[1].data)))
    for companion in (*genuine, false):
        tell(swarm, viewer, source.id, blocks(companion)[0])
    ahead = seal_parity(swarm.publisher.identity, swarm.parts[swarm.published - 1])
    source.tamper = lambda data: TYPE_UNKNOWN
    swarm.run(0.15)
    for back in (1, 2):
        companion = seal_parity(swarm.publisher.identity, swarm.parts[swarm.published - back])
        lie = seal_part(swarm.publisher.identity, companion.seal, bytes(len(companion.data)))
        tell(swarm, viewer, source.id, blocks(lie if back == 2 else companion)[0])
    source.tamper = None
    swarm.run(0.5)
    (block,) = blocks(ahead)
    tell(swarm, viewer, source.id, wire.Block(block.seal, 0, block.proof, bytes(len(block.data))))
    swarm.run(0.3)
    return recorder


def hidden_tab_falls_behind_and_recovers() -> Recorder:
    swarm, viewers, recorder = settled(35, 5, 0)
    swarm.run(0.5)
    viewer = viewers[0]
    viewer.core.throttled(1, swarm.now)
    swarm.act(viewer)
    for peer in viewer.links.peers:
        tell(swarm, viewer, peer, wire.Subscribe(swarm.braid, 2, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(0.5)
    viewer.core.throttled(2, swarm.now)
    swarm.act(viewer)
    swarm.run(1.5)
    for peer in viewer.links.peers:
        tell(swarm, viewer, peer, wire.Subscribe(swarm.braid, 2, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(3.0)
    viewer.core.throttled(0, swarm.now)
    swarm.source_paused = True
    swarm.run(21.0)
    return recorder


def parent_hands_its_children_over() -> Recorder:
    swarm, viewers, recorder = settled(36, 6, 5)
    swarm.run(0.5)
    parent_of(swarm, viewers[5]).core.throttled(2, swarm.now)
    swarm.run(3.0)
    return recorder


def upload_is_too_small_for_two_children() -> Recorder:
    swarm, viewers, recorder = settled(37, 3, 0)
    swarm.run(0.5)
    feeder, children = viewers[0], [bytes([number]) * 16 for number in (1, 2)]
    for child in children:
        feeder.core.link_opened(child, "viewer", swarm.now)
        feeder.core.drained(child, IN_FLIGHT, swarm.now)
        tell(swarm, feeder, child, wire.Subscribe(swarm.braid, 0, swarm.epoch, NEWEST_INDEPENDENT))
    for _ in range(5):
        swarm.run(0.5)
        for child in children:
            fares_well(swarm, feeder, child)
    for child in children:
        tell(swarm, feeder, child, wire.Subscribe(swarm.braid, 1, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(0.5)
    return recorder


def children_vanish_without_a_word() -> Recorder:
    """What waits for the dead keeps nobody from being helped, and their places are free at once."""
    swarm, viewers, recorder = settled(38, 3, 0)
    swarm.run(0.5)
    feeder, children = viewers[0], [bytes([number]) * 16 for number in (1, 2, 3)]
    feeder.core.plan(
        1000, feeder.core.stripe_parents(), (), sum(map(len, feeder.core.stripe_children())) + 2, swarm.now
    )
    for child in children[:2]:
        feeder.core.link_opened(child, "viewer", swarm.now)
        tell(swarm, feeder, child, wire.Subscribe(swarm.braid, 0, swarm.epoch, NEWEST_INDEPENDENT))
        feeder.core.drained(child, IN_FLIGHT, swarm.now)
    feeder.core.link_opened(children[2], "viewer", swarm.now)
    tell(swarm, feeder, children[2], wire.Subscribe(swarm.braid, 1, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(1.0)
    tell(swarm, feeder, children[2], wire.Want(swarm.braid, swarm.epoch, swarm.published, (0,)))
    tell(swarm, feeder, children[2], wire.Subscribe(swarm.braid, 1, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(0.3)
    return recorder


def all_parents_die_together() -> Recorder:
    """Nothing moves, as in a pause, until somebody who was asked for the part that is due has it."""
    swarm, viewers, recorder = settled(40, 8, 7)
    swarm.run(0.5)
    parents = set(viewers[7].core.stripe_parents())
    assert swarm.publisher.id not in parents
    for peer in parents:
        assert peer is not None
        swarm.freeze(swarm.members[peer])
    swarm.run(2.5)
    return recorder


TROUBLE_SCENES: tuple[Callable[[], Recorder], ...] = (
    lost_packets_are_mended_by_parity,
    planner_has_a_viewer_carry_parity,
    publisher_makes_parity_while_it_is_taken,
    parity_is_false_early_late_or_forged,
    hidden_tab_falls_behind_and_recovers,
    parent_hands_its_children_over,
    upload_is_too_small_for_two_children,
    children_vanish_without_a_word,
    all_parents_die_together,
)
