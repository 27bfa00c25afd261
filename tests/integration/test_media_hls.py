"""The origin's LL-HLS by the real tools of others: ffprobe and ffmpeg over HTTP."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from peer.media.hls import HlsOrigin
from peer.media.hls_http import hls_application
from peer.media.ingest import media_parts
from peer.media.parts import AudioCodec, EncodeOptions, InitSegment, MediaOptions

pytestmark = pytest.mark.asyncio
PATIENCE = 60.0


def clock() -> int:
    return time.time_ns() // 1000


async def publish(origin: HlsOrigin, source: str, options: MediaOptions) -> None:
    segment, index = -1, 0
    async with aclosing(media_parts(source, options, clock)) as items:
        async for item in items:
            if isinstance(item, InitSegment):
                origin.add_init("360p", item)
                continue
            if item.segment_start:
                segment, index = segment + 1, 0
            origin.add_part("360p", segment, index, item)
            index += 1
    origin.end()


@asynccontextmanager
async def served(source: str, options: MediaOptions) -> AsyncIterator[str]:
    """A live origin; gives the address of its multivariant playlist."""
    origin = HlsOrigin(7)
    application = web.Application()
    application.add_subapp("/live/demo/main", hls_application(origin, lambda size: None))
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    publishing = asyncio.create_task(publish(origin, source, options))
    try:
        for _ in range(1_000):
            if origin.begun:
                break
            await asyncio.sleep(0.01)
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/live/demo/main/index.m3u8"
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        await runner.cleanup()


async def text(session: aiohttp.ClientSession, address: str) -> str:
    async with session.get(address) as response:
        return await response.text()


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.parametrize(("codec", "name"), [("opus", "opus"), ("aac", "aac")])
async def test_ffprobe_and_ffmpeg_play_the_live_playlist(
    sample_video: Path, codec: AudioCodec, name: str
) -> None:
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast", audio_codec=codec))
    async with served(str(sample_video), options) as index, aiohttp.ClientSession() as session:
        media = index.replace("index.m3u8", "360p/media.m3u8")
        await text(session, media)
        assert "EXTINF" in await text(session, media + "?_HLS_msn=1")
        probed = await run("ffprobe", "-v", "error", "-of", "json", "-show_streams", index)
        streams = {stream["codec_name"]: stream for stream in json.loads(probed)["streams"]}
        assert set(streams) == {"h264", name}
        assert (streams["h264"]["width"], streams["h264"]["height"]) == (640, 360)
        played = await run("ffmpeg", "-v", "info", "-nostdin", "-i", index, "-t", "3", "-f", "null", "-")
        frames = re.findall(r"frame=\s*(\d+)", played)
        assert int(frames[-1]) >= 70
        assert "error" not in played.lower()


async def test_a_client_of_blocking_reload_gets_every_part_once_and_in_order(sample_video: Path) -> None:
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
    async with served(str(sample_video), options) as index, aiohttp.ClientSession() as session:
        base = index.replace("index.m3u8", "360p/")
        async with asyncio.timeout(PATIENCE):
            seen: list[str] = []
            sizes: dict[str, int] = {}
            number, part = 0, 0
            for _ in range(10):
                playlist = await text(session, f"{base}media.m3u8?_HLS_msn={number}&_HLS_part={part}")
                listed = re.findall(r'EXT-X-PART:.*?URI="(7-(\d+)\.(\d+)\.mp4)"', playlist)
                assert (number, part) <= max((int(found[1]), int(found[2])) for found in listed)
                for uri, *_ in listed:
                    if uri not in seen:
                        seen.append(uri)
                        async with session.get(base + uri) as response:
                            assert response.status == 200
                            sizes[uri] = len(await response.read())
                hint = re.search(r'PRELOAD-HINT:TYPE=PART,URI="7-(\d+)\.(\d+)\.mp4"', playlist)
                assert hint is not None
                number, part = int(hint[1]), int(hint[2])
            assert seen == sorted(seen, key=lambda uri: [int(digit) for digit in re.findall(r"\d+", uri)[:3]])
            first = [uri for uri in seen if uri.startswith("7-0.")]
            async with session.get(base + "7-0.mp4") as response:
                assert len(await response.read()) == sum(sizes[uri] for uri in first)


async def test_a_file_played_once_ends_the_playlist(tmp_path: Path, sample_video: Path) -> None:
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast"), once=True)
    async with served(str(sample_video), options) as index, aiohttp.ClientSession() as session:
        media = index.replace("index.m3u8", "360p/media.m3u8")
        playlist = ""
        async with asyncio.timeout(PATIENCE):
            while "EXT-X-ENDLIST" not in playlist:
                await asyncio.sleep(0.1)
                playlist = await text(session, media + "?_HLS_msn=2")
        probed = await run("ffprobe", "-v", "error", "-count_packets", "-of", "json", "-show_streams", index)
        video = next(stream for stream in json.loads(probed)["streams"] if stream["codec_name"] == "h264")
        assert int(video["nb_read_packets"]) == 132
