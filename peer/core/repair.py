"""Blocks that did not come: asked from those who should have them, and last of all from the origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peer.core.bucket import Bucket
from peer.core.window import Window

ASK_AFTER_PARTS = 1.5
LAG_TIMES, LAG_MORE, PATIENT_PARTS = 2.0, 0.5, 4.0
"""A stripe that always comes later than the others is given twice its usual lag and half a part, up to four
parts: what is merely late comes by itself, and asking for it makes everything later."""
ASK_SPREAD_PARTS = 0.5
"""Parts over which those that lack the same block spread their first requests."""
STALLED_PARTS, STALLED_TRIES, STALLED_ASKED = 2.0, 3, 2
"""Parts without anything new after which the part that is due is asked for, how often, and of how many at a
time: the source pauses, or all parents have died together, which only others can tell."""
ASK_AGAIN = (0.15, 0.35, 1.0)
"""Seconds until a part is asked for again. A request is remembered for a second by who cannot answer it yet:
with more of them at a time the block would come again and again once it is there."""
ASKED_PARTS_BURST, ASKED_PARTS_PER_SECOND = 16.0, 5.0
"""Blocks that are asked for, in all, as parts of one block a stripe: half a stream of 100 ms parts."""
PARTS_AT_ONCE = 6
BLOCKS_AT_ONCE = 64
FETCH_MARGIN = 0.3
"""Seconds before its play deadline at which a part is fetched from the origin."""
FETCHES_AT_ONCE = 2
FETCHES_PER_SECOND = 4.0
FETCH_BURST = 4.0

Ask = tuple[bytes, int, tuple[int, ...]]
"""(peer, part number, block indices; none means all)"""


@dataclass(slots=True)
class _Missing:
    ask_at: float
    tries: int = 0


class Repair:
    """When to ask for what. Who can answer is the caller's knowledge."""

    def __init__(self, spread: float, stripes: int, now: float) -> None:
        self._missing: dict[int, _Missing] = {}
        self._spread = spread
        """0 to 1, this peer's own: it keeps a lost subtree from asking in one moment."""
        self._fetching: set[int] = set()
        self._stalled_at, self._stalled = -1, _Missing(float("-inf"))
        """The newest part when nothing came after it, and how often what is due was asked for since."""
        self._stripes = stripes
        self._asks = Bucket(ASKED_PARTS_BURST * stripes, ASKED_PARTS_PER_SECOND * stripes, now)
        self._tokens = FETCH_BURST
        self._tokens_at = 0.0

    def begin(self) -> None:
        """Another epoch."""
        self._missing.clear()
        self._fetching.clear()
        self._stalled_at = -1

    def fetched(self, number: int) -> None:
        """The origin has answered for that part, one way or the other."""
        self._fetching.discard(number)

    def due(
        self,
        window: Window,
        start: int,
        part_duration: float,
        lags: Sequence[float],
        pushed: Sequence[float],
        choose: Callable[[int, int], bytes | None],
        now: float,
    ) -> list[Ask]:
        """Requests to send now.

        `lags` are how late, in parts, each stripe's blocks are as a rule, `pushed` up to which part the
        stripe's parent has come: what is behind that is on its way, and asking for it would only make it
        later for all. `choose(stripe, tries)` names a peer for a stripe's blocks.
        """
        asks: list[Ask] = []
        candidates = self._candidates(window, start)
        if not candidates:
            return asks
        spread = self._spread * ASK_SPREAD_PARTS
        least = (ASK_AFTER_PARTS + spread) * part_duration
        overdue: list[float] = []
        for number in candidates:
            part = window.get(number)
            known = part if part is not None else window.first_after(number)
            if known is None or now - (seen := known.first_seen) < least:
                continue
            overdue = overdue or [
                (max(ASK_AFTER_PARTS, min(PATIENT_PARTS, LAG_TIMES * lag + LAG_MORE)) + spread)
                * part_duration
                for lag in lags
            ]
            if now - seen < min(overdue):
                continue
            missing = self._missing.setdefault(number, _Missing(float("-inf")))
            if now < missing.ask_at:
                continue
            lacking: list[int] = []
            if part is not None:
                lacking = [
                    i
                    for i in part.missing()
                    if now - seen >= overdue[i % self._stripes] and number < pushed[i % self._stripes]
                ]
                if not lacking:
                    continue
            missing.ask_at = now + ASK_AGAIN[min(missing.tries, len(ASK_AGAIN) - 1)]
            if not self._asks.take(now, len(lacking[:BLOCKS_AT_ONCE]) or self._stripes):
                missing.tries += 1
                continue
            by_peer: dict[bytes, list[int]] = {}
            if part is None:
                peer = choose(0, missing.tries)
                if peer is not None:
                    by_peer[peer] = []
            else:
                for index in lacking[:BLOCKS_AT_ONCE]:
                    peer = choose(index % self._stripes, missing.tries)
                    if peer is not None:
                        by_peer.setdefault(peer, []).append(index)
            missing.tries += 1
            asks.extend((peer, number, tuple(indices)) for peer, indices in by_peer.items())
        return asks

    def stalled(
        self,
        window: Window,
        part_duration: float,
        choose: Callable[[int, int], bytes | None],
        now: float,
    ) -> list[Ask]:
        """Requests for the part that is due, of which nothing is known, when nothing new has come."""
        still = (now - window.newest_seen) / part_duration
        if window.newest < 0 or still < STALLED_PARTS + self._spread * ASK_SPREAD_PARTS:
            return []
        if self._stalled_at != window.newest:
            self._stalled_at, self._stalled = window.newest, _Missing(float("-inf"))
        missing = self._stalled
        if missing.tries >= STALLED_TRIES or now < missing.ask_at:
            return []
        missing.ask_at = now + ASK_AGAIN[missing.tries]
        first = missing.tries * STALLED_ASKED
        missing.tries += 1
        if not self._asks.take(now, STALLED_ASKED * self._stripes):
            return []
        asked = dict.fromkeys(choose((first + n) % self._stripes, first + n) for n in range(STALLED_ASKED))
        number = window.newest + 1 + int(still)
        return [(peer, number, ()) for peer in asked if peer is not None]

    def fetches(self, window: Window, start: int, deadline: float, now: float) -> list[int]:
        """Parts to fetch from the origin now: those that must be played soon and were asked for in vain."""
        self._tokens = min(FETCH_BURST, self._tokens + (now - self._tokens_at) * FETCHES_PER_SECOND)
        self._tokens_at = now
        out: list[int] = []
        if now < deadline - FETCH_MARGIN + self._spread * FETCH_MARGIN / 2:
            return out
        for number in self._candidates(window, start):
            missing = self._missing.get(number)
            if missing is None or missing.tries == 0 or number in self._fetching:
                continue
            if len(self._fetching) >= FETCHES_AT_ONCE or self._tokens < 1.0:
                break
            self._tokens -= 1.0
            self._fetching.add(number)
            out.append(number)
        return out

    def _candidates(self, window: Window, start: int) -> list[int]:
        """The first parts that are not all here."""
        if self._missing:
            for number in [n for n in self._missing if n < start or n < window.oldest]:
                del self._missing[number]
        found: list[int] = []
        for number in range(max(start, window.oldest), window.newest + 1):
            part = window.get(number)
            if part is not None and part.complete:
                self._missing.pop(number, None)
                continue
            found.append(number)
            if len(found) >= PARTS_AT_ONCE:
                break
        return found
