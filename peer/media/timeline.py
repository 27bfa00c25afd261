"""From the times of a source to one media timeline that never goes back. Pure arithmetic on microseconds."""

from collections import deque
from typing import Literal

Kind = Literal["video", "audio"]

JUMP = 1_000_000
"""A step of more than this, forwards or backwards, is a new timeline in the source, not a late or missing
frame."""
_LATE_START = 10_000_000


class Timeline:
    """Maps source times to media times; loops, reconnections, jumps and wraps continue where media time
    ended.

    A single offset applies to both tracks, so they stay as far apart as they are in the source, however
    often it loops.
    """

    def __init__(self, origin: int = 0) -> None:
        """Media time begins at `origin`."""
        self._origin = origin
        self._ends: dict[Kind, int] = {}
        """End of what was mapped, by track, in media time."""
        self._expected: dict[Kind, int] = {}
        """Source time at which the next unit of a track is expected, within the current session."""
        self._offset = 0
        self._offsets: dict[Kind, int] = {}

    @property
    def end(self) -> int:
        """The end of the longer track, in media time."""
        return max(self._ends.values(), default=self._origin)

    def begin(self, start: int) -> None:
        """A new session (a loop, a connection) begins, whose earliest source time is `start`."""
        self._offset = self.end - start
        self._offsets.clear()
        self._expected.clear()

    def map(self, kind: Kind, time: int, duration: int) -> tuple[int, bool]:
        """Return a unit's media time, and whether the timeline was moved for it.

        The media time is negative, or before the end of its track, only for units that precede the
        session's start.
        """
        moved = False
        offset = self._offsets.setdefault(kind, self._offset)
        expected, limit = self._expected.get(kind), JUMP
        if expected is None:  # it may begin later than the other track does
            expected, limit = max(self._expected.values(), default=time), _LATE_START
        if abs(time - expected) > limit:
            end = self._ends.get(kind, 0)
            if offset != self._offset and abs(time + self._offset - end) <= JUMP:
                pass  # the other track jumped first; this one follows it
            else:
                self._offset = self.end - time
                moved = True
            offset = self._offsets[kind] = self._offset
        self._expected[kind] = time + duration
        media = time + offset
        self._ends[kind] = max(self._ends.get(kind, 0), media + duration)
        return media, moved


class FrameInterval:
    """Learns how long a frame lasts from the times of those before it, where the source does not say."""

    def __init__(self, guess: int) -> None:
        self._guess = guess
        self._last: int | None = None
        self._steps: deque[int] = deque(maxlen=32)

    def add(self, time: int) -> int:
        """Note a frame's time and return the expected duration of this frame."""
        if self._last is not None and 0 < time - self._last <= JUMP:
            self._steps.append(time - self._last)
        self._last = time
        if len(self._steps) < 4:
            return self._guess
        middle = sorted(self._steps)[len(self._steps) // 2]
        # Times in whole milliseconds average to the true interval; a dropped frame must not.
        near = [step for step in self._steps if abs(step - middle) <= max(2_000, middle // 4)]
        return sum(near) // len(near)


class ArrivalClock:
    """Capture times for a live source without a time code: when each frame would have arrived without jitter.

    The fastest frames of late show the smallest delay; what came later than they did was held up on the way.
    """

    def __init__(self) -> None:
        self._offset: int | None = None
        self._time = 0

    def restart(self) -> None:
        """The source's timeline was moved."""
        self._offset = None

    def capture(self, time: int, arrival: int) -> int:
        """The capture time of a frame with this source time that arrived now; never later than `arrival`."""
        offset = arrival - time
        if self._offset is None:
            self._offset, self._time = offset, time
        elapsed = max(0, time - self._time)
        self._offset = min(offset, self._offset + elapsed // 2_000)  # clocks differ by less than 500 ppm
        self._time += elapsed
        return time + self._offset


class TrackClock:
    """Places the frames of one track on its timescale: even where the source is even, never overlapping."""

    def __init__(self, timescale: int, tolerance: int) -> None:
        """`tolerance` is how far (µs) a frame may be from where the frame before it ends and still be put
        there."""
        self.timescale = timescale
        self._tolerance = self.ticks(tolerance)
        self.next: int | None = None
        """Where the frame before ends, in ticks."""

    @property
    def end(self) -> int:
        """Where the frame before ends, in µs; 0 while there was none."""
        return self.microseconds(self.next or 0)

    def ticks(self, time: int) -> int:
        """Microseconds to ticks, to the nearest."""
        return (time * self.timescale + 500_000) // 1_000_000

    def microseconds(self, ticks: int) -> int:
        """Ticks to microseconds, to the nearest."""
        return (ticks * 1_000_000 + self.timescale // 2) // self.timescale

    def place(self, time: int, duration: int, floor: int | None = None) -> int:
        """Return the decode time, in ticks, of a frame at a media time that lasts `duration` ticks.

        `floor` is the earliest time that may be chosen: while the frame before it can still be shortened,
        just after that one's beginning; otherwise, and by default, its end.
        """
        wanted = max(0, self.ticks(time))
        if self.next is not None:
            if abs(wanted - self.next) <= self._tolerance:
                wanted = self.next
            wanted = max(wanted, self.next if floor is None else floor)
        self.next = wanted + duration
        return wanted

    def lateness(self, time: int) -> int:
        """How many ticks before the end of the frame before it a frame at this time begins; negative for a
        gap."""
        return 0 if self.next is None else self.next - max(0, self.ticks(time))
