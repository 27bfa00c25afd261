"""A web server with an HLS playlist, written as a live packager would, of segments by a real ffmpeg."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web


@dataclass
class Site:
    """A web server with a folder of segments; `down` makes it answer that it is out of order."""

    url: str = ""
    down: bool = False


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    serving = Site()

    @web.middleware
    async def gate(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if serving.down:
            raise web.HTTPServiceUnavailable
        return await handler(request)

    application = web.Application(middlewares=[gate])
    application.router.add_static("/", folder)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    serving.url = f"http://127.0.0.1:{runner.addresses[0][1]}/live.m3u8"
    try:
        yield serving
    finally:
        await runner.cleanup()


@dataclass
class Segments:
    """A playlist that is written as a live packager would."""

    folder: Path
    names: list[str]
    published: int = 0
    done: bool = False

    def publish(self, count: int, keep: int = 5) -> None:
        """Add segments to those in the list; so many stay."""
        self.published += count
        begin = max(0, self.published - keep)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{begin}"]
        for name in self.names[begin : self.published]:
            lines += ["#EXTINF:1.0,", name]
        lines += ["#EXT-X-ENDLIST"] if self.done else []
        (self.folder / "new").write_text("\n".join(lines) + "\n")
        (self.folder / "new").rename(self.folder / "live.m3u8")


async def segments(folder: Path, seconds: int) -> Segments:
    """Segments of a second each, by a real ffmpeg."""
    command = shlex.split(
        f"ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t {seconds} "
        "-c:v libx264 -pix_fmt yuv420p -preset ultrafast -g 25 -bf 0 -sc_threshold 0 -c:a aac -ac 2 -f hls "
        f"-hls_time 1 -hls_list_size 0 -hls_segment_filename {folder}/%03d.ts {folder}/made.m3u8"
    )
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
    return Segments(folder, [f"{number:03}.ts" for number in range(seconds)])
