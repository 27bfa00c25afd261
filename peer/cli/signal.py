"""The options of `braidcast signal`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from peer.cli.ending import exit_after, exit_unbuilt
from peer.cli.options import Host, Ice, Json, Port


def signal(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    redis: Annotated[str | None, typer.Option(envvar="BRAIDCAST_REDIS", help="Not built yet.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_SECRET_FILE", help="Not built yet.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_TLS_CERT", help="Certificate for HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(envvar="BRAIDCAST_TLS_KEY", help="Its key.")] = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """The introducer and the web pages."""
    if redis is not None:
        exit_unbuilt("--redis: the cluster of introducers")
    if secret_file is not None:
        exit_unbuilt("--secret-file: closed rooms with tokens")

    from peer.commands.signal import signal as run_signal
    from peer.ice_servers import parse_ice_servers
    from signaling.server.config import Config

    async def command() -> int:
        ices = parse_ice_servers(ice_server or ())
        config = Config(host=host, port=port, ice_servers=ices, tls_cert=tls_cert, tls_key=tls_key)
        return await run_signal(config, json_lines)

    exit_after(command)
