"""Plain live HLS made of an LL-HLS playlist's own segments: the same bytes, a few segments joined to one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns what is at an address relative to the origin's `/live/{room}/{stream}/`."""

_MAP = re.compile(r'#EXT-X-MAP:URI="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Listed:
    """A complete segment of a playlist."""

    number: int
    duration: float
    """Seconds."""
    uri: str
    date: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A segment that is served."""

    number: int
    duration: float
    date: str
    data: bytes


class PlainHls:
    """Follows one rendition, and keeps what its playlist shows and a little more."""

    def __init__(self, fetch: Fetch, together: int, window: float) -> None:
        """`together` segments make one; the playlist shows about `window` seconds."""
        self.segments: list[Joined] = []
        self.init = b""
        self.multivariant = b""
        self._fetch = fetch
        self._together = together
        self._window = window
        self._folder = ""
        self._next: int | None = None

    async def begin(self) -> None:
        """Read the multivariant playlist; raises ValueError unless it has one rendition."""
        lines = (await self._fetch("index.m3u8")).decode().splitlines()
        renditions = [line for line in lines if line and not line.startswith("#")]
        if len(renditions) != 1:
            raise ValueError(f"The comparison is of one rendition, not of {len(renditions)}.")
        self._folder = renditions[0].rpartition("/")[0] + "/"
        shown = ["media.m3u8" if line == renditions[0] else line for line in lines]
        self.multivariant = ("\n".join(shown) + "\n").encode()

    async def follow(self) -> None:
        """Take every segment as soon as the origin has it."""
        while True:
            wait = "" if self._next is None else f"?_HLS_msn={self._next + self._together - 1}"
            text = (await self._fetch(f"{self._folder}media.m3u8{wait}")).decode()
            await self._take(text)

    async def _take(self, text: str) -> None:
        listed = {segment.number: segment for segment in parse(text)}
        if not self.init and (named := _MAP.search(text)) is not None:
            self.init = await self._fetch(self._folder + named.group(1))
        if not listed:
            return
        if self._next is None:
            self._next = -(-min(listed) // self._together) * self._together
        while all(self._next + more in listed for more in range(self._together)):
            pieces = [listed[self._next + more] for more in range(self._together)]
            data = b"".join([await self._fetch(self._folder + piece.uri) for piece in pieces])
            duration = sum(piece.duration for piece in pieces)
            number = self._next // self._together
            self.segments.append(Joined(number, duration, pieces[0].date, data))
            self._next += self._together
        # Players may still ask for what has just left the playlist.
        del self.segments[: -2 * self._shown()]

    def _shown(self) -> int:
        length = self.segments[-1].duration if self.segments else 1.0
        return max(3, round(self._window / length))

    @property
    def seconds(self) -> float:
        """How much the playlist shows."""
        return sum(segment.duration for segment in self.segments[-self._shown() :])

    def find(self, number: int) -> bytes | None:
        """A segment's bytes."""
        return next((segment.data for segment in self.segments if segment.number == number), None)

    def render(self) -> bytes:
        """The media playlist (RFC 8216, 4.3)."""
        shown = self.segments[-self._shown() :]
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{max((round(each.duration) for each in shown), default=1)}",
            f"#EXT-X-MEDIA-SEQUENCE:{shown[0].number if shown else 0}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            '#EXT-X-MAP:URI="init.mp4"',
        ]
        for segment in shown:
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{segment.date}", f"#EXTINF:{segment.duration:.5f},"]
            lines.append(f"{segment.number}.mp4")
        return ("\n".join(lines) + "\n").encode()


def parse(text: str) -> list[Listed]:
    """The complete segments of a media playlist; raises ValueError at a discontinuity."""
    found: list[Listed] = []
    number, duration, date = 0, 0.0, ""
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-MEDIA-SEQUENCE":
            number = int(value)
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            date = value
        elif tag == "#EXTINF":
            duration = float(value.rstrip(","))
        elif tag == "#EXT-X-DISCONTINUITY":
            raise ValueError("The comparison's source has no discontinuities.")
        elif line and not line.startswith("#"):
            found.append(Listed(number, duration, line, date))
            number += 1
    return found
