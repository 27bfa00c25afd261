"""The link set over real links: two peers that want each other at once, and one that falls silent."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from peer import wire
from peer.identity import Identity
from peer.links.handshake import Handshake
from peer.links.link import Channel
from peer.links.mesh import Mesh
from peer.links.session import hello
from peer.links.webrtc import WebRtcLinks
from signaling import protocol

pytestmark = pytest.mark.asyncio

PATIENCE = 20.0


class MutableMesh(Mesh):
    """A mesh that can be kept from saying anything, BYE excepted."""

    muted = False

    def send(self, peer: bytes, data: bytes, channel: Channel = "control") -> bool:
        return not self.muted and super().send(peer, data, channel)


class Someone:
    """A peer with a mesh; what it signals reaches the other a little later, as over an introducer."""

    def __init__(self, seed: int) -> None:
        self.identity = Identity(bytes([seed]) * 32)
        nonce = bytes([seed]) * 16
        self.webrtc = WebRtcLinks(Handshake(self.identity, "demo", nonce), self._signal, hello("test"))
        self.mesh = MutableMesh(self.identity.id, 12, self.webrtc, self, random.Random(seed).random)
        self.introduction = protocol.Introduction(
            self.identity.id.hex(),
            protocol.to_base64url(self.identity.key),
            protocol.to_base64url(nonce),
            "",
            "viewer",
        )
        self.other: Someone
        self.history: list[str] = []
        self.offers = 0
        self._changed = asyncio.Event()
        self._clock = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            self.mesh.handle_timer(time.monotonic())
            await asyncio.sleep(0.05)

    def _signal(self, message: protocol.Offer | protocol.Answer) -> None:
        fields: dict[str, Any] = msgspec.to_builtins(message)
        fields["from"] = self.identity.id.hex()
        self.offers += fields["type"] == "offer"
        relayed: Any = msgspec.convert(fields, protocol.RelayedOffer | protocol.RelayedAnswer)
        take = self.other.mesh.offer if fields["type"] == "offer" else self.other.mesh.answer
        asyncio.get_running_loop().call_later(0.02, take, relayed)

    def link_opened(self, peer: bytes) -> None:
        self._tell("opened")

    def link_closed(self, peer: bytes) -> None:
        self._tell("closed")

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        self._tell("quiet" if quiet else "loud")

    def link_drained(self, peer: bytes, buffered: int) -> None:
        self._tell("drained")

    def link_raw_message(self, peer: bytes, data: bytes) -> None:
        raise AssertionError("Nobody has a file.")

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        if isinstance(message, wire.Ping):
            at = message.t0
            self.mesh.send(peer, wire.encode(wire.Pong(message.publisher, at, at, at, wire.UNKNOWN_ERROR)))

    def ping(self, peer: bytes) -> wire.Ping:
        return wire.Ping(bytes(16), 0)

    def _tell(self, what: str) -> None:
        self.history.append(what)
        self._changed.set()

    async def until(self, condition: Callable[[list[str]], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self.history):
                self._changed.clear()
                await self._changed.wait()

    def meet(self) -> None:
        self.mesh.signaling_up(True)
        self.mesh.befriend(self.mesh.introduced(self.other.introduction))

    async def close(self) -> None:
        self._clock.cancel()
        await self.mesh.close()


@pytest_asyncio.fixture
async def two() -> AsyncIterator[tuple[Someone, Someone]]:
    a, b = Someone(1), Someone(2)
    a.other, b.other = b, a
    yield a, b
    await asyncio.gather(a.close(), b.close())


async def test_two_that_want_each_other_at_once_have_one_link(two: tuple[Someone, Someone]) -> None:
    a, b = two
    a.meet()
    b.meet()
    for peer in two:
        await peer.until(lambda history: "opened" in history)
    assert (a.offers, b.offers) == (1, 1)
    assert a.mesh.set.connection(b.identity.id) == b.mesh.set.connection(a.identity.id)
    # Nothing of the offer that gave way comes up later.
    await asyncio.sleep(0.5)
    assert a.history == b.history == ["opened"]


async def test_stun_server_that_never_answers_does_not_cost_an_attempt(two: tuple[Someone, Someone]) -> None:
    a, b = two
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        servers = [protocol.IceServer([f"stun:127.0.0.1:{deaf.getsockname()[1]}"])]
        a.webrtc.set_ice_servers(servers)
        b.webrtc.set_ice_servers(servers)
        b.mesh.signaling_up(True)
        a.meet()
        for peer in two:
            await peer.until(lambda history: "opened" in history)
        assert deaf.recv(2048), "it was asked"
    assert a.offers == 1


async def test_silent_peer_is_told_quiet_then_closed_and_linked_again(two: tuple[Someone, Someone]) -> None:
    a, b = two
    b.mesh.signaling_up(True)
    a.meet()
    for peer in two:
        await peer.until(lambda history: "opened" in history)
    b.mesh.muted = True
    await a.until(lambda history: "closed" in history)
    b.mesh.muted = False
    await a.until(lambda history: history.count("opened") == 2)
    assert a.history == ["opened", "quiet", "closed", "opened"]
