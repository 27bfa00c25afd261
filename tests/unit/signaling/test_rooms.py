"""Sessions, presence and limits, without a socket."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.actions import NORMAL, POLICY, TOO_LARGE
from signaling.protocol import (
    Announce,
    Answer,
    Candidate,
    ErrorCode,
    ErrorMessage,
    Introduce,
    Joined,
    Leave,
    Left,
    Neighbours,
    Offer,
    Ping,
    Plan,
    Pong,
    ProtocolError,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    Report,
    Stream,
    Unwatch,
    Watch,
    Welcome,
    to_base64url,
)
from tests.unit.signaling.world import BAD, Client, World, describe


def test_no_hello_in_time_ends_the_socket() -> None:
    world = World(hello_timeout=10)
    client = world.connect("a")
    world.wait(9)
    assert client.errors == []
    world.wait(2)
    assert (client.errors, client.closed) == (["not-joined"], POLICY)


def test_silence_ends_the_socket() -> None:
    world = World(silence=90)
    client = world.join("a")
    world.wait(60)
    client.send(Ping())
    assert client.got(Pong)
    world.wait(80)
    assert client.closed is None
    world.wait(11)
    assert client.closed == POLICY


def test_wrong_signature_is_fatal() -> None:
    client = World().connect("a")
    client.hello(signature=to_base64url(BAD))
    assert (client.errors, client.closed) == (["signature"], POLICY)


def test_key_that_is_not_canonical_base64url_is_malformed() -> None:
    client = World().connect("a")
    client.hello(key="A" * 42 + "B")
    assert (client.errors, client.closed) == (["malformed"], POLICY)


def test_second_hello_on_a_socket_is_fatal() -> None:
    client = World().join("a")
    client.hello()
    assert (client.errors, client.closed) == (["duplicate"], POLICY)


def test_message_before_the_hello_is_fatal() -> None:
    client = World().connect("a")
    client.send(Ping())
    assert (client.errors, client.closed) == (["not-joined"], POLICY)


def test_malformed_and_oversized_messages_are_fatal() -> None:
    world = World()
    codes: list[tuple[ErrorCode, int]] = [("malformed", POLICY), ("too-large", TOO_LARGE)]
    for code, close in codes:
        client = world.join(code)
        world.rooms.malformed(client.number, ProtocolError(code, "No."), world.now)
        world.act()
        assert (client.errors, client.closed) == ([code], close)
    world.rooms.malformed(999, ProtocolError("malformed", "No."), world.now)
    assert not world.rooms.poll_actions()


def test_nothing_is_heard_after_the_end() -> None:
    world = World()
    client = world.join("a")
    other = world.join("b")
    world.rooms.received(client.number, Leave(), 10, world.now)
    world.rooms.received(client.number, Neighbours(0), 10, world.now)
    world.rooms.received(999, Ping(), 10, world.now)
    world.act()
    assert client.closed == NORMAL
    assert other.last(Left).peer == client.id


def test_rate_is_limited_by_number_and_by_size() -> None:
    world = World(rate=1, burst=10, strikes=3)
    client = world.join("a")
    for _ in range(9):
        client.send(Ping())
    assert client.errors == []
    client.send(Ping())
    assert client.errors == ["rate"]
    world.wait(1)
    client.send(None)
    assert client.errors == ["rate"]
    for _ in range(3):
        client.send(Candidate("0" * 32, "0" * 16, "x" * 2_000))
    assert client.last(ErrorMessage).fatal
    assert client.closed == POLICY


def test_room_takes_so_many_peers_and_the_server_so_many_rooms() -> None:
    world = World(peers_per_room=2, rooms=1)
    world.join("a")
    world.join("b")
    late = world.connect("c")
    late.hello()
    assert (late.errors, late.closed) == (["room-full"], POLICY)
    elsewhere = world.connect("d")
    elsewhere.hello(room="other")
    assert elsewhere.errors == ["room-full"]
    world.join("a")
    assert world.rooms.peers == 2


def test_empty_room_is_forgotten() -> None:
    world = World(rooms=1)
    world.join("a").send(Leave())
    assert not world.rooms.rooms
    publisher = world.join("p", "publisher", room="other")
    publisher.announce(room="other")
    publisher.send(Leave())
    assert list(world.rooms.rooms) == ["other"], "a stream keeps its name for the grace"
    world.wait(21)
    assert not world.rooms.rooms


def test_dropped_peer_keeps_its_place_for_the_grace() -> None:
    world = World(grace=20)
    first, other = world.join("a"), world.join("b")
    session = first.last(Welcome).session
    first.drop()
    world.wait(19)
    assert not other.got(Left)
    back = world.connect("a")
    back.hello(session=session, name="Ada")
    assert back.last(Welcome).session == session
    assert other.last(Joined).name == "Ada"
    back.drop()
    world.wait(21)
    assert other.last(Left).peer == first.id


def test_resume_takes_over_from_a_socket_that_seems_alive() -> None:
    world = World()
    first = world.join("a")
    second = world.connect("a")
    second.hello(session=first.last(Welcome).session)
    assert first.closed == NORMAL
    assert first.errors == []
    assert second.last(Welcome).count == 1
    second.send(Ping())
    assert second.got(Pong)


def test_session_in_another_role_is_a_new_start() -> None:
    world = World()
    first = world.join("a")
    session = first.last(Welcome).session
    second = world.join("a", "publisher", session=session)
    assert second.last(Welcome).session != session
    assert first.errors == ["duplicate"]


def test_session_of_another_peer_is_not_taken_over() -> None:
    world = World()
    first, thief = world.join("a"), world.connect("b")
    thief.hello(session=first.last(Welcome).session)
    assert thief.errors == ["unknown-session"]
    assert first.closed is None


def test_socket_that_was_never_opened_closes_quietly() -> None:
    world = World()
    world.rooms.disconnected(999, world.now)
    assert world.rooms.poll_actions() == []


def test_same_key_anew_replaces_a_dropped_peer_quietly() -> None:
    world = World()
    first, other = world.join("a"), world.join("b")
    first.drop()
    again = world.join("a")
    assert again.last(Welcome).count == 2
    assert other.last(Left).peer == other.last(Joined).peer == first.id
    world.wait(30)
    assert again.closed is None
    assert world.rooms.peers == 2


def test_dropped_peer_that_another_misses_is_gone_at_once() -> None:
    world = World()
    killed, other, third = world.join("a"), world.join("b"), world.join("c")
    other.send(Report("0" * 16, [None], lost=[killed.id]))
    assert not third.got(Left), "its socket is open: it is not gone"
    killed.drop()
    other.send(Report("0" * 16, [None], failed=[killed.id, killed.id]))
    assert third.last(Left).peer == killed.id
    world.wait(30)
    assert len(third.got(Left)) == 1


def test_large_room_hears_of_publishers_and_relays_only() -> None:
    world = World(roster=3)
    first = world.join("a")
    for name in "bcd":
        world.join(name)
    assert len(first.got(Joined)) == 2
    relay = world.join("r", "relay")
    assert first.last(Joined).peer == relay.id
    late = world.join("e")
    welcome = late.last(Welcome)
    assert welcome.count == 6
    assert len(welcome.roster) == 3
    assert [entry.peer for entry in welcome.roster[:2]] == [late.id, relay.id]
    relay.send(Leave())
    assert first.last(Left).peer == relay.id
    late.send(Leave())
    assert first.last(Left).peer == relay.id


def test_roster_of_long_names_fits_a_frame() -> None:
    world = World(roster=200)
    for number in range(199):
        world.join(f"{number:03}" + "\U0001f9ff" * 61)
    welcome = world.join("late").last(Welcome)
    assert 60 < len(welcome.roster) < 200


def test_peer_without_links_is_neither_introduced_nor_planned() -> None:
    world = World()
    off = world.join("off", capabilities=["no-links"])
    viewer = world.join("a")
    assert not viewer.got(Introduce)
    assert not off.got(Introduce)
    off.send(Neighbours(0))
    assert not off.got(Introduce)
    world.join("p", "publisher").announce()
    off.watch()
    assert off.errors == ["refused"]


def test_neighbours_of_one_who_left_are_introduced_to_each_other() -> None:
    world = World()
    middle = world.join("middle")
    one, other = world.join("one"), world.join("other")
    friends = {entry.peer for entry in other.last(Introduce).peers}
    assert friends == {middle.id, one.id}
    third = world.join("third")
    assert len(third.last(Introduce).peers) == 3
    middle.send(Leave())
    assert len(one.got(Introduce)) == 1, "they know each other already"


def test_neighbours_of_one_who_does_not_come_back_at_once_get_others_before_it_is_forgotten() -> None:
    """Whoever was killed counted as a neighbour for twenty seconds, and newcomers were named nobody else."""
    world = World()
    peers = [world.join(f"p{number}") for number in range(9)]
    gone = peers[4]
    before = {peer.id: len(peer.got(Introduce)) for peer in peers}
    gone.drop()
    world.wait(1.0)
    assert all(len(peer.got(Introduce)) == before[peer.id] for peer in peers), "it may be back at once"
    world.wait(1.5)
    newcomer = world.join("newcomer")
    assert gone.id not in {entry.peer for entry in newcomer.last(Introduce).peers}
    assert len(newcomer.last(Introduce).peers) == 3


def test_one_who_comes_back_keeps_its_neighbours_whether_it_opens_links_or_not() -> None:
    world = World()
    first, off = world.join("first"), world.join("off", capabilities=["no-links"])
    for peer in (first, off):
        session = peer.last(Welcome).session
        capabilities = ["no-links"] if peer is off else []
        peer.drop()
        world.wait(3.0)
        back = world.join(peer.name, session=session, capabilities=capabilities)
        assert back.last(Welcome).session == session
    second = world.join("second")
    assert {entry.peer for entry in second.last(Introduce).peers} == {first.id}


def test_introduction_that_was_lost_with_the_socket_is_made_again_on_the_next() -> None:
    """Whoever took a name at once joined again; what was on its way to it was lost, and it stayed alone."""
    world = World()
    first = world.join("first")
    second = world.join("second")
    named = second.last(Introduce)
    assert [entry.peer for entry in named.peers] == [first.id]
    second = world.join("second", session=second.last(Welcome).session)
    assert second.last(Introduce) == named
    assert not first.got(Introduce), "it is the newcomer who opens the link"


def test_one_who_is_away_for_a_moment_opens_the_link_to_a_newcomer_when_it_is_back() -> None:
    world = World()
    first = world.join("first")
    session = first.last(Welcome).session
    first.drop()
    second = world.join("second")
    assert not second.got(Introduce)
    first = world.join("first", session=session)
    assert [entry.peer for entry in first.last(Introduce).peers] == [second.id]
    second = world.join("second", session=second.last(Welcome).session)
    assert not second.got(Introduce)


def test_peer_without_any_link_is_named_those_again_whom_it_should_have() -> None:
    world = World()
    first, second = world.join("first"), world.join("second")
    world.wait(5)
    for peer, other in ((first, second), (second, first)):
        before = len(peer.got(Introduce))
        peer.send(Neighbours(1))
        assert len(peer.got(Introduce)) == before, "it knows everybody"
        world.wait(5)
        peer.send(Neighbours(0))
        assert [entry.peer for entry in peer.got(Introduce)[before].peers] == [other.id]


def test_peer_gets_more_neighbours_but_not_twice_in_a_second() -> None:
    world = World()
    peers = [world.join(f"p{number}") for number in range(9)]
    first = peers[0]
    first.send(Neighbours(0))
    known = len(first.got(Introduce))
    assert known > 0
    first.send(Neighbours(0))
    assert (first.errors, len(first.got(Introduce))) == (["rate"], known)


def test_peer_without_links_leaves_no_gap_between_others() -> None:
    world = World()
    off, viewer = world.join("off", capabilities=["no-links"]), world.join("a")
    off.send(Leave())
    assert viewer.last(Left).peer == off.id
    assert not viewer.got(Introduce)


def test_away_peers_are_not_introduced_or_reached() -> None:
    world = World()
    away, one = world.join("a"), world.join("b")
    away.drop()
    late = world.join("c")
    assert {entry.peer for entry in late.last(Introduce).peers} == {one.id}
    one.send(Candidate(away.id, "0" * 16, ""))
    assert one.errors == ["unknown-peer"]
    one.send(Candidate(one.id, "0" * 16, ""))
    assert one.errors == ["unknown-peer"] * 2
    one.send(Candidate(late.id, "0" * 16, ""))
    assert late.last(RelayedCandidate).sender == one.id


def test_offer_with_a_key_that_is_none_is_refused() -> None:
    world = World()
    one, other = world.join("a"), world.join("b")
    one.send(Offer(other.id, "0" * 16, "A" * 42 + "B", "A" * 22, "v=0", "A" * 86))
    assert one.errors == ["refused"]


def test_offer_and_answer_reach_the_other_as_they_were_signed() -> None:
    world = World()
    one, other = world.join("a"), world.join("b")
    key, other_key, nonce, signature = to_base64url(one.key), to_base64url(other.key), "A" * 22, "A" * 86
    one.send(Offer(other.id, "0" * 16, key, nonce, "v=0 offer", signature))
    other.send(Answer(one.id, "0" * 16, other_key, nonce, "v=0 answer", signature))
    assert other.got(RelayedOffer) == [RelayedOffer(one.id, "0" * 16, key, nonce, "v=0 offer", signature)]
    assert one.got(RelayedAnswer) == [
        RelayedAnswer(other.id, "0" * 16, other_key, nonce, "v=0 answer", signature)
    ]


def test_offer_with_the_key_of_another_is_refused() -> None:
    world = World()
    one, other, third = world.join("a"), world.join("b"), world.join("c")
    one.send(Offer(other.id, "0" * 16, to_base64url(third.key), "A" * 22, "v=0", "A" * 86))
    assert one.errors == ["refused"]
    assert not other.got(RelayedOffer)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": BAD}, "signature"),
        ({"version": 2}, "version"),
        ({"room": "other"}, "refused"),
        ({"state": "asleep"}, "malformed"),
        ({"stream": "/etc"}, "malformed"),
        ({"renditions": [{"id": "a", "bandwidth": 0, "stripes": 4}]}, "malformed"),
        ({"renditions": [{"id": "a", "bandwidth": 1, "stripes": 4}] * 2}, "malformed"),
    ],
)
def test_description_that_is_wrong_is_refused(changes: dict[str, object], code: str) -> None:
    publisher = World().join("p", "publisher")
    publisher.announce(**changes)
    assert publisher.errors == [code]


def test_description_that_is_no_canonical_text_is_malformed() -> None:
    publisher = World().join("p", "publisher")
    publisher.send(Announce("A" * 130 + "B"))
    assert publisher.errors == ["malformed"]


def test_viewer_announces_no_stream() -> None:
    viewer = World().join("v")
    viewer.announce()
    assert viewer.errors == ["refused"]


def test_description_of_another_publisher_is_not_announced_for_it() -> None:
    world = World()
    viewer, publisher, other = world.join("v"), world.join("p", "publisher"), world.join("q", "publisher")
    publisher.send(Announce(describe(other.key)))
    assert publisher.errors == ["refused"]
    assert not viewer.got(Stream)


def test_newer_description_replaces_the_older_and_the_same_is_not_told_twice() -> None:
    world = World()
    viewer, publisher = world.join("a"), world.join("p", "publisher")
    publisher.announce()
    publisher.announce()
    assert len(viewer.got(Stream)) == 1
    publisher.announce(revision=2, state="ended")
    assert len(viewer.got(Stream)) == 2
    publisher.announce(revision=1)
    assert publisher.errors == ["refused"]
    publisher.announce(epoch=2, revision=0)
    assert len(viewer.got(Stream)) == 3


def test_stream_name_is_free_after_the_grace() -> None:
    world = World(grace=20)
    viewer, first, second = world.join("v"), world.join("p", "publisher"), world.join("q", "publisher")
    first.announce()
    first.drop()
    world.wait(21)
    assert viewer.last(Left).peer == first.id
    second.announce()
    assert second.errors == ["refused"], "it has left only now"
    world.wait(20)
    second.announce()
    assert second.errors == ["refused"]
    assert viewer.last(Stream).description == describe(second.key)


def test_publisher_that_comes_back_in_time_keeps_its_name() -> None:
    world = World(grace=20)
    publisher, viewer = world.join("p", "publisher"), world.join("v")
    publisher.announce()
    publisher.send(Leave())
    world.wait(10)
    publisher = world.join("p", "publisher")
    publisher.announce()
    assert len(viewer.got(Stream)) == 2
    world.wait(30)
    assert world.join("late").last(Welcome).streams


def test_room_has_so_many_streams() -> None:
    publisher = World(streams_per_room=2).join("p", "publisher")
    for name in ("a", "b", "c"):
        publisher.announce(stream=name)
    assert publisher.errors == ["refused"]


def test_newcomer_hears_of_more_streams_than_fit_its_welcome() -> None:
    world = World()
    publisher = world.join("p", "publisher")
    names = [f"s{number}" for number in range(16)]
    for name in names:
        publisher.announce(stream=name, note="x" * 2_500)
    assert publisher.errors == []
    late = world.join("late")
    told = late.last(Welcome).streams
    assert 1 < len(told) < 16
    assert [*told, *(stream.description for stream in late.got(Stream))] == [
        describe(publisher.key, stream=name, note="x" * 2_500) for name in names
    ]


def test_peer_watches_so_many_renditions_and_no_stream_of_its_own() -> None:
    world = World(watches_per_peer=2)
    viewer, publisher = world.join("v"), world.join("p", "publisher")
    for name in ("a", "b", "b", "c"):
        viewer.watch(stream=name)
    assert viewer.errors == ["refused"]
    viewer.send(Unwatch("a", "360p"))
    viewer.send(Unwatch("never", "360p"))
    viewer.watch(stream="c")
    assert viewer.errors == ["refused"]
    publisher.announce()
    publisher.watch()
    assert publisher.errors == ["refused"]


class Chaos:
    """Peers that do anything at any time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(seed, rate=1e6, burst=1e6, rooms=2, peers_per_room=12, streams_per_room=3)
        self.clients: list[Client] = []
        self.sessions: list[str] = ["none"]

    def step(self) -> None:
        chance, world = self.chance, self.world
        self.clients = [client for client in self.clients if client.closed is None]
        if chance.random() < 0.3 or not self.clients:
            client = world.connect(f"c{chance.randrange(20)}")
            client.hello(
                role=chance.choice(["viewer", "viewer", "relay", "publisher", "member"]),
                room=chance.choice(["demo", "demo", "demo", "other"]),
                session=chance.choice([None, *self.sessions[-20:]]),
                nonce=to_base64url(chance.randbytes(16)),
                capabilities=chance.choice([[], [], ["no-links"]]),
            )
            self.sessions += [welcome.session for welcome in client.got(Welcome)]
            self.clients.append(client)
            return
        client = chance.choice(self.clients)
        other = chance.choice(self.clients)
        ids = [each.id for each in self.clients]
        match chance.randrange(12):
            case 0:
                client.send(Leave())
            case 1:
                self.clients.remove(client)
                client.drop()
            case 2 | 3:
                client.announce(
                    epoch=chance.randrange(3),
                    stream=chance.choice("ab"),
                    renditions=[
                        {"id": name, "bandwidth": 10**6, "stripes": chance.choice([4, 4, 4, 2])}
                        for name in chance.sample("xyz", 2)
                    ],
                )
            case 4 | 5 | 6:
                uplink = chance.choice([None, 0, 10**6, 10**8])
                client.send(Watch(chance.choice("ab"), chance.choice("xyz"), chance.random() < 0.8, uplink))
            case 7:
                client.send(Unwatch(chance.choice("ab"), chance.choice("xyz")))
            case 8 | 9:
                plans = client.got(Plan)
                braid = chance.choice(plans).braid if plans else "0" * 16
                parents = [chance.choice([None, "f" * 32, *ids]) for _ in range(chance.choice([4, 4, 2, 16]))]
                lost = chance.sample(ids, chance.randrange(min(3, len(ids))))
                client.send(Report(braid, parents, lost=lost, failed=lost[:1], rtt={other.id: 0.1}, sent=5))
            case 10:
                client.send(Neighbours(1))
            case 11:
                client.send(Candidate(other.id, "0" * 16, ""))

    def check(self) -> None:
        rooms = self.world.rooms
        assert rooms.peers == sum(len(room.members) for room in rooms.rooms.values())
        for room in rooms.rooms.values():
            for member in room.members.values():
                assert member.socket is None or member.socket in self.world.clients
                assert len(member.reports) <= 8


@given(st.integers(0, 2**32), st.integers(1, 120))
def test_core_survives_whatever_peers_do(seed: int, steps: int) -> None:
    chaos = Chaos(seed)
    for _ in range(steps):
        chaos.step()
        chaos.check()
        if chaos.chance.random() < 0.2:
            chaos.world.wait(chaos.chance.choice([0.5, 3.0, 10.0, 40.0]))
            chaos.check()
    for client in list(chaos.world.clients.values()):
        client.drop()
    chaos.world.wait(120)
    assert not chaos.world.rooms.rooms
    assert chaos.world.rooms.peers == 0
    assert chaos.world.rooms.next_timer() is None
