"""Introductions through neighbours: a state machine without I/O that keeps the mesh whole.

It tells neighbours of peers and learns of others from them (`gossip`, `partial_view`), passes offers on
(`relaying`), and wants links of its own while the introducer is away (`mending`): docs/protocol.md section 5.

Events are methods that take `now` (monotonic seconds) last; `poll_actions()` gives what to do; `next_timer()`
says when to call `handle_timer(now)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from peer.core.actions import Links
from peer.core.gossip import Gossip
from peer.core.introduction_actions import Acquaint, IntroductionAction, Mediated, Undelivered
from peer.core.mending import AVOID_FOR, Mending
from peer.core.neighbour import Role
from peer.core.partial_view import PartialView
from peer.core.relaying import Relaying
from peer.peer_record import PeerRecord
from peer.signing import peer_id
from peer.wire_introductions import (
    Introducing,
    Peers,
    RelayAnswer,
    RelayCandidate,
    RelayFailed,
    RelayOffer,
    Shuffle,
)

TICK = 1.0
LOST_FOR = 4.0
"""Seconds for which a lost peer is not tried again: if it is dead, its other neighbours know by then."""


class Introductions:
    """One peer's part in introducing the peers of a room to each other.

    `key` and `nonce` are those of its hello, `wall_ms` is the time of day by its own clock: only its own
    records are ever ordered by it, so it may be wrong. `limit` is the link set's.
    """

    def __init__(
        self,
        key: bytes,
        nonce: bytes,
        room: str,
        role: Role,
        limit: int,
        wall_ms: int,
        chance: Callable[[], float],
        now: float,
    ) -> None:
        own = peer_id(key)
        self.nonce = nonce
        self.view = PartialView(own, chance)
        self.mending = Mending(self.view, limit, chance)
        neighbours = self.mending.open
        record = PeerRecord(key, nonce, wall_ms, role, False, ())
        self.gossip = Gossip(own, room, record, self.view, neighbours, chance, now)
        self.relaying = Relaying(own, self.view, neighbours)
        self._tick_at = now + TICK
        self._links: tuple[bytes, ...] = ()
        self._actions: list[IntroductionAction] = []

    # --- verbs of the shell

    @property
    def asks(self) -> bool:
        """Whether `poll_actions` has anything to give."""
        return bool(self._actions)

    def poll_actions(self) -> list[IntroductionAction]:
        actions, self._actions = self._actions, []
        return actions

    def next_timer(self) -> float:
        return min(self._tick_at, self.gossip.next_timer())

    def handle_timer(self, now: float) -> None:
        self.gossip.handle_timer(now)
        if now >= self._tick_at:
            self._tick_at = now + TICK
            self.view.expire(now)
            self.relaying.expire(now)
            self.gossip.expire(now)
        self._update(now)

    # --- what we are

    def describe(self, carries: bool, braids: tuple[bytes, ...], now: float) -> None:
        """Whether we pass blocks on, and the braids that we take part in."""
        if self.gossip.describe(carries, braids, now):
            self._update(now)

    def signed(self, body: bytes, signature: bytes, now: float) -> None:
        """The answer to `Sign`."""
        self.gossip.signed(body, signature, now)
        self._update(now)

    def hungry(self, hungry: bool, now: float) -> None:
        """Whether some stripe that we want has no parent."""
        if hungry != self.mending.hungry:
            self.mending.hungry = hungry
            self._update(now)

    def set_limit(self, limit: int) -> None:
        self.mending.limit = limit

    # --- links

    def signaling_up(self, up: bool, now: float) -> None:
        self.mending.signaling_up(up, now)
        self.gossip.signaling_up(up, now)
        self._update(now)

    def link_opened(self, peer: bytes, now: float) -> None:
        self.mending.open[peer] = None
        self.view.link_opened(peer)
        self.gossip.link_opened(peer, now)
        self._update(now)

    def link_closed(self, peer: bytes, left: bool, now: float) -> None:
        """The link to `peer` is gone; `left`: it said that it leaves the room."""
        self.mending.open.pop(peer, None)
        self.mending.drop(peer, now + (AVOID_FOR if left else LOST_FOR))
        self.gossip.link_closed(peer)
        self.view.link_closed(peer)
        if left:
            self.view.forget(peer)
        self.relaying.link_closed(peer)
        self._update(now)

    def unreachable(self, peer: bytes, now: float) -> None:
        """The link set has given up on `peer` for now."""
        if peer in self.mending.wanted:
            self.mending.drop(peer, now + AVOID_FOR)
            self._update(now)

    def expelled(self, peer: bytes, now: float) -> None:
        """`peer` misbehaved: nothing is believed of it or told about it."""
        self.view.bar(peer, now)
        self.mending.drop(peer, now + AVOID_FOR)
        self._update(now)

    def connection_closed(self, connection: bytes, now: float) -> None:
        """A connection that was being made, by us or to us, has ended."""
        self.relaying.close(connection)
        self._update(now)

    # --- offers, answers and candidates of our own

    def send_offer(self, offer: RelayOffer, now: float) -> bool:
        """Have an offer of ours passed on; False when no neighbour knows the way."""
        sent = self.relaying.send_offer(offer, now)
        self._update(now)
        return sent

    def send_answer(self, answer: RelayAnswer, now: float) -> bool:
        """Answer an offer that neighbours passed on to us; False for any other."""
        sent = self.relaying.send_answer(answer)
        self._update(now)
        return sent

    def send_candidate(self, candidate: RelayCandidate, now: float) -> bool:
        """A candidate of ours, the way of its offer; False when that did not go by neighbours."""
        sent = self.relaying.send_candidate(candidate)
        self._update(now)
        return sent

    def refuse(self, connection: bytes, now: float) -> None:
        """The offer that was handed to us is not taken."""
        self.relaying.refuse(connection)
        self._update(now)

    # --- what comes over links

    def received(self, peer: bytes, message: Introducing, now: float) -> None:
        """A decoded message of a linked peer."""
        if peer not in self.mending.open:
            return
        match message:
            case Shuffle():
                self.gossip.shuffled(peer, message, now)
            case Peers():
                self.gossip.told_of(peer, message, now)
            case RelayOffer():
                self.relaying.offered(peer, message, now)
            case RelayAnswer():
                self.relaying.answered(peer, message)
            case RelayCandidate():
                self.relaying.candidate(peer, message)
            case RelayFailed():
                self.relaying.failed(peer, message)
            case _:  # pragma: no cover
                assert_never(message)
        self._update(now)

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to `Verify`."""
        self.gossip.verified(token, ok, now)
        self._update(now)

    # --- inside

    def _update(self, now: float) -> None:
        """Pass on what the parts ask for, and bring the wanted links and the ways to peers up to date."""
        self._actions += self.gossip.poll_actions()
        for action in self.relaying.poll_actions():
            if isinstance(action, Undelivered) and not self.view.reachable(action.peer):
                self.mending.drop(action.peer, now + AVOID_FOR)
            self._actions.append(action)
        for record in self.mending.balance(self.gossip.record.braids, now):
            self._actions.append(Acquaint(record))
        for peer, possible in self.view.poll_ways():
            self._actions.append(Mediated(peer, possible))
        links = tuple(self.mending.wanted)
        if links != self._links:
            self._links = links
            self._actions.append(Links(links))
