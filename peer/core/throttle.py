"""Steps by which a peer that cannot keep up leaves carrying to others, before its children feel it."""

from __future__ import annotations

from enum import IntEnum

STEP_DOWN_AFTER = 1.0
"""Seconds for which it must be behind before it hands its children over: one hiccup moves nobody."""
GRACE = 3.0
"""Seconds that its children have to find another parent while it still feeds them."""
STEP_UP_AFTER = 10.0
"""Seconds without trouble from each step back to the one before."""


class Step(IntEnum):
    """How far it has stepped down."""

    OPEN = 0
    """It takes children as the planner allows."""
    FULL = 1
    """It feeds those that it has and takes no more."""
    HANDING_OVER = 2
    """It asks them to find others, and feeds them until they have."""
    LEAF = 3
    """It feeds nobody."""


FURTHEST = (Step.OPEN, Step.FULL, Step.LEAF)
"""How far down each level leads: 0 well, 1 slowed (a hidden tab), 2 behind (its timers come late)."""


class Throttle:
    """Turns what the shell notices of its own slowness into steps, down in order and slowly up again."""

    def __init__(self) -> None:
        self.step = Step.OPEN
        self._level = 0
        self._level_since = self._step_since = 0.0

    def told(self, level: int, now: float) -> None:
        """How slowed we are now: 0, 1 or 2."""
        if level != self._level:
            self._level, self._level_since = level, now

    def changed(self, now: float) -> bool:
        """Take the step that is due, if one is."""
        step = self._next(now)
        if step == self.step:
            return False
        self.step, self._step_since = step, now
        return True

    def _next(self, now: float) -> Step:
        furthest = FURTHEST[self._level]
        if self.step < furthest:
            wait = (0.0, STEP_DOWN_AFTER, GRACE)[self.step]
            since = max(self._step_since, self._level_since) if self.step == Step.FULL else self._step_since
            return Step(self.step + 1) if self.step == Step.OPEN or now - since >= wait else self.step
        if self.step > furthest and now - max(self._step_since, self._level_since) >= STEP_UP_AFTER:
            return Step.OPEN if self.step == Step.FULL else Step.FULL
        return self.step
