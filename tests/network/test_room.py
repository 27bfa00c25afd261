"""A room whose members sit behind NATs, with 40 ms between them and one packet in a hundred lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.audience import audience, play_on
from tests.network.bed import network_bed
from tests.network.homes import apart
from tests.network.venue import STUN, Venue, is_fed
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("bed_is_possible", "built_pages")]

LINE = apart(0.04, 0.01)
HOMES = [
    replace(LINE, nat=nat)
    for nat in ("none", "full cone", "port-restricted", "symmetric", "address-restricted")
]


async def test_everybody_behind_a_nat_plays_and_nobody_gets_an_unverified_block(
    chromium: str, tmp_path: Path
) -> None:
    async with (
        network_bed(HOMES, tmp_path) as bed,
        programs(tmp_path) as run,
        audience(chromium, run, tmp_path) as seats,
    ):
        venue = Venue(bed, run)
        await venue.stun()
        await venue.introducer(STUN)
        publisher = await venue.publisher(bed.homes[0])
        relay = await venue.relay(bed.homes[1])
        viewers = [await venue.viewer(home) for home in bed.homes[2:4]]
        (page,) = await venue.pages(seats, bed.homes[4:], publisher)
        await page.is_fed()
        for viewer in viewers:
            await viewer.record(lambda stats: is_fed(stats) and stats["live_latency"] is not None)
        await play_on([page], 5)
        stats = await page.stats()
        assert stats["blocksRejected"] == 0
        assert 0 < stats["liveLatency"] < 60
        assert stats["bytesFromPeers"] > 0
        for viewer in viewers:
            told = viewer.latest()
            assert told["blocks_rejected"] == 0
            assert told["parts"] > 0
            assert told["bytes_from_peers"] > 0
        assert relay.latest()["bytes_to_peers"] > 0
        assert relay.latest()["blocks_rejected"] == 0
        assert (await bed.delayed()).lost > 0
