"""The options of `braidcast relay`."""

from __future__ import annotations

from typing import Annotated

import typer

from peer.cli.ending import exit_after, exit_unbuilt
from peer.cli.options import (
    ROOM,
    SERVER,
    FilesSize,
    Http,
    HttpUrl,
    Ice,
    Json,
    KeyFile,
    Owner,
    Room,
    Server,
    Store,
    Token,
    TokenFile,
    Window,
    WindowFolder,
    WindowSize,
    parse_rate,
)


def relay(
    server: Server = SERVER,
    room: Room = ROOM,
    stream: Annotated[
        list[str] | None, typer.Option(envvar="BRAIDCAST_STREAM", help="Streams to carry; all unless given.")
    ] = None,
    rendition: Annotated[
        list[str] | None,
        typer.Option(
            envvar="BRAIDCAST_RENDITION", help="Renditions to carry, such as 360p; all unless given."
        ),
    ] = None,
    uplink: Annotated[
        str | None, typer.Option(envvar="BRAIDCAST_UPLINK", help="What you give, such as 50M (bit/s).")
    ] = None,
    processes: Annotated[
        int, typer.Option(envvar="BRAIDCAST_PROCESSES", min=1, help="Only 1 is built yet.")
    ] = 1,
    store: Store = None,
    store_age: Annotated[
        str | None,
        typer.Option(envvar="BRAIDCAST_STORE_AGE", help="Forget what came longer ago, such as 30d or 12h."),
    ] = None,
    store_size: Annotated[
        str, typer.Option(envvar="BRAIDCAST_STORE_SIZE", help="Forget the oldest above so many bytes.")
    ] = "1G",
    files_size: FilesSize = "2G",
    http: Http = None,
    http_url: HttpUrl = None,
    window: Window = "12s",
    window_folder: WindowFolder = None,
    window_size: WindowSize = "4G",
    owner: Owner = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Carry a room's streams, without a screen, and keep its chat if told where."""
    if processes != 1:
        exit_unbuilt("--processes above 1")
    from peer.chat_retention import parse_retention, parse_size
    from peer.commands.relay import relay as run_relay
    from peer.hosting import parse_window
    from peer.membership import membership, name

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        given = None if uplink is None else parse_rate(uplink)
        streams = tuple(name(text, "stream") for text in stream or ())
        if http is not None and not streams:
            streams = ("main",)
        retention = parse_retention(store_age, store_size)
        back = parse_window(window, window_folder, window_size)
        renditions = tuple(name(text, "rendition") for text in rendition or ())
        return await run_relay(
            place,
            streams,
            renditions,
            given,
            http,
            http_url,
            back,
            store,
            retention,
            parse_size(files_size),
            owner,
            json_lines,
        )

    exit_after(command)
