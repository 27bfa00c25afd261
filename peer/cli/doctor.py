"""The options of `braidcast doctor`."""

from __future__ import annotations

from peer.cli.ending import exit_unbuilt


def doctor() -> None:
    """What this machine and network can do (not built yet)."""
    exit_unbuilt("braidcast doctor")
