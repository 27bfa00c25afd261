"""A virtual clock: what is scheduled happens when the time comes to it, and nothing waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
        self.events = 0
        """How many things have happened."""
        self._heap: list[tuple[float, int, Callable[..., None] | Scheduled, tuple[Any, ...]]] = []
        self._order = 0

    def schedule(self, at: float, call: Callable[[], None]) -> Scheduled:
        """Have `call` called at the time `at`, after all that was scheduled for the same time before."""
        scheduled = Scheduled(max(at, self.now), call)
        self._order += 1
        heapq.heappush(self._heap, (scheduled.at, self._order, scheduled, ()))
        return scheduled

    def post(self, at: float, call: Callable[..., None], *arguments: Any) -> None:
        """As `schedule`, for what is never cancelled and must cost little."""
        self._order += 1
        heapq.heappush(self._heap, (at if at > self.now else self.now, self._order, call, arguments))

    def run_until(self, end: float) -> None:
        """Let everything happen that is due until `end`, which is the time then."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end:
            self.now, _, call, arguments = pop(heap)
            self.events += 1
            if not isinstance(call, Scheduled):
                call(*arguments)
            elif call.call is not None:
                call.call()
        self.now = max(self.now, end)
