"""What playlists say (RFC 8216bis, section 4): media playlists, delta updates, and the multivariant one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from peer.media.parts import InitSegment
from peer.media.playlist import LISTED, SKIPPED, HlsSegment, Playlist

VERSION = 9
"""The first with EXT-X-SKIP (section 8)."""
HOLD_BACK = 3.1
"""Part targets that players stay behind the end: three at least (4.4.3.8), and a little for rounding."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RenditionReport:
    """Where another rendition of the same stream is (4.4.5.4)."""

    uri: str
    number: int
    part: int


def render(playlist: Playlist, reports: Sequence[RenditionReport] = (), *, skip: bool = False) -> str:
    """The media playlist (4.4), or with `skip` its delta update (6.2.5.1), which leaves out what is older
    than the skip boundary; as long as nothing is older, they are the same."""
    segments = playlist.segments
    lines = _header(playlist)
    skipped = _before(playlist, SKIPPED) if skip else 0
    listed = len(segments) if playlist.ended else _before(playlist, LISTED)
    init: str | None = None
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
        init = segments[skipped - 1].init  # it goes on
    for position in range(skipped, len(segments)):
        segment = segments[position]
        if segment.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.init != init:
            init = segment.init
            lines.append(f'#EXT-X-MAP:URI="{init}"')
        if segment.complete and position < listed:
            lines.append(_complete(playlist, segment))
        elif segment.parts:
            lines += _with_parts(playlist, segment)
    lines += [
        f'#EXT-X-RENDITION-REPORT:URI="{report.uri}",LAST-MSN={report.number},LAST-PART={report.part}'
        for report in reports
        if not playlist.ended
    ]
    if playlist.ended:
        lines.append("#EXT-X-ENDLIST")
    elif segments:
        hint = playlist.part_uri(segments[-1].number, len(segments[-1].parts))
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{hint}"')
    return "\n".join(lines) + "\n"


def render_multivariant(renditions: Sequence[tuple[str, InitSegment]]) -> str:
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


def _header(playlist: Playlist) -> list[str]:
    target = playlist.part_target / 1e6
    control = [
        "CAN-BLOCK-RELOAD=YES",
        f"CAN-SKIP-UNTIL={_seconds(SKIPPED * playlist.target_duration)}",
        f"PART-HOLD-BACK={_seconds(target * HOLD_BACK)}",
    ]
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{playlist.target_duration}",
        f"#EXT-X-SERVER-CONTROL:{','.join(control)}",
        f"#EXT-X-PART-INF:PART-TARGET={_seconds(target)}",
        f"#EXT-X-MEDIA-SEQUENCE:{playlist.segments[0].number if playlist.segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{playlist.discontinuities}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def _before(playlist: Playlist, targets: int) -> int:
    """How many segments lie wholly more than so many target durations before the end."""
    distance, position = 0, len(playlist.segments)
    while position and distance <= targets * playlist.target_duration * 1_000_000:
        position -= 1
        distance += playlist.segments[position].duration
    return position


def _complete(playlist: Playlist, segment: HlsSegment) -> str:
    """Rendered once: nothing of it changes any more."""
    if not segment.lines:
        segment.lines = "\n".join(
            (
                f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.capture_time)}",
                f"#EXTINF:{_seconds(segment.duration / 1e6)},",
                playlist.segment_uri(segment.number),
            )
        )
    return segment.lines


def _with_parts(playlist: Playlist, segment: HlsSegment) -> list[str]:
    lines = [f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.capture_time)}"]
    for number, part in enumerate(segment.parts):
        independent = ",INDEPENDENT=YES" if part.independent else ""
        uri = playlist.part_uri(segment.number, number)
        lines.append(f'#EXT-X-PART:DURATION={_seconds(part.duration / 1e6)},URI="{uri}"{independent}')
    if segment.complete:
        lines += [f"#EXTINF:{_seconds(segment.duration / 1e6)},", playlist.segment_uri(segment.number)]
    return lines


def _seconds(value: float) -> str:
    return f"{value:.5f}"


def _date(time: int) -> str:
    date = _EPOCH + timedelta(microseconds=time)
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
