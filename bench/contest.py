"""One contestant at one setting: six browsers, one origin, one stream, looked at from outside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import async_playwright

from bench.machine import chromium
from bench.pages import quantiles
from bench.usage import group_seconds, machine_busy
from peer.addresses import free_port
from tests.e2e.audience import Audience, Watcher
from tests.programs import Program, Programs

HOST = "127.0.0.1"
TRACKER = Path(__file__).with_name("p2p_media_loader") / "tracker.js"
OBSERVE = Path(__file__).with_name("observe.js").read_text()
SETTLE = 20.0
"""Seconds after everybody's first picture: links are made, and buffers are as long as they will be."""
OPENING = 60.0


@dataclass(frozen=True, slots=True)
class Origin:
    """What the origin is like: seconds and bit/s of each of its responses; 0 for neither."""

    name: str
    delay: float = 0.0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """Braidcast, unless `plain` says how many of the origin's segments (1 s) p2p-media-loader gets as one."""

    name: str
    plain: int = 0
    sync: int | None = None
    """`liveSyncDurationCount` of hls.js; None leaves it to p2p-media-loader."""
    demand: int | None = None
    """`highDemandTimeWindow` in s; None is its default of 15."""
    window: float = 12.0
    """Seconds that the plain playlist shows."""


@dataclass(slots=True)
class _Scene:
    url: str
    publisher: Program
    front: Program
    others: list[Program]
    """What a contestant needs besides: the introducer, the tracker."""
    seats: Audience


@dataclass(frozen=True, slots=True)
class _Reading:
    """Everything that is counted, at one moment."""

    front: dict[str, int]
    links: int
    """Bytes that the publisher itself sent over links."""
    media: int
    """Bytes of the stream so far."""
    pages: list[dict[str, Any]]
    cpu: dict[str, float]
    busy: tuple[float, float]


async def contest(contestant: Contestant, origin: Origin, viewers: int, seconds: float) -> dict[str, Any]:
    """`viewers` pages are opened at once. All but the start's figures are of `seconds` once they settled."""
    async with _scene(contestant, origin) as scene:
        watchers = [await scene.seats.seat() for _ in range(viewers)]
        await asyncio.gather(*(watcher.go(scene.url, OBSERVE) for watcher in watchers))
        async with asyncio.timeout(OPENING):
            await asyncio.gather(*(watcher.page.evaluate("window.observed.begun") for watcher in watchers))
        await asyncio.sleep(SETTLE)
        before = await _read(scene, watchers)
        await asyncio.sleep(seconds)
        after = await _read(scene, watchers)
        own = await asyncio.gather(*(watcher.page.evaluate(_OWN) for watcher in watchers))
    return _found(before, after, seconds) | {"viewers": viewers, "seconds": seconds, "own": list(own)}


_OWN = """(() => {
  const stats = document.querySelector("braidcast-player")?.stats;
  if (stats === undefined) return window.contestant;
  const { bytesFromPeers, bytesFromOrigin, stalls, stallTime, skippedTime, liveLatency } = stats;
  return { bytesFromPeers, bytesFromOrigin, stalls, stallTime, skippedTime, liveLatency };
})()"""
"""What the contestants count themselves: told with `--json`, in no table."""


@asynccontextmanager
async def _scene(contestant: Contestant, origin: Origin) -> AsyncIterator[_Scene]:
    with TemporaryDirectory() as folder:
        run = Programs(Path(folder))
        try:
            programs = await _programs(run, contestant, origin)
            async with async_playwright() as playwright:
                seats = Audience(chromium(), run, playwright, Path(folder))
                try:
                    yield _Scene(*programs, seats)
                finally:
                    await asyncio.gather(*(watcher.leave() for watcher in seats.watchers))
        finally:
            await run.close()


async def _programs(
    run: Programs, contestant: Contestant, origin: Origin
) -> tuple[str, Program, Program, list[Program]]:
    """The same introducer, publisher and front for both; the watch address, and what must be looked at."""
    inner, outer = free_port(HOST), free_port(HOST)
    introducer = await run.braidcast("signal", "--port", "0", "--json")
    server = (await introducer.event("listening"))["url"]
    publisher = await run.braidcast(
        "publish", "test:", "--server", server, "--room", "demo", "--json",
        "--http", f"{HOST}:{inner}", "--http-url", f"http://{HOST}:{outer}",
    )  # fmt: skip
    url = str((await publisher.event("joined"))["watch_url"])
    await publisher.record(lambda record: record.get("parts", 0) > 10)
    front = await run.start("front", *_front(contestant, origin, inner, outer))
    await front.event("listening")
    if not contestant.plain:
        return url, publisher, front, [introducer]
    tracker = await run.start("tracker", "node", str(TRACKER))
    port = (await tracker.event("listening"))["port"]
    await front.record(lambda record: record.get("plain", 0.0) > contestant.window - 0.5)
    query = {
        "playlist": f"http://{HOST}:{outer}/plain/index.m3u8",
        "tracker": f"ws://{HOST}:{port}",
        "sync": contestant.sync,
        "demand": contestant.demand,
    }
    given = urlencode({name: value for name, value in query.items() if value is not None})
    return f"http://{HOST}:{outer}/page/page.html?{given}", publisher, front, [introducer, tracker]


def _front(contestant: Contestant, origin: Origin, inner: int, outer: int) -> list[str]:
    options = {
        "--origin": f"http://{HOST}:{inner}", "--port": outer, "--delay": origin.delay, "--rate": origin.rate,
        "--plain": contestant.plain, "--window": contestant.window,
    }  # fmt: skip
    return [sys.executable, "-m", "bench.front", *(str(word) for pair in options.items() for word in pair)]


async def _read(scene: _Scene, watchers: Sequence[Watcher]) -> _Reading:
    pages = await asyncio.gather(*(watcher.page.evaluate("window.observed()") for watcher in watchers))
    published = scene.publisher.latest()
    return _Reading(
        front=scene.front.latest()["sent"],
        links=int(published["sent_bytes"]["link"]),
        media=int(published["media_bytes"]),
        pages=list(pages),
        cpu={
            "page": sum(group_seconds(watcher.process.pid) for watcher in watchers) / len(watchers),
            "publisher": group_seconds(scene.publisher.pid),
            "others": sum(group_seconds(program.pid) for program in (scene.front, *scene.others)),
        },
        busy=machine_busy(),
    )


def _found(before: _Reading, after: _Reading, seconds: float) -> dict[str, Any]:
    """Figures that are the same for both, whatever they say themselves."""
    viewers = len(after.pages)
    stream = after.media - before.media
    http = after.front.get("media", 0) - before.front.get("media", 0)
    links = after.links - before.links
    late = [
        sorted(page["latencies"][len(earlier["latencies"]) :])
        for page, earlier in zip(after.pages, before.pages, strict=True)
    ]
    stalls = [
        stall["seconds"]
        for page, earlier in zip(after.pages, before.pages, strict=True)
        for stall in page["stalls"][len(earlier["stalls"]) :]
    ]
    at_start = [stall["seconds"] for page in before.pages for stall in page["stalls"]]
    times = (http + links) / stream
    return {
        "bitrate": 8 * stream / seconds,
        "origin_bytes": {"http": http, "links": links},
        "playlist_bytes": after.front.get("playlist", 0) - before.front.get("playlist", 0),
        "times_stream": times,
        "offload": 1 - times / viewers,
        "latency": quantiles([value for page in late for value in page]),
        "latency_worst_p50": max((page[len(page) // 2] for page in late if page), default=None),
        "stalls": len(stalls),
        "stall_seconds": sum(stalls),
        "stalls_at_start": len(at_start),
        "stall_seconds_at_start": sum(at_start),
        "skipped_seconds": sum(page["skipped"] for page in after.pages),
        "startup": quantiles([page["startup"] for page in after.pages]),
        "cpu": {name: (after.cpu[name] - before.cpu[name]) / seconds for name in after.cpu},
        "machine_busy": (after.busy[0] - before.busy[0]) / (after.busy[1] - before.busy[1]),
    }
