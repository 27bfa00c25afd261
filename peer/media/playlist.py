"""LL-HLS playlists (RFC 8216bis, draft 22), without I/O: what is in the window, who waits, what is forgotten.

An HLS part is several mesh parts in a row; an HLS segment is all mesh parts of one segment number. What a
playlist says is in `peer.media.playlist_text`.
"""

from collections import deque
from dataclasses import dataclass, field

LISTED = 3
"""Target durations from the end within which parts are listed (4.4.4.9) and segments kept (6.2.2)."""
SKIPPED = 6
"""Target durations from the end before which a delta update leaves segments out (4.4.3.8)."""
TARGET_DURATION = 3
"""Seconds. A segment begins with the first key frame after a second, and key frames come 2 s apart at most
(`fits.MAX_GOP`)."""
_ADVANCE_SECONDS = 3.0
"""How far ahead of the playlist a part may be asked for (6.2.5.2, Advance Part Limit)."""
LEAST = 0.85
"""Of PART-TARGET: shorter parts are the last of their segment (4.4.4.9)."""
_ROUNDING = 1_000


class PlaylistError(ValueError):
    """A request that asks for what no playlist of this stream will say soon, in one sentence."""


@dataclass(slots=True)
class HlsPart:
    """Consecutive mesh parts of one segment."""

    start: int
    """Bytes of the segment before it."""
    independent: bool
    size: int = 0
    duration: int = 0
    """µs."""


@dataclass(slots=True)
class HlsSegment:
    """A segment; times in µs."""

    number: int
    """Its media sequence number: one more than that of the segment before, whatever a mesh has lost."""
    source: int
    """Its number in the seals."""
    init: str
    """Address of its init segment."""
    capture_time: int
    discontinuity: bool
    parts: list[HlsPart] = field(default_factory=list)
    duration: int = 0
    """Of its parts, but for one that is still open."""
    complete: bool = False
    lines: str = ""
    """What a playlist says of it once it is complete, without its parts; kept by the renderer."""
    kept_until: int = 0
    """When it may be forgotten, in µs of media since the beginning."""


class Playlist:
    """The media playlist of one rendition."""

    def __init__(
        self,
        prefix: str = "",
        *,
        window: float = 12.0,
        part_duration: float = 0.3,
        target_duration: int = TARGET_DURATION,
    ) -> None:
        """Begin empty.

        Args:
            prefix: begins every address, so that none is ever used for other content (a new epoch, a new
            prefix). window: seconds of complete segments that are listed.
            part_duration: the least that an HLS part should last, in seconds.
            target_duration: TARGETDURATION; it grows if a longer segment comes all the same.
        """
        self.prefix = prefix
        self.segments: list[HlsSegment] = []
        self.ended = False
        self.version = 0
        """Changes with everything that a rendered playlist would say otherwise."""
        self.part_target = 0
        """PART-TARGET in µs, which the first part sets."""
        self.target_duration = target_duration
        self.discontinuities = 0
        """EXT-X-DISCONTINUITY-SEQUENCE."""
        self._window = round(window * 1_000_000)
        self._part_duration = round(part_duration * 1_000_000)
        self._past: deque[HlsSegment] = deque()
        """Segments that have left the playlist and can still be asked for."""
        self._found: dict[int, HlsSegment] = {}
        self._length = 0
        """µs of the segments listed."""
        self._elapsed = 0
        """µs of media since the beginning: the clock by which segments are forgotten."""
        self._inits = 0
        self._init = ""
        self._open: HlsPart | None = None
        self._longest = 0
        """The longest mesh part of the open HLS part, in µs."""
        self._index = -1
        self._broken = False

    def add_init(self) -> str:
        """Parts of a new init segment follow; return its address."""
        self._init = f"{self.prefix}init{self._inits}.mp4"
        self._inits += 1
        return self._init

    def add_part(
        self,
        segment: int,
        index: int,
        *,
        size: int,
        duration: int,
        capture_time: int,
        independent: bool,
        discontinuity: bool,
    ) -> list[HlsSegment]:
        """Take a mesh part, which belongs to the last of `segments` then; return the segments that may be
        forgotten now.

        After a hole (a relay may lose parts) it takes parts again from the next independent one that begins
        a segment, and that segment is discontinuous.

        Raises:
            PlaylistError: out of order, in a hole, before any init segment, or after the end.
        """
        if self.ended or not self._inits:
            raise PlaylistError("A playlist takes parts after an init segment and before its end.")
        last = self.segments[-1] if self.segments else None
        if last is None or segment > last.source:
            if not independent:
                self._broken = last is not None
                raise PlaylistError(f"Segment {segment} lacks the independent part that it begins with.")
            hole = last is not None and segment > last.source + 1
            self._begin(segment, capture_time, discontinuity or self._broken or hole)
        elif segment < last.source or index <= self._index:
            raise PlaylistError(f"Part {segment}/{index} comes after a later one.")
        elif index > self._index + 1 or self._broken or last.init != self._init:
            self._broken = True
            raise PlaylistError(f"Part {segment}/{index} comes after one that is missing.")
        self._index = index
        self._add(size, duration, independent)
        return self._trim()

    def end(self) -> None:
        """Nothing follows."""
        if not self.ended:
            self._finish_segment()
            self.ended = True
            self.version += 1

    def shorten(self, number: int | None = None) -> list[HlsSegment]:
        """Forget the oldest segment, or all up to a number, and return what was forgotten; never so much that
        a player of the edge would miss it (6.2.2)."""
        forgotten = []
        while self._past and (number is None or self._past[0].number <= number):
            forgotten.append(self._forget())
            if number is None:
                return forgotten
        while self._may_leave(0) and (number is None or self.segments[0].number <= number):
            self._leave()
            forgotten.append(self._forget())
            self.version += 1
            if number is None:
                break
        return forgotten

    def ready(self, number: int, part: int | None) -> bool:
        """Whether the playlist has this segment (or this part of it) or a later one: blocking reload,
        6.2.5.2.

        Raises:
            PlaylistError: it is too far ahead to wait for.
        """
        if self.ended:
            return True
        if not self.segments:
            if number > 0 or (part or 0) > 0:
                raise PlaylistError("The stream has not begun: ask without _HLS_msn.")
            return False
        last = self.segments[-1]
        if number > last.number + 2:
            raise PlaylistError(f"Segment {number} is too far ahead of segment {last.number} to wait for.")
        if part is None:
            return number < last.number  # the last segment is still open
        limit = max(3, round(_ADVANCE_SECONDS * 1_000_000 / max(self.part_target, 1)))
        if number >= last.number and part > limit + (len(last.parts) if number == last.number else 0):
            raise PlaylistError(f"Part {part} of segment {number} is too far ahead to wait for.")
        segment = self._found.get(number)
        if segment is not None and segment.complete and part >= len(segment.parts):
            number, part = number + 1, 0  # past the last part is the first of the next segment
        return number < last.number or (number == last.number and part < len(last.parts))

    @property
    def edge(self) -> tuple[int, int] | None:
        """The last part that is listed: its segment and its index (4.4.5.4); None before the first."""
        for segment in reversed(self.segments[-2:]):
            if segment.parts:
                return segment.number, len(segment.parts) - 1
        return None

    def find(self, number: int) -> HlsSegment | None:
        """A segment that can be asked for."""
        return self._found.get(number)

    @property
    def oldest(self) -> int:
        """Capture time of the oldest segment that can be asked for, in µs; 0 while there is none."""
        kept = self._past or self.segments
        return kept[0].capture_time if kept else 0

    @property
    def inits(self) -> set[str]:
        """The init segments that can still be needed."""
        return {segment.init for segment in self._found.values()} | {self._init}

    def may_come(self, number: int, part: int) -> bool:
        """Whether this part is the one that the playlist hints at."""
        if self.ended or not self.segments:
            return False
        last = self.segments[-1]
        return (number, part) == (last.number, len(last.parts))

    def segment_uri(self, number: int) -> str:
        return f"{self.prefix}{number}.mp4"

    def part_uri(self, number: int, part: int) -> str:
        return f"{self.prefix}{number}.{part}.mp4"

    def _begin(self, source: int, capture_time: int, discontinuity: bool) -> None:
        self._finish_segment()
        number = self.segments[-1].number + 1 if self.segments else source
        discontinuity = discontinuity and bool(self.segments)
        begun = HlsSegment(number, source, self._init, capture_time, discontinuity)
        self.segments.append(begun)
        self._found[number] = begun
        self._index, self._broken = -1, False

    def _add(self, size: int, duration: int, independent: bool) -> None:
        if self._open is not None and self._is_full(self._open, duration):
            self._finish_part()
        last = self.segments[-1]
        if self._open is None:
            start = last.parts[-1].start + last.parts[-1].size if last.parts else 0
            self._open = HlsPart(start, independent)
            self._longest = 0
        self._open.size += size
        self._open.duration += duration
        self._longest = max(self._longest, duration)
        self._elapsed += duration
        if self._is_full(self._open, duration) and self._open.duration >= LEAST * self.part_target:
            self._finish_part()

    def _is_full(self, part: HlsPart, following: int) -> bool:
        """Whether another mesh part would make it longer than PART-TARGET."""
        if not self.part_target:
            return part.duration >= self._part_duration - _ROUNDING
        return part.duration + following > self.part_target + _ROUNDING

    def _finish_part(self) -> None:
        if self._open is None:
            return
        if not self.part_target:
            # As many of these mesh parts as last long enough, even if a segment has ended before.
            self.part_target = -(-self._part_duration // max(self._longest, 1)) * self._longest
        self.part_target = max(self.part_target, self._open.duration)
        last = self.segments[-1]
        last.parts.append(self._open)
        last.duration += self._open.duration
        self._length += self._open.duration
        self._open = None
        self.version += 1

    def _finish_segment(self) -> None:
        self._finish_part()
        if self.segments and not self.segments[-1].complete:
            last = self.segments[-1]
            last.complete = True
            # Rounded to the nearest, no segment may exceed it (4.4.3.1).
            self.target_duration = max(self.target_duration, (last.duration + 500_000) // 1_000_000)
            self.version += 1

    def _may_leave(self, window: int) -> bool:
        least = max(window, LISTED * self.target_duration * 1_000_000)
        return len(self.segments) > 1 and self._length - self.segments[0].duration >= least

    def _trim(self) -> list[HlsSegment]:
        while self._may_leave(self._window):
            self._leave()
        forgotten = []
        while self._past and self._past[0].kept_until <= self._elapsed:
            forgotten.append(self._forget())
        return forgotten

    def _leave(self) -> None:
        """The first segment leaves the playlist; for its own length and that of the playlist it can still be
        asked for (6.2.2)."""
        first = self.segments.pop(0)
        first.kept_until = self._elapsed + first.duration + self._length
        self._length -= first.duration
        # It is the tag that leaves with its segment, and that is the one before what is first now.
        self.discontinuities += first.discontinuity
        self._past.append(first)

    def _forget(self) -> HlsSegment:
        first = self._past.popleft()
        del self._found[first.number]
        return first
