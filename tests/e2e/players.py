"""Players of others: a site with their pages, away from the origin, and what a page tells of its player."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page

from tests.e2e.stage import HOST, eventually

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "hls.js": ROOT / "web/node_modules/hls.js/dist/hls.js",
    "shaka": ROOT / "tests/players/node_modules/shaka-player/dist/shaka-player.compiled.js",
}
PAGE = """<!doctype html><meta charset=utf-8><title>{name}</title>
<video muted autoplay playsinline width=320 height=180></video>
<script>
const video = document.querySelector("video");
const seen = {{ errors: [], parts: 0, segments: 0, deltas: 0, stalls: 0 }};
video.addEventListener("waiting", () => {{ if (video.currentTime > 1 && !video.seeking) seen.stalls += 1; }});
</script>
<script src="/{name}/player"></script><script>{script}</script>"""
PAGES = {
    "hls.js": """
        const player = new Hls({ lowLatencyMode: true, ...window.settings });
        player.on(Hls.Events.ERROR, (_, { type, details, fatal, error }) => {
          seen.errors.push(`${fatal ? "fatal " : ""}${type} ${details}: ${error?.message ?? ""}`);
        });
        player.on(Hls.Events.FRAG_LOADED, (_, { part }) => { part ? seen.parts += 1 : seen.segments += 1; });
        player.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
          if (details.skippedSegments) seen.deltas += 1;
          if (details.deltaUpdateFailed) seen.errors.push("a delta update failed");
        });
        player.attachMedia(video);
        const open = (address) => player.loadSource(address);
        const latency = () => player.latency;
    """,
    "shaka": """
        shaka.polyfill.installAll();
        const player = new shaka.Player();
        const failed = (error) => seen.errors.push(`${error.severity} ${error.code}: ${error.message}`);
        player.addEventListener("error", (event) => failed(event.detail));
        player.getNetworkingEngine().registerResponseFilter((type, response) => {
          if (type === shaka.net.NetworkingEngine.RequestType.SEGMENT) seen.segments += 1;
          if (new TextDecoder().decode(response.data.slice?.(0, 600) ?? response.data).includes("EXT-X-SKIP"))
            seen.deltas += 1;
        });
        const open = async (address) => {
          await player.attach(video);
          // Without it 5.2 drops most parts that begin without a key frame: shaka-player issue 10589.
          const manifest = { hls: { sequenceMode: true } };
          player.configure({ streaming: { lowLatencyMode: true }, manifest });
          await player.load(address).catch(failed);
        };
        const latency = () => player.getStats().liveLatency;
    """,
}


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """Serves the pages; gives the address."""
    app = web.Application()

    async def page(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(text=PAGE.format(name=name, script=PAGES[name]), content_type="text/html")

    async def script(request: web.Request) -> web.FileResponse:
        return web.FileResponse(SCRIPTS[request.match_info["name"]])

    async def icon(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app.router.add_get("/favicon.ico", icon)
    app.router.add_get("/{name}", page)
    app.router.add_get("/{name}/player", script)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.3)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class BrowserPlayer:
    """One of the pages, in the words of somebody who looks at it."""

    name: str
    page: Page
    problems: list[str] = field(default_factory=list)

    async def ask(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def open(self, playlist: str) -> None:
        await self.page.evaluate(f"void open({playlist!r})")

    async def played(self, seconds: float) -> None:
        """Wait until so many seconds more were shown, or something has gone wrong."""
        begin = await self.ask("video.currentTime")
        await eventually(
            lambda: self.ask(f"video.currentTime >= {begin + seconds} || seen.errors.length > 0"), self.state
        )

    async def state(self) -> str:
        """What its player has seen."""
        expression = "({ time: video.currentTime, ready: video.readyState, latency: latency(), ...seen })"
        return f"{self.name}: {await self.ask(expression)} {self.problems}"


async def load_player(seat: Browser | BrowserContext, base: str, name: str) -> BrowserPlayer:
    """Open a page with a player that has no playlist yet."""
    # In a browser it has a cache of its own, as on a machine of its own.
    page = await seat.new_page()
    player = BrowserPlayer(name, page)
    page.on("pageerror", lambda error: player.problems.append(str(error)))
    await page.goto(f"{base}/{name}")
    return player
