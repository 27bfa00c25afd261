"""The options of `braidcast chat`."""

from __future__ import annotations

from typing import Annotated

import typer

from peer.cli.ending import exit_after
from peer.cli.options import (
    ROOM,
    SERVER,
    FilesSize,
    Ice,
    Json,
    KeyFile,
    Owner,
    Room,
    Server,
    Store,
    Token,
    TokenFile,
)


def chat(
    server: Server = SERVER,
    room: Room = ROOM,
    nick: Annotated[str, typer.Option("--name", envvar="BRAIDCAST_NAME", help="What you are called.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", envvar="BRAIDCAST_FOLLOW", help="Go on after the end of the input.")
    ] = False,
    store: Store = None,
    files_size: FilesSize = "2G",
    owner: Owner = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Talk in a room: lines in, messages out."""
    from peer.chat_retention import parse_size
    from peer.commands.chat import chat as run_chat
    from peer.membership import membership

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        return await run_chat(place, nick, follow, store, parse_size(files_size), owner, json_lines)

    exit_after(command)
