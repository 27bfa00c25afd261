"""Source times to media times: loops, jumps, wraps, jitter and drift."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.timeline import JUMP, ArrivalClock, FrameInterval, Timeline, TrackClock

FRAME, AAC = 40_000, 21_333


def test_audio_and_video_stay_together_over_a_thousand_loops() -> None:
    # A picture track of 5.28 s and a sound track of 5.312 s that begins 21 ms early, as encoders leave it.
    timeline = Timeline()
    for loop in range(1000):
        timeline.begin(-AAC)
        pictures = [timeline.map("video", number * FRAME, FRAME)[0] for number in range(132)]
        sounds = [timeline.map("audio", number * AAC - AAC, AAC)[0] for number in range(249)]
        assert pictures[0] - sounds[0] == AAC
        assert pictures[100] - sounds[0] == AAC + 100 * FRAME
        assert sounds[0] == loop * 249 * AAC
    assert timeline.end == 1000 * 249 * AAC


def test_a_loop_begins_where_the_longer_track_ended() -> None:
    timeline = Timeline()
    timeline.begin(500)
    timeline.map("video", 500, 1000)
    timeline.map("audio", 600, 5000)
    timeline.begin(0)
    assert timeline.map("video", 0, 1000) == (5100, False)


def test_media_time_begins_at_the_origin() -> None:
    timeline = Timeline(25_000)
    timeline.begin(7_000_000)
    assert timeline.map("video", 7_000_000, FRAME) == (25_000, False)


@pytest.mark.parametrize("jump", [10_000_000, -10_000_000, -(1 << 32) * 1000])
def test_a_jump_is_bridged_for_both_tracks_at_one_place(jump: int) -> None:
    timeline = Timeline()
    timeline.begin(0)
    moves = []
    last = {"video": 0, "audio": 0}
    for number in range(200):
        offset = jump if number >= 100 else 0
        # The sound jumps one step before the picture does, as tracks interleave.
        audio, moved = timeline.map("audio", number * FRAME + offset + FRAME, FRAME)
        moves.append(moved)
        video, moved = timeline.map("video", number * FRAME + offset, FRAME)
        moves.append(moved)
        assert audio > last["audio"] or number == 0
        assert video > last["video"] or number == 0
        assert abs(audio - video) <= 2 * FRAME
        last = {"video": video, "audio": audio}
    assert sum(moves) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["video", "audio"]), st.integers(-(1 << 40), 1 << 40)), max_size=80)
)
def test_no_source_times_make_media_time_negative_or_the_end_go_back(units: list[tuple[str, int]]) -> None:
    timeline = Timeline()
    began, end = False, 0
    for kind, time in units:
        if not began:
            began = True
            timeline.begin(time)
        media, _ = timeline.map("video" if kind == "video" else "audio", time, FRAME)
        assert media >= -10 * JUMP
        assert timeline.end >= end
        assert timeline.end <= end + 10 * JUMP + FRAME
        end = timeline.end


def test_a_frame_interval_is_learned_from_whole_milliseconds() -> None:
    interval = FrameInterval(40_000)
    learned = [interval.add(round(number * 1000 / 30) * 1000) for number in range(60)]
    assert learned[0] == 40_000
    assert abs(learned[-1] - 33_333) < 40


def test_a_lost_frame_does_not_stretch_the_interval() -> None:
    interval = FrameInterval(40_000)
    learned = [interval.add(number * 33_333) for number in range(60) if number % 10]
    assert learned[-1] == 33_333


@given(st.lists(st.integers(0, 300_000), min_size=40, max_size=200))
def test_capture_times_do_not_follow_jitter_and_are_never_in_the_future(delays: list[int]) -> None:
    clock = ArrivalClock()
    captured = []
    for number, delay in enumerate(delays):
        time = number * 33_333
        captured.append(clock.capture(time, 1_000_000 + time + delay))
        assert captured[-1] <= 1_000_000 + time + delay
    quietest = delays.index(min(delays))
    for number in range(quietest, len(delays)):
        drift = captured[number] - (1_000_000 + number * 33_333 + delays[quietest])
        assert 0 <= drift <= (number - quietest) * 33_333 // 2_000 + 1


@given(st.lists(st.integers(-900, 900), min_size=2, max_size=300))
def test_even_frames_with_jittered_times_are_placed_evenly(jitter: list[int]) -> None:
    clock = TrackClock(90_000, 2_000)
    placed = [clock.place(number * 40_000 + 1_000 + late, 3_600) for number, late in enumerate(jitter)]
    assert {after - before for before, after in pairwise(placed)} <= {3_600}


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(1, 10**6)), max_size=50))
def test_placed_frames_never_overlap(frames: list[tuple[int, int]]) -> None:
    clock = TrackClock(48_000, 15_000)
    end = 0
    for time, duration in frames:
        placed = clock.place(time, duration)
        assert placed >= end
        end = placed + duration
