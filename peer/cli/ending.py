"""How a command ends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import typer

from peer.running import FAILURE, run, say


def exit_after(command: Callable[[], Coroutine[Any, Any, int | None]]) -> NoReturn:
    """Run it and leave with its exit code."""
    raise typer.Exit(run(command))


def exit_unbuilt(what: str) -> NoReturn:
    """Say that this is still to come."""
    say(f"{what} is not built yet; the changelog tells what is.")
    raise typer.Exit(FAILURE)
