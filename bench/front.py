"""What both contestants of a comparison have as their origin: before the publisher's, it counts and shapes.

    python -m bench.front --origin URL --port PORT [--delay S] [--rate BIT/S] [--plain SEGMENTS] [--window S]

Under `/live/…` it passes requests on to the publisher; with `--plain` there is plain HLS under
`/plain/index.m3u8`, and p2p-media-loader's page under `/page/`. Twice a second it prints what it has sent, as
JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from bench.plain_hls import PlainHls
from bench.shaping import Shaper
from peer.showing import print_json

TELL_EVERY = 0.5
STREAM = "/live/demo/main/"
PAGE = Path(__file__).with_name("p2p_media_loader")
PLAYLIST = {"Content-Type": "application/vnd.apple.mpegurl", "Cache-Control": "no-cache"}
MEDIA = {"Content-Type": "video/mp4", "Cache-Control": "max-age=3600"}
PASSED = (
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Braidcast-Clock",
    "Cache-Control",
    "Content-Type",
    "Retry-After",
)
SEGMENT = re.compile(r"(\d{1,10})\.mp4")


class Front:
    """Its handlers."""

    def __init__(self, origin: str, shaper: Shaper, session: ClientSession) -> None:
        self.plain: PlainHls | None = None
        self._origin = origin.rstrip("/")
        self._shaper = shaper
        self._session = session

    def tell(self) -> dict[str, object]:
        """What was sent, and what the plain playlist shows (s)."""
        return {"sent": dict(self._shaper.sent), "plain": self.plain.seconds if self.plain else 0.0}

    async def fetch(self, address: str) -> bytes:
        """What is at an address relative to the stream's; for the plain playlist."""
        while True:
            async with self._session.get(self._origin + STREAM + address) as response:
                if response.status == 200:
                    return await response.read()
            await asyncio.sleep(0.2)  # the stream has not begun

    async def passed(self, request: web.Request) -> web.StreamResponse:
        """As the publisher answers it."""
        async with self._session.get(self._origin + request.path_qs) as answer:
            body = await answer.read()
            headers = {name: answer.headers[name] for name in PASSED if name in answer.headers}
            kind = "playlist" if request.path.endswith(".m3u8") else "media"
            return await self._shaper.respond(request, kind, body, headers, answer.status)

    async def plain_file(self, request: web.Request) -> web.StreamResponse:
        """The plain playlists, and what they name."""
        plain, name = self.plain, request.match_info["name"]
        assert plain is not None
        if name == "index.m3u8":
            return await self._shaper.respond(request, "playlist", plain.multivariant, PLAYLIST)
        if name == "media.m3u8":
            return await self._shaper.respond(request, "playlist", plain.render(), PLAYLIST)
        if name == "init.mp4":
            return await self._shaper.respond(request, "media", plain.init, MEDIA)
        numbered = SEGMENT.fullmatch(name)
        data = None if numbered is None else plain.find(int(numbered.group(1)))
        if data is None:
            raise web.HTTPNotFound
        return await self._shaper.respond(request, "media", data, MEDIA)


@contextlib.asynccontextmanager
async def serving(options: argparse.Namespace) -> AsyncIterator[Front]:
    """A front that answers at its port."""
    unbounded = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=30))
    async with unbounded as session, asyncio.TaskGroup() as tasks:
        front = Front(options.origin, Shaper(options.delay, options.rate), session)
        app = web.Application()
        app.router.add_get("/live/{rest:.*}", front.passed)
        following = None
        if options.plain:
            front.plain = PlainHls(front.fetch, options.plain, options.window)
            await front.plain.begin()
            following = tasks.create_task(front.plain.follow())
            app.router.add_get("/plain/{name}", front.plain_file)
            app.router.add_static("/page/modules", PAGE / "node_modules")
            app.router.add_static("/page", PAGE)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.3)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", options.port).start()
        try:
            yield front
        finally:
            await runner.cleanup()
            if following is not None:
                following.cancel()


async def serve(options: argparse.Namespace) -> None:
    async with serving(options) as front:
        print_json({"event": "listening"})
        while True:
            print_json(front.tell())
            await asyncio.sleep(TELL_EVERY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.front", description=__doc__)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--plain", type=int, default=0)
    parser.add_argument("--window", type=float, default=12.0)
    asyncio.run(serve(parser.parse_args()))
