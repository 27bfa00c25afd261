"""Offers passed on between neighbours, and the way back for what answers them.

An offer goes from neighbour to neighbour towards its addressee and leaves a circuit behind: by its connection
id the answer, candidates and a failure find the way. Nothing goes where no offer went before, nothing is
multiplied, and an id that comes a second time is a loop. Every table and every rate here has a bound.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from peer.core.actions import Send
from peer.core.bucket import Bucket
from peer.core.introduction_actions import Hand, Undelivered
from peer.core.partial_view import PartialView
from peer.wire_introductions import (
    LOOP,
    NO_WAY,
    NOT_TAKEN,
    TOO_FAR,
    TOO_OFTEN,
    Introducing,
    RelayAnswer,
    RelayCandidate,
    RelayFailed,
    RelayOffer,
    encode,
)

CIRCUITS = 256
PER_NEIGHBOUR = 32
"""Circuits that one neighbour's offers may hold: a flood of them leaves room for those of others."""
CIRCUIT_LIFE = 20.0
CANDIDATES = 64
"""For each side of a circuit."""
NEIGHBOUR_BURST, NEIGHBOUR_RATE = 16.0, 2.0
ORIGIN_BURST, ORIGIN_RATE = 6.0, 0.5
"""Offers that are passed on for one neighbour, and for one key, whoever brings them."""
ORIGINS = 256

RelayAction: TypeAlias = Send | Hand | Undelivered


@dataclass(slots=True)
class Circuit:
    """The way of one connection: `back` towards the peer that offered, `onward` towards the addressee.

    None is ourselves. `peer` is the addressee, or, where that is us, the peer that offered.
    """

    peer: bytes
    back: bytes | None
    onward: bytes | None
    until: float
    answered: bool = False
    candidates: dict[bytes, int] = field(default_factory=dict)


class Relaying:
    """The circuits through, from and to `own`, whose neighbours are those of `neighbours`."""

    def __init__(self, own: bytes, view: PartialView, neighbours: Collection[bytes]) -> None:
        self.relayed = self.refused = self.strayed = 0
        """Offers that were passed on, those that were not, and what fits no offer or came too often."""
        self._own = own
        self._view = view
        self._neighbours = neighbours
        self._circuits: dict[bytes, Circuit] = {}
        self._by_neighbour: dict[bytes, Bucket] = {}
        self._by_origin: dict[bytes, Bucket] = {}
        self._actions: list[RelayAction] = []

    def poll_actions(self) -> list[RelayAction]:
        actions, self._actions = self._actions, []
        return actions

    def expire(self, now: float) -> None:
        for connection in [id_ for id_, circuit in self._circuits.items() if now >= circuit.until]:
            del self._circuits[connection]

    def link_closed(self, neighbour: bytes) -> None:
        """Circuits through it end; those who wait for an answer that way are told."""
        self._by_neighbour.pop(neighbour, None)
        for connection, circuit in list(self._circuits.items()):
            if circuit.back == neighbour:
                del self._circuits[connection]
            elif circuit.onward == neighbour:
                self._end(connection, circuit, NO_WAY)

    # --- our own

    def send_offer(self, offer: RelayOffer, now: float) -> bool:
        """Have an offer of ours passed on; False when no neighbour knows the way."""
        way = self._view.way(offer.to, None)
        if way is None or not self._begin(offer.connection, offer.to, None, way, now):
            return False
        self._send(way, offer)
        return True

    def send_answer(self, answer: RelayAnswer) -> bool:
        """Answer an offer that neighbours passed on to us; False for any other."""
        circuit = self._circuits.get(answer.connection)
        if circuit is None or circuit.back is None or circuit.onward is not None:
            return False
        circuit.answered = True
        self._send(circuit.back, answer)
        return True

    def send_candidate(self, candidate: RelayCandidate) -> bool:
        """A candidate of ours, the way of its offer; False when that did not go by neighbours."""
        circuit = self._circuits.get(candidate.connection)
        ends = [] if circuit is None else [end for end in (circuit.back, circuit.onward) if end is not None]
        if len(ends) != 1:
            return False
        self._send(ends[0], candidate)
        return True

    def refuse(self, connection: bytes) -> None:
        """The offer that was handed to us is not taken: whoever made it is told."""
        circuit = self._circuits.get(connection)
        if circuit is not None and circuit.onward is None and not circuit.answered:
            self._end(connection, circuit, NOT_TAKEN)

    def close(self, connection: bytes) -> None:
        """A connection of ours ended soon after its offer: that neighbour is no good way to its peer."""
        circuit = self._circuits.pop(connection, None)
        if circuit is not None and circuit.onward is not None:
            self._view.misled(circuit.peer, circuit.onward)

    # --- what comes over links

    def offered(self, peer: bytes, offer: RelayOffer, now: float) -> None:
        onward: bytes | None = None
        reason = self._objection(peer, offer, now)
        if reason is None and offer.to != self._own:
            onward = offer.to if offer.to in self._neighbours else self._view.way(offer.to, peer)
            reason = NO_WAY if onward is None or onward == peer else None
        other = offer.sender if onward is None else offer.to
        if reason is None and not self._begin(offer.connection, other, peer, onward, now):
            reason = TOO_OFTEN
        if reason is not None:
            self.refused += 1
            self._send(peer, RelayFailed(offer.connection, reason))
        elif onward is None:
            self._actions.append(Hand(other, offer))
        else:
            self.relayed += 1
            self._send(onward, replace(offer, hops=offer.hops - 1))

    def answered(self, peer: bytes, answer: RelayAnswer) -> None:
        circuit = self._from_onward(peer, answer.connection)
        if circuit is not None:
            circuit.answered = True
            self._pass(circuit.back, circuit, answer)

    def candidate(self, peer: bytes, candidate: RelayCandidate) -> None:
        circuit = self._circuits.get(candidate.connection)
        if circuit is None or peer not in (circuit.back, circuit.onward):
            self.strayed += 1
            return
        count = circuit.candidates[peer] = circuit.candidates.get(peer, 0) + 1
        if count > CANDIDATES:
            self.strayed += 1
        else:
            self._pass(circuit.back if peer == circuit.onward else circuit.onward, circuit, candidate)

    def failed(self, peer: bytes, failed: RelayFailed) -> None:
        circuit = self._from_onward(peer, failed.connection)
        if circuit is not None:
            if failed.reason != NOT_TAKEN:
                self._view.misled(circuit.peer, peer)
            self._end(failed.connection, circuit, failed.reason)

    # --- inside

    def _objection(self, peer: bytes, offer: RelayOffer, now: float) -> int | None:
        if offer.sender == self._own or offer.connection in self._circuits:
            return LOOP
        by_neighbour = _allowance(self._by_neighbour, peer, NEIGHBOUR_BURST, NEIGHBOUR_RATE, now)
        by_origin = _allowance(self._by_origin, offer.sender, ORIGIN_BURST, ORIGIN_RATE, now)
        if not by_neighbour.take(now) or not by_origin.take(now):
            return TOO_OFTEN
        return TOO_FAR if offer.hops == 0 and offer.to != self._own else None

    def _begin(
        self, connection: bytes, peer: bytes, back: bytes | None, onward: bytes | None, now: float
    ) -> bool:
        theirs = sum(circuit.back == back for circuit in self._circuits.values())
        if len(self._circuits) >= CIRCUITS or theirs >= PER_NEIGHBOUR:
            return False
        self._circuits[connection] = Circuit(peer, back, onward, now + CIRCUIT_LIFE)
        return True

    def _from_onward(self, peer: bytes, connection: bytes) -> Circuit | None:
        """The circuit of what may come but once, and only from where the offer went."""
        circuit = self._circuits.get(connection)
        if circuit is None or circuit.onward != peer or circuit.answered:
            self.strayed += 1
            return None
        return circuit

    def _end(self, connection: bytes, circuit: Circuit, reason: int) -> None:
        """The circuit leads nowhere; whoever offered is told, unless an answer has come through."""
        del self._circuits[connection]
        if circuit.answered:
            return
        if circuit.back is not None:
            self._send(circuit.back, RelayFailed(connection, reason))
        else:
            self._actions.append(Undelivered(circuit.peer, connection))

    def _pass(self, to: bytes | None, circuit: Circuit, message: RelayAnswer | RelayCandidate) -> None:
        if to is None:
            self._actions.append(Hand(circuit.peer, message))
        else:
            self._send(to, message)

    def _send(self, peer: bytes, message: Introducing) -> None:
        self._actions.append(Send(peer, encode(message)))


def _allowance(buckets: dict[bytes, Bucket], who: bytes, burst: float, rate: float, now: float) -> Bucket:
    bucket = buckets.get(who)
    if bucket is None:
        if len(buckets) >= ORIGINS:
            del buckets[next(iter(buckets))]
        bucket = buckets[who] = Bucket(burst, rate, now)
    return bucket
