"""The peers of a room that this one knows: a partial view, refreshed by what neighbours tell.

Those with a link are the active view, all others the passive one, from which lost links are replaced
(HyParView). What is kept of a peer is a record that it signed itself; the view decides what may come in, how
long it counts, and through whom the peer can be reached. Ids are 16 bytes, times seconds on the own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from peer.peer_record import PeerRecord
from peer.wire_introductions import MAX_AGE, MAX_STEPS, Told

PASSIVE = 64
PER_NEIGHBOUR = 16
"""Passive entries that one neighbour may account for: none can fill the view by itself."""
LIFE = 60.0
"""Seconds for which a record counts after it was signed. A living peer signs a new one every 15 s."""
WAYS = 3
REMEMBERED = 1024
BARRED = 256
BARRED_FOR = 600.0


@dataclass(slots=True)
class Acquaintance:
    """A known peer. Its place is charged to `teller`; `ways`: which neighbours know it, by how many hops."""

    record: PeerRecord
    raw: bytes
    born: float
    teller: bytes
    linked: bool = False
    ways: dict[bytes, int] = field(default_factory=dict)

    def hops(self) -> int:
        """How many peers lie between; more than MAX_STEPS when no way is known."""
        return 0 if self.linked else min(self.ways.values(), default=MAX_STEPS) + 1


class PartialView:
    """`own` is never in it, nor is anybody who was barred."""

    def __init__(self, own: bytes, chance: Callable[[], float]) -> None:
        self._own = own
        self._chance = chance
        self._peers: dict[bytes, Acquaintance] = {}
        self._seen: dict[bytes, int] = {}
        """Of each peer the greatest sequence number that was ever taken in."""
        self._barred: dict[bytes, float] = {}
        self._moved: dict[bytes, None] = {}
        self._mediated: set[bytes] = set()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._peers)

    def __contains__(self, peer: object) -> bool:
        return peer in self._peers

    def get(self, peer: bytes) -> Acquaintance | None:
        return self._peers.get(peer)

    def reachable(self, peer: bytes) -> bool:
        """Whether a neighbour knows the peer."""
        known = self._peers.get(peer)
        return known is not None and bool(known.ways)

    def poll_ways(self) -> list[tuple[bytes, bool]]:
        """The peers to whom there is a way, or no longer one, since the last call."""
        moved, self._moved = self._moved, {}
        changes = [(peer, self.reachable(peer)) for peer in moved]
        changes = [(peer, way) for peer, way in changes if way != (peer in self._mediated)]
        for peer, way in changes:
            (self._mediated.add if way else self._mediated.discard)(peer)
        return changes

    # --- what neighbours tell

    def is_news(self, record: PeerRecord, age: float, now: float) -> bool:
        """Whether its signature is worth checking: newer than what was seen, young enough, of nobody barred.

        A record is taken in once: whoever keeps that of one who left can make nobody believe for longer that
        it is there, whatever age is claimed for it.
        """
        peer = record.peer
        if peer == self._own or self._barred.get(peer, 0.0) > now or age >= LIFE:
            return False
        return record.sequence > self._seen.get(peer, -1)

    def learn(
        self, record: PeerRecord, raw: bytes, born: float, teller: bytes, hops: int, linked: bool
    ) -> None:
        """Take in a verified record that `is_news` and was signed at `born`."""
        peer = record.peer
        self._remember(peer, record.sequence)
        known = self._peers.get(peer)
        if known is None:
            if not linked:
                self._make_place(teller)
            known = self._peers[peer] = Acquaintance(record, raw, born, teller, linked)
        else:
            known.record, known.raw, known.born = record, raw, born
        self.heard(peer, teller, hops)

    def heard(self, peer: bytes, teller: bytes, hops: int) -> None:
        """`teller` knows the peer; its own record (no hops) makes it no way to itself."""
        known = self._peers.get(peer)
        if known is None or teller == peer:
            return
        self._moved[peer] = None
        known.ways.pop(teller, None)
        if hops < MAX_STEPS:
            known.ways[teller] = hops
        if len(known.ways) > WAYS:
            del known.ways[next(iter(known.ways))]

    def misled(self, peer: bytes, teller: bytes) -> None:
        """There was no way to `peer` through `teller`."""
        known = self._peers.get(peer)
        if known is not None:
            self._moved[peer] = None
            known.ways.pop(teller, None)

    # --- links and ends

    def link_opened(self, peer: bytes) -> None:
        known = self._peers.get(peer)
        if known is not None:
            known.linked = True

    def link_closed(self, peer: bytes) -> None:
        """Nothing can be reached through it any more, and its own entry needs a passive place now."""
        for other, acquaintance in self._peers.items():
            if acquaintance.ways.pop(peer, None) is not None:
                self._moved[other] = None
        known = self._peers.pop(peer, None)
        if known is not None:
            known.linked = False
            self._make_place(known.teller)
            self._peers[peer] = known

    def forget(self, peer: bytes) -> None:
        """It is gone, by its own word or as far as we can tell; only a newer record brings it back."""
        if self._peers.pop(peer, None) is not None:
            self._moved[peer] = None

    def bar(self, peer: bytes, now: float) -> None:
        """It misbehaved: nothing about it is believed for ten minutes."""
        self.forget(peer)
        self._barred.pop(peer, None)
        if len(self._barred) >= BARRED:
            del self._barred[next(iter(self._barred))]
        self._barred[peer] = now + BARRED_FOR

    def expire(self, now: float) -> None:
        """Drop what is too old to be believed, links excepted."""
        for peer in [p for p, known in self._peers.items() if not known.linked and now - known.born >= LIFE]:
            self.forget(peer)

    # --- what it is for

    def way(self, peer: bytes, without: bytes | None) -> bytes | None:
        """The neighbour but `without` through which `peer` is nearest, the one heard of last among equals."""
        known = self._peers.get(peer)
        best: tuple[int, bytes] | None = None
        for teller, hops in known.ways.items() if known is not None else ():
            if teller != without and (best is None or hops <= best[0]):
                best = (hops, teller)
        return best[1] if best is not None else None

    def sample(self, count: int, to: bytes, now: float) -> tuple[Told, ...]:
        """Up to `count` peers by chance, to be told to `to`, of whom it could be introduced to through us."""
        fit = [
            known
            for peer, known in self._peers.items()
            if peer != to and now - known.born < LIFE and (known.linked or known.hops() < MAX_STEPS)
        ]
        return tuple(
            Told(known.hops(), min(MAX_AGE, max(0, int((now - known.born) * 1000))), known.raw)
            for known in self._drawn(fit, count)
        )

    def choose(self, braids: Collection[bytes], without: Collection[bytes]) -> PeerRecord | None:
        """Somebody to link to: one that carries one of `braids` if there is any, else anybody.

        First a neighbour is drawn, then one of those whom it told of: who invents many peers is drawn no
        more often than who tells of a few.
        """
        fit = [
            known
            for peer, known in self._peers.items()
            if not known.linked and known.ways and peer not in without
        ]
        shared = [k for k in fit if k.record.carries and any(b in braids for b in k.record.braids)]
        by_teller: dict[bytes, list[Acquaintance]] = {}
        for known in shared or fit:
            by_teller.setdefault(known.teller, []).append(known)
        if not by_teller:
            return None
        tellers = list(by_teller)
        theirs = by_teller[tellers[int(self._chance() * len(tellers))]]
        return theirs[int(self._chance() * len(theirs))].record

    # --- inside

    def _drawn(self, items: list[Acquaintance], count: int) -> list[Acquaintance]:
        drawn: list[Acquaintance] = []
        while items and len(drawn) < count:
            drawn.append(items.pop(int(self._chance() * len(items))))
        return drawn

    def _remember(self, peer: bytes, sequence: int) -> None:
        self._seen.pop(peer, None)
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[peer] = sequence

    def _make_place(self, teller: bytes) -> None:
        """The oldest of `teller` makes place if that has its share, else the oldest of who has most."""
        shares: dict[bytes, list[bytes]] = {}
        for peer, known in self._peers.items():
            if not known.linked:
                shares.setdefault(known.teller, []).append(peer)
        mine = shares.get(teller, [])
        if len(mine) >= PER_NEIGHBOUR:
            charged = mine
        elif sum(map(len, shares.values())) >= PASSIVE:
            charged = max(shares.values(), key=len)
        else:
            return
        self.forget(min(charged, key=lambda peer: self._peers[peer].born))
