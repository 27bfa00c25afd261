"""The options of `braidcast watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from peer.cli.ending import exit_after
from peer.cli.options import (
    ROOM,
    SERVER,
    Ice,
    Json,
    KeyFile,
    Record,
    Room,
    Server,
    Stream,
    Token,
    TokenFile,
)


def watch(
    server: Server = SERVER,
    room: Room = ROOM,
    stream: Stream = "main",
    rendition: Annotated[
        str | None,
        typer.Option(
            envvar="BRAIDCAST_RENDITION", help="Which rendition, such as 360p; the best unless given."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(envvar="BRAIDCAST_SECONDS", min=0.1, help="Stop after so long.")
    ] = None,
    record: Record = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Watch without a screen, relaying as every viewer does."""
    from peer.commands.watch import watch as run_watch
    from peer.membership import membership, name

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        chosen = None if rendition is None else name(rendition, "rendition")
        return await run_watch(place, name(stream, "stream"), chosen, seconds, record, json_lines)

    exit_after(command)
