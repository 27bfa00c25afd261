"""Pages that have it harder: a clock that is wrong, an address without WebCrypto."""

import statistics
from pathlib import Path

import pytest

from peer.addresses import lan_address
from tests.e2e.audience import Watcher, audience, play_on
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]

LATENCY = (Path(__file__).parent / "latency.js").read_text()
TEN_MINUTES_FAST = """
{
  const fast = 600_000;
  const now = Date.now.bind(Date);
  window.trueTimeOrigin = performance.timeOrigin;
  Object.defineProperty(performance, "timeOrigin", { value: window.trueTimeOrigin + fast });
  window.Date = class extends Date {
    constructor(...given) { super(...(given.length === 0 ? [now() + fast] : given)); }
    static now() { return now() + fast; }
  };
}
"""


async def latencies(watcher: Watcher) -> tuple[float, float]:
    """What the player says, and what the clock in the picture says, in the middle of 40 frames."""
    frames = await watcher.page.evaluate(f"({LATENCY})(40)")
    return statistics.median(f["said"] for f in frames), statistics.median(f["seen"] for f in frames)


@pytest.mark.slow
async def test_a_clock_that_is_ten_minutes_fast_does_not_change_the_latency(
    chromium: str, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", "--port", "0", "--json")
        url = (await demo.event("listening"))["watch_url"]
        watchers = [await seats.open(url, TEN_MINUTES_FAST), await seats.open(url)]
        for watcher in watchers:
            await watcher.is_fed()
        await play_on(watchers, 2)
        shift = await watchers[0].ask("Date.now() - performance.now() - window.trueTimeOrigin")
        assert shift > 599_000
        for watcher in watchers:
            said, seen = await latencies(watcher)
            assert 0 < seen < 10
            assert abs(said - seen) < 0.1


@pytest.mark.slow
async def test_a_phone_on_the_local_network_without_webcrypto(chromium: str, tmp_path: Path) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        demo = await run.braidcast("demo", "--host", "0.0.0.0", "--port", "0", "--json")
        listening = await demo.event("listening")
        address = lan_address()
        there = "braidcast.test" if address.startswith("127.") else address
        url = listening["watch_url"].replace("127.0.0.1", there)
        phone = await seats.open(url)
        desk = await seats.open(listening["watch_url"])
        secure = [await watcher.ask("globalThis.isSecureContext") for watcher in (phone, desk)]
        assert secure == [False, True]
        assert await phone.ask("globalThis.crypto.subtle === undefined")
        for watcher in (phone, desk):
            await watcher.is_fed()
            await watcher.until("stats.bytesFromPeers > 100000 && stats.bytesToPeers > 100000")
        await play_on((phone, desk), 2)
        await phone.says("from the sofa")
        await desk.sees("from the sofa")
