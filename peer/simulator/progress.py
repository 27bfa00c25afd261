"""How far a simulation is, on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

TELL_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class SimulationProgress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("simulating"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("simulating", total=1.0)
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, share: float) -> None:
        """`share` is from 0 to 1."""
        self._bar.update(self._task, completed=share)
        if not self._console.is_terminal and time.monotonic() - self._told >= TELL_EVERY:
            self._told = time.monotonic()
            self._console.print(f"simulated {100 * share:.0f} %")
