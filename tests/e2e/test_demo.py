"""`braidcast demo` and real browsers: they play, feed each other, and agree with the publisher."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.audience import audience, play_on, stats_of
from tests.e2e.metrics import sent
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]

SECONDS = 60
"""The promise is for a minute: start-ups, which come from the origin, count."""
PASSED_THROUGH = [
    *("-vf", "scale=320:180", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "700k"),
    *("-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-bf", "0", "-c:a", "aac", "-ac", "2"),
]


@pytest.fixture(scope="module")
def small_video(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real video that need not be encoded again, for publisher and viewers share two cores here."""
    path = tmp_path_factory.mktemp("video") / "small.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(sample_video), *PASSED_THROUGH, str(path)], check=True)
    return path


async def test_five_browsers_play_and_carry_seven_tenths_themselves(
    chromium: str, small_video: Path, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", str(small_video), "--port", "0", "--json")
        listening = await demo.event("listening")
        watchers = await seats.open_all(listening["watch_url"], 5)
        for watcher in watchers:
            await watcher.plays()
            await watcher.is_fed()
        waited = [stats["stallTime"] for stats in await stats_of(watchers)]
        await play_on(watchers, SECONDS)
        # What the players tell lies between what the publisher tells before and after.
        before = await sent(listening["url"])
        told = await stats_of(watchers)
        after = await sent(listening["url"])
        from_peers = sum(stats["bytesFromPeers"] for stats in told)
        from_origin = sum(stats["bytesFromOrigin"] for stats in told)
        assert 0.97 * before <= from_origin <= 1.03 * after
        assert from_peers >= 0.7 * (from_peers + from_origin)
        # What viewers sent is what viewers got.
        assert abs(sum(stats["bytesToPeers"] for stats in told) - from_peers) <= 0.03 * from_peers
        assert [stats["blocksRejected"] for stats in told] == [0] * 5
        assert all(0 < stats["liveLatency"] < 5 for stats in told)
        # `make bench` tells of every stall; here the machine may be busy with anything.
        for stats, before_that in zip(told, waited, strict=True):
            assert stats["stallTime"] - before_that < 5


async def test_the_browser_that_feeds_the_others_is_killed(
    chromium: str, small_video: Path, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", str(small_video), "--port", "0", "--json")
        watchers = await seats.open_all((await demo.event("listening"))["watch_url"], 4)
        for watcher in watchers:
            await watcher.is_fed()
        await play_on(watchers, 6)  # the backlog of the start is left within four seconds
        feeds = [sum(map(len, stats["children"])) for stats in await stats_of(watchers)]
        feeding = watchers[feeds.index(max(feeds))]
        fed = await feeding.ask("room.id")
        assert max(feeds) > 0
        others = [watcher for watcher in watchers if watcher is not feeding]
        skipped = [stats["skippedTime"] for stats in await stats_of(others)]
        await feeding.kill()
        await play_on(others, 8)
        for watcher in others:
            await watcher.is_fed()
        told = await stats_of(others)
        assert all(fed not in stats["parents"] for stats in told)
        # Whatever was on its way from the dead came another way in time to be played.
        assert [stats["skippedTime"] for stats in told] == skipped
