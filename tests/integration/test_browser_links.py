"""Links between real browsers and aiortc: whoever offers, in every pairing, messages go through both ways."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from peer.identity import Identity
from peer.links.handshake import Handshake
from peer.links.link import Channel, Link
from peer.links.session import hello
from peer.links.webrtc import WebRtcLink, WebRtcLinks
from signaling.protocol import (
    Answer,
    Offer,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    ServerMessage,
    from_base64url,
    to_base64url,
)
from tests.link_page import build_link_page, link_page_routes, linking_chromium

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

SIZES = [1, 2, 1200, 16384, 16700, 65535, 65536]
TYPES: dict[Channel, int] = {"control": 0x7F, "blocks": 0x10}
"""The first byte of what is sent: on `control` one that no version knows, which links pass on."""
PATIENCE = 20.0


class Side(Protocol):
    """A peer of either kind."""

    id: str
    nonce: str

    async def connect(self, other: Side, connection: str) -> None: ...

    async def take(self, message: dict[str, Any]) -> str: ...

    async def send(self, channel: Channel, sizes: list[int]) -> list[str]: ...

    async def messages(self, count: int) -> list[str]: ...

    async def event(self, name: str) -> None: ...


class Introducer:
    """Relays between sides as the server does; `swap_fingerprint` makes it a dishonest one."""

    def __init__(self) -> None:
        self.sides: dict[str, Side] = {}
        self.results: list[str] = []
        self._resulted = asyncio.Event()
        self.swap_fingerprint = False

    async def relay(self, sender: str, message: dict[str, Any]) -> None:
        receiver = self.sides.get(message.pop("to"))
        if receiver is None:
            return
        message["from"] = sender
        if self.swap_fingerprint and "sdp" in message:
            line = "a=fingerprint:sha-256 "
            head, _, tail = message["sdp"].partition(line)
            message["sdp"] = head + line + ("00" if tail[:2] != "00" else "11") + tail[2:]
        self.results.append(await receiver.take(message))
        self._resulted.set()

    async def result(self, text: str) -> None:
        """Wait until a message was taken, or refused, with `text`."""
        async with asyncio.timeout(PATIENCE):
            while not any(text in result for result in self.results):
                self._resulted.clear()
                await self._resulted.wait()


def digest(data: bytes, channel: Channel) -> str:
    return f"{channel} {len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


class PageSide:
    def __init__(self, page: Page, who: dict[str, str]) -> None:
        self.page = page
        self.id, self.nonce = who["id"], who["nonce"]

    @classmethod
    async def create(cls, page: Page, base: str, seed: int, introducer: Introducer) -> PageSide:
        sides: list[PageSide] = []

        async def relay(message: dict[str, Any]) -> None:
            await introducer.relay(sides[0].id, message)

        await page.expose_function("relay", relay)
        await page.goto(base)
        await page.wait_for_function("() => window.createPeer !== undefined")
        side = cls(page, await page.evaluate("seed => createPeer(seed)", seed))
        sides.append(side)
        introducer.sides[side.id] = side
        return side

    async def connect(self, other: Side, connection: str) -> None:
        await self.page.evaluate(
            "([peer, nonce, connection]) => window.peer.connect(peer, nonce, connection)",
            [other.id, other.nonce, connection],
        )

    async def take(self, message: dict[str, Any]) -> str:
        result: str = await self.page.evaluate("message => window.peer.take(message)", message)
        return result

    async def send(self, channel: Channel, sizes: list[int]) -> list[str]:
        digests: list[str] = await self.page.evaluate(
            "([channel, type, sizes]) => window.peer.send(channel, type, sizes)",
            [channel, TYPES[channel], sizes],
        )
        return digests

    async def messages(self, count: int) -> list[str]:
        await self.page.wait_for_function("count => window.peer.messages.length >= count", arg=count)
        messages: list[str] = await self.page.evaluate("() => window.peer.messages.splice(0)")
        return messages

    async def event(self, name: str) -> None:
        await self.page.wait_for_function("name => window.peer.events.includes(name)", arg=name)


class PythonSide:
    def __init__(self, seed: int, introducer: Introducer) -> None:
        identity = Identity(bytes([seed]) * 32)
        nonce = bytes([seed]) * 16
        self.id, self.nonce = identity.id.hex(), to_base64url(nonce)
        self.handshake = Handshake(identity, "demo", nonce)
        self.links = WebRtcLinks(self.handshake, self._signal, hello("python"))
        self.link: WebRtcLink | None = None
        self._introducer = introducer
        self._events: list[str] = []
        self._messages: list[str] = []
        self._changed = asyncio.Event()
        self._relaying: set[asyncio.Task[None]] = set()
        introducer.sides[self.id] = self

    async def connect(self, other: Side, connection: str) -> None:
        self.link = self.links.connect(
            bytes.fromhex(other.id), from_base64url(other.nonce), bytes.fromhex(connection), self
        )

    async def take(self, message: dict[str, Any]) -> str:
        relayed: ServerMessage = msgspec.convert(message, ServerMessage)
        match relayed:
            case RelayedOffer():
                try:
                    self.link = self.links.accept(self.handshake.check_offer(relayed), self)
                except ValueError as error:
                    return str(error)
            case RelayedAnswer() if self.link is not None:
                return "taken" if self.link.take_answer(relayed) else "refused"
            case RelayedCandidate() if self.link is not None:
                self.link.take_candidate(relayed)
        return "taken"

    async def send(self, channel: Channel, sizes: list[int]) -> list[str]:
        assert self.link is not None
        sent = []
        for size in sizes:
            data = bytes([TYPES[channel]]) + os.urandom(size - 1)
            assert self.link.send(data, channel)
            sent.append(digest(data, channel))
        return sent

    async def messages(self, count: int) -> list[str]:
        async with asyncio.timeout(PATIENCE):
            while len(self._messages) < count:
                self._changed.clear()
                await self._changed.wait()
        messages, self._messages = self._messages, []
        return messages

    async def event(self, name: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while name not in self._events:
                self._changed.clear()
                await self._changed.wait()

    def _signal(self, message: Offer | Answer) -> None:
        fields: dict[str, Any] = msgspec.to_builtins(message)
        task = asyncio.create_task(self._introducer.relay(self.id, fields))
        self._relaying.add(task)
        task.add_done_callback(self._relaying.discard)

    def opened(self, link: Link) -> None:
        self._tell("opened")

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        self._messages.append(digest(data, channel))
        self._changed.set()

    def drained(self, link: Link, channel: Channel) -> None:
        self._tell(f"drained {channel}")

    def closed(self, link: Link, reason: str) -> None:
        self._tell(f"closed {reason}")

    def _tell(self, event: str) -> None:
        self._events.append(event)
        self._changed.set()


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_link_page(tmp_path_factory.mktemp("link-peer"))


@pytest_asyncio.fixture
async def base(page_folder: Path) -> AsyncIterator[str]:
    """Where the page is served; 127.0.0.1 is a secure context, with WebCrypto."""
    app = web.Application()
    app.add_routes(link_page_routes(page_folder))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/links"
    await runner.cleanup()


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with linking_chromium(chromium) as browser:
        yield browser


class Room:
    """Makes sides of either kind and frees them."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.introducer = Introducer()
        self.python: list[PythonSide] = []
        self._browser = browser
        self._base = base
        self._seed = 0

    async def side(self, kind: str) -> Side:
        self._seed += 1
        if kind == "python":
            self.python.append(PythonSide(self._seed, self.introducer))
            return self.python[-1]
        page = await self._browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        return await PageSide.create(page, self._base, self._seed, self.introducer)


@pytest_asyncio.fixture
async def room(browser: Browser, base: str) -> AsyncIterator[Room]:
    room = Room(browser, base)
    yield room
    await asyncio.gather(*(side.links.close() for side in room.python))


@pytest.mark.parametrize(
    ("offerer", "answerer"), [("page", "python"), ("python", "page"), ("page", "page"), ("python", "python")]
)
async def test_messages_of_every_size_go_both_ways_on_both_channels(
    room: Room, offerer: str, answerer: str
) -> None:
    a, b = await room.side(offerer), await room.side(answerer)
    await a.connect(b, "0123456789abcdef")
    await a.event("opened")
    await b.event("opened")
    channels: tuple[Channel, Channel] = ("control", "blocks")
    for sender, receiver in ((a, b), (b, a)):
        for channel in channels:
            sent = await sender.send(channel, SIZES)
            received = await receiver.messages(len(SIZES))
            if channel == "control":
                assert received == sent
            else:
                assert sorted(received) == sorted(sent)
    assert set(room.introducer.results) == {"taken"}


@pytest.mark.parametrize(("offerer", "answerer"), [("page", "python"), ("python", "page")])
async def test_swapped_fingerprint_is_refused_by_both(room: Room, offerer: str, answerer: str) -> None:
    room.introducer.swap_fingerprint = True
    a, b = await room.side(offerer), await room.side(answerer)
    await a.connect(b, "0123456789abcdef")
    await room.introducer.result("The signature of the offer does not fit it")


async def test_page_that_goes_away_says_bye(room: Room) -> None:
    page, python = await room.side("page"), await room.side("python")
    await page.connect(python, "0123456789abcdef")
    await python.event("opened")
    assert isinstance(page, PageSide)
    await page.page.goto("about:blank")
    await python.event("closed leaving")


@pytest.mark.parametrize("other", ["python", "page"])
async def test_bye_of_a_page_is_not_cut_off_from_what_waits_before_it(room: Room, other: str) -> None:
    page, receiver = await room.side("page"), await room.side(other)
    await page.connect(receiver, "0123456789abcdef")
    await page.event("opened")
    sent = await page.send("control", [60_000] * 60)
    assert isinstance(page, PageSide)
    await page.page.evaluate("() => window.peer.link.close('bad-block')")
    await receiver.event("closed bad-block")
    assert await receiver.messages(len(sent)) == sent


async def test_python_peer_that_goes_away_says_bye(room: Room) -> None:
    page, python = await room.side("page"), await room.side("python")
    await page.connect(python, "0123456789abcdef")
    await page.event("opened")
    assert isinstance(python, PythonSide)
    await python.links.close()
    await page.event("closed leaving")


async def test_burst_from_python_drains_and_arrives_whole(room: Room) -> None:
    page, python = await room.side("page"), await room.side("python")
    await page.connect(python, "0123456789abcdef")
    await python.event("opened")
    sent = await python.send("blocks", [16_700] * 120)
    await python.event("drained blocks")
    assert sorted(await page.messages(len(sent))) == sorted(sent)


async def test_burst_from_a_page_drains_and_arrives_whole(room: Room) -> None:
    page, python = await room.side("page"), await room.side("python")
    await page.connect(python, "0123456789abcdef")
    await page.event("opened")
    sent = await page.send("blocks", [16_700] * 120)
    await page.event("drained blocks")
    assert sorted(await python.messages(len(sent))) == sorted(sent)
