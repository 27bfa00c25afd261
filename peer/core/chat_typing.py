"""Who is writing just now: told on links, signed by nobody, kept nowhere (docs/protocol.md section 8)."""

from __future__ import annotations

TELL_EVERY = 3.0
"""Seconds between two times that others are told."""
LASTS = 6.0
"""Seconds after which somebody who was said to write is taken to have stopped."""


class Typing:
    """What oneself tells, and what peers at the other ends of links have told."""

    def __init__(self) -> None:
        self._told: float | None = None
        """When others were told last that one writes; None when they think that one does not."""
        self._until: dict[bytes, float] = {}

    def writes(self, on: bool, now: float) -> bool:
        """Oneself writes, or has stopped. Whether others are to be told so."""
        if not on:
            told, self._told = self._told, None
            return told is not None
        if self._told is not None and now - self._told < TELL_EVERY:
            return False
        self._told = now
        return True

    def sent(self) -> None:
        """What was written is said: those who hear that know that one has stopped."""
        self._told = None

    def heard(self, peer: bytes, on: bool, now: float) -> bool:
        """A peer to whom there is a link writes, or has stopped. Whether that changes who is writing."""
        before = peer in self._until
        if on:
            self._until[peer] = now + LASTS
        else:
            self._until.pop(peer, None)
        return before != on

    def stopped(self, peer: bytes) -> bool:
        """It has said something, or its link is gone. Whether that changes who is writing."""
        return self._until.pop(peer, None) is not None

    def peers(self, now: float) -> tuple[bytes, ...]:
        """Who is writing, first those who began to first."""
        return tuple(peer for peer, until in self._until.items() if until > now)

    def next_timer(self) -> float | None:
        """When somebody may be taken to have stopped."""
        return min(self._until.values(), default=None)

    def handle_timer(self, now: float) -> bool:
        """Whether somebody is taken to have stopped by now."""
        over = [peer for peer, until in self._until.items() if until <= now]
        for peer in over:
            del self._until[peer]
        return bool(over)
