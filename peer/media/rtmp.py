"""RTMP that is listened for: one encoder at a time, who knows the stream key."""

import asyncio
import contextlib
import hmac
import logging
import time
from typing import Self

import av
from av.container import InputContainer

from peer.media.connection import Arriving, Connection
from peer.media.feed import Feed
from peer.media.pace import Stop
from peer.media.rtmp_chunks import RtmpError
from peer.media.rtmp_session import FLV_HEADER, Ended, Publish, RtmpSession, Tag
from peer.media.source import RtmpInput, listening_error

log = logging.getLogger(__name__)

_OPTIONS = {"analyzeduration": "500000", "fpsprobesize": "0"}
_MAX_CLIENTS = 16
_ENTRY_TIMEOUT = 10.0
"""Seconds in which a client has to begin to publish."""
_SILENCE_TIMEOUT = 10.0
"""Seconds without a byte after which an encoder is gone."""
_FAREWELL = 1.0
_SEND_TIMEOUT = 5.0
_RECENT = 3.0
"""Seconds of silence after which somebody else may take an encoder's place without a key."""
_READ = 1 << 16


class _Encoder:
    """Who publishes now."""

    def __init__(self, stop: Stop) -> None:
        self.feed = Feed(stop)
        self.heard = time.monotonic()


class RtmpListener:
    """A server for encoders: in the event loop, while entered; the source's thread calls `connect`."""

    patience = None

    def __init__(self, source: RtmpInput, stop: Stop) -> None:
        self._source = source
        self._stop = stop
        self._clients: set[asyncio.Task[None]] = set()
        self._encoder: _Encoder | None = None
        self._taken: _Encoder | None = None
        """The encoder that the source's thread has seen last."""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        host, port = self._source.host, self._source.port
        try:
            self._server = await asyncio.start_server(self._come, host, port)
        except OSError as error:
            raise listening_error(host, port, error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def connect(self) -> Connection | None:
        """Wait for an encoder; None when what one sent cannot be read. Raises StoppedError."""
        while (encoder := self._encoder) is None or encoder is self._taken:
            self._stop.wait(0.05)
        self._taken = encoder
        try:
            container = av.open(encoder.feed, "r", format="flv", options=_OPTIONS)
            return _Fed(container, encoder.feed, self._stop)
        except av.error.FFmpegError as error:
            self._stop.check()
            log.warning("An RTMP encoder sends nothing that can be read: %s.", error.strerror)
            encoder.feed.close()
            return None

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= _MAX_CLIENTS:
            writer.close()
            return
        client = asyncio.create_task(self._serve(reader, writer), name="RTMP client")
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
            log.debug("an RTMP client has gone: %r", error)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _SEND_TIMEOUT)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session, encoder = RtmpSession(), None
        deadline = time.monotonic() + _ENTRY_TIMEOUT
        try:
            while True:
                patience = _SILENCE_TIMEOUT if encoder is not None else deadline - time.monotonic()
                data = await asyncio.wait_for(reader.read(_READ), patience)
                if not data or (encoder is not None and encoder.feed.closed):
                    return
                refusal = None
                try:
                    events = session.receive(data)
                except RtmpError as error:
                    events, refusal = [], str(error)
                    # Whoever scans ports says nothing to whoever publishes.
                    level = logging.INFO if encoder is None else logging.WARNING
                    log.log(level, "An RTMP client was refused: %s", error)
                    session.refuse(refusal, "NetStream.Publish.Rejected")
                for event in events:
                    if isinstance(event, Tag) and encoder is not None:
                        encoder.heard = time.monotonic()
                        await encoder.feed.put(event.data)
                    elif isinstance(event, Publish):
                        refusal = self._objection(event.path)
                        if refusal is not None:
                            log.warning("An RTMP encoder was refused: %s", refusal)
                            session.refuse(refusal)
                            break
                        encoder = await self._admit(session)
                    elif isinstance(event, Ended):
                        refusal = ""
                await _send(writer, session.data_to_send())
                if refusal == "":
                    if encoder is not None:
                        encoder.feed.close()
                    await _hear_out(reader)
                if refusal is not None:
                    return
        finally:
            if encoder is not None:
                encoder.feed.close()

    def _objection(self, path: str) -> str | None:
        """Why somebody may not publish there now; None if they may."""
        app, key = self._source.app, self._source.key
        if key and not hmac.compare_digest(path.encode(), f"{app}/{key}".encode()):
            if path.split("/")[0].partition("?")[0] == app:
                return "The stream key is not the right one."
            return f"The server's address ends in /{app}."
        if not key and path != app and not path.startswith((f"{app}/", f"{app}?")):
            return f"The server's address ends in /{app}."
        current = self._encoder
        busy = current is not None and not current.feed.closed
        if not key and busy and current is not None and time.monotonic() - current.heard < _RECENT:
            return "Somebody else publishes here already."
        return None

    async def _admit(self, session: RtmpSession) -> _Encoder:
        """Let an encoder in; one who knows the key, or comes after silence, takes the place of the last."""
        if self._encoder is not None:
            self._encoder.feed.close()
        encoder = _Encoder(self._stop)
        await encoder.feed.put(FLV_HEADER)
        session.accept()
        self._encoder = encoder
        return encoder


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Let a client that has ended say the rest: to have its connection closed meanwhile is an error to it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            while await reader.read(_READ):
                pass


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(data)
        await asyncio.wait_for(writer.drain(), _SEND_TIMEOUT)


class _Fed(Arriving):
    """A connection whose container reads from a feed."""

    def __init__(self, container: InputContainer, feed: Feed, stop: Stop) -> None:
        super().__init__(container, stop)
        self._feed = feed

    def close(self) -> None:
        self._feed.close()
        super().close()
