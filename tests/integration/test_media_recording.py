"""Files become parts: real decoding, encoding and passing through, only without the waiting."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from peer.media.assembly import Item
from peer.media.pace import Pacer, Stop, StoppedError
from peer.media.parts import AudioCodec, EncodeOptions, MediaOptions, MediaPart
from peer.media.recording import Recording
from peer.media.source import SourceError
from tests.integration.clips import Clip
from tests.integration.played import Played, split

OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))


class Unpaced(Pacer):
    """As fast as the machine can."""

    def wait(self, due: int, lead: int = 0) -> None:
        self._stop.check()

    def captured(self, time: int) -> int:
        return time


def items_of(path: Path, seconds: float, options: MediaOptions = OPTIONS) -> list[Item]:
    """Play a file in loops until so much media time was emitted, or once."""
    stop, items = Stop(), list[Item]()

    def emit(new: Iterable[Item]) -> None:
        for item in new:
            items.append(item)
            if isinstance(item, MediaPart) and item.media_time + item.duration >= seconds * 1e6:
                stop.set()

    try:
        Recording(str(path), options, stop, Unpaced(stop, lambda: 0)).run(emit)
    except StoppedError:
        pass
    return items


def record(path: Path, seconds: float, options: MediaOptions = OPTIONS) -> list[Played]:
    """The same by init segment, of one rendition."""
    return split(items_of(path, seconds, options))


def whole(path: Path, seconds: float, options: MediaOptions = OPTIONS) -> Played:
    (played,) = record(path, seconds, options)
    return played


@pytest.mark.parametrize(("codec", "name"), [("opus", "opus"), ("aac", "mp4a.40.2")])
def test_the_sample_is_encoded_and_loops_without_a_seam(
    sample_video: Path, codec: AudioCodec, name: str
) -> None:
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast", audio_codec=codec))
    played = whole(sample_video, 11.5, options)
    assert played.init.codecs.startswith("avc1.")
    assert played.init.codecs.endswith(name)
    assert (played.init.width, played.init.height, played.init.frame_rate) == (640, 360, 25.0)
    decoded = played.decode()
    assert decoded.size == (640, 360)
    # 132 pictures in a loop of 5.312 s; the last of each stays until the sound has ended.
    steps = [round((after - before) * 1000) for before, after in pairwise(decoded.pictures)]
    assert {step for number, step in enumerate(steps, 1) if number % 132} == {40}
    assert [step for number, step in enumerate(steps, 1) if number % 132 == 0] == [72, 72]
    assert played.holes(1) == played.holes(2) == 0
    assert abs(decoded.sounds[-1][1] - decoded.pictures[-1]) < 0.1
    assert all(abs(after[0] - before[1]) < 0.001 for before, after in pairwise(decoded.sounds))


def test_parts_and_segments_of_the_sample_are_as_long_as_asked(sample_video: Path) -> None:
    played = whole(sample_video, 6.0)
    assert max(part.duration for part in played.parts) <= 160_000
    starts = [part.media_time for part in played.parts if part.segment_start]
    assert all(1_000_000 <= after - before <= 1_050_000 for before, after in pairwise(starts))
    for before, after in pairwise(played.parts):
        assert after.media_time == before.media_time + before.duration
        assert after.capture_time - before.capture_time == after.media_time - before.media_time
    assert not any(part.discontinuity for part in played.parts)


def test_the_bit_rate_stays_near_its_target(sample_video: Path) -> None:
    played = whole(sample_video, 10.6)
    size = sum(len(part.data) for part in played.parts)
    assert 0.7 < size * 8 / 10.6 / played.init.bandwidth < 1.15
    biggest = max(len(part.data) for part in played.parts)
    assert biggest * 8 < 0.55 * played.init.bandwidth


def test_a_file_that_fits_is_passed_through_untouched(tmp_path: Path) -> None:
    path = Clip(gop=50).write(tmp_path / "clip.mp4")
    played = whole(path, 9.0)
    assert (played.init.width, played.init.height) == (320, 180)
    assert played.init.codecs.endswith("mp4a.40.2")
    with open(path, "rb") as file:
        original = file.read()
    samples = [sample for track in (1, 2) for traf in played.trafs(track) for sample in traf.samples]
    assert len(samples) > 400
    assert all(sample in original for sample in samples)
    assert len(played.decode().pictures) >= 220
    assert played.holes(1) == 0
    # A loop of 4.01 s of sound is no whole number of pictures, and less than a frame of sound is left open.
    assert played.holes(2) < 1024


def test_only_the_track_that_does_not_fit_is_encoded(tmp_path: Path) -> None:
    path = Clip(layout="5.1", gop=50).write(tmp_path / "clip.mp4")
    played = whole(path, 3.0)
    assert (played.init.width, played.init.codecs.rpartition(",")[2]) == (320, "opus")
    path = Clip(gop=100).write(tmp_path / "long.mp4")
    assert whole(path, 3.0).init.codecs.rpartition(",")[2] == "mp4a.40.2"


@pytest.mark.parametrize(
    "clip",
    [Clip(b_frames=2), Clip(gop=75), Clip(pixels="yuv444p"), Clip(frame_rate=60, gop=60, pixels="yuv422p")],
)
def test_video_that_does_not_fit_is_encoded(clip: Clip, tmp_path: Path) -> None:
    played = whole(clip.write(tmp_path / "clip.mp4"), 6.0)
    decoded = played.decode()
    assert played.init.frame_rate == min(30, clip.frame_rate)
    assert abs(len(decoded.pictures) / 6.0 - played.init.frame_rate) < 1.5
    starts = [part.media_time for part in played.parts if part.segment_start]
    assert all(950_000 <= after - before <= 1_050_000 for before, after in pairwise(starts))


def test_opus_and_h264_in_matroska_pass_through(tmp_path: Path) -> None:
    path = Clip(audio_codec="libopus").write(tmp_path / "clip.mkv")
    played = whole(path, 6.0)
    assert played.init.codecs.rpartition(",")[2] == "opus"
    assert len(played.decode().pictures) >= 145


@pytest.mark.parametrize("codec", ["aac", "libmp3lame"])
def test_sound_that_ends_early_becomes_silence(codec: str, tmp_path: Path) -> None:
    path = Clip(audio_seconds=1.0, audio_codec=codec).write(tmp_path / "clip.mp4")
    played = whole(path, 9.5)
    decoded = played.decode()
    assert abs(decoded.sounds[-1][1] - decoded.pictures[-1]) < 0.25
    assert played.holes(2) <= 1024
    assert all(traf.samples for traf in played.trafs(2))


def test_a_picture_that_ends_early_stays_while_the_sound_goes_on(tmp_path: Path) -> None:
    path = Clip(video_seconds=1.0, audio_seconds=4.0, b_frames=2).write(tmp_path / "clip.mp4")
    played = whole(path, 9.5)
    assert played.holes(1) == 0
    steps = [after - before for before, after in pairwise(played.decode().pictures)]
    assert max(steps) < 0.1


@pytest.mark.parametrize(
    ("clip", "codecs"),
    [
        (Clip(audio_seconds=0), ["avc1"]),
        (Clip(video_seconds=0), ["mp4a"]),
        (Clip(video_seconds=0, layout="mono", rate=22_050), ["mp4a"]),
        (Clip(video_seconds=0, audio_codec="libmp3lame"), ["opus"]),
    ],
)
def test_one_track_alone_is_published(clip: Clip, codecs: list[str], tmp_path: Path) -> None:
    played = whole(clip.write(tmp_path / "clip.mp4"), 9.0)
    assert [codec[:4] for codec in played.init.codecs.split(",")] == codecs
    assert (played.init.video, played.init.audio) == (codecs == ["avc1"], codecs != ["avc1"])
    decoded = played.decode()
    assert len(decoded.pictures) + len(decoded.sounds) > 190
    assert [part.segment_start for part in played.parts].count(True) >= 8


def test_once_ends_with_the_file(tmp_path: Path) -> None:
    path = Clip(video_seconds=2.0, audio_seconds=2.0).write(tmp_path / "clip.mp4")
    played = whole(path, 60.0, replace(OPTIONS, once=True))
    assert len(played.decode().pictures) == 50
    assert sum(part.duration for part in played.parts) == pytest.approx(2_010_000, abs=40_000)


def test_damage_in_the_middle_of_a_file_is_survived(tmp_path: Path) -> None:
    path = Clip(video_seconds=4.0, gop=100, b_frames=2).write(tmp_path / "clip.ts")
    data = bytearray(path.read_bytes())
    for position in range(len(data) // 3, len(data) // 2):
        data[position] = position * 7 & 0xFF
    path.write_bytes(data)
    played = record(path, 10.0)
    assert played[-1].parts[-1].media_time > 9_000_000
    assert sum(part.duration for one in played for part in one.parts) > 5_000_000


@pytest.mark.parametrize("content", [b"", b"This is a text, and no film.\n" * 100, bytes(100_000)])
def test_a_file_that_is_no_media_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "note.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError) as refusal:
        record(path, 1.0)
    assert str(path) in str(refusal.value)
    assert str(refusal.value).endswith(".")
