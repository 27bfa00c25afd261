"""LL-HLS playlists: what they say, who may wait for what, and what leaves the window."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.parts import InitSegment
from peer.media.playlist import HlsSegment, Playlist, PlaylistError
from peer.media.playlist_text import RenditionReport, render, render_multivariant
from tests.hls_rules import check

CAPTURED = 1_790_000_000_000_000


def add(
    playlist: Playlist, segment: int, index: int, *, duration: int = 100_000, discontinuity: bool = False
) -> list[HlsSegment]:
    """Add a mesh part of ten bytes; each segment begins with an independent one."""
    return playlist.add_part(
        segment,
        index,
        size=10,
        duration=duration,
        capture_time=CAPTURED + segment * 1_000_000,
        independent=index == 0,
        discontinuity=discontinuity,
    )


def fill(playlist: Playlist, parts: int, *, first: int = 0, duration: int = 100_000, each: int = 10) -> None:
    """Add mesh parts, `each` to a segment, from segment `first` on."""
    for number in range(parts):
        add(playlist, first + number // each, number % each, duration=duration)


def begun(**options: float) -> Playlist:
    playlist = Playlist("7-", **options)  # type: ignore[arg-type]
    assert playlist.add_init() == "7-init0.mp4"
    return playlist


def test_three_mesh_parts_of_100_ms_make_an_hls_part() -> None:
    playlist = begun()
    fill(playlist, 16)
    assert render(playlist).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=18.00000,PART-HOLD-BACK=0.93000",
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
    assert f"PART-TARGET={target / 1e6:.5f}" in render(playlist)
    for segment in playlist.segments:
        assert all(part.duration >= 0.85 * target for part in segment.parts[:-1])


def test_what_leaves_the_playlist_can_be_asked_for_as_long_as_the_playlist_is() -> None:
    playlist = begun(window=12.0)
    forgotten = [
        segment.number for number in range(400) for segment in add(playlist, number // 10, number % 10)
    ]
    # 39.9 s have been: the last 12 complete seconds are listed; a second and 13 s more they are kept.
    assert "#EXT-X-MEDIA-SEQUENCE:27" in render(playlist)
    assert forgotten == list(range(13))
    assert playlist.find(12) is None
    kept = playlist.find(13)
    assert kept is not None
    assert [part.start for part in kept.parts] == [0, 30, 60, 90]


def test_parts_are_listed_for_three_target_durations_and_segments_kept_as_long() -> None:
    playlist = begun(window=0.0)
    fill(playlist, 205)
    assert 9 <= sum(segment.duration for segment in playlist.segments) / 1e6 <= 10.1
    playlist = begun(window=30.0)
    fill(playlist, 405)
    listed = {int(number) for number in re.findall(r'PART:.*URI="7-(\d+)\.', render(playlist))}
    assert listed == set(range(31, 41))  # segment 31 ends 8.3 s before the end, segment 30 9.3 s


def test_a_discontinuity_is_tagged_and_counted_once_it_has_left() -> None:
    playlist = begun(window=6.0)
    fill(playlist, 10)
    assert playlist.add_init() == "7-init1.mp4"
    for number in range(150):
        add(playlist, 1 + number // 10, number % 10, discontinuity=number == 0)
        if number == 20:
            lines = render(playlist).splitlines()
            assert lines[lines.index("#EXT-X-DISCONTINUITY") + 1] == '#EXT-X-MAP:URI="7-init1.mp4"'
            assert "#EXT-X-DISCONTINUITY-SEQUENCE:0" in lines
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in render(playlist)
    assert "#EXT-X-DISCONTINUITY\n" not in render(playlist)


def test_init_segments_are_needed_while_a_segment_is_kept_that_needs_them() -> None:
    playlist = begun()
    fill(playlist, 10)
    playlist.add_init()
    fill(playlist, 200, first=1)
    assert playlist.inits == {"7-init0.mp4", "7-init1.mp4"}
    fill(playlist, 200, first=21)
    assert playlist.inits == {"7-init1.mp4"}


def test_the_first_segment_is_discontinuous_with_nothing() -> None:
    playlist = begun()
    add(playlist, 5, 0, duration=300_000, discontinuity=True)
    assert "#EXT-X-DISCONTINUITY\n" not in render(playlist)


def test_the_end_completes_the_last_segment_and_lists_no_parts() -> None:
    playlist = begun()
    fill(playlist, 15)
    playlist.end()
    text = render(playlist)
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
    assert playlist.edge == (1, 1)


def test_a_reload_past_the_last_part_of_a_segment_waits_for_the_first_of_the_next() -> None:
    playlist = begun()
    fill(playlist, 11)
    assert not playlist.ready(0, 4)
    assert playlist.edge == (0, 3)
    add(playlist, 1, 1)
    assert not playlist.ready(0, 4)
    add(playlist, 1, 2)
    assert playlist.ready(0, 4)


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
            add(playlist, number, index)


def test_what_follows_a_lost_part_is_left_out_until_the_next_segment_which_is_discontinuous() -> None:
    playlist = begun()
    fill(playlist, 14)
    for index in (5, 6, 7, 8, 9):
        with pytest.raises(PlaylistError, match="missing"):
            add(playlist, 1, index)
    with pytest.raises(PlaylistError, match="lacks the independent part"):
        add(playlist, 2, 1)
    fill(playlist, 20, first=3)
    assert [(segment.number, segment.source, segment.discontinuity) for segment in playlist.segments] == [
        (0, 0, False),
        (1, 1, False),
        (2, 3, True),
        (3, 4, False),
    ]
    assert check(render(playlist)) == []


def test_a_lost_segment_leaves_no_hole_in_the_numbers_that_players_count() -> None:
    playlist = begun()
    fill(playlist, 10, first=40)
    fill(playlist, 10, first=42)
    assert [segment.number for segment in playlist.segments] == [40, 41]
    assert playlist.segments[1].discontinuity


def test_parts_of_an_init_segment_that_came_in_the_middle_of_a_segment_wait_for_the_next() -> None:
    playlist = begun()
    fill(playlist, 5)
    playlist.add_init()
    with pytest.raises(PlaylistError):
        add(playlist, 0, 5)
    add(playlist, 1, 0)
    assert playlist.segments[1].init == "7-init1.mp4"


def test_a_window_that_cannot_be_kept_is_shortened_but_for_what_players_of_the_edge_need() -> None:
    playlist = begun(window=60.0)
    fill(playlist, 305)
    assert [segment.number for segment in playlist.shorten()] == [0]
    assert [segment.number for segment in playlist.shorten(3)] == [1, 2, 3]
    assert "#EXT-X-MEDIA-SEQUENCE:4\n" in render(playlist)
    assert [segment.number for segment in playlist.shorten(99)] == list(range(4, 21))
    assert playlist.shorten() == playlist.shorten(99) == []
    assert check(render(playlist)) == []
    assert playlist.oldest == CAPTURED + 21_000_000


def test_what_has_left_the_playlist_is_forgotten_first() -> None:
    playlist = begun(window=12.0)
    fill(playlist, 205)
    assert [segment.number for segment in playlist.shorten()] == [0]
    assert [segment.number for segment in playlist.shorten(5)] == [1, 2, 3, 4, 5]
    assert "#EXT-X-MEDIA-SEQUENCE:8\n" in render(playlist)


def test_a_longer_segment_than_promised_raises_the_target_duration() -> None:
    playlist = begun()
    fill(playlist, 51, each=50)
    assert "#EXT-X-TARGETDURATION:5\n" in render(playlist)


def test_a_delta_update_leaves_out_what_is_older_than_six_target_durations() -> None:
    playlist = begun(window=1_800.0)
    fill(playlist, 180)
    assert render(playlist, skip=True) == render(playlist)
    fill(playlist, 17_820, first=18)
    full, delta = render(playlist), render(playlist, skip=True)
    assert "#EXT-X-MEDIA-SEQUENCE:0\n" in delta
    assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=1781\n" in delta
    assert "#EXT-X-MAP" not in delta
    assert len(full) > 140_000
    assert len(delta) < 4_000
    assert full.endswith(delta[delta.index("#EXT-X-PROGRAM") :])


def test_a_delta_update_names_an_init_segment_only_where_it_changes() -> None:
    playlist = begun(window=100.0)
    fill(playlist, 300)
    playlist.add_init()
    add(playlist, 30, 0, discontinuity=True)
    fill(playlist, 100, first=31)
    delta = render(playlist, skip=True)
    assert delta.count("#EXT-X-MAP") == 1
    assert '#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="7-init1.mp4"\n' in delta


def test_rendition_reports_tell_where_the_others_are_until_the_end() -> None:
    playlist = begun()
    fill(playlist, 16)
    reports = [RenditionReport("../720p/media.m3u8", 7, 2)]
    line = '#EXT-X-RENDITION-REPORT:URI="../720p/media.m3u8",LAST-MSN=7,LAST-PART=2\n'
    assert line in render(playlist, reports)
    assert check(render(playlist, reports)) == []
    playlist.end()
    assert line not in render(playlist, reports)


def test_before_its_first_part_a_playlist_is_nowhere() -> None:
    playlist = begun()
    assert playlist.edge is None
    assert playlist.oldest == 0


@given(st.lists(st.tuples(st.integers(1_000, 400_000), st.booleans()), max_size=60))
def test_every_mesh_part_is_in_exactly_one_hls_part(steps: list[tuple[int, bool]]) -> None:
    playlist = begun(window=100.0)
    segment, index, sizes = 0, 0, dict[int, int]()
    for duration, starts in steps:
        if starts and index:
            segment, index = segment + 1, 0
        add(playlist, segment, index, duration=duration)
        sizes[segment] = sizes.get(segment, 0) + 10
        index += 1
    playlist.end()
    for found in playlist.segments:
        ends = [part.start + part.size for part in found.parts]
        assert [part.start for part in found.parts] == [0, *ends[:-1]]
        assert ends[-1] == sizes[found.number]
    assert sum(found.duration for found in playlist.segments) == sum(duration for duration, _ in steps)
    longest = max((part.duration for found in playlist.segments for part in found.parts), default=0)
    assert longest <= playlist.part_target


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
