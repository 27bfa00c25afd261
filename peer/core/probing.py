"""What our upload carries, seen by two neighbours before anybody depends on it.

A newcomer sends them trains of padding, each twice as long as the one before, and they say in what time a
train came: however long it waited on its way, the narrowest place spreads it evenly (Dovrolis, Ramanathan and
Moore, "What do packet dispersion techniques measure?", INFOCOM 2001). A congestion window or a lost packet
parts it in few places, so gaps that are much longer than most are taken to be like the others; and a rate
counts once it grows no more with the train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from peer.core.actions import Send
from peer.core.neighbour import Neighbour
from peer.wire import Probe, Probed, encode

TRAINS = (4, 8, 16, 32)
"""Messages in each train to one neighbour: the first is what a new link takes at once."""
SIZE = 1100
"""Bytes of each: one packet, as most of a block's are."""
ASKED = 2
"""Neighbours that are asked at a time, so that one alone cannot make us believe anything."""
COMPANY = 0.3
"""Seconds for which the first that could be asked waits for a second one."""
PATIENCE = 2.0
"""Seconds in which a train has to be answered for."""
SURE = 0.04
"""Seconds that a train has to take everywhere before its rate is more than a matter of jitter."""
LONG = 0.3
"""Seconds after which nobody has to see it again: longer than round trips are."""
ALIKE = 1.5
"""Times the rate of the train before that is no growth any more."""
SHORTEST = 0.001
AGAIN, TRIES = 15.0, 3
"""Seconds after which it is tried again where one did not answer, or the braid was left, and how often."""
SPARED = 8
"""One message in as many need not have come: one that was lost comes a round trip later."""
PARTED = 4.0
"""Times the median of the gaps beyond which a round trip was waited for there."""


def due(count: int) -> int:
    """How many messages of a train have to come before it is answered for."""
    return count - count // SPARED


@dataclass(slots=True)
class UploadRate:
    """What one machine's upload carries: all its braids know it, and one of them finds out."""

    rate: float | None = None
    """Bytes a second; None while that is not known, and where it is so much that nobody could tell."""
    settled: bool = False
    """Nothing more is done to find out."""
    tries: int = 0
    again_at: float = 0.0


class Probing:
    """One braid's part in it: it asks for its peer once, and answers for trains that come from others."""

    def __init__(self, braid: bytes, neighbours: Mapping[bytes, Neighbour], known: UploadRate | None) -> None:
        self._braid = braid
        self._neighbours = neighbours
        self._known = known
        self._company_since: float | None = None
        self._asked: dict[bytes, float | None] = {}
        """Whom the train under way went to, and the rate by which it came there."""
        self._train = -1
        self._first = -len(TRAINS)
        """The number of the first train of this try."""
        self._sent_at = 0.0
        self._sent_to = 0
        self._best = self._before = 0.0
        """The best sure rate of this try, and that of the train before, sure or not."""
        self._came: dict[bytes, _Train] = {}

    @property
    def rate(self) -> float | None:
        """Bytes a second that our upload carries, as far as that is known."""
        return self._known.rate if self._known is not None else None

    def tick(self, now: float) -> list[Send]:
        """Begin, when there is somebody to ask; give up those who do not answer."""
        known = self._known
        if known is None:
            return []
        if self._train >= 0:
            if now - self._sent_at < PATIENCE:
                return []
            self._asked = {peer: rate for peer, rate in self._asked.items() if rate is not None}
            return self._next(known, now)
        if known.settled or now < known.again_at:
            return []
        able = [
            peer
            for peer, neighbour in self._neighbours.items()
            if neighbour.takes_part and neighbour.role != "publisher" and not neighbour.quiet
        ]
        if able and self._company_since is None:
            self._company_since = now
        waited = self._company_since is not None and now - self._company_since >= COMPANY
        if len(able) < ASKED and not (able and waited):
            return []
        known.tries += 1
        known.again_at = now + AGAIN
        self._first += len(TRAINS)
        self._best = self._before = 0.0
        self._asked = dict.fromkeys(able[:ASKED])
        return self._send(0, now)

    def probed(self, peer: bytes, message: Probed, now: float) -> list[Send]:
        """A neighbour answers for a train of ours."""
        known = self._known
        number = self._first + self._train
        if known is None or message.train != number or self._asked.get(peer, 0.0) is not None:
            return []
        came = (due(TRAINS[self._train]) - 1) * SIZE
        self._asked[peer] = came / max(SHORTEST, message.spread / 1e6)
        return [] if None in self._asked.values() else self._next(known, now)

    def came(self, peer: bytes, message: Probe, now: float) -> list[Send]:
        """A message of somebody's train is here: when enough are, say in what time they came."""
        train = self._came.get(peer)
        if train is None or train.number < message.train:
            train = self._came[peer] = _Train(message.train, now)
        if train.number != message.train:
            return []  # it was lost, and comes amid the next one
        train.gaps.append(now - train.last)
        train.last = now
        if len(train.gaps) < due(message.count):
            return []
        spread = min(0xFFFFFFFF, round(train.take_spread() * 1e6))
        return [Send(peer, encode(Probed(self._braid, message.train, spread)))]

    def closed(self, peer: bytes) -> None:
        """The link to a neighbour is gone, and what was under way on it."""
        self._came.pop(peer, None)
        self._asked.pop(peer, None)

    # --- inside

    def _next(self, known: UploadRate, now: float) -> list[Send]:
        """All have answered, or have had their time: another train, if that would tell more."""
        rates = [rate for rate in self._asked.values() if rate is not None]
        # What went to those who did not answer took its part of the upload, too.
        whole = len(rates) == self._sent_to
        if whole:
            rate, before, self._before = sum(rates), self._before, sum(rates)
            took = (due(TRAINS[self._train]) - 1) * SIZE / max(rates)
            if took >= SURE:
                self._best = max(self._best, rate)
                if took >= LONG or rate < ALIKE * before:
                    known.rate, known.settled = self._best, True
        if rates and not known.settled and self._train + 1 < len(TRAINS):
            return self._send(self._train + 1, now)
        known.settled |= whole or known.tries >= TRIES
        self._train = -1
        self._asked = {}
        return []

    def _send(self, train: int, now: float) -> list[Send]:
        self._train, self._sent_at = train, now
        self._asked = dict.fromkeys(self._asked)
        self._sent_to = len(self._asked)
        data = encode(Probe(self._braid, self._first + train, TRAINS[train], SIZE))
        return [Send(peer, data, "blocks") for _ in range(TRAINS[train]) for peer in self._asked]


@dataclass(slots=True)
class _Train:
    """What has come of a train: when the last message did, and how long after the one before each."""

    number: int
    last: float
    gaps: list[float] = field(default_factory=list)

    def take_spread(self) -> float:
        """Seconds from the first message to the last, as if no gap were much longer than most."""
        gaps = sorted(self.gaps[1:])
        del self.gaps[1:]  # whatever else comes of it, it does not fill memory
        if not gaps:
            return 0.0
        median = gaps[len(gaps) // 2]
        return sum(gap if gap <= PARTED * median else median for gap in gaps)
