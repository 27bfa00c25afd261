"""When a link opens, two logs find what only one of them has (docs/protocol.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from peer import wire
from peer.core import chat_ranges
from peer.core.bucket import Bucket
from peer.core.chat_beginning import Beginning
from peer.core.chat_fetch import MAX_IDS
from peer.core.chat_history import History
from peer.core.chat_limits import ChatLimits
from peer.core.chat_places import Places, fingerprint
from peer.core.chat_telling import Telling
from peer.wire_ranges import (
    PLACE,
    SKIP,
    Comparison,
    Range,
    read_comparison,
    read_ranges,
    write_comparison,
    write_ranges,
)


@dataclass(slots=True)
class _Link:
    rate: Bucket
    """Messages of the peer that are looked at: each may cost some ten milliseconds."""
    said: Comparison
    horizon: bytes | None = None
    """The peer's."""
    again: int = 0
    """How often more was found than could be told."""
    due: float | None = None
    """When to look for the rest."""


class Comparing:
    """Whoever compares less far back is told by the other one what differs."""

    def __init__(
        self,
        limits: ChatLimits,
        history: History,
        places: Places,
        beginning: Beginning,
        telling: Telling,
    ) -> None:
        self._limits = limits
        self._history = history
        self._places = places
        self._beginning = beginning
        self._telling = telling
        self._links: dict[bytes, _Link] = {}
        self._page = bytes(PLACE)
        """Where the page begins that one was told as a newcomer."""

    @property
    def _horizon(self) -> bytes:
        """What stands there or behind it is compared: what is new, whatever somebody said of a page."""
        return max(self._places.horizon, min(self._page, self._places.last(self._limits.newest)))

    def link_opened(self, peer: bytes, now: float) -> None:
        horizon = self._horizon
        said = Comparison(
            self._beginning.begins,
            self._measures(),
            max(horizon, self._places.last(self._limits.newest)),
            horizon,
            self._places.fingerprint(self._places.span(horizon, None)),
        )
        self._links[peer] = _Link(Bucket(*self._limits.comparisons, now), said)
        unsent = tuple(self._telling.unsent)[-self._limits.newest :]
        if unsent:  # nobody has heard of them yet
            self._telling.send(peer, wire.ChatHave(unsent))
        self._telling.send(peer, wire.ChatCompare(write_comparison(said)))

    def link_closed(self, peer: bytes) -> None:
        self._links.pop(peer, None)

    def _measures(self) -> bytes:
        return fingerprint(measure.id for measure in self._history.pinned)

    def _first(self, measures: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The last of these, and before them the checkpoint that others are judged by."""
        moderation = self._history.restraints.moderation
        rule = None if moderation is None else moderation.checkpoint
        first = () if rule is None else (rule.id,)
        last = [id for id in measures if id not in first]
        return (*first, *last[len(first) - MAX_IDS :])

    def compared(self, peer: bytes, data: bytes, now: float) -> None:
        """`peer` says what it has. Raises WireError."""
        theirs, link = read_comparison(data), self._links[peer]
        if not link.rate.take(now):
            return
        if theirs.measures != self._measures():
            measures = tuple(measure.id for measure in self._history.pinned)
            if measures:  # they are in force for whoever comes, however long ago they were taken
                self._telling.send(peer, wire.ChatHave(self._first(measures)))
        if theirs.begins or link.said.begins:
            page = self._history.summary(self._limits.newest, MAX_IDS)
            if page:
                self._telling.send(peer, wire.ChatHave(page))
            if link.said.begins:
                self._page = max(self._page, theirs.page)
            return
        link.horizon = theirs.horizon
        if link.said.horizon > theirs.horizon:
            return  # the peer sees whether that is the same
        span = self._places.span(theirs.horizon, None)
        if self._places.fingerprint(span) == theirs.fingerprint:
            self._telling.unsent.clear()
        elif (theirs.horizon, link.said.fingerprint) > (link.said.horizon, theirs.fingerprint):
            self._begin(peer, theirs.horizon)

    def _begin(self, peer: bytes, horizon: bytes) -> None:
        self._send(peer, chat_ranges.opening(self._places, max(horizon, self._horizon)))

    def ranges(self, peer: bytes, data: bytes, now: float) -> None:
        """`peer` says something of ranges. Raises WireError."""
        asked, link = read_ranges(data), self._links[peer]
        if not link.rate.take(now):
            return
        found = chat_ranges.answer(self._places, self._horizon, asked, MAX_IDS)
        if found.told:
            self._telling.tell_of_lacking(peer, tuple(reversed(found.told)))
        if any(part.kind != SKIP for part in found.ranges):
            self._send(peer, found.ranges)
        if not found.complete and link.horizon is not None and link.again < self._limits.compare_again[0]:
            link.again += 1
            link.due = now + self._limits.compare_again[1]

    def _send(self, peer: bytes, ranges: list[Range]) -> None:
        self._telling.send(peer, wire.ChatRanges(write_ranges(ranges)))

    def handle_timer(self, now: float) -> None:
        for peer, link in self._links.items():
            if link.due is not None and link.horizon is not None and now >= link.due:
                link.due = None
                self._begin(peer, link.horizon)

    def next_timer(self) -> float | None:
        return min((link.due for link in self._links.values() if link.due is not None), default=None)
