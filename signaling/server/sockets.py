"""The shell around the core: WebSockets, the clock and chance."""

import asyncio
import logging
import random
import secrets
import time
from collections import deque
from itertools import count

from aiohttp import WSCloseCode, WSMsgType, web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signaling.core.actions import Close, Send
from signaling.core.rooms import Rooms
from signaling.protocol import MAX_MESSAGE, ProtocolError, decode_client, encode, type_of
from signaling.server.config import Config
from signaling.server.metrics import Metrics

log = logging.getLogger(__name__)

QUEUE_MESSAGES = 512
QUEUE_BYTES = 2 * 1024 * 1024
"""What waits for one socket at most; a slower one is cut off."""
SEND_TIMEOUT = 20.0
CLOSE_TIMEOUT = 0.5
PING_INTERVAL = 20.0
"""Seconds between pings of the WebSocket protocol, by which a dead connection is noticed."""


def verify(key: bytes, tag: bytes, data: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature over tag and data holds."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, tag + data)
    except (InvalidSignature, ValueError):
        return False
    return True


class Outbox:
    """What waits to be sent on one socket. A task exists only while something does."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, metrics: Metrics
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._metrics = metrics
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._close_code: int | None = None
        self._task: asyncio.Task[None] | None = None

    def put(self, data: bytes) -> None:
        """Send a text frame after those that wait."""
        if self._close_code is not None:
            return
        if len(self._queue) >= QUEUE_MESSAGES or self._bytes + len(data) > QUEUE_BYTES:
            self._metrics.slow()
            self._cut()
            return
        self._queue.append(data)
        self._bytes += len(data)
        self._start()

    def close(self, code: int) -> None:
        """Close the socket after what waits."""
        if self._close_code is None:
            self._close_code = code
            self._start()

    async def stop(self, code: int) -> None:
        """Close the socket now."""
        self._close_code = code
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._close()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._queue:
                data = self._queue.popleft()
                self._bytes -= len(data)
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._socket.send_frame(data, WSMsgType.TEXT)
        except TimeoutError:
            self._metrics.slow()
            self._cut()
        except ConnectionError:
            self._queue.clear()
        else:
            if self._close_code is not None:
                await self._close()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._socket.close(code=self._close_code or WSCloseCode.OK)
        except TimeoutError:
            self._cut()

    def _cut(self) -> None:
        """End the connection at once: the other side does not even take a close frame."""
        self._close_code = WSCloseCode.ABNORMAL_CLOSURE
        self._queue.clear()
        if self._transport is not None:
            self._transport.abort()


class Introducer:
    """One introducer: the core, its sockets, and the timer that wakes it."""

    def __init__(self, config: Config) -> None:
        self.rooms = Rooms(
            limits=config.limits,
            chance=random.SystemRandom(),
            secret=secrets.token_bytes,
            verify=verify,
            ice_servers=list(config.ice_servers),
            # Greater than any that an earlier process reached: plans are fewer than a million a second.
            sequence=time.time_ns() // 1_000,
        )
        self.metrics = Metrics(
            lambda: len(self.rooms.rooms), lambda: self.rooms.peers, lambda: len(self._outboxes)
        )
        self.stopping = False
        self._most = config.limits.sockets
        self._numbers = count(1)
        self._outboxes: dict[int, Outbox] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket, from its beginning to its end."""
        if self.stopping or len(self._outboxes) >= self._most:
            return web.Response(status=503, text="This server is full or stopping: try again later.\n")
        socket = web.WebSocketResponse(
            # What is a little too large is answered with a sentence, what is much too large is cut off.
            max_msg_size=4 * MAX_MESSAGE,
            heartbeat=PING_INTERVAL,
            timeout=CLOSE_TIMEOUT / 2,
            compress=False,
            decode_text=False,
        )
        if not socket.can_prepare(request):
            return web.Response(status=426, text="This is a WebSocket: connect with ws:// or wss://.\n")
        await socket.prepare(request)
        number = next(self._numbers)
        self._outboxes[number] = Outbox(socket, request.transport, self.metrics)
        try:
            self.rooms.connected(number, self._now(), request.remote)
            self._act()
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._receive(number, message.data)
        finally:
            outbox = self._outboxes.pop(number)
            self.rooms.disconnected(number, self._now())
            self._act()
            await outbox.stop(WSCloseCode.OK)
        return socket

    async def stop(self) -> None:
        """Close all sockets with the code of a server that goes away."""
        self.stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        stops = [asyncio.ensure_future(box.stop(WSCloseCode.GOING_AWAY)) for box in self._outboxes.values()]
        if stops:
            await asyncio.wait(stops, timeout=CLOSE_TIMEOUT)

    def _receive(self, number: int, data: bytes) -> None:
        now = self._now()
        try:
            message = decode_client(data)
        except ProtocolError as error:
            self.metrics.received("malformed")
            self.rooms.malformed(number, error, now)
        else:
            self.metrics.received("unknown" if message is None else type_of(message))
            self.rooms.received(number, message, len(data), now)
        self._act()

    def _act(self) -> None:
        for action in self.rooms.poll_actions():
            match action:
                case Send(sockets, message):
                    try:
                        data = encode(message)
                    except ProtocolError:
                        log.warning("A %s message is too large to be sent.", type_of(message))
                        continue
                    self.metrics.sent(message, len(sockets))
                    for number in sockets:
                        outbox = self._outboxes.get(number)
                        if outbox is not None:
                            outbox.put(data)
                case Close(number, code):
                    outbox = self._outboxes.get(number)
                    if outbox is not None:
                        outbox.close(code)
        self._set_timer()

    def _set_timer(self) -> None:
        due = self.rooms.next_timer()
        if self._timer is not None:
            if due is not None and self._timer.when() <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None and not self.stopping:
            self._timer = asyncio.get_running_loop().call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.rooms.handle_timer(self._now())
        self._act()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
