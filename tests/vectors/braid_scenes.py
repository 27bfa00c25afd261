"""The scenes whose traces `record_braid` records: small parts, few seconds, one event in each.

Those of peers and links are here; `braid_part_scenes` has those of blocks and parts, and
`braid_trouble_scenes` those of lost packets and of peers that can carry no more; in `braid_probing_scenes`
uploads are measured.
"""

from __future__ import annotations

from collections.abc import Callable

from peer import wire
from peer.core.children import NEWEST_INDEPENDENT
from peer.core.outbox import IN_FLIGHT
from tests.swarm import STRIPES, Swarm
from tests.vectors.braid_part_scenes import PART_SCENES
from tests.vectors.braid_probing_scenes import PROBING_SCENES
from tests.vectors.braid_stage import PART_SIZE, fares_well, parent_of, settled, tell
from tests.vectors.braid_trouble_scenes import TROUBLE_SCENES
from tests.vectors.record_braid import Recorder


def start_over_http_and_hand_over_to_links() -> Recorder:
    swarm, _, recorder = settled(1, 3, 1)
    swarm.run(2.0)
    return recorder


def start_without_an_origin() -> Recorder:
    swarm, _, recorder = settled(2, 4, 3, origin=False)
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
    feeder, child = viewers[0], bytes(16)
    feeder.core.link_opened(child, "viewer", swarm.now)
    feeder.core.drained(child, IN_FLIGHT, swarm.now)
    for stripe in range(2):
        tell(swarm, feeder, child, wire.Subscribe(swarm.braid, stripe, swarm.epoch, NEWEST_INDEPENDENT))
    for _ in range(8):
        feeder.core.drained(child, IN_FLIGHT - 1, swarm.now)
        swarm.act(feeder)
        fares_well(swarm, feeder, child)
        swarm.run(0.2)
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
        swarm.act(viewer)
        for stripe in range(STRIPES):
            subscribe = wire.Subscribe(swarm.braid, stripe, swarm.epoch, NEWEST_INDEPENDENT)
            tell(swarm, viewer, other.id, subscribe)
            tell(swarm, viewer, other.id, wire.Refuse(swarm.braid, stripe, wire.REFUSE_FULL))
    swarm.run(1.0)
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
    swarm.act(viewer)
    swarm.run(2.0)
    viewer.core.plan_restarted()
    viewer.core.plan(1, (others[1], None, others[2], others[3]), others[:1], 7, swarm.now)
    swarm.act(viewer)
    swarm.run(1.0)
    viewer.core.report_soon(swarm.now)
    swarm.run(0.2)
    return recorder


def viewer_leaves() -> Recorder:
    swarm, viewers, recorder = settled(14, 4, 1)
    swarm.run(0.5)
    swarm.leave(viewers[1])
    tell(swarm, viewers[1], viewers[2].id, wire.Subscribe(swarm.braid, 0, swarm.epoch, NEWEST_INDEPENDENT))
    swarm.run(0.45)
    return recorder


def parent_leaves() -> Recorder:
    swarm, viewers, recorder = settled(15, 5, 4)
    swarm.run(0.5)
    swarm.leave(parent_of(swarm, viewers[4]))
    swarm.run(2.0)
    return recorder


def leaf_feeds_nobody() -> Recorder:
    swarm, viewers, recorder = settled(20, 3, 2, carries=False)
    swarm.run(1.0)
    leaf, source = viewers[2], viewers[0]
    tell(swarm, leaf, source.id, wire.Subscribe(swarm.braid, 1, swarm.epoch, NEWEST_INDEPENDENT))
    tell(swarm, leaf, source.id, wire.Want(swarm.braid, swarm.epoch, leaf.core.window.newest, ()))
    swarm.run(0.5)
    return recorder


def viewer_stops_carrying() -> Recorder:
    swarm, viewers, recorder = settled(21, 4, 0)
    swarm.run(0.5)
    viewers[0].core.set_carries(False, swarm.now)
    swarm.act(viewers[0])
    swarm.run(1.5)
    return recorder


def links_are_given_up_for_http() -> Recorder:
    swarm, viewers, recorder = settled(22, 2, 1)
    swarm.run(0.5)
    swarm.signaling_up = False
    viewers[1].core.set_http_only(True)
    for peer in viewers[1].links.peers:
        swarm.cut(viewers[1], swarm.members[peer])
    swarm.run(1.0)
    viewers[1].core.fetch_failed(swarm.published + 1, True, swarm.now)
    swarm.run(1.0)
    viewers[1].core.set_origins(False)
    swarm.run(0.5)
    return recorder


def plan_leaves_a_leaf_to_the_origin() -> Recorder:
    swarm, viewers, recorder = settled(27, 4, 3, carries=False)
    swarm.run(0.5)
    swarm.signaling_up = False
    leaf = viewers[3]
    before = tuple(peer or viewers[0].id for peer in leaf.core.stripe_parents())
    for sequence, parents in ((1000, (None,) * STRIPES), (1001, before)):
        leaf.core.plan(sequence, parents, (), 0, swarm.now)
        swarm.act(leaf)
        swarm.run(2.0)
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
    publisher = swarm.publisher
    recorder = Recorder(swarm, publisher)
    swarm.run(0.5)
    viewers = []
    for _ in range(5):
        viewers.append(swarm.viewer())
        swarm.run(0.3)
    stripe = publisher.core.stripe_children().index((viewers[0].id,))
    for viewer in viewers[1:4]:
        if viewer.id in publisher.core.neighbours:
            tell(swarm, publisher, viewer.id, wire.Subscribe(swarm.braid, stripe, 0, 3))
            newest = swarm.published
            for number, wanted in ((newest, (0, 1)), (9, ()), (newest + 1, ()), (newest + 1, (3,))):
                tell(swarm, publisher, viewer.id, wire.Want(swarm.braid, swarm.epoch, number, wanted))
    swarm.run(0.3)
    for _ in range(3):
        tell(swarm, publisher, viewers[0].id, wire.Subscribe(swarm.braid, stripe, swarm.epoch, 0))
    swarm.kill(viewers[0])
    swarm.run(1.5)
    return recorder


SCENES: dict[str, Callable[[], Recorder]] = {
    scene.__name__: scene
    for scene in (
        *PART_SCENES,
        *TROUBLE_SCENES,
        *PROBING_SCENES,
        start_over_http_and_hand_over_to_links,
        start_without_an_origin,
        parent_vanishes,
        parents_vanish_while_signaling_is_away,
        child_is_too_slow,
        two_ask_each_other,
        plan_names_other_parents,
        viewer_leaves,
        parent_leaves,
        leaf_feeds_nobody,
        viewer_stops_carrying,
        links_are_given_up_for_http,
        plan_leaves_a_leaf_to_the_origin,
        relay_carries_without_playing,
        publisher_feeds_the_heads,
    )
}
