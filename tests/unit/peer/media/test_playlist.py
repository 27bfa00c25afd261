"""LL-HLS playlists: what they say, who may wait for what, and what leaves the window."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.parts import InitSegment
from peer.media.playlist import Playlist, PlaylistError, render_multivariant

CAPTURED = 1_790_000_000_000_000


def fill(playlist: Playlist, parts: int, *, first: int = 0, duration: int = 100_000, each: int = 10) -> None:
    """Add mesh parts, `each` to a segment, from segment `first` on."""
    for number in range(parts):
        playlist.add_part(
            first + number // each,
            number % each,
            duration=duration,
            capture_time=CAPTURED + number * duration,
            independent=number % each == 0,
            discontinuity=False,
        )


def begun(**options: float) -> Playlist:
    playlist = Playlist("7-", **options)  # type: ignore[arg-type]
    assert playlist.add_init() == "7-init0.mp4"
    return playlist


def test_three_mesh_parts_of_100_ms_make_an_hls_part() -> None:
    playlist = begun()
    fill(playlist, 16)
    assert playlist.render().splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.93000",
        "#EXT-X-PART-INF:PART-TARGET=0.30000",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-DISCONTINUITY-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="7-init0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z",
        '#EXT-X-PART:DURATION=0.30000,URI="7-0.0.mp4",INDEPENDENT=YES',
        '#EXT-X-PART:DURATION=0.30000,URI="7-0.1.mp4"',
        '#EXT-X-PART:DURATION=0.30000,URI="7-0.2.mp4"',
        '#EXT-X-PART:DURATION=0.10000,URI="7-0.3.mp4"',
        "#EXTINF:1.00000,",
        "7-0.mp4",
        "#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.000Z",
        '#EXT-X-PART:DURATION=0.30000,URI="7-1.0.mp4",INDEPENDENT=YES',
        '#EXT-X-PART:DURATION=0.30000,URI="7-1.1.mp4"',
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="7-1.2.mp4"',
    ]


@pytest.mark.parametrize("duration", [20_000, 50_000, 100_000, 120_000, 125_000, 133_333, 166_667, 500_000])
def test_parts_keep_to_the_part_target_and_are_not_much_shorter(duration: int) -> None:
    playlist = begun()
    fill(playlist, 60, duration=duration, each=20)
    target = max(part.duration for segment in playlist.segments for part in segment.parts)
    assert 300_000 <= target <= 500_000
    assert f"PART-TARGET={target / 1e6:.5f}" in playlist.render()
    for segment in playlist.segments:
        assert all(part.duration >= 0.85 * target for part in segment.parts[:-1])


def test_the_window_moves_and_tells_what_left_it() -> None:
    playlist = begun(window=8.0)
    gone = []
    for number in range(200):
        gone += playlist.add_part(
            40 + number // 10,
            number % 10,
            duration=100_000,
            capture_time=CAPTURED,
            independent=number % 10 == 0,
            discontinuity=False,
        )
    assert [segment.number for segment in gone] == list(range(40, 51))
    assert all(segment.indices == list(range(10)) for segment in gone)
    assert "#EXT-X-MEDIA-SEQUENCE:51" in playlist.render()
    assert playlist.find(50) is None
    assert playlist.find(51) is not None


def test_parts_are_listed_for_three_target_durations_and_segments_kept_as_long() -> None:
    playlist = begun(window=0.0)
    fill(playlist, 200)
    assert 6 <= sum(segment.duration for segment in playlist.segments) / 1e6 <= 7.1
    listed = {int(number) for number in re.findall(r'PART:.*URI="7-(\d+)\.', playlist.render())}
    assert listed == {segment.number for segment in playlist.segments}


def test_a_discontinuity_is_tagged_and_counted_once_it_has_left() -> None:
    playlist = begun(window=6.0)
    fill(playlist, 10)
    assert playlist.add_init() == "7-init1.mp4"
    for number in range(150):
        playlist.add_part(
            1 + number // 10,
            number % 10,
            duration=100_000,
            capture_time=CAPTURED,
            independent=number % 10 == 0,
            discontinuity=number == 0,
        )
        if number == 20:
            lines = playlist.render().splitlines()
            assert lines[lines.index("#EXT-X-DISCONTINUITY") + 1] == '#EXT-X-MAP:URI="7-init1.mp4"'
            assert "#EXT-X-DISCONTINUITY-SEQUENCE:0" in lines
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in playlist.render()
    assert "#EXT-X-DISCONTINUITY\n" not in playlist.render()


def test_the_first_segment_is_discontinuous_with_nothing() -> None:
    playlist = begun()
    playlist.add_part(5, 0, duration=300_000, capture_time=0, independent=True, discontinuity=True)
    assert "#EXT-X-DISCONTINUITY\n" not in playlist.render()


def test_the_end_completes_the_last_segment_and_lists_no_parts() -> None:
    playlist = begun()
    fill(playlist, 15)
    playlist.end()
    text = playlist.render()
    assert text.endswith("#EXTINF:0.50000,\n7-1.mp4\n#EXT-X-ENDLIST\n")
    assert "EXT-X-PART:" not in text
    assert "PRELOAD-HINT" not in text
    assert playlist.ready(99, 99)
    with pytest.raises(PlaylistError):
        fill(playlist, 1, first=9)


def test_blocking_reload_is_ready_when_the_part_or_a_later_one_is_there() -> None:
    playlist = begun()
    fill(playlist, 16)
    assert playlist.ready(0, None)
    assert playlist.ready(0, 3)
    assert playlist.ready(0, 9)  # past the end of a segment is the beginning of the next
    assert playlist.ready(1, 1)
    assert not playlist.ready(1, 2)
    assert not playlist.ready(1, None)
    assert not playlist.ready(2, 0)
    assert playlist.may_come(1, 2)
    assert not playlist.may_come(1, 1)


@pytest.mark.parametrize(("number", "part"), [(4, None), (4, 0), (1, 40), (2, 40)])
def test_waiting_for_what_is_far_ahead_is_refused(number: int, part: int | None) -> None:
    playlist = begun()
    fill(playlist, 16)
    with pytest.raises(PlaylistError):
        playlist.ready(number, part)


def test_before_the_beginning_only_the_beginning_is_waited_for() -> None:
    playlist = begun()
    assert not playlist.ready(0, 0)
    with pytest.raises(PlaylistError):
        playlist.ready(7, None)


def test_parts_out_of_order_are_refused() -> None:
    playlist = Playlist()
    with pytest.raises(PlaylistError):
        fill(playlist, 1)
    playlist.add_init()
    fill(playlist, 15)
    for number, index in ((0, 20), (1, 4), (1, 0)):
        with pytest.raises(PlaylistError):
            playlist.add_part(
                number, index, duration=1, capture_time=0, independent=False, discontinuity=False
            )


def test_a_longer_segment_than_promised_raises_the_target_duration() -> None:
    playlist = begun()
    fill(playlist, 41, each=40)
    assert "#EXT-X-TARGETDURATION:4\n" in playlist.render()


@given(
    st.lists(
        st.tuples(st.integers(1_000, 400_000), st.integers(0, 3).map(lambda chance: chance == 0)), max_size=60
    )
)
def test_every_mesh_part_is_in_exactly_one_hls_part(steps: list[tuple[int, bool]]) -> None:
    playlist = begun(window=100.0)
    segment, index, added = 0, 0, []
    for duration, starts in steps:
        if starts:
            segment, index = segment + 1, 0
        playlist.add_part(
            segment, index, duration=duration, capture_time=0, independent=starts, discontinuity=False
        )
        added.append((segment, index))
        index += 1
    playlist.end()
    assert [(found.number, index) for found in playlist.segments for index in found.indices] == added
    target = re.search(r"PART-TARGET=([\d.]+)", playlist.render())
    longest = max((part.duration for found in playlist.segments for part in found.parts), default=0)
    assert target is not None
    assert longest / 1e6 <= float(target[1]) + 1e-5


def test_the_multivariant_playlist_names_what_a_player_chooses_by() -> None:
    video = InitSegment("avc1.64001e,opus", 640, 360, 30.0, 896_000, b"", True, True)
    sound = InitSegment("opus", 0, 0, 0.0, 96_000, b"", True, False)
    assert render_multivariant([("360p", video), ("audio", sound)]).splitlines()[3:] == [
        "#EXT-X-STREAM-INF:BANDWIDTH=1120000,AVERAGE-BANDWIDTH=896000,"
        'CODECS="avc1.64001e,opus",RESOLUTION=640x360,FRAME-RATE=30.000',
        "360p/media.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=120000,AVERAGE-BANDWIDTH=96000,CODECS="opus"',
        "audio/media.m3u8",
    ]
