"""Encoders that look at nothing ahead: key frames by media time, and sound without holes."""

from itertools import pairwise

import av
import pytest

from peer.media.encoder import X264, AudioChunks
from peer.media.packager import Sample
from peer.media.parts import AudioCodec, EncodeOptions

OPTIONS = EncodeOptions(video_bitrate=200_000, preset="ultrafast")


def encode(count: int, rate: float) -> list[list[Sample]]:
    encoder = X264(64, 64, rate, OPTIONS)
    frames = []
    for number in range(count):
        time = round(number * 1_000_000 / rate)
        frame = av.VideoFrame(64, 64, "yuv420p")
        frames.append(encoder.encode(frame, time, round(1_000_000 / rate), time + 5))
    return frames


@pytest.mark.parametrize("rate", [10.0, 24.0, 25.0, 29.97, 30.0, 50.0])
def test_there_is_a_key_frame_every_second_at_any_frame_rate(rate: float) -> None:
    samples = [sample for frame in encode(round(rate * 5), rate) for sample in frame]
    keys = [sample.time for sample in samples if sample.key]
    assert len(keys) == 5
    assert all(abs(time - number * 1_000_000) <= 1_000_000 / rate for number, time in enumerate(keys))


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 30.0])
def test_the_picture_before_a_key_frame_knows_it(rate: float) -> None:
    samples = [sample for frame in encode(round(rate * 4), rate) for sample in frame]
    for before, after in pairwise(samples):
        assert before.last == after.key


def test_every_picture_comes_out_at_once_with_its_own_times() -> None:
    for number, frame in enumerate(encode(30, 25.0)):
        (sample,) = frame
        assert sample.time == number * 40_000
        assert sample.capture_time == number * 40_000 + 5
        assert not sample.data.startswith(b"\x00\x00\x00\x01")


def planes(codec: AudioCodec, samples: int) -> list[bytes]:
    return [bytes(samples * 8)] if codec == "opus" else [bytes(samples * 4)] * 2


@pytest.mark.parametrize(("codec", "frame"), [("opus", 20_000), ("aac", 21_333)])
def test_sound_becomes_frames_without_holes_whatever_its_pieces(codec: AudioCodec, frame: int) -> None:
    chunks = AudioChunks(codec, 64_000)
    samples, position = [], 0
    for piece in (100, 5_000, 1, 1_024, 7_777, 960, 30_000):
        samples += chunks.add(planes(codec, piece), position * 1_000_000 // 48_000, 0)
        position += piece
    steps = [after.time - before.time for before, after in pairwise(samples)]
    assert all(abs(step - frame) <= 1 for step in steps)
    # AAC holds back its priming and one frame more.
    assert position / 48_000 * 1_000_000 - samples[-1].time < (3 if codec == "opus" else 4) * frame


@pytest.mark.parametrize("codec", ["opus", "aac"])
def test_a_hole_in_the_sound_becomes_silence(codec: AudioCodec) -> None:
    chunks = AudioChunks(codec, 64_000)
    samples = chunks.add(planes(codec, 4_800), 0, 0) + chunks.add(planes(codec, 4_800), 500_000, 0)
    assert 500_000 < samples[-1].time + samples[-1].duration <= 600_000
    assert len(samples) >= 24


def test_sound_that_overlaps_is_cut_and_a_little_jitter_is_not() -> None:
    chunks = AudioChunks("opus", 64_000)
    chunks.add(planes("opus", 4_800), 0, 0)
    chunks.add(planes("opus", 4_800), 50_000, 0)
    assert chunks.next == 7_200
    chunks.add(planes("opus", 4_800), 155_000, 0)
    assert chunks.next == 12_000
    chunks.add(planes("opus", 480), 10_000, 0)
    assert chunks.next == 12_000


def test_a_very_long_hole_is_left_open() -> None:
    chunks = AudioChunks("opus", 64_000)
    chunks.add(planes("opus", 4_800), 0, 0)
    samples = chunks.add(planes("opus", 4_800), 3_600_000_000, 0)
    assert len(samples) <= 6
