"""Puts the two tracks of a file in order of time and gives every unit the duration that it has, not that it
claims."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import av

from peer.media.timeline import JUMP, Kind
from peer.media.units import Unit

MAX_LEAD = 3_000_000
"""µs that one track may be ahead of the other before it is played without it."""
_MAX_UNITS = 400
_MAX_PRELUDE = 500_000
"""µs of sound before the first picture that is left out: it is an encoder's priming, and would leave a hole
in the pictures wherever a loop begins."""


class Lookahead:
    """Looks one unit of each track ahead. Times are the source's."""

    def __init__(self, kinds: set[Kind]) -> None:
        self._queues: dict[Kind, deque[Unit]] = {kind: deque() for kind in kinds}
        self._end: int | None = None
        self._began = False

    def push(self, unit: Unit) -> Iterator[Unit]:
        """Take a unit; return those whose duration is now known, in order of time."""
        self._queues[unit.track.kind].append(unit)
        end = unit.end
        self._end = end if self._end is None else max(self._end, end)
        while all(len(queue) > 1 for queue in self._queues.values()):
            if not self._skip_prelude():
                yield self._pop()
        while self._is_starved():
            yield self._pop(starved=True)

    def finish(self) -> Iterator[Unit]:
        """The source ended: return the rest. The last picture stays until the longer track ends."""
        while any(self._queues.values()):
            yield self._pop(ended=True)

    def _skip_prelude(self) -> bool:
        """Leave out a unit of sound that ends before the pictures begin."""
        if self._began or len(self._queues) < 2:
            return False
        sound, picture = self._queues["audio"][0], self._queues["video"][0]
        if sound.end <= picture.time + 1_000 and picture.time - sound.time <= _MAX_PRELUDE:
            self._queues["audio"].popleft()
            return True
        self._began = True
        return False

    def _is_starved(self) -> bool:
        for queue in self._queues.values():
            if len(queue) > _MAX_UNITS or (len(queue) > 1 and queue[-1].time - queue[0].time > MAX_LEAD):
                return True
        return False

    def _pop(self, *, starved: bool = False, ended: bool = False) -> Unit:
        queue = min((queue for queue in self._queues.values() if queue), key=lambda queue: queue[0].time)
        unit = queue[0]
        if len(queue) > 1:
            step = queue[1].time - unit.time
            if 0 < step <= JUMP:
                unit.duration = step
            unit.last = queue[1].key
        elif unit.track.kind == "video" and (starved or (ended and self._end is not None)):
            rest = (self._end or 0) - unit.time
            if isinstance(unit.payload, av.VideoFrame) and (starved or rest > 2 * unit.duration):
                # Show it again, so that the picture goes on while there is only sound.
                queue[0] = replace(unit, time=unit.end)
                return unit
            if ended:
                unit.duration = max(unit.duration, rest)
                unit.last = True  # a loop begins with a key frame
        queue.popleft()
        return unit
