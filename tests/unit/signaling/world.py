"""An introducer's core with its peers and its clock in memory."""

import hashlib
import random
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from signaling.core.actions import Close, Send
from signaling.core.limits import Limits
from signaling.core.rooms import Rooms
from signaling.protocol import (
    Announce,
    Challenge,
    ClientMessage,
    ErrorMessage,
    Hello,
    IceServer,
    Plan,
    Role,
    ServerMessage,
    Watch,
    Welcome,
    encode,
    peer_id,
    to_base64url,
)

M = TypeVar("M", bound=msgspec.Struct)
GOOD = b"\1" * 64
BAD = b"\0" * 64


def verify(_key: bytes, _tag: bytes, _data: bytes, signature: bytes) -> bool:
    """A signature is good when it says so: what keys do is not what is tested here."""
    return signature == GOOD


class Client:
    """A socket and the messages that came on it."""

    def __init__(self, world: "World", number: int, name: str) -> None:
        self.world = world
        self.number = number
        self.name = name
        self.key = hashlib.sha256(name.encode()).digest()
        self.id = peer_id(self.key).hex()
        self.inbox: list[ServerMessage] = []
        self.closed: int | None = None

    def got(self, kind: type[M]) -> list[M]:
        """The messages of a type."""
        return [message for message in self.inbox if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        """The newest message of a type."""
        return self.got(kind)[-1]

    @property
    def errors(self) -> list[str]:
        """The codes of the errors that came."""
        return [error.code for error in self.got(ErrorMessage)]

    def send(self, message: ClientMessage | None) -> None:
        """Send a message; None stands for one of an unknown type."""
        size = 10 if message is None else len(encode(message))
        self.world.rooms.received(self.number, message, size, self.world.now)
        self.world.act()

    def hello(self, **changes: Any) -> None:
        """Join the room `demo` as a viewer."""
        fields: dict[str, Any] = {
            "version": 1,
            "room": "demo",
            "key": to_base64url(self.key),
            "nonce": to_base64url(self.name.encode().ljust(16)[:16]),
            "signature": to_base64url(GOOD),
            "role": "viewer",
            "name": self.name,
        }
        self.send(Hello(**(fields | changes)))

    def announce(self, **changes: Any) -> None:
        """Describe the stream `main`."""
        self.send(Announce(describe(self.key, **changes)))

    def watch(self, **changes: Any) -> None:
        """Ask for a place in the braid of the one rendition of `main`."""
        self.send(Watch(**({"stream": "main", "rendition": "360p"} | changes)))

    def drop(self) -> None:
        """Lose the socket."""
        self.world.drop(self)


class World:
    """Rooms, sockets and time."""

    def __init__(self, seed: int = 1, **limits: Any) -> None:
        chance = random.Random(seed)
        self.now = 1000.0
        self.rooms = Rooms(
            limits=Limits(**limits),
            chance=chance,
            secret=chance.randbytes,
            verify=verify,
            ice_servers=[IceServer(["stun:example.org"])],
        )
        self.clients: dict[int, Client] = {}
        self.plans: dict[str, Plan] = {}
        self._count = 0

    def connect(self, name: str) -> Client:
        """A socket on which the challenge has come."""
        self._count += 1
        client = Client(self, self._count, name)
        self.clients[client.number] = client
        self.rooms.connected(client.number, self.now)
        self.act()
        assert isinstance(client.inbox[0], Challenge)
        return client

    def join(self, name: str, role: Role = "viewer", **changes: Any) -> Client:
        """A peer that is in the room."""
        client = self.connect(name)
        client.hello(role=role, **changes)
        assert client.got(Welcome), client.inbox
        return client

    def drop(self, client: Client) -> None:
        """A socket is gone."""
        self.clients.pop(client.number, None)
        self.rooms.disconnected(client.number, self.now)
        self.act()

    def wait(self, seconds: float, idle: Callable[[], None] = lambda: None) -> None:
        """Time passes; timers are handled when they are due."""
        end = self.now + seconds
        while True:
            due = self.rooms.next_timer()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.rooms.handle_timer(self.now)
            self.act()
            idle()
        self.now = end

    def act(self) -> None:
        """Do what the core asks for."""
        for action in self.rooms.poll_actions():
            match action:
                case Send(sockets, message):
                    encode(message)
                    assert len(set(sockets)) == len(sockets)
                    for number in sockets:
                        client = self.clients.get(number)
                        if client is not None and client.closed is None:
                            client.inbox.append(message)
                            if isinstance(message, Plan):
                                self.plans[client.id] = message
                case Close(number, code):
                    client = self.clients.get(number)
                    if client is not None and client.closed is None:
                        client.closed = code
        for client in list(self.clients.values()):
            if client.closed is not None:
                self.drop(client)


def describe(key: bytes, signature: bytes = GOOD, **changes: Any) -> str:
    """A stream description as messages carry it."""
    fields = {
        "version": 1,
        "room": "demo",
        "stream": "main",
        "title": "A test",
        "state": "live",
        "epoch": 1,
        "revision": 1,
        "part_duration": 0.1,
        "origins": [],
        "renditions": [{"id": "360p", "codecs": "avc1", "bandwidth": 800_000, "stripes": 4, "inits": []}],
    }
    return to_base64url(key + signature + msgspec.json.encode(fields | changes))
