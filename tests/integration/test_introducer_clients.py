"""Both introducer clients and their links at the real server, which relays, restarts and refuses."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from peer.identity import Identity
from peer.introducer import Down, Event, Introducer, IntroducerError, Up
from peer.links.handshake import Handshake
from peer.links.link import Channel, Link
from peer.links.session import hello
from peer.links.webrtc import WebRtcLink, WebRtcLinks
from signaling.protocol import (
    Introduce,
    Joined,
    Left,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    from_base64url,
)
from signaling.server import Config, Running, create_app, run
from tests.link_page import build_link_page, link_page_routes, linking_chromium

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

PATIENCE = 20.0
TEXT = b"\x7fhello"  # a message of a type that no version knows: links pass it on


class Server:
    """The real server on one port, which can be stopped and started again."""

    def __init__(self, page: Path | None = None) -> None:
        self.running: Running
        self._page = page
        self._stack = AsyncExitStack()

    async def start(self, port: int = 0) -> None:
        config = Config(port=port)
        app = create_app(config)
        if self._page is not None:
            app.add_routes(link_page_routes(self._page))
        self.running = await self._stack.enter_async_context(run(config, app))

    async def stop(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def restart(self) -> None:
        await self.stop()
        await self.start(self.running.port)


class Wire:
    """A TCP path to the server that can be cut, as by a router that restarts."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            pass  # cut
        finally:
            sink.transport.abort()


class Guest:
    """A Python peer that links to whoever it is introduced to, and to whoever offers."""

    def __init__(self, url: str, name: str = "", identity: Identity | None = None, **options: Any) -> None:
        self.identity = identity or Identity.generate()
        self.events: list[Event] = []
        self.texts: list[bytes] = []
        self.opened_links: list[Link] = []
        self.reasons: list[str] = []
        self._links: dict[str, WebRtcLink] = {}
        self._changed = asyncio.Event()
        self.introducer = Introducer(
            url, "demo", self.identity, self._take, name=name, chance=lambda: 0.0, **options
        )
        self.webrtc = WebRtcLinks(
            Handshake(self.identity, "demo", self.introducer.nonce), self.introducer.send, hello("test")
        )
        self.task = asyncio.create_task(self.introducer.run())

    @property
    def id(self) -> str:
        return self.identity.id.hex()

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()
        match event:
            case Introduce(peers):
                for who in peers:
                    connection = secrets.token_bytes(8)
                    link = self.webrtc.connect(
                        bytes.fromhex(who.peer), from_base64url(who.nonce), connection, self
                    )
                    self._links[connection.hex()] = link
            case RelayedOffer():
                checked = self.webrtc.handshake.check_offer(event)
                self._links[event.connection] = self.webrtc.accept(checked, self)
            case RelayedAnswer():
                self._links[event.connection].take_answer(event)
            case RelayedCandidate():
                self._links[event.connection].take_candidate(event)

    def opened(self, link: Link) -> None:
        self.opened_links.append(link)
        self._changed.set()

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        self.texts.append(data)
        self._changed.set()

    def drained(self, link: Link, channel: Channel) -> None:
        self._changed.set()

    def closed(self, link: Link, reason: str) -> None:
        self.reasons.append(reason)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def seen(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def saw(self, kind: type[Event], times: int = 1) -> None:
        await self.until(lambda: len(self.seen(kind)) >= times)

    async def leave(self) -> None:
        self.introducer.close()
        await self.webrtc.close()
        await self.task


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_link_page(tmp_path_factory.mktemp("link-peer"))


async def test_two_peers_meet_and_link(server: Server) -> None:
    ann = Guest(server.running.url, "Ann")
    await ann.saw(Up)
    bea = Guest(server.running.url, "Bea")
    await ann.saw(Joined)
    assert [event.name for event in ann.seen(Joined)] == ["Bea"]
    await ann.until(lambda: ann.opened_links)
    await bea.until(lambda: bea.opened_links)
    ann.opened_links[0].send(TEXT, "control")
    await bea.until(lambda: bea.texts)
    assert bea.texts == [TEXT]
    await bea.leave()
    await ann.until(lambda: ann.reasons)
    await ann.saw(Left)
    assert ann.reasons == ["leaving"]
    await ann.leave()


async def test_links_outlive_the_server_and_its_return_lets_newcomers_in(server: Server) -> None:
    ann, bea = Guest(server.running.url, "Ann"), Guest(server.running.url, "Bea")
    await ann.until(lambda: ann.opened_links)
    await bea.until(lambda: bea.opened_links)
    await server.stop()
    await ann.saw(Down)
    await bea.saw(Down)
    ann.opened_links[0].send(TEXT, "control")
    await bea.until(lambda: bea.texts)
    await server.start(server.running.port)
    await ann.saw(Up, 2)
    await bea.saw(Up, 2)
    assert not ann.seen(Up)[-1].resumed
    cid = Guest(server.running.url, "Cid")
    await cid.until(lambda: cid.opened_links)
    assert ann.reasons == bea.reasons == []
    for guest in (ann, bea, cid):
        await guest.leave()


async def test_cut_connection_is_resumed_in_its_place(server: Server) -> None:
    wire = Wire(server.running.port)
    url = await wire.start()
    ann, bea = Guest(url, "Ann"), Guest(server.running.url, "Bea")
    await ann.until(lambda: ann.opened_links)
    await bea.until(lambda: bea.opened_links)
    wire.cut()
    await ann.saw(Up, 2)
    assert [up.resumed for up in ann.seen(Up)] == [False, True]
    cid = Guest(server.running.url, "Cid")
    await ann.until(lambda: "Cid" in [event.name for event in ann.seen(Joined)])
    await cid.until(lambda: len(cid.opened_links) == 2)
    assert bea.seen(Left) == []
    for guest in (ann, bea, cid):
        await guest.leave()
    await wire.stop()


async def test_second_program_with_the_same_key_wins(server: Server) -> None:
    ann = Guest(server.running.url, "Ann")
    await ann.saw(Up)
    again = Guest(server.running.url, "Ann again", identity=ann.identity)
    await again.saw(Up)
    with pytest.raises(IntroducerError, match="joined this room from elsewhere"):
        await ann.task
    assert again.introducer.is_up
    await again.leave()


async def joined(page: Page, url: str, seed: int) -> str:
    """Has the page join the room; returns its peer id."""
    page.set_default_timeout(PATIENCE * 1000)
    await page.goto(f"{url}/links")
    await page.wait_for_function("() => window.joinRoom !== undefined")
    peer: str = await page.evaluate("seed => joinRoom(seed, 'demo')", seed)
    await event(page, "up")
    return peer


async def event(page: Page, name: str) -> None:
    await page.wait_for_function("name => window.peer.events.includes(name)", arg=name)


async def test_pages_and_python_meet_at_the_real_server(chromium: str, page_folder: Path) -> None:
    server = Server(page_folder)
    await server.start()
    ann = Guest(server.running.url, "Ann")
    await ann.saw(Up)
    async with linking_chromium(chromium) as browser:
        first = await browser.new_page()
        peer = await joined(first, server.running.url, 1)
        await ann.until(lambda: ann.opened_links)
        assert ann.opened_links[0].peer.hex() == peer
        second = await browser.new_page()
        await joined(second, server.running.url, 2)
        await ann.until(lambda: len(ann.opened_links) == 2)
        await event(first, "joined")
        await event(second, "opened")

        await server.restart()
        for page in (first, second):
            await page.wait_for_function("window.peer.events.filter(name => name === 'up').length === 2")
        assert await first.evaluate("window.peer.events.includes('down')")
        await ann.saw(Up, 2)
        assert ann.reasons == []

        await second.goto("about:blank")
        await ann.until(lambda: ann.reasons)
        await event(first, "left")
    await ann.leave()
    await server.stop()
