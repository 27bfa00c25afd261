"""An introducer and its peers over real WebSockets."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from signaling.core.limits import Limits
from signaling.protocol import (
    ErrorMessage,
    IceServer,
    Introduce,
    Joined,
    Leave,
    Left,
    Neighbours,
    Ping,
    Plan,
    Pong,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    Report,
    Stream,
    Unwatch,
    Watch,
    Welcome,
)
from signaling.server import Config, run
from tests.signaling_peer import Key, Peer, People

LIMITS = Limits(rate=1, burst=200, strikes=20)
pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def people() -> AsyncIterator[People]:
    ice = IceServer(["turn:example.org"], "user", "secret")
    async with (
        run(Config(port=0, limits=LIMITS, ice_servers=(ice,))) as running,
        People(running.url) as people,
    ):
        yield people


async def test_join_with_a_valid_signature(people: People) -> None:
    peer = await people.join(name="Ada")
    assert peer.welcome is not None
    assert peer.welcome.peer == peer.id
    assert peer.welcome.count == 1
    assert [entry.name for entry in peer.welcome.roster] == ["Ada"]
    assert peer.welcome.ice_servers[0].username == "user"
    await peer.send(Ping())
    await peer.expect(Pong)


async def test_hello_by_another_key_is_refused(people: People) -> None:
    peer, challenge = await people.connect()
    await peer.send(Key().hello(challenge, key=peer.key.text))
    error = await peer.refused()
    assert (error.code, error.fatal) == ("signature", True)
    assert await peer.closed() == 1008


async def test_replayed_hello_is_refused(people: People) -> None:
    first, challenge = await people.connect()
    hello = first.key.hello(challenge)
    await first.send(hello)
    await first.expect(Welcome)
    second, _ = await people.connect()
    await second.send(hello)
    assert (await second.refused()).code == "signature"


async def test_hello_for_another_room_is_refused(people: People) -> None:
    peer, challenge = await people.connect()
    await peer.send(msgspec.structs.replace(peer.key.hello(challenge), room="other"))
    assert (await peer.refused()).code == "signature"


async def test_unknown_version_is_refused_with_a_sentence(people: People) -> None:
    peer, _ = await people.connect()
    await peer.socket.send_str('{"type": "hello", "version": 7}')
    error = await peer.refused()
    assert error.code == "version"
    assert "7" in error.message
    assert await peer.closed() == 1008


async def test_first_message_has_to_be_a_hello(people: People) -> None:
    peer, _ = await people.connect()
    await peer.send(Neighbours(0))
    assert (await peer.refused()).code == "not-joined"


async def test_silent_socket_is_closed() -> None:
    config = Config(port=0, limits=Limits(hello_timeout=0.05))
    async with run(config) as running, People(running.url) as people:
        peer, _ = await people.connect()
        assert await peer.closed() == 1008


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"type": 1}', '{"type": "watch"}', "\ud7ff", "[" * 60_000]
)
async def test_malformed_message_is_answered_and_ends_the_socket(people: People, text: str) -> None:
    peer = await people.join()
    await peer.socket.send_str(text)
    error = await peer.refused()
    assert (error.code, error.fatal) == ("malformed", True)
    assert await peer.closed() == 1008


async def test_invalid_utf8_is_malformed(people: People) -> None:
    peer = await people.join()
    await peer.socket.send_bytes(b'{"type": "ping\xff"}')
    assert (await peer.refused()).code == "malformed"


async def test_oversized_message_is_answered_and_ends_the_socket(people: People) -> None:
    peer = await people.join()
    await peer.socket.send_str('{"type": "ping", "x": "' + "x" * 65_536 + '"}')
    error = await peer.refused()
    assert (error.code, error.fatal) == ("too-large", True)
    assert await peer.closed() == 1009


async def test_enormous_message_is_cut_off(people: People) -> None:
    peer = await people.join()
    await peer.socket.send_str("x" * 1_000_000)
    assert await peer.closed() == 1009


async def test_unknown_type_is_ignored(people: People) -> None:
    peer = await people.join()
    await peer.socket.send_str('{"type": "telepathy", "version": 9}')
    await peer.send(Ping())
    await peer.expect(Pong)
    assert not [message for message in peer.seen if isinstance(message, ErrorMessage)]


async def test_flood_is_slowed_down_and_then_ended(people: People) -> None:
    peer = await people.join()
    for _ in range(400):
        await peer.send(Ping())
    first = await peer.refused()
    assert (first.code, first.fatal) == ("rate", False)
    assert await peer.closed() == 1008
    assert peer.seen[-1] == ErrorMessage("rate", first.message, True, "ping")


async def test_presence_is_told(people: People) -> None:
    first = await people.join(name="Ada")
    second = await people.join(name="Bob")
    joined = await first.expect(Joined)
    assert (joined.peer, joined.name, joined.count) == (second.id, "Bob", 2)
    assert second.welcome is not None
    assert {entry.name for entry in second.welcome.roster} == {"Ada", "Bob"}
    await second.send(Leave())
    left = await first.expect(Left)
    assert (left.peer, left.count) == (second.id, 1)
    assert await second.closed() == 1000


async def test_newcomer_is_introduced_to_up_to_three(people: People) -> None:
    others = [await people.join() for _ in range(5)]
    peer = await people.join()
    introduced = await peer.expect(Introduce)
    assert len(introduced.peers) == 3
    assert {entry.peer for entry in introduced.peers} < {other.id for other in others}
    await peer.send(Neighbours(3))
    more = await peer.expect(Introduce)
    assert not {entry.peer for entry in more.peers} & {entry.peer for entry in introduced.peers}
    await peer.send(Neighbours(3))
    assert (await peer.refused()).code == "rate"


async def test_resume_keeps_the_place(people: People) -> None:
    other = await people.join()
    peer = await people.join()
    await other.expect(Joined)
    assert peer.welcome is not None
    await peer.drop()
    back = await people.join(key=peer.key, session=peer.welcome.session, name="Ada")
    assert back.welcome is not None
    assert back.welcome.session == peer.welcome.session
    assert (await other.expect(Joined)).name == "Ada"
    assert not other.seen


async def test_dropped_peer_leaves_after_the_grace() -> None:
    config = Config(port=0, limits=Limits(grace=0.05))
    async with run(config) as running, People(running.url) as people:
        other = await people.join()
        peer = await people.join()
        assert peer.welcome is not None
        await peer.drop()
        assert (await other.expect(Left)).peer == peer.id
        back = await people.join(key=peer.key, session=peer.welcome.session)
        assert back.welcome is not None
        assert back.welcome.session != peer.welcome.session


async def test_session_of_another_is_refused(people: People) -> None:
    first = await people.join()
    assert first.welcome is not None
    second, challenge = await people.connect()
    await second.send(second.key.hello(challenge, session=first.welcome.session))
    assert (await second.refused()).code == "unknown-session"
    assert await second.closed() == 1008


async def test_same_key_again_replaces_the_first(people: People) -> None:
    first = await people.join()
    second = await people.join(key=first.key)
    assert (await first.refused()).code == "duplicate"
    assert await first.closed() == 1008
    assert second.welcome is not None
    assert second.welcome.count == 1


async def test_stream_is_told_to_those_who_are_there_and_to_newcomers(people: People) -> None:
    viewer = await people.join()
    publisher = await people.join("publisher")
    await publisher.announce()
    stream = await viewer.expect(Stream)
    newcomer = await people.join()
    assert newcomer.welcome is not None
    assert newcomer.welcome.streams == [stream.description]


async def test_large_descriptions_fit_into_welcome_and_streams(people: People) -> None:
    publisher = await people.join("publisher")
    for number in range(4):
        await publisher.announce(stream=f"s{number}", padding="x" * 32_000)
    await publisher.send(Ping())
    await publisher.expect(Pong)
    newcomer = await people.join()
    assert newcomer.welcome is not None
    assert not newcomer.welcome.streams
    for _ in range(4):
        await newcomer.expect(Stream)


async def test_stream_name_belongs_to_its_first_publisher(people: People) -> None:
    first = await people.join("publisher")
    await first.announce()
    second = await people.join("publisher")
    await second.announce()
    error = await second.refused()
    assert (error.code, error.fatal, error.about) == ("refused", False, "announce")
    await first.send(Leave())
    await second.announce()
    assert (await second.refused()).code == "refused"


async def test_description_has_to_be_the_publishers_own(people: People) -> None:
    viewer = await people.join()
    await viewer.announce()
    assert (await viewer.refused()).code == "refused"
    publisher = await people.join("publisher")
    await publisher.announce(room="other")
    assert (await publisher.refused()).code == "refused"
    key = publisher.key
    publisher.key = Key()
    await publisher.announce()
    assert (await publisher.refused()).code == "refused"
    publisher.key = key
    await publisher.announce(revision=2)
    await publisher.announce(revision=1)
    assert "newer" in (await publisher.refused()).message


async def test_links_are_negotiated_through_the_introducer(people: People) -> None:
    one, other = await people.join(), await people.join()
    await one.send(one.offer(other.id))
    offer = await other.expect(RelayedOffer)
    assert (offer.sender, offer.sdp) == (one.id, "v=0")
    await other.send(other.answer(one.id))
    assert (await one.expect(RelayedAnswer)).sender == other.id
    await one.send(one.candidate(other.id))
    assert (await other.expect(RelayedCandidate)).candidate == "candidate:1"
    await one.send(one.offer("00" * 16))
    assert (await one.refused()).code == "unknown-peer"
    await one.send(one.offer(other.id, key=other.key.text))
    assert (await one.refused()).code == "refused"


async def test_peers_of_other_rooms_cannot_be_reached(people: People) -> None:
    one = await people.join()
    other, challenge = await people.connect()
    await other.send(other.key.hello(challenge, "elsewhere"))
    await other.expect(Welcome)
    await one.send(one.offer(other.id))
    assert (await one.refused()).code == "unknown-peer"


async def watching(people: People, count: int) -> tuple[Peer, list[Peer], dict[str, Plan]]:
    """A publisher and viewers with the plans that they ended up with."""
    publisher = await people.join("publisher")
    await publisher.announce()
    await publisher.send(Ping())
    await publisher.expect(Pong)
    viewers: list[Peer] = []
    for _ in range(count):
        viewer = await people.join()
        await viewer.send(Watch("main", "360p"))
        viewers.append(viewer)
        await viewer.send(Ping())
        await viewer.expect(Pong)
    return publisher, viewers, await plans(viewers)


async def plans(viewers: list[Peer]) -> dict[str, Plan]:
    """The newest plan of each."""
    newest: dict[str, Plan] = {}
    for viewer in viewers:
        await viewer.send(Ping())
        await viewer.expect(Pong)
        own = [message for message in viewer.seen if isinstance(message, Plan)]
        newest[viewer.id] = max(own, key=lambda plan: plan.sequence)
    return newest


async def test_watchers_get_plans_with_all_who_are_named(people: People) -> None:
    publisher, viewers, planned = await watching(people, 5)
    fed = [0, 0, 0, 0]
    for viewer in viewers:
        plan = planned[viewer.id]
        assert len(plan.parents) == 4
        assert None not in plan.parents
        named = {peer for peer in [*plan.parents, *plan.standbys] if peer is not None}
        assert {entry.peer for entry in plan.introductions} == named
        assert 0 < plan.slots < plan.children_limit
        for stripe, parent in enumerate(plan.parents):
            fed[stripe] += parent == publisher.id
    assert fed == [1, 1, 1, 1]


async def test_leaf_gets_no_slots(people: People) -> None:
    publisher = await people.join("publisher")
    await publisher.announce()
    viewer = await people.join()
    await viewer.send(Watch("main", "360p", carry=False))
    plan = await viewer.expect(Plan)
    assert plan.parents == [publisher.id] * 4
    assert (plan.slots, plan.children_limit) == (0, 0)


async def test_watch_before_the_stream_is_known(people: People) -> None:
    viewer = await people.join()
    await viewer.send(Watch("main", "360p"))
    publisher = await people.join("publisher")
    await publisher.announce()
    assert (await viewer.expect(Plan)).parents == [publisher.id] * 4


async def test_killed_peer_is_replaced_when_its_children_report_it(people: People) -> None:
    publisher, viewers, planned = await watching(people, 4)
    killed = viewers[0]
    await killed.drop()
    orphan = next(viewer for viewer in viewers[1:] if killed.id in planned[viewer.id].parents)
    plan = planned[orphan.id]
    parents = [None if parent == killed.id else parent for parent in plan.parents]
    await orphan.send(Report(plan.braid, parents, lost=[killed.id]))
    assert (await orphan.expect(Left)).peer == killed.id
    after = await plans(viewers[1:])
    for viewer in viewers[1:]:
        assert killed.id not in after[viewer.id].parents
        assert None not in after[viewer.id].parents
        assert killed.id not in after[viewer.id].standbys
    heads = [parent for plan in after.values() for parent in plan.parents if parent == publisher.id]
    assert len(heads) == 4


async def test_unwatch_gives_the_place_up(people: People) -> None:
    publisher, viewers, _ = await watching(people, 3)
    await viewers[0].send(Unwatch("main", "360p"))
    await viewers[0].send(Ping())
    await viewers[0].expect(Pong)
    after = await plans(viewers[1:])
    assert all(viewers[0].id not in plan.parents for plan in after.values())
    assert sum(plan.parents.count(publisher.id) for plan in after.values()) == 4


async def test_resumed_viewer_hears_its_plan_again(people: People) -> None:
    _, viewers, planned = await watching(people, 2)
    gone = viewers[0]
    assert gone.welcome is not None
    await gone.drop()
    back = await people.join(key=gone.key, session=gone.welcome.session)
    plan = await back.expect(Plan)
    assert plan.parents == planned[gone.id].parents
    assert plan.sequence > planned[gone.id].sequence
    # The nonce is another one: who is fed by it has to be introduced again.
    again = await viewers[1].expect(Plan)
    assert again.parents == planned[viewers[1].id].parents


async def test_viewers_hear_that_the_publisher_left_and_its_stream_goes(people: People) -> None:
    publisher, viewers, _ = await watching(people, 1)
    await publisher.send(Leave())
    assert (await viewers[0].expect(Left)).peer == publisher.id
    again = await people.join("publisher", publisher.key)
    await again.announce()
    assert (await viewers[0].expect(Joined)).peer == publisher.id
    assert (await viewers[0].expect(Plan)).parents == [publisher.id] * 4


async def test_restarted_introducer_adopts_the_trees_that_there_are() -> None:
    async with run(Config(port=0)) as running, People(running.url) as people:
        publisher, viewers, planned = await watching(people, 6)
    async with run(Config(port=0)) as running, People(running.url) as people:
        back: list[Peer] = []
        for viewer in reversed(viewers[1:]):
            assert viewer.welcome is not None
            peer = await people.join(key=viewer.key, session=viewer.welcome.session)
            await peer.send(Watch("main", "360p"))
            await peer.send(Report(planned[viewer.id].braid, planned[viewer.id].parents))
            back.append(peer)
        assert publisher.welcome is not None
        publisher = await people.join("publisher", key=publisher.key, session=publisher.welcome.session)
        await publisher.announce()
        late = viewers[0]
        assert late.welcome is not None
        peer = await people.join(key=late.key, session=late.welcome.session)
        await peer.send(Watch("main", "360p"))
        await peer.send(Report(planned[late.id].braid, planned[late.id].parents))
        await peer.expect(Plan)
        back.append(peer)
        for peer in back[:-1]:
            await peer.expect(Plan)
        await peer.send(Ping())
        for peer in back:
            await peer.send(Ping())
            await peer.expect(Pong)
            assert all(
                message.parents == planned[peer.id].parents
                for message in peer.seen
                if isinstance(message, Plan)
            )
        newcomer = await people.join()
        await newcomer.send(Watch("main", "360p"))
        plan = await newcomer.expect(Plan)
        assert None not in plan.parents
        assert plan.sequence > max(plan.sequence for plan in planned.values())


async def test_socket_that_takes_nothing_is_cut_off() -> None:
    limits = Limits(rate=1e6, burst=1e6)
    async with run(Config(port=0, limits=limits)) as running, People(running.url) as people:
        slow, sender = await people.join(), await people.join("publisher")
        offer = sender.offer(slow.id, sdp="x" * 32_000)
        await slow.expect(Joined)
        count = 0
        while not [message for message in sender.seen if isinstance(message, ErrorMessage)]:
            count += 1
            assert count < 5_000, "everything was taken"
            await sender.send(offer)
            if count % 50 == 0:
                await sender.send(Ping())
                await sender.expect(Pong)
        assert sender.seen[-1] == ErrorMessage(
            "unknown-peer", f"The peer {slow.id} is not in the room.", False, "offer"
        )
        async with people.http.get(f"{people.url}/metrics") as response:
            assert "braidcast_slow_sockets_total 1.0" in await response.text()
