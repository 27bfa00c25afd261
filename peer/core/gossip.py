"""What neighbours tell each other of peers: walks through the mesh, one's own record, signatures to check.

Records are told as they were signed. What this peer has not checked itself it does not tell, so a record that
does not fit its signature convicts the neighbour that told it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

from peer.core.actions import Reject, Send, Verify
from peer.core.bucket import Bucket
from peer.core.introduction_actions import Sign
from peer.core.partial_view import PartialView
from peer.peer_record import MAX_BRAIDS, SIGNATURE, PeerRecord, PeerRecordError, read_record, signed_by_peer
from peer.signing import TAG_PEER
from peer.wire_introductions import MAX_TOLD, Peers, Shuffle, Told, encode

RESIGN = 15.0
"""Seconds for which one's own record is told before a new one is signed; it counts for 60 s."""
SHUFFLE_EVERY, SHUFFLE_AWAY = 10.0, 3.0
"""Seconds between own walks, times 0.5 to 1.5; views must be fresher while the introducer is away."""
WALK_STEPS = 3
WALKS, WALK_LIFE = 64, 10.0
SHUFFLES_BURST, SHUFFLES_RATE = 16.0, 2.0
RECORDS_BURST, RECORDS_RATE = 96.0, 12.0
"""Signatures that are checked for one neighbour: each costs 0.1 ms of one core."""
UNVERIFIED = 256
OTHERS = MAX_TOLD - 1
OTHERS_AT_FIRST = 3
"""A new link is about to carry a backlog: walks tell of more later."""
PROTOCOL_ERROR = 3
"""The reason of BYE."""

GossipAction: TypeAlias = Send | Verify | Reject | Sign


@dataclass(frozen=True, slots=True)
class _Claim:
    """A record whose signature is being checked."""

    teller: bytes
    hops: int
    born: float
    record: PeerRecord
    raw: bytes


class Gossip:
    """Its neighbours are those of `neighbours`, which its owner keeps up to date."""

    def __init__(
        self,
        own: bytes,
        room: str,
        record: PeerRecord,
        view: PartialView,
        neighbours: Collection[bytes],
        chance: Callable[[], float],
        now: float,
    ) -> None:
        self.record = record
        self.taken = self.forged = self.stale = self.ignored = 0
        """Records that were taken in, those with a wrong signature, old ones of nobody known, too many."""
        self._own = own
        self._room = room
        self._view = view
        self._neighbours = neighbours
        self._chance = chance
        self._wall = record.sequence - int(now * 1000)
        self._raw: bytes | None = None
        self._born = now
        self._signing_since = now
        self._resign_at = now
        self._shuffle_at = now + SHUFFLE_EVERY * chance()
        self._away = False
        self._walks: dict[int, tuple[bytes, float]] = {}
        """Of each walk that came by: who handed it on to us, and until when its answer may come."""
        self._claims: dict[int, _Claim] = {}
        self._token = 0
        self._shuffles: dict[bytes, Bucket] = {}
        self._records: dict[bytes, Bucket] = {}
        self._actions: list[GossipAction] = []

    def poll_actions(self) -> list[GossipAction]:
        actions, self._actions = self._actions, []
        return actions

    def next_timer(self) -> float:
        return min(self._shuffle_at, self._resign_at)

    def handle_timer(self, now: float) -> None:
        if now >= self._resign_at:
            self._resign(now)
        if now >= self._shuffle_at:
            self._walk(now)

    def expire(self, now: float) -> None:
        for walk in [walk for walk, (_, until) in self._walks.items() if now >= until]:
            del self._walks[walk]

    def describe(self, carries: bool, braids: tuple[bytes, ...], now: float) -> bool:
        """Whether we pass blocks on, and the braids that we take part in. True when that is new."""
        braids = braids[:MAX_BRAIDS]
        if (carries, braids) == (self.record.carries, self.record.braids):
            return False
        self.record = replace(self.record, carries=carries, braids=braids)
        self._resign(now)
        return True

    def signed(self, body: bytes, signature: bytes, now: float) -> None:
        """The answer to `Sign`: neighbours learn at once what is new."""
        if body == self.record.body():
            self._raw, self._born = body + signature, self._signing_since
            for peer in self._neighbours:
                self._send(peer, Peers(0, self._told(0, peer, now)))

    def signaling_up(self, up: bool, now: float) -> None:
        self._away = not up
        if self._away:
            self._shuffle_at = min(self._shuffle_at, now + SHUFFLE_AWAY * self._chance())

    def link_opened(self, peer: bytes, now: float) -> None:
        self._shuffles[peer] = Bucket(SHUFFLES_BURST, SHUFFLES_RATE, now)
        self._records[peer] = Bucket(RECORDS_BURST, RECORDS_RATE, now)
        self._send(peer, Peers(0, self._told(OTHERS_AT_FIRST, peer, now)))

    def link_closed(self, peer: bytes) -> None:
        self._shuffles.pop(peer, None)
        self._records.pop(peer, None)

    def shuffled(self, peer: bytes, shuffle: Shuffle, now: float) -> None:
        """A walk has come to us: it goes on, or its answer goes back."""
        if not self._shuffles[peer].take(now):
            self.ignored += 1
            return
        self._learn(peer, shuffle.told, now)
        following = self._any_but(peer) if shuffle.steps > 1 else None
        if following is None or shuffle.walk in self._walks or len(self._walks) >= WALKS:
            self._send(peer, Peers(shuffle.walk, self._told(OTHERS, peer, now)))
            return
        self._walks[shuffle.walk] = (peer, now + WALK_LIFE)
        told = self._told(OTHERS, following, now)
        self._send(following, Shuffle(shuffle.walk, shuffle.steps - 1, told))

    def told_of(self, peer: bytes, peers: Peers, now: float) -> None:
        """An answer to a walk, or news of a neighbour."""
        self._learn(peer, peers.told, now)
        back = self._walks.pop(peers.walk, None)
        if back is not None:
            self._send(back[0], Peers(peers.walk, self._told(OTHERS, back[0], now)))

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to `Verify`."""
        claim = self._claims.pop(token, None)
        if claim is None or claim.teller not in self._neighbours:
            return
        if not ok:
            self.forged += 1
            self._reject(claim.teller, "The signature of a peer's record does not fit it.")
        elif self._view.is_news(claim.record, now - claim.born, now):
            self.taken += 1
            linked = claim.record.peer in self._neighbours
            self._view.learn(claim.record, claim.raw, claim.born, claim.teller, claim.hops, linked)

    # --- inside

    def _resign(self, now: float) -> None:
        self._signing_since, self._resign_at = now, now + RESIGN
        sequence = max(self.record.sequence + 1, self._wall + int(now * 1000))
        self.record = replace(self.record, sequence=sequence)
        self._actions.append(Sign(self.record.body()))

    def _walk(self, now: float) -> None:
        every = SHUFFLE_AWAY if self._away else SHUFFLE_EVERY
        self._shuffle_at = now + every * (0.5 + self._chance())
        peer = self._any_but(None)
        if peer is not None:
            walk = 1 + int(self._chance() * 0xFFFFFFFF)
            self._send(peer, Shuffle(walk, WALK_STEPS, self._told(OTHERS, peer, now)))

    def _told(self, others: int, to: bytes, now: float) -> tuple[Told, ...]:
        """What `to` is told: our own record first, then others that we have checked."""
        own = () if self._raw is None else (Told(0, int((now - self._born) * 1000), self._raw),)
        return own + self._view.sample(others, to, now)

    def _learn(self, teller: bytes, told: tuple[Told, ...], now: float) -> None:
        for one in told:
            try:
                record = read_record(one.record)
            except PeerRecordError as error:
                self._reject(teller, str(error))
                return
            if record is not None and record.peer != self._own:
                self._consider(teller, one, record, now)

    def _consider(self, teller: bytes, told: Told, record: PeerRecord, now: float) -> None:
        age = told.age / 1000
        if not self._view.is_news(record, age, now):
            self.stale += record.peer not in self._view
            self._view.heard(record.peer, teller, told.hops)
            return
        if len(self._claims) >= UNVERIFIED or not self._records[teller].take(now):
            self.ignored += 1
            return
        self._token += 1
        self._claims[self._token] = _Claim(teller, told.hops, now - age, record, told.record)
        data = signed_by_peer(self._room, told.record[:-SIGNATURE])
        self._actions.append(Verify(self._token, record.key, TAG_PEER, data, told.record[-SIGNATURE:]))

    def _any_but(self, peer: bytes | None) -> bytes | None:
        others = [other for other in self._neighbours if other != peer]
        return others[int(self._chance() * len(others))] if others else None

    def _reject(self, peer: bytes, sentence: str) -> None:
        self._actions.append(Reject(peer, PROTOCOL_ERROR, sentence))

    def _send(self, peer: bytes, message: Shuffle | Peers) -> None:
        self._actions.append(Send(peer, encode(message)))
