"""What is said of ranges of two logs, until what only one of them has is found (Meyer 2022; negentropy).

It remembers nothing: each message is answered by itself, and what ranges are left shrink from one message to
the next, so it ends by itself. The ranges of a message do not overlap: however many there are, all that is
here is hashed twice at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from peer.core.chat_places import Places
from peer.wire_ranges import ASK, LIST, SAME, SHORT, SKIP, Range

LISTED = 48
"""Messages in a range that are listed, and not split."""
PARTS = 16
LEAST = 16
"""Messages in each part of a range, at least."""
NEWEST = 32
"""What differs is mostly new: so many are listed at once."""
ROOM = 32_768
"""Bytes of ranges in one message."""


@dataclass(slots=True)
class Answer:
    """`ranges` to send, and ids of which the peer is to be told, the last one in order first."""

    ranges: list[Range] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    complete: bool = True
    """Whether all that was found had room."""


def opening(places: Places, start: bytes) -> list[Range]:
    """The ranges that begin a comparison of all from `start` on."""
    span = places.span(start, None)
    if len(span) <= LISTED:
        return [_listed(places, start, span)]
    last = range(span.stop - NEWEST, span.stop)
    before = range(span.start, last.start)
    return [*_split(places, start, before, PARTS - 1), _listed(places, places.bound(last.start), last)]


def answer(places: Places, horizon: bytes, ranges: list[Range], most: int) -> Answer:
    """The answer to ranges of a peer, of which is compared what begins at `horizon`.

    The peer is told of at most `most` messages. The last ranges come first.
    """
    found = Answer()
    room = ROOM
    end: bytes | None = None
    parts: list[list[Range]] = []
    for asked in reversed(ranges):
        start = max(asked.start, horizon)
        said, told = _said(places, asked, start, end) if end is None or start < end else ([], [])
        end = asked.start
        found.told += told
        if sum(part.size for part in said) > room:
            said, found.complete = [], False
        said = said or [Range(end)]
        room -= sum(part.size for part in said)
        if room < 0:
            break  # what is before the first range of a message is not looked at
        parts.append(said)
    if len(found.told) > most:
        del found.told[most:]
        found.complete = False
    found.ranges = _merged([part for said in reversed(parts) for part in said])
    return found


def _said(places: Places, asked: Range, start: bytes, end: bytes | None) -> tuple[list[Range], list[bytes]]:
    """What there is to say of a range, and what the peer is to be told of."""
    span = places.span(start, end)
    if asked.kind == SAME and places.fingerprint(span) != asked.fingerprint:
        if len(span) <= LISTED:
            return [_listed(places, start, span)], []
        return _split(places, start, span, PARTS), []
    if asked.kind in (LIST, ASK):
        theirs, ids = set(asked.shorts), places.ids(span)
        ids.reverse()
        if asked.kind == ASK:
            return [], [id for id in ids if id[:SHORT] in theirs]
        lacking = theirs.difference(id[:SHORT] for id in ids)
        question = [Range(start, ASK, shorts=tuple(sorted(lacking)))] if lacking else []
        return question, [id for id in ids if id[:SHORT] not in theirs]
    return [], []


def _listed(places: Places, start: bytes, span: range) -> Range:
    return Range(start, LIST, shorts=tuple(id[:SHORT] for id in places.ids(span)))


def _split(places: Places, start: bytes, span: range, parts: int) -> list[Range]:
    """Parts of a range with about as many messages each."""
    parts = max(1, min(parts, len(span) // LEAST))
    bounds = [span.start + len(span) * part // parts for part in range(parts + 1)]
    return [
        Range(
            start if low == span.start else places.bound(low),
            SAME,
            places.fingerprint(range(low, high)),
        )
        for low, high in pairwise(bounds)
    ]


def _merged(ranges: list[Range]) -> list[Range]:
    """Ranges of which nothing is said are one."""
    return [
        found
        for number, found in enumerate(ranges)
        if found.kind != SKIP or (number > 0 and ranges[number - 1].kind != SKIP)
    ]
