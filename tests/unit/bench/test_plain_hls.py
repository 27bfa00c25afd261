"""Plain HLS of an LL-HLS playlist's segments: nothing lost, nothing twice, nothing that is not complete."""

import asyncio

import pytest

from bench.plain_hls import PlainHls, parse
from peer.media.hls import HlsOrigin, Wanted
from peer.media.parts import InitSegment, MediaPart

INIT = InitSegment("avc1.42c01e", 640, 360, 30.0, 800_000, b"init", audio=False, video=True)


def part(number: int) -> MediaPart:
    """The parts of a second are 0.1 s long, and their bytes are their number."""
    at = number * 100_000
    first = number % 10 == 0
    return MediaPart(b"%d " % number, at, 100_000, at, first, False, first)


class Room:
    """An origin whose requests are answered in memory."""

    def __init__(self) -> None:
        self.origin = HlsOrigin(7)
        self.origin.add_init("main", INIT)
        self.added = 0
        self.edge = asyncio.Event()
        """A segment is asked for that is not complete yet."""

    def play(self, parts: int) -> None:
        for number in range(self.added, self.added + parts):
            self.origin.add_part("main", number // 10, number % 10, part(number))
        self.added += parts

    async def fetch(self, address: str) -> bytes:
        if address == "index.m3u8":
            return self.origin.multivariant()
        name, _, query = address.removeprefix("main/").partition("?_HLS_msn=")
        if query and int(query) >= (self.added - 1) // 10:
            self.edge.set()
        if name == "media.m3u8":
            return (await self.origin.media("main", Wanted(int(query) if query else None))).plain
        return (await self.origin.file("main", name))[0]


async def follow(room: Room, together: int, window: float = 12.0) -> PlainHls:
    """What was made of everything that the room has played so far."""
    plain = PlainHls(room.fetch, together, window)
    await plain.begin()
    task = asyncio.create_task(plain.follow())
    await room.edge.wait()
    task.cancel()
    return plain


@pytest.mark.asyncio
async def test_every_byte_of_two_segments_is_in_the_one_that_they_make() -> None:
    room = Room()
    room.play(45)
    plain = await follow(room, 2)
    assert [segment.number for segment in plain.segments] == [0, 1]
    assert plain.find(1) == b"".join(b"%d " % number for number in range(20, 40))
    assert plain.find(2) is None
    assert plain.init == b"init"
    assert plain.seconds == pytest.approx(4.0)


@pytest.mark.asyncio
async def test_who_comes_late_begins_with_a_whole_pair() -> None:
    room = Room()
    room.play(161)  # the first segments have left the window
    plain = await follow(room, 2)
    numbers = [segment.number for segment in plain.segments]
    assert numbers == list(range(numbers[0], 8))
    assert plain.segments[0].data.startswith(b"%d " % (numbers[0] * 20))


@pytest.mark.asyncio
async def test_nothing_of_low_latency_is_left_in_the_playlist() -> None:
    room = Room()
    room.play(85)
    plain = await follow(room, 2, window=6.0)
    text = plain.render().decode()
    assert "#EXT-X-PART" not in text
    assert "SERVER-CONTROL" not in text
    assert text.splitlines()[2:4] == ["#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:1"]
    assert [(each.uri, each.duration) for each in parse(text)] == [(f"{n}.mp4", 2.0) for n in (1, 2, 3)]
    assert plain.multivariant.decode().splitlines()[-1] == "media.m3u8"


def test_a_discontinuity_is_refused_rather_than_joined() -> None:
    with pytest.raises(ValueError, match="no discontinuities"):
        parse("#EXTM3U\n#EXTINF:1.0,\na.mp4\n#EXT-X-DISCONTINUITY\n#EXTINF:1.0,\nb.mp4\n")
