"""Parts to the player: complete, in order, and never waiting longer than playing can."""

from __future__ import annotations

from peer.core.actions import Deliver, Gap
from peer.core.window import Window

PATIENCE = 1.0
"""Seconds that a part is waited for when no player tells its buffer."""
OVERDUE = 0.3
"""Seconds past its play deadline after which a part is given up for a later independent one."""


class Delivery:
    """Which part is next, and until when the player has something to show."""

    def __init__(self) -> None:
        self.next: int | None = None
        self._play_until: float | None = None
        self._waiting_since: float | None = None

    def begin(self) -> None:
        """Another epoch: start again at an independent part."""
        self.next = None
        self._waiting_since = None

    def buffer(self, seconds: float, now: float) -> None:
        """The player has `seconds` in front of it."""
        until = now + seconds
        if self._play_until is not None and self._waiting_since is not None:
            # A dry player says so again and again: what it waits for is due since the first time.
            until = min(until, self._play_until)
        self._play_until = until

    def deadline(self, now: float) -> float:
        """When the next part must be there."""
        if self._play_until is not None:
            return self._play_until
        return (self._waiting_since if self._waiting_since is not None else now) + PATIENCE

    def poll(self, window: Window, now: float) -> list[Deliver | Gap]:
        """What can be handed to the player now."""
        out: list[Deliver | Gap] = []
        if self.next is None:
            first = window.newest_independent(complete=True)
            if first is None:
                return out
            self.next = first.seal.number
        elif self._overdue(self.next, window, now):
            later = self._later_independent(self.next, window)
            if later is not None:
                out.append(Gap(later - self.next))
                self.next = later
        while (part := window.get(self.next)) is not None and part.complete:
            out.append(Deliver(part.raw, part.data()))
            if self._play_until is not None:
                self._play_until = max(self._play_until, now) + part.seal.duration / 1e6
            self.next += 1
            self._waiting_since = None
        if self._waiting_since is None and window.newest >= self.next:
            self._waiting_since = now
        return out

    def _overdue(self, next_part: int, window: Window, now: float) -> bool:
        if window.newest < next_part:
            return False
        return next_part < window.oldest or now > self.deadline(now) + OVERDUE

    def _later_independent(self, next_part: int, window: Window) -> int | None:
        for number in window.numbers(next_part + 1):
            part = window.get(number)
            if part is not None and part.complete and part.seal.independent:
                return number
        return None
