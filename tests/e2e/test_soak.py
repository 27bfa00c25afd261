"""Hours in minutes: memory stays flat in publisher, relay, viewer and page, and sound stays with the picture.

What might leak is kept for each part, so parts are a third as long as usual: twenty minutes have an hour's.
`BRAIDCAST_SOAK_MINUTES` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import av
import pytest
from playwright.async_api import CDPSession

from bench.usage import process_memory
from peer.addresses import free_port
from tests.e2e.audience import Watcher, audience
from tests.programs import Program, programs
from tests.time_code import Picture

MINUTES = float(os.environ.get("BRAIDCAST_SOAK_MINUTES", "20"))
pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(60 * MINUTES + 300),
    pytest.mark.usefixtures("built_pages"),
]

HOST = "127.0.0.1"
SMALL = Picture(320, 180, 30, 300_000)
PART = "33ms"
LOOK_EVERY = 5.0
MAY_GROW = {"publisher": 8e6, "relay": 8e6, "viewer": 8e6, "page": 2e6}
"""Bytes, from the second quarter to the last: 36,000 parts lie between the middles of these, so it is a leak
of 220 (in the page 60) bytes for each part that would be seen."""
LOUD = 0.05
SYNC = (Path(__file__).parent / "sync.js").read_text()


async def heap(session: CDPSession) -> float:
    """Bytes that a page's objects take, once what nobody holds is gone."""
    await session.send("HeapProfiler.collectGarbage")
    return float((await session.send("Runtime.getHeapUsage"))["usedSize"])


def growth(samples: Sequence[float]) -> float:
    """From the second quarter, when all windows and histories are full, to the last."""
    quarter = len(samples) // 4
    return median(samples[-quarter:]) - median(samples[quarter : 2 * quarter])


def sound_behind_picture(path: Path) -> list[float]:
    """By how many seconds each beep of a recording begins later than the flash that belongs to it."""
    flashes: list[float] = []
    beeps: list[float] = []
    sounded = -1.0
    with av.open(path) as container:
        for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            assert frame.time is not None
            if isinstance(frame, av.VideoFrame):
                luma = frame.planes[0]
                corner = bytes(luma)[frame.height // 8 * luma.line_size + frame.width // 8]
                if corner > 220 and frame.time - (flashes[-1] if flashes else -1.0) > 0.5:
                    flashes.append(frame.time)
            else:
                samples = memoryview(frame.planes[0]).cast("B").cast("f")[: frame.samples]
                if max(samples) < LOUD:
                    continue
                first = next(number for number, sample in enumerate(samples) if sample > LOUD)
                if frame.time - sounded > 0.3:
                    beeps.append(frame.time + first / frame.sample_rate)
                sounded = frame.time
    return [min((beep - flash for beep in beeps), key=abs) for flash in flashes[1:-1]]


async def sound_behind_picture_here(watcher: Watcher) -> float:
    """The same as it leaves a page."""
    found: list[float] = await watcher.page.evaluate(f"({SYNC})(8)")
    return median(found)


async def test_memory_is_flat_and_sound_stays_with_the_picture(chromium: str, tmp_path: Path) -> None:
    recording = tmp_path / "recording.mp4"
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = ("--server", (await introducer.event("listening"))["url"], "--json")
        ingest = f"rtmp://{HOST}:{free_port(HOST)}/live"
        origin = ("--http", f"{HOST}:{free_port(HOST)}")
        publisher = await run.braidcast("publish", ingest, "--part", PART, *origin, *server)
        url = (await publisher.event("joined"))["watch_url"]
        relay = await run.braidcast("relay", *server)
        await run.start("ffmpeg", *SMALL.command, "-f", "flv", ingest)
        await publisher.record(lambda record: record.get("parts", 0) > 10)
        viewer = await run.braidcast("watch", "--record", str(recording), *server)
        page = await seats.open(url)
        await page.is_fed()
        session = await page.page.context.new_cdp_session(page.page)
        held: dict[str, list[float]] = {name: [] for name in MAY_GROW}
        watched: dict[str, Program] = {"publisher": publisher, "relay": relay, "viewer": viewer}
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end:
            await asyncio.sleep(LOOK_EVERY)
            for name, program in watched.items():
                held[name].append(process_memory(program.pid))
            held["page"].append(await heap(session))
        await page.ask("void (video.muted = false)")
        here = await sound_behind_picture_here(page)
        played: dict[str, Any] = await page.stats()
        assert await viewer.interrupt() == 130
    found = {name: growth(samples) for name, samples in held.items()}
    behind = await asyncio.to_thread(sound_behind_picture, recording)
    sync = f"sound behind picture {min(behind):.4f} to {max(behind):.4f} s, in the page {here:.4f} s"
    sys.stderr.write(f"grown by {found}; {sync}\n{played}\n")
    assert played["bytesFromPeers"] > 0
    assert {name: grown for name, grown in found.items() if grown > MAY_GROW[name]} == {}, held
    assert len(behind) > 50 * MINUTES
    assert max(map(abs, behind)) < 0.04
    assert abs(here) < 0.04
