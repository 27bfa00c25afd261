"""A ladder's renditions are cut alike and can each be played, whatever the source is and becomes."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest

from peer.media.assembly import Item
from peer.media.ladder import parse_ladder
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from tests.integration.clips import Clip
from tests.integration.played import Played, split
from tests.integration.test_media_recording import items_of

LADDER = MediaOptions(
    encode=EncodeOptions(preset="ultrafast"), ladder=parse_ladder("360p:900k,180p:300k,90p:100k")
)


def rungs(items: list[Item]) -> list[list[Played]]:
    """What was emitted for each rung."""
    count = next(item for item in items if isinstance(item, InitSegment)).rungs
    return [split([item for item in items if item.rung == rung]) for rung in range(count)]


def cuts(played: Played) -> list[MediaPart]:
    """The parts without what may differ."""
    return [replace(part, data=b"", rung=0) for part in played.parts]


def assert_alike(renditions: list[list[Played]]) -> None:
    """Every rung has the same parts, and the same pictures at the same times."""
    for lower in renditions[1:]:
        assert len(lower) == len(renditions[0])
        for first, other in zip(renditions[0], lower, strict=True):
            assert cuts(first) == cuts(other)
            times = [(traf.decode_time, traf.durations, traf.keys) for traf in first.trafs(1)]
            assert times == [(traf.decode_time, traf.durations, traf.keys) for traf in other.trafs(1)]
            assert first.decode().pictures == other.decode().pictures
            assert first.decode().sounds == other.decode().sounds


def difference(one: av.VideoFrame, other: av.VideoFrame) -> float:
    """The mean difference of luma, 0 to 255, at a size at which coding hardly matters."""
    small = [frame.reformat(width=32, height=18, format="gray") for frame in (one, other)]
    pixels = [
        [bytes(frame.planes[0])[row * frame.planes[0].line_size :][:32] for row in range(18)]
        for frame in small
    ]
    pairs = [pair for rows in zip(*pixels, strict=True) for pair in zip(*rows, strict=True)]
    return float(sum(abs(a - b) for a, b in pairs)) / len(pairs)


def test_a_source_that_fits_passes_untouched_and_the_others_are_its_pictures(tmp_path: Path) -> None:
    path = Clip(size="640x360", frame_rate=30, gop=30).write(tmp_path / "a.mp4")
    roomy = replace(LADDER, ladder=parse_ladder("360p:9M,180p:300k,90p:100k"))
    renditions = rungs(items_of(path, 4.0, roomy))
    assert [(each[0].init.width, each[0].init.height) for each in renditions] == [
        (640, 360), (320, 180), (160, 90),
    ]  # fmt: skip
    assert_alike(renditions)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    first = renditions[0][0]
    passed = [sample for traf in first.trafs(1) for sample in traf.samples]
    assert passed == packets[: len(passed)]
    pictures = [each[0].pictures() for each in renditions]
    for number in (0, 17, 45, 100):
        assert difference(pictures[0][number], pictures[1][number]) < 8
        other = pictures[1][(number + 15) % len(passed)]
        assert difference(pictures[0][number], pictures[1][number]) < difference(pictures[0][number], other)


@pytest.mark.parametrize("frame_rate", [24, 60])
def test_a_source_with_b_frames_is_encoded_once_for_each_rung(tmp_path: Path, frame_rate: int) -> None:
    clip = Clip(size="640x480", frame_rate=frame_rate, b_frames=2, video_seconds=3, audio_seconds=3)
    renditions = rungs(items_of(clip.write(tmp_path / "b.mp4"), 3.0, LADDER))
    assert [each[0].init.height for each in renditions] == [360, 180, 90]
    assert [each[0].init.width for each in renditions] == [480, 240, 120]
    assert_alike(renditions)
    for first, *_ in renditions:
        began = [part.media_time for part in first.parts if part.segment_start]
        assert all(950_000 <= after - before <= 1_100_000 for before, after in pairwise(began))


def test_rates_keep_to_what_is_named(tmp_path: Path) -> None:
    clip = Clip(size="640x480", frame_rate=30, b_frames=2, video_seconds=10, audio_seconds=10)
    for (played,) in rungs(items_of(clip.write(tmp_path / "c.mp4"), 10.0, LADDER)):
        size = sum(len(part.data) for part in played.parts)
        seconds = sum(part.duration for part in played.parts) / 1e6
        # HLS names a quarter more as the most: boxes and the first key frame are in there.
        assert size * 8 / seconds <= 1.25 * played.init.bandwidth


def test_sound_alone_is_one_rendition(tmp_path: Path) -> None:
    (only,) = rungs(items_of(Clip(video_seconds=0).write(tmp_path / "d.m4a"), 3.0, LADDER))
    assert only[0].init.codecs == "mp4a.40.2"
    assert len(only[0].decode().sounds) > 100


def test_pictures_without_sound_have_a_ladder_too(tmp_path: Path) -> None:
    renditions = rungs(items_of(Clip(size="640x360", audio_seconds=0).write(tmp_path / "e.mp4"), 3.0, LADDER))
    assert len(renditions) == 3
    assert_alike(renditions)
