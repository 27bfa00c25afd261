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
        self._now = now
        self._touched = now()
        self._marked = False

    def touched(self) -> None:
        """A key was pressed: all that stands on the screen was seen."""
        self.count = 0
        self._marked = False
        self._touched = self._now()

    def came(self) -> bool:
        """A message came; whether a line above it is to say that it begins what is new."""
        self.count += 1
        if self._marked or self._now() - self._touched < AWAY:
            return False
        self._marked = True
        return True
