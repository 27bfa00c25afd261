"""Liveness by the stripes' own rhythm: a stripe is silent while others move."""

from __future__ import annotations

from peer.core.window import Window

STARVED_PARTS = 2.0
SILENT_PARTS = 3.0


LAG_WEIGHT = 1 / 16
MOST_LAG = 8.0


class Rhythm:
    """For each stripe the newest part of which a block came from its parent, and how late it is as a rule."""

    def __init__(self, stripes: int) -> None:
        self.newest = [-1] * stripes
        self.lags = [0.0] * stripes
        """Parts from the first block of a part to those of each stripe, on average."""
        self.last_block = [float("-inf")] * stripes

    def begin(self) -> None:
        """Another epoch: numbers start again."""
        self.newest = [-1] * len(self.newest)

    def reset(self, stripe: int, number: int, now: float) -> None:
        """The stripe has just been given to another parent, from `number` on: its silence begins now."""
        self.newest[stripe] = max(self.newest[stripe], number - 1)
        self.last_block[stripe] = now

    def block(self, stripe: int, number: int, now: float) -> None:
        if number > self.newest[stripe]:
            self.newest[stripe] = number
        self.last_block[stripe] = now

    def lag(self, stripe: int, parts: float) -> None:
        """A block of the newest part, or of one just before, came that late."""
        self.lags[stripe] += (min(MOST_LAG, parts) - self.lags[stripe]) * LAG_WEIGHT

    def silent_parts(self, stripe: int, window: Window, part_duration: float, now: float) -> float:
        """How many parts long the stripe has been silent while others moved; 0.0 while none moves."""
        newest = self.newest[stripe]
        later = window.first_after(newest)
        if later is None:
            return 0.0
        # Where all were silent, the part that tells of it is a later one: its number says since when.
        since = later.first_seen - (later.seal.number - newest - 1) * part_duration
        since = max(since, self.last_block[stripe])
        return max(0.0, now - since) / part_duration
