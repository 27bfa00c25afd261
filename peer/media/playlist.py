"""LL-HLS playlists (RFC 8216bis), without I/O: what is in the window, what a playlist says, who has to wait.

An HLS part is several mesh parts in a row; an HLS segment is all mesh parts of one segment number.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from peer.media.parts import InitSegment

VERSION = 9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LISTED = 3
"""Target durations from the end within which parts are listed (4.4.4.9) and segments kept (6.2.2)."""
_ADVANCE_SECONDS = 3.0
"""How far ahead of the playlist a part may be asked for (6.2.5.2, Advance Part Limit)."""
_ROUNDING = 1_000


class PlaylistError(ValueError):
    """A request that asks for what no playlist of this stream will say soon, in one sentence."""


@dataclass(slots=True)
class HlsPart:
    """Consecutive mesh parts of one segment; times in µs."""

    indices: list[int]
    """Of the mesh parts."""
    duration: int
    independent: bool


@dataclass(slots=True)
class HlsSegment:
    """A segment in the window; times in µs."""

    number: int
    init: str
    """Address of its init segment."""
    capture_time: int
    discontinuity: bool
    parts: list[HlsPart] = field(default_factory=list)
    complete: bool = False

    @property
    def duration(self) -> int:
        return sum(part.duration for part in self.parts)

    @property
    def indices(self) -> list[int]:
        """Of its mesh parts, but for those of an HLS part that is still open."""
        return [index for part in self.parts for index in part.indices]


class Playlist:
    """The media playlist of one rendition."""

    def __init__(
        self, prefix: str = "", *, window: float = 12.0, part_duration: float = 0.3, target_duration: int = 2
    ) -> None:
        """Begin empty.

        Args:
            prefix: begins every address, so that none is ever used for other content (a new epoch, a new
            prefix). window: seconds of complete segments that are kept.
            part_duration: the least that an HLS part should last, in seconds.
            target_duration: TARGETDURATION; it grows if a longer segment comes all the same.
        """
        self.prefix = prefix
        self.segments: list[HlsSegment] = []
        self.ended = False
        self.version = 0
        """Changes with everything that `render` would say otherwise."""
        self._window = round(window * 1_000_000)
        self._part_duration = round(part_duration * 1_000_000)
        self._part_target = 0
        self._target_duration = target_duration
        self._discontinuities = 0
        self._inits = 0
        self._open: HlsPart | None = None

    def add_init(self) -> str:
        """Parts of a new init segment follow; return its address."""
        uri = f"{self.prefix}init{self._inits}.mp4"
        self._inits += 1
        return uri

    def add_part(
        self,
        segment: int,
        index: int,
        *,
        duration: int,
        capture_time: int,
        independent: bool,
        discontinuity: bool,
    ) -> list[HlsSegment]:
        """Take a mesh part; return the segments that left the window.

        Parts come in order: an earlier segment, or an index that is not greater, is an error.

        Raises:
            PlaylistError: out of order, before any init segment, or after the end.
        """
        if self.ended or not self._inits:
            raise PlaylistError("A playlist takes parts after an init segment and before its end.")
        last = self.segments[-1] if self.segments else None
        if last is None or segment > last.number:
            self._finish_segment()
            init = f"{self.prefix}init{self._inits - 1}.mp4"
            last = HlsSegment(segment, init, capture_time, discontinuity and bool(self.segments))
            self.segments.append(last)
        elif segment < last.number or index <= self._last_index(last):
            raise PlaylistError(f"Part {segment}/{index} comes after a later one.")
        if self._open is not None and self._is_full(self._open, duration):
            self._finish_part()
        if self._open is None:
            self._open = HlsPart([], 0, independent)
        self._open.indices.append(index)
        self._open.duration += duration
        if self._is_full(self._open, duration):
            self._finish_part()
        return self._trim()

    def end(self) -> None:
        """Nothing follows."""
        if not self.ended:
            self._finish_segment()
            self.ended = True
            self.version += 1

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
        if number < last.number:
            return True
        if part is None:
            return False  # the last segment is still open
        limit = max(3, round(_ADVANCE_SECONDS * 1_000_000 / max(self._part_target, 1)))
        if part > limit + (len(last.parts) if number == last.number else 0):
            raise PlaylistError(f"Part {part} of segment {number} is too far ahead to wait for.")
        return number == last.number and part < len(last.parts)

    def find(self, number: int) -> HlsSegment | None:
        """A segment of the window."""
        if not self.segments or not self.segments[0].number <= number <= self.segments[-1].number:
            return None
        return next((segment for segment in self.segments if segment.number == number), None)

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

    def render(self) -> str:
        """The media playlist (4.4)."""
        target = self._part_target / 1e6
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            f"#EXT-X-TARGETDURATION:{self._target_duration}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={_seconds(target * 3.1)}",
            f"#EXT-X-PART-INF:PART-TARGET={_seconds(target)}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.segments[0].number if self.segments else 0}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._discontinuities}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        init = None
        behind = sum(segment.duration for segment in self.segments)
        for segment in self.segments:
            behind -= segment.duration
            if segment.discontinuity:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.init != init:
                init = segment.init
                lines.append(f'#EXT-X-MAP:URI="{init}"')
            if not segment.parts and not segment.complete:
                continue
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.capture_time)}")
            if behind <= _LISTED * self._target_duration * 1_000_000 and not self.ended:
                for number, part in enumerate(segment.parts):
                    uri = self.part_uri(segment.number, number)
                    independent = ",INDEPENDENT=YES" if part.independent else ""
                    lines.append(
                        f'#EXT-X-PART:DURATION={_seconds(part.duration / 1e6)},URI="{uri}"{independent}'
                    )
            if segment.complete:
                lines += [f"#EXTINF:{_seconds(segment.duration / 1e6)},", self.segment_uri(segment.number)]
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        elif self.segments:
            last = self.segments[-1]
            uri = self.part_uri(last.number, len(last.parts))
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{uri}"')
        return "\n".join(lines) + "\n"

    def _last_index(self, segment: HlsSegment) -> int:
        if self._open is not None and self._open.indices:
            return self._open.indices[-1]
        return max(segment.indices, default=-1)

    def _is_full(self, part: HlsPart, following: int) -> bool:
        """Whether another mesh part would make it longer than PART-TARGET, which the first part sets."""
        if not self._part_target:
            return part.duration >= self._part_duration - _ROUNDING
        return part.duration + following > self._part_target + _ROUNDING

    def _finish_part(self) -> None:
        if self._open is None:
            return
        self._part_target = max(self._part_target or self._part_duration, self._open.duration)
        self.segments[-1].parts.append(self._open)
        self._open = None
        self.version += 1

    def _finish_segment(self) -> None:
        self._finish_part()
        if self.segments:
            last = self.segments[-1]
            last.complete = True
            # Rounded to the nearest, no segment may exceed it (4.4.3.1).
            self._target_duration = max(self._target_duration, (last.duration + 500_000) // 1_000_000)
            self.version += 1

    def _trim(self) -> list[HlsSegment]:
        gone = []
        kept = sum(segment.duration for segment in self.segments)
        window = max(self._window, _LISTED * self._target_duration * 1_000_000)
        while len(self.segments) > 1 and kept - self.segments[0].duration >= window:
            first = self.segments.pop(0)
            kept -= first.duration
            gone.append(first)
            # It is the tag that leaves with its segment, and that is the one before the segment that is
            # first now.
            self._discontinuities += first.discontinuity
        return gone


def render_multivariant(renditions: list[tuple[str, InitSegment]]) -> str:
    """The multivariant playlist (4.4.6) of these renditions, by id."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for name, init in renditions:
        attributes = [f"BANDWIDTH={round(init.bandwidth * 1.25)}", f"AVERAGE-BANDWIDTH={init.bandwidth}"]
        attributes.append(f'CODECS="{init.codecs}"')
        if init.video:
            attributes.append(f"RESOLUTION={init.width}x{init.height}")
            if init.frame_rate:
                attributes.append(f"FRAME-RATE={init.frame_rate:.3f}")
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{name}/media.m3u8"]
    return "\n".join(lines) + "\n"


def _seconds(value: float) -> str:
    return f"{value:.5f}"


def _date(time: int) -> str:
    date = _EPOCH + timedelta(microseconds=time)
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
