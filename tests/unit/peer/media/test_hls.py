"""The origin's LL-HLS over HTTP: waiting, caching, counting, and refusals in a sentence."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from peer.media.hls import HlsOrigin, Wanted, WindowOptions
from peer.media.hls_http import hls_application
from peer.media.parts import InitSegment, MediaPart
from peer.media.playlist import PlaylistError
from tests.hls_rules import check

pytestmark = pytest.mark.asyncio
INIT = InitSegment("avc1.64001e,opus", 640, 360, 30.0, 896_000, b"init", True, True)


def part(number: int, *, discontinuity: bool = False) -> MediaPart:
    """Mesh part `number` of a stream with ten to a segment; its bytes name it."""
    return MediaPart(
        f"<{number}>".encode(),
        number * 100_000,
        100_000,
        number * 100_000,
        number % 10 == 0,
        discontinuity,
        number % 10 == 0,
    )


def feed(origin: HlsOrigin, numbers: range, rendition: str = "360p") -> None:
    for number in numbers:
        origin.add_part(rendition, number // 10, number % 10, part(number))


@dataclass
class Door:
    client: TestClient[web.Request, web.Application]
    origin: HlsOrigin
    sent: list[int]

    async def ask(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, bytes, CIMultiDictProxy[str]]:
        """Nothing is unpacked that a gzip-aware client would unpack."""
        async with self.client.request(
            method, f"/live/demo/main/{path}", headers=headers, auto_decompress=False
        ) as response:
            return response.status, await response.read(), response.headers

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
    application.add_subapp("/live/demo/main", hls_application(origin, sent.append, max_waiting=2))
    async with TestClient(TestServer(application)) as client:
        yield Door(client, origin, sent)
    origin.close()


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


async def test_media_may_be_kept_for_ever_and_playlists_as_long_as_they_are_right(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    for path, cache, kind in (
        ("index.m3u8", "public, max-age=0, s-maxage=1", "application/vnd.apple.mpegurl"),
        ("360p/media.m3u8", "public, max-age=0, s-maxage=1", "application/vnd.apple.mpegurl"),
        ("360p/media.m3u8?_HLS_msn=1", "public, max-age=0, s-maxage=3", "application/vnd.apple.mpegurl"),
        ("360p/media.m3u8?_HLS_msn=9", "no-store", "text/plain"),
        ("360p/7-init0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-0.0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-0.mp4", "public, max-age=31536000, immutable", "video/mp4"),
        ("360p/7-99.mp4", "public, max-age=0, s-maxage=1", "text/plain"),
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


async def test_a_stream_that_comes_back_after_its_end_begins_under_new_addresses(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    waiting = asyncio.create_task(door.get("360p/media.m3u8?_HLS_msn=2"))
    await door.until_waiting(1)
    door.origin.restart(8)
    assert (await waiting)[1].endswith(b"#EXT-X-ENDLIST\n")
    assert (await door.get("360p/media.m3u8"))[0] == 404
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    status, body = await door.get("360p/media.m3u8")
    assert status == 200
    assert b"ENDLIST" not in body
    assert b'URI="8-init0.mp4"' in body
    assert check(body.decode()) == []
    assert (await door.get("360p/8-0.mp4"))[0] == 200
    assert (await door.get("360p/7-0.mp4"))[0] == 404


async def test_a_player_that_leaves_while_it_waits_is_no_error(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(15))
    leaving = asyncio.create_task(door.get("360p/media.m3u8?_HLS_msn=2"))
    await door.until_waiting(1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    feed(door.origin, range(15, 31))
    await door.until_waiting(0)
    assert (await door.get("index.m3u8"))[0] == 200
    assert caplog.records == []
    assert len(door.sent) == 1


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
    sentence = b"There is nothing at this address: a player begins with index.m3u8.\n"
    assert await door.get("playlist.m3u8") == (404, sentence)


async def test_what_left_the_window_is_freed(door: Door) -> None:
    for _ in range(3):
        door.origin.add_init("360p", INIT)
    feed(door.origin, range(400))
    status, body = await door.get("360p/7-0.0.mp4")
    assert (status, body) == (404, b"Part 0 of segment 0 is not in the window.\n")
    assert door.origin.in_memory < 30
    assert (await door.get("360p/7-init0.mp4"))[0] == 404
    assert (await door.get("360p/7-init2.mp4"))[0] == 200


async def test_what_has_just_left_the_playlist_is_still_there(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(200))
    assert b"7-5.mp4" not in (await door.get("360p/media.m3u8"))[1]
    assert await door.get("360p/7-5.1.mp4") == (200, b"<53><54><55>")


async def test_a_part_is_the_same_bytes_before_and_after_its_segment_is_complete(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(7))
    early = [(await door.get(f"360p/7-0.{number}.mp4"))[1] for number in range(2)]
    feed(door.origin, range(7, 200))
    late = [(await door.get(f"360p/7-0.{number}.mp4"))[1] for number in range(4)]
    assert early == late[:2]
    assert b"".join(late) == (await door.get("360p/7-0.mp4"))[1]


async def test_pages_of_other_sites_may_ask_for_ranges_and_read_what_they_got(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    asked = {"Origin": "https://elsewhere", "Access-Control-Request-Method": "GET"}
    status, body, headers = await door.ask("360p/7-0.mp4", asked, "OPTIONS")
    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Headers"] == "*"
    assert headers["Access-Control-Max-Age"] == "86400"
    _, _, headers = await door.ask("360p/7-init0.mp4")
    assert "Content-Range" in headers["Access-Control-Expose-Headers"]


async def test_bytes_of_a_segment_can_be_asked_for(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    status, body, headers = await door.ask("360p/7-1.0.mp4", {"Range": "bytes=4-7"})
    assert (status, body, headers["Content-Range"]) == (206, b"<11>", "bytes 4-7/12")
    status, body, headers = await door.ask("360p/7-1.0.mp4", {"Range": "bytes=12-"})
    assert (status, body, headers["Content-Range"]) == (416, b"There are only 12 bytes.\n", "bytes */12")
    status, body, headers = await door.ask("360p/7-1.0.mp4", {"Range": "bytes=0-", "If-Range": '"other"'})
    assert (status, len(body), headers["Accept-Ranges"]) == (200, 12, "bytes")
    status, body, _ = await door.ask("360p/7-1.0.mp4", {"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert door.sent == [4, 12, 0]


async def test_heads_have_no_bodies_and_are_not_counted(door: Door) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    for path in ("index.m3u8", "360p/media.m3u8", "360p/7-0.mp4", "360p/7-init0.mp4"):
        _, whole, headers = await door.ask(path)
        status, body, head = await door.ask(path, method="HEAD")
        assert (status, body) == (200, b"")
        assert head["Content-Length"] == headers["Content-Length"] == str(len(whole))
    assert len(door.sent) == 4


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, br", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.5", True),
        ("gzip; q=0.0, br", False),
    ],
)
async def test_playlists_are_packed_for_whoever_takes_that(door: Door, accepted: str, packed: bool) -> None:
    door.origin.add_init("360p", INIT)
    feed(door.origin, range(25))
    _, body, headers = await door.ask("360p/media.m3u8", {"Accept-Encoding": accepted})
    assert headers["Vary"] == "Accept-Encoding"
    assert headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert (gzip.decompress(body) if packed else body).startswith(b"#EXTM3U\n")


async def test_a_delta_update_is_given_to_whoever_asks_for_one(door: Door) -> None:
    origin = HlsOrigin(7, WindowOptions(60.0))
    origin.add_init("360p", INIT)
    feed(origin, range(400))
    application = hls_application(origin, door.sent.append)
    async with TestClient(TestServer(application)) as client:
        for asked in ("YES", "v2"):
            async with client.get(f"/360p/media.m3u8?_HLS_msn=39&_HLS_part=1&_HLS_skip={asked}") as response:
                assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=21\n" in await response.text()
        for query in ("", "?_HLS_skip=NO", "?_HLS_skip=", "?_HLS_unknown=1"):
            async with client.get(f"/360p/media.m3u8{query}") as response:
                assert "EXT-X-SKIP" not in await response.text()
    origin.close()


async def test_two_renditions_report_each_other_and_keep_up(door: Door) -> None:
    for name in ("360p", "720p"):
        door.origin.add_init(name, INIT)
    feed(door.origin, range(25))
    _, alone = await door.get("360p/media.m3u8")
    assert b"RENDITION-REPORT" not in alone
    feed(door.origin, range(14), "720p")
    _, media = await door.get("360p/media.m3u8")
    assert b'#EXT-X-RENDITION-REPORT:URI="../720p/media.m3u8",LAST-MSN=1,LAST-PART=0\n' in media
    feed(door.origin, range(14, 21), "720p")
    _, media = await door.get("360p/media.m3u8")
    assert b'URI="../720p/media.m3u8",LAST-MSN=1,LAST-PART=3\n' in media  # segment 2 has no part yet
    _, media = await door.get("720p/media.m3u8")
    assert b'URI="../360p/media.m3u8",LAST-MSN=2,LAST-PART=0\n' in media
    assert check(media.decode()) == []
    _, index = await door.get("index.m3u8")
    assert index.count(b"#EXT-X-STREAM-INF") == 2


async def test_a_window_that_gets_too_big_is_shortened_from_its_oldest_end() -> None:
    origin = HlsOrigin(7, WindowOptions(1_000.0, size=1_000))
    for name in ("360p", "720p"):
        origin.add_init(name, INIT)
        feed(origin, range(100), name)
    feed(origin, range(100, 400))
    feed(origin, range(100, 400), "720p")
    assert origin.size <= 1_000
    first = [(await origin.media(name, Wanted())).plain for name in ("360p", "720p")]
    numbers = [int(text.partition(b"MEDIA-SEQUENCE:")[2].split()[0]) for text in first]
    assert abs(numbers[0] - numbers[1]) <= 10
    assert min(numbers) > 20
    origin.close()


async def test_what_players_of_the_edge_need_is_kept_whatever_it_weighs() -> None:
    origin = HlsOrigin(7, WindowOptions(12.0, size=1))
    origin.add_init("360p", INIT)
    feed(origin, range(200))
    text = (await origin.media("360p", Wanted())).plain.decode()
    assert check(text) == []
    assert text.count("#EXTINF") == 9
    origin.close()


async def test_parts_need_an_init_segment_first(door: Door) -> None:
    with pytest.raises(PlaylistError):
        door.origin.add_part("360p", 0, 0, part(0))
