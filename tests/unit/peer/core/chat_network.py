"""Chat logs that talk over links in memory, with real signatures, a virtual clock and one seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from hashlib import sha256

from peer import wire
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog, Deliver
from peer.core.chat_message import Draft, Entry, draft, room_hash, write_text
from peer.identity import TAG_CHAT, Identity, verify

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


class Node:
    """A log with its key and what it has delivered."""

    def __init__(self, network: ChatNetwork, name: str, limits: ChatLimits | None) -> None:
        self.network = network
        self.name = name
        self.identity = identity(name)
        self.log = ChatLog(ROOM, self.identity.key, limits)
        self.links: dict[bytes, Node] = {}
        self.delivered: list[Entry] = []
        self.rejected: list[bytes] = []
        self.sent: list[tuple[bytes, wire.Message]] = []

    def say(self, text: str) -> Entry:
        now = self.network.now
        message = self.log.compose(text, self.name, WALL + int(now * 1000), now)
        entry = self.log.said(message, self.identity.sign(TAG_CHAT, message.header), now)
        self.act()
        return entry

    def received(self, peer: bytes, data: bytes) -> None:
        message = wire.decode(data)
        if isinstance(message, wire.ChatMessage | wire.ChatHave | wire.ChatWant):
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
                case Reject(peer, _, _):
                    self.rejected.append(peer)
                    if peer in self.links:  # more of the same may have been under way
                        self.network.disconnect(self, self.links[peer])
        self.network.wake(self)

    def texts(self) -> list[str]:
        return [entry.text for entry in self.log.messages()]


class ChatNetwork:
    """Links keep the order of what they carry, with delays; what is under way when one ends is lost."""

    def __init__(self, seed: int = 0, *, delay: float = 0.05, check_delay: float = 0.0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._delay = delay
        self._check_delay = check_delay
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._arrival: dict[tuple[Node, Node], float] = {}
        self._generation: dict[tuple[Node, Node], int] = {}
        self.nodes: list[Node] = []

    def add(self, name: str, limits: ChatLimits | None = None) -> Node:
        node = Node(self, name, limits)
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
            here.log.link_closed(there.identity.id, self.now)
        a.act()
        b.act()

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
        ok = verify(action.key, action.tag, action.data, action.signature)

        def answer() -> None:
            node.log.verified(action.token, ok, self.now)
            node.act()

        self.at(self.now + self._check_delay * self.random.random(), answer)

    def wake(self, node: Node) -> None:
        timer = node.log.next_timer()
        if timer is not None:

            def ring() -> None:
                due = node.log.next_timer()
                if due is not None and due <= self.now:
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
