"""A machine that sleeps and wakes: its page goes on with what is live now, and its links are made anew."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.audience import audience, play_on
from tests.programs import programs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("built_pages"),
]

ASLEEP = 25.0
"""Seconds: longer than windows reach back, and than ICE and signaling keep somebody who says nothing."""


async def test_a_page_that_slept_goes_on_with_what_is_live_and_carries_again(
    chromium: str, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", "test:?size=320x180", "--port", "0", "--json")
        url = (await demo.event("listening"))["watch_url"]
        sleeper, other = [await seats.open(url) for _ in range(2)]
        await asyncio.gather(sleeper.is_fed(), other.is_fed())
        before = await sleeper.stats()
        os.killpg(sleeper.process.pid, signal.SIGSTOP)
        await asyncio.sleep(ASLEEP)
        os.killpg(sleeper.process.pid, signal.SIGCONT)
        await sleeper.until("stats.state === 'live' && stats.liveLatency < 3")
        await asyncio.gather(sleeper.is_fed(), other.is_fed())
        await sleeper.until(f"stats.bytesFromPeers > {before['bytesFromPeers']} + 100000")
        await play_on((sleeper, other), 3)
        # What it slept through is neither played nor called a stall of that length.
        after = await sleeper.stats()
        assert after["skippedTime"] - before["skippedTime"] > ASLEEP / 2
        await sleeper.says("awake again")
        await other.sees("awake again")
