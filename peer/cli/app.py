"""The `braidcast` command: all its commands, by name."""

from __future__ import annotations

import sys

import typer

from peer.cli.chat import chat
from peer.cli.demo import demo
from peer.cli.doctor import doctor
from peer.cli.identity import bring, export
from peer.cli.publish import publish
from peer.cli.relay import relay
from peer.cli.signal import signal
from peer.cli.simulate import simulate
from peer.cli.token import create
from peer.cli.watch import watch

app = typer.Typer(
    help="Live video that its viewers carry for each other, with chat over the same links.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
token_app = typer.Typer(help="Tokens for closed rooms.", no_args_is_help=True)
app.add_typer(token_app, name="token")
identity_app = typer.Typer(help="Your identity on another device.", no_args_is_help=True)
app.add_typer(identity_app, name="identity")

for command in (demo, signal, publish, relay, watch, chat, simulate, doctor):
    app.command()(command)
token_app.command()(create)
identity_app.command()(export)
identity_app.command("import")(bring)


def main() -> None:
    """Read the command line and do what it says."""
    sys.exit(app())
