"""The introducer as an aiohttp application, alone or together with others' routes."""

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from signaling.server.api import Api
from signaling.server.config import Config, SignalingError
from signaling.server.pages import Pages
from signaling.server.sockets import Introducer

INTRODUCER: web.AppKey[Introducer] = web.AppKey("introducer", Introducer)
SHUTDOWN_TIMEOUT = 0.3
BACKLOG = 1_024


@dataclass(frozen=True, slots=True)
class Running:
    """An introducer that listens."""

    app: web.Application
    host: str
    port: int
    secure: bool

    @property
    def url(self) -> str:
        """Where people and peers find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def create_app(config: Config) -> web.Application:
    """An application with the WebSocket, the API and the pages. More routes may be added before it starts."""
    introducer = Introducer(config)
    app = web.Application()
    app[INTRODUCER] = introducer

    async def stop(_app: web.Application) -> None:
        await introducer.stop()

    app.on_shutdown.append(stop)
    app.router.add_get("/ws", introducer.handle)
    app.router.add_routes(Api(introducer).routes())
    app.router.add_routes(Pages(config.pages).routes())
    return app


@asynccontextmanager
async def run(config: Config, app: web.Application | None = None) -> AsyncIterator[Running]:
    """Listen until the block is left. `app` is one of `create_app`, or it is made.

    Raises:
        SignalingError: it cannot listen there, or the certificate cannot be used.
    """
    context = tls_context(config)
    app = create_app(config) if app is None else app
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, config.host, config.port, ssl_context=context, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            raise SignalingError(listen_problem(config, error)) from error
        port = next((address[1] for address in runner.addresses if len(address) >= 2), config.port)
        yield Running(app, config.host, port, context is not None)
    finally:
        await runner.cleanup()


def tls_context(config: Config) -> ssl.SSLContext | None:
    """What HTTPS is served with; None without a certificate.

    Raises:
        SignalingError: a file is missing or is not what it should be.
    """
    if config.tls_cert is None and config.tls_key is None:
        return None
    if config.tls_cert is None or config.tls_key is None:
        raise SignalingError("HTTPS needs both a certificate and its key: give --tls-cert and --tls-key.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SignalingError(
            f"The certificate {config.tls_cert} and the key {config.tls_key} cannot be used: {error}."
        ) from error
    return context


def listen_problem(config: Config, error: OSError) -> str:
    """Why one cannot listen, and what to do."""
    where = f"{config.host} port {config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {config.port} is in use on {config.host}: choose another one with --port."
    if error.errno == errno.EACCES:
        return f"Listening on {where} is not permitted: choose a port from 1024 on with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {config.host}: choose another one with --host."
    return f"Listening on {where} failed: {error.strerror or error}."
