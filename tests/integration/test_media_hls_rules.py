"""What a publisher's pictures and sound become at its origin keeps the RFC's rules: interruptions, changes of
codec and size, a window on disk, delta updates, the end."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest

from peer.addresses import free_port
from peer.media.assembly import Item
from peer.media.hls import HlsOrigin, Wanted, WindowOptions
from peer.media.live import LiveSource
from peer.media.pace import Stop, StoppedError
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.media.playlist import PlaylistError
from tests.hls_playlist import parse, update
from tests.hls_rules import blocked_in_vain, check, check_delta, check_succession
from tests.integration.clips import Clip
from tests.integration.played import Played
from tests.integration.test_media_recording import record
from tests.programs import programs
from tests.unit.peer.media.test_live import Planned, arriving

pytestmark = pytest.mark.asyncio
OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))


@pytest.mark.slow
async def test_three_sources_one_after_the_other_in_a_window_on_disk(tmp_path: Path) -> None:
    """The second has another size and passes through, with key frames as far apart as they may be; the third
    is sound alone. A few parts are lost on the way."""
    sources = [
        *record(Clip(video_seconds=8.0, audio_seconds=8.0).write(tmp_path / "1.mp4"), 40.0, OPTIONS),
        *record(Clip(size="180x320", gop=50).write(tmp_path / "2.mp4"), 40.0, OPTIONS),
        *record(Clip(video_seconds=0).write(tmp_path / "3.mp4"), 30.0, OPTIONS),
    ]
    origin = HlsOrigin(7, WindowOptions(45.0, tmp_path / "window", 10**9))
    texts: list[str] = []
    deltas, media, segment, index = 0, set[str](), 100, 0
    for init, part in joined(sources):
        if init is not None:
            origin.add_init("main", init)
        segment, index = (segment + 1, 0) if part.segment_start else (segment, index + 1)
        if segment % 37 == 5 and index == 3:
            continue  # lost
        try:
            origin.add_part("main", segment, index, part)
        except PlaylistError:
            continue
        await asyncio.sleep(0)
        if not origin.begun:
            continue
        full, delta = [
            (await origin.media("main", Wanted(skip=skip))).plain.decode() for skip in (False, True)
        ]
        if texts and full == texts[-1]:
            continue
        if texts:
            assert check_delta(full, delta, texts[-1]) == []
        deltas += "EXT-X-SKIP" in delta
        texts.append(full)
        for listed in parse(full).segments:
            media.update(each.uri for each in listed.parts)
    origin.end()
    texts.append((await origin.media("main", Wanted())).plain.decode())
    assert check_succession(texts) == []
    assert deltas > 150
    assert sum(segment.discontinuity for segment in parse(texts[-1]).segments) >= 1
    assert parse(texts[-1]).discontinuities >= 2
    assert "#EXT-X-ENDLIST\n" in texts[-1]
    assert len(media) > 250
    last = parse(texts[-1])
    assert len({segment.map for segment in last.segments}) >= 2
    for each in last.segments:
        assert each.uri is not None
        assert each.map is not None
        head, body = (await origin.file("main", each.map))[0], (await origin.file("main", each.uri))[0]
        decoded = Played(
            replace(sources[0].init, data=head), [replace(sources[0].parts[0], data=body)]
        ).decode()
        assert decoded.pictures or decoded.sounds
    assert origin.in_memory < 20
    origin.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("30", "25"),
        ("25", "30000/1001"),
        ("30000/1001", "24"),
        ("24", "60"),
        ("60", "30000/1001"),
        ("60", "24"),
    ],
)
async def test_parts_fill_the_part_target_when_the_frame_rate_changes(
    tmp_path: Path, before: str, after: str
) -> None:
    clips = [
        Clip(frame_rate=rate, gop=round(Fraction(rate)), video_seconds=3, audio_seconds=0).write(
            tmp_path / f"{number}.ts"
        )
        for number, rate in enumerate((before, after))
    ]
    stop, items = Stop(), list[Item]()
    openings = [arriving(clip) for clip in clips]
    source = LiveSource("The source", Planned(stop, None, openings), OPTIONS, stop, lambda: 0)
    with pytest.raises(StoppedError):
        source.run(items.extend)
    origin = HlsOrigin(7, WindowOptions(45.0))
    texts: list[str] = []
    segment, index = 0, 0
    for item in items:
        if isinstance(item, InitSegment):
            origin.add_init("main", item)
            continue
        segment, index = (segment + 1, 0) if item.segment_start else (segment, index + 1)
        origin.add_part("main", segment, index, item)
        if origin.begun:
            texts.append((await origin.media("main", Wanted())).plain.decode())
    assert check_succession(texts) == []
    assert texts[-1].count("#EXT-X-DISCONTINUITY\n") == 1
    assert len({line for text in texts for line in text.splitlines() if "PART-INF" in line}) == 1
    origin.close()


def joined(sources: list[Played]) -> Iterator[tuple[InitSegment | None, MediaPart]]:
    """Sources that follow each other on one timeline, each with its init segment before its first part."""
    time = 0
    for number, source in enumerate(sources):
        for part in source.parts:
            first = part is source.parts[0]
            captured = 1_790_000_000_000_000 + time
            moved = replace(part, capture_time=captured, discontinuity=first and number > 0)
            yield source.init if first else None, moved
            time += part.duration


async def test_an_encoder_that_comes_back_as_another_one(tmp_path: Path) -> None:
    async with programs(tmp_path) as run, aiohttp.ClientSession() as session:
        server = await run.braidcast("signal", "--port", "0", "--json")
        ingest, http = (f"127.0.0.1:{free_port('127.0.0.1')}" for _ in range(2))
        source = f"rtmp://{ingest}/live/key"
        options = ("--http", http, "--server", (await server.event("listening"))["url"], "--json")
        publisher = await run.braidcast("publish", source, *options)
        base = (await publisher.event("joined"))["origins"][0]
        texts: list[str] = []
        for size, more in (("320x180", 3), ("180x320", 2)):
            sender = await run.start(
                "ffmpeg", "ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i",
                f"testsrc2=size={size}:rate=25", "-f", "lavfi", "-i", "sine", "-pix_fmt", "yuv420p",
                "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25",
                "-c:a", "aac", "-ac", "2", "-f", "flv", source,
            )  # fmt: skip
            wanted = more + (texts[-1].count("#EXTINF") if texts else 0)
            async with asyncio.timeout(60):
                while not texts or texts[-1].count("#EXTINF") < wanted:
                    await follow(session, f"{base}/180p/media.m3u8", texts)
            await sender.interrupt()
        assert texts[-1].count("#EXT-X-DISCONTINUITY\n") == 1
        assert check_succession(texts) == []
        assert len(texts) > 8
        assert await publisher.interrupt() == 130


async def follow(session: aiohttp.ClientSession, address: str, texts: list[str]) -> None:
    """One reload more, which blocks when there was one before."""
    query, asked = "?_HLS_skip=YES", None
    if texts:
        had = parse(texts[-1])
        last = had.segments[-1]
        asked = (last.number + 1, 0) if last.uri is not None else (last.number, len(last.parts))
        query += f"&_HLS_msn={asked[0]}&_HLS_part={asked[1]}"
    async with session.get(address + query) as response:
        text = await response.text()
        if response.status in (404, 503):
            await asyncio.sleep(0.1)
            return
    assert check(text) == []
    if asked is not None:
        assert blocked_in_vain(text, *asked) == []
        update(parse(texts[-1]), parse(text))
    texts.append(text)
