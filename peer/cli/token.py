"""The options of `braidcast token`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from peer.cli.ending import exit_unbuilt
from peer.cli.options import ROOM, Room


def create(
    secret_file: Annotated[
        Path, typer.Option(envvar="BRAIDCAST_SECRET_FILE", help="The introducer's secret.")
    ],
    room: Room = ROOM,
    permit: Annotated[str, typer.Option(help="watch,publish,relay,chat")] = "watch,chat",
    ttl: Annotated[str, typer.Option(help="How long it is good, such as 1h.")] = "1h",
) -> None:
    """Make a token (not built yet)."""
    exit_unbuilt("braidcast token: closed rooms with tokens")
