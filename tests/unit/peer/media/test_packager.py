"""Frames to parts: what closes a part, what begins a segment, and times that never overlap."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from peer.media.box import AudioTrack, VideoTrack, init_segment
from peer.media.packager import Packager, Sample
from peer.media.parts import MAX_PART_SIZE, MediaPart
from peer.media.timeline import Timeline
from tests.unit.peer.media.boxes import Traf, read_fragment, walk

VIDEO = VideoTrack(640, 360, bytes.fromhex("0164001effe1000467640000010001ee"), 25.0)
OPUS = AudioTrack("opus", 48_000, 2, bytes(11))
AAC = AudioTrack("aac", 44_100, 2, bytes.fromhex("1210"))
PART, SEGMENT = 100_000, 1_000_000


def video(time: int, duration: int = 40_000, *, key: bool = False, size: int = 10) -> Sample:
    return Sample("video", time, duration, bytes(size), key, time + 7_000_000)


def audio(time: int, duration: int = 20_000, size: int = 5) -> Sample:
    return Sample("audio", time, duration, bytes(size), True, time + 7_000_000)


def package(packager: Packager, samples: list[Sample]) -> list[MediaPart]:
    return [part for sample in samples for part in packager.add(sample)]


def tracks(parts: list[MediaPart], number: int) -> list[Traf]:
    return [traf for part in parts for traf in read_fragment(part.data) if traf.track == number]


def both(count: int, *, gop: int = 25) -> list[Sample]:
    """`count` pictures at 25 a second and the sound beside them."""
    samples = [video(number * 40_000, key=number % gop == 0) for number in range(count)]
    samples += [audio(number * 20_000) for number in range(count * 2)]
    return sorted(samples, key=lambda sample: sample.time)


def test_parts_are_whole_frames_of_at_least_the_part_duration() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    parts = package(packager, both(50))
    assert [part.duration for part in parts] == [120_000] * 8 + [40_000] + [120_000] * 8
    assert [part.media_time for part in parts[:3]] == [0, 120_000, 240_000]
    assert [part.capture_time for part in parts[:2]] == [7_000_000, 7_120_000]


def test_a_part_closes_just_before_a_key_frame_and_a_segment_begins_there() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    parts = package(packager, both(80))
    assert [part.media_time for part in parts if part.independent] == [0, 1_000_000, 2_000_000, 3_000_000]
    assert [part.media_time for part in parts if part.segment_start] == [0, 1_000_000, 2_000_000, 3_000_000]
    for traf in tracks(parts, 1):
        assert not any(traf.keys[1:])


def test_key_frames_within_a_second_begin_no_segment() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    parts = package(packager, both(80, gop=10))
    assert [part.media_time for part in parts if part.segment_start] == [0, 1_200_000, 2_400_000]


def test_both_tracks_are_in_one_fragment_with_their_own_decode_times() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    first, *_ = package(packager, both(4))
    trafs = read_fragment(first.data)
    assert [(traf.track, traf.decode_time, len(traf.samples)) for traf in trafs] == [(1, 0, 3), (2, 0, 4)]


def test_whole_milliseconds_still_make_parts_of_three_frames() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    times = [round(number * 1000 / 30) * 1000 for number in range(90)]
    parts = package(packager, [video(time, 33_333, key=number == 0) for number, time in enumerate(times)])
    assert {len(read_fragment(part.data)[0].samples) for part in parts} == {3}


def test_nothing_is_sent_before_the_first_key_frame() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    assert package(packager, [*both(50)[1:60], video(2_360_000)]) == []
    (part,) = package(packager, [video(2_400_000 + number * 40_000, key=number == 0) for number in range(3)])
    assert part.independent
    assert part.media_time == 2_400_000
    assert min(traf.decode_time for traf in read_fragment(part.data)) >= 48_000 * 2 // 5


def test_sound_goes_on_alone_when_pictures_stop() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    package(packager, both(3))
    parts = package(packager, [audio(120_000 + number * 20_000) for number in range(50)])
    assert parts
    assert not any(part.independent for part in parts)


def test_parts_of_sound_alone_are_independent() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(None, OPUS)
    parts = package(packager, [audio(number * 20_000) for number in range(200)])
    assert {part.duration for part in parts} == {100_000}
    assert all(part.independent for part in parts)
    assert [part.media_time for part in parts if part.segment_start] == [0, 10**6, 2 * 10**6, 3 * 10**6]


def test_an_interruption_waits_for_a_key_frame_and_marks_it() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    before = package(packager, both(10)) + packager.interrupt()
    assert not any(part.discontinuity for part in before)
    after = package(packager, [video(400_000 + n * 40_000, key=n == 2) for n in range(20)])
    assert after[0].discontinuity
    assert after[0].segment_start
    assert after[0].independent
    assert not any(part.discontinuity for part in after[1:])


def test_a_moved_timeline_is_marked_at_the_next_segment() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    parts = package(packager, both(20))
    packager.mark()
    later = [video(800_000 + n * 40_000, key=n == 5) for n in range(20)]
    parts += package(packager, later)
    assert [part.media_time for part in parts if part.discontinuity] == [1_000_000]


def test_new_tracks_continue_after_what_was_sent() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, OPUS)
    before = package(packager, both(10))
    before += packager.begin(VIDEO, AAC)
    after = package(packager, [video(400_000 + n * 40_000, key=n == 0) for n in range(4)])
    assert after[0].discontinuity
    assert after[0].media_time == before[-1].media_time + before[-1].duration


def test_a_part_does_not_wait_for_a_key_frame_that_is_expected() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    package(packager, [video(n * 40_000, key=n == 0) for n in range(24)])
    (part,) = packager.add(replace(video(960_000), last=True))
    assert part.duration == 40_000
    assert packager.add(video(1_000_000)) == []  # and is none the worse for it when none comes


def test_a_late_frame_shortens_the_one_before_it_in_the_same_part() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    samples = [video(0, key=True), video(20_000), video(60_000)]
    (traf,) = tracks(package(packager, samples), 1)
    assert traf.durations == [1_800, 3_600, 3_600]


def test_huge_frames_close_parts_before_the_limit() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    parts = package(packager, [video(n * 10_000, 10_000, key=n == 0, size=1_500_000) for n in range(8)])
    assert parts
    assert all(len(part.data) <= MAX_PART_SIZE for part in parts)


def test_a_frame_that_fits_no_part_is_left_out_until_the_next_key_frame() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    samples = [video(0, key=True), video(40_000, size=5_000_000), video(80_000), video(120_000, key=True)]
    parts = package(packager, samples) + packager.flush()
    assert [part.media_time for part in parts] == [0, 120_000]


def test_frames_without_progress_do_not_gather_for_ever() -> None:
    packager = Packager(PART, SEGMENT)
    packager.begin(VIDEO, None)
    parts = package(packager, [video(0, 1, key=n == 0, size=1) for n in range(5_000)])
    assert len(parts) >= 4


def test_a_thousand_loops_keep_sound_and_pictures_within_40_ms() -> None:
    packager, timeline = Packager(PART, SEGMENT), Timeline(25_000)
    packager.begin(VIDEO, AAC)
    frame = 23_220
    for _ in range(1000):
        timeline.begin(0)
        units = [video(n * 40_000, key=n % 25 == 0) for n in range(26)]
        units += [audio(n * 1_024_000_000 // 44_100, frame) for n in range(46)]
        for unit in sorted(units, key=lambda sample: sample.time):
            media, moved = timeline.map(unit.kind, unit.time, unit.duration)
            assert not moved
            data = media.to_bytes(8, "big")
            for part in packager.add(Sample(unit.kind, media, unit.duration, data, unit.key, 0)):
                for traf in read_fragment(part.data):
                    scale = 90_000 if traf.track == 1 else 44_100
                    time = traf.decode_time
                    for duration, wanted in zip(traf.durations, traf.samples, strict=True):
                        assert abs(time * 10**6 // scale - int.from_bytes(wanted, "big")) <= 20_000
                        time += duration


frames = st.lists(
    st.tuples(
        st.sampled_from(["video", "audio"]),
        st.integers(-(10**5), 3 * 10**6),
        st.integers(0, 200_000),
        st.booleans(),
        st.sampled_from(["add", "add", "add", "add", "add", "interrupt", "mark", "begin", "flush"]),
    ),
    max_size=120,
)


@given(frames)
def test_whatever_comes_in_decode_times_never_overlap_or_go_back(
    steps: list[tuple[str, int, int, bool, str]],
) -> None:
    packager = Packager(PART, SEGMENT)
    parts = packager.begin(VIDEO, OPUS)
    for kind, time, duration, key, action in steps:
        if action == "add":
            sample = Sample("video" if kind == "video" else "audio", time, duration, b"x", key, 0)
            parts += packager.add(sample)
        elif action == "interrupt":
            parts += packager.interrupt()
        elif action == "begin":
            parts += packager.begin(VIDEO, OPUS)
        elif action == "flush":
            parts += packager.flush()
        else:
            packager.mark()
    parts += packager.flush()
    for number in (1, 2):
        end = 0
        for traf in tracks(parts, number):
            assert traf.decode_time >= end
            assert min(traf.durations) >= 1
            end = traf.end
    assert not any(part.discontinuity and not part.segment_start for part in parts)
    assert not any(part.segment_start and not part.independent for part in parts)
    assert all(part.duration > 0 for part in parts)


def test_an_init_segment_describes_both_tracks() -> None:
    names = [name for name, _ in walk(init_segment(VIDEO, OPUS))]
    assert names[:3] == ["ftyp", "moov", "moov/mvhd"]
    assert names.count("moov/trak") == 2
    assert names.count("moov/mvex/trex") == 2


def test_a_ladder_is_cut_alike_and_only_the_pictures_differ() -> None:
    packager = Packager(PART, SEGMENT)
    packager.lower_rungs = 2
    packager.begin(VIDEO, OPUS)
    samples = [
        replace(sample, lower=(b"middle", b"low")) if sample.kind == "video" else sample
        for sample in both(50)
    ]
    parts = package(packager, samples)
    parts += packager.flush()
    rungs = [[part for part in parts if part.rung == rung] for rung in range(3)]
    assert [part.rung for part in parts[:6]] == [0, 1, 2, 0, 1, 2]
    assert len(rungs[0]) > 10
    for number, picture in ((1, b"middle"), (2, b"low")):
        lower = [replace(part, data=b"", rung=0) for part in rungs[number]]
        assert lower == [replace(part, data=b"") for part in rungs[0]]
        assert {sample for traf in tracks(rungs[number], 1) for sample in traf.samples} == {picture}
        assert tracks(rungs[number], 2) == tracks(rungs[0], 2)
        times = [(traf.decode_time, traf.durations, traf.keys) for traf in tracks(rungs[number], 1)]
        assert times == [(traf.decode_time, traf.durations, traf.keys) for traf in tracks(rungs[0], 1)]


def test_the_largest_rung_closes_a_part_that_would_be_too_large() -> None:
    packager = Packager(PART, SEGMENT)
    packager.lower_rungs = 1
    packager.begin(VIDEO, None)
    large = bytes(MAX_PART_SIZE // 2)
    parts = package(packager, [replace(video(time, key=time == 0), lower=(large,)) for time in (0, 40_000)])
    assert [(part.rung, part.duration) for part in parts] == [(0, 40_000), (1, 40_000)]


def test_sound_without_pictures_is_the_same_in_every_rung() -> None:
    packager = Packager(PART, SEGMENT)
    packager.lower_rungs = 1
    packager.begin(None, OPUS)
    parts = package(packager, [audio(number * 20_000) for number in range(5)])
    assert [part.rung for part in parts] == [0, 1]
    assert parts[0].data == parts[1].data
