"""A player without a picture: what a headless viewer would have shown, and when it would have stalled."""

from __future__ import annotations

from collections import deque

GUARD = 0.15
"""Seconds of media kept in front of the playhead."""
STALL = 0.2
"""Seconds without a new frame that count as a stall (DESIGN.md section 4)."""
SKIP_AHEAD = 1.5
"""Seconds of surplus buffer beyond the guard that are jumped over at any time."""
SETTLING = 4.0
"""Seconds after the start within which any clear surplus is jumped over, once."""
SETTLING_SURPLUS = 0.2


class Playout:
    """The playhead follows real time at normal speed. All times are in seconds."""

    def __init__(self, now: float) -> None:
        self._born = now
        self._offset: float | None = None
        """Media time of the playhead minus now, while playing."""
        self._end = 0.0
        self._paused_at: float | None = None
        self._settled = False
        self._base = 0.0
        self._epoch: int | None = None
        self._captures: deque[tuple[float, float]] = deque(maxlen=1024)
        self.startup_time: float | None = None
        self.stalls = 0
        self.stall_time = 0.0
        self.skipped_time = 0.0

    def part(self, epoch: int, media_time: float, duration: float, capture_time: float, now: float) -> None:
        """A part was delivered. Each epoch begins where the one before it ended."""
        self.advance(now)
        if epoch != self._epoch:
            self._epoch, self._base = epoch, self._end - media_time
        start = self._base + media_time
        if self._offset is not None and start > self._end + 0.001:
            # A gap in the stream: the playhead jumps over it when it comes there.
            self.skipped_time += start - self._end
            if self._paused_at is not None:
                self._offset = start - self._paused_at
        self._end = max(self._end, start + duration)
        self._captures.append((start, capture_time))
        if self._offset is None:
            self._offset = start - now - GUARD
            self.startup_time = now - self._born
        elif self._paused_at is not None and self.buffered(now) >= GUARD / 2:
            waited = now - self._paused_at
            if waited > STALL:
                self.stalls += 1
                self.stall_time += waited
            self._offset -= waited
            self._paused_at = None
        self._catch_up(now)

    def _catch_up(self, now: float) -> None:
        surplus = self.buffered(now) - GUARD
        settling = 1.0 < now - self._born < SETTLING and not self._settled
        if self._offset is None or surplus <= (SETTLING_SURPLUS if settling else SKIP_AHEAD):
            return
        self._settled = self._settled or settling
        self.skipped_time += surplus
        self._offset += surplus

    def advance(self, now: float) -> None:
        """Let the playhead move; it stops at the end of what is there."""
        if self._offset is not None and self._paused_at is None and now + self._offset >= self._end:
            self._paused_at = self._end - self._offset

    def buffered(self, now: float) -> float:
        """Seconds of media in front of the playhead."""
        if self._offset is None:
            return 0.0
        head = (self._paused_at if self._paused_at is not None else now) + self._offset
        return max(0.0, self._end - head)

    def latency(self, publisher_now: float, now: float) -> float | None:
        """Capture to display of the frame under the playhead; None before the first."""
        if self._offset is None:
            return None
        head = (self._paused_at if self._paused_at is not None else now) + self._offset
        for start, captured in reversed(self._captures):
            if start <= head:
                return publisher_now - (captured + (head - start))
        start, captured = self._captures[0]
        return publisher_now - (captured + (head - start))
