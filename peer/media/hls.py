"""The LL-HLS side of an origin: playlists with blocking reload, init segments, segments and parts over HTTP.

Below `/live/{room}/{stream}`: `index.m3u8`, and for every rendition `{rendition}/media.m3u8`,
`{rendition}/{epoch}-init{n}.mp4`, `{rendition}/{epoch}-{segment}.mp4` and
`{rendition}/{epoch}-{segment}.{part}.mp4`. What an address of media answers never changes.
"""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from peer.media.parts import InitSegment, MediaPart
from peer.media.playlist import Playlist, PlaylistError, render_multivariant

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
_IMMUTABLE = "public, max-age=31536000, immutable"
_MAX_WAITING = 1_000
_WAIT = 6.0
"""Seconds that a request may wait: three target durations (6.2.5.2)."""
_MEDIA = re.compile(
    r"(?P<epoch>\d{1,12})-(?:(?P<init>init\d{1,6})|(?P<segment>\d{1,10})(?:\.(?P<part>\d{1,5}))?)\.mp4"
)


class NotThereError(Exception):
    """Something that is not, or no longer, there; in one sentence."""


@dataclass(slots=True)
class _Rendition:
    """One rendition's playlist and the bytes behind it."""

    playlist: Playlist
    inits: dict[str, bytes] = field(default_factory=dict)
    init: InitSegment | None = None
    parts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    rendered: tuple[int, bytes, bytes] | None = None
    waiting: int = 0

    def notify(self) -> None:
        """Wake those who wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def render(self) -> tuple[bytes, bytes]:
        """The playlist, as it is and gzipped; rendered once a version, however many ask."""
        if self.rendered is None or self.rendered[0] != self.playlist.version:
            plain = self.playlist.render().encode()
            packer = zlib.compressobj(level=5, wbits=31)
            self.rendered = (self.playlist.version, plain, packer.compress(plain) + packer.flush())
        return self.rendered[1], self.rendered[2]


class HlsOrigin:
    """One stream's LL-HLS: fed with init segments and parts, asked by the application's handlers."""

    def __init__(self, epoch: int, *, window: float = 12.0, part_duration: float = 0.3) -> None:
        """`window` and `part_duration` as for `Playlist`."""
        self._epoch = epoch
        self._window = window
        self._part_duration = part_duration
        self._renditions: dict[str, _Rendition] = {}

    def add_init(self, rendition: str, init: InitSegment) -> None:
        """Parts of this init segment follow in a rendition."""
        entry = self._renditions.get(rendition)
        if entry is None:
            playlist = Playlist(f"{self._epoch}-", window=self._window, part_duration=self._part_duration)
            entry = self._renditions[rendition] = _Rendition(playlist)
        entry.init = init
        entry.inits[entry.playlist.add_init()] = init.data

    def add_part(self, rendition: str, segment: int, index: int, part: MediaPart) -> None:
        """Take the next mesh part of a rendition.

        Raises:
            PlaylistError: it is out of order, or there was no init segment.
        """
        entry = self._renditions.get(rendition)
        if entry is None:
            raise PlaylistError("A rendition begins with an init segment.")
        version = entry.playlist.version
        gone = entry.playlist.add_part(
            segment,
            index,
            duration=part.duration,
            capture_time=part.capture_time,
            independent=part.independent,
            discontinuity=part.discontinuity,
        )
        entry.parts[segment, index] = part.data
        for left in gone:
            for number in left.indices:
                entry.parts.pop((left.number, number), None)
        if gone:
            used = {kept.init for kept in entry.playlist.segments}
            newest = list(entry.inits)[-1]
            entry.inits = {uri: data for uri, data in entry.inits.items() if uri in used or uri == newest}
        if entry.playlist.version != version:
            entry.notify()

    def end(self) -> None:
        """Nothing follows in any rendition."""
        for entry in self._renditions.values():
            entry.playlist.end()
            entry.notify()

    @property
    def begun(self) -> bool:
        """Whether there is anything to play."""
        return any(entry.playlist.version > 0 for entry in self._renditions.values())

    def waiting(self, rendition: str) -> int:
        """How many requests wait for something of a rendition."""
        return self._find(rendition).waiting

    def held(self, rendition: str) -> int:
        """How many mesh parts of a rendition are in memory."""
        return len(self._find(rendition).parts)

    def multivariant(self) -> bytes:
        """The multivariant playlist.

        Raises:
            NotThereError: the stream has not begun.
        """
        renditions = [(name, entry.init) for name, entry in self._renditions.items() if entry.init]
        if not renditions:
            raise NotThereError("This stream has not begun yet.")
        return render_multivariant(renditions).encode()

    async def media(self, rendition: str, number: int | None, part: int | None) -> tuple[bytes, bytes]:
        """A media playlist, plain and gzipped, once it has this segment and part.

        Raises:
            NotThereError: there is no such rendition, or nothing of it yet.
            PlaylistError: the segment or part is too far ahead.
            TimeoutError: it did not come in time.
        """
        entry = self._find(rendition)
        if number is not None:
            wanted = number
            await _until(entry, lambda: entry.playlist.ready(wanted, part))
        if entry.playlist.version == 0:
            await _until(entry, lambda: entry.playlist.version > 0)
        return entry.render()

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
            indices = segment.indices
        else:
            position = int(match["part"])
            await _until(entry, lambda: not entry.playlist.may_come(number, position))
            segment = entry.playlist.find(number)
            if segment is None or position >= len(segment.parts):
                raise NotThereError(f"Part {position} of segment {number} is not in the window.")
            indices = segment.parts[position].indices
        return b"".join(entry.parts[number, index] for index in indices), video

    def _find(self, rendition: str) -> _Rendition:
        entry = self._renditions.get(rendition)
        if entry is None:
            raise NotThereError("This stream has no such rendition.")
        return entry


async def _until(entry: _Rendition, condition: Callable[[], bool]) -> None:
    if condition():
        return
    entry.waiting += 1
    try:
        async with asyncio.timeout(_WAIT):
            while not condition():
                await entry.changed.wait()
    finally:
        entry.waiting -= 1


Find = Callable[[str, str], HlsOrigin | None]
"""An origin by room and stream."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Routes:
    def __init__(self, find: Find, on_sent: Callable[[int], None], max_waiting: int) -> None:
        self._find = find
        self._on_sent = on_sent
        self._max_waiting = max_waiting
        self._waiting = 0

    async def index(self, request: web.Request) -> web.StreamResponse:
        body = self._origin(request).multivariant()
        return await self._send(request, body, PLAYLIST_TYPE, "no-cache")

    async def media(self, request: web.Request) -> web.StreamResponse:
        number, part = _number(request, "_HLS_msn"), _number(request, "_HLS_part")
        if part is not None and number is None:
            raise PlaylistError("_HLS_part needs _HLS_msn beside it.")
        origin = self._origin(request)
        with self._turn():
            plain, packed = await origin.media(request.match_info["rendition"], number, part)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return await self._send(request, packed, PLAYLIST_TYPE, "no-cache", headers)
        return await self._send(request, plain, PLAYLIST_TYPE, "no-cache", {"Vary": "Accept-Encoding"})

    async def file(self, request: web.Request) -> web.StreamResponse:
        origin = self._origin(request)
        with self._turn():
            body, video = await origin.file(request.match_info["rendition"], request.match_info["file"])
        return await self._send(request, body, "video/mp4" if video else "audio/mp4", _IMMUTABLE)

    def _origin(self, request: web.Request) -> HlsOrigin:
        origin = self._find(request.match_info["room"], request.match_info["stream"])
        if origin is None:
            raise NotThereError("There is no such stream here.")
        return origin

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Count those who may have to wait, and refuse the one too many."""
        if self._waiting >= self._max_waiting:
            raise TimeoutError
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _send(
        self,
        request: web.Request,
        body: bytes,
        content_type: str,
        cache: str,
        headers: dict[str, str] | None = None,
    ) -> web.StreamResponse:
        response = web.Response(
            body=body, content_type=content_type, headers={"Cache-Control": cache, **(headers or {})}
        )
        await response.prepare(request)
        await response.write_eof()
        if request.method != "HEAD":
            self._on_sent(len(body))
        return response


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise PlaylistError(f"{name} is not a number.")
    return int(text)


@web.middleware
async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as one sentence, and never kept by a cache."""
    headers = {"Cache-Control": "no-store"}
    try:
        return await handler(request)
    except NotThereError as error:
        return web.Response(status=404, text=f"{error}\n", headers=headers)
    except PlaylistError as error:
        return web.Response(status=400, text=f"{error}\n", headers=headers)
    except TimeoutError:
        text = "That did not come in time: ask again.\n"
        return web.Response(status=503, text=text, headers={**headers, "Retry-After": "1"})


async def _allow_every_page(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "*"


def hls_application(
    find: Find, on_sent: Callable[[int], None], *, max_waiting: int = _MAX_WAITING
) -> web.Application:
    """The application to mount at `/live`.

    Args:
        find: returns the origin of a room and stream, or None.
        on_sent: told the bytes of every body that was sent.
        max_waiting: how many requests may be answered or wait at once; more are asked to come again.
    """
    routes = _Routes(find, on_sent, max_waiting)
    application = web.Application(middlewares=[_answer])
    application.on_response_prepare.append(_allow_every_page)
    application.router.add_get("/{room}/{stream}/index.m3u8", routes.index)
    application.router.add_get("/{room}/{stream}/{rendition}/media.m3u8", routes.media)
    application.router.add_get("/{room}/{stream}/{rendition}/{file:[^/]+\\.mp4}", routes.file)
    return application
