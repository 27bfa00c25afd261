"""What a running command tells: one line that is kept up to date for a person, JSON lines for a program."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

TELL_EVERY = 1.0
"""Seconds between two lines that say how it goes."""


def print_json(record: dict[str, Any]) -> None:
    """One JSON object on a line of its own, at once."""
    sys.stdout.write(json.dumps(record, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def rate(bits_per_second: float) -> str:
    """A bit rate for people."""
    if bits_per_second >= 1e6:
        return f"{bits_per_second / 1e6:.2f} Mbit/s"
    return f"{bits_per_second / 1e3:.0f} kbit/s"


def clock(seconds: float) -> str:
    """A duration as h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class StatusLine:
    """A line at the bottom of a terminal; nothing where there is no terminal, or where a program listens."""

    def __init__(self, json_lines: bool) -> None:
        self.json_lines = json_lines
        self._console: Console | None = None
        self._live: Live | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if not self.json_lines:
            from rich.console import Console  # which programs need not wait for

            self._console = Console(highlight=False)
            if self._console.is_terminal:
                from rich.live import Live

                self._live = Live(console=self._console, refresh_per_second=4, transient=True)
                self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    @property
    def running_for(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str, style: str = "") -> None:
        """A line that stays."""
        if self._console is not None:
            self._console.print(text, style=style, markup=False, soft_wrap=True)

    def update(self, text: str) -> None:
        """Replace the line that is kept up to date."""
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(text, style="dim", overflow="ellipsis", no_wrap=True))
