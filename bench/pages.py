"""Pages in browsers of their own: five of them for a minute, and the time from opening one to its picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import async_playwright

from bench.machine import chromium
from bench.usage import group_seconds, machine_busy
from tests.e2e.audience import Audience, Watcher, stats_of
from tests.programs import Program, Programs

SAMPLE = Path(__file__).parents[1] / ".cache" / "sample" / "bigbuckbunny.mp4"
FIRST_FRAME = """
(() => {
  const look = () => {
    const video = document.querySelector("braidcast-player")?.renderRoot?.querySelector("video");
    if (video == null) return requestAnimationFrame(look);
    video.requestVideoFrameCallback((_, frame) => { window.firstFrame = frame.expectedDisplayTime / 1000; });
  };
  requestAnimationFrame(look);
})();
"""
"""Leaves in `window.firstFrame` the seconds from the beginning of the navigation to the first picture."""


@asynccontextmanager
async def stage(source: str) -> AsyncIterator[tuple[Program, str, Audience]]:
    """A demo, its watch URL, and seats for an audience."""
    with TemporaryDirectory() as folder:
        run = Programs(Path(folder))
        try:
            demo = await run.braidcast("demo", source, "--port", "0", "--json")
            listening = await demo.event("listening")
            await demo.record(lambda record: record.get("parts", 0) > 10)
            async with async_playwright() as playwright:
                seats = Audience(chromium(), run, playwright, Path(folder))
                try:
                    yield demo, listening["watch_url"], seats
                finally:
                    await asyncio.gather(*(watcher.leave() for watcher in seats.watchers))
        finally:
            await run.close()


async def watch(source: str, count: int, seconds: float, at_once: bool) -> dict[str, Any]:
    """`count` browsers play for `seconds` after the last of them is fed.

    Their pages are opened `at_once`, or as people come: each browser is started when the page before is fed.
    """
    async with stage(source) as (demo, url, seats):
        watchers: list[Watcher] = []
        if at_once:
            watchers = [await seats.seat() for _ in range(count)]
            for watcher in watchers:
                await watcher.go(url, FIRST_FRAME)
        for number in range(count):
            if not at_once:
                watchers.append(await seats.open(url, FIRST_FRAME))
            await watchers[number].until("window.firstFrame !== undefined")
            await watchers[number].is_fed()
        first = await stats_of(watchers)
        steady = demo.latest()
        cpu = _cpu(demo, watchers)
        latencies: list[float] = []
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await asyncio.sleep(1.0)
            told = await stats_of(watchers)
            latencies += [stats["liveLatency"] for stats in told if stats["liveLatency"] is not None]
        used = [after - before for before, after in zip(cpu, _cpu(demo, watchers), strict=True)]
        last = await stats_of(watchers)
        ended = demo.latest()
        opened = [await watcher.ask("window.firstFrame") for watcher in watchers]
        return {
            "pages": count,
            "seconds": seconds,
            "at_once": at_once,
            "startup": quantiles(opened),
            "latency": quantiles(latencies),
            "stalls": sum(stats["stalls"] for stats in last),
            "stalls_at_start": sum(stats["stalls"] for stats in first),
            "stall_seconds": sum(stats["stallTime"] for stats in last),
            "skipped_seconds": sum(stats["skippedTime"] for stats in last),
            "bytes_from_viewers": _sum(last, "bytesFromPeers") - _sum(last, "bytesFromRelays"),
            "bytes_from_relays": _sum(last, "bytesFromRelays"),
            "bytes_from_origin": _sum(last, "bytesFromOrigin"),
            "bytes_sent_http": ended["sent_bytes"]["http"],
            "bytes_sent_links": ended["sent_bytes"]["link"],
            "blocks_rejected": _sum(last, "blocksRejected"),
            "duplicates": _sum(last, "duplicates"),
            "share": _share(last),
            "steady_share": _share(last, first),
            "times_stream": (_sent(ended) - _sent(steady)) / (ended["media_bytes"] - steady["media_bytes"]),
            "cpu_publisher": used[0] / seconds,
            "cpu_page": used[1] / seconds / count,
            "machine_busy": used[2] / used[3],
        }


async def startup(source: str, times: int) -> dict[str, Any]:
    """A page is opened in a new browser, in a room where one page plays already, again and again."""
    async with stage(source) as (_, url, seats):
        resident = await seats.open(url)
        await resident.is_fed()
        opened = []
        for _ in range(times):
            newcomer = await seats.seat()
            await newcomer.go(url, FIRST_FRAME)
            await newcomer.until("window.firstFrame !== undefined")
            opened.append(await newcomer.ask("window.firstFrame"))
            await newcomer.leave()
        return {"pages": times, "first_frame": quantiles(opened)}


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and greatest, by nearest rank."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50": ordered[round(0.5 * last)],
        "p95": ordered[round(0.95 * last)],
        "max": ordered[last],
    }


def _cpu(demo: Program, watchers: Sequence[Watcher]) -> list[float]:
    """CPU seconds so far: the demo's, the browsers', the machine's busy ones and all."""
    pages = sum(group_seconds(watcher.process.pid) for watcher in watchers)
    return [group_seconds(demo.pid), pages, *machine_busy()]


def _sum(stats: Sequence[dict[str, Any]], name: str) -> int:
    return sum(int(each[name]) for each in stats)


def _share(after: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]] = ()) -> float:
    """What came from viewers and relays, of all."""
    peers = _sum(after, "bytesFromPeers") - _sum(before, "bytesFromPeers")
    origin = _sum(after, "bytesFromOrigin") - _sum(before, "bytesFromOrigin")
    return peers / (peers + origin)


def _sent(record: dict[str, Any]) -> int:
    return int(record["sent_bytes"]["http"]) + int(record["sent_bytes"]["link"])
