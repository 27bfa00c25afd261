"""What share of its stripe each parent pushes in time, of what others show exists.

A parent that sends just enough never to be silent would be kept by the stripes' rhythm alone.
"""

from __future__ import annotations

from peer.core.window import Window

REVIEW_PARTS = 10
SETTLED_PARTS = 5
"""The newest parts are not judged: their blocks are still on their way."""
ENOUGH = 0.5
"""Share below which a parent is meagre. Loss and long ways cost far less; parity mends a fifth."""
FEW = 5
"""Blocks below which nothing is concluded."""
PATIENCE = 1.0
PATIENCE_A_HOP = 0.5
"""Seconds for which a parent may be meagre; more for each hop above us, so that the one whose own parent is
to blame moves before its descendants do."""
PATIENT_HOPS = 8
"""Paths are what others say: a long one does not buy patience for ever."""


class PushShare:
    """Counts blocks by stripe and judges every REVIEW_PARTS parts."""

    def __init__(self, stripes: int) -> None:
        self._stripes = stripes
        self._pushed: dict[tuple[int, int], bool] = {}
        """Whether (part, block) came in time from the stripe's parent."""
        self._since = [0] * stripes
        """The first part that each stripe's parent answers for."""
        self._reviewed = -1
        self._meagre_since: list[float | None] = [None] * stripes

    def begin(self) -> None:
        """Another epoch: numbers start again."""
        self._pushed.clear()
        self._reviewed = -1
        self.excuse(-1)

    def excuse(self, newest: int) -> None:
        """The parts up to `newest` come faster than any parent can push, as from the origin at the start."""
        for stripe in range(self._stripes):
            self.taken_over(stripe, newest)

    def taken_over(self, stripe: int, newest: int) -> None:
        """Another parent: it answers for what comes after `newest`."""
        self._since[stripe] = newest + 1
        self._meagre_since[stripe] = None

    def pushed(self, number: int, index: int, in_time: bool) -> bool:
        """The stripe's parent pushed a block; whether that counts, being neither old nor a repetition."""
        if number <= self._reviewed or (number, index) in self._pushed:
            return False
        self._pushed[number, index] = in_time
        return True

    def suspects(self, stripe: int) -> bool:
        """Whether the parent has been meagre at all."""
        return self._meagre_since[stripe] is not None

    def meagre(self, stripe: int, hops: int, now: float) -> bool:
        """Whether the parent, `hops` below the publisher, has been meagre for too long."""
        since = self._meagre_since[stripe]
        return since is not None and now - since >= PATIENCE + PATIENCE_A_HOP * min(hops, PATIENT_HOPS)

    def review(self, window: Window, now: float) -> None:
        """Judge the parts that are old enough, if there are enough of them."""
        settled = window.newest - SETTLED_PARTS
        first = max(self._reviewed + 1, window.first, window.oldest)
        if settled < first + REVIEW_PARTS - 1:
            return
        due = [0] * self._stripes
        came = [0] * self._stripes
        for number in range(first, settled + 1):
            part = window.get(number)
            blocks = part.seal.blocks if part is not None else self._stripes
            for stripe in range(self._stripes):
                if number >= self._since[stripe]:
                    due[stripe] += blocks // self._stripes
        for (number, index), in_time in self._pushed.items():
            stripe = index % self._stripes
            if self._since[stripe] <= number <= settled:
                came[stripe] += in_time
        self._pushed = {pushed: in_time for pushed, in_time in self._pushed.items() if pushed[0] > settled}
        self._reviewed = settled
        for stripe in range(self._stripes):
            if due[stripe] >= FEW:
                meagre = came[stripe] < ENOUGH * due[stripe]
                since = self._meagre_since[stripe]
                self._meagre_since[stripe] = (now if since is None else since) if meagre else None
