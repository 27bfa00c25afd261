"""A viewer whose line becomes too narrow for the rendition that it watches, and wide again."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.audience import Stats, Watcher, audience, play_on
from tests.network.bed import network_bed
from tests.network.homes import apart
from tests.network.venue import STUN, Venue
from tests.programs import programs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("bed_is_possible", "built_pages"),
]

LINE = apart(0.04)
SOURCE = "test:?size=320x180&fps=20"
BEST, LOWER = "180p", "90p"
LADDER = f"{BEST}:700k,{LOWER}:150k"
"""With sound and what links add, a viewer is sent 1 Mbit/s of the one and 350 kbit/s of the other."""
NARROW = 600_000
"""Between the two."""
QUEUE = 0.3
"""Seconds of that which the router holds before it drops."""
BEFORE, DURING, AFTER = 15, 20, 10
"""Seconds of the programme: until what a busy beginning left is played away; for a trial of the better
one, in vain; and until it is sure that nothing follows."""


def told(what: str, since: Stats, now: Stats) -> None:
    """Print what happened to the page."""
    counted = {name: round(now[name] - since[name], 3) for name in ("stalls", "stallTime", "skippedTime")}
    sys.stderr.write(f"{what}: {now['rendition']}, {counted}, latency {now['liveLatency']:.2f} s\n")


async def watches(page: Watcher, rendition: str) -> None:
    await page.until(f"stats.rendition === {rendition!r}")


async def test_a_line_becomes_narrow_and_wide_again_and_the_viewer_goes_down_and_up(
    chromium: str, tmp_path: Path
) -> None:
    async with (
        network_bed([replace(LINE, nat="none"), LINE], tmp_path) as bed,
        programs(tmp_path) as run,
        audience(chromium, run, tmp_path) as seats,
    ):
        venue = Venue(bed, run)
        await venue.stun()
        await venue.introducer(STUN)
        publisher = await venue.publisher(bed.homes[0], "--ladder", LADDER, source=SOURCE)
        (page,) = await venue.pages(seats, bed.homes[1:], publisher)
        await page.is_fed()
        await play_on([page], BEFORE)
        before = await page.stats()
        assert before["rendition"] == BEST
        await bed.narrow(bed.homes[1], NARROW, QUEUE)
        await watches(page, LOWER)
        await play_on([page], DURING)
        during = await page.stats()
        told("narrow", before, during)
        await bed.widen(bed.homes[1])
        await watches(page, BEST)
        await play_on([page], AFTER)
        after = await page.stats()
        told("wide again", during, after)
        assert after["blocksRejected"] == 0
