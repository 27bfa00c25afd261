"""Real links that neighbours introduce, when the introducer is gone."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from peer import wire
from peer.core.link_actions import LOST
from peer.identity import Identity
from peer.links.handshake import Handshake
from peer.links.link import Channel
from peer.links.mesh import Mesh
from peer.links.session import hello
from peer.links.webrtc import WebRtcLinks
from peer.wire_introductions import RELAY_OFFER
from signaling import protocol

pytestmark = pytest.mark.asyncio

PATIENCE = 40.0


class TellingMesh(Mesh):
    """A mesh that may alter what it sends on its links."""

    tamper: Callable[[bytes], bytes] = staticmethod(lambda data: data)

    def send(self, peer: bytes, data: bytes, channel: Channel = "control") -> bool:
        return super().send(peer, self.tamper(data), channel)


class Someone:
    """A peer with a mesh, and an introducer for it while `room.up`."""

    def __init__(self, room: Room, seed: int) -> None:
        self.room = room
        self.identity = Identity(bytes([seed]) * 32)
        self.id = self.identity.id
        nonce = bytes([seed]) * 16
        webrtc = WebRtcLinks(Handshake(self.identity, "demo", nonce), self._signal, hello("test"))
        self.mesh = TellingMesh(self.id, 12, webrtc, self, random.Random(seed).random)
        self.introduction = protocol.Introduction(
            self.id.hex(),
            protocol.to_base64url(self.identity.key),
            protocol.to_base64url(nonce),
            "",
            "viewer",
        )
        self._clock = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            now = time.monotonic()
            self.mesh.introducing.take_part(True, (), False, now)
            self.mesh.handle_timer(now)
            await asyncio.sleep(0.02)

    def _signal(self, message: protocol.Offer | protocol.Answer) -> None:
        if self.mesh.signal(message) or not self.room.up:
            return
        fields: dict[str, Any] = msgspec.to_builtins(message)
        fields["from"] = self.id.hex()
        to = self.room.people[bytes.fromhex(message.to)].mesh
        relayed: Any = msgspec.convert(fields, protocol.RelayedOffer | protocol.RelayedAnswer)
        asyncio.get_running_loop().call_soon(to.offer if fields["type"] == "offer" else to.answer, relayed)

    def link_opened(self, peer: bytes) -> None:
        self.room.changed.set()

    def link_closed(self, peer: bytes) -> None:
        self.room.changed.set()

    def link_quiet(self, peer: bytes, quiet: bool) -> None: ...

    def link_drained(self, peer: bytes, buffered: int) -> None: ...

    def link_raw_message(self, peer: bytes, data: bytes) -> None:
        raise AssertionError("Nobody has a file.")

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        if isinstance(message, wire.Ping):
            at = message.t0
            self.mesh.send(peer, wire.encode(wire.Pong(message.publisher, at, at, at, wire.UNKNOWN_ERROR)))
        self.room.changed.set()

    def ping(self, peer: bytes) -> wire.Ping:
        return wire.Ping(bytes(16), 0)

    def drop(self, other: Someone) -> None:
        """The link to `other` ends at both sides."""
        link = self.mesh._open[other.id]
        link.close(LOST)
        self.mesh.closed(link, LOST)

    async def close(self) -> None:
        self._clock.cancel()
        await self.mesh.close()


class Room:
    """Three peers, each linked to both others, until the introducer is gone."""

    def __init__(self) -> None:
        self.up = True
        self.changed = asyncio.Event()
        company = [Someone(self, seed) for seed in (1, 2, 3)]
        self.people = {someone.id: someone for someone in company}

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def meet(self) -> list[Someone]:
        company = list(self.people.values())
        for someone in company:
            someone.mesh.signaling_up(True)
        for someone in company:
            for other in company:
                if other is not someone:
                    someone.mesh.befriend(someone.mesh.introduced(other.introduction))
        await self.until(lambda: all(len(someone.mesh.peers) == 2 for someone in company))
        return company

    def lose_introducer(self) -> None:
        self.up = False
        for someone in self.people.values():
            someone.mesh.signaling_up(False)


@pytest_asyncio.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await asyncio.gather(*(someone.close() for someone in room.people.values()))


async def test_lost_link_is_made_again_through_a_neighbour(room: Room) -> None:
    a, b, c = await room.meet()
    room.lose_introducer()
    a.drop(c)
    await room.until(lambda: c.id not in a.mesh.peers and a.id not in c.mesh.peers)
    await room.until(lambda: c.id in a.mesh.peers and a.id in c.mesh.peers)
    assert b.mesh.introducing.core.relaying.relayed >= 1


async def test_neighbour_that_alters_an_offer_is_found_out(room: Room) -> None:
    a, b, c = await room.meet()
    altered = 0

    def tamper(data: bytes) -> bytes:
        nonlocal altered
        if data[0] != RELAY_OFFER:
            return data
        altered += 1
        at = data.index(b"a=fingerprint:sha-256 ") + 22
        return data[:at] + (b"00" if data[at : at + 2] != b"00" else b"11") + data[at + 2 :]

    b.mesh.tamper = tamper
    room.lose_introducer()
    a.drop(c)
    await room.until(lambda: c.id not in a.mesh.peers and a.id not in c.mesh.peers)
    await room.until(lambda: a.mesh.refused_offers + c.mesh.refused_offers >= 1)
    await room.until(lambda: altered >= 2)
    assert c.id not in a.mesh.peers
    assert a.id not in c.mesh.peers


async def test_link_message_that_cannot_be_read_ends_the_link(room: Room) -> None:
    a, b, _ = await room.meet()
    a.mesh.send(b.id, bytes([RELAY_OFFER]) + b"short")
    await room.until(lambda: a.id not in b.mesh.peers)
    assert b.mesh.malformed == 1
