"""What people saw: a player at fixed distances behind the publisher's own edge, and when its picture froze.

The edge moves at the moments at which the publisher has a part. A player that is `d` seconds behind shows
part n from `d` seconds after its moment; if the part is not there by then (with all that it depends on, for
parts come out of the braid in order), the picture stands until it, or a later one, is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DISTANCES = (0.5, 1.0, 1.5, 2.0, 5.0)
"""Seconds behind the edge at which is measured."""
STALL = 0.2
"""Seconds without a new frame that count as a stall (DESIGN.md section 4)."""


@dataclass(slots=True)
class Timeline:
    """When the publisher had each part, by number, and how long each is (seconds)."""

    at: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Player:
    """One player that never shifts. It begins with its first part, and is judged from then on."""

    __slots__ = ("_frozen_since", "_next", "begun", "distance", "due", "in_time", "stall_times")

    def __init__(self, distance: float) -> None:
        self.distance = distance
        self.begun: float | None = None
        self.due = self.in_time = 0
        """Parts that were to be shown, and of those the ones that were there."""
        self.stall_times: list[tuple[float, float]] = []
        """(when, how long)"""
        self._next = 0
        self._frozen_since: float | None = None

    def part(self, number: int, timeline: Timeline, now: float) -> None:
        """A part is there."""
        if self.begun is None:
            self.begun = now
            self._next = number
            while self._next < len(timeline.at) and timeline.at[self._next] + self.distance < now:
                self._next += 1
        while self._next < number:
            self._miss(self._next, timeline)
        if number < self._next:
            self._came_late(number, timeline, now)
            return
        due = timeline.at[number] + self.distance
        self.due += 1
        self._next = number + 1
        if now <= due:
            self.in_time += 1
            self._resume(due)
        else:
            self._freeze(due)
            self._came_late(number, timeline, now)

    def end(self, timeline: Timeline, now: float) -> None:
        """Nothing more comes: what was due until `now` and is not there is missing."""
        if self.begun is None:
            return
        while self._next < len(timeline.at) and timeline.at[self._next] + self.distance <= now:
            self._miss(self._next, timeline)
        self._resume(now)

    def _miss(self, number: int, timeline: Timeline) -> None:
        self.due += 1
        self._freeze(timeline.at[number] + self.distance)
        self._next = number + 1

    def _came_late(self, number: int, timeline: Timeline, now: float) -> None:
        """What is left of its time is shown."""
        if now < timeline.at[number] + self.distance + timeline.seconds[number]:
            self._resume(now)

    def _freeze(self, at: float) -> None:
        if self._frozen_since is None:
            self._frozen_since = at

    def _resume(self, at: float) -> None:
        if self._frozen_since is not None:
            if at - self._frozen_since > STALL:
                self.stall_times.append((self._frozen_since, at - self._frozen_since))
            self._frozen_since = None
