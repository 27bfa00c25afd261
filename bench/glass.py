"""Glass to glass: from a time code that an encoder's picture has to the displays of pages that carry it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import async_playwright

from bench.machine import chromium
from bench.pages import quantiles
from bench.usage import group_seconds, machine_busy
from bench.ways import HOST, WAYS, Place
from peer.addresses import free_port
from tests.e2e.audience import Audience, Watcher
from tests.encoder_tap import EncoderTap
from tests.programs import Program, Programs
from tests.time_code import LARGE, VIDEO, Picture

ROWS = tuple((size, pages) for size in ("360p", "720p") for pages in (6, 2))
"""Run unless something is chosen. Two pages show what the program takes where six take the machine."""
SIZES = {"360p": VIDEO, "720p": LARGE}
OBSERVE = Path(__file__).with_name("observe.js").read_text()
SETTLE = 20.0
"""Seconds after everybody is fed: players come nearer from the reserve that they begin with."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is run: how many pages see what."""

    way: str
    picture: Picture
    pages: int
    seconds: float
    part: str = "100ms"


def chosen(way: str, size: str | None, pages: int | None, seconds: float) -> tuple[Run, ...]:
    """The runs of these options; None leaves a choice to `ROWS`."""
    rows = [row for row in ROWS if size is None or row[0] == size]
    if pages is not None:
        rows = [(name, pages) for name in dict.fromkeys(name for name, _ in rows)]
    return tuple(Run(way, SIZES[name], count, seconds) for name, count in rows)


@dataclass(slots=True)
class Scene:
    """Everything that runs."""

    url: str
    playlist: str
    publisher: Program
    introducer: Program
    sender: Program
    tap: EncoderTap
    seats: Audience


async def glass(run: Run) -> dict[str, Any]:
    """Pages are opened one after another, each when the one before is fed; then everybody plays."""
    async with scene_of(run) as scene:
        watchers = [await scene.seats.seat() for _ in range(run.pages)]
        for watcher in watchers:
            await watcher.go(scene.url, OBSERVE)
            await watcher.page.evaluate("window.observed.begun")
            await watcher.is_fed()
        await asyncio.sleep(SETTLE)
        began, seen, cpu = time.time(), await observed(watchers), _cpu(scene, watchers)
        await asyncio.sleep(run.seconds)
        after, ended, now = await observed(watchers), time.time(), _cpu(scene, watchers)
        counted = [await watcher.stats() for watcher in watchers]
        await scene.sender.kill()
        await scene.tap.close()
    pages = [happened(after, before) for after, before in zip(after, seen, strict=True)]
    delays = await asyncio.to_thread(scene.tap.delays, began, ended)
    even = median(delays.even) if delays.even else 0.0
    used = [later - earlier for earlier, later in zip(cpu, now, strict=True)]
    return {
        **asdict(run),
        "encoder": " ".join(run.picture.encoder) if run.way != "whip" else "Chromium's own",
        "glass": quantiles([value for page in pages for value in page["latency"]]),
        "worst_page": {
            name: max(quantiles(page["latency"])[name] for page in pages) for name in ("p50", "p95")
        },
        "encoder_delay": quantiles(delays.real) if delays.real else None,
        "encoder_delay_even": even,
        "live_latency": quantiles([value for page in pages for value in page["said"]]),
        "disagreement": [median(page["said"]) + even - median(page["latency"]) for page in pages],
        "readings": sum(len(page["latency"]) for page in pages),
        "stalls": sum(page["stalls"] for page in pages),
        "stall_seconds": sum(page["stall_seconds"] for page in pages),
        "player_stalls": sum(stats["stalls"] for stats in counted),
        "from_peers": sum(stats["bytesFromPeers"] for stats in counted)
        / sum(stats["bytesFromPeers"] + stats["bytesFromOrigin"] for stats in counted),
        "startup": quantiles([page["startup"] for page in after]),
        "cpu": {
            name: value / run.seconds
            for name, value in zip(("publisher", "introducer", "sender"), used, strict=False)
        }
        | {"page": used[3] / run.seconds / run.pages},
        "machine_busy": used[4] / used[5],
        "busy_by_this": sum(used[:4]) / used[5],
    }


@asynccontextmanager
async def scene_of(run: Run) -> AsyncIterator[Scene]:
    """A sender, its publisher and an introducer, and seats."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        programs = Programs(folder)
        try:
            async with async_playwright() as playwright:
                seats = Audience(chromium(), programs, playwright, folder)
                place = Place(programs, seats, folder, run.picture, EncoderTap())
                try:
                    async with WAYS[run.way](place) as sender:
                        introducer = await programs.braidcast("signal", "--port", "0", "--json")
                        server = (await introducer.event("listening"))["url"]
                        publisher = await programs.braidcast(
                            "publish", sender.source, "--server", server, "--json",
                            "--http", f"{HOST}:{free_port(HOST)}", "--part", run.part,
                        )  # fmt: skip
                        joined = await publisher.event("joined")
                        program = await sender.begin()
                        await publisher.record(lambda record: record.get("parts", 0) > 10)
                        yield Scene(
                            joined["watch_url"], f"{joined['origins'][0]}/index.m3u8",
                            publisher, introducer, program, place.tap, seats,
                        )  # fmt: skip
                finally:
                    await asyncio.gather(*(watcher.leave() for watcher in seats.watchers))
        finally:
            await programs.close()


async def observed(watchers: Sequence[Watcher]) -> list[dict[str, Any]]:
    """What `observe.js` has seen in each page so far."""
    return list(await asyncio.gather(*(watcher.page.evaluate("window.observed()") for watcher in watchers)))


def happened(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What happened in a page between two looks at it."""
    seen = len(before["latencies"])
    stalls = after["stalls"][len(before["stalls"]) :]
    return {
        "latency": after["latencies"][seen:],
        "said": [said for said in after["said"][seen:] if said is not None],
        "stalls": len(stalls),
        "stall_seconds": sum(stall["seconds"] for stall in stalls),
    }


def _cpu(scene: Scene, watchers: Sequence[Watcher]) -> list[float]:
    """CPU seconds so far: publisher, introducer, sender, pages; then the machine's busy ones and all."""
    programs = (scene.publisher, scene.introducer, scene.sender)
    pages = sum(group_seconds(watcher.process.pid) for watcher in watchers)
    return [*(group_seconds(program.pid) for program in programs), pages, *machine_busy()]


def text(found: dict[str, Any]) -> str:
    """What a person is told of a run."""
    picture, cpu = found["picture"], found["cpu"]
    delay = found["encoder_delay"]
    known = "" if delay is None else f"the encoder's own {spread(delay)}; "
    worst = max(found["disagreement"], key=abs)
    named = {"rtmp": "ffmpeg by RTMP", "srt": "ffmpeg by SRT", "whip": "Chromium by WHIP",
             "rtsp": "ffmpeg by RTSP, pulled", "hls": "ffmpeg's HLS, pulled"}[found["way"]]  # fmt: skip
    return "\n".join(
        [
            f"\nGlass to glass, {named}, {picture['width']}x{picture['height']} at "
            f"{picture['bitrate'] / 1e6:.0f} Mbit/s, {found['pages']} pages, "
            f"a browser each, for {found['seconds']:.0f} s",
            f"  encoder        {found['encoder']}",
            f"  glass to glass {spread(found['glass'])} of {found['readings']} pictures; "
            f"worst page p50 {found['worst_page']['p50']:.2f} s, p95 {found['worst_page']['p95']:.2f} s",
            f"  of which       {known}liveLatency {spread(found['live_latency'])}",
            f"  liveLatency    with the encoder's {1e3 * found['encoder_delay_even']:.0f} ms beside it "
            f"{1e3 * abs(worst):.0f} ms {'less' if worst < 0 else 'more'} than the picture says, "
            "at the page where that is most",
            f"  stalls         {found['stalls']} in {found['stall_seconds']:.2f} s; "
            f"{found['player_stalls']} by the players' count, start-up included",
            f"  start-up       {spread(found['startup'])} from opening to the first picture; "
            f"{100 * found['from_peers']:.0f} % came from peers",
            f"  CPU            {cpu['publisher']:.2f} of a core for the publisher, {cpu['sender']:.2f} "
            f"for the sender, {cpu['page']:.2f} for each page; "
            f"the machine was {100 * found['machine_busy']:.0f} % busy, "
            f"{100 * found['busy_by_this']:.0f} % with these"
            + (SATURATED if found["machine_busy"] > BUSY else ""),
        ]
    )


BUSY = 0.9
SATURATED = ": too busy, so latency and stalls are the machine's as well"


def spread(values: dict[str, float]) -> str:
    """Seconds, in words."""
    return f"p50 {values['p50']:.3f} s, p95 {values['p95']:.3f} s, greatest {values['max']:.3f} s"
