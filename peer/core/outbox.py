"""What waits for one child: bounded by age, never by hope."""

from __future__ import annotations

from collections import deque

IN_FLIGHT = 128 * 1024
"""Bytes handed to a link before it has to drain; the rest waits here, where it can still be dropped."""
MAX_AGE = 1.0
"""Seconds that the oldest unsent block may wait; a child behind that loses the stripe."""
MAX_BYTES = 8 * 1024 * 1024


class Outbox:
    """Blocks for one peer, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: deque[tuple[float, int, bytes]] = deque()
        self._in_flight = 0
        self.waiting = 0
        """Bytes that were not handed to the link yet."""

    def put(self, stripe: int, message: bytes, now: float) -> None:
        self._queue.append((now, stripe, message))
        self.waiting += len(message)

    def drained(self, buffered: int) -> None:
        """The link says how many bytes it still holds."""
        self._in_flight = buffered

    def take(self) -> list[bytes]:
        """What the link can take now."""
        out = []
        while self._queue and self._in_flight < IN_FLIGHT:
            _, _, message = self._queue.popleft()
            self.waiting -= len(message)
            self._in_flight += len(message)
            out.append(message)
        return out

    def late(self, now: float) -> int | None:
        """The stripe of the oldest block when it has waited too long or too much waits."""
        if self._queue and (now - self._queue[0][0] > MAX_AGE or self.waiting > MAX_BYTES):
            return self._queue[0][1]
        return None

    def drop(self, stripe: int) -> int:
        """Forget what waits for `stripe`; returns how many blocks that were."""
        kept = [entry for entry in self._queue if entry[1] != stripe]
        dropped = len(self._queue) - len(kept)
        self._queue = deque(kept)
        self.waiting = sum(len(entry[2]) for entry in kept)
        return dropped
