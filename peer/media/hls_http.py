"""An origin's LL-HLS over HTTP (docs/origin.md): which address answers what, and for how long.

Below `/live/{room}/{stream}`: `index.m3u8`, `poster.jpg`, `thumbnail.jpg`, and for every rendition
`{rendition}/media.m3u8`, `{rendition}/{epoch}-init{n}.mp4`, `{rendition}/{epoch}-{segment}.mp4` and
`{rendition}/{epoch}-{segment}.{part}.mp4`.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from peer.media.hls import HlsOrigin, NotThereError, Wanted
from peer.media.playlist import PlaylistError
from peer.media.poster import HEIGHTS, SECONDS, Poster

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
IMMUTABLE = "public, max-age=31536000, immutable"
MISSING_FOR = 1
"""Seconds: what is not there may be there soon, but not within a round trip."""
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Braidcast-Clock, Content-Length, Content-Range, Date, ETag, Retry-After"
    ),
    # Players measure throughput by it.
    "Timing-Allow-Origin": "*",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
_MAX_WAITING = 1_000
_RANGE = re.compile(r"bytes=(?P<first>\d{0,15})-(?P<last>\d{0,15})")
_REFUSES_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RangeError(ValueError):
    """Bytes that do not exist."""

    def __init__(self, size: int) -> None:
        super().__init__(f"There are only {size} bytes.")
        self.size = size


def read_directives(query: Mapping[str, str]) -> Wanted:
    """The delivery directives (6.2.5) of a request; others are ignored, as the RFC asks.

    Raises:
        PlaylistError: they make no sense.
    """
    number, part = _number(query, "_HLS_msn"), _number(query, "_HLS_part")
    if part is not None and number is None:
        raise PlaylistError("_HLS_part needs _HLS_msn beside it.")
    # There are no date ranges, so v2, which leaves out old ones, is the same.
    return Wanted(number, part, query.get("_HLS_skip") in ("YES", "v2"))


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one behind the last of a Range header (RFC 9110, 14.2); None for the whole: several
    ranges and what is no range may be ignored.

    Raises:
        RangeError: the range has none of the bytes.
    """
    match = None if header is None else _RANGE.fullmatch(header.strip())
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        first, end = max(0, size - int(match["last"])), size
    else:
        first = int(match["first"])
        end = min(size, int(match["last"]) + 1) if match["last"] else size
        if match["last"] and int(match["last"]) < first:
            return None
    if first >= end:
        raise RangeError(size)
    return first, end


class _Routes:
    def __init__(self, origin: HlsOrigin, on_sent: Callable[[int], None], max_waiting: int) -> None:
        self._origin = origin
        self._poster = Poster(origin)
        self._on_sent = on_sent
        self._max_waiting = max_waiting
        self._waiting = 0

    async def index(self, request: web.Request) -> web.StreamResponse:
        body = self._origin.multivariant()
        return await self._send(request, body, PLAYLIST_TYPE, {"Cache-Control": _shared(1)})

    async def media(self, request: web.Request) -> web.StreamResponse:
        wanted = read_directives(request.query)
        with self._turn():
            rendered = await self._origin.media(request.match_info["rendition"], wanted)
        # Who names a segment gets an answer that stays right, but a player that asks twice is stuck with it
        # while a cache keeps it: a target duration is enough for a crowd (draft 22, appendix B: up to six).
        age = rendered.target_duration if wanted.number is not None else 1
        headers = {"Cache-Control": _shared(age), "Vary": "Accept-Encoding"}
        if not _takes_gzip(request):
            return await self._send(request, rendered.plain, PLAYLIST_TYPE, headers)
        headers["Content-Encoding"] = "gzip"
        return await self._send(request, rendered.packed, PLAYLIST_TYPE, headers)

    async def file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"]
        with self._turn():
            body, video = await self._origin.file(request.match_info["rendition"], name)
        tag = f'"{name.removesuffix(".mp4")}"'
        headers = {"Cache-Control": IMMUTABLE, "Accept-Ranges": "bytes", "ETag": tag}
        if any(known.value in (tag.strip('"'), "*") for known in request.if_none_match or ()):
            return await self._send(request, b"", "", headers, 304)
        kind, status = "video/mp4" if video else "audio/mp4", 200
        # If-Range with another tag, or with a date, asks for the whole.
        if request.headers.get("If-Range", tag) == tag:
            asked = read_range(request.headers.get("Range"), len(body))
            if asked is not None:
                status = 206
                headers["Content-Range"] = f"bytes {asked[0]}-{asked[1] - 1}/{len(body)}"
                body = body[asked[0] : asked[1]]
        return await self._send(request, body, kind, headers, status)

    async def picture(self, request: web.Request) -> web.StreamResponse:
        with self._turn():
            body = await self._poster.get(request.match_info["picture"])
        headers = {"Cache-Control": f"public, max-age={SECONDS:.0f}"}
        return await self._send(request, body, "image/jpeg", headers)

    async def preflight(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=PREFLIGHT)

    async def nothing(self, _: web.Request) -> web.StreamResponse:
        raise NotThereError("There is nothing at this address: a player begins with index.m3u8.")

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
        self, request: web.Request, body: bytes, kind: str, headers: dict[str, str], status: int = 200
    ) -> web.StreamResponse:
        if kind:
            headers = {**headers, "Content-Type": kind}
        response = web.Response(body=body, status=status, headers=headers)
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            return response  # a player that left while it waited
        if request.method != "HEAD":
            self._on_sent(len(body))
        return response


def _shared(seconds: int) -> str:
    """For caches that many share. In a browser's own, what can be kept makes each of two tabs wait for the
    other's request of the same address, and stall."""
    return f"public, max-age=0, s-maxage={seconds}"


def _takes_gzip(request: web.Request) -> bool:
    accepted = request.headers.get("Accept-Encoding", "")
    return "gzip" in accepted and _REFUSES_GZIP.search(accepted) is None


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise PlaylistError(f"{name} is not a number.")
    return int(text)


@web.middleware
async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as one sentence, and hardly kept by a cache."""
    headers = {"Cache-Control": "no-store"}
    try:
        return await handler(request)
    except NotThereError as error:
        return web.Response(status=404, text=f"{error}\n", headers={"Cache-Control": _shared(MISSING_FOR)})
    except PlaylistError as error:
        return web.Response(status=400, text=f"{error}\n", headers=headers)
    except RangeError as error:
        headers["Content-Range"] = f"bytes */{error.size}"
        return web.Response(status=416, text=f"{error}\n", headers=headers)
    except TimeoutError:
        text = "That did not come in time: ask again.\n"
        return web.Response(status=503, text=text, headers={**headers, "Retry-After": "1"})


async def _allow_every_page(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(CORS)


def hls_application(
    origin: HlsOrigin, on_sent: Callable[[int], None], *, max_waiting: int = _MAX_WAITING
) -> web.Application:
    """The application to mount at a stream's `/live/{room}/{stream}`.

    Args:
        origin: what it serves.
        on_sent: told the bytes of every body that was sent.
        max_waiting: how many requests may be answered or wait at once; more are asked to come again.
    """
    routes = _Routes(origin, on_sent, max_waiting)
    application = web.Application(middlewares=[_answer])
    application.on_response_prepare.append(_allow_every_page)
    router = application.router
    router.add_get("/index.m3u8", routes.index)
    router.add_get(f"/{{picture:{'|'.join(map(re.escape, HEIGHTS))}}}", routes.picture)
    router.add_get("/{rendition}/media.m3u8", routes.media)
    router.add_get("/{rendition}/{file:[^/]+\\.mp4}", routes.file)
    router.add_route("OPTIONS", "/{anything:.*}", routes.preflight)
    router.add_get("/{anything:.*}", routes.nothing)
    return application
