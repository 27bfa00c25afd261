"""Whole braids in memory: the cores of a room, the planner and an emulated network under a virtual clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.seeds import seeds
from tests.swarm import PART, PATH, STRIPES, Member, Swarm

pytestmark = pytest.mark.crowd


def settled(seed: int, count: int, **options: object) -> tuple[Swarm, list[Member]]:
    swarm = Swarm(seed, **options)  # type: ignore[arg-type]
    swarm.run(1.5)
    members = swarm.viewers(count)
    return swarm, members


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_publisher_sends_the_stream_once_however_many_watch(count: int) -> None:
    swarm, viewers = settled(1, count)
    sent, since = swarm.sent_by_publisher(), swarm.published
    swarm.run(5.0)
    assert swarm.sent_by_publisher() - sent <= 1.02 * swarm.stream_bytes(since)
    for viewer in viewers:
        assert viewer.skipped == 0
        assert swarm.in_order(viewer)
        assert swarm.at_edge(viewer)
    assert swarm.cycles() == []


def test_two_viewers_give_each_other_what_the_other_lacks() -> None:
    swarm, viewers = settled(1, 2)
    before = [viewer.core.counters.from_publisher for viewer in viewers]
    swarm.run(5.0)
    shares = [v.core.counters.from_publisher - b for v, b in zip(viewers, before, strict=True)]
    assert max(shares) <= 1.1 * min(shares)


def test_counters_of_both_sides_agree() -> None:
    swarm, viewers = settled(3, 5)
    swarm.run(5.05)  # nothing is under way between two parts
    received = sum(viewer.core.counters.from_publisher for viewer in viewers)
    assert received == pytest.approx(swarm.publisher.core.counters.to_peers, rel=0.02)
    given = sum(viewer.core.counters.to_peers for viewer in viewers)
    taken = sum(viewer.core.counters.from_viewers for viewer in viewers)
    assert taken == pytest.approx(given, rel=0.02)


def test_viewer_that_feeds_others_vanishes_without_a_word() -> None:
    swarm, viewers = settled(1, 5)
    since = swarm.now
    swarm.kill(viewers[0])
    swarm.run(6.0)
    for viewer in viewers[1:]:
        assert viewer.skipped == 0
        assert swarm.longest_wait(viewer, since) < 0.5
        assert viewers[0].id not in viewer.core.stripe_parents()
    assert swarm.cycles() == []


@seeds(6)
def test_two_feeding_viewers_vanish_while_signaling_is_away(seed: int) -> None:
    swarm, viewers = settled(seed, 8)
    swarm.signaling_up = False
    since = swarm.now
    swarm.kill(viewers[0])
    swarm.kill(viewers[1])
    swarm.run(8.0)
    for viewer in viewers[2:]:
        assert viewer.skipped == 0
        assert swarm.longest_wait(viewer, since) < 1.2
    assert swarm.cycles() == []
    sent, first = swarm.sent_by_publisher(), swarm.published
    swarm.run(5.0)
    assert swarm.sent_by_publisher() - sent <= 2.0 * swarm.stream_bytes(first)


def test_frozen_parent_is_replaced_though_its_link_stays_open() -> None:
    swarm, viewers = settled(2, 6)
    swarm.freeze(viewers[1])
    since = swarm.now
    swarm.run(4.0)
    for viewer in viewers:
        if viewer is not viewers[1]:
            assert swarm.longest_wait(viewer, since) < 1.2
            assert viewer.skipped == 0


def test_source_pause_is_nobodys_fault() -> None:
    swarm, viewers = settled(1, 6)
    swarm.run(1.0)  # whoever was about to take over has done so
    before = [viewer.core.stripe_parents() for viewer in viewers]
    swarm.source_paused = True
    swarm.run(5.0)
    assert [viewer.core.stripe_parents() for viewer in viewers] == before
    assert all(viewer.core.counters.fail_overs == 0 for viewer in viewers)
    swarm.source_paused = False
    swarm.run(2.0)
    assert all(swarm.at_edge(viewer) for viewer in viewers)
    assert all(viewer.core.counters.fail_overs == 0 for viewer in viewers)


def test_leaving_viewer_hands_over_before_it_goes() -> None:
    swarm, viewers = settled(4, 6)
    since = swarm.now
    swarm.leave(viewers[2])
    swarm.run(4.0)
    for viewer in viewers:
        if viewer is not viewers[2]:
            assert swarm.longest_wait(viewer, since) < 0.4
            assert viewer.skipped == 0


def feeder(swarm: Swarm, viewers: list[Member]) -> Member:
    """The viewer with the most children."""
    return max(viewers, key=lambda viewer: sum(map(len, viewer.core.stripe_children())))


@seeds(4)
def test_leaving_or_slowed_feeder_is_kept_until_its_children_have_another(seed: int) -> None:
    """Nobody lacks a block for it: what is asked for elsewhere does not grow."""
    for way in ("leave", "slowed"):
        swarm, viewers = settled(seed, 9)
        going = feeder(swarm, viewers)
        others = [viewer for viewer in viewers if viewer is not going]
        swarm.run(1.0)
        since, asked = swarm.now, sum(viewer.core.counters.wants_sent for viewer in others)
        if way == "leave":
            swarm.leave(going)
        else:
            going.core.throttled(2, swarm.now)
        swarm.run(5.0)
        assert going.core.stripe_children() == ((),) * STRIPES
        assert sum(viewer.core.counters.wants_sent for viewer in others) - asked <= 2
        for viewer in others:
            assert viewer.skipped == 0
            assert swarm.longest_wait(viewer, since) < 0.25
        if way == "slowed":
            assert swarm.at_edge(going)


def test_slowed_viewer_carries_again_when_it_has_recovered() -> None:
    swarm, viewers = settled(3, 6)
    going = feeder(swarm, viewers)
    going.core.throttled(2, swarm.now)
    swarm.run(6.0)
    assert going.core.stripe_children() == ((),) * STRIPES
    going.core.throttled(0, swarm.now)
    swarm.run(22.0)
    assert all(swarm.at_edge(viewer) for viewer in viewers)
    status = viewers[0].core.neighbours[going.id].status if going.id in viewers[0].core.neighbours else None
    assert status is None or status.carries


def test_lost_packets_are_mended_by_parity_where_a_player_could_not_wait() -> None:
    swarm, viewers = settled(6, 6, path=replace(PATH, loss=0.02))
    swarm.run(10.0)
    assert any(viewer.parity for viewer in viewers)
    taking = [viewer for viewer in viewers if len(viewer.core.stripe_parents()) > STRIPES]
    assert taking
    asked = {viewer.id: viewer.core.counters.wants_sent for viewer in taking}
    rebuilt = {viewer.id: viewer.core.counters.rebuilt for viewer in taking}
    swarm.run(10.0)
    more = sum(viewer.core.counters.rebuilt - rebuilt[viewer.id] for viewer in taking)
    assert more > 4 * sum(viewer.core.counters.wants_sent - asked[viewer.id] for viewer in taking)


def test_no_parity_without_loss() -> None:
    swarm, viewers = settled(6, 6)
    swarm.run(10.0)
    assert not any(viewer.parity for viewer in viewers)
    assert sum(viewer.core.counters.rebuilt for viewer in viewers) == 0


def test_polluter_is_cut_off_and_nothing_of_it_is_played_or_forwarded() -> None:
    swarm, viewers = settled(5, 6)
    polluter = viewers[1]
    polluter.tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    since = swarm.now
    swarm.run(4.0)
    for viewer in viewers:
        if viewer is polluter:
            continue
        assert polluter.id not in viewer.core.stripe_parents()
        assert {peer for peer, _ in viewer.rejected} <= {polluter.id}
        assert swarm.longest_wait(viewer, since) < 0.8
    assert any(viewer.rejected for viewer in viewers)


def test_forged_seal_ends_the_link() -> None:
    swarm, viewers = settled(5, 4)
    forger = viewers[0]
    forger.tamper = lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:]
    swarm.run(3.0)
    rejections = [sentence for viewer in viewers for peer, sentence in viewer.rejected if peer == forger.id]
    assert "a seal was not signed by the publisher" in rejections
    assert all(viewer.delivered[-1][0] >= swarm.published - 3 for viewer in viewers if viewer is not forger)


def test_lost_packets_cost_no_part() -> None:
    swarm, viewers = settled(6, 6, path=replace(PATH, loss=0.02))
    swarm.run(10.0)
    assert all(viewer.skipped == 0 for viewer in viewers)
    assert all(viewer.delivered[-1][0] >= swarm.published - 10 for viewer in viewers)
    assert swarm.cycles() == []


@pytest.mark.parametrize("uplink", [1_000_000, 300_000, 100_000])
def test_feeder_whose_uplink_is_too_narrow_holds_nobody_up(uplink: int) -> None:
    swarm, viewers = settled(1, 8)
    since = swarm.now
    feeder = max(viewers, key=lambda viewer: sum(map(len, viewer.core.stripe_children())))
    children = sum(map(len, feeder.core.stripe_children()))
    swarm.network.set_uplink(feeder.id, uplink)
    swarm.run(10.0)
    assert sum(map(len, feeder.core.stripe_children())) < children
    for viewer in viewers:
        if viewer is not feeder:
            assert viewer.skipped == 0
            assert swarm.longest_wait(viewer, since) < 0.8
            assert viewer.delivered[-1][0] >= swarm.published - 5


def test_stream_without_any_origin_plays_through_the_mesh_alone() -> None:
    swarm, viewers = settled(7, 5, origin=False)
    swarm.run(5.0)
    assert swarm.http_bytes == 0
    for viewer in viewers:
        assert viewer.skipped == 0
        assert swarm.at_edge(viewer)


def test_nobody_is_fed_by_a_leaf() -> None:
    swarm = Swarm(8)
    swarm.run(1.0)
    leaves = [swarm.viewer(carries=False) for _ in range(2)]
    swarm.run(1.0)
    viewers = swarm.viewers(3)
    swarm.run(3.0)
    for leaf in leaves:
        assert leaf.core.counters.to_peers == 0
        assert swarm.at_edge(leaf)
    fed_by = {parent for viewer in viewers for parent in viewer.core.stripe_parents()}
    assert not fed_by & {leaf.id for leaf in leaves}


def test_room_of_leaves_is_fed_by_the_publisher_though_there_is_no_origin() -> None:
    swarm = Swarm(8, origin=False)
    swarm.run(1.0)
    leaves = []
    for _ in range(5):
        leaves.append(swarm.viewer(carries=False))
        swarm.run(0.3)
    swarm.run(3.0)
    for leaf in leaves:
        assert swarm.at_edge(leaf)
        assert leaf.core.stripe_parents() == (swarm.publisher.id,) * STRIPES


def test_relay_carries_without_playing() -> None:
    swarm = Swarm(9)
    swarm.run(1.0)
    relay = swarm.viewer("relay")
    swarm.run(0.5)
    viewers = swarm.viewers(5)
    swarm.run(3.0)
    assert relay.delivered == []
    assert sum(viewer.core.counters.from_relays for viewer in viewers) > 0
    assert all(swarm.at_edge(viewer) for viewer in viewers)


def test_window_stays_bounded_however_long_the_stream() -> None:
    swarm, viewers = settled(10, 3)
    swarm.run(30.0)
    for member in [swarm.publisher, *viewers]:
        assert len(member.core.window) <= 10.0 / PART + 1
        assert member.core.window.bytes_held < 5_000_000


def test_every_stripe_has_its_own_way_in() -> None:
    swarm, viewers = settled(11, 8)
    swarm.run(2.0)
    heads = [
        {v.id for v in viewers if v.core.stripe_parents()[stripe] == swarm.publisher.id}
        for stripe in range(STRIPES)
    ]
    assert all(len(head) == 1 for head in heads)
    assert len(set.union(*heads)) == STRIPES


def test_same_seed_gives_the_same_run() -> None:
    runs = []
    for _ in range(2):
        swarm, viewers = settled(12, 6, path=replace(PATH, loss=0.02))
        swarm.kill(viewers[0])
        swarm.run(3.0)
        runs.append([viewer.delivered for viewer in viewers])
    assert runs[0] == runs[1]
