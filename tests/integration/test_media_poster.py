"""A stream's poster and thumbnail: the newest key frame, decoded when asked for and not too often."""

import asyncio
import io
import time
from contextlib import aclosing

import av
import pytest
from aiohttp.test_utils import TestClient, TestServer

from peer.media import poster
from peer.media.assembly import Item
from peer.media.hls import HlsOrigin, Picture
from peer.media.hls_http import hls_application
from peer.media.ingest import media_parts
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.media.pattern import read_strip, strip_height

pytestmark = pytest.mark.asyncio
OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))


def clock() -> int:
    return time.time_ns() // 1000


async def seconds(count: int) -> list[Item]:
    """So much of the test pattern, whose pictures say when they were captured."""
    items: list[Item] = []
    async with aclosing(media_parts("test:", OPTIONS, clock)) as source:
        async for item in source:
            items.append(item)
            if sum(isinstance(found, MediaPart) and found.segment_start for found in items) > count:
                return items
    raise AssertionError("the pattern has ended")


def feed(origin: HlsOrigin, items: list[Item], first: int = 0) -> list[int]:
    """Give an origin what a source made; return when its segments' first pictures were captured, in µs."""
    captured: list[int] = []
    index = 0
    for item in items:
        if isinstance(item, InitSegment):
            origin.add_init("360p", item)
            continue
        if item.segment_start:
            captured.append(item.capture_time)
            index = 0
        origin.add_part("360p", first + len(captured), index, item)
        index += 1
    return captured


def shown(jpeg: bytes) -> tuple[tuple[int, int], int | None]:
    """The size of a JPEG, and the time that is in its picture."""
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
    luma = frame.reformat(format="gray").planes[0]
    line = frame.height - strip_height(frame.height) // 2 - 1
    row = bytes(luma)[line * luma.line_size : line * luma.line_size + frame.width]
    return (frame.width, frame.height), read_strip(row, frame.width)


async def test_poster_and_thumbnail_are_the_newest_key_frame_and_made_every_few_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = await seconds(2)
    now, made = 1000.0, list[str]()
    monkeypatch.setattr(poster, "monotonic", lambda: now)

    def count(picture: Picture, height: int) -> bytes:
        made.append(picture.name)
        return poster_jpeg(picture, height)

    poster_jpeg = poster.make_jpeg
    monkeypatch.setattr(poster, "make_jpeg", count)
    origin = HlsOrigin(7)
    async with TestClient(TestServer(hls_application(origin, lambda size: None))) as client:

        async def get(name: str) -> tuple[int, str, bytes]:
            async with client.get(f"/{name}") as response:
                return response.status, response.headers["Cache-Control"], await response.read()

        assert await get("poster.jpg") == (
            404,
            "public, max-age=0, s-maxage=1",
            b"This stream has no picture yet.\n",
        )
        captured = feed(origin, items)
        answers = await asyncio.gather(*(get("poster.jpg") for _ in range(5)))
        assert {(status, cache) for status, cache, _ in answers} == {(200, "public, max-age=4")}
        assert len(made) == 1
        size, when = shown(answers[0][2])
        assert size == (640, 360)
        assert when == captured[1] // 1000 % 2**32  # the third segment has but one mesh part
        status, _, small = await get("thumbnail.jpg")
        assert (status, shown(small)[0]) == (200, (160, 90))
        assert len(small) < 8_000
        now += 10.0
        assert (await get("poster.jpg"))[2] == answers[0][2]
        assert len(made) == 2  # the stream stands still
        feed(origin, [item for item in items if isinstance(item, MediaPart)], first=3)
        assert (await get("poster.jpg"))[0] == 200
        assert made == ["7-2", "7-2", "7-5"]


async def ask(origin: HlsOrigin, name: str) -> tuple[int, str]:
    application = hls_application(origin, lambda size: None)
    async with TestClient(TestServer(application)) as client, client.get(f"/{name}") as response:
        return response.status, await response.text()


async def test_what_cannot_be_decoded_is_no_poster_and_no_crash() -> None:
    origin = HlsOrigin(7)
    origin.add_init("360p", InitSegment("avc1.42c01e", 640, 360, 30.0, 1, b"no init segment", False, True))
    for index in range(3):
        origin.add_part("360p", 1, index, MediaPart(b"no part", 0, 100_000, 0, index == 0, False, index == 0))
    assert await ask(origin, "poster.jpg") == (
        404,
        "The newest key frame cannot be decoded: ask again in a moment.\n",
    )


async def test_sound_alone_has_no_poster() -> None:
    origin = HlsOrigin(7)
    origin.add_init("audio", InitSegment("opus", 0, 0, 0.0, 1, b"", True, False))
    origin.add_part("audio", 1, 0, MediaPart(b"part", 0, 300_000, 0, True, False, True))
    assert await ask(origin, "thumbnail.jpg") == (404, "This stream has no picture yet.\n")
