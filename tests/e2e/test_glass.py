"""From an encoder's picture to the displays: what players say of their latency is what pictures say."""

import asyncio
from pathlib import Path
from statistics import median

import pytest

from peer.addresses import free_port
from tests.e2e.audience import Watcher, audience
from tests.encoder_tap import EncoderTap
from tests.programs import programs
from tests.time_code import Picture

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]

HOST = "127.0.0.1"
OBSERVE = (Path(__file__).parents[2] / "bench" / "observe.js").read_text()
SMALL = Picture(320, 180, 30, 400_000)
READINGS = 12


async def said_of_captures(watcher: Watcher) -> list[float]:
    """By how many seconds a picture's time code is before the capture time that the player goes by."""
    await watcher.until(f"window.observed().said.filter(Boolean).length >= {READINGS}")
    seen = await watcher.page.evaluate("window.observed()")
    pairs = zip(seen["latencies"], seen["said"], strict=True)
    return [latency - said for latency, said in pairs if said is not None]


@pytest.mark.slow
async def test_three_pages_say_of_their_latency_what_the_time_code_in_the_picture_says(
    chromium: str, tmp_path: Path
) -> None:
    tap = EncoderTap()
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        ingest = f"rtmp://{HOST}:{free_port(HOST)}/live"
        origin = ("--http", f"{HOST}:{free_port(HOST)}")
        publisher = await run.braidcast("publish", ingest, *origin, "--server", server, "--json")
        url = (await publisher.event("joined"))["watch_url"]
        tap.listen()
        outputs = ("-flags", "+global_header", "-f", "tee", f"[f=flv]{ingest}|{tap.output}")
        encoder = await run.start("ffmpeg", *SMALL.command, *outputs)
        await publisher.record(lambda record: record.get("parts", 0) > 10)
        watchers = await asyncio.gather(*(seats.open(url, OBSERVE) for _ in range(3)))
        await asyncio.gather(*(watcher.is_fed() for watcher in watchers))
        said = await asyncio.gather(*(said_of_captures(watcher) for watcher in watchers))
        played = [await watcher.stats() for watcher in watchers]
        await encoder.kill()
        await tap.close()
    assert sum(stats["bytesFromPeers"] for stats in played) > 0
    known = median(tap.delays().even)
    for errors, stats in zip(said, played, strict=True):
        # What is promised, and how far off the page itself says that its clock may be.
        assert abs(median(errors) - known) < 0.05 + stats["clockError"], (errors, known)
