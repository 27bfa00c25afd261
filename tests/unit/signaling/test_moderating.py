"""The introducer carries out what those who may have signed, and believes nobody's word."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from signaling.chat_header import ChatHeader, message_id, room_hash
from signaling.checkpoint import CHECKPOINT, Checkpoint, write_checkpoint
from signaling.core.actions import POLICY
from signaling.core.moderating import KICKED_FOR, MAX_KICKED, MAX_MEASURES
from signaling.measures import MEASURE, Measure, write_measure
from signaling.protocol import ErrorMessage, Left, Moderate, SignedMeasure, to_base64url
from tests.unit.signaling.world import BAD, GOOD, Client, World


class Pen:
    """Writes the measures of a room, each after all others."""

    def __init__(self, room: str = "demo") -> None:
        self._room = room
        self._last: bytes | None = None
        self._clock = 0

    def write(
        self, author: Client, measure: Measure, signature: bytes = GOOD, **changes: Any
    ) -> SignedMeasure:
        after = () if self._last is None else (self._last,)
        if isinstance(measure, Checkpoint):
            body = write_checkpoint(replace(measure, after=after))
        else:
            body = write_measure(replace(measure, after=after, last=(), reason=""))
        self._clock += 1
        fields = {
            "kind": CHECKPOINT if isinstance(measure, Checkpoint) else MEASURE,
            "room": room_hash(self._room),
            "author": author.key,
            "clock": self._clock,
            "time": 0,
            "follows": after,
            "body_length": len(body),
            "body_hash": hashlib.sha256(body).digest(),
        }
        header = ChatHeader(**(fields | changes)).encode()  # type: ignore[arg-type]
        if signature == GOOD and not changes:
            self._last = message_id(header)
        return SignedMeasure(to_base64url(header), to_base64url(signature), to_base64url(body))


def room() -> tuple[World, Client, Client, Client, Pen]:
    """The owner comes first, and says so."""
    world = World()
    owner = world.connect("owner")
    owner.hello(owner=to_base64url(owner.key))
    return world, owner, world.join("ada"), world.join("mallory"), Pen()


def test_banned_peer_is_out_and_does_not_come_in_again() -> None:
    world, owner, ada, mallory, pen = room()
    owner.send(Moderate([pen.write(owner, Measure("ban", subject=mallory.key))]))
    assert mallory.got(ErrorMessage)[-1].message == "You are banned from this room."
    assert (mallory.errors, mallory.closed) == (["refused"], POLICY)
    assert [left.peer for left in ada.got(Left)] == [mallory.id]
    again = world.connect("mallory")
    again.hello()
    assert (again.errors, again.closed) == (["refused"], POLICY)
    for client in (owner, ada):
        client.drop()
    world.wait(60)
    assert world.rooms.rooms == {}
    later = world.connect("mallory")
    later.hello()
    assert later.errors == ["refused"]
    owner = world.join("owner")
    owner.send(Moderate([pen.write(owner, Measure("unban", subject=mallory.key))]))
    world.join("mallory")


def test_kicked_peer_may_come_back_after_a_while() -> None:
    world, owner, _, mallory, pen = room()
    owner.send(Moderate([pen.write(owner, Measure("kick", subject=mallory.key))]))
    assert mallory.closed == POLICY
    again = world.connect("mallory")
    again.hello()
    assert again.got(ErrorMessage)[-1].message.startswith("You were removed from this room")
    owner.send(Moderate([pen.write(owner, Measure("slow", seconds=number)) for number in range(2)]))
    world.wait(KICKED_FOR + 1)
    world.join("mallory")


def test_measure_about_somebody_who_is_away_waits_for_that_peer() -> None:
    world, owner, _, _, pen = room()
    stranger = hashlib.sha256(b"stranger").digest()
    owner.send(Moderate([pen.write(owner, Measure("ban", subject=stranger))]))
    later = world.connect("stranger")
    later.hello()
    assert later.errors == ["refused"]
    dropped = world.join("dropped")
    dropped.drop()
    owner.send(Moderate([pen.write(owner, Measure("ban", subject=dropped.key))]))
    assert dropped.id not in world.rooms.rooms["demo"].members


def test_moderator_is_believed_by_its_grant_alone() -> None:
    _, owner, ada, mallory, pen = room()
    ban = Pen().write(ada, Measure("ban", subject=mallory.key))
    ada.send(Moderate([ban]))
    assert (ada.errors, mallory.closed) == (["refused"], None)
    ada.send(
        Moderate(
            [
                pen.write(owner, Measure("grant", subject=ada.key, role="moderator")),
                pen.write(ada, Measure("ban", subject=mallory.key)),
            ]
        )
    )
    assert mallory.closed == POLICY
    owner.send(Moderate([pen.write(owner, Measure("revoke", subject=ada.key, role="moderator"))]))
    ada.send(Moderate([pen.write(ada, Measure("ban", subject=owner.key))]))
    assert ada.errors == ["refused", "refused"]


def test_nobody_takes_over_a_room_that_is_there_already() -> None:
    world = World()
    ada = world.join("ada")
    mallory = world.connect("mallory")
    mallory.hello(owner=to_base64url(mallory.key))
    mallory.send(Moderate([Pen().write(mallory, Measure("ban", subject=ada.key))]))
    assert mallory.got(ErrorMessage)[-1].message == "Nobody has said who owns this room when it began."
    assert (mallory.errors, ada.closed) == (["refused"], None)
    for client in (ada, mallory):
        client.drop()
    world.wait(60)
    owner = world.connect("owner")
    owner.hello(owner=to_base64url(owner.key))
    other = world.connect("mallory")
    other.hello(owner=to_base64url(other.key))
    other.send(Moderate([Pen().write(other, Measure("ban", subject=owner.key))]))
    assert other.errors == ["refused"]
    assert owner.closed is None


def test_room_in_which_nothing_was_done_may_get_another_owner() -> None:
    world, *clients, pen = room()
    for client in clients:
        assert isinstance(client, Client)
        client.drop()
    world.wait(60)
    other = world.connect("other")
    other.hello(owner=to_base64url(other.key))
    other.send(Moderate([pen.write(other, Measure("unlock"))]))
    assert other.errors == []


def test_key_of_an_owner_that_is_none_owns_nothing() -> None:
    world = World()
    client = world.connect("a")
    client.hello(owner="A" * 42 + "B")
    client.send(Moderate([]))
    assert client.errors == ["refused"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"signature": BAD}, "signature"),
        ({"room": room_hash("other")}, "refused"),
        ({"kind": 1}, "malformed"),
        ({"body_hash": bytes(32)}, "malformed"),
    ],
)
def test_forged_and_foreign_measures_are_refused(change: dict[str, Any], code: str) -> None:
    _, owner, _, mallory, pen = room()
    owner.send(Moderate([pen.write(owner, Measure("ban", subject=mallory.key), **change)]))
    assert (owner.errors, mallory.closed) == ([code], None)


@pytest.mark.parametrize("header", ["AAAA", "A"])
def test_bytes_that_are_no_measure_are_refused(header: str) -> None:
    _, owner, _, _, pen = room()
    true = pen.write(owner, Measure("unlock"))
    owner.send(Moderate([SignedMeasure(header, true.signature, true.body)]))
    assert owner.errors == ["malformed"]


def test_measure_is_taken_once_whoever_tells_it() -> None:
    world, owner, _, mallory, pen = room()
    kick = pen.write(owner, Measure("kick", subject=mallory.key))
    owner.send(Moderate([kick]))
    world.wait(KICKED_FOR + 1)
    back, ada = world.join("mallory"), world.join("ada")
    ada.send(Moderate([kick]))
    assert (ada.errors, back.closed) == ([], None)


def test_what_is_remembered_of_rooms_is_bounded() -> None:
    world = World(moderated_rooms=2)
    for name in ("one", "two", "three"):
        client = world.connect(name)
        client.hello(room=name, owner=to_base64url(client.key))
    assert list(world.rooms._moderated) == ["two", "three"]
    world, owner, _, _, pen = room()
    for number in range(MAX_MEASURES + 1):
        key = hashlib.sha256(b"%d" % number).digest()
        owner.send(Moderate([pen.write(owner, Measure("kick", subject=key))]))
        world.wait(0.1)
    assert len(world.rooms._moderated["demo"]._kicked) == MAX_KICKED
    assert owner.errors == ["refused"]
    assert len(world.rooms._moderated["demo"].moderation) == MAX_MEASURES


def test_checkpoint_takes_the_place_of_measures_and_makes_room_for_more() -> None:
    world, owner, _, mallory, pen = room()
    for _ in range(MAX_MEASURES):
        owner.send(Moderate([pen.write(owner, Measure("slow"))]))
    settled = (MAX_MEASURES - 1, bytes(32), bytes(32))
    checkpoint = Checkpoint("checkpoint", settled=settled, banned=(mallory.key,))
    owner.send(Moderate([pen.write(owner, checkpoint), pen.write(owner, Measure("slow", seconds=5))]))
    assert owner.errors == []
    again = world.connect("mallory")
    again.hello()
    assert again.errors == ["refused"]
    late = Pen()
    owner.send(Moderate([late.write(owner, Measure("unban", subject=mallory.key))]))
    assert owner.errors == []  # that was settled, and is nothing to complain of
    again = world.connect("mallory")
    again.hello()
    assert again.errors == ["refused"]
