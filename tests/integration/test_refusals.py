"""Peers that do harm, in a real room over real links: refused, counted and answered, and others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from peer import wire
from peer.api import Peer
from peer.core.link_actions import BAD_BLOCK, PROTOCOL_ERROR
from peer.links.webrtc import WebRtcLink
from peer.media.parts import EncodeOptions, MediaOptions
from peer.node import Node
from peer.publisher import Publisher
from peer.viewer import Viewing
from signaling import protocol
from signaling.server.app import create_app, run
from signaling.server.config import Config
from tests.attacker import CAPTURE_TIME, LAST, Attacker

pytestmark = pytest.mark.asyncio

PATIENCE = 30.0
OPTIONS = MediaOptions(encode=EncodeOptions(video_bitrate=300_000, audio_bitrate=48_000, preset="ultrafast"))


@dataclass
class Guest:
    """A viewer, and the parts that it was given by number."""

    peer: Peer
    viewing: Viewing
    parts: dict[int, bytes] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        return int(self.viewing.stats()["blocks_rejected"])


class Room:
    def __init__(self, server: str, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    async def join(self, role: str = "viewer") -> Peer:
        peer = Peer.join(self.server, "demo", role="publisher" if role == "publisher" else "viewer")
        return await self._stack.enter_async_context(peer)

    async def guest(self) -> Guest:
        peer = await self.join()
        guest = Guest(peer, peer.viewing())
        guest.viewing.on_part.append(lambda part: guest.parts.update({part.number: part.data}))
        return guest


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """An introducer and a publisher without an origin."""
    async with AsyncExitStack() as stack:
        config = Config(port=0, pages=tmp_path)
        running = await stack.enter_async_context(run(config, create_app(config)))
        room = Room(running.url, stack)
        peer = await room.join("publisher")
        publisher = await peer.publish("main", "test:?size=320x180", OPTIONS)
        assert isinstance(publisher, Publisher)
        yield room


async def until(condition: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "this did not come to pass"
        await asyncio.sleep(0.02)


async def more_parts(guest: Guest, count: int = 20) -> None:
    """Parts go on coming."""
    target = len(guest.parts) + count
    await until(lambda: len(guest.parts) >= target)


def fed(viewing: Viewing) -> bool:
    """Every stripe has a parent."""
    parents = viewing.stats()["parents"]
    return bool(parents) and None not in parents


def links(node: Node) -> set[bytes]:
    return set(node.mesh.peers)


@pytest.mark.parametrize("offset", [LAST, CAPTURE_TIME], ids=["tampered data", "wrong seal"])
async def test_altered_blocks_end_the_link_and_are_not_played(room: Room, offset: int) -> None:
    guests = [await room.guest(), await room.guest()]
    attacker = Attacker(await room.join())
    viewings = [attacker.viewing, *(guest.viewing for guest in guests)]
    await until(lambda: all(map(fed, viewings)) and attacker.feeds)
    attacker.alter(offset)
    await until(lambda: sum(guest.rejected for guest in guests) > 0)
    await until(lambda: BAD_BLOCK in attacker.reasons)
    for guest in guests:
        await more_parts(guest)
    # Both were given the same parts, whoever brought them, and nobody else was blamed.
    numbers = guests[0].parts.keys() & guests[1].parts.keys()
    assert all(guests[0].parts[number] == guests[1].parts[number] for number in numbers)
    assert guests[1].peer.node.identity.id in links(guests[0].peer.node)
    assert attacker.viewing.stats()["blocks_rejected"] == 0


async def test_offer_with_a_swapped_fingerprint_makes_no_link(room: Room) -> None:
    guest = await room.guest()
    await until(lambda: fed(guest.viewing))
    attacker = await room.join()
    signal = attacker.node.mesh.webrtc.signal

    def swap(message: protocol.Offer | protocol.Answer) -> object:
        line = "a=fingerprint:sha-256 "
        head, _, tail = message.sdp.partition(line)
        other = "00" if tail[:2] != "00" else "11"
        return signal(msgspec.structs.replace(message, sdp=head + line + other + tail[2:]))

    attacker.node.mesh.webrtc.signal = swap
    attacker.viewing()
    victim = guest.peer.node
    await until(lambda: victim.mesh.refused_offers > 0)
    await more_parts(guest)
    assert attacker.node.identity.id not in links(victim)
    assert victim.identity.id not in links(attacker.node)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (bytes([0x11, 1, 2, 3]), wire.MALFORMED),
        (bytes([0x14]) * 20, wire.MALFORMED),
        (bytes([0x16]) + bytes(200), wire.MALFORMED),
        (bytes([0x20]) + bytes(70), wire.MALFORMED),
    ],
    ids=["SUBSCRIBE cut short", "STATUS of nonsense", "STREAM signed by nobody", "CHAT_MESSAGE of zeros"],
)
async def test_malformed_link_message_is_answered_and_ends_the_link(
    room: Room, message: bytes, code: int
) -> None:
    guest = await room.guest()
    attacker = Attacker(await room.join())
    victim = guest.peer.node
    await until(lambda: victim.identity.id in links(attacker.peer.node) and fed(guest.viewing))
    link = attacker.peer.node.mesh._open[victim.identity.id]
    attacker.peer.node.mesh.send(victim.identity.id, message)
    await until(lambda: PROTOCOL_ERROR in attacker.reasons)
    assert victim.mesh.malformed == 1
    assert isinstance(link, WebRtcLink)
    assert link.error is not None
    assert link.error[0] == code
    assert link.error[1].endswith(".")
    await more_parts(guest)
