"""When a publisher should be told that it falls behind its source. Pure arithmetic."""

from __future__ import annotations

LATE = 1.0
"""Seconds from a part's end at the source until it is published: as a rule a tenth of that."""
LASTS = 5.0
AGAIN = 60.0


class Lateness:
    """Watches how late parts are published."""

    def __init__(self) -> None:
        self._late_since: float | None = None
        self._told_at = float("-inf")

    def part(self, late: float, now: float) -> bool:
        """A part is published `late` seconds after its end at the source; whether somebody should be told.

        That is so once all parts of `LASTS` seconds were late, and then every `AGAIN` seconds.
        """
        if late <= LATE:
            self._late_since = None
            return False
        if self._late_since is None:
            self._late_since = now
        if now - self._late_since < LASTS or now - self._told_at < AGAIN:
            return False
        self._told_at = now
        return True
