"""Connections that come one after another: one stream with discontinuities, until the source has ended."""

import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from peer.media.assembly import Item
from peer.media.connection import Arriving, Connection, ReadAhead
from peer.media.live import LiveSource
from peer.media.pace import Stop, StoppedError
from peer.media.parts import EncodeOptions, MediaOptions
from peer.media.source import SourceError
from tests.integration.clips import Clip
from tests.integration.played import Played, split

OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
Opening = Callable[[Stop], Connection | None]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Clip(video_seconds=2.0, audio_seconds=2.0).write(tmp_path_factory.mktemp("clips") / "clip.ts")


class Planned:
    """Connections as a test wants them; after the last one the source is stopped."""

    def __init__(self, stop: Stop, patience: float | None, openings: list[Opening]) -> None:
        self.patience = patience
        self._stop = stop
        self._openings = iter(openings)

    def connect(self) -> Connection | None:
        try:
            return next(self._openings)(self._stop)
        except StopIteration:
            self._stop.set()
            return None


def arriving(path: Path, *, finite: bool = False) -> Opening:
    return lambda stop: Arriving(av.open(str(path)), stop, finite=finite)


def ahead(path: Path, *, finite: bool = False) -> Opening:
    return lambda stop: ReadAhead(av.open(str(path)), stop, finite=finite)


def away(stop: Stop) -> None:
    return None


def published(openings: list[Opening], patience: float | None = None) -> tuple[list[Played], bool]:
    """What comes of them, and whether the source ended by itself."""
    stop = Stop()
    items: list[Item] = []
    source = LiveSource(
        "The source", Planned(stop, patience, openings), OPTIONS, stop, lambda: time.monotonic_ns() // 1000
    )
    try:
        source.run(items.extend)
    except StoppedError:
        return split(items), False
    return split(items), True


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.media.patience._PAUSES", (0.001,))


def test_the_next_connection_continues_after_a_discontinuity(clip: Path) -> None:
    (played,), ended = published([arriving(clip), away, arriving(clip)])
    assert not ended
    assert [part.discontinuity for part in played.parts].count(True) == 1
    assert len(played.decode().pictures) == 100
    assert played.holes(1) < 6_000


def test_a_source_with_an_end_ends_with_it(clip: Path) -> None:
    (played,), ended = published([arriving(clip, finite=True), arriving(clip)])
    assert ended
    assert len(played.decode().pictures) == 50


def test_a_source_that_has_ended_while_it_was_away_is_not_played_again(clip: Path) -> None:
    (played,), ended = published([arriving(clip), arriving(clip, finite=True), arriving(clip)])
    assert ended
    assert len(played.decode().pictures) == 50


def test_what_a_playlist_still_has_is_not_played_again(clip: Path) -> None:
    (played,), ended = published([ahead(clip), ahead(clip), ahead(clip)])
    assert not ended
    assert len(played.decode().pictures) == 50


def test_a_source_that_stays_away_has_ended(clip: Path) -> None:
    with pytest.raises(SourceError, match="The source went away and did not come back"):
        published([arriving(clip), *[away] * 10_000], patience=0.01)


def test_a_source_without_anything_to_show_is_refused_if_we_called_it(tmp_path: Path) -> None:
    subtitles = tmp_path / "clip.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    with pytest.raises(SourceError, match="The source has neither video nor audio that can be read"):
        published([arriving(subtitles)], patience=1.0)
    assert published([arriving(subtitles)], patience=None) == ([], False)
