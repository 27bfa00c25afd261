"""`<braidcast-player>` in a real Chromium, with a real live stream, in a room that the test directs."""

import asyncio
import statistics

import pytest

from tests.elements.conftest import Open
from tests.elements.director import Director

AWAY = 2.0

pytestmark = pytest.mark.asyncio


async def test_parts_play_and_the_latency_is_that_of_the_picture(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on(2)
        errors = await viewer.capture_errors()
        assert abs(statistics.median(errors)) < 1 / 30  # a frame; the canvas may draw the next one
        stats = await viewer.stats()
        assert stats["source"] == "parts"
        assert stats["rendition"] == "180p"
        assert stats["startupTime"] > 0
        assert stats["bytesFromPeers"] > 0
        assert stats["bytesFromOrigin"] == 0


async def test_a_part_is_missing_and_the_hole_is_jumped(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        before = await viewer.stats()
        viewer.director.drop = 3
        await viewer.until(f"stats.skippedTime > {before['skippedTime']} + 0.25")
        await viewer.plays_on(2)
        assert abs(statistics.median(await viewer.capture_errors())) < 1 / 30


async def test_the_publisher_restarts_with_a_new_epoch(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        await viewer.director.start_source()
        await viewer.plays_on(3)  # more than was buffered of the epoch before
        assert abs(statistics.median(await viewer.capture_errors())) < 1 / 30
        ranges = await viewer.page.evaluate(
            "document.querySelector('braidcast-player').video.buffered.length"
        )
        assert ranges == 1  # the epochs lie right behind one another


async def test_parts_stop_for_a_while_and_the_wait_counts_as_one_stall(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        await viewer.page.evaluate(
            """() => {
              window.stalls = [];
              const player = document.querySelector("braidcast-player");
              player.addEventListener("stall", ({ detail }) => window.stalls.push(detail.duration));
            }"""
        )
        before = await viewer.stats()
        viewer.director.silent = True
        await viewer.until(f"stats.stalls > {before['stalls']}")
        await viewer.until("stats.state === 'reconnecting'")
        words = viewer.page.get_by_text("Reconnecting…")
        await words.wait_for()
        viewer.director.silent = False
        await viewer.plays_on()
        await words.wait_for(state="hidden")
        after = await viewer.stats()
        assert after["stallTime"] - before["stallTime"] > 1
        assert max(await viewer.page.evaluate("window.stalls")) > 1


async def test_parts_stop_while_a_seek_waits_for_them(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        viewer.director.silent = True
        await viewer.page.evaluate(
            """() => {
              const { video } = document.querySelector("braidcast-player");
              video.currentTime = video.buffered.end(video.buffered.length - 1) - 0.1;
            }"""
        )
        await viewer.until("stats.state === 'reconnecting'")
        viewer.director.silent = False
        await viewer.plays_on(2)


async def test_offline_ended_and_back_again_are_shown_and_count_as_no_stall(watching: Open) -> None:
    async with watching(Director(stream_state=None)) as viewer:
        page, director = viewer.page, viewer.director
        await page.get_by_text("Waiting for the publisher").wait_for()
        await director.start_source()
        await director.set_stream("live")
        await viewer.plays_on()
        before = await viewer.stats()

        await director.set_stream("offline")
        await director.stop_source()
        await page.get_by_text("The publisher is away").wait_for()
        await asyncio.sleep(AWAY)
        await director.start_source()
        await director.set_stream("live")
        await viewer.plays_on()
        await page.get_by_text("The publisher is away").wait_for(state="hidden")

        await director.set_stream("ended")
        await director.stop_source()
        await page.get_by_text("The stream has ended").wait_for()
        await viewer.told("stop")
        await asyncio.sleep(AWAY)
        await director.start_source()
        await director.set_stream("live")
        await viewer.plays_on()
        await page.get_by_text("The stream has ended").wait_for(state="hidden")
        after = await viewer.stats()
        assert (
            after["stallTime"] - before["stallTime"] < AWAY
        )  # a busy machine may stall, but not for so long


async def test_the_introducer_disappears_and_the_picture_goes_on(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        await viewer.director.set_room("reconnecting")
        await viewer.plays_on(2)


async def test_the_room_refuses_and_the_reason_is_shown(watching: Open) -> None:
    async with watching(Director(room_state="connecting", stream_state=None)) as viewer:
        await viewer.page.get_by_text("Connecting…").wait_for()
        await viewer.director.set_room("closed")
        await viewer.director.tell({"type": "error", "message": "The token has expired: ask for a new link."})
        await viewer.page.locator(".words").get_by_text("The token has expired").wait_for()
        assert await viewer.page.evaluate("document.querySelector('braidcast-player').state") == "error"


async def test_a_long_pause_is_left_behind_when_playing_goes_on(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on()
        await viewer.page.keyboard.press("Space")
        await viewer.until("stats.state === 'paused'")
        await viewer.until("stats.buffer > 3")
        await viewer.page.keyboard.press("Space")
        await viewer.until("stats.state === 'live' && stats.buffer < 1.5 && stats.skippedTime > 1.5")
        assert (await viewer.stats())["stallTime"] < 3


async def test_keys_work_the_player(watching: Open) -> None:
    async with watching() as viewer:
        await viewer.plays_on(0.2)
        assert await viewer.page.get_by_role("button", name="Tap to unmute").is_visible()
        await viewer.page.keyboard.press("m")
        await viewer.until("!video.muted")
        await viewer.page.get_by_role("button", name="Tap to unmute").wait_for(state="hidden")
        await viewer.page.keyboard.press("ArrowDown")
        await viewer.until("Math.abs(video.volume - 0.9) < 0.01")
        await viewer.page.keyboard.press("f")
        await viewer.until("document.fullscreenElement !== null")


async def test_the_viewer_is_told_once_about_sharing_and_switches_it_off(watching: Open) -> None:
    async with watching() as viewer:
        page = viewer.page
        notice = page.get_by_role("region", name="About sharing")
        await notice.wait_for()
        await notice.get_by_label("Receive only").check(force=True)
        await viewer.told("p2p", mode="leaf")
        await notice.get_by_role("button", name="Got it").click()
        await notice.wait_for(state="hidden")
        await page.reload()
        await viewer.plays_on(0.2)
        assert not await notice.is_visible()
        await viewer.told("join", p2p="leaf")
        await page.locator("braidcast-panel").get_by_label("Off").check(force=True)
        await viewer.told("p2p", mode="off")


async def test_without_webrtc_the_playlist_of_the_origin_is_played(watching: Open) -> None:
    director = Director(origins=("/live/demo/main",))
    async with watching(director, before="delete globalThis.RTCPeerConnection;") as viewer:
        await viewer.until("stats.source === 'hls.js'")
        await viewer.plays_on(2)
        stats = await viewer.stats()
        assert stats["bytesFromOrigin"] > 0
        await viewer.until("stats.liveLatency !== null")
        assert not any(message["type"] == "watch" for message in director.told)
