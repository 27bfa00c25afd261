"""Latency by the length of a part, by hops through the mesh, and beside hls.js at the same origin."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.glass import OBSERVE, Run, glass, happened, observed, scene_of, spread
from bench.pages import quantiles
from bench.usage import group_seconds, machine_busy
from peer.addresses import free_port
from tests.e2e.players import site
from tests.programs import Programs
from tests.time_code import VIDEO

HOST = "127.0.0.1"
PARTS = ("50ms", "100ms", "200ms", "400ms")
ROOMS = (1, 6)
SETTLE = 20.0
SOURCE = ("test:?size=320x180", "--bitrate", "300k")
SETTINGS: dict[str, dict[str, float]] = {
    "hls.js": {},
    "hls.js, tuned": {
        "liveSyncDuration": 0.6,
        "liveMaxLatencyDuration": 4,
        "maxLiveSyncPlaybackRate": 1.06,
    },
}
"""As it comes with `lowLatencyMode`, and as near to the edge as Braidcast's own fall-back goes."""


async def by_part(seconds: float) -> list[dict[str, Any]]:
    """Two pages at each length: one that the publisher feeds, and the other that it feeds in part."""
    return [await glass(Run("rtmp", VIDEO, 2, seconds, part)) for part in PARTS]


async def by_hops(seconds: float) -> dict[str, Any]:
    """Python peers, which do nothing but carry, in rooms of several sizes."""
    found: dict[int, list[float]] = {}
    used = []
    with TemporaryDirectory() as folder:
        for count in ROOMS:
            run = Programs(Path(folder))
            try:
                late, cpu = await _room(run, count, seconds)
            finally:
                await run.close()
            used.append(cpu)
            for hops, values in late.items():
                found.setdefault(int(hops), []).extend(values)
    return {
        "rooms": list(ROOMS),
        "cpu": used,
        "hops": {str(hops): {"parts": len(values), **quantiles(values)} for hops, values in found.items()},
    }


async def beside_hls_js(seconds: float) -> dict[str, Any]:
    """Two pages of ours and two with hls.js, which play the same origin's LL-HLS, all of them together."""
    run = Run("rtmp", VIDEO, 2, seconds)
    async with scene_of(run) as scene, site() as base:
        ours = [await scene.seats.open(scene.url, OBSERVE) for _ in range(2)]
        for watcher in ours:
            await watcher.is_fed()
        theirs = []
        for settings in SETTINGS.values():
            before = f"{OBSERVE}; window.settings = {json.dumps(settings)};"
            theirs.append(await scene.seats.open(f"{base}/hls.js", before))
            await theirs[-1].page.evaluate(f"void open({scene.playlist!r})")
            await theirs[-1].page.evaluate("window.observed.begun")
        watchers = [*ours, *theirs]
        await asyncio.sleep(SETTLE)
        earlier, busy = await observed(watchers), machine_busy()
        cpu = [group_seconds(watcher.process.pid) for watcher in watchers]
        await asyncio.sleep(seconds)
        after, ended = await observed(watchers), machine_busy()
        used = [group_seconds(watcher.process.pid) - had for watcher, had in zip(watchers, cpu, strict=True)]
        errors = [await watcher.page.evaluate("seen.errors") for watcher in theirs]
        await scene.sender.kill()
        await scene.tap.close()
    pages = [happened(now, then) for now, then in zip(after, earlier, strict=True)]
    names = ["Braidcast", "Braidcast", *SETTINGS]
    return {
        "seconds": seconds,
        "machine_busy": (ended[0] - busy[0]) / (ended[1] - busy[1]),
        "errors": errors,
        "rows": [
            {
                "name": name,
                "latency": quantiles(page["latency"]),
                "stalls": page["stalls"],
                "stall_seconds": page["stall_seconds"],
                "startup": now["startup"],
                "cpu": spent / seconds,
            }
            for name, page, now, spent in zip(names, pages, after, used, strict=True)
        ],
    }


def part_text(found: list[dict[str, Any]]) -> str:
    """A line for each length."""
    lines = ["\nGlass to glass by the length of a part, two pages, ffmpeg by RTMP, 640x360 at 1 Mbit/s"]
    lines += [
        f"  {row['part']:>6}   {spread(row['glass'])}   {row['stalls']} stalls   "
        f"CPU {row['cpu']['publisher']:.2f} publisher, {row['cpu']['page']:.2f} page   "
        f"the machine was {100 * row['machine_busy']:.0f} % busy"
        for row in found
    ]
    return "\n".join(lines)


def hops_text(found: dict[str, Any]) -> str:
    """A line for each number of hops."""
    rooms = " and ".join(str(count) for count in found["rooms"])
    busy = ", ".join(f"{100 * cpu:.0f} %" for cpu in found["cpu"])
    lines = [
        f"\nA part whole and verified, from the capture of its first picture; rooms of {rooms} Python peers"
    ]
    lines += [f"  {hops} hops   {spread(row)} of {row['parts']} parts" for hops, row in found["hops"].items()]
    return "\n".join([*lines, f"  the machine was busy {busy}"])


def players_text(found: dict[str, Any]) -> str:
    """A line for each page."""
    lines = [f"\nBeside hls.js at the same origin's LL-HLS, four pages together for {found['seconds']:.0f} s"]
    lines += [
        f"  {row['name']:16} {spread(row['latency'])}   {row['stalls']} stalls in "
        f"{row['stall_seconds']:.2f} s   start-up {row['startup']:.2f} s   CPU {row['cpu']:.2f}"
        for row in found["rows"]
    ]
    return "\n".join([*lines, f"  the machine was {100 * found['machine_busy']:.0f} % busy"])


async def _room(run: Programs, count: int, seconds: float) -> tuple[dict[str, list[float]], float]:
    introducer = await run.braidcast("signal", "--port", "0", "--json")
    server = (await introducer.event("listening"))["url"]
    publish = ("publish", *SOURCE, "--server", server, "--json", "--http", f"{HOST}:{free_port(HOST)}")
    publisher = await run.braidcast(*publish)
    await publisher.record(lambda record: record.get("parts", 0) > 10)
    began = machine_busy()
    peers = await run.start("peers", sys.executable, "-m", "bench.hops", server, str(count), str(seconds))
    async with asyncio.timeout(120 + seconds):
        await peers.process.wait()
    await peers.ended()
    ended = machine_busy()
    late: dict[str, list[float]] = json.loads(peers.output[-1])
    return late, (ended[0] - began[0]) / (ended[1] - began[1])
