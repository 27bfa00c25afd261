"""The options of `braidcast identity`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from peer.cli.ending import exit_after

KeyFile = Annotated[
    Path, typer.Option(envvar="BRAIDCAST_KEY_FILE", help="The Ed25519 key that is your identity.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        envvar="BRAIDCAST_PASSPHRASE_FILE", help="A file with the passphrase, which else is asked for."
    ),
]


def export(
    key_file: KeyFile,
    out: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_OUT", help="Write it to this file, not to the terminal.")
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Print your identity as text that another device imports: braidcast, or a page."""
    from peer.commands.identity import export_key

    async def command() -> int:
        return export_key(key_file, out, passphrase_file)

    exit_after(command)


def bring(
    source: Annotated[str, typer.Argument(help="The file with the exported identity; - reads the input.")],
    key_file: KeyFile,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a key file from an exported identity."""
    from peer.commands.identity import import_key

    async def command() -> int:
        return import_key(source, key_file, passphrase_file)

    exit_after(command)
