"""A source in its thread: what it is asked for, when it is left, and how it fails."""

import asyncio
import contextlib
import threading
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from peer.media.ingest import QUEUE, Channel, media_parts
from peer.media.pace import Stop, StoppedError
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.media.pattern import read_strip, strip_height
from peer.media.source import SourceError
from tests.integration.played import split

pytestmark = pytest.mark.asyncio

OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast", video_bitrate=400_000))


def clock() -> int:
    return 1_790_000_000_000_000 + time.monotonic_ns() // 1000


async def gone(name: str) -> bool:
    """Whether every thread of this name has ended."""
    for _ in range(500):
        if not any(thread.name == name for thread in threading.enumerate()):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_the_pattern_comes_in_parts_of_100_ms_with_its_clock_in_the_picture() -> None:
    taken: list[InitSegment | MediaPart] = []
    async with aclosing(media_parts("test:?size=320x180&fps=30", OPTIONS, clock)) as items:
        async for item in items:
            taken.append(item)
            if len(taken) > 12:
                break
    (played,) = split(taken)
    assert (played.init.width, played.init.height, played.init.frame_rate) == (320, 180, 30.0)
    assert {part.duration for part in played.parts[:9]} == {100_000}
    steps = {part.capture_time - part.media_time for part in played.parts}
    assert len(steps) == 1
    pictures = played.pictures()
    assert len(pictures) == 36
    for part, picture in zip(played.parts, pictures[::3], strict=True):
        plane = picture.planes[0]
        begin = (picture.height - strip_height(picture.height) // 2) * plane.line_size
        shown = read_strip(bytes(plane)[begin : begin + picture.width], picture.width)
        assert shown == part.capture_time // 1000 % (1 << 32)
    assert await gone("media")


async def test_what_cannot_be_opened_is_refused_before_anything_runs(tmp_path: Path) -> None:
    for text, words in (
        (str(tmp_path / "none.mp4"), "There is no file"),
        ("udp://0.0.0.0:9000", "is not built yet"),
    ):
        items = media_parts(text, OPTIONS, clock)
        with pytest.raises(SourceError, match=words):
            await anext(items)
    assert await gone("media")


async def test_a_source_that_fails_in_its_thread_fails_where_it_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no film")
    with pytest.raises(SourceError, match="is no media that can be read"):
        await anext(media_parts(str(path), OPTIONS, clock))
    assert await gone("media")


async def test_a_cancelled_consumer_ends_the_thread() -> None:
    async def consume() -> None:
        async with aclosing(media_parts("test:", OPTIONS, clock)) as items:
            async for _ in items:
                pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone("media")


async def test_a_consumer_that_is_slow_holds_the_source_up() -> None:
    stop = Stop()
    channel = Channel(stop)
    put = 0

    def work() -> None:
        nonlocal put
        with contextlib.suppress(StoppedError):
            while True:
                channel.put([MediaPart(b"", put, 1, 0, True, False, False)])
                put += 1
        channel.end(None)

    threading.Thread(target=work, name="busy").start()
    for number in range(3 * QUEUE):
        item = await channel.get()
        assert isinstance(item, MediaPart)
        assert item.media_time == number
        assert put <= number + QUEUE + 1
    await channel.leave()
    assert await gone("busy")
