"""An HTTP server for an origin that stands alone (`--http HOST:PORT`)."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from peer.media.hls import MEMORY_BYTES, WindowOptions
from peer.quantity import parse_amount, parse_time
from peer.running import CommandError

SHUTDOWN_TIMEOUT = 0.3
WILDCARDS = ("0.0.0.0", "::", "")
IN_MEMORY = 60.0
"""Seconds: a longer window is kept in files."""
LONGEST = 4 * 3600.0
"""Seconds: a whole playlist of more is too long to be made three times a second."""


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[v6]:PORT` or `:PORT`. Raises CommandError."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise CommandError(f"{text} is no address to listen on: give HOST:PORT, such as 0.0.0.0:8080.")
    return host.strip("[]"), int(port)


def origin_url(address: tuple[str, int], given: str | None) -> str:
    """Where viewers reach it. Raises CommandError when that must be said."""
    if given is not None:
        return given.rstrip("/")
    host, port = address
    if host in WILDCARDS:
        raise CommandError(
            "Viewers need to know where the origin is: say it with --http-url http://HOST:PORT."
        )
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def parse_window(seconds: str, folder: Path | None, size: str) -> WindowOptions:
    """How far back players may go (`30m`), where that is kept, and how much of it (`4G`).

    Raises CommandError.
    """
    window, most = parse_time(seconds), parse_amount(size)
    if window is None or window > LONGEST:
        raise CommandError(
            f"{seconds!r} is no window: give a number and s, m or h, such as 90s or 30m; at most 4h."
        )
    if most is None:
        raise CommandError(f"{size!r} is no size: give bytes, such as 500M or 4G.")
    if folder is None and window <= IN_MEMORY:
        return WindowOptions(window, None, min(most, MEMORY_BYTES))
    return WindowOptions(window, folder or Path(tempfile.gettempdir()), most)


@asynccontextmanager
async def serve(app: web.Application, address: tuple[str, int]) -> AsyncIterator[None]:
    """Listen until the block is left. Raises CommandError when that is not possible."""
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address[0] or None, address[1]).start()
        except OSError as error:
            raise CommandError(
                f"The origin cannot listen on {address[0]}:{address[1]}: {error.strerror}."
            ) from error
        yield
    finally:
        await runner.cleanup()


def origin_app(registry: CollectorRegistry) -> web.Application:
    """An application with `/healthz` and `/metrics`, to which streams are mounted."""
    app = web.Application()

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", metrics)
    return app
