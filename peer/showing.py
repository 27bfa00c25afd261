"""What a running command tells: one line that is kept up to date for a person, JSON lines for a program."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text


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
    """A line at the bottom of a terminal; nothing where there is no terminal."""

    def __init__(self, json_lines: bool) -> None:
        self.json_lines = json_lines
        self._console = Console(stderr=json_lines, highlight=False)
        self._live: Live | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self.json_lines:
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
        if not self.json_lines:
            self._console.print(text, style=style, markup=False, soft_wrap=True)

    def update(self, text: str) -> None:
        """Replace the line that is kept up to date."""
        if self._live is not None:
            self._live.update(Text(text, style="dim", overflow="ellipsis", no_wrap=True))
