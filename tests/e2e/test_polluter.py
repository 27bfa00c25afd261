"""Somebody who passes on altered blocks: pages refuse them, count them, and play on."""

from pathlib import Path

import pytest

from peer.api import Peer
from peer.core.link_actions import BAD_BLOCK
from tests.attacker import CAPTURE_TIME, LAST, Attacker
from tests.e2e.audience import audience, eventually, play_on, stats_of
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]


async def pollute(attacker: Attacker, offset: int) -> None:
    """Take part until there are children, then alter what they get until one of them has had enough."""

    async def feeds() -> bool:
        return attacker.feeds

    async def expelled() -> bool:
        return BAD_BLOCK in attacker.reasons

    async def situation() -> str:
        return f"{attacker.viewing.stats()} {attacker.reasons}"

    await eventually(feeds, situation)
    attacker.alter(offset)
    await eventually(expelled, situation)


async def test_pages_refuse_altered_data_and_altered_seals(chromium: str, tmp_path: Path) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", "test:?size=320x180", "--port", "0", "--json")
        listening = await demo.event("listening")
        pages = await seats.open_all(listening["watch_url"], 2)
        for page in pages:
            await page.is_fed()
        rejected = 0
        for offset in (LAST, CAPTURE_TIME):
            async with Peer.join(listening["url"], "demo") as peer:
                await pollute(Attacker(peer), offset)
            counts = [stats["blocksRejected"] for stats in await stats_of(pages)]
            assert sum(counts) > rejected
            rejected = sum(counts)
        await play_on(pages, 3)
        for page in pages:
            await page.is_fed()
