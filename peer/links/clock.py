"""A virtual clock: what is scheduled happens when the time comes to it, and nothing waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Scheduled:
    """A call in the future, until it is cancelled."""

    at: float
    call: Callable[[], None] | None

    def cancel(self) -> None:
        self.call = None


class VirtualClock:
    """The time, in seconds, and all that is still to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Scheduled]] = []
        self._order = 0

    def schedule(self, at: float, call: Callable[[], None]) -> Scheduled:
        """Have `call` called at the time `at`, after all that was scheduled for the same time before."""
        scheduled = Scheduled(max(at, self.now), call)
        self._order += 1
        heapq.heappush(self._heap, (scheduled.at, self._order, scheduled))
        return scheduled

    def run_until(self, end: float) -> None:
        """Let everything happen that is due until `end`, which is the time then."""
        while self._heap and self._heap[0][0] <= end:
            at, _, scheduled = heapq.heappop(self._heap)
            self.now = at
            if scheduled.call is not None:
                scheduled.call()
        self.now = max(self.now, end)
