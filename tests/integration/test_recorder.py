"""Recordings: what is killed can be played, what is ended is a plain MP4, nothing is lost or overwritten."""

import asyncio
import io
import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from peer import recorder as recorder_module
from peer.addresses import free_port
from peer.media.assembly import Item
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.part import Part
from peer.recorder import Recorder
from peer.running import CommandError
from tests.integration.clips import Clip
from tests.integration.test_media_recording import record as play
from tests.programs import programs

pytestmark = pytest.mark.asyncio
PATTERN = "test:?size=320x180"


def items_of(path: Path, seconds: float, audio: str = "opus") -> list[Item]:
    """What a publisher makes of a file."""
    encode = EncodeOptions(preset="ultrafast", audio_codec="aac" if audio == "aac" else "opus")
    (played,) = play(path, seconds, MediaOptions(encode=encode))
    return [played.init, *played.parts]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(video_seconds=6.0, audio_seconds=6.0).write(tmp_path / "clip.mp4")


async def record(path: Path, items: list[Item]) -> list[str]:
    """Record what a source has made; return what was told."""
    told: list[str] = []
    recorder = Recorder(path, told.append)
    for item in items:
        recorder.item(item)
    await recorder.close()
    return told


def kinds(path: Path) -> list[str]:
    """The boxes of a file."""
    data, found, position = path.read_bytes(), [], 0
    while position < len(data):
        size, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        found.append(kind.decode())
        position += size
    assert position == len(data)
    return found


def probe(path: Path) -> dict[str, Any]:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_packets",
        "-show_format",
        "-show_streams",
        "-of",
        "json",
        str(path),
    ]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert done.stderr == b""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def packets(data: bytes) -> dict[int, list[tuple[float, bool, bytes]]]:
    """By track: time in s, whether it is a key frame, and bytes."""
    found: dict[int, list[tuple[float, bool, bytes]]] = {}
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        for packet in container.demux():
            if packet.size and packet.pts is not None and packet.time_base is not None:
                entry = (float(packet.pts * packet.time_base), packet.is_keyframe, bytes(packet))
                found.setdefault(packet.stream_index, []).append(entry)
    return found


def whole(items: list[Item]) -> bytes:
    return b"".join(item.data for item in items)


@pytest.mark.parametrize("audio", ["opus", "aac"])
async def test_an_ended_recording_is_a_plain_mp4_with_every_sample_where_it_was(
    tmp_path: Path, sample_video: Path, audio: str
) -> None:
    path = tmp_path / "out.mp4"
    items = items_of(sample_video, 5.0, audio)
    (told,) = await record(path, items)
    assert told.startswith(f"Recorded {path}: 5.")
    assert kinds(path) == ["ftyp", "mdat", "moov"]
    plain, fragmented = packets(path.read_bytes()), packets(whole(items))
    assert plain.keys() == fragmented.keys() == {0, 1}
    first = min(track[0][0] for track in fragmented.values())
    for track, samples in fragmented.items():
        assert [sample[1:] for sample in plain[track]] == [sample[1:] for sample in samples]
        for after, before in zip(plain[track], samples, strict=True):
            assert after[0] == pytest.approx(before[0] - first, abs=0.002)
    found = probe(path)
    assert float(found["format"]["duration"]) == pytest.approx(5.0, abs=0.2)
    assert float(found["format"]["start_time"]) == pytest.approx(0.0, abs=0.01)


async def test_any_moment_of_an_ended_recording_can_be_sought(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "out.mp4"
    await record(path, items_of(clip, 6.0))
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert video.time_base is not None
        for wanted in (4.5, 0.2, 2.0, 5.9):
            container.seek(int(wanted / video.time_base), stream=video)
            frame = next(container.decode(video))
            assert frame.time is not None
            assert wanted - 1.1 <= frame.time <= wanted + 0.05
    assert len(packets(path.read_bytes())[0]) == 150


async def test_what_is_killed_anywhere_can_be_played_up_to_there(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "out.mp4"
    recorder = Recorder(path, lambda sentence: None)
    items = items_of(clip, 6.0)
    for item in items:
        recorder.item(item)
    assert recorder._thread is not None
    await asyncio.get_running_loop().run_in_executor(recorder._thread, lambda: None)
    size = len(whole(items)) + 16
    assert path.stat().st_size == size
    for share in (1.0, 0.61, 0.33):
        left = tmp_path / "left.mp4"
        left.write_bytes(path.read_bytes()[: int(size * share)])
        frames = int(
            next(s for s in probe_lenient(left)["streams"] if s["codec_type"] == "video")["nb_read_packets"]
        )
        assert frames >= 150 * share - 8
    await recorder.close()


def probe_lenient(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def parts_of(items: list[Item], epoch: int = 7, lost: range = range(0)) -> Iterator[Part]:
    """As a viewer gets them, but for those that are lost."""
    init, skipped, number = b"", 0, 0
    for item in items:
        if isinstance(item, InitSegment):
            init = item.data
            continue
        if number in lost:
            skipped += 1
        else:
            yield Part(
                init, item.data, epoch, number, 0, item.media_time / 1e6, item.duration / 1e6, 0.0,
                item.independent, item.discontinuity, skipped,
            )  # fmt: skip
            skipped = 0
        number += 1


async def test_a_hole_stays_as_long_as_it_was_and_ends_with_a_key_frame(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "out.mp4"
    items = items_of(clip, 6.0)
    starts = [
        number for number, item in enumerate(items[1:]) if isinstance(item, MediaPart) and item.independent
    ]
    recorder = Recorder(path, lambda sentence: None)
    for part in parts_of(items, lost=range(starts[2] + 3, starts[2] + 5)):
        recorder.part(part)
    await recorder.close()
    found = packets(path.read_bytes())
    holes = {
        track: [after[0] - before[0] for before, after in pairwise(samples)]
        for track, samples in found.items()
    }
    position = max(range(len(holes[0])), key=holes[0].__getitem__)
    assert holes[0][position] > 0.5
    assert found[0][position + 1][1], "it goes on with a key frame"
    assert max(holes[1]) == pytest.approx(holes[0][position], abs=0.15)
    assert abs(found[0][-1][0] - found[1][-1][0]) < 0.15
    assert kinds(path) == ["ftyp", "mdat", "moov"]


async def test_a_stream_that_begins_in_the_middle_is_recorded_from_its_next_key_frame(
    tmp_path: Path, clip: Path
) -> None:
    path = tmp_path / "out.mp4"
    recorder = Recorder(path, lambda sentence: None)
    for part in list(parts_of(items_of(clip, 6.0)))[15:]:
        recorder.part(part)
    await recorder.close()
    found = packets(path.read_bytes())
    assert found[0][0][1]
    assert min(samples[0][0] for samples in found.values()) == pytest.approx(0.0, abs=0.01)
    assert float(probe(path)["format"]["duration"]) == pytest.approx(4.0, abs=0.2)


async def test_a_source_that_changes_its_size_or_its_timeline_goes_on_in_another_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    small = items_of(Clip(video_seconds=2.0, audio_seconds=2.0).write(tmp_path / "small.mp4"), 2.0)
    tall = items_of(
        Clip(size="180x320", video_seconds=2.0, audio_seconds=2.0).write(tmp_path / "tall.mp4"), 2.0
    )
    told = await record(path, [*small, *tall])
    assert [sentence.partition(":")[0] for sentence in told] == [
        f"Recorded {path}",
        f"Recorded {tmp_path / 'out-2.mp4'}",
    ]
    sizes = [probe(tmp_path / name)["streams"][0]["width"] for name in ("out.mp4", "out-2.mp4")]
    assert sizes == [320, 180]
    recorder = Recorder(path, told.append)
    for epoch in (7, 8):
        for part in parts_of(small, epoch):
            recorder.part(part)
    await recorder.close()
    assert kinds(tmp_path / "out-3.mp4") == kinds(tmp_path / "out-4.mp4") == ["ftyp", "mdat", "moov"]


async def test_sound_alone_and_pictures_alone_are_recorded(tmp_path: Path) -> None:
    for name, clip in (("sound", Clip(video_seconds=0)), ("pictures", Clip(audio_seconds=0))):
        path = tmp_path / f"{name}-out.mp4"
        await record(path, items_of(clip.write(tmp_path / f"{name}.mp4"), 3.0))
        found = probe(path)
        assert len(found["streams"]) == 1
        assert float(found["format"]["duration"]) == pytest.approx(3.0, abs=0.3)


async def test_what_is_there_already_is_kept_unless_it_is_empty(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("something dear")
    (tmp_path / "out-2.mp4").write_bytes(b"")
    await record(path, items_of(clip, 1.0))
    assert path.read_text() == "something dear"
    assert kinds(tmp_path / "out-2.mp4") == ["ftyp", "mdat", "moov"]


async def test_a_full_disk_ends_the_recording_in_a_sentence_and_what_was_written_can_be_played(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, path, told = items_of(clip, 6.0), tmp_path / "out.mp4", list[str]()
    write, most = recorder_module._File.write, len(whole(items)) // 2

    def full(file: Any, data: bytes) -> None:
        if file.size + len(data) > most:
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(recorder_module._File, "write", full)
    recorder = Recorder(path, told.append)
    for item in items:
        recorder.item(item)
        await asyncio.sleep(0.001)
    await recorder.close()
    assert recorder.failed
    assert told[0] == f"Recording to {path} ended: No space left on device."
    assert int(probe_lenient(path)["streams"][0]["nb_read_packets"]) > 60


async def test_a_disk_that_is_too_slow_ends_the_recording(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_UNWRITTEN", 20_000)
    told = await record(tmp_path / "out.mp4", items_of(clip, 6.0))
    assert told[0].endswith("ended: the disk is too slow.")


async def test_what_is_no_mp4_is_recorded_as_it_comes(tmp_path: Path, clip: Path) -> None:
    items = items_of(clip, 2.0)
    init = items[0]
    assert isinstance(init, InitSegment)
    path = tmp_path / "out.mp4"
    await record(path, [InitSegment("", 0, 0, 0.0, 0, b"no boxes", False, True), *items[1:]])
    assert path.read_bytes() == b"no boxes" + whole(items[1:])
    part = MediaPart(b"\0\0\0\x08moov", 0, 1, 0, True, False, False)
    other = tmp_path / "other.mp4"
    await record(other, [*items, part, MediaPart(b"\0\0\0\x63moof", 0, 1, 0, True, False, False)])
    assert kinds_until_damage(other)[:4] == ["ftyp", "free", "moov", "moof"]


def kinds_until_damage(path: Path) -> list[str]:
    data, found, position = path.read_bytes(), [], 0
    while position + 8 <= len(data):
        found.append(data[position + 4 : position + 8].decode())
        position += int.from_bytes(data[position : position + 4], "big")
    return found


async def test_nothing_came_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert await record(tmp_path / "out.mp4", []) == []
    with pytest.raises(CommandError, match="cannot be written"):
        Recorder(tmp_path / "nowhere" / "out.mp4")


@pytest.mark.slow
async def test_publisher_and_viewer_record_and_one_of_them_is_killed(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.mp4", tmp_path / "theirs.mp4"
    async with programs(tmp_path) as run:
        signaling = await run.braidcast("signal", "--port", "0", "--json")
        server = ("--server", (await signaling.event("listening"))["url"], "--json")
        http = f"127.0.0.1:{free_port('127.0.0.1')}"
        publisher = await run.braidcast("publish", PATTERN, "--http", http, "--record", str(mine), *server)
        await publisher.record(lambda record: record.get("state") == "live")
        killed = await run.braidcast("watch", "--record", str(theirs), *server)
        ended = await run.braidcast(
            "watch", "--record", str(tmp_path / "third.mp4"), "--seconds", "4", *server
        )
        assert await ended.ended() == 0
        await killed.record(lambda record: record.get("parts", 0) > 30)
        await killed.kill()
        assert await publisher.interrupt() == 130
        assert any(record.get("event") == "recording" for record in publisher.records())
    for path in (mine, tmp_path / "third.mp4"):
        assert kinds(path) == ["ftyp", "mdat", "moov"]
        assert int(probe(path)["streams"][0]["nb_read_packets"]) > 60
    assert kinds_until_damage(theirs)[:4] == ["ftyp", "free", "moov", "moof"]
    assert int(probe_lenient(theirs)["streams"][0]["nb_read_packets"]) > 60
