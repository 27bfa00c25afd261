"""A real room for real browsers: an introducer that can go and come back, a publisher, and pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Error, Page

from peer.addresses import free_port, watch_url
from peer.api import Peer
from peer.identity import Identity
from peer.media.parts import EncodeOptions, MediaOptions
from peer.publisher import Publisher
from signaling.server.app import Running, create_app
from signaling.server.app import run as run_introducer
from signaling.server.config import Config

HOST = "127.0.0.1"
ROOM = "demo"
SOURCE = "test:?size=320x180&fps=25"
OPTIONS = MediaOptions(encode=EncodeOptions(video_bitrate=300_000, audio_bitrate=48_000, preset="ultrafast"))
PATIENCE = 60.0
"""Seconds: long enough for a busy machine; nothing is asserted about how long anything takes."""
PLAYER = """
const player = document.querySelector("braidcast-player");
const chat = document.querySelector("braidcast-chat");
const stats = player?.stats;
const room = player?.membership;
const video = player?.renderRoot?.querySelector("video");
"""


async def eventually(condition: Callable[[], Awaitable[bool]], what: Callable[[], Awaitable[str]]) -> None:
    """Wait until `condition` is true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"this did not come to pass: {await what()}")


@dataclass
class Viewer:
    """A watch page, in the words of somebody who looks at it."""

    page: Page
    problems: list[str] = field(default_factory=list)

    async def stats(self) -> dict[str, Any]:
        """Returns the player's `.stats`."""
        found: dict[str, Any] = await self.ask("stats")
        return found

    async def ask(self, expression: str) -> Any:
        """Returns the value of an expression on `player`, `stats`, `room`, `chat` and `video`."""
        return await self.page.evaluate(f"(() => {{ {PLAYER} return {expression}; }})()")

    async def until(self, condition: str) -> None:
        """Wait until a condition on those holds."""

        async def holds() -> bool:
            return bool(await self.ask(f"room != null && ({condition})"))

        async def situation() -> str:
            return f"{condition}; {await self.ask('[room?.state, JSON.stringify(stats)]')}"

        await eventually(holds, situation)

    async def plays_on(self, seconds: float = 1.5) -> None:
        """Wait until so much more of the programme was shown."""
        await self.until("stats.state === 'live'")
        before = await self.ask("video.currentTime")
        await self.until(f"stats.state === 'live' && video.currentTime > {before} + {seconds}")

    async def is_fed(self) -> None:
        """Wait until every stripe comes over a link."""
        await self.until("stats.parents.length > 0 && stats.parents.every((peer) => peer !== null)")

    async def crashes(self) -> None:
        """Its process is gone in the middle of everything."""
        with contextlib.suppress(Error):
            await self.page.goto("chrome://crash")

    async def sees(self, text: str) -> None:
        """Wait until the chat shows a message."""
        await self.until(f"chat?.messages?.some((message) => message.text === {text!r})")

    async def says(self, text: str) -> None:
        await self.page.evaluate("(text) => document.querySelector('braidcast-chat').send(text)", text)


@dataclass
class Stage:
    """What a test may do to the room. Everything is ended with `staged`."""

    browser: Browser
    pages: Path
    origin: bool
    source: str = SOURCE
    options: MediaOptions = OPTIONS
    identity: Identity = field(default_factory=Identity.generate)
    host: str = HOST
    """The name under which pages reach the introducer."""
    port: int = 0
    publisher: Publisher | None = None
    viewers: list[Viewer] = field(default_factory=list)
    _introducer: AsyncExitStack = field(default_factory=AsyncExitStack)
    _publishing: AsyncExitStack = field(default_factory=AsyncExitStack)
    _origin_port: int = 0
    _contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        return watch_url(f"http://{self.host}:{self.port}", ROOM, self.identity.key)

    async def start_introducer(self) -> Running:
        """At the same port each time."""
        self.port = self.port or free_port(HOST)
        config = Config(host=HOST, port=self.port, pages=self.pages)
        return await self._introducer.enter_async_context(run_introducer(config, create_app(config)))

    async def stop_introducer(self) -> None:
        await self._introducer.aclose()

    async def start_publisher(self) -> Publisher:
        """Another epoch of the same stream by the same key; its origin is at a port of its own."""
        self._origin_port = self._origin_port or free_port(HOST)
        base = f"http://{HOST}:{self._origin_port}/live/{ROOM}/main"
        peer = Peer.join(f"http://{HOST}:{self.port}", ROOM, identity=self.identity, role="publisher")
        origins = (base,) if self.origin else ()
        publisher = Publisher(peer.node, self.source, "main", self.options, title="A test", origins=origins)
        if self.origin:
            app = web.Application()
            publisher.origin.mount(app)
            runner = web.AppRunner(app, shutdown_timeout=0.3, access_log=None)
            await runner.setup()
            self._publishing.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, self._origin_port).start()
        await self._publishing.enter_async_context(peer)
        running = asyncio.create_task(publisher.run())
        self._publishing.push_async_callback(_ended, running)
        self.publisher = publisher
        return publisher

    async def stop_publisher(self) -> None:
        """It announces that the stream has ended, and leaves."""
        await self._publishing.aclose()

    async def crash_publisher(self) -> None:
        """It is gone without a word about its stream."""
        assert self.publisher is not None
        self.publisher.end = lambda: None  # type: ignore[method-assign]
        await self.stop_publisher()

    def sent(self) -> tuple[int, int]:
        """Media bytes that the publisher has sent over HTTP and over links."""
        if self.publisher is None or not self.publisher.carriers:
            return (0, 0)
        return (
            self.publisher.sent.http,
            sum(carrier.core.counters.to_peers for carrier in self.publisher.carriers),
        )

    async def needs_no_http(self) -> None:
        """Wait until the publisher has sent a second of the stream over links, and nothing over HTTP."""
        publisher = self.publisher
        assert publisher is not None
        since = [(*self.sent(), publisher.parts)]

        async def holds() -> bool:
            http, link = self.sent()
            if http != since[0][0]:
                since[0] = (http, link, publisher.parts)
            return link > since[0][1] and publisher.parts >= since[0][2] + 10

        async def situation() -> str:
            return f"the links carry everything; {self.sent()}"

        await eventually(holds, situation)

    async def open(self, *, before: str = "", context: BrowserContext | None = None) -> Viewer:
        """A watch page, in a profile of its own unless one is given. `before` runs before its scripts."""
        context = context or await self.context()
        page = await context.new_page()
        viewer = Viewer(page)
        page.on("pageerror", lambda error: viewer.problems.append(str(error)))
        if before:
            await page.add_init_script(before)
        await page.goto(self.url)
        self.viewers.append(viewer)
        return viewer

    async def context(self) -> BrowserContext:
        context = await self.browser.new_context(viewport={"width": 640, "height": 480})
        self._contexts.append(context)
        return context

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()
        await self.stop_publisher()
        await self.stop_introducer()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def staged(
    browser: Browser,
    pages: Path,
    *,
    origin: bool = True,
    source: str = SOURCE,
    options: MediaOptions = OPTIONS,
) -> AsyncIterator[Stage]:
    """A room with its publisher; errors of pages fail the test when it is left."""
    stage = Stage(browser, pages, origin, source, options)
    try:
        await stage.start_introducer()
        await stage.start_publisher()
        yield stage
    finally:
        await stage.close()
    assert [viewer.problems for viewer in stage.viewers] == [[] for _ in stage.viewers]
