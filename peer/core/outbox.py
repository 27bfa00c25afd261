"""What waits for one child: bounded by when it has to be played, never by hope."""

from __future__ import annotations

from collections import deque

IN_FLIGHT = 128 * 1024
"""Bytes handed to a link before it has to drain; the rest waits here, where it can still be dropped."""
LEAVE_WITHIN = 0.6
"""Seconds in which a block has to leave. Who plays a second behind has 0.4 s left to find another parent."""
KEY_FRAME = 0.6
"""Seconds more for a part that begins with a key frame: it is as large as several others together."""
BACKLOG = 2.0
"""Seconds in which the past has to leave that a new child is given at once."""
BUSY_AFTER = 0.1
"""Seconds for which something has waited when there is nothing to spare for requests."""
REQUESTED = -1
"""Stands for the stripe of blocks that were asked for one by one."""
MAX_BYTES = 8 * 1024 * 1024


class Outbox:
    """Blocks for one peer, in the order in which they came: some are in the link's buffer, the rest waits."""

    def __init__(self) -> None:
        self._queue: deque[tuple[float, int, bytes]] = deque()
        """(when it has to have left, stripe, message)"""
        self._handed: deque[tuple[float, int, int]] = deque()
        """(when it has to have left, stripe, bytes) of what may still be in the link's buffer."""
        self._handed_bytes = 0
        self._in_flight = 0
        self._relieved_until = 0.0
        self.waiting = 0
        """Bytes that were not handed to the link yet."""

    @property
    def empty(self) -> bool:
        """Whether everything has left, as far as is known."""
        return not self._queue and not self._handed

    def put(self, stripe: int, message: bytes, leave_by: float) -> None:
        """Have `message` leave, by `leave_by` or soon after what is before it."""
        last = self._queue[-1] if self._queue else self._handed[-1] if self._handed else None
        # What stands behind something that has more time cannot have less.
        self._queue.append((max(leave_by, last[0]) if last is not None else leave_by, stripe, message))
        self.waiting += len(message)

    def drained(self, buffered: int) -> int:
        """The link says how many bytes it still holds; returns how many it has let go since it last did."""
        left = max(0, self._in_flight - buffered)
        self._in_flight = buffered
        while self._handed and self._handed_bytes - self._handed[0][2] >= buffered:
            self._handed_bytes -= self._handed.popleft()[2]
        return left

    def full(self) -> bool:
        """Whether the link takes nothing more now."""
        return self._in_flight >= IN_FLIGHT

    def take(self) -> list[bytes]:
        """What the link can take now."""
        out = []
        while self._queue and self._in_flight < IN_FLIGHT:
            leave_by, stripe, message = self._queue.popleft()
            size = len(message)
            self.waiting -= size
            self._in_flight += size
            self._handed.append((leave_by, stripe, size))
            self._handed_bytes += size
            out.append(message)
        return out

    def overflows(self) -> bool:
        """Whether more waits than anybody may have waiting."""
        return self.waiting > MAX_BYTES

    def late(self, now: float) -> int | None:
        """The stripe of the oldest block that should have left, or that of the last when too much waits."""
        if self.overflows():
            return self._queue[-1][1]
        oldest = self._oldest()
        if oldest is not None and now > max(oldest[0], self._relieved_until):
            return oldest[1]
        return None

    def busy(self, now: float) -> bool:
        """Whether something has been waiting for a while."""
        oldest = self._oldest()
        return oldest is not None and oldest[0] - now < LEAVE_WITHIN - BUSY_AFTER

    def waits_since(self) -> float:
        """When the oldest that waits came, or somewhat later."""
        oldest = self._oldest()
        return oldest[0] - LEAVE_WITHIN if oldest is not None else float("inf")

    def relieve(self, now: float) -> None:
        """Less comes from now on: what is in the link's buffer gets the time to leave."""
        self._relieved_until = now + LEAVE_WITHIN

    def drop(self, stripe: int) -> int:
        """Forget what waits for `stripe`; returns how many blocks that were."""
        kept = [entry for entry in self._queue if entry[1] != stripe]
        dropped = len(self._queue) - len(kept)
        self._queue = deque(kept)
        self.waiting = sum(len(entry[2]) for entry in kept)
        return dropped

    def _oldest(self) -> tuple[float, int, object] | None:
        """When what has waited longest has to have left, and its stripe."""
        return self._handed[0] if self._handed else self._queue[0] if self._queue else None
