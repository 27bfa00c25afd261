"""Whatever arrives, playlists keep the RFC's rules, and who follows by delta updates has what others have."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from peer.media.playlist import Playlist, PlaylistError
from peer.media.playlist_text import RenditionReport, render
from tests.hls_playlist import MediaPlaylist, parse, same, update
from tests.hls_rules import blocked_in_vain, check, check_delta, check_succession


@dataclass(frozen=True)
class Step:
    """What happens next to a stream."""

    kind: str
    """part, segment, discontinuity, init, lost, shorten."""
    times: int = 1


STEPS = st.lists(
    st.one_of(
        st.builds(Step, st.just("part"), st.integers(1, 20)),
        st.builds(Step, st.just("segment"), st.integers(1, 8)),
        st.builds(Step, st.sampled_from(["discontinuity", "init", "lost", "lost segment", "shorten"])),
    ),
    min_size=1,
    max_size=40,
)


@dataclass
class Stream:
    """Random arrivals of mesh parts of one length, at one playlist."""

    playlist: Playlist
    duration: int
    segment: int = 100
    index: int = -1
    time: int = 1_790_000_000_000_000
    length: int = 0
    seen: list[str] = field(default_factory=list)

    def play(self, step: Step) -> None:
        if step.kind == "init":
            self.playlist.add_init()
        if step.kind == "shorten":
            self.playlist.shorten()
        elif step.kind == "part":
            for _ in range(step.times):
                self.add(new=self.length + self.duration > 3_000_000)
        elif step.kind == "segment":
            for _ in range(step.times * (1_000_000 // self.duration)):
                self.add(new=self.length >= 1_000_000)
        elif step.kind == "lost":
            self.index += 1
            self.time += self.duration
        elif step.kind == "lost segment":
            self.segment += 1
        else:
            self.add(new=True, discontinuity=True)

    def add(self, *, new: bool, discontinuity: bool = False) -> None:
        """A mesh part; it may be lost."""
        new = new or self.index < 0
        if new:
            self.segment, self.index, self.length = self.segment + 1, 0, 0
        else:
            self.index += 1
        try:
            self.playlist.add_part(
                self.segment,
                self.index,
                size=10,
                duration=self.duration,
                capture_time=self.time,
                independent=new,
                discontinuity=discontinuity,
            )
        except PlaylistError:
            pass
        self.time += self.duration
        self.length += self.duration


def begin(duration: int, window: float) -> Stream:
    playlist = Playlist("7-", window=window)
    playlist.add_init()
    return Stream(playlist, duration)


DURATIONS = st.sampled_from([50_000, 100_000, 100_100, 120_000, 125_000, 133_333])
WINDOWS = st.sampled_from([0.0, 12.0, 30.0, 600.0])


@given(STEPS, DURATIONS, WINDOWS, st.booleans())
def test_every_playlist_and_every_step_keeps_the_rules(
    steps: list[Step], duration: int, window: float, ends: bool
) -> None:
    stream = begin(duration, window)
    texts = []
    for step in steps:
        stream.play(step)
        if stream.playlist.version:
            texts.append(render(stream.playlist))
    if ends:
        stream.playlist.end()
        if stream.playlist.version > 1:
            texts.append(render(stream.playlist))
    assert check_succession(texts) == []


@given(STEPS, DURATIONS, WINDOWS, st.data())
def test_a_client_of_delta_updates_has_the_full_playlist(
    steps: list[Step], duration: int, window: float, data: st.DataObject
) -> None:
    stream = begin(duration, window)
    client: MediaPlaylist | None = None
    before = ""
    for step in steps:
        stream.play(step)
        if not stream.playlist.version or not data.draw(st.booleans()):
            continue
        reports = [RenditionReport("../720p/media.m3u8", 7, 2)]
        full, delta = render(stream.playlist, reports), render(stream.playlist, reports, skip=True)
        assert check(full) == []
        if (
            client is None
            or client.segments[-1].number < stream.playlist.segments[0].number
            or (
                parse(delta).skipped
                and parse(delta).sequence + parse(delta).skipped > client.segments[-1].number
            )
        ):
            client = parse(full)
        else:
            assert check_delta(full, delta, before) == []
            client = update(client, parse(delta))
        assert same(client, parse(full))
        before = full


def test_a_client_follows_interruptions_by_delta_updates_alone() -> None:
    stream = begin(100_000, 300.0)
    client: MediaPlaylist | None = None
    before, skipped, biggest = "", 0, 0
    for minute in range(15):
        if minute % 7 == 3:
            stream.play(Step("init"))
            stream.play(Step("discontinuity"))
        if minute % 5 == 2:
            stream.play(Step("lost"))
        for _ in range(12):
            stream.play(Step("segment", 5))
            full, delta = render(stream.playlist), render(stream.playlist, skip=True)
            if client is not None:
                assert check_delta(full, delta, before) == []
            client = parse(full) if client is None else update(client, parse(delta))
            assert same(client, parse(full))
            before = full
            skipped += parse(delta).skipped > 0
            biggest = max(biggest, len(delta))
    assert skipped > 170
    assert biggest < 4_500 < 20_000 < len(before)


@given(STEPS, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 12)))
def test_a_reload_is_answered_when_the_playlist_has_what_it_names(
    steps: list[Step], ahead: int, part: int | None
) -> None:
    stream = begin(100_000, 12.0)
    for step in steps:
        stream.play(step)
        playlist = stream.playlist
        if not playlist.version:
            continue
        number = playlist.segments[-1].number + ahead - 1
        try:
            ready = playlist.ready(number, part)
        except PlaylistError:
            continue
        segment = playlist.find(number)
        if segment is not None and segment.complete and part is not None and part >= len(segment.parts):
            assert ready == (not blocked_in_vain(render(playlist), number + 1, 0))
        else:
            assert ready == (not blocked_in_vain(render(playlist), number, part))
