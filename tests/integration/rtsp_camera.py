"""A camera with RTSP: what a real ffmpeg records into this small server is played to whoever asks for it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found"}


@dataclass
class Request:
    method: str
    headers: dict[str, str]
    body: bytes


async def read_message(reader: asyncio.StreamReader) -> Request | bytes:
    """A request, or an interleaved packet with its four bytes in front (RFC 2326, section 10.12)."""
    first = await reader.readexactly(1)
    if first == b"$":
        head = await reader.readexactly(3)
        return first + head + await reader.readexactly(int.from_bytes(head[1:], "big"))
    lines = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(lines[0].split(" ")[0], headers, body)


@dataclass
class Camera:
    """The server; plays nothing while nobody records."""

    password: str | None = None
    """Asked of players as `user:password` in base64 (RFC 2617), if given."""
    mute: bool = False
    """Players get no packets, and the connection stays."""
    recording: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while somebody records."""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    transports: list[str] = field(default_factory=list)
    _sdp: bytes = b""
    _players: set[asyncio.StreamWriter] = field(default_factory=set)
    _connections: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/yard"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recording = False
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await read_message(reader)
                if isinstance(message, bytes):
                    if recording and not self.mute:
                        for player in self._players:
                            player.write(message)
                    continue
                self.answer(message, writer)
                if message.method == "RECORD":
                    recording = True
                    self.recording.set()
        del self._connections[task]
        self._players.discard(writer)
        writer.close()
        if recording:
            self._sdp = b""
            self.recording.clear()
            for player in self._players:
                player.close()

    def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request.method)
        status, headers, body = 200, {"CSeq": request.headers["cseq"], "Session": "1"}, b""
        if request.method == "ANNOUNCE":
            self._sdp = request.body
        elif request.method == "OPTIONS":
            headers["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, ANNOUNCE, RECORD"
        elif request.method == "DESCRIBE":
            if self.password is not None and self.password not in request.headers.get("authorization", ""):
                status, headers["WWW-Authenticate"] = 401, 'Basic realm="yard"'
            elif not self._sdp:
                status = 404
            else:
                headers |= {"Content-Type": "application/sdp", "Content-Base": f"{self.url}/"}
                body = self._sdp
        elif request.method == "SETUP":
            transport = re.sub(";mode=[a-z]+", "", request.headers["transport"])
            self.transports.append(transport)
            headers["Transport"] = transport
        lines = [
            f"RTSP/1.0 {status} {REASONS[status]}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        lines += [f"Content-Length: {len(body)}"] if body else []
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        if request.method == "PLAY":
            self._players.add(writer)

    async def close(self) -> None:
        connections = dict(self._connections)
        for writer in connections.values():
            writer.close()
        await asyncio.gather(*connections)


@asynccontextmanager
async def camera(password: str | None = None) -> AsyncIterator[Camera]:
    """A camera that listens."""
    serving = Camera(password)
    server = await asyncio.start_server(serving.serve, "127.0.0.1", 0)
    serving.port = server.sockets[0].getsockname()[1]
    try:
        yield serving
    finally:
        server.close()
        await serving.close()
        await server.wait_closed()
