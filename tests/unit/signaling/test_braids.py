"""Plans in a room: who is told what when streams, peers and links come and go."""

import pytest

from signaling.core.braids import slots_of
from signaling.description import Rendition
from signaling.protocol import Leave, Plan, Report, Unwatch, Watch, Welcome
from tests.unit.signaling.world import Client, World

STRIPES = 4


def stage(viewers: int, world: World | None = None) -> tuple[World, Client, list[Client]]:
    """A publisher and viewers who watch."""
    world = world or World()
    publisher = world.join("publisher", "publisher")
    publisher.announce()
    clients = [world.join(f"v{number}") for number in range(viewers)]
    for client in clients:
        client.watch()
    return world, publisher, clients


def fed_by(world: World, peer: Client) -> int:
    """How many (child, stripe) pairs a peer was given by the newest plans."""
    return sum(plan.parents.count(peer.id) for plan in world.plans.values())


def report(
    client: Client, parents: list[str | None], failed: tuple[str, ...] = (), lost: tuple[str, ...] = ()
) -> None:
    client.send(Report(client.last(Plan).braid, parents, list(lost), list(failed)))


@pytest.mark.parametrize(
    ("uplink", "relay", "slots", "most"),
    [
        (None, False, 4, 96),
        (None, True, 16, 96),
        (0, False, 0, 0),
        (175_000, False, 0, 0),
        (177_000, False, 1, 1),
        (2_300_000, False, 4, 10),
        (2_300_000, True, 10, 10),
        (50_000_000, True, 16, 96),
    ],
)
def test_word_of_the_upload_bounds_the_slots(uplink: int | None, relay: bool, slots: int, most: int) -> None:
    rendition = Rendition("360p", 800_000, STRIPES)
    assert slots_of(Watch("main", "360p", uplink=uplink), rendition, relay=relay) == (slots, most)


def test_plan_says_how_many_children_to_expect() -> None:
    _, _, (viewer, leaf) = stage(2)
    assert (viewer.last(Plan).slots, viewer.last(Plan).children_limit) == (4, 5)
    leaf.watch(carry=False)
    assert (leaf.last(Plan).slots, leaf.last(Plan).children_limit) == (0, 0)
    assert leaf.last(Plan).parents == [viewer.id] * STRIPES


def test_watchers_of_a_rendition_are_counted() -> None:
    world, _, viewers = stage(3)
    braids = world.rooms.rooms["demo"].braids
    viewers[0].send(Leave())
    assert braids.watchers("main", "360p") == 2
    assert braids.watchers("main", "720p") == 0


def test_sequences_grow_over_all_plans_of_a_peer() -> None:
    _, _, (viewer, _) = stage(2)
    viewer.send(Unwatch("main", "360p"))
    viewer.watch()
    sequences = [plan.sequence for plan in viewer.got(Plan)]
    assert sequences == sorted(set(sequences))


def test_rendition_that_is_not_described_is_waited_for() -> None:
    world, publisher, _ = stage(0)
    viewer = world.join("v")
    viewer.watch(rendition="720p")
    assert not viewer.got(Plan)
    rendition = {"id": "720p", "bandwidth": 2_000_000, "stripes": 2}
    publisher.announce(revision=2, renditions=[rendition])
    assert viewer.last(Plan).parents == [publisher.id] * 2


def test_viewer_that_waits_for_a_rendition_drops_and_is_planned_when_it_is_there() -> None:
    world, publisher, _ = stage(0)
    viewer = world.join("v")
    viewer.watch(rendition="720p")
    viewer.drop()
    publisher.announce(revision=2, renditions=[{"id": "720p", "bandwidth": 2_000_000, "stripes": 2}])
    assert viewer.id not in world.plans, "nothing can be told to one that is away"
    back = world.connect(viewer.name)
    back.hello(session=viewer.last(Welcome).session)
    assert back.last(Plan).parents == [publisher.id] * 2


def test_plan_begins_anew_with_other_stripes_and_stays_with_the_same() -> None:
    world, publisher, viewers = stage(3)
    count = len(viewers[0].got(Plan))
    publisher.announce(revision=2, title="Another title")
    assert len(viewers[0].got(Plan)) == count
    publisher.announce(revision=3, renditions=[{"id": "360p", "bandwidth": 800_000, "stripes": 2}])
    assert len(world.plans[viewers[0].id].parents) == 2
    assert fed_by(world, publisher) == 2
    publisher.announce(revision=4, renditions=[])
    viewers[0].send(Leave())
    assert len(world.plans[viewers[1].id].parents) == 2, "there is nothing to plan"


def test_new_publisher_of_a_stream_is_its_root() -> None:
    world, publisher, viewers = stage(2)
    publisher.send(Leave())
    world.wait(21)
    other = world.join("other", "publisher")
    other.announce()
    assert fed_by(world, other) == STRIPES
    assert fed_by(world, publisher) == 0
    assert viewers[0].last(Plan).braid != viewers[0].got(Plan)[0].braid


def test_publisher_that_is_started_again_is_introduced_again() -> None:
    world, publisher, viewers = stage(2)
    for viewer in viewers:
        viewer.inbox.clear()
    publisher.drop()
    again = world.join("publisher", "publisher", nonce="N" * 21 + "A")
    for viewer in viewers:
        plan = viewer.last(Plan)
        assert again.id in plan.parents
        nonces = {entry.nonce for entry in plan.introductions if entry.peer == again.id}
        assert nonces == {"N" * 21 + "A"}


def test_publisher_that_is_away_is_not_taken_for_unreachable() -> None:
    world, publisher, viewers = stage(1)
    braid = viewers[0].last(Plan).braid
    publisher.drop()
    viewers[0].send(Report(braid, [None] * STRIPES, lost=[publisher.id]))
    assert world.plans[viewers[0].id].parents == [publisher.id] * STRIPES
    publisher = world.join("publisher", "publisher")
    publisher.announce()
    assert world.plans[viewers[0].id].parents == [publisher.id] * STRIPES


def test_peers_that_cannot_reach_each_other_are_kept_apart_for_a_while() -> None:
    world, publisher, (one, other) = stage(2)
    assert fed_by(world, publisher) == STRIPES
    parents = other.last(Plan).parents
    report(other, [None if parent == one.id else parent for parent in parents], failed=(one.id,))
    assert world.plans[one.id].parents == world.plans[other.id].parents == [publisher.id] * STRIPES
    report(other, [publisher.id] * STRIPES, failed=(one.id,))
    world.wait(31)
    assert fed_by(world, publisher) == STRIPES


def test_lost_link_is_tried_again_soon() -> None:
    world, publisher, (one, other) = stage(2)
    world.wait(11)
    report(other, [None] * STRIPES, lost=(one.id,))
    assert fed_by(world, publisher) == 2 * STRIPES
    world.wait(6)
    assert fed_by(world, publisher) == STRIPES


def test_lost_link_to_the_last_membership_of_a_newcomer_means_nothing() -> None:
    world, publisher, (one, _) = stage(2)
    again = world.join("v1")
    again.watch()
    report(one, [None] * STRIPES, lost=(again.id,))
    assert fed_by(world, publisher) == STRIPES


def test_peer_that_resumes_is_tried_again_by_all() -> None:
    world, publisher, (one, other) = stage(2)
    report(other, [None] * STRIPES, failed=(one.id, publisher.id))
    assert world.plans[other.id].parents == [None] * STRIPES
    other.drop()
    back = world.connect(other.name)
    back.hello(session=other.last(Welcome).session)
    assert None not in back.last(Plan).parents
    assert fed_by(world, publisher) == STRIPES


def test_separation_ends_quietly_when_the_plan_has_ended() -> None:
    world, publisher, (one, other) = stage(2)
    report(other, [None] * STRIPES, failed=(one.id,))
    publisher.announce(revision=2, renditions=[])
    world.wait(60)
    assert world.rooms.peers == 3


def test_separation_ends_quietly_when_one_has_left() -> None:
    world, publisher, (one, other) = stage(2)
    report(other, [None] * STRIPES, failed=(one.id,))
    one.send(Leave())
    world.wait(60)
    assert world.plans[other.id].parents == [publisher.id] * STRIPES


def test_report_soon_after_a_plan_does_not_undo_it() -> None:
    world, _, viewers = stage(6)
    late, friend = viewers[5], viewers[4]
    plan = late.last(Plan)
    old = [friend.id, *plan.parents[1:]]
    report(late, old)
    assert late.last(Plan) is plan
    world.wait(7)
    report(late, old)
    assert late.last(Plan).parents == old, "with the standbys that go with it"
    friend.send(Leave())
    assert friend.id not in late.last(Plan).parents


def test_report_of_one_who_does_not_watch_is_ignored() -> None:
    world, publisher, (viewer,) = stage(1)
    stranger = world.join("stranger")
    braid = viewer.last(Plan).braid
    stranger.send(Report(braid, [viewer.id] * STRIPES))
    publisher.send(Report(braid, [None] * STRIPES))
    for number in range(20):
        stranger.send(Report(f"{number:016x}", [None]))
    assert not stranger.got(Plan)
    assert len(world.rooms.rooms["demo"].members[stranger.id].reports) <= 8


def restart(old: World) -> World:
    """An introducer that knows nothing."""
    world = World(seed=2)
    world.now = old.now + 5
    return world


def come_back(world: World, client: Client) -> Client:
    """A viewer of before joins again, with the session that it had."""
    back = world.join(client.name, session=client.last(Welcome).session)
    back.watch()
    return back


def test_who_returns_is_asked_for_its_parents_before_it_is_given_some() -> None:
    old, _, viewers = stage(5)
    world = restart(old)
    world.join("publisher", "publisher").announce()
    back = come_back(world, viewers[0])
    assert not back.got(Plan)
    parents = viewers[0].last(Plan).parents
    back.send(Report(viewers[0].last(Plan).braid, parents))
    assert back.last(Plan).parents == parents


def test_who_returns_and_says_nothing_is_planned_after_a_moment() -> None:
    old, publisher, viewers = stage(1)
    world = restart(old)
    back = come_back(world, viewers[0])
    world.join("publisher", "publisher").announce()
    assert not back.got(Plan)
    world.wait(4)
    assert back.last(Plan).parents == [publisher.id] * STRIPES


def test_who_returns_and_goes_in_that_moment_is_forgotten() -> None:
    old, _, viewers = stage(2)
    world = restart(old)
    world.join("publisher", "publisher").announce()
    back = [come_back(world, viewer) for viewer in viewers]
    back[0].send(Leave())
    back[1].send(Report(viewers[1].last(Plan).braid, viewers[1].last(Plan).parents))
    world.wait(60)
    assert set(world.plans) == {viewers[1].id}


def test_reports_that_come_before_the_publisher_are_kept_for_it() -> None:
    old, _, viewers = stage(6)
    world = restart(old)
    back = []
    for viewer in reversed(viewers):
        client = come_back(world, viewer)
        client.send(Report(viewer.last(Plan).braid, viewer.last(Plan).parents))
        back.append(client)
    world.wait(10)
    world.join("publisher", "publisher").announce()
    world.wait(60)
    for client in back:
        assert all(plan.parents == old.plans[client.id].parents for plan in client.got(Plan))
        assert client.got(Plan)


def test_parents_that_never_return_are_replaced_when_the_recovery_ends() -> None:
    old, publisher, viewers = stage(4)
    world = restart(old)
    world.join("publisher", "publisher").announce()
    for viewer in viewers[1:]:
        come_back(world, viewer).send(Report(viewer.last(Plan).braid, viewer.last(Plan).parents))
    world.wait(31)
    assert all(viewers[0].id not in plan.parents for plan in world.plans.values())
    assert fed_by(world, publisher) == STRIPES


def test_reported_parents_from_nowhere_are_not_believed_later() -> None:
    old, publisher, viewers = stage(1)
    world = restart(old)
    world.join("publisher", "publisher").announce()
    other = world.join("other")
    other.watch()
    world.wait(31)
    back = come_back(world, viewers[0])
    back.send(Report(viewers[0].last(Plan).braid, ["f" * 32] * STRIPES))
    assert "f" * 32 not in back.last(Plan).parents
    assert None not in back.last(Plan).parents
    assert fed_by(world, publisher) == STRIPES
