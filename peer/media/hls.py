"""The LL-HLS side of an origin: one stream's playlists, the bytes behind them, and who waits for what.

`peer.media.hls_http` answers requests with it. What an address of media answers never changes.
"""

import asyncio
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from peer.media.parts import InitSegment, MediaPart
from peer.media.playlist import LISTED, HlsSegment, Playlist, PlaylistError
from peer.media.playlist_text import RenditionReport, render, render_multivariant
from peer.media.shelf import Key, Shelf

WINDOW_SECONDS = 12.0
"""What a playlist lists unless more is asked for: what fits into memory well."""
MEMORY_BYTES = 128 * 1024 * 1024
"""Most of a stream's segments without a folder."""
DISK_BYTES = 4 * 1024**3
"""Most of them with one, unless more is asked for."""
_MEDIA = re.compile(
    r"(?P<epoch>\d{1,12})-(?:(?P<init>init\d{1,6})|(?P<segment>\d{1,10})(?:\.(?P<part>\d{1,5}))?)\.mp4"
)


class NotThereError(Exception):
    """Something that is not, or no longer, there; in one sentence."""


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How far back players may go."""

    seconds: float = WINDOW_SECONDS
    folder: Path | None = None
    """Where segments are kept that are no longer among the newest; None keeps all in memory."""
    size: int = MEMORY_BYTES
    """Bytes of all segments at most; the window is shorter where they do not suffice."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The delivery directives of a request (6.2.5)."""

    number: int | None = None
    part: int | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A media playlist, as it is and gzipped; `target_duration` in seconds."""

    plain: bytes
    packed: bytes
    target_duration: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes that begin with a key frame, and the init segment before them."""

    name: str
    """Another one for every other key frame."""
    init: bytes
    data: bytes


@dataclass(slots=True)
class _Rendition:
    """One rendition's playlist, and what is kept of it elsewhere than on the shelf."""

    name: str
    playlist: Playlist
    inits: dict[str, bytes] = field(default_factory=dict)
    init: InitSegment | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    rendered: dict[bool, tuple[tuple[int, ...], Rendered]] = field(default_factory=dict)
    """By whether it is a delta update: of which versions of all playlists, and what it says."""
    away: int = 0
    """Segments below this number were given to the shelf to be put away."""
    waiting: int = 0

    def notify(self) -> None:
        """Wake those who wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()


class HlsOrigin:
    """One stream's LL-HLS: fed with init segments and parts, asked by the application's handlers."""

    def __init__(
        self, epoch: int, window: WindowOptions | None = None, *, part_duration: float = 0.3
    ) -> None:
        """`part_duration` as for `Playlist`. Raises ShelfError when the window's folder cannot be used."""
        self._epoch = epoch
        self._window = window or WindowOptions()
        self._part_duration = part_duration
        self._renditions: dict[str, _Rendition] = {}
        self._shelf = Shelf(self._window.folder, on_lost=self._lost)

    def add_init(self, rendition: str, init: InitSegment) -> None:
        """Parts of this init segment follow in a rendition."""
        entry = self._renditions.get(rendition)
        if entry is None:
            playlist = Playlist(
                f"{self._epoch}-", window=self._window.seconds, part_duration=self._part_duration
            )
            entry = self._renditions[rendition] = _Rendition(rendition, playlist)
        entry.init = init
        entry.inits[entry.playlist.add_init()] = init.data

    def add_part(self, rendition: str, segment: int, index: int, part: MediaPart) -> None:
        """Take the next mesh part of a rendition.

        Raises:
            PlaylistError: it is out of order, follows a hole, or there was no init segment.
        """
        entry = self._renditions.get(rendition)
        if entry is None:
            raise PlaylistError("A rendition begins with an init segment.")
        playlist, version = entry.playlist, entry.playlist.version
        forgotten = playlist.add_part(
            segment,
            index,
            size=len(part.data),
            duration=part.duration,
            capture_time=part.capture_time,
            independent=part.independent,
            discontinuity=part.discontinuity,
        )
        self._shelf.append((rendition, playlist.segments[-1].number), part.data)
        self._forget(entry, forgotten)
        if playlist.version != version:
            self._put_away(entry)
            entry.notify()
        self._keep_to_size()

    def end(self) -> None:
        """Nothing follows in any rendition."""
        for entry in self._renditions.values():
            entry.playlist.end()
            entry.notify()

    def restart(self, epoch: int) -> None:
        """The stream has come back after its end: it begins anew, under addresses that were never used."""
        self.end()
        self.close()
        self._renditions.clear()
        self._epoch = epoch
        self._shelf = Shelf(self._window.folder, on_lost=self._lost)

    def close(self) -> None:
        """Forget everything."""
        self._shelf.close()

    @property
    def begun(self) -> bool:
        """Whether there is anything to play."""
        return any(entry.playlist.version > 0 for entry in self._renditions.values())

    @property
    def size(self) -> int:
        """Bytes of all segments that are kept."""
        return self._shelf.size

    @property
    def in_memory(self) -> int:
        """How many segments are in memory."""
        return self._shelf.in_memory

    def waiting(self, rendition: str) -> int:
        """How many requests wait for something of a rendition."""
        return self._find(rendition).waiting

    def multivariant(self) -> bytes:
        """The multivariant playlist, the best rendition first.

        Raises:
            NotThereError: the stream has not begun.
        """
        renditions = [(name, entry.init) for name, entry in self._renditions.items() if entry.init]
        renditions.sort(key=lambda rendition: -rendition[1].bandwidth)
        if not renditions:
            raise NotThereError("This stream has not begun yet.")
        return render_multivariant(renditions).encode()

    async def media(self, rendition: str, wanted: Wanted) -> Rendered:
        """A media playlist once it has the segment and part that are wanted.

        Raises:
            NotThereError: there is no such rendition, or nothing of it yet.
            PlaylistError: the segment or part is too far ahead.
            TimeoutError: it did not come in time.
        """
        entry = self._find(rendition)
        if wanted.number is not None:
            number = wanted.number
            await _until(entry, lambda: entry.playlist.ready(number, wanted.part))
        if entry.playlist.version == 0:
            await _until(entry, lambda: entry.playlist.version > 0)
        return self._render(entry, wanted.skip)

    async def file(self, rendition: str, name: str) -> tuple[bytes, bool]:
        """The bytes of an init segment, segment or part; a part that is hinted at is waited for. And
        whether it is video.

        Raises:
            NotThereError: it has left the window, or never was.
            TimeoutError: it did not come in time.
        """
        entry = self._find(rendition)
        match = _MEDIA.fullmatch(name)
        if match is None or int(match["epoch"]) != self._epoch:
            raise NotThereError("There is no such segment: the stream may have begun anew since.")
        video = entry.init is None or entry.init.video
        if match["init"] is not None:
            if name not in entry.inits:
                raise NotThereError("This init segment is no longer in the window.")
            return entry.inits[name], video
        number = int(match["segment"])
        if match["part"] is None:
            segment = entry.playlist.find(number)
            if segment is None or not segment.complete:
                raise NotThereError(f"Segment {number} is not in the window.")
            start, size = 0, segment.parts[-1].start + segment.parts[-1].size
        else:
            position = int(match["part"])
            await _until(entry, lambda: not entry.playlist.may_come(number, position))
            segment = entry.playlist.find(number)
            if segment is None or position >= len(segment.parts):
                raise NotThereError(f"Part {position} of segment {number} is not in the window.")
            start, size = segment.parts[position].start, segment.parts[position].size
        body = await self._shelf.read((rendition, number), start, size)
        if body is None:
            raise NotThereError(f"Segment {number} has just left the window.")
        return body, video

    async def picture(self) -> Picture:
        """The newest key frame of the first rendition with pictures.

        Raises:
            NotThereError: there is none.
        """
        for entry in self._renditions.values():
            if entry.init is None or not entry.init.video:
                continue
            for segment in reversed(entry.playlist.segments):
                if segment.parts and segment.init in entry.inits:
                    first = segment.parts[0]
                    data = await self._shelf.read((entry.name, segment.number), first.start, first.size)
                    if data is not None:
                        return Picture(f"{self._epoch}-{segment.number}", entry.inits[segment.init], data)
        raise NotThereError("This stream has no picture yet.")

    def _find(self, rendition: str) -> _Rendition:
        entry = self._renditions.get(rendition)
        if entry is None:
            raise NotThereError("This stream has no such rendition.")
        return entry

    def _render(self, entry: _Rendition, skip: bool) -> Rendered:
        """Rendered once a version, however many ask."""
        others = [other for other in self._renditions.values() if other is not entry]
        versions = (entry.playlist.version, *(other.playlist.version for other in others))
        found = entry.rendered.get(skip)
        if found is None or found[0] != versions:
            reports = [
                RenditionReport(f"../{other.name}/media.m3u8", *edge)
                for other in others
                if (edge := other.playlist.edge) is not None
            ]
            plain = render(entry.playlist, reports, skip=skip).encode()
            packer = zlib.compressobj(level=5, wbits=31)
            packed = packer.compress(plain) + packer.flush()
            found = versions, Rendered(plain, packed, entry.playlist.target_duration)
            entry.rendered[skip] = found
        return found[1]

    def _put_away(self, entry: _Rendition) -> None:
        """Give the shelf what players at the edge no longer ask for."""
        behind, away = 0, entry.away
        for segment in reversed(entry.playlist.segments):
            if segment.number < entry.away:
                break
            if behind > LISTED * entry.playlist.target_duration * 1_000_000:
                self._shelf.put_away((entry.name, segment.number))
                away = max(away, segment.number + 1)
            behind += segment.duration
        entry.away = away

    def _keep_to_size(self) -> None:
        """The oldest segment of any rendition goes first."""
        while self._shelf.size > self._window.size:
            oldest = sorted(self._renditions.values(), key=lambda entry: entry.playlist.oldest)
            if not any(self._forget(entry, entry.playlist.shorten()) for entry in oldest):
                return

    def _lost(self, key: Key) -> None:
        """The disk did not take a segment: what the playlist lists begins after it."""
        entry = self._renditions[key[0]]
        if self._forget(entry, entry.playlist.shorten(key[1])):
            entry.notify()

    def _forget(self, entry: _Rendition, forgotten: list[HlsSegment]) -> bool:
        for segment in forgotten:
            self._shelf.remove((entry.name, segment.number))
        if forgotten and len(entry.inits) > 1:
            used = entry.playlist.inits
            entry.inits = {uri: data for uri, data in entry.inits.items() if uri in used}
        return bool(forgotten)


async def _until(entry: _Rendition, condition: Callable[[], bool]) -> None:
    """Wait, but for three target durations at most (6.2.5.2)."""
    if condition():
        return
    entry.waiting += 1
    try:
        async with asyncio.timeout(3 * entry.playlist.target_duration):
            while not condition():
                await entry.changed.wait()
    finally:
        entry.waiting -= 1
