"""A room with several renditions, of real processes: each has its own braid, and an origin has them all."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from peer.addresses import free_port
from tests.ffprobe import probed
from tests.hls_playlist import parse
from tests.hls_rules import check_succession
from tests.integration.clips import Clip
from tests.integration.test_media_hls_rules import follow
from tests.integration.test_room import HOST, Room, fed, open_room
from tests.programs import Programs, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

PATTERN = "test:?size=640x360"
LADDER = ("--ladder", "360p:600k,180p:200k")
SIZES = {"360p": "640,360", "180p": "320,180"}


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


def playlist(room: Room, path: str) -> str:
    return f"{room.origin}/live/demo/main/{path}"


@pytest.mark.slow
async def test_each_viewer_has_the_rendition_that_it_chose_and_one_that_is_not_there_is_a_sentence(
    run: Programs,
) -> None:
    room = await open_room(run, PATTERN, *LADDER)
    chosen = {name: [await room.join("watch", "--rendition", name) for _ in range(2)] for name in SIZES}
    best = await room.join("watch")
    nobody = await room.join("watch", "--rendition", "1080p")
    for name, viewers in chosen.items():
        for viewer in viewers:
            record = await viewer.record(lambda record: fed(record) and record["parts"] > 30)
            assert record["rendition"] == name
            assert record["blocks_rejected"] == 0
    assert (await best.record(lambda record: record["parts"] > 10))["rendition"] == "360p"
    # Viewers of one rendition feed each other, and have nothing for those of another.
    for viewers in chosen.values():
        await viewers[0].record(lambda record: record["bytes_from_peers"] > 0)
    assert await nobody.ended() == 1
    assert nobody.errors[-1] == "The stream main has no rendition 1080p, but 360p, 180p."


@pytest.mark.slow
async def test_playlists_of_all_renditions_keep_the_rules_and_report_each_other(run: Programs) -> None:
    room = await open_room(run, PATTERN, *LADDER)
    async with aiohttp.ClientSession() as session:
        async with session.get(playlist(room, "index.m3u8")) as response:
            multivariant = await response.text()
        texts: dict[str, list[str]] = {name: [] for name in SIZES}
        async with asyncio.timeout(60):
            while any(len(each) < 25 for each in texts.values()):
                await asyncio.gather(
                    *(follow(session, playlist(room, f"{name}/media.m3u8"), texts[name]) for name in SIZES)
                )
    variants = re.findall(r"BANDWIDTH=(\d+),.*RESOLUTION=(\d+x\d+),FRAME-RATE=30.000\n(\S+)\n", multivariant)
    assert [(size, uri) for _, size, uri in variants] == [
        ("640x360", "360p/media.m3u8"), ("320x180", "180p/media.m3u8"),
    ]  # fmt: skip
    assert int(variants[0][0]) > int(variants[1][0])
    for name, other in (("360p", "180p"), ("180p", "360p")):
        assert check_succession(texts[name]) == []
        assert f'EXT-X-RENDITION-REPORT:URI="../{other}/media.m3u8",LAST-MSN=' in texts[name][-1]
    first, second = (
        {segment.number: (segment.date, segment.duration) for segment in parse(text[-1]).segments[:-1]}
        for text in texts.values()
    )
    shared = first.keys() & second.keys()
    assert len(shared) > 3
    assert [first[number] for number in shared] == [second[number] for number in shared]
    for name, size in SIZES.items():
        assert f"h264,{size}" in {
            track.rstrip(",") for track in await probed(run, playlist(room, f"{name}/media.m3u8"))
        }


@pytest.mark.slow
async def test_a_relay_has_all_renditions_or_those_that_it_is_told(run: Programs) -> None:
    room = await open_room(run, PATTERN, *LADDER)
    origins = {}
    for wanted in ((), ("--rendition", "180p")):
        http = f"{HOST}:{free_port(HOST)}"
        relay = await room.join("relay", "--http", http, *wanted)
        await relay.record(lambda record: record["bytes_from_origin"] > 200_000)
        origins[wanted] = f"http://{http}/live/demo/main/index.m3u8"
    found = {wanted: sorted(await sizes(origin)) for wanted, origin in origins.items()}
    assert list(found.values()) == [["320x180", "640x360"], ["320x180"]]


async def sizes(origin: str) -> list[str]:
    """Of the renditions in a playlist."""
    async with aiohttp.ClientSession() as session, session.get(origin) as response:
        return re.findall(r"RESOLUTION=(\d+x\d+)", await response.text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "rendition", "tracks"),
    [
        (Clip(video_seconds=0), "audio", {"aac,2"}),
        (Clip(audio_seconds=0), "180p", {"h264,320,180"}),
    ],
    ids=["sound", "pictures"],
)
async def test_one_kind_of_track_alone_reaches_viewers_and_players(
    run: Programs, tmp_path: Path, clip: Clip, rendition: str, tracks: set[str]
) -> None:
    room = await open_room(run, str(clip.write(tmp_path / "alone.mp4")), "--ladder", "auto")
    recording = tmp_path / "recorded.mp4"
    viewers = [await room.join("watch") for _ in range(2)]
    recorder = await room.join("watch", "--record", str(recording), "--seconds", "8")
    for viewer in viewers:
        record = await viewer.record(lambda record: fed(record) and record["parts"] > 40)
        assert (record["rendition"], record["blocks_rejected"]) == (rendition, 0)
        assert record["live_latency"] is not None
    assert any(viewer.latest()["bytes_from_peers"] for viewer in viewers)
    assert await recorder.ended() == 0
    found = await probed(run, str(recording))
    assert {track.rstrip(",") for track in found} == tracks
    assert await sizes(playlist(room, "index.m3u8")) == (["320x180"] if "180p" in rendition else [])
    heard = await probed(run, playlist(room, "index.m3u8"))
    assert {track.rstrip(",") for track in heard} == tracks
