"""The origin's LL-HLS over HTTP: waiting, caching, counting, and refusals in a sentence."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from peer.media.hls import HlsOrigin, hls_application
from peer.media.parts import InitSegment, MediaPart
from peer.media.playlist import PlaylistError

pytestmark = pytest.mark.asyncio
INIT = InitSegment("avc1.64001e,opus", 640, 360, 30.0, 896_000, b"init", True, True)


def part(number: int) -> MediaPart:
    """Mesh part `number` of a stream with ten to a segment; its bytes name it."""
    return MediaPart(
        f"<{number}>".encode(), number * 100_000, 100_000, 0, number % 10 == 0, False, number % 10 == 0
    )


def feed(origin: HlsOrigin, numbers: range) -> None:
    for number in numbers:
        origin.add_part("360p", number // 10, number % 10, part(number))


@dataclass
class Door:
    client: TestClient[web.Request, web.Application]
    origin: HlsOrigin
    sent: list[int]

    async def get(self, path: str, **options: dict[str, str]) -> tuple[int, bytes]:
        async with self.client.get(f"/live/demo/main/{path}", **options) as response:  # type: ignore[arg-type]
            return response.status, await response.read()

    async def until_waiting(self, count: int) -> None:
        for _ in range(100_000):
            if self.origin.waiting("360p") == count:
                return
            await asyncio.sleep(0)
        raise AssertionError("nobody waits")


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    origin, sent = HlsOrigin(7), list[int]()
    application = web.Application()
    application.add_subapp(
        "/live",
        hls_application(
            lambda room, stream: origin if (room, stream) == ("demo", "main") else None,
            sent.append,
            max_waiting=2,
        ),
    )
    async with TestClient(TestServer(application)) as client:
        yield Door(client, origin, sent)


async def test_playlists_init_segments_and_parts_are_served_and_counted(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    status, index = await door.get("index.m3u8")
    assert status == 200
    assert b"360p/media.m3u8" in index
    status, media = await door.get("360p/media.m3u8", headers={"Accept-Encoding": "identity"})
    assert b'URI="7-2.0.mp4"' in media
    assert await door.get("360p/7-init0.mp4") == (200, b"init")
    assert await door.get("360p/7-1.1.mp4") == (200, b"<13><14><15>")
    assert await door.get("360p/7-1.mp4") == (200, b"".join(b"<%d>" % number for number in range(10, 20)))
    assert door.sent == [len(index), len(media), 4, 12, 40]


async def test_media_may_be_kept_for_ever_and_playlists_not_at_all(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    for path, cache, kind in (
        ("index.m3u8", "no-cache", "application/vnd.apple.mpegurl"),
        ("360p/media.m3u8", "no-cache", "application/vnd.apple.mpegurl"),
        ("360p/7-init0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-0.0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-99.mp4", "no-store", "text/plain"),
    ):
        async with door.client.get(f"/live/demo/main/{path}") as response:
            assert response.headers["Cache-Control"] == cache
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.content_type == kind


async def test_a_reload_waits_for_the_part_that_it_names(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    waiting = asyncio.create_task(door.get("360p/media.m3u8?_HLS_msn=1&_HLS_part=2"))
    await door.until_waiting(1)
    feed(door.origin, range(15, 19))
    status, body = await waiting
    assert status == 200
    assert b'#EXT-X-PART:DURATION=0.30000,URI="7-1.2.mp4"' in body


async def test_a_hinted_part_is_waited_for_and_refused_when_the_segment_ends_before_it(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(19))
    waiting = asyncio.create_task(door.get("360p/7-1.3.mp4"))
    await door.until_waiting(1)
    door.origin.add_part("360p", 2, 0, part(20))
    status, body = await waiting
    assert (status, body) == (404, b"Part 3 of segment 1 is not in the window.\n")


async def test_a_stream_that_is_about_to_begin_is_waited_for(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    waiting = asyncio.create_task(door.get("360p/media.m3u8"))
    await door.until_waiting(1)
    feed(door.origin, range(3))
    assert (await waiting)[0] == 200


async def test_the_end_wakes_those_who_wait(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    waiting = asyncio.create_task(door.get("360p/media.m3u8?_HLS_msn=2"))
    await door.until_waiting(1)
    door.origin.end()
    status, body = await waiting
    assert status == 200
    assert body.endswith(b"#EXT-X-ENDLIST\n")


async def test_those_who_wait_are_bounded(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    waiting = [asyncio.create_task(door.get("360p/media.m3u8?_HLS_msn=2")) for _ in range(2)]
    await door.until_waiting(2)
    status, body = await door.get("360p/media.m3u8?_HLS_msn=2")
    assert (status, body) == (503, b"That did not come in time: ask again.\n")
    door.origin.end()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [200, 200]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("720p/media.m3u8", 404, "This stream has no such rendition."),
        ("360p/media.m3u8?_HLS_msn=9", 400, "Segment 9 is too far ahead of segment 1 to wait for."),
        ("360p/media.m3u8?_HLS_part=1", 400, "_HLS_part needs _HLS_msn beside it."),
        ("360p/media.m3u8?_HLS_msn=-1", 400, "_HLS_msn is not a number."),
        ("360p/media.m3u8?_HLS_msn=" + "9" * 30, 400, "_HLS_msn is not a number."),
        ("360p/8-0.mp4", 404, "There is no such segment: the stream may have begun anew since."),
        ("360p/7-1.mp4", 404, "Segment 1 is not in the window."),
        ("360p/7-init4.mp4", 404, "This init segment is no longer in the window."),
    ],
)
async def test_refusals_say_why(door: Door, path: str, status: int, sentence: str) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    assert await door.get(path) == (status, sentence.encode() + b"\n")


async def test_a_stream_that_nobody_publishes_is_not_there(door: Door) -> None:
    assert await door.get("index.m3u8") == (404, b"This stream has not begun yet.\n")
    async with door.client.get("/live/demo/other/index.m3u8") as response:
        assert response.status == 404


async def test_what_left_the_window_is_freed(door: Door) -> None:
    for _ in range(3):
        door.origin.add_init("360p", INIT)
    feed(door.origin, range(400))
    status, body = await door.get("360p/7-0.0.mp4")
    assert (status, body) == (404, b"Part 0 of segment 0 is not in the window.\n")
    assert door.origin.held("360p") <= 150
    assert (await door.get("360p/7-init0.mp4"))[0] == 404
    assert (await door.get("360p/7-init2.mp4"))[0] == 200


async def test_parts_need_an_init_segment_first(door: Door) -> None:
    with pytest.raises(PlaylistError):
        door.origin.add_part("360p", 0, 0, part(0))
