"""A port of this machine that leads to one inside the bed: for debuggers and counters, never for media."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from socket import socket

CHUNK = 65536


@asynccontextmanager
async def doorway(inside: Callable[[], socket], host: str, port: int) -> AsyncIterator[int]:
    """Yields the port on 127.0.0.1; `inside` makes a socket of the namespace in which `host` is."""
    passing: set[asyncio.Task[None]] = set()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await _pass(reader, writer, inside(), host, port)
        finally:
            passing.discard(task)
            writer.close()

    server = await asyncio.start_server(passed, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        await server.wait_closed()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: socket, host: str, port: int
) -> None:
    try:
        await asyncio.get_running_loop().sock_connect(there, (host, port))
        far_reader, far_writer = await asyncio.open_connection(sock=there)
    except BaseException:
        there.close()
        raise
    ways = [
        asyncio.create_task(_copy(reader, far_writer), name="doorway in"),
        asyncio.create_task(_copy(far_reader, writer), name="doorway out"),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
