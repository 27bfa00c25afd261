"""A plain HLS playlist of a live stream, kept in memory: what a player without WebRTC falls back on."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from peer.media.parts import InitSegment, MediaPart

KEPT = 8


@dataclass
class Segment:
    number: int
    captured: float
    """Seconds on the publisher's clock."""
    data: bytearray = field(default_factory=bytearray)
    duration: float = 0.0


class Playlist:
    """Collects parts into segments of about a second and answers for them under `/live/demo/main`."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock` is the publisher's, in µs."""
        self._clock = clock
        self._init: InitSegment | None = None
        self._segments: list[Segment] = []

    def add(self, item: InitSegment | MediaPart) -> None:
        if isinstance(item, InitSegment):
            self._init = item
            return
        if item.segment_start:
            number = self._segments[-1].number + 1 if self._segments else 0
            self._segments.append(Segment(number, item.capture_time / 1e6))
            del self._segments[:-KEPT]
        if self._segments:
            self._segments[-1].data += item.data
            self._segments[-1].duration += item.duration / 1e6

    @property
    def length(self) -> int:
        """Complete segments."""
        return max(0, len(self._segments) - 1)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if self._init is None:
            raise web.HTTPNotFound
        if name == "description":
            return web.Response(headers={"Braidcast-Clock": str(self._clock())})
        if name == "index.m3u8":
            codecs, size = self._init.codecs, f"{self._init.width}x{self._init.height}"
            stream = f'#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="{codecs}",RESOLUTION={size}'
            return self._text(f"#EXTM3U\n{stream}\nmedia.m3u8\n")
        if name == "media.m3u8":
            return self._text(self._media())
        if name == "init.mp4":
            return web.Response(body=self._init.data, content_type="video/mp4")
        for segment in self._segments[:-1]:
            if name == f"{segment.number}.m4s":
                return web.Response(body=bytes(segment.data), content_type="video/mp4")
        raise web.HTTPNotFound

    def _media(self) -> str:
        complete = self._segments[:-1]
        target = math.ceil(max((segment.duration for segment in complete), default=1))
        first = complete[0].number if complete else 0
        head = f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        lines = [head + '#EXT-X-MAP:URI="init.mp4"\n']
        for segment in complete:
            captured = datetime.fromtimestamp(segment.captured, UTC).isoformat(timespec="milliseconds")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{captured}\n")
            lines.append(f"#EXTINF:{segment.duration:.3f},\n{segment.number}.m4s\n")
        return "".join(lines)

    def _text(self, text: str) -> web.Response:
        kind = "application/vnd.apple.mpegurl"
        return web.Response(text=text, content_type=kind, headers={"Cache-Control": "no-store"})
