"""What somebody at a terminal has not read yet."""

from __future__ import annotations

import time
from collections.abc import Callable

AWAY = 60.0
"""Seconds without a key, after which what comes has not been read."""


class Unread:
    """What has come since a key was pressed last."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self.calls = 0
        """Those that mention the reader."""
        self._now = now
        self._touched = now()
        self._marked = False

    def touched(self) -> None:
        """A key was pressed: all that stands on the screen was seen."""
        self.count = self.calls = 0
        self._marked = False
        self._touched = self._now()

    def came(self, calls: bool = False) -> bool:
        """A message came, perhaps one that calls the reader; whether a line is to say that there is news."""
        self.count += 1
        self.calls += calls
        if self._marked or self._now() - self._touched < AWAY:
            return False
        self._marked = True
        return True
