"""Things to do later, by the time that is passed in."""

import heapq
from collections.abc import Callable


class Timers:
    """A queue of callbacks; each is called once, with the time."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    def at(self, when: float, callback: Callable[[float], None]) -> None:
        """Call `callback` at `when`; it has to see for itself whether there is still anything to do."""
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, callback))

    def next(self) -> float | None:
        """When the next callback is due."""
        return self._queue[0][0] if self._queue else None

    def run(self, now: float) -> None:
        """Call what is due."""
        while self._queue and self._queue[0][0] <= now:
            heapq.heappop(self._queue)[2](now)
