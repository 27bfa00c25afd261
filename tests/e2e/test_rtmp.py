"""ffmpeg publishes by RTMP: it plays in pages and in other players, and its coming and going are shown."""

import asyncio
from pathlib import Path

import pytest

from peer.addresses import free_port
from tests.e2e.audience import audience, play_on
from tests.ffprobe import probed
from tests.programs import Program, Programs, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]

HOST = "127.0.0.1"
ENCODED = [
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-bf", "0"),
    *("-s", "640x360", "-c:a", "aac", "-ac", "2"),
]
UNTOUCHED = ["-c", "copy"]


async def ffmpeg(run: Programs, sample: Path, options: list[str], address: str) -> Program:
    command = ["-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(sample), *options]
    return await run.start("ffmpeg", "ffmpeg", *command, "-f", "flv", address)


async def played(run: Programs, playlist: str) -> None:
    """ffplay, without a screen, shows two seconds' worth of frames."""
    silent = ("env", "SDL_VIDEODRIVER=dummy", "SDL_AUDIODRIVER=dummy")
    ffplay = await run.start("ffplay", *silent, "ffplay", "-nostats", "-vf", "showinfo", playlist)
    await ffplay.until(lambda: sum("pts_time:" in line for line in ffplay.errors) >= 60)
    await ffplay.kill()


@pytest.mark.slow
async def test_ffmpeg_plays_in_pages_and_players_and_comes_back_as_another(
    chromium: str, sample_video: Path, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        ingest, origin = f"rtmp://{HOST}:{free_port(HOST)}/live", f"{HOST}:{free_port(HOST)}"
        arguments = ("publish", ingest, "--http", origin, "--server", server, "--json")
        publisher = await run.braidcast(*arguments)
        joined = await publisher.event("joined")
        playlist = f"{joined['origins'][0]}/index.m3u8"
        page = await seats.open(joined["watch_url"])
        await page.until("room.state === 'joined'")
        await page.shows("Waiting for the publisher")

        sending = await ffmpeg(run, sample_video, ENCODED, ingest)
        await page.plays()
        other = await seats.open(joined["watch_url"])
        await asyncio.gather(page.is_fed(), other.is_fed())
        await play_on((page, other), 3)
        assert await probed(run, playlist) == {"h264,640,360", "aac,2"}
        await played(run, playlist)

        await sending.kill()
        await page.shows("The publisher is away")
        sending = await ffmpeg(run, sample_video, UNTOUCHED, ingest)
        await page.until("stats.state === 'live'")
        await play_on((page, other), 3)
        # Its group of pictures is too long and its sound has six channels: it is encoded.
        assert await probed(run, playlist) == {"h264,640,360", "opus,2"}
        await played(run, playlist)

        assert await publisher.interrupt() == 130
        await page.shows("The stream has ended")
        publisher = await run.braidcast(*arguments)
        await publisher.event("joined")
        await ffmpeg(run, sample_video, ENCODED, ingest)
        await page.until("stats.state === 'live'")
        await play_on((page, other), 2)
