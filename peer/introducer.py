"""The client of an introducer: one WebSocket, opened again whenever it is lost (docs/protocol.md section 4).

`Introducer.run()` is the only task. What comes out are the introducer's messages and `Up` and `Down`; what
goes in is `send` for a message that is worth something now or not at all, and `announce`, `watch` and
`unwatch` for what is to hold, which the introducer is told again whenever it may have forgotten it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from typing import TypeVar

import aiohttp

from peer.identity import Identity
from peer.introducer_events import Down, Event, Fleeting, IntroducerError, Up, websocket_url
from peer.signing import TAG_JOIN, join_payload
from signaling.protocol import (
    MAX_MESSAGE,
    PROTOCOL_VERSION,
    Announce,
    Challenge,
    ClientMessage,
    ErrorCode,
    ErrorMessage,
    Hello,
    Leave,
    Ping,
    Pong,
    ProtocolError,
    Role,
    ServerMessage,
    Unwatch,
    Watch,
    Welcome,
    decode_server,
    encode,
    from_base64url,
    to_base64url,
)

__all__ = ["Down", "Event", "Fleeting", "Introducer", "IntroducerError", "Up", "websocket_url"]

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 256
JOIN_TIMEOUT = 10.0
SEND_TIMEOUT = 10.0
LEAVE_TIMEOUT = 0.5
SILENT_HEARTBEATS = 2.5
"""Without any message for so many heartbeats the socket counts as dead; every heartbeat is answered."""
RETRY_MIN = 0.5
RETRY_MAX = 15.0
STEADY_AFTER = 20.0
"""A socket that lived this long was a success: the next attempt comes soon again."""

_FINAL: frozenset[ErrorCode] = frozenset(
    {"version", "malformed", "too-large", "refused", "signature", "duplicate"}
)
"""Instead of a welcome these are for good."""
_FINAL_WHEN_IN: frozenset[ErrorCode] = frozenset({"version", "refused", "duplicate"})
"""In the room these end it: above all another program that joined with our key."""

_M = TypeVar("_M", bound=ServerMessage)


class _LostError(Exception):
    """The socket is gone; the message is one sentence."""


class Introducer:
    """Keeps one peer in one room. `handler` gets every event, in order, in the event loop's thread."""

    def __init__(
        self,
        server: str,
        room: str,
        identity: Identity,
        handler: Callable[[Event], object],
        *,
        role: Role = "viewer",
        name: str = "",
        token: str | None = None,
        capabilities: tuple[str, ...] = (),
        owner: bytes | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._url = websocket_url(server)
        self._room = room
        self._identity = identity
        self._handler = handler
        self._role: Role = role
        self.name = name
        """Told at the next joining."""
        self._token = token
        self._capabilities = list(capabilities)
        self._owner = None if owner is None else to_base64url(owner)
        self._chance = chance
        self.nonce = secrets.token_bytes(16)
        """Of our hellos. It stays the same, so that introductions made before a dropped socket stay good."""
        self.is_up = False
        self._session: str | None = None
        self._was_up = False
        self._failures = 0
        self._closing = asyncio.Event()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        self._announced: dict[str, Announce] = {}
        self._watched: dict[tuple[str, str], Watch] = {}
        self._told: set[tuple[str, str]] = set()
        """The watches that the introducer was told in this session."""

    # What is told the introducer.

    def send(self, message: Fleeting) -> bool:
        """Queue a message; False when it was not taken: the introducer is away, or too much waits already."""
        return self.is_up and self._put(message)

    def announce(self, stream: str, description: bytes) -> None:
        """Have `description` (signed, of `stream`) known in the room."""
        message = self._announced[stream] = Announce(to_base64url(description))
        self._put_if_up(message)

    def watch(
        self,
        stream: str,
        rendition: str,
        *,
        carry: bool = True,
        uplink: int | None = None,
        parity: bool = False,
    ) -> None:
        """Hold a place in a braid; again with other arguments changes it."""
        message = self._watched[stream, rendition] = Watch(stream, rendition, carry, uplink, parity)
        self._put_if_up(message)

    def unwatch(self, stream: str, rendition: str) -> None:
        """Give the place in a braid up."""
        if self._watched.pop((stream, rendition), None) is not None:
            self._put_if_up(Unwatch(stream, rendition))

    # Its life.

    async def run(self) -> None:
        """Stay in the room until `close` is called.

        Raises IntroducerError when the introducer refuses us for a reason that stays.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=JOIN_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not self._closing.is_set():
                sentence = await self._attempt_until_closing(session)
                if self._closing.is_set():
                    return
                retry = self._retry_after()
                self._tell(Down(sentence, retry))
                await _wait(self._closing, retry)

    def close(self) -> None:
        """Leave the room; `run` returns soon."""
        self._closing.set()

    # Inside.

    async def _attempt_until_closing(self, session: aiohttp.ClientSession) -> str:
        attempt = asyncio.create_task(self._attempt(session))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({attempt, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not self.is_up and not attempt.done():
                return ""
            return await attempt
        finally:
            attempt.cancel()
            closing.cancel()
            await asyncio.gather(attempt, closing, return_exceptions=True)

    async def _attempt(self, session: aiohttp.ClientSession) -> str:
        """Join and stay as long as it goes. Returns the sentence that says why it ended."""
        loop = asyncio.get_running_loop()
        joined_at: float | None = None
        try:
            async with session.ws_connect(
                self._url,
                max_msg_size=2 * MAX_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            ) as socket:
                try:
                    async with asyncio.timeout(JOIN_TIMEOUT):
                        welcome = await self._join(socket)
                except TimeoutError:
                    raise _LostError("The introducer does not answer.") from None
                joined_at = loop.time()
                await self._stay(socket, welcome)
        except _LostError as error:
            return str(error)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"The introducer at {self._url} cannot be reached: {_reason(error)}."
        finally:
            self.is_up = False
            self._queue = asyncio.Queue(QUEUE_LIMIT)
            if joined_at is not None and loop.time() - joined_at >= STEADY_AFTER:
                self._failures = 0
        return "The introducer has closed the connection."

    async def _join(self, socket: aiohttp.ClientWebSocketResponse) -> Welcome:
        challenge = await self._expect(socket, Challenge)
        if PROTOCOL_VERSION not in challenge.versions:
            spoken = ", ".join(str(version) for version in challenge.versions)
            raise IntroducerError(
                "version",
                f"The introducer speaks version {spoken} of the protocol, this program {PROTOCOL_VERSION}: "
                "update the older one.",
            )
        payload = join_payload(self._room, from_base64url(challenge.nonce), self._identity.key, self.nonce)
        hello = Hello(
            version=PROTOCOL_VERSION,
            room=self._room,
            key=to_base64url(self._identity.key),
            nonce=to_base64url(self.nonce),
            signature=to_base64url(self._identity.sign(TAG_JOIN, payload)),
            role=self._role,
            capabilities=self._capabilities,
            name=self.name,
            token=self._token,
            session=self._session,
            owner=self._owner,
        )
        await socket.send_str(encode(hello).decode())
        return await self._expect(socket, Welcome)

    async def _expect(self, socket: aiohttp.ClientWebSocketResponse, kind: type[_M]) -> _M:
        """The next message, which has to be a `kind`; an error ends the attempt."""
        while True:
            message = await self._receive(socket)
            if isinstance(message, kind):
                return message
            if isinstance(message, ErrorMessage):
                self._refused(message)
                raise _LostError(message.message)

    def _refused(self, error: ErrorMessage) -> None:
        """Raise IntroducerError if an error that came instead of a welcome is for good."""
        if error.code == "unknown-session":
            self._session = None
        elif error.code in _FINAL or (error.code == "room-full" and not self._was_up):
            raise IntroducerError(error.code, error.message)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> ServerMessage | None:
        """The next message; None for one that is not understood. Raises _LostError at the end."""
        frame = await socket.receive()
        if frame.type is aiohttp.WSMsgType.TEXT:
            try:
                return decode_server(frame.data)
            except ProtocolError as error:
                logger.warning("A message of the introducer is ignored. %s", error.sentence)
                return None
        if frame.type is aiohttp.WSMsgType.BINARY:
            logger.warning("A message of the introducer is ignored: it is not a text.")
            return None
        raise _LostError("The introducer has closed the connection.")

    async def _stay(self, socket: aiohttp.ClientWebSocketResponse, welcome: Welcome) -> None:
        resumed = welcome.session == self._session
        self._session = welcome.session
        self.is_up = self._was_up = True
        if not resumed:
            self._told.clear()
        self._tell_again()
        self._tell(Up(welcome, resumed))
        closer = asyncio.create_task(self._leave_when_closing(socket))
        writer = asyncio.create_task(self._write(socket, max(welcome.heartbeat, 1.0)))
        try:
            await self._read(socket, max(welcome.heartbeat, 1.0) * SILENT_HEARTBEATS)
        finally:
            for task in (closer, writer):
                task.cancel()
            await asyncio.gather(closer, writer, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, patience: float) -> None:
        fatal: ErrorMessage | None = None
        while True:
            try:
                async with asyncio.timeout(patience):
                    message = await self._receive(socket)
            except TimeoutError:
                raise _LostError("The introducer has fallen silent.") from None
            except _LostError:
                if fatal is None:
                    raise
                if fatal.code in _FINAL_WHEN_IN:
                    raise IntroducerError(fatal.code, fatal.message) from None
                raise _LostError(fatal.message) from None
            match message:
                case None | Pong() | Challenge() | Welcome():
                    continue
                case ErrorMessage(fatal=True):
                    fatal = message
                case _:
                    self._tell(message)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse, heartbeat: float) -> None:
        loop = asyncio.get_running_loop()
        next_ping = loop.time() + heartbeat
        ping, leave = encode(Ping()), encode(Leave())
        try:
            while True:
                try:
                    async with asyncio.timeout_at(next_ping):
                        data = await self._queue.get()
                except TimeoutError:
                    next_ping = loop.time() + heartbeat
                    data = ping
                async with asyncio.timeout(SEND_TIMEOUT):
                    await socket.send_str(data.decode())
                if data == leave:
                    await socket.close()
                    return
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            logger.debug("Nothing more can be sent to the introducer: %r", error)
            await socket.close()

    async def _leave_when_closing(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self._closing.wait()
        if self._put(Leave()):
            await asyncio.sleep(LEAVE_TIMEOUT)  # for the writer, which closes the socket after it
        await socket.close()

    def _tell_again(self) -> None:
        """What is to hold is told on every new socket: the last messages on the old one may be lost."""
        for stream, rendition in self._told - self._watched.keys():
            self._put(Unwatch(stream, rendition))
        self._told.clear()
        for announce in self._announced.values():
            self._put(announce)
        for watch in self._watched.values():
            self._put_if_up(watch)

    def _put_if_up(self, message: Announce | Watch | Unwatch) -> None:
        if self.is_up:
            if isinstance(message, Watch):
                self._told.add((message.stream, message.rendition))
            elif isinstance(message, Unwatch):
                self._told.discard((message.stream, message.rendition))
            self._put(message)

    def _put(self, message: ClientMessage) -> bool:
        try:
            self._queue.put_nowait(encode(message))
        except asyncio.QueueFull:
            logger.warning("A message to the introducer is dropped: %d wait already.", QUEUE_LIMIT)
            return False
        except ProtocolError as error:
            logger.warning("A message to the introducer is dropped. %s", error.sentence)
            return False
        return True

    def _retry_after(self) -> float:
        longest: float = min(RETRY_MIN * 2**self._failures, RETRY_MAX)
        self._failures = min(self._failures + 1, 16)
        return longest * (0.5 + 0.5 * self._chance())

    def _tell(self, event: Event) -> None:
        try:
            self._handler(event)
        except Exception:
            # A message that trips our own code must not cost the place in the room.
            logger.exception("An event of the introducer could not be dealt with.")


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"it answered {error.status} instead of opening a WebSocket"
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


async def _wait(event: asyncio.Event, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        pass  # the time-out is what is waited for
