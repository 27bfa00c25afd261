"""Players of others at a real origin, all at once: hls.js, Shaka, mpv and ffmpeg. No error and no stall."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser

from peer.addresses import free_port
from peer.media.hls import HlsOrigin, WindowOptions
from peer.media.hls_http import hls_application
from peer.media.parts import EncodeOptions, MediaOptions
from tests.e2e.players import load_player, site
from tests.e2e.stage import HOST, eventually
from tests.hls_playlist import parse, update
from tests.hls_rules import blocked_in_vain, check_succession
from tests.integration.clips import Clip
from tests.integration.test_media_recording import record
from tests.programs import Program, Programs, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]


async def follow(media: str, texts: list[str]) -> None:
    """Keep every playlist that a client of blocking reload and delta updates gets."""
    had, query = None, ""
    async with aiohttp.ClientSession() as session:
        while had is None or not had.ended:
            async with session.get(media + query) as response:
                assert response.status == 200, await response.text()
                texts.append(await response.text())
            had = parse(texts[-1]) if had is None else update(had, parse(texts[-1]))
            last = had.segments[-1]
            number, part = last.number, len(last.parts)
            if last.uri is not None:
                number, part = last.number + 1, 0
            if query:
                asked = (int(value) for value in query.replace("&", "=").split("=")[1::2][:2])
                assert blocked_in_vain(texts[-1], *asked) == []
            query = f"?_HLS_msn={number}&_HLS_part={part}&_HLS_skip=YES"


async def start_mpv(run: Programs, playlist: str, seconds: float) -> Program:
    silent = ("--no-config", "--vo=null", "--ao=null", "--msg-level=all=error,statusline=status")
    status = "--term-status-msg=time=${=time-pos} waits=${=paused-for-cache}"
    return await run.start("mpv", "mpv", *silent, status, f"--length={seconds}", playlist)


async def start_ffmpeg(run: Programs, playlist: str, seconds: float) -> Program:
    plays = ("-v", "error", "-stats", "-nostdin", "-re", "-i", playlist, "-t", str(seconds))
    return await run.start("ffmpeg", "ffmpeg", *plays, "-f", "null", "-")


def told(program: Program, progress: str) -> tuple[float, list[str]]:
    """The last number of its progress, and whatever else it said."""
    text = "\n".join([*program.output, *program.errors])
    numbers = re.findall(rf"{progress}=\s*([\d.]+)", text)
    rest = re.sub(r"\x1b\[\d*[A-Za-z]|\r", "\n", text).splitlines()
    return float(numbers[-1]), [line for line in rest if line.strip() and f"{progress}=" not in line]


async def play(browser: Browser, state: Path, seconds: int) -> list[str]:
    """All players play so many seconds (tens) of a real publisher; returns what playlists a client got."""
    async with programs(state) as run, site() as base:
        # Loaded before anybody plays, for a page that starts takes more of the machine than all that play.
        players = [await load_player(browser, base, name) for name in ("hls.js", "shaka")]
        server = await run.braidcast("signal", "--port", "0", "--json")
        address = (await server.event("listening"))["url"]
        options = ("--http", f"{HOST}:{free_port(HOST)}", "--window", "60s", "--server", address, "--json")
        publisher = await run.braidcast("publish", "test:?size=320x180", *options)
        origin = (await publisher.event("joined"))["origins"][0]
        # Shaka 5.2 takes the last of three segments for a whole one, which it is not yet.
        await publisher.record(lambda record: record.get("parts", 0) >= 40)
        playlist = f"{origin}/index.m3u8"
        texts: list[str] = []
        following = asyncio.create_task(follow(f"{origin}/180p/media.m3u8", texts))
        mpv, ffmpeg = await start_mpv(run, playlist, seconds), await start_ffmpeg(run, playlist, seconds)
        for player in players:
            await player.open(playlist)
        for _ in range(seconds // 10):
            await asyncio.gather(*(player.played(10) for player in players))
        for player in players:
            seen = await player.ask("seen")
            assert seen["errors"] == player.problems == [], await player.state()
            assert seen["stalls"] == 0, await player.state()
            assert await player.ask("video.buffered.length") == 1, "no part was left out"
            assert 0 < await player.ask("latency()") < 5.0, await player.state()
        hls, shaka = [await player.ask("seen") for player in players]
        assert hls["parts"] > 2 * seconds
        assert shaka["segments"] > 2 * seconds, "parts are segments to Shaka"
        if seconds > 30:
            assert hls["deltas"] > 30
            assert shaka["deltas"] > 30
        for program, progress, least in ((mpv, "time", seconds - 1), (ffmpeg, "frame", 29 * seconds)):
            assert await program.ended() == 0
            reached, complaints = told(program, progress)
            assert reached >= least
            assert complaints == []
        assert not following.done(), following.exception()
        following.cancel()
        assert list(publisher.errors) == []
        return texts


async def test_four_players_play_what_a_publisher_serves(browser: Browser, tmp_path: Path) -> None:
    texts = await play(browser, tmp_path, 10)
    assert len(texts) > 25
    assert check_succession(texts) == []


@pytest.mark.slow
async def test_four_players_play_for_a_minute_and_go_on_by_delta_updates(
    browser: Browser, tmp_path: Path
) -> None:
    texts = await play(browser, tmp_path, 60)
    assert check_succession(texts) == []
    assert sum("#EXT-X-SKIP" in text for text in texts) > 100


async def test_hls_js_goes_back_in_a_window_that_is_on_disk_and_returns_to_the_edge(
    browser: Browser, tmp_path: Path
) -> None:
    clip = Clip(video_seconds=8.0, audio_seconds=8.0).write(tmp_path / "clip.mp4")
    (played,) = record(clip, 62.0, MediaOptions(encode=EncodeOptions(preset="ultrafast")))
    origin = HlsOrigin(7, WindowOptions(50.0, tmp_path / "window", 10**9))
    origin.add_init("180p", played.init)
    app = web.Application()
    app.add_subapp("/live/demo/main", hls_application(origin, lambda size: None))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.3)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    playlist = f"http://{HOST}:{runner.addresses[0][1]}/live/demo/main/index.m3u8"

    async def go_live() -> None:
        """A minute at once, and then in its own time."""
        segment, index = 0, 0
        for part in played.parts:
            if part.segment_start:
                segment, index = segment + 1, 0
            if part.media_time > 55_000_000:
                await asyncio.sleep(part.duration / 1e6)
            origin.add_part("180p", segment, index, part)
            index += 1

    living = asyncio.create_task(go_live())
    try:
        async with site() as base:
            player = await load_player(browser, base, "hls.js")
            await player.open(playlist)
            await player.played(1)
            assert origin.in_memory < 20
            assert await player.ask("video.seekable.end(0) - video.seekable.start(0)") > 40
            edge = await player.ask("video.currentTime")
            await player.ask("void (video.currentTime -= 40)")
            await player.played(2)
            assert await player.ask("video.currentTime") < edge - 30
            await player.ask("void (video.currentTime = player.liveSyncPosition)")
            await eventually(
                lambda: player.ask(f"video.currentTime > {edge} && video.readyState > 2"), player.state
            )
            assert await player.ask("seen.errors") == player.problems == []
            await player.page.close()
        await living
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        await runner.cleanup()
        origin.close()
