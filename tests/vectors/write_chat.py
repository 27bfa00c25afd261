"""Writes the traces of the chat log: `python -m tests.vectors.write_chat`.

Each file holds the set-up of one log and its steps: an event with its arguments (bytes as hex) and `now`,
then the actions that must follow and the time of the next timer; in the end its texts in order, and what it
counted. Both languages replay them. A log talks to others in memory, or to what a scene says that they send.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from peer import wire
from peer.core.actions import Verify
from peer.core.chat_acts import KINDS, Act, Delete, Edit, Reaction, write_act
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatAction, ChatLog
from peer.core.chat_message import ChatError, Draft, Entry, Place, message_id
from peer.core.chat_places import Places, fingerprint
from peer.core.chat_recall import Erase, Forget, Keep, KeepMeasure, Lookup, LookupBefore, Recall, StoreAction
from peer.core.shared_file import SharedFile
from peer.identity import Identity
from peer.signing import TAG_CHAT
from peer.wire_ranges import Comparison, Range, write_comparison, write_ranges
from signaling.binary import to_base64url
from signaling.chat_header import ChatHeader
from signaling.checkpoint import CHECKPOINT
from signaling.measures import MEASURE, Measure, Verb, write_measure
from tests.unit.peer.core.chat_network import (
    ROOM,
    WALL,
    ChatNetwork,
    Kept,
    Node,
    chain,
    identity,
    signed,
    text_message,
)
from tests.unit.peer.core.moderated_days import OWNER, long_day, moderated
from tests.unit.peer.core.test_chat_convergence import heal

FOLDER = Path(__file__).parent / "chat"
Json: TypeAlias = Any

ADA, BOB, EVE = identity("ada"), identity("bob"), identity("eve")


def plain(value: Any) -> Json:
    """`value` with bytes as hex digits and actions as objects with a type."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Entry | SharedFile):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if dataclasses.is_dataclass(value):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__.lower(), **fields}
    return value


def as_hex(draft: Draft) -> list[str]:
    return [draft.header.hex(), draft.body.hex()]


def as_data(messages: list[wire.ChatMessage]) -> list[str]:
    return [wire.encode(message).hex() for message in messages]


class RecordedLog(ChatLog):
    """A log that writes down what happens to it."""

    def __init__(
        self,
        room: str,
        key: bytes,
        limits: ChatLimits | None = None,
        *,
        stored: bool = False,
        owner: bytes | None = None,
    ) -> None:
        super().__init__(room, key, limits, stored=stored, owner=owner)
        self._stored = stored
        self._owner = owner
        self.steps: list[Json] = []
        self._key_hex = key.hex()
        self._given = limits or ChatLimits()
        self._waiting: list[ChatAction] = []
        self._depth = 0

    def _record(self, event: str, now: float, call: Callable[[], Any], **arguments: Json) -> Any:
        self._depth += 1
        try:
            return call()
        except ChatError as error:
            arguments["error"] = str(error)
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:  # else the log calls itself
                actions = super().poll_actions()
                self._waiting += actions
                done = {"actions": [plain(action) for action in actions], "timer": self.next_timer()}
                self.steps.append({"event": event, "now": now, **arguments, **done})

    def link_opened(self, peer: bytes, now: float, company: int = 1) -> None:
        opened, fields = super().link_opened, {"peer": peer.hex(), "company": company}
        self._record("link_opened", now, lambda: opened(peer, now, company), **fields)

    def link_closed(self, peer: bytes, now: float) -> None:
        closed = super().link_closed
        self._record("link_closed", now, lambda: closed(peer, now), peer=peer.hex())

    def received(self, peer: bytes, message: wire.OfChat, now: float) -> None:
        received, data = super().received, wire.encode(message).hex()
        self._record("received", now, lambda: received(peer, message, now), peer=peer.hex(), data=data)

    def verified(self, token: int, ok: bool, now: float) -> None:
        verified = super().verified
        self._record("verified", now, lambda: verified(token, ok, now), token=token, ok=ok)

    def compose(
        self,
        text: str,
        name: str,
        wall_ms: int,
        now: float,
        reply: bytes | None = None,
        file: SharedFile | None = None,
    ) -> Draft:
        compose = super().compose
        fields = {"text": text, "name": name, "wall_ms": wall_ms, "reply": plain(reply), "file": plain(file)}
        draft: Draft = self._record(
            "compose", now, lambda: compose(text, name, wall_ms, now, reply, file), **fields
        )
        self.steps[-1]["draft"] = as_hex(draft)
        return draft

    def compose_act(self, act: Act, wall_ms: int, now: float) -> Draft:
        compose, fields = super().compose_act, {"act": plain(act), "wall_ms": wall_ms}
        draft: Draft = self._record("compose_act", now, lambda: compose(act, wall_ms, now), **fields)
        self.steps[-1]["draft"] = as_hex(draft)
        return draft

    def compose_measure(self, measure: Measure, wall_ms: int, now: float) -> Draft:
        compose, fields = super().compose_measure, {"measure": plain(measure), "wall_ms": wall_ms}
        draft: Draft = self._record("compose_measure", now, lambda: compose(measure, wall_ms, now), **fields)
        self.steps[-1]["draft"] = as_hex(draft)
        return draft

    def said(self, draft: Draft, signature: bytes, now: float) -> Entry:
        said, fields = super().said, {"draft": as_hex(draft), "signature": signature.hex()}
        entry: Entry = self._record("said", now, lambda: said(draft, signature, now), **fields)
        return entry

    def compose_checkpoint(self, keep: int, wall_ms: int, now: float) -> Draft:
        compose = super().compose_checkpoint
        draft: Draft = self._record(
            "compose_checkpoint", now, lambda: compose(keep, wall_ms, now), keep=keep, wall_ms=wall_ms
        )
        self.steps[-1]["draft"] = as_hex(draft)
        return draft

    def done(self, draft: Draft, signature: bytes, now: float) -> None:
        done, fields = super().done, {"draft": as_hex(draft), "signature": signature.hex()}
        self._record("done", now, lambda: done(draft, signature, now), **fields)

    def restore(
        self,
        messages: Iterable[wire.ChatMessage],
        before: Place | None,
        forgotten: Place | None,
        measures: Iterable[wire.ChatMessage] = (),
        places: Iterable[Place] = (),
    ) -> None:
        restore, kept, ruled, others = super().restore, list(messages), list(measures), list(places)
        fields = {"before": plain(before), "forgotten": plain(forgotten), "measures": as_data(ruled)}
        fields["places"] = [plain(place) for place in others]
        self._record(
            "restore",
            0.0,
            lambda: restore(kept, before, forgotten, ruled, others),
            messages=as_data(kept),
            **fields,
        )

    def forgotten(self, place: Place) -> None:
        forgotten = super().forgotten
        self._record("forgotten", 0.0, lambda: forgotten(place), place=plain(place))

    def recalled(self, token: int, messages: list[wire.ChatMessage], now: float) -> None:
        recalled, found = super().recalled, as_data(messages)
        self._record("recalled", now, lambda: recalled(token, messages, now), token=token, messages=found)

    def looked_up(self, token: int, ids: tuple[bytes, ...], now: float) -> None:
        looked_up = super().looked_up
        self._record("looked_up", now, lambda: looked_up(token, ids, now), token=token, ids=plain(ids))

    def ask_before(self, ids: tuple[bytes, ...], now: float) -> bool:
        ask = super().ask_before
        return bool(self._record("ask_before", now, lambda: ask(ids, now), ids=plain(ids)))

    def ask_missing(self, ids: tuple[bytes, ...], now: float) -> bool:
        ask = super().ask_missing
        return bool(self._record("ask_missing", now, lambda: ask(ids, now), ids=plain(ids)))

    def handle_timer(self, now: float) -> None:
        handle_timer = super().handle_timer
        self._record("handle_timer", now, lambda: handle_timer(now))

    def poll_actions(self) -> list[ChatAction]:
        actions, self._waiting = self._waiting, []
        return actions

    def trace(self) -> Json:
        limits = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self._given).items()
            if value != getattr(ChatLimits(), name)
        }
        return {
            "setup": {
                "room": ROOM,
                "key": self._key_hex,
                "limits": limits,
                "stored": self._stored,
                "owner": plain(self._owner),
            },
            "steps": self.steps,
            "messages": [plain(entry) for entry in self.messages()],
            "counters": dataclasses.asdict(self.counters),
        }


class Scene:
    """A log between two peers that send what the scene says; a store that is given answers at once."""

    def __init__(
        self, limits: ChatLimits | None = None, kept: Kept | None = None, owner: Identity | None = None
    ) -> None:
        key = None if owner is None else owner.key
        self.log = RecordedLog(ROOM, ADA.key, limits, stored=kept is not None, owner=key)
        self.kept = kept or Kept()
        if kept is not None:
            kept.restore(self.log, self.log.limits.messages)
        self.now = 0.0
        for peer in (BOB.id, EVE.id):
            self.log.link_opened(peer, self.now)

    def receive(self, peer: bytes, *messages: wire.OfChat, ok: bool = True) -> None:
        for message in messages:
            self.now += 0.01
            self.log.received(peer, message, self.now)
            self.check(ok=ok)

    def check(self, *, ok: bool = True) -> None:
        while actions := self.log.poll_actions():
            for action in actions:
                if isinstance(action, Verify):
                    self.log.verified(action.token, ok, self.now)
                elif isinstance(action, StoreAction):
                    self.store(action)

    def store(self, action: StoreAction) -> None:
        match action:
            case Keep():
                self.kept.keep(action)
            case KeepMeasure(message):
                self.kept.keep_measure(message)
            case Erase(target, author):
                self.kept.erase(target, author)
            case Forget(place):
                self.kept.forget(place)
            case Recall(token, ids):
                found = [self.kept.messages[id].message for id in self.kept.find(ids)]
                self.log.recalled(token, found, self.now)
            case Lookup(token, ids):
                self.log.looked_up(token, self.kept.find(ids), self.now)
            case LookupBefore(token, ids, count):
                self.log.looked_up(token, self.kept.before(ids, count), self.now)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (timer := self.log.next_timer()) is not None and timer <= end:
            self.now = max(self.now, timer)
            self.log.handle_timer(self.now)
            self.check()
        self.now = end

    def say(
        self, text: str, name: str = "ada", reply: bytes | None = None, file: SharedFile | None = None
    ) -> Entry:
        draft = self.log.compose(text, name, WALL + int(self.now * 1000), self.now, reply, file)
        return self.log.said(draft, ADA.sign(TAG_CHAT, draft.header), self.now)

    def settle(self, keep: int) -> None:
        draft = self.log.compose_checkpoint(keep, WALL + int(self.now * 1000), self.now)
        self.log.done(draft, ADA.sign(TAG_CHAT, draft.header), self.now)
        self.check()

    def rule(self, measure: Measure) -> None:
        draft = self.log.compose_measure(measure, WALL + int(self.now * 1000), self.now)
        self.log.done(draft, ADA.sign(TAG_CHAT, draft.header), self.now)

    def do(self, act: Act) -> None:
        draft = self.log.compose_act(act, WALL + int(self.now * 1000), self.now)
        self.log.done(draft, ADA.sign(TAG_CHAT, draft.header), self.now)


def number(message: wire.ChatMessage) -> bytes:
    return message_id(message.header)


def have(messages: list[wire.ChatMessage]) -> wire.ChatHave:
    return wire.ChatHave(tuple(map(number, messages)))


def want(messages: list[wire.ChatMessage]) -> wire.ChatWant:
    return wire.ChatWant(tuple(map(number, messages)))


def texts_of_every_sort() -> RecordedLog:
    scene = Scene()
    for text in ('quote " and \\', "line\nbreak\ttab \x01\x1f\x7f\u2028", "Grüße, 世界 🎉", "x" * 8000):
        scene.say(text, "Ada 🎈")
    for text, name in (("", ""), ("  ", ""), ("🎉" * 8000, ""), ("x" * 8001, ""), ("hi", "n" * 65)):
        try:
            scene.say(text, name)
        except ChatError:
            continue  # what is recorded is the sentence
    bodies = [
        b'{"text":"extra fields","name":"","later":[1.5e99,{"a":null}]}',
        b'{"name":"twice","text":"first","text":"second"}',
        b'{"text":"\\ud83c\\udf89","name":"pair"}',
        b'{"text":"\\ud83c","name":"half a character"}',
        b'{"text":"no name"}',
        b'{"text":"","name":"empty"}',
        b'{"text":1,"name":"number"}',
        b'["text"]',
        b"null",
        b'{"text":NaN,"name":""}',
        b'\xef\xbb\xbf{"text":"byte order mark","name":""}',
        b'{"text":"\xff","name":""}',
        b"",
    ]
    for place, body in enumerate(bodies):
        scene.receive(BOB.id, text_message(BOB, body=body, time=WALL + place))
    return scene.log


def files_that_messages_tell_of() -> RecordedLog:
    scene = Scene()
    good = {"id": "ab" * 32, "name": "a.png", "size": "7", "type": "image/png"}
    scene.say("look", file=SharedFile(b"\xab" * 32, "Grüße 🎈.png", 2**31, "image/svg+xml"))
    changes: list[Json] = [
        {},
        {"later": 1},
        {"name": "x" * 255},
        {"name": "🎈" * 255},
        {"id": "AB" * 32},
        {"id": 7},
        {"name": ""},
        {"name": "x" * 256},
        {"name": "../passwd"},
        {"name": ".."},
        {"name": "a\\b"},
        {"name": "gpj.\u202eexe"},
        {"name": "bell\u0007"},
        {"name": ["a"]},
        {"size": 7},
        {"size": "0"},
        {"size": "07"},
        {"size": "-7"},
        {"size": "7\n"},
        {"size": "\u0667"},
        {"size": str(2**31)},
        {"size": str(2**31 + 1)},
        {"size": "9" * 30},
        {"type": "image"},
        {"type": "Image/png"},
        {"type": "image/png; q=1"},
        {"type": "image/png\n"},
        {"type": "x/" + "y" * 63},
        {"type": "x/" + "y" * 64},
        {"type": None},
    ]
    bodies: list[Json] = [{"text": "t", "name": "n", "file": {**good, **change}} for change in changes]
    no_files: list[Json] = [None, "a.png", [good], {}]
    bodies += [{"text": "t", "name": "n", "file": file} for file in no_files]
    for place, body in enumerate(bodies):
        raw = json.dumps(body).encode()
        scene.receive(BOB.id, text_message(BOB, body=raw, time=WALL + place))
    return scene.log


def breaches() -> RecordedLog:
    scene = Scene()
    true = text_message(BOB)
    body = true.body or b""
    scene.receive(EVE.id, true, ok=False)
    scene.receive(EVE.id, text_message(BOB, room="other"))
    scene.receive(EVE.id, wire.ChatMessage(true.header, true.signature, body.replace(b"hello", b"hullo")))
    for clock, follows in ((0, ()), (2, ()), (1, (b"\x01" * 32,)), (9, (b"\x01" * 32,) * 2)):
        scene.receive(EVE.id, text_message(EVE, clock=clock, follows=follows))
    scene.receive(BOB.id, true)
    scene.receive(EVE.id, true)
    return scene.log


def forged_copy_overtakes_the_true_one() -> RecordedLog:
    scene = Scene()
    first, second = chain(BOB, 2)
    scene.receive(BOB.id, second)
    scene.log.received(EVE.id, first, scene.now)
    scene.log.received(BOB.id, first, scene.now)
    scene.check(ok=False)
    scene.receive(BOB.id, first)
    scene.wait(1)
    return scene.log


def clocks_that_do_not_fit() -> RecordedLog:
    scene = Scene()
    first = text_message(BOB)
    scene.receive(BOB.id, first)
    scene.receive(EVE.id, text_message(EVE, clock=3, follows=(number(first),)))
    scene.wait(11)
    scene.receive(EVE.id, text_message(EVE, clock=1_000_002, follows=(b"\x01" * 32,)))
    scene.receive(EVE.id, text_message(EVE, clock=1_000_001, follows=(b"\x01" * 32,)))
    scene.wait(10)
    scene.say("after the gap")
    return scene.log


def missing_messages_are_asked_for() -> RecordedLog:
    scene = Scene()
    past = chain(BOB, 6)
    scene.receive(BOB.id, past[1])
    scene.wait(3.5)
    scene.receive(EVE.id, past[0])
    scene.receive(BOB.id, past[3])
    scene.receive(BOB.id, wire.ChatMessage(past[2].header, past[2].signature, None))
    scene.log.link_closed(EVE.id, scene.now)
    scene.wait(10)
    scene.receive(BOB.id, past[5])
    scene.log.link_opened(EVE.id, scene.now)
    scene.receive(EVE.id, have(past))
    scene.receive(EVE.id, past[4], past[2])
    scene.wait(10)
    return scene.log


def newcomer_and_its_answers() -> RecordedLog:
    scene = Scene(ChatLimits(newest=4, answers=(1_500, 800), owed=8))
    past = chain(BOB, 12, clock=70_000)
    scene.receive(BOB.id, have(past))
    scene.receive(EVE.id, have(past[2:]))
    scene.receive(BOB.id, *past)
    scene.say("hello, all")
    scene.receive(EVE.id, want(past))
    scene.receive(EVE.id, want(past[5:6]))
    scene.wait(20)
    scene.receive(EVE.id, want(past[5:6]))
    scene.receive(BOB.id, *chain(EVE, 3))
    scene.wait(20)
    return scene.log


def bounds_of_memory_and_rates() -> RecordedLog:
    scene = Scene(
        ChatLimits(
            messages=6,
            bytes=4_000,
            waiting=8,
            peer_waiting=5,
            own=(2, 1),
            author=(4, 1),
            author_history=(5, 1),
            link=(12, 1),
            remembered=4,
        )
    )
    bob = chain(BOB, 14)
    scene.receive(BOB.id, *bob[:8])
    scene.wait(2)
    scene.receive(BOB.id, bob[8])
    scene.receive(BOB.id, bob[7], bob[6], bob[5], bob[4])
    scene.receive(EVE.id, *[text_message(identity(f"{place}")) for place in range(8)])
    scene.receive(EVE.id, *chain(EVE, 16)[3::2])
    scene.wait(20)
    for text in ("one", "two", "three"):
        try:
            scene.say(text)
        except ChatError:
            continue  # what is recorded is the sentence
    scene.receive(EVE.id, have(chain(EVE, 9)))
    scene.receive(EVE.id, *chain(EVE, 9))
    scene.wait(40)
    return scene.log


def unknown_kind() -> RecordedLog:
    scene = Scene()
    message = text_message(BOB, kind=7, body=b"\x00\x01")
    scene.receive(BOB.id, message)
    scene.receive(EVE.id, want([message]))
    scene.say("it is followed all the same")
    return scene.log


def early_words() -> RecordedLog:
    log = RecordedLog(ROOM, ADA.key)
    draft = log.compose("before any link", "ada", WALL, 0.0)
    entry = log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)
    log.link_opened(BOB.id, 1.0)
    log.received(BOB.id, wire.ChatWant((entry.id,)), 1.1)
    log.received(BOB.id, signed(BOB, log.compose("not by bob", "", WALL, 1.2)), 1.2)
    return log


def kept_of(messages: list[wire.ChatMessage]) -> Kept:
    kept = Kept()
    for message in messages:
        header = ChatHeader.parse(message.header)
        kept.keep(Keep((header.clock, header.author, number(message)), message, True))
    return kept


def history_beyond_memory() -> RecordedLog:
    past = chain(BOB, 40)
    scene = Scene(ChatLimits(messages=10, newest=6, answers=(3_000, 1_000), owed=8), kept_of(past))
    scene.receive(EVE.id, want(past[:12]), wire.ChatBefore(have(past[34:35]).ids))
    scene.receive(EVE.id, wire.ChatBefore(have(past[31:32]).ids), wire.ChatBefore((bytes(32),)))
    scene.wait(20)
    scene.receive(EVE.id, have(past[:3]), past[2], text_message(EVE, clock=9, follows=have(past[7:8]).ids))
    scene.receive(BOB.id, text_message(EVE, "twice the clock", clock=18, follows=have(past[7:8]).ids))
    scene.say("hello")
    scene.log.forgotten((34, BOB.key, number(past[33])))
    scene.receive(EVE.id, past[20])
    fresh = chain(EVE, 9, clock=60)
    scene.receive(EVE.id, have(fresh[6:]), *fresh[6:])
    scene.log.ask_missing(fresh_follows(fresh[6]), scene.now)
    scene.receive(BOB.id, wire.ChatPage(()))
    scene.receive(EVE.id, wire.ChatPage(have(fresh[:6]).ids), *fresh[:6])
    scene.wait(20)
    return scene.log


def fresh_follows(message: wire.ChatMessage) -> tuple[bytes, ...]:
    return ChatHeader.parse(message.header).follows


def pages_of_others() -> RecordedLog:
    past = chain(BOB, 30)
    scene = Scene(ChatLimits(messages=12, newest=6))
    scene.receive(BOB.id, have(past[24:]), *past[24:])
    shown = have(past[24:25]).ids
    scene.log.ask_before(shown, scene.now)
    scene.log.ask_before(shown, scene.now)
    scene.wait(3.5)
    scene.receive(EVE.id, wire.ChatPage((*have(past[12:24]).ids, *shown)), *past[13:24])
    scene.wait(5)
    scene.log.ask_before(have(past[12:13]).ids, scene.now)
    scene.log.link_closed(BOB.id, scene.now)
    scene.receive(EVE.id, wire.ChatPage(have(past[:13]).ids), *past[:12])
    scene.log.ask_before(have(past[:1]).ids, scene.now)
    scene.receive(EVE.id, wire.ChatPage(have(past[:1]).ids))
    scene.check()
    return scene.log


def day(seed: int, limits: ChatLimits | None = None, *, stored: bool = False) -> RecordedLog:
    """One of five logs among which links come and go."""
    chance = Random(seed)
    network = ChatNetwork(seed, check_delay=0.05)
    kept = [Kept() if stored else None for _ in range(5)]
    nodes = [RecordedNode(network, f"peer {place}", limits, kept[place]) for place in range(5)]
    for here, there in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        network.connect(here, there)
    for place in range(90):
        a, b = chance.sample(nodes, 2)
        verb = chance.choices(["say", "cut", "link", "wait"], [5, 2, 2, 4])[0]
        if verb == "say":
            a.say(f"{place}")
        elif verb == "cut":
            network.disconnect(a, b)
        elif verb == "link":
            network.connect(a, b)
        else:
            network.run(chance.choice([0.02, 0.1, 0.5, 4.0]))
    for here, there in pairwise(nodes):
        network.connect(here, there)
    if nodes[2].limits.crowd == 1:
        network.run(15.0)  # waves never come to rest
    else:
        network.rest()
    log = nodes[2].log
    assert isinstance(log, RecordedLog)
    return log


class RecordedNode(Node):
    def new_log(self, limits: ChatLimits | None) -> RecordedLog:
        owner = None if self.network.owner is None else self.network.owner.key
        return RecordedLog(ROOM, self.identity.key, limits, stored=self.kept is not None, owner=owner)


def moderated_day(
    seed: int, place: int, limits: ChatLimits | None = None, checkpoints: int = 0
) -> RecordedLog:
    """The log of one of five people in a room with an owner and moderators."""
    network = ChatNetwork(seed, check_delay=0.02, owner=OWNER)
    names = ["owner", *(f"peer {number}" for number in range(1, 5))]
    nodes: list[Node] = [RecordedNode(network, name, limits, Kept()) for name in names]
    heal(network, nodes)
    moderated(network, nodes, long_day(Random(seed), checkpoints))
    heal(network, nodes)
    log = nodes[place].log
    assert isinstance(log, RecordedLog)
    return log


def measures_of_every_sort() -> RecordedLog:
    scene = Scene(kept=Kept(), owner=ADA)
    first = text_message(BOB)
    scene.receive(BOB.id, first)
    scene.rule(Measure("grant", subject=EVE.key, role="moderator"))
    scene.rule(Measure("slow", seconds=30, reason="calm down"))
    scene.rule(Measure("delete", subject=BOB.key, target=number(first)))
    scene.rule(Measure("ban", subject=BOB.key, reason="Grüße 🎈"))
    refused = (
        Measure("kick", subject=ADA.key),
        Measure("mute", subject=ADA.key),
    )
    for measure in refused:
        try:
            scene.rule(measure)
        except ChatError:
            continue  # what is recorded is the sentence
    bob, eve, id = (text.hex() for text in (BOB.key, EVE.key, number(first)))
    values: list[Json] = [
        {"act": "ban", "subject": bob},
        {"act": "ban", "subject": bob, "last": [[1.0, id], [4294967295, id]], "later": 1e99},
        {"act": "ban", "subject": bob, "last": [[1.5, id]]},
        {"act": "ban", "subject": bob, "last": [[-1, id]]},
        {"act": "ban", "subject": bob, "last": [[True, id]]},
        {"act": "ban", "subject": bob, "last": [[1, id]] * 9},
        {"act": "ban", "subject": bob, "last": [[1]]},
        {"act": "ban", "subject": bob, "last": {}},
        {"act": "ban", "subject": bob, "after": [id, id]},
        {"act": "ban", "subject": bob, "after": [bob] * 9},
        {"act": "ban", "subject": bob, "after": 1},
        {"act": "ban", "subject": bob, "reason": "x" * 201},
        {"act": "ban", "subject": bob, "reason": 1},
        {"act": "ban", "subject": bob, "reason": "\ud83c"},
        {"act": "ban", "subject": bob.upper()},
        {"act": "ban"},
        {"act": "lock", "role": "member", "subject": bob},
        {"act": "lock", "role": "owner"},
        {"act": "lock"},
        {"act": "delete", "subject": bob},
        {"act": "slow", "seconds": 3601},
        {"act": "slow", "seconds": "5"},
        {"act": "slow"},
        {"act": "hang", "subject": bob},
        {"act": 7},
        [],
    ]
    for place, value in enumerate(values):
        body = json.dumps(value).encode()
        scene.receive(EVE.id, text_message(EVE, kind=MEASURE, body=body, time=WALL + place))
    scene.receive(EVE.id, text_message(EVE, kind=MEASURE, body=b'{"act":"slow","x":"' + b"x" * 4096 + b'"}'))
    grant = next(iter(scene.kept.measures))
    after = {"after": [grant.hex()]}
    known: list[Json] = [
        {"act": "mute", "subject": eve},
        {"act": "slow", "seconds": 2},
        {"act": "unban", "subject": bob},
    ]
    for place, value in enumerate(known):
        body = json.dumps({**value, **after}).encode()
        scene.receive(
            EVE.id, text_message(EVE, kind=MEASURE, body=body, clock=9, follows=(grant,), time=WALL + place)
        )
    unknown = json.dumps({"act": "unlock", "after": [grant.hex(), "07" * 32]}).encode()
    scene.receive(EVE.id, text_message(EVE, kind=MEASURE, body=unknown, clock=9, follows=(grant,)))
    scene.wait(10)
    return scene.log


def checkpoints_of_oneself(*, restarted: bool = False) -> RecordedLog:
    """The owner settles the log, twice; then the program ends, and begins again with what it had kept."""
    scene = Scene(kept=Kept(), owner=ADA)
    scene.receive(BOB.id, *chain(BOB, 5))
    for attempt in (200, 5):
        try:
            scene.settle(attempt)
        except ChatError:
            continue  # what is recorded is the sentence
    people = [identity(f"guest {place}").key for place in range(4)]
    verbs: list[Verb] = ["ban", "mute", "ban", "mute"]
    for key, verb in zip(people, verbs, strict=True):
        scene.rule(Measure(verb, subject=key))
    for measure in (
        Measure("unban", subject=people[2]),
        Measure("grant", subject=EVE.key, role="moderator"),
        Measure("grant", subject=BOB.key, role="member"),
        Measure("lock", role="member"),
        Measure("slow", seconds=7),
    ):
        scene.rule(measure)
    scene.wait(5)
    scene.say("seen by all")
    scene.settle(3)
    scene.rule(Measure("unmute", subject=people[1]))
    scene.rule(Measure("revoke", subject=BOB.key, role="member"))
    scene.wait(30)
    scene.settle(0)
    scene.wait(30)
    scene.receive(EVE.id, text_message(EVE, "long ago"))
    scene.receive(EVE.id, text_message(EVE, "forged", clock=8, follows=(bytes(32),)))
    # What was out when the checkpoint was taken may still lie there.
    lost = write_measure(Measure("lock", (b"\x07" * 32,), role="member"))
    scene.kept.keep_measure(text_message(EVE, kind=MEASURE, body=lost, clock=99, follows=(bytes(32),)))
    again = Scene(kept=scene.kept, owner=ADA)
    again.say("and goes on")
    again.settle(0)
    return again.log if restarted else scene.log


def checkpoints_of_every_sort() -> RecordedLog:
    """Bodies of checkpoints, right and wrong; what the last of them says is in force."""
    scene = Scene(owner=OWNER)
    id, key, text = "07" * 32, EVE.key, text_message(BOB)
    scene.receive(BOB.id, text)
    keys = to_base64url(key + BOB.key)
    place: Json = [1, "ff" * 32, id]
    values: list[Json] = [
        [],
        {},
        {"settled": [1, id]},
        {"settled": [1.5, id, id]},
        {"settled": [-1, id, id]},
        {"settled": ["1", id, id]},
        {"settled": [1, "7", id]},
        {"settled": [1, id, None]},
        {"settled": place, "after": [id, id]},
        {"settled": place, "slow": 3601},
        {"settled": place, "slow": None},
        {"settled": place, "lock": "guest"},
        {"settled": place, "lock": 1},
        {"settled": place, "banned": "AA"},
        {"settled": place, "banned": keys + "="},
        {"settled": place, "banned": to_base64url(key + key)},
        {"settled": place, "muted": [key.hex()]},
        {"settled": place, "known": None},
        {"settled": place, "members": "ä"},
        {"settled": place, "moderators": keys[:-1] + "_"},
        {"settled": [9, id, id]},
    ]
    right = [
        {"settled": [1.0, "00" * 32, id], "lock": None, "banned": to_base64url(key), "later": 1e99},
        {
            "settled": place,
            "known": to_base64url(bytes(32)),
            "moderators": keys,
            "muted": keys,
            "lock": "member",
        },
        {
            "settled": [2, id, id],
            "known": to_base64url(bytes(32)),
            "members": to_base64url(key),
            "slow": 9,
            "banned": "",
        },
    ]
    for clock, value in enumerate([*values, *right], start=2):
        body = json.dumps(value).encode()
        message = text_message(
            OWNER, kind=CHECKPOINT, body=body, clock=min(clock, 9), follows=(bytes(32),), time=WALL + clock
        )
        scene.receive(EVE.id, message)
    body = json.dumps(right[1]).encode()
    scene.receive(EVE.id, text_message(BOB, kind=CHECKPOINT, body=body, clock=9, follows=(number(text),)))
    scene.receive(
        EVE.id, text_message(EVE, "before it"), text_message(EVE, "behind it", clock=9, follows=(bytes(32),))
    )
    scene.say("first behind it")
    scene.wait(40)
    return scene.log


def measures_that_a_checkpoint_comes_after() -> RecordedLog:
    """They come later than it, and what follows it later still; what names one that nobody knows is out."""
    network = ChatNetwork(owner=OWNER)
    owner, bob, eve = (network.add(name) for name in ("owner", "bob", "eve"))
    heal(network, [owner, bob, eve])
    settled = owner.rule("mute", eve)
    bob.say("before")
    network.rest()
    appointed = owner.rule("grant", bob, role="moderator")
    network.rest()
    made = owner.settle(1)
    network.rest()
    ruled = bob.rule("ban", eve)
    network.rest()
    said = bob.say("behind")
    network.rest()
    every = {message.id: message.signed for message in bob.log._history}
    scene = Scene(owner=OWNER)
    lost = write_measure(Measure("unban", (b"\x07" * 32,), EVE.key))
    scene.receive(BOB.id, every[said.id], every[ruled])
    scene.receive(
        EVE.id, every[made], text_message(BOB, kind=MEASURE, body=lost, clock=9, follows=(said.id,))
    )
    scene.receive(BOB.id, every[appointed], every[ruled], every[said.id])
    scene.wait(60)
    assert settled not in every
    return scene.log


def people_who_are_held_back() -> RecordedLog:
    scene = Scene(owner=OWNER)
    rules: list[wire.ChatMessage] = []

    def ruled(verb: Verb, **fields: Any) -> None:
        after = tuple(number(rule) for rule in rules[-1:])
        measure = Measure(verb, after, **fields)
        follows = () if not rules else after
        rules.append(
            text_message(
                OWNER, kind=MEASURE, body=write_measure(measure), clock=len(rules) + 1, follows=follows
            )
        )
        scene.receive(BOB.id, rules[-1])

    def tries(reply: bytes | None = None) -> None:
        for attempt in (lambda: scene.say("may I?"), lambda: scene.do(Reaction(number(text), "👍", True))):
            try:
                attempt()
            except ChatError:
                continue

    text = text_message(BOB)
    scene.receive(BOB.id, text)
    for verb, fields in (
        ("lock", {"role": "member"}),
        ("grant", {"role": "member", "subject": ADA.key}),
        ("lock", {"role": "moderator"}),
        ("unlock", {}),
        ("mute", {"subject": ADA.key}),
        ("unmute", {"subject": ADA.key}),
        ("slow", {"seconds": 20}),
        ("kick", {"subject": BOB.key}),
        ("revoke", {"role": "member", "subject": ADA.key}),
        ("ban", {"subject": ADA.key}),
        ("delete", {"subject": BOB.key, "target": number(text)}),
    ):
        ruled(verb, **fields)  # type: ignore[arg-type]
        tries()
        scene.wait(21)
    try:
        scene.rule(Measure("slow", seconds=1))
    except ChatError:
        pass
    scene.receive(EVE.id, text_message(EVE, kind=MEASURE, body=write_measure(Measure("unlock"))))
    late = json.dumps({"text": "late", "name": "", "after": [number(rules[9]).hex()]}).encode()
    scene.receive(EVE.id, text_message(ADA, body=late, clock=11, follows=(number(rules[9]),)))
    scene.receive(EVE.id, text_message(ADA, "not knowing", clock=11, follows=(number(rules[8]),)))
    scene.log.link_opened(EVE.id, scene.now)
    scene.check()
    return scene.log


def act_message(
    author: Identity, act: Act, follows: wire.ChatMessage, *, later: int = 0, body: bytes | None = None
) -> wire.ChatMessage:
    return text_message(
        author,
        kind=KINDS[type(act)],
        body=write_act(act) if body is None else body,
        clock=ChatHeader.parse(follows.header).clock + 1,
        follows=(number(follows),),
        time=WALL + later,
    )


def bare(message: wire.ChatMessage) -> wire.ChatMessage:
    return wire.ChatMessage(message.header, message.signature, None)


def acts_of_every_sort() -> RecordedLog:
    scene = Scene(kept=Kept())
    first = scene.say("the frist word")
    reply = scene.say("an answer", reply=first.id)
    scene.do(Edit(first.id, "the first word"))
    for emoji, on in (("👍", True), ("👩‍👩‍👧", True), ("👍", False), ("👍", True), ("🎉", False)):
        scene.do(Reaction(reply.id, emoji, on))
    scene.do(Delete(first.id))
    for act in (
        Edit(first.id, "too late"),
        Edit(reply.id, " "),
        Edit(reply.id, "x" * 8001),
        Reaction(reply.id, "a space", True),
        Reaction(reply.id, "", True),
        Reaction(reply.id, "x" * 17, True),
    ):
        try:
            scene.do(act)
        except ChatError:
            continue  # what is recorded is the sentence
    text = text_message(BOB)
    scene.receive(BOB.id, text)
    for forbidden in (Edit(number(text), "not mine"), Delete(number(text))):
        try:
            scene.do(forbidden)
        except ChatError:
            continue
    target = number(text).hex().encode()
    edit, delete, reaction = (
        Edit(number(text), "edited"),
        Delete(number(text)),
        Reaction(number(text), "👀", True),
    )
    bodies: list[tuple[Act, bytes]] = [
        (edit, b'{"target":"' + target + b'","text":""}'),
        (edit, b'{"target":"' + target.upper() + b'","text":"upper case"}'),
        (edit, b'{"target":"' + target + b'","text":7}'),
        (delete, b'{"target":"' + target[2:] + b'"}'),
        (delete, b'{"target":7}'),
        (delete, b"[]"),
        (reaction, b'{"target":"' + target + b'","emoji":"\xf0\x9f\x91\x80","on":1}'),
        (reaction, b'{"target":"' + target + b'","emoji":"\x7f","on":true}'),
    ]
    for place, (kind, body) in enumerate(bodies):
        scene.receive(BOB.id, act_message(BOB, kind, text, later=place, body=body))
    others: tuple[Act, ...] = (edit, delete)
    for other in others:
        scene.receive(EVE.id, act_message(EVE, other, text))
    scene.receive(EVE.id, act_message(EVE, reaction, text))
    scene.receive(
        BOB.id, act_message(BOB, edit, text, later=20), act_message(BOB, Edit(number(text), "b"), text)
    )
    return scene.log


def deleted_words_are_passed_on_without_their_body() -> RecordedLog:
    scene = Scene(kept=Kept())
    first, second, third = chain(BOB, 3)
    edit, delete = (
        act_message(BOB, Edit(number(first), "edited"), second),
        act_message(BOB, Delete(number(first)), third),
    )
    scene.receive(BOB.id, first, second, edit, third, delete)
    scene.receive(EVE.id, want([first, edit]), first)
    late = act_message(BOB, Edit(number(first), "late"), third, later=1)
    scene.receive(BOB.id, late)
    early, kept_back = text_message(EVE, "early", time=WALL + 1), text_message(EVE, "kept back")
    scene.receive(BOB.id, bare(early), act_message(EVE, Delete(number(early)), early))
    scene.receive(BOB.id, bare(early))
    scene.receive(EVE.id, have([kept_back]))
    scene.receive(EVE.id, bare(kept_back))
    scene.receive(BOB.id, bare(kept_back))
    scene.receive(BOB.id, bare(kept_back), have([kept_back]))
    scene.receive(BOB.id, bare(kept_back))
    scene.wait(4)
    scene.receive(BOB.id, have([kept_back]), kept_back)
    scene.receive(BOB.id, kept_back)
    return scene.log


def acts_before_what_they_are_done_to() -> RecordedLog:
    scene = Scene()
    past = chain(BOB, 40)
    acts = [
        act_message(BOB, Edit(number(past[0]), "edited"), past[30]),
        act_message(BOB, Delete(number(past[2])), past[30]),
    ]
    acts.append(act_message(EVE, Reaction(number(past[1]), "👍", True), past[30]))
    scene.receive(BOB.id, have(past[35:]), *past[35:])
    scene.wait(11)
    scene.log.ask_before((number(past[35]),), scene.now)
    scene.check()
    scene.receive(BOB.id, wire.ChatPage(tuple(map(number, [*past[20:31], *acts, *past[31:36]]))))
    scene.receive(BOB.id, *past[20:31], *acts, *past[31:35])
    scene.log.ask_before((number(past[20]),), scene.now)
    scene.check()
    scene.receive(BOB.id, wire.ChatPage(tuple(map(number, past[:21]))))
    scene.receive(BOB.id, *past[:20])
    return scene.log


def tree_loses_and_gains_branches() -> RecordedLog:
    scene = Scene(ChatLimits(feeders=1, graft_again=0.2))
    dan, past = identity("dan").id, chain(BOB, 8)
    scene.log.link_opened(dan, scene.now, 100)
    scene.receive(BOB.id, past[0])
    scene.receive(EVE.id, past[0])
    scene.receive(dan, past[0])
    scene.receive(BOB.id, past[1])
    scene.receive(EVE.id, wire.ChatNews((number(past[1]), number(past[2]))))
    scene.receive(dan, wire.ChatNews((number(past[2]),)))
    scene.wait(0.1)
    scene.receive(EVE.id, past[2])
    scene.receive(BOB.id, past[2])
    scene.receive(dan, wire.ChatGraft((number(past[2]),)))
    scene.receive(EVE.id, past[3])
    for peer in (dan, EVE.id, BOB.id):
        scene.receive(peer, wire.ChatNews((number(past[4]),)))
    scene.wait(0.1)
    scene.log.link_closed(dan, scene.now)
    scene.wait(4)
    scene.receive(BOB.id, past[4])
    for peer in (BOB.id, EVE.id):
        scene.receive(peer, wire.ChatPrune((number(past[4]),)))
    scene.say("to somebody at least")
    scene.receive(EVE.id, past[5])
    scene.receive(EVE.id, wire.ChatPrune(()))
    scene.receive(BOB.id, past[5])
    scene.wait(1)
    scene.log.link_opened(dan, scene.now, 100)
    scene.receive(BOB.id, past[6])
    scene.wait(1)
    return scene.log


def waves_of_a_root() -> RecordedLog:
    scene = Scene(ChatLimits(crowd=1, remembered=2))
    dan, past = identity("dan").id, chain(BOB, 8)

    def wave(peer: bytes, number: int, hops: int, root: bytes = bytes(16), generation: int = 0) -> None:
        scene.receive(peer, wire.ChatRoot(generation, root, number, hops))

    scene.log.link_opened(dan, scene.now, 100)
    scene.receive(BOB.id, past[0])
    scene.wait(5)
    wave(dan, 0, 1, bytes([255]) * 16)
    wave(BOB.id, 0, 3)
    wave(EVE.id, 0, 3)
    wave(dan, 0, 4)
    scene.receive(dan, wire.ChatGraft(()))
    scene.receive(BOB.id, past[1])
    scene.receive(BOB.id, wire.ChatPrune(()))
    scene.receive(EVE.id, past[1])
    scene.wait(1)
    for message in past[2:5]:  # what is late again and again
        scene.receive(EVE.id, wire.ChatNews((number(message),)))
        scene.wait(0.1)
        scene.receive(EVE.id, message)
        scene.receive(BOB.id, message)
    wave(EVE.id, 1, 2)
    scene.wait(0.05)
    wave(BOB.id, 1, 1)
    scene.wait(1)
    for count in range(20):
        wave(dan, 2 + count, 2)
    wave(EVE.id, 18, 2)
    scene.wait(1)
    wave(BOB.id, 18, 3, generation=2**32 - 1)
    scene.log.link_closed(EVE.id, scene.now)
    scene.say("along the tree")
    scene.wait(8)
    wave(dan, 3, 64, generation=1)
    wave(dan, 3, 0, dan, generation=1)
    wave(BOB.id, 3, 1, dan, generation=1)
    scene.log.link_closed(dan, scene.now)
    scene.wait(2)
    scene.log.link_opened(EVE.id, scene.now, 2)
    scene.log.link_closed(EVE.id, scene.now)
    wave(BOB.id, 3, 1, dan, generation=3)
    scene.log.link_opened(EVE.id, scene.now, 0)
    scene.wait(10)
    scene.receive(BOB.id, past[5])
    return scene.log


def logs_that_are_compared() -> RecordedLog:
    past = chain(BOB, 150)
    here = [*past[:50], *past[53:]]
    kept = Kept()
    for message in here:
        header = ChatHeader.parse(message.header)
        kept.keep(Keep((header.clock, header.author, number(message)), message, header.clock != 54))
    scene = Scene(ChatLimits(messages=120, newest=20, compare_again=(1, 15.0), comparisons=(9, 0.5)), kept)

    def key(place: int) -> bytes:
        return (place + 1).to_bytes(4, "big") + BOB.key + number(past[place])

    def places(of: list[wire.ChatMessage], horizon: bytes) -> Places:
        found = Places(1_000)
        found.restore((ChatHeader.parse(m.header).clock, BOB.key, number(m)) for m in of)
        found.horizon = horizon
        return found

    def compare(of: list[wire.ChatMessage], horizon: bytes, begins: bool = False) -> wire.ChatCompare:
        theirs = places(of, horizon)
        all_of = theirs.fingerprint(theirs.span(horizon, None))
        return wire.ChatCompare(
            write_comparison(Comparison(begins, fingerprint([]), theirs.last(20), horizon, all_of))
        )

    def ranges(*listed: Range) -> wire.ChatRanges:
        return wire.ChatRanges(write_ranges(list(listed)))

    scene.receive(BOB.id, compare(here, bytes(68)))
    scene.receive(BOB.id, compare(past, bytes(68)))
    scene.receive(BOB.id, compare(past, key(80)))
    scene.receive(EVE.id, compare(past[:130], key(80)))
    scene.receive(EVE.id, compare([], bytes(68), begins=True))
    scene.receive(EVE.id, ranges(Range(b"", 1, b"\x07" * 16)))
    scene.receive(EVE.id, ranges(Range(key(40), 1, b"\x07" * 16), Range(key(70))))
    short = tuple(number(message)[:8] for message in past[40:70])
    scene.receive(EVE.id, ranges(Range(key(40), 2, shorts=short), Range(key(70), 0)))
    scene.receive(EVE.id, have(past[50:53]), *past[50:53])
    scene.receive(EVE.id, ranges(Range(key(40), 3, shorts=short[:2]), Range(key(70), 2)))
    scene.receive(EVE.id, want(past[40:42]))
    for _ in range(3):
        scene.receive(EVE.id, ranges(Range(b"", 2)))
    scene.receive(BOB.id, ranges(Range(b"", 2)))
    scene.wait(16)
    scene.log.forgotten((90, BOB.key, number(past[89])))
    late = identity("late").id
    scene.log.link_opened(late, scene.now)
    scene.check()
    scene.receive(late, compare(past, bytes(68)))
    scene.receive(late, ranges(Range(key(60), 1, b"\x07" * 16), Range(key(100), 2)))
    scene.say("and so on")
    scene.receive(late, ranges(Range(b"", 2, shorts=(b"\x07" * 8,))))
    scene.receive(BOB.id, wire.ChatCompare(b"\x00"))
    scene.receive(EVE.id, wire.ChatRanges(b"\x00"))
    scene.wait(40)
    return scene.log


SCENES: dict[str, Callable[[], RecordedLog]] = {
    scene.__name__: scene
    for scene in (
        texts_of_every_sort,
        files_that_messages_tell_of,
        breaches,
        forged_copy_overtakes_the_true_one,
        clocks_that_do_not_fit,
        missing_messages_are_asked_for,
        newcomer_and_its_answers,
        bounds_of_memory_and_rates,
        unknown_kind,
        early_words,
        history_beyond_memory,
        pages_of_others,
        acts_of_every_sort,
        deleted_words_are_passed_on_without_their_body,
        acts_before_what_they_are_done_to,
        measures_of_every_sort,
        people_who_are_held_back,
        checkpoints_of_every_sort,
        measures_that_a_checkpoint_comes_after,
        tree_loses_and_gains_branches,
        waves_of_a_root,
        logs_that_are_compared,
    )
} | {
    "links_come_and_go": lambda: day(1),
    "links_come_and_go_again": lambda: day(2),
    "links_come_and_go_with_little_memory": lambda: day(3, ChatLimits(messages=8, newest=5)),
    "moderated_by_others": lambda: moderated_day(1, 3),
    "moderated_by_oneself": lambda: moderated_day(2, 0),
    "moderated_with_little_memory": lambda: moderated_day(3, 2, ChatLimits(messages=10, newest=5)),
    "checkpoints_of_oneself": checkpoints_of_oneself,
    "checkpoint_that_was_kept": lambda: checkpoints_of_oneself(restarted=True),
    "settled_by_others": lambda: moderated_day(11, 3, checkpoints=4),
    "settled_by_oneself": lambda: moderated_day(12, 0, checkpoints=4),
    "links_come_and_go_in_a_crowd": lambda: day(5, ChatLimits(crowd=1)),
    "links_come_and_go_with_stores": lambda: day(4, ChatLimits(messages=8, newest=5), stored=True),
}


def trace(name: str) -> str:
    """The content of the file of that scene."""
    recorded = SCENES[name]().trace()
    steps = ",\n".join(json.dumps(step) for step in recorded.pop("steps"))
    rest = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in recorded.items())
    return f'{{{rest},\n"steps": [\n{steps}\n]}}\n'


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in SCENES:
        (FOLDER / f"{name}.json").write_text(trace(name))


if __name__ == "__main__":
    main()
