"""One stream's origin: sealed parts for the mesh (docs/protocol.md section 10), LL-HLS for players."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from aiohttp import web

from peer.core.budget import WITH_PARTS_THAT_FOLLOW, StartupBudget
from peer.description import open_description
from peer.media.hls import HlsOrigin, WindowOptions
from peer.media.hls_http import CORS, IMMUTABLE, hls_application
from peer.media.parts import InitSegment, MediaPart
from peer.media.playlist import PlaylistError
from peer.seal import Seal

log = logging.getLogger(__name__)

WINDOW_SECONDS = 12.0
WINDOW_BYTES = 128 * 1024 * 1024
START_SECONDS = 0.5
"""Of the stream at least for a newcomer: with less it runs dry while its machine is still busy starting."""
WAIT_SECONDS = 2.0
AHEAD = 20
MAX_WAITING = 2_000


class RenditionDoor:
    """One rendition's window of sealed parts."""

    def __init__(self, bandwidth: int) -> None:
        self.parts: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self.budget = StartupBudget(bandwidth, time.monotonic())
        self.newest: tuple[int, int] | None = None
        self._independent: deque[tuple[tuple[int, int], int]] = deque(maxlen=16)
        """The newest of them, and the µs of all parts before each."""
        self._length = 0
        self._bytes = 0
        self._changed = asyncio.Event()

    def add(self, seal: Seal, raw: bytes, data: bytes) -> None:
        key = (seal.epoch, seal.number)
        if key in self.parts or (self.newest is not None and key <= self.newest):
            return
        self.parts[key] = raw + data
        if self.newest is not None and seal.epoch != self.newest[0]:
            self._independent.clear()
        self.newest = key
        if seal.independent:
            self._independent.append((key, self._length))
        self._length += seal.duration
        self._bytes += len(raw) + len(data)
        span = max(16, int(WINDOW_SECONDS * 1e6 / max(seal.duration, 1000)))
        while len(self.parts) > span or self._bytes > WINDOW_BYTES:
            _, gone = self.parts.popitem(last=False)
            self._bytes -= len(gone)
        self._changed.set()
        self._changed = asyncio.Event()

    def beginning(self) -> list[bytes]:
        """Seal and part of everything from the newest independent part that has `START_SECONDS` after it,
        or else from the oldest one."""
        start = None
        for key, before in reversed(self._independent):
            if key not in self.parts:
                break
            start = key
            if self._length - before >= START_SECONDS * 1e6:
                break
        return [] if start is None else [body for key, body in self.parts.items() if key >= start]

    async def wait(self, key: tuple[int, int]) -> bytes | None:
        """The part, waited for while it is just ahead of the edge; None when it is not to be had."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            body = self.parts.get(key)
            if body is not None or self.newest is None:
                return body
            ahead = key[0] == self.newest[0] and 0 < key[1] - self.newest[1] <= AHEAD
            left = deadline - time.monotonic()
            if not ahead or left <= 0:
                return None
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                continue


class MeshOrigin:
    """One stream's sealed parts. `clock` gives µs on the publisher's clock, or None while unknown."""

    def __init__(
        self,
        room: str,
        stream: str,
        clock: Callable[[], int | None],
        on_sent: Callable[[int], None],
    ) -> None:
        self.path = f"/live/{room}/{stream}"
        self._clock = clock
        self._on_sent = on_sent
        self._description: bytes | None = None
        self._doors: dict[str, RenditionDoor] = {}
        self._waiting = 0

    def describe(self, description: bytes) -> None:
        """The newest signed description."""
        self._description = description
        for rendition in open_description(description)[1].renditions:
            if rendition.id not in self._doors:
                self._doors[rendition.id] = RenditionDoor(rendition.bandwidth)

    def add(self, rendition: str, seal: Seal, raw: bytes, data: bytes) -> None:
        """The next part of a rendition."""
        door = self._doors.get(rendition)
        if door is not None:
            door.add(seal, raw, data)

    def mount(self, app: web.Application) -> None:
        """Add this stream's routes to `app`."""
        app.router.add_get(f"{self.path}/description", self._get_description)
        app.router.add_get(f"{self.path}/{{rendition}}/join", self._get_join)
        app.router.add_get(
            self.path + r"/{rendition}/{epoch:\d{1,10}}/{number:\d{1,10}}.part", self._get_part
        )

    def _headers(self, cache: str = "no-store") -> dict[str, str]:
        """A time that a cache would keep is none."""
        clock = self._clock() if cache == "no-store" else None
        return {**CORS, "Cache-Control": cache, **({} if clock is None else {"Braidcast-Clock": str(clock)})}

    def _refuse(self, sentence: str, status: int = 404, **headers: str) -> web.Response:
        return web.Response(status=status, text=sentence + "\n", headers={**self._headers(), **headers})

    async def _get_description(self, _: web.Request) -> web.Response:
        if self._description is None:
            return self._refuse("This stream has not begun; try again in a moment.")
        return web.Response(
            body=self._description, content_type="application/octet-stream", headers=self._headers()
        )

    async def _get_join(self, request: web.Request) -> web.Response:
        door = self._doors.get(request.match_info["rendition"])
        if door is None:
            return self._refuse("There is no such rendition.")
        headers = self._headers()
        retry = door.budget.admit(time.monotonic())
        if retry > 0:
            return self._refuse(
                "Too many viewers start at this moment; try again.", 503, **{"Retry-After": f"{retry:.0f}"}
            )
        bodies = door.beginning()
        if not bodies:
            return self._refuse("Nothing has been published yet; try again in a moment.")
        body = b"".join(struct.pack(">I", len(part)) + part for part in bodies)
        door.budget.spend(WITH_PARTS_THAT_FOLLOW * len(body), time.monotonic())
        self._on_sent(len(body))
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    async def _get_part(self, request: web.Request) -> web.Response:
        door = self._doors.get(request.match_info["rendition"])
        if door is None:
            return self._refuse("There is no such rendition.")
        if self._waiting >= MAX_WAITING:
            return self._refuse("Too many requests wait for this stream.", 503, **{"Retry-After": "1"})
        self._waiting += 1
        try:
            body = await door.wait((int(request.match_info["epoch"]), int(request.match_info["number"])))
        finally:
            self._waiting -= 1
        if body is None:
            return self._refuse("This part has left the window, or does not exist yet.")
        self._on_sent(len(body))
        headers = self._headers(IMMUTABLE)
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)


class StreamOrigin:
    """Both doors of one stream, fed together. `epoch` makes the addresses of LL-HLS media unique for ever,
    `window` says how far back players of LL-HLS may go."""

    def __init__(
        self,
        room: str,
        stream: str,
        epoch: int,
        clock: Callable[[], int | None],
        on_sent: Callable[[int], None],
        window: WindowOptions | None = None,
    ) -> None:
        self._mesh = MeshOrigin(room, stream, clock, on_sent)
        self._hls = HlsOrigin(epoch, window)
        self._epoch = epoch
        self._ended = False
        self._on_sent = on_sent

    @property
    def path(self) -> str:
        return self._mesh.path

    def mount(self, app: web.Application) -> None:
        """Answer under `/live/{room}/{stream}` of `app`."""
        self._mesh.mount(app)
        app.add_subapp(self.path, hls_application(self._hls, self._on_sent))

    def describe(self, description: bytes) -> None:
        """The newest signed description."""
        self._mesh.describe(description)

    def begin(self, rendition: str, init: InitSegment) -> None:
        """Parts of this init segment follow; after the end, those of a stream that has come back."""
        if self._ended:
            self._ended = False
            self._epoch = max(self._epoch + 1, int(time.time()))
            self._hls.restart(self._epoch)
        self._hls.add_init(rendition, init)

    def add(self, rendition: str, seal: Seal, raw: bytes, part: MediaPart) -> None:
        """The next part; `raw` is its seal's bytes."""
        self._mesh.add(rendition, seal, raw, part.data)
        try:
            self._hls.add_part(rendition, seal.segment, seal.index, part)
        except PlaylistError as error:
            # A part that a relay lost leaves a hole: players of the playlist go on at the next segment.
            log.debug("A part is not in the playlist: %s", error)

    def end(self) -> None:
        """Nothing follows, unless the stream comes back."""
        self._ended = True
        self._hls.end()

    def close(self) -> None:
        """Forget what it has."""
        self._hls.close()
