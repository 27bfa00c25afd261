"""Directs the rooms of pages under test: a live stream of real parts, and what a test lets happen to it."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from peer.media.ingest import media_parts
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from tests.elements.playlist import Playlist

ROOT = Path(__file__).parents[2]
OWN, PUBLISHER = "0a" * 16, "3f" * 16
WINDOW = 30
"""Parts kept for a newcomer: at least one of them is independent."""


def publisher_clock() -> int:
    """µs; not the wall clock of the page's machine, and ten minutes off, so nothing can rest on that."""
    return time.monotonic_ns() // 1000 + 1_800_000_000_000_000


def build_pages(folder: Path) -> None:
    """Build the pages with scripted rooms into `folder`."""
    command = ["npx", "vite", "build", "--config", "test/elements/vite.config.ts", "--logLevel", "warn"]
    subprocess.run([*command, "--outDir", str(folder)], cwd=ROOT / "web", check=True)


@dataclass
class Director:
    """One room with one page in it at a time, and what became of the page's wishes."""

    pages: Path = Path()
    size: str = "320x180"
    port: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    """What the page said: `join`, `watch`, `p2p`, `send`, `stop` …"""
    delay: float = 0.0
    """Seconds by which every part comes later."""
    drop: int = 0
    """So many of the next parts are left out."""
    silent: bool = False
    """Nothing is sent, and nothing kept."""
    epoch: int = 90_000_000
    room_state: str = "joined"
    stream_state: str | None = "live"
    origins: tuple[str, ...] = ()
    roster: tuple[dict[str, str], ...] = ()
    chat: list[dict[str, Any]] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)
    playlist: Playlist = field(default_factory=lambda: Playlist(publisher_clock))
    _sockets: set[web.WebSocketResponse] = field(default_factory=set)
    _watching: set[web.WebSocketResponse] = field(default_factory=set)
    _window: list[tuple[MediaPart, bytes]] = field(default_factory=list)
    _init: bytes | None = None
    _number: int = 0
    _source: asyncio.Task[None] | None = None
    _left_out: float = 0.0

    async def start_source(self) -> None:
        """Begin an epoch."""
        await self.stop_source()
        self.epoch += 10
        self._number = 0
        self._window.clear()
        self._source = asyncio.create_task(self._publish())

    async def stop_source(self) -> None:
        if self._source is not None:
            self._source.cancel()
            with suppress(asyncio.CancelledError):
                await self._source
            self._source = None

    async def set_stream(self, state: str | None) -> None:
        self.stream_state = state
        await self._broadcast(self._streams())

    async def set_room(self, state: str) -> None:
        self.room_state = state
        await self._broadcast(self._room())

    async def do(self, act: dict[str, Any]) -> None:
        """What an act of the page makes of the chat."""
        for message in list(self.chat):
            if message["id"] != act["target"]:
                continue
            if act["act"] == "delete":
                self.chat.remove(message)
            elif act["act"] == "edit":
                message |= {"text": act["text"], "edited": True}
            else:
                others = [given for given in message["reactions"] if given[0] != act["emoji"]]
                message["reactions"] = [*others, *([[act["emoji"], [OWN]]] if act["on"] else [])]
        await self._broadcast({"type": "chat", "messages": self.chat, "past": self.past})

    async def say(self, author: str, name: str, text: str, reply: str | None = None) -> None:
        number = len(self.chat)
        now = time.time_ns() // 1_000_000
        self.chat.append(
            {
                "id": f"{number:064x}",
                "author": author,
                "name": name,
                "text": text,
                "time": now,
                "clock": number,
                "reply": reply,
                "edited": False,
                "reactions": [],
            }
        )
        await self._broadcast({"type": "chat", "messages": self.chat, "past": self.past})

    async def tell(self, message: dict[str, Any]) -> None:
        await self._broadcast(message)

    async def _publish(self) -> None:
        source = f"test:?size={self.size}"
        options = MediaOptions(encode=EncodeOptions(video_bitrate=400_000, preset="ultrafast"))
        parts = media_parts(source, options, publisher_clock)
        assert isinstance(parts, AsyncGenerator)
        async with aclosing(parts) as items:
            async for item in items:
                self.playlist.add(item)
                if isinstance(item, InitSegment):
                    rendition = {
                        "id": f"{item.height}p",
                        "codecs": item.codecs,
                        "width": item.width,
                        "height": item.height,
                        "bandwidth": item.bandwidth,
                    }
                    header = {"type": "init", "codecs": item.codecs, "rendition": rendition}
                    self._init = self._frame(header, item.data)
                    await self._send(self._init)
                else:
                    await self._part(item)

    async def _part(self, part: MediaPart) -> None:
        number, self._number = self._number, self._number + 1
        if self.silent:
            return
        if self.drop > 0:
            self.drop -= 1
            self._left_out += part.duration / 1e6
            return
        if self._left_out:
            await self._broadcast({"type": "gap", "seconds": self._left_out})
            self._left_out = 0.0
        header = {
            "type": "part",
            "number": number,
            "epoch": self.epoch,
            "segment": 0,
            "mediaTime": part.media_time / 1e6,
            "duration": part.duration / 1e6,
            "captureTime": part.capture_time / 1e6,
            "independent": part.independent,
            "discontinuity": part.discontinuity,
            "init": 0,
        }
        if self.delay:
            await asyncio.sleep(self.delay)
        self._window.append((part, self._frame(header, part.data)))
        del self._window[:-WINDOW]
        await self._send(self._window[-1][1])

    def _frame(self, header: dict[str, Any], data: bytes) -> bytes:
        text = json.dumps(header | {"clock": publisher_clock() / 1e6}).encode()
        return len(text).to_bytes(4, "big") + text + data

    def _room(self) -> dict[str, Any]:
        roster = [{"peer": OWN, "name": "", "role": "viewer"}, *self.roster]
        return {
            "type": "room",
            "id": OWN,
            "state": self.room_state,
            "roster": roster,
            "count": len(roster),
        }

    def _streams(self) -> dict[str, Any]:
        if self.stream_state is None:
            return {"type": "streams", "streams": []}
        stream = {
            "name": "main",
            "key": "k",
            "publisher": PUBLISHER,
            "state": self.stream_state,
            "title": "Test pattern",
            "renditions": [],
            "origins": self.origins,
        }
        return {"type": "streams", "streams": [stream]}

    async def _broadcast(self, message: dict[str, Any]) -> None:
        for socket in list(self._sockets):
            with suppress(ConnectionResetError):  # that page has just gone
                await socket.send_json(message)

    async def _send(self, message: bytes) -> None:
        for socket in list(self._watching):
            with suppress(ConnectionResetError):
                await socket.send_bytes(message)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        await socket.send_json(self._room())
        await socket.send_json(self._streams())
        if self.chat:
            await socket.send_json({"type": "chat", "messages": self.chat, "past": self.past})
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                told = json.loads(message.data)
                if told["type"] == "buffer":
                    continue
                self.told.append(told)
                if told["type"] == "watch":
                    await self._begin(socket)
                elif told["type"] == "stop":
                    self._watching.discard(socket)
                elif told["type"] == "send":
                    await self.say(OWN, "", told["text"], reply=told.get("reply"))
                elif told["type"] == "act":
                    await self.do(told)
        finally:
            self._sockets.discard(socket)
            self._watching.discard(socket)
        return socket

    async def _begin(self, socket: web.WebSocketResponse) -> None:
        if self._init is not None:
            await socket.send_bytes(self._init)
        keys = [at for at, (part, _) in enumerate(self._window) if part.independent]
        for _, frame in self._window[keys[-1] if keys else len(self._window) :]:
            await socket.send_bytes(frame)
        self._watching.add(socket)


@asynccontextmanager
async def directed(director: Director) -> AsyncIterator[str]:
    """Serve the pages and the script; yields the base URL."""

    async def page(request: web.Request) -> web.StreamResponse:
        path = request.path
        name = {"/": "index.html", "/dashboard": "dashboard.html"}.get(path, path[1:])
        if path.startswith(("/watch/", "/chat/")):
            name = f"{path.split('/')[1]}.html"
        file = (director.pages / name).resolve()
        if not file.is_relative_to(director.pages.resolve()) or not file.is_file():
            raise web.HTTPNotFound
        # What the introducer may send: no inline scripts or styles.
        policy = "default-src 'self'; connect-src 'self' ws:; media-src 'self' blob:; worker-src 'self' blob:"
        return web.FileResponse(file, headers={"Content-Security-Policy": policy})

    async def rooms(request: web.Request) -> web.Response:
        return web.json_response({"rooms": [{"room": "demo", "peers": 5}, {"room": "empty", "peers": 1}]})

    async def room(request: web.Request) -> web.Response:
        name = request.match_info["room"]
        streams = [{"stream": "main", "state": director.stream_state, "title": "Test pattern"}]
        return web.json_response({"room": name, "peers": 5, "streams": streams if name == "demo" else []})

    application = web.Application()
    application.router.add_get("/script", director.connect)
    application.router.add_get("/api/v1/rooms", rooms)
    application.router.add_get("/api/v1/rooms/{room}", room)
    application.router.add_get("/live/demo/main/{name}", director.playlist.answer)
    application.router.add_get("/{tail:.*}", page)
    runner = web.AppRunner(application, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", director.port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await director.stop_source()
        await runner.cleanup()
