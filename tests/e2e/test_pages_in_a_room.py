"""Pages in a real room: they feed each other, and go on whatever goes away."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.stage import Stage, staged

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

LINKS_LEAD_NOWHERE = """
window.blocked = true;
const Connection = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Connection {
  constructor(configuration) {
    super({ ...configuration, iceTransportPolicy: window.blocked ? "relay" : "all" });
  }
};
"""
"""As in a network that lets no UDP through: only a TURN server could help, and there is none."""


@pytest.mark.slow
async def test_two_pages_feed_each_other(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        viewers = [await stage.open(), await stage.open()]
        for viewer in viewers:
            await viewer.is_fed()
            await viewer.until("stats.bytesFromPeers > 50000 && stats.bytesToPeers > 50000")
        await stage.needs_no_http()
        for viewer in viewers:
            await viewer.plays_on()
            stats = await viewer.stats()
            assert stats["blocksRejected"] == 0
            assert stats["rendition"] == "180p"
            assert stats["clockError"] < 1
        await stage.stop_publisher()
        for viewer in viewers:
            await viewer.until("stats.state === 'ended'")
        sent = sum(stage.sent())
        came = sum([(await viewer.stats())["bytesFromOrigin"] for viewer in viewers])
        assert abs(sent - came) <= 0.03 * sent
        from_peers = sum([(await viewer.stats())["bytesFromPeers"] for viewer in viewers])
        to_peers = sum([(await viewer.stats())["bytesToPeers"] for viewer in viewers])
        assert abs(to_peers - from_peers) <= 0.03 * to_peers


@pytest.mark.slow
async def test_the_page_that_feeds_others_crashes(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        viewers = [await stage.open(), await stage.open(), await stage.open()]
        for viewer in viewers:
            await viewer.is_fed()
        feeding = viewers.pop(0)
        await feeding.until("stats.children.some((peers) => peers.length > 0)")
        gone = await feeding.ask("room.id")
        await feeding.crashes()
        for viewer in viewers:
            await viewer.until(f"!stats.parents.includes({gone!r})")
            await viewer.is_fed()
            await viewer.plays_on()
        await stage.needs_no_http()


@pytest.mark.slow
async def test_the_introducer_goes_and_comes_back(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        one, other = await stage.open(), await stage.open()
        for viewer in (one, other):
            await viewer.is_fed()
        await stage.stop_introducer()
        for viewer in (one, other):
            await viewer.until("room.state === 'reconnecting'")
            await viewer.plays_on()
        await one.says("Is anybody there?")
        await other.sees("Is anybody there?")
        await stage.start_introducer()
        for viewer in (one, other):
            await viewer.until("room.state === 'joined' && room.roster.length >= 3")
        newcomer = await stage.open()
        await newcomer.sees("Is anybody there?")
        await newcomer.is_fed()
        for viewer in (one, other, newcomer):
            await viewer.plays_on()


async def test_a_stream_without_any_origin_comes_by_the_mesh_alone(
    browser: Browser, built_pages: Path
) -> None:
    async with staged(browser, built_pages, origin=False) as stage:
        viewers = [await stage.open(), await stage.open()]
        for viewer in viewers:
            await viewer.plays_on()
        assert stage.sent()[0] == 0


@pytest.mark.slow
async def test_the_publisher_starts_again(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        viewer = await stage.open()
        await viewer.is_fed()
        await stage.stop_publisher()
        await viewer.until("room.streams.get('main').state === 'ended' && stats.state === 'ended'")
        await stage.start_publisher()
        await viewer.until("room.streams.get('main').state === 'live'")
        await viewer.plays_on()
        await viewer.is_fed()


@pytest.mark.slow
async def test_the_publisher_crashes_and_goes_on_in_a_new_epoch(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        viewers = [await stage.open(), await stage.open()]
        for viewer in viewers:
            await viewer.is_fed()
        await stage.crash_publisher()
        await stage.start_publisher()
        for viewer in viewers:
            await viewer.is_fed()
            await viewer.plays_on()
        await stage.needs_no_http()


@pytest.mark.slow
async def test_sharing_is_switched_while_watching(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        steady, changing = await stage.open(), await stage.open()
        for viewer in (steady, changing):
            await viewer.is_fed()
        await changing.ask("player.choose('leaf')")
        await changing.until("stats.children.every((peers) => peers.length === 0)")
        before = (await changing.stats())["bytesToPeers"]
        await changing.plays_on()
        assert (await changing.stats())["bytesToPeers"] == before
        await changing.ask("player.choose('off')")
        await changing.until("stats.parents.every((peer) => peer === null)")
        before = (await changing.stats())["bytesFromPeers"]
        await changing.plays_on()
        assert (await changing.stats())["bytesFromPeers"] == before
        await changing.ask("player.choose('on')")
        await changing.is_fed()
        for viewer in (steady, changing):
            await viewer.plays_on()


@pytest.mark.slow
async def test_a_page_that_cannot_link_plays_over_http_says_so_and_recovers(
    browser: Browser, built_pages: Path
) -> None:
    async with staged(browser, built_pages) as stage:
        viewer = await stage.open(before=LINKS_LEAD_NOWHERE)
        await viewer.plays_on()
        await viewer.page.evaluate(
            """document.querySelector("braidcast-player").addEventListener("error", ({ detail }) => {
                 window.told = detail.message;
               })"""
        )
        await viewer.until("window.told?.startsWith('No direct connection')")
        await viewer.plays_on()
        stats = await viewer.stats()
        assert (stats["peers"], stats["bytesFromPeers"]) == (0, 0)
        await viewer.ask("window.blocked = false")
        await viewer.is_fed()
        await viewer.plays_on()
        await stage.needs_no_http()


async def test_a_page_comes_back_from_the_browsers_cache(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        steady, cached = await stage.open(), await stage.open()
        for viewer in (steady, cached):
            await viewer.is_fed()
        await cached.says("Back in a moment")
        own = await cached.ask("room.id")
        await cached.ask("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        await steady.until(f"room.roster.every(({{ peer }}) => peer !== '{own}')")
        await cached.ask("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        await steady.until(f"room.roster.some(({{ peer }}) => peer === '{own}')")
        await cached.is_fed()
        await cached.plays_on()
        await cached.sees("Back in a moment")


async def test_two_tabs_of_one_browser_are_two_peers(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        context = await stage.context()
        tabs = [await stage.open(context=context), await stage.open(context=context)]
        for tab in tabs:
            await tab.is_fed()
        ids = [await tab.ask("room.id") for tab in tabs]
        assert ids[0] != ids[1]
        await tabs[1].page.reload()
        await tabs[1].is_fed()
        assert await tabs[1].ask("room.id") == ids[1]


async def test_a_page_by_plain_http_from_another_machine(browser: Browser, built_pages: Path) -> None:
    async with staged(browser, built_pages) as stage:
        stage.host = "braidcast.test"
        viewers = [await stage.open(), await stage.open()]
        assert [await viewer.ask("globalThis.isSecureContext") for viewer in viewers] == [False, False]
        for viewer in viewers:
            await viewer.is_fed()
            await viewer.plays_on()
        await viewers[0].says("No WebCrypto here")
        await viewers[1].sees("No WebCrypto here")


async def test_a_stream_by_another_key_than_the_links_is_not_played(
    browser: Browser, built_pages: Path
) -> None:
    async with staged(browser, built_pages) as stage:
        stranger = Stage(browser, built_pages, origin=True).identity
        true, stage.identity = stage.identity, stranger
        misled = await stage.open()
        stage.identity = true
        await misled.until("room.state === 'joined' && room.roster.length === 2")
        right = await stage.open()
        await right.plays_on()
        assert await misled.ask("room.streams.size") == 0
        assert (await misled.stats())["bytesFromOrigin"] == 0
