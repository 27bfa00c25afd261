"""A media playlist as a client reads it, and a client that follows one by delta updates. Without I/O, and
without knowledge of the code that writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

_ATTRIBUTE = re.compile(r'(?P<name>[^=,]+)=(?P<value>"[^"]*"|[^,"]*)(?:,|$)')
ATTRIBUTE_TAGS = frozenset(
    f"#EXT-X-{name}"
    for name in ("SERVER-CONTROL", "PART-INF", "MAP", "PART", "SKIP", "PRELOAD-HINT", "RENDITION-REPORT")
)
SEGMENT_TAGS = frozenset(
    {"#EXTINF", "#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-PART"}
)
"""They apply to the segment that follows them, or that follows from there on."""


class SyntaxFaultError(ValueError):
    """It cannot be read at all."""


@dataclass(frozen=True)
class Part:
    """An EXT-X-PART; seconds."""

    uri: str
    duration: float
    independent: bool


@dataclass(frozen=True)
class Segment:
    """A segment, or the beginning of one that has no URI yet; seconds."""

    number: int
    map: str | None = None
    date: str | None = None
    discontinuity: bool = False
    parts: tuple[Part, ...] = ()
    uri: str | None = None
    duration: float | None = None

    @property
    def length(self) -> float:
        return self.duration if self.duration is not None else sum(part.duration for part in self.parts)


@dataclass(frozen=True)
class MediaPlaylist:
    """What one says."""

    lines: tuple[str, ...]
    values: dict[str, list[str]] = field(compare=False)
    """What follows each tag, in order."""
    sequence: int
    discontinuities: int
    skipped: int
    segments: tuple[Segment, ...]
    """Those that are in it: not those that it skips."""
    ended: bool

    def attributes(self, tag: str) -> dict[str, str]:
        """Of the first such tag; empty when there is none."""
        return read_attributes(self.values[tag][0]) if tag in self.values else {}

    @property
    def target(self) -> float:
        """TARGETDURATION."""
        return float(self.values["#EXT-X-TARGETDURATION"][0])

    @property
    def length(self) -> float:
        """Seconds of all segments that are in it."""
        return sum(segment.length for segment in self.segments)

    def behind(self, segment: Segment) -> float:
        """Seconds between the end of a segment and the end of the playlist."""
        return self._behind[segment.number]

    @cached_property
    def _behind(self) -> dict[int, float]:
        found, behind = {}, 0.0
        for segment in reversed(self.segments):
            found[segment.number] = behind
            behind += segment.length
        return found

    @property
    def edge(self) -> tuple[int, int] | None:
        """The last part: its segment and its index."""
        for segment in reversed(self.segments):
            if segment.parts:
                return segment.number, len(segment.parts) - 1
        return None


def read_attributes(text: str) -> dict[str, str]:
    """An attribute list (4.2), quotes included.

    Raises:
        SyntaxFaultError: it is none, or names an attribute twice.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ATTRIBUTE.match(text, position)
        if match is None or re.fullmatch(r"[A-Z0-9-]+", match["name"]) is None or match["name"] in found:
            raise SyntaxFaultError(f"{text!r} is no attribute list")
        found[match["name"]] = match["value"]
        position = match.end()
    return found


def parse(text: str) -> MediaPlaylist:
    """Read a media playlist.

    Raises:
        SyntaxFaultError: it cannot be read at all.
    """
    lines = tuple(text.splitlines())
    values: dict[str, list[str]] = {}
    segments: list[Segment] = []
    begun: Segment | None = None
    init: str | None = None
    for line in lines:
        tag, _, value = line.partition(":")
        if line.startswith("#EXT"):
            values.setdefault(tag, []).append(value)
            if tag in ATTRIBUTE_TAGS:
                read_attributes(value)
        if begun is None and (tag in SEGMENT_TAGS or (line and not line.startswith("#"))):
            number = _integer(values, "#EXT-X-MEDIA-SEQUENCE") + _skipped(values) + len(segments)
            begun = Segment(number, map=init)
        if begun is None:
            continue
        if tag == "#EXTINF":
            begun = replace(begun, duration=_number(value.partition(",")[0]))
        elif tag == "#EXT-X-DISCONTINUITY":
            begun = replace(begun, discontinuity=True)
        elif tag == "#EXT-X-MAP":
            init = _unquoted(read_attributes(value), "URI")
            begun = replace(begun, map=init)
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            begun = replace(begun, date=value)
        elif tag == "#EXT-X-PART":
            attributes = read_attributes(value)
            part = Part(
                _unquoted(attributes, "URI"),
                _number(attributes.get("DURATION", "")),
                attributes.get("INDEPENDENT") == "YES",
            )
            begun = replace(begun, parts=(*begun.parts, part))
        elif line and not line.startswith("#"):
            segments.append(replace(begun, uri=line))
            begun = None
    if begun is not None:
        segments.append(begun)
    return MediaPlaylist(
        lines,
        values,
        _integer(values, "#EXT-X-MEDIA-SEQUENCE"),
        _integer(values, "#EXT-X-DISCONTINUITY-SEQUENCE"),
        _skipped(values),
        tuple(segments),
        "#EXT-X-ENDLIST" in values,
    )


def update(old: MediaPlaylist, new: MediaPlaylist) -> MediaPlaylist:
    """What a client has after a reload: `new`, with what it skips taken from `old` (6.3.7).

    Raises:
        SyntaxFaultError: it skips what the old one did not have.
    """
    if not new.skipped:
        return new
    had = {segment.number: segment for segment in old.segments}
    wanted = range(new.sequence, new.sequence + new.skipped)
    missing = [number for number in wanted if number not in had or had[number].uri is None]
    if missing:
        raise SyntaxFaultError(f"segment {missing[0]} is skipped, and was not complete before")
    kept = [replace(had[number], parts=()) for number in wanted]
    segments = list(new.segments)
    for position, segment in enumerate(segments):
        if segment.map is not None:
            break
        segments[position] = replace(segment, map=kept[-1].map)
    return replace(new, skipped=0, segments=(*kept, *segments))


def same(one: MediaPlaylist, other: MediaPlaylist) -> bool:
    """Whether two playlists mean the same: all but the lines that say it."""
    return replace(one, lines=()) == replace(other, lines=())


def _skipped(values: dict[str, list[str]]) -> int:
    if "#EXT-X-SKIP" not in values:
        return 0
    return int(_number(read_attributes(values["#EXT-X-SKIP"][0]).get("SKIPPED-SEGMENTS", "")))


def _integer(values: dict[str, list[str]], tag: str) -> int:
    return int(_number(values[tag][0])) if tag in values else 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SyntaxFaultError(f"{text!r} is no number") from None


def _unquoted(attributes: dict[str, str], name: str) -> str:
    value = attributes.get(name, "")
    if len(value) < 3 or value[0] != '"':
        raise SyntaxFaultError(f"{name} is missing or not quoted")
    return value[1:-1]
