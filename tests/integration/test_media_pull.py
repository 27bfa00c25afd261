"""Streams fetched from servers: RTSP cameras and HLS playlists that come, stop, come back and end."""

import asyncio
import base64
import contextlib
import shlex
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from peer.media.assembly import Item
from peer.media.ingest import media_parts
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.media.pull import Pull
from peer.media.source import SourceError
from tests.integration.clips import Clip
from tests.integration.hls_site import segments, site
from tests.integration.played import Played, split
from tests.integration.rtsp_camera import Camera, camera

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def threads_end() -> AsyncIterator[None]:
    """A thread that is left behind in a library is given the time to notice that its server has gone."""
    yield
    for _ in range(3_000):
        if not any(thread.name.startswith("media") for thread in threading.enumerate()):
            return
        await asyncio.sleep(0.01)
    pytest.fail("a thread of a source did not end")


OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
PATIENCE = 60.0


def clock() -> int:
    return time.monotonic_ns() // 1000


@asynccontextmanager
async def sending(yard: Camera, size: str = "320x180") -> AsyncIterator[None]:
    """A real ffmpeg as a camera's sensor and encoder; entered when it sends."""
    command = shlex.split(
        f"ffmpeg -v quiet -nostdin -re -f lavfi -i testsrc2=size={size}:rate=25 -f lavfi -i sine "
        "-c:v libx264 -pix_fmt yuv420p -preset ultrafast -tune zerolatency -g 25 -bf 0 -c:a aac -ac 2 "
        f"-f rtsp -rtsp_transport tcp {yard.url}"
    )
    process = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(PATIENCE):
            await yard.recording.wait()
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def parts(items: AsyncIterator[Item], count: int) -> list[Item]:
    """Items until so many parts have come."""
    taken: list[Item] = []
    async with asyncio.timeout(PATIENCE):
        while sum(isinstance(item, MediaPart) for item in taken) < count:
            taken.append(await anext(items))
    return taken


async def everything(url: str) -> list[Item]:
    """All items until the source ends by itself."""
    async with asyncio.timeout(PATIENCE), aclosing(media_parts(url, OPTIONS, clock)) as items:
        return [item async for item in items]


def continues(played: Played) -> None:
    """Pictures and sound go on without a hole, and everything can be decoded."""
    assert played.holes(1) < 6_000
    assert played.holes(2) <= 2 * 1024
    played.decode()


async def test_a_camera_is_passed_through_and_continues_after_it_was_away() -> None:
    async with camera() as yard:
        async with sending(yard):
            items = media_parts(yard.url, OPTIONS, clock)
            taken = await parts(items, 12)
        async with sending(yard):
            while not any(isinstance(item, MediaPart) and item.discontinuity for item in taken):
                taken += await parts(items, 1)
            taken += await parts(items, 5)
        async with sending(yard, "160x90"):
            while sum(isinstance(item, InitSegment) for item in taken) < 2:
                taken += await parts(items, 1)
            taken += await parts(items, 5)
        await items.aclose()
    same, other = split(taken)
    assert (same.init.width, other.init.width) == (320, 160)
    assert same.init.codecs.startswith("avc1.42c0")  # as it was sent
    assert same.init.codecs.endswith(",mp4a.40.2")
    assert [part.discontinuity for part in same.parts].count(True) == 1
    assert other.parts[0].discontinuity
    continues(same)
    continues(other)
    assert all("RTP/AVP/TCP" in transport for transport in yard.transports)


async def test_a_camera_wants_its_password() -> None:
    password = base64.b64encode(b"me:secret").decode()
    async with camera(password) as yard, sending(yard):
        wrong = yard.url.replace("rtsp://", "rtsp://me:wrong@")
        with pytest.raises(SourceError, match="wants another user or password") as refusal:
            await everything(wrong)
        assert "wrong" not in str(refusal.value)
        async with aclosing(
            media_parts(yard.url.replace("rtsp://", "rtsp://me:secret@"), OPTIONS, clock)
        ) as items:
            assert await parts(items, 1)


async def test_a_camera_that_stays_away_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pull, "patience", 1.0)
    async with camera() as yard:
        async with sending(yard):
            items = media_parts(yard.url, OPTIONS, clock)
            await parts(items, 3)
        with pytest.raises(SourceError, match="did not come back: the stream has ended"):
            await parts(items, 1_000)


async def test_a_camera_that_falls_silent_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.media.pull._SILENCE_TIMEOUT", 1.0)
    async with camera() as yard, sending(yard):
        items = media_parts(yard.url, OPTIONS, clock)
        await parts(items, 3)
        yard.mute, calls = True, yard.requests.count("DESCRIBE")
        waiting = asyncio.create_task(parts(items, 1_000))
        for _ in range(1_000):
            if yard.requests.count("DESCRIBE") > calls:
                break
            await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await items.aclose()
    assert yard.requests.count("DESCRIBE") > calls


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:{}/yard", "http://127.0.0.1:{}/live.m3u8"])
async def test_a_server_that_is_not_there_is_refused_in_a_sentence(url: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(SourceError, match=r"gives no stream: Connection refused\.$"):
        await everything(url.format(port))


async def test_a_playlist_comes_evenly_survives_its_server_and_ends_with_its_list(tmp_path: Path) -> None:
    made = await segments(tmp_path, 7)
    made.publish(4)
    async with site(tmp_path) as serving, aclosing(media_parts(serving.url, OPTIONS, clock)) as items:
        taken = await parts(items, 4)
        serving.down = True
        # It plays what it has, and finds its server gone.
        taken += await parts(items, 20)
        made.publish(2)
        serving.down = False
        while not any(isinstance(item, MediaPart) and item.discontinuity for item in taken):
            taken += await parts(items, 1)
        made.done = True
        made.publish(1)
        async with asyncio.timeout(PATIENCE):
            taken += [item async for item in items]
    (played,) = split(taken)
    assert played.init.codecs.endswith(",mp4a.40.2")
    continues(played)
    # The second to the seventh segment, each once.
    assert len(played.decode().pictures) == 6 * 25


async def test_a_playlist_that_has_ended_is_played_once_through_all_its_changes(tmp_path: Path) -> None:
    Clip(video_seconds=2.0, audio_seconds=2.0).write(tmp_path / "one.ts")
    Clip(video_seconds=2.0, audio_seconds=2.0, size="160x90").write(tmp_path / "two.ts")
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXTINF:2.0,", "one.ts"]
    lines += ["#EXT-X-DISCONTINUITY", "#EXTINF:2.0,", "two.ts", "#EXT-X-ENDLIST"]
    (tmp_path / "live.m3u8").write_text("\n".join(lines))
    async with site(tmp_path) as serving:
        taken = await everything(serving.url)
    one, two = split(taken)
    assert (one.init.width, two.init.width) == (320, 160)
    assert two.parts[0].discontinuity
    assert one.decode().size == (320, 180)
    assert two.decode().size == (160, 90)
    assert len(one.decode().pictures) + len(two.decode().pictures) == 100


async def test_what_is_no_playlist_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "live.m3u8").write_text("<html>")
    async with site(tmp_path) as serving:
        with pytest.raises(SourceError, match="gives no stream: what it sends is not that"):
            await everything(serving.url)
        serving.down = True
        with pytest.raises(SourceError, match="gives no stream: Server returned 5XX"):
            await everything(serving.url)
