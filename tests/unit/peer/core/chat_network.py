"""Chat logs that talk over links in memory, with real signatures, a virtual clock and one seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from peer import wire
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_acts import Act, Edit, read_act
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import Draft, Entry, Place, draft, message_id, room_hash, write_text
from peer.core.chat_past import Page
from peer.core.chat_placing import Deliver, Revise, Ruled
from peer.core.chat_recall import Erase, Forget, Keep, KeepMeasure, Lookup, LookupBefore, Recall, StoreAction
from peer.identity import TAG_CHAT, Identity
from peer.simulator.codec import check
from signaling.chat_header import ChatHeader
from signaling.measures import Measure, Verb

ROOM = "demo"
WALL = 1_790_000_000_000
"""Milliseconds since 1970 at which the virtual clock begins."""


def identity(name: str) -> Identity:
    """The same key for the same name in every run."""
    return Identity(sha256(name.encode()).digest())


def signed(author: Identity, message: Draft) -> wire.ChatMessage:
    return wire.ChatMessage(message.header, author.sign(TAG_CHAT, message.header), message.body)


def text_message(
    author: Identity,
    text: str = "hello",
    *,
    clock: int = 1,
    follows: tuple[bytes, ...] = (),
    room: str = ROOM,
    kind: int = 1,
    time: int = WALL,
    body: bytes | None = None,
) -> wire.ChatMessage:
    """A signed message with whatever fields the test wants, right or wrong."""
    body = write_text("", text) if body is None else body
    return signed(author, draft(room_hash(room), author.key, clock, time, follows, body, kind))


def chain(author: Identity, count: int, *, clock: int = 1) -> list[wire.ChatMessage]:
    """Messages of which each follows the one before; the first follows nothing, or an unknown one."""
    messages: list[wire.ChatMessage] = []
    follows: tuple[bytes, ...] = () if clock == 1 else (b"\x55" * 32,)
    for number in range(count):
        message = text_message(author, f"{number}", clock=clock + number, follows=follows, time=WALL + number)
        messages.append(message)
        follows = (sha256(message.header).digest(),)
    return messages


class Kept:
    """A store in memory: what a disk would hold."""

    def __init__(self) -> None:
        self.messages: dict[bytes, Keep] = {}
        self.measures: dict[bytes, wire.ChatMessage] = {}
        self.forgotten: Place | None = None

    def keep_measure(self, message: wire.ChatMessage) -> None:
        self.measures[message_id(message.header)] = message

    def keep(self, message: Keep) -> None:
        number = message_id(message.message.header)
        known = self.messages.get(number)
        assert known is None or known.message.body is None, "A message was kept twice."
        self.messages[number] = message

    def erase(self, target: bytes, author: bytes) -> None:
        for number, kept in self.messages.items():
            signed = kept.message
            header = ChatHeader.parse(signed.header)
            act = None if signed.body is None else read_act(header.kind, signed.body)
            edits = isinstance(act, Edit) and act.target == target
            if header.author == author and (number == target or edits):
                bare = wire.ChatMessage(signed.header, signed.signature, None)
                self.messages[number] = Keep(kept.place, bare, kept.complete)

    def forget(self, place: Place) -> None:
        self.forgotten = place
        self.messages = {number: kept for number, kept in self.messages.items() if kept.place > place}
        for number, measure in list(self.measures.items()):
            header = ChatHeader.parse(measure.header)
            if (header.clock, header.author, number) <= place:
                del self.measures[number]

    def order(self) -> list[Place]:
        return sorted(kept.place for kept in self.messages.values())

    def find(self, ids: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(number for number in ids if number in self.messages)

    def before(self, ids: tuple[bytes, ...], count: int) -> tuple[bytes, ...]:
        places = [self.messages[number].place for number in self.find(ids)]
        return tuple(place[2] for place in self.order() if places and place <= max(places))[-count:]

    def restore(self, log: ChatLog, count: int) -> None:
        """What a program does when it starts."""
        order = self.order()
        messages = [self.messages[place[2]].message for place in order[-count:]]
        log.restore(
            messages,
            order[-count - 1] if len(order) > count else None,
            self.forgotten,
            [*self.measures.values()],
            [place for place in order if place[2] not in self.measures],
        )


class Node:
    """A log with its key and what it has delivered; with `kept` it has a store."""

    def __init__(
        self, network: ChatNetwork, name: str, limits: ChatLimits | None, kept: Kept | None = None
    ) -> None:
        self.network = network
        self.name = name
        self.identity = identity(name)
        self.kept = kept
        self.alive = True
        self.store_busy = 0.0
        self.limits = limits or ChatLimits()
        self.log = self.new_log(limits)
        if kept is not None:
            kept.restore(self.log, self.limits.messages)
        self.pages: list[Page] = []
        self.links: dict[bytes, Node] = {}
        self.delivered: list[Entry] = []
        self.revised: dict[bytes, Entry | None] = {}
        """What the last word about each text was, if any."""
        self.rejected: list[bytes] = []
        self.ruled: list[Ruled] = []
        self.sent: list[tuple[bytes, wire.Message]] = []

    def new_log(self, limits: ChatLimits | None) -> ChatLog:
        owner = self.network.owner
        key = None if owner is None else owner.key
        return ChatLog(ROOM, self.identity.key, limits, stored=self.kept is not None, owner=key)

    def say(self, text: str, reply: bytes | None = None) -> Entry:
        now = self.network.now
        message = self.log.compose(text, self.name, WALL + int(now * 1000), now, reply)
        entry = self.log.said(message, self.identity.sign(TAG_CHAT, message.header), now)
        self.act()
        return entry

    def rule(self, verb: Verb, subject: Node | None = None, **fields: Any) -> bytes:
        """Take a measure. Returns its id."""
        key = None if subject is None else subject.identity.key
        now = self.network.now
        message = self.log.compose_measure(Measure(verb, subject=key, **fields), WALL + int(now * 1000), now)
        self.log.done(message, self.identity.sign(TAG_CHAT, message.header), now)
        self.act()
        return message_id(message.header)

    def settle(self, keep: int = 0) -> bytes:
        """Make a checkpoint that leaves so many messages. Returns its id."""
        now = self.network.now
        message = self.log.compose_checkpoint(keep, WALL + int(now * 1000), now)
        self.log.done(message, self.identity.sign(TAG_CHAT, message.header), now)
        self.act()
        return message_id(message.header)

    def do(self, act: Act) -> None:
        now = self.network.now
        message = self.log.compose_act(act, WALL + int(now * 1000), now)
        self.log.done(message, self.identity.sign(TAG_CHAT, message.header), now)
        self.act()

    def received(self, peer: bytes, data: bytes) -> None:
        message = wire.decode(data)
        if isinstance(message, wire.OfChat):
            self.log.received(peer, message, self.network.now)
            self.act()

    def act(self) -> None:
        """Carry out what the log asks for."""
        for action in self.log.poll_actions():
            match action:
                case Send(peer, data, _):
                    message = wire.decode(data)
                    assert message is not None
                    self.sent.append((peer, message))
                    self.network.carry(self, peer, data)
                case Verify():
                    self.network.check(self, action)
                case Deliver(entry):
                    self.delivered.append(entry)
                    self.revised.pop(entry.id, None)
                case Revise(id, revised):
                    self.revised[id] = revised
                case Ruled():
                    self.ruled.append(action)
                case Page():
                    self.pages.append(action)
                case Keep() | KeepMeasure() | Erase() | Forget() | Recall() | Lookup() | LookupBefore():
                    self.network.store(self, action)
                case Reject(peer, _, _):
                    self.rejected.append(peer)
                    if peer in self.links:  # more of the same may have been under way
                        self.network.disconnect(self, self.links[peer])
        self.network.wake(self)

    def page(self, before: tuple[bytes, ...] | None = None, *, missing: bool = False) -> Page:
        """Ask for what stands before those, or before all that is in memory, and wait for the answer."""
        count = len(self.pages)
        ids = tuple(entry.id for entry in self.log.messages()[:1]) if before is None else before
        assert (self.log.ask_missing if missing else self.log.ask_before)(ids, self.network.now)
        self.act()
        while len(self.pages) == count:
            self.network.run(0.1)
        return self.pages[-1]

    def gap(self, below: Place | None) -> tuple[Place, tuple[bytes, ...]] | None:
        """The last message before that place which follows some that are not kept, and those."""
        assert self.kept is not None
        kept = self.kept.messages
        lacking = {}
        for message in kept.values():
            follows = ChatHeader.parse(message.message.header).follows
            missing = tuple(followed for followed in follows if followed not in kept)
            if missing and (below is None or message.place < below):
                assert not message.complete
                lacking[message.place] = missing
        return max(lacking.items(), default=None)

    def told(self) -> dict[bytes, Entry]:
        """What a screen shows that was told of every change."""
        shown = {entry.id: entry for entry in self.delivered} | self.revised
        return {id: entry for id, entry in shown.items() if entry is not None}

    def texts(self) -> list[str]:
        return [entry.text for entry in self.log.messages()]


class ChatNetwork:
    """Links keep the order of what they carry, with delays; what is under way when one ends is lost."""

    def __init__(
        self,
        seed: int = 0,
        *,
        delay: float = 0.05,
        check_delay: float = 0.0,
        store_delay: float = 0.0,
        owner: Identity | None = None,
    ) -> None:
        self.owner = owner
        self.now = 0.0
        self.random = random.Random(seed)
        self._delay = delay
        self._check_delay = check_delay
        self._store_delay = store_delay
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._arrival: dict[tuple[Node, Node], float] = {}
        self._generation: dict[tuple[Node, Node], int] = {}
        self.nodes: list[Node] = []

    def add(self, name: str, limits: ChatLimits | None = None, kept: Kept | None = None) -> Node:
        node = Node(self, name, limits, kept)
        self.nodes.append(node)
        return node

    def connect(self, a: Node, b: Node) -> None:
        if b.identity.id in a.links:
            return
        for here, there in ((a, b), (b, a)):
            here.links[there.identity.id] = there
            self._generation[here, there] = self._generation.get((here, there), 0) + 1
            here.log.link_opened(there.identity.id, self.now)
        a.act()
        b.act()

    def disconnect(self, a: Node, b: Node) -> None:
        if b.identity.id not in a.links:
            return
        for here, there in ((a, b), (b, a)):
            del here.links[there.identity.id]
            self._generation[here, there] += 1
            if here.alive:
                here.log.link_closed(there.identity.id, self.now)
                here.act()

    def at(self, time: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, event))

    def carry(self, source: Node, peer: bytes, data: bytes) -> None:
        target = source.links.get(peer)
        if target is None:
            return
        generation = self._generation[source, target]
        earliest = self._arrival.get((source, target), 0.0)
        time = max(earliest, self.now + self._delay * self.random.uniform(0.5, 1.5))
        self._arrival[source, target] = time

        def arrive() -> None:
            if self._generation[source, target] == generation:
                target.received(source.identity.id, data)

        self.at(time, arrive)

    def check(self, node: Node, action: Verify) -> None:
        ok = check(action.key, action.tag, action.data, action.signature)

        def answer() -> None:
            if node.alive:
                node.log.verified(action.token, ok, self.now)
                node.act()

        self.at(self.now + self._check_delay * self.random.random(), answer)

    def store(self, node: Node, action: StoreAction) -> None:
        """The store does one thing after the other, which takes time; what is not done dies with the node."""
        kept, log = node.kept, node.log
        assert kept is not None

        def done() -> None:
            if not node.alive:
                return
            match action:
                case Keep():
                    kept.keep(action)
                case KeepMeasure(message):
                    kept.keep_measure(message)
                case Erase(target, author):
                    kept.erase(target, author)
                case Forget(place):
                    kept.forget(place)
                case Recall(token, ids):
                    log.recalled(
                        token, [kept.messages[number].message for number in kept.find(ids)], self.now
                    )
                case Lookup(token, ids):
                    log.looked_up(token, kept.find(ids), self.now)
                case LookupBefore(token, ids, count):
                    log.looked_up(token, kept.before(ids, count), self.now)
            node.act()

        node.store_busy = max(node.store_busy, self.now + self._store_delay * self.random.random())
        self.at(node.store_busy, done)

    def restart(self, node: Node) -> Node:
        """End a node without a word, and start another with the same key and store."""
        neighbours = list(node.links.values())
        node.alive = False
        for other in neighbours:
            self.disconnect(node, other)
        fresh = Node(self, node.name, node.limits, node.kept)
        fresh.delivered = node.delivered
        self.nodes[self.nodes.index(node)] = fresh
        for other in neighbours:
            self.connect(fresh, other)
        return fresh

    def wake(self, node: Node) -> None:
        timer = node.log.next_timer()
        if timer is not None:

            def ring() -> None:
                due = node.log.next_timer()
                if node.alive and due is not None and due <= self.now:
                    node.log.handle_timer(self.now)
                    node.act()

            self.at(max(timer, self.now), ring)

    def run(self, seconds: float) -> None:
        """Let that much virtual time pass."""
        end = self.now + seconds
        steps = 0
        while self._events and self._events[0][0] <= end:
            time, _, event = heapq.heappop(self._events)
            self.now = max(self.now, time)
            event()
            steps += 1
            assert steps < 1_000_000, "The logs never come to rest."
        self.now = end

    def rest(self) -> None:
        """Run until nothing is under way and no timer is set."""
        while self._events:
            self.run(max(0.0, self._events[0][0] - self.now) + 0.001)

    def ring(self, count: int, limits: ChatLimits | None = None) -> list[Node]:
        """`count` new nodes, each linked to the next."""
        nodes = [self.add(f"peer {number}", limits) for number in range(count)]
        for number, node in enumerate(nodes):
            if count > 1:
                self.connect(node, nodes[(number + 1) % count])
        return nodes
