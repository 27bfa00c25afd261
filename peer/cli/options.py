"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from peer.quantity import parse_amount
from peer.running import CommandError

Server = Annotated[
    str, typer.Option(envvar="BRAIDCAST_SERVER", help="The introducer, such as http://host:8000.")
]
Room = Annotated[str, typer.Option(envvar="BRAIDCAST_ROOM", help="The room to join.")]
Token = Annotated[str | None, typer.Option(envvar="BRAIDCAST_TOKEN", help="A token that lets you in.")]
TokenFile = Annotated[Path | None, typer.Option(envvar="BRAIDCAST_TOKEN_FILE", help="A file with the token.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(envvar="BRAIDCAST_KEY_FILE", help="Your Ed25519 key, made if missing; it is your identity."),
]
Ice = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-server",
        envvar="BRAIDCAST_ICE_SERVER",
        help="stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT; may be repeated.",
    ),
]
Json = Annotated[bool, typer.Option("--json", envvar="BRAIDCAST_JSON", help="Print a JSON object a line.")]
Store = Annotated[
    Path | None, typer.Option(envvar="BRAIDCAST_STORE", help="Keep the room's chat in this folder.")
]
FilesSize = Annotated[
    str,
    typer.Option(
        envvar="BRAIDCAST_FILES_SIZE",
        help="Keep at most so many bytes of the chat's files; the oldest go first.",
    ),
]
Owner = Annotated[
    str | None,
    typer.Option(
        envvar="BRAIDCAST_OWNER",
        help="Whose moderation is in force: the link or key that the room's owner gives, or me.",
    ),
]
Stream = Annotated[str, typer.Option(envvar="BRAIDCAST_STREAM", help="The stream's name.")]
Http = Annotated[
    str | None,
    typer.Option(envvar="BRAIDCAST_HTTP", help="Serve as an origin on HOST:PORT (LL-HLS and parts)."),
]
HttpUrl = Annotated[
    str | None, typer.Option(envvar="BRAIDCAST_HTTP_URL", help="Where viewers reach that origin.")
]
Window = Annotated[
    str, typer.Option(envvar="BRAIDCAST_WINDOW", help="How far back players of LL-HLS may go, such as 30m.")
]
WindowFolder = Annotated[
    Path | None,
    typer.Option(
        envvar="BRAIDCAST_WINDOW_FOLDER",
        help="Where more than a minute of that is kept; unless given, where temporary files are.",
    ),
]
WindowSize = Annotated[
    str, typer.Option(envvar="BRAIDCAST_WINDOW_SIZE", help="Bytes that it may take; then it is shorter.")
]
Record = Annotated[
    Path | None,
    typer.Option(
        envvar="BRAIDCAST_RECORD", help="Write the stream to an MP4 file, which is plain at the end."
    ),
]
Port = Annotated[int, typer.Option(envvar="BRAIDCAST_PORT", min=0, max=65535, help="0 takes any free port.")]
Host = Annotated[str, typer.Option(envvar="BRAIDCAST_HOST", help="0.0.0.0 listens on all addresses.")]
SERVER, ROOM = "http://127.0.0.1:8000", "demo"
"""What is taken where nothing is said."""


def parse_rate(text: str) -> int:
    """Bits per second: `800k`, `50M`, `1500000`. Raises CommandError."""
    rate = parse_amount(text)
    if rate is None:
        raise CommandError(f"{text!r} is no bit rate: give bits per second, such as 800k or 50M.")
    return rate
