"""WHIP (RFC 9725): a browser, OBS or GStreamer sends by WebRTC, one at a time; what comes is decoded."""

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

import av
from aiohttp import hdrs, web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from peer.media.pace import Clock
from peer.media.reception import Begun, Frame, Gone, Reception
from peer.media.sdpfrag import FragmentError, fragment_names, read_fragment
from peer.media.source import WhipInput, listening_error

log = logging.getLogger(__name__)

_MAX_BODY = 64 * 1024
_ANSWER_TIMEOUT = 10.0
_ENTRY_TIMEOUT = 20.0
"""Seconds until the first frame."""
_SILENCE_TIMEOUT = 10.0
"""Seconds without a frame after which a sender is gone."""
_CLOSE_TIMEOUT = 3.0
_SDP, _FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag",
    "Accept-Post": _SDP,
}


class WhipListener:
    """An HTTP server that takes offers, while entered; frames go to a reception."""

    def __init__(self, source: WhipInput, reception: Reception, clock: Clock) -> None:
        self._source = source
        self._reception = reception
        self._clock = clock
        self._session: _Session | None = None
        self._answering = asyncio.Lock()
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[self._guard])
        path = f"/{source.path}"
        app.router.add_route(hdrs.METH_OPTIONS, path, _options)
        app.router.add_route(hdrs.METH_OPTIONS, path + "/{id}", _options)
        app.router.add_post(path, self._offer)
        app.router.add_patch(path + "/{id}", self._trickle)
        app.router.add_delete(path + "/{id}", self._delete)
        self._runner = web.AppRunner(app, shutdown_timeout=_CLOSE_TIMEOUT, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._source.host, self._source.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise listening_error(self._source.host, self._source.port, error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Ask everybody for the token, and let pages of other sites talk to us."""
        response: web.StreamResponse
        if request.method != hdrs.METH_OPTIONS and not self._knows_token(request):
            log.warning("A WHIP sender was refused: its token is not the right one.")
            response = _refusal(401, "The bearer token is not the right one.")
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = _refusal(error.status, f"{error.reason}.")
        response.headers.update(_CORS)
        return response

    def _knows_token(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if not self._source.token:
            return True
        right = hmac.compare_digest(token.strip().encode(), self._source.token.encode())
        return kind.lower() == "bearer" and right

    async def _offer(self, request: web.Request) -> web.Response:
        if request.content_type != _SDP:
            return _refusal(415, f"An offer is {_SDP}.")
        if self._answering.locked():
            return _refusal(503, "Somebody else is just being let in: try again.")
        offer = await _text(request)
        async with self._answering:
            if self._session is not None and not self._source.token:
                return _refusal(409, "Somebody else publishes here already.")
            session = _Session(self._reception, self._clock)
            try:
                answer = await asyncio.wait_for(session.answer(offer), _ANSWER_TIMEOUT)
            except (OperationError, TimeoutError):
                await session.close()
                return _refusal(406, "Nothing in the offer can be read here: send H.264 or VP8, and Opus.")
            except Exception as error:  # a parser that was made for browsers fails in many ways
                log.debug("a WHIP offer cannot be read: %r", error)
                await session.close()
                return _refusal(400, "The offer cannot be read.")
            if self._session is not None:  # who knows the token takes the place of a connection that hangs
                await self._session.close()
            self._session = session
            session.watch(self._forget)
        headers = {"Location": f"{request.path}/{session.id}", "ETag": session.tag}
        return web.Response(status=201, text=answer, content_type=_SDP, headers=headers)

    async def _trickle(self, request: web.Request) -> web.Response:
        session = self._named(request)
        if request.content_type != _FRAGMENT:
            return _refusal(415, f"Candidates are {_FRAGMENT}.")
        if request.headers.get(hdrs.IF_MATCH, session.tag) not in (session.tag, "*"):
            return _refusal(412, "That is not the session's ETag.")
        text = await _text(request)
        try:
            fragment = read_fragment(text)
            if fragment.fragment_name is not None and fragment.fragment_name not in session.fragment_names:
                return _refusal(422, "ICE is not restarted here: delete the session and offer again.")
            await asyncio.wait_for(session.add(fragment.candidates), _ANSWER_TIMEOUT)
        except FragmentError as error:
            return _refusal(400, str(error))
        except Exception as error:
            log.debug("a WHIP candidate cannot be read: %r", error)
            return _refusal(400, "A candidate cannot be read.")
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._named(request).close()
        return web.Response()

    def _named(self, request: web.Request) -> "_Session":
        session = self._session
        if session is None or not hmac.compare_digest(session.id.encode(), request.match_info["id"].encode()):
            raise web.HTTPNotFound(reason="There is no such session")
        return session

    def _forget(self, session: "_Session") -> None:
        if self._session is session:
            self._session = None
            self._reception.put(Gone())


class _Session:
    """One sender's connection."""

    def __init__(self, reception: Reception, clock: Clock) -> None:
        self.id = secrets.token_urlsafe(16)
        self.tag = f'"{secrets.token_hex(8)}"'
        self.fragment_names: set[str] = set()
        self._reception = reception
        self._clock = clock
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("track", self._on_track)
        self._tasks: list[asyncio.Task[None]] = []
        self._kinds: set[str] = set()
        self._heard: float | None = None
        self._closing = False
        self._ended: Callable[[_Session], None] = lambda session: None

    async def answer(self, offer: str) -> str:
        """Raises OperationError if nothing in the offer can be taken, and much else if it is damaged."""
        self.fragment_names = fragment_names(offer)
        await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        if not self._kinds:
            raise OperationError("no media")
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return self._connection.localDescription.sdp

    def watch(self, ended: Callable[["_Session"], None]) -> None:
        """Let it in; `ended` is called once when it is over."""
        self._ended = ended
        self._reception.put(Begun("video" in self._kinds, "audio" in self._kinds))
        self._tasks.append(asyncio.create_task(self._watch(), name="WHIP session"))

    async def add(self, candidates: list[tuple[str, str]]) -> None:
        """Take what was trickled; raises for what is no candidate."""
        for mid, text in candidates:
            candidate = candidate_from_sdp(text)
            candidate.sdpMid = mid
            await self._connection.addIceCandidate(candidate)

    async def close(self) -> None:
        """End it; more than once does no harm."""
        if self._closing:
            return
        self._closing = True
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connection.close(), _CLOSE_TIMEOUT)
        self._ended(self)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind in self._kinds:
            return  # one of each kind
        self._kinds.add(track.kind)
        self._tasks.append(asyncio.create_task(self._take(track), name=f"WHIP {track.kind}"))

    async def _take(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame | av.AudioFrame):
                    self._heard = time.monotonic()
                    self._reception.put(Frame(frame, self._clock()))

    async def _watch(self) -> None:
        began = time.monotonic()
        while self._connection.connectionState not in ("failed", "closed"):
            await asyncio.sleep(0.2)
            since = time.monotonic() - (self._heard or began)
            if since > (_ENTRY_TIMEOUT if self._heard is None else _SILENCE_TIMEOUT):
                log.warning("A WHIP sender was let go: nothing comes from it.")
                break
        await self.close()


def _refusal(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")


async def _text(request: web.Request) -> str:
    """The body. Raises HTTPException if it is too long, too slow, or no text."""
    try:
        return await asyncio.wait_for(request.text(), _ANSWER_TIMEOUT)
    except (ValueError, LookupError, TimeoutError):
        raise web.HTTPBadRequest from None


async def _options(_: web.Request) -> web.Response:
    return web.Response(status=204)
