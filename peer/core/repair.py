"""Blocks that did not come: asked from those who should have them, and last of all from the origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peer.core.window import Window

ASK_AFTER_PARTS = 1.5
ASK_AGAIN = 0.15
"""Seconds between two requests for the same part."""
PARTS_AT_ONCE = 6
FETCH_MARGIN = 0.3
"""Seconds before its play deadline at which a part is fetched from the origin."""
FETCHES_AT_ONCE = 2
FETCHES_PER_SECOND = 4.0
FETCH_BURST = 4.0

Ask = tuple[bytes, int, tuple[int, ...]]
"""(peer, part number, block indices; none means all)"""


@dataclass(slots=True)
class _Missing:
    asked_at: float
    tries: int = 0


class Repair:
    """When to ask for what. Who can answer is the caller's knowledge."""

    def __init__(self, spread: float) -> None:
        self._missing: dict[int, _Missing] = {}
        self._spread = spread
        """0 to 1, this peer's own: it keeps a lost subtree from asking in one moment."""
        self._fetching: set[int] = set()
        self._tokens = FETCH_BURST
        self._tokens_at = 0.0

    def begin(self) -> None:
        """Another epoch."""
        self._missing.clear()
        self._fetching.clear()

    def fetched(self, number: int) -> None:
        """The origin has answered for that part, one way or the other."""
        self._fetching.discard(number)

    def due(
        self,
        window: Window,
        start: int,
        part_duration: float,
        choose: Callable[[int, int], bytes | None],
        now: float,
    ) -> list[Ask]:
        """Requests to send now. `choose(stripe, tries)` names a peer for a stripe's blocks."""
        asks: list[Ask] = []
        for number in self._candidates(window, start):
            part = window.get(number)
            seen = part.first_seen if part is not None else window.first_seen_after(number)
            if seen is None or now - seen < ASK_AFTER_PARTS * part_duration:
                continue
            missing = self._missing.setdefault(number, _Missing(float("-inf")))
            if now - missing.asked_at < ASK_AGAIN:
                continue
            missing.asked_at = now
            by_peer: dict[bytes, list[int]] = {}
            if part is None:
                peer = choose(0, missing.tries)
                if peer is not None:
                    by_peer[peer] = []
            else:
                for index in part.missing()[:64]:
                    peer = choose(index % part.seal.stripes, missing.tries)
                    if peer is not None:
                        by_peer.setdefault(peer, []).append(index)
            missing.tries += 1
            asks.extend((peer, number, tuple(indices)) for peer, indices in by_peer.items())
        return asks

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

    def _candidates(self, window: Window, start: int) -> Iterable[int]:
        for number in [n for n in self._missing if n < start or n < window.oldest]:
            del self._missing[number]
        found = 0
        for number in range(max(start, window.oldest), window.newest + 1):
            part = window.get(number)
            if part is not None and part.complete:
                self._missing.pop(number, None)
                continue
            found += 1
            yield number
            if found >= PARTS_AT_ONCE:
                return
