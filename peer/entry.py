"""What the `braidcast` command begins with: small, so that Ctrl-C is quiet even while the rest is loaded."""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130


def main() -> None:
    """The entry point."""
    # Loading takes half a second, and nothing needs an orderly end before a command runs and takes over.
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from peer.cli.app import main as command

    command()
