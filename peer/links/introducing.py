"""Introductions through neighbours at one mesh: the shell of their core, between links and handshakes.

What the introducer would relay is written as link messages here and read again, so that the handshake is the
same whoever passed it on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from peer.core.actions import Links, Reject, Send, Verify
from peer.core.introduction_actions import Acquaint, Hand, IntroductionAction, Mediated, Sign, Undelivered
from peer.core.introductions import Introductions
from peer.core.link_actions import LEAVING
from peer.core.neighbour import Role
from peer.links.handshake import Handshake
from peer.peer_record import PeerRecord
from peer.signing import verify
from peer.wire import MALFORMED, WireError
from peer.wire_introductions import MAX_STEPS, RelayAnswer, RelayCandidate, RelayOffer, decode
from signaling import protocol
from signaling.protocol import from_base64url, to_base64url

log = logging.getLogger(__name__)

PURPOSE = "mesh"


class Host(Protocol):
    """The mesh."""

    def send(self, peer: bytes, data: bytes) -> bool: ...

    def want(self, purpose: str, peers: tuple[bytes, ...]) -> None: ...

    def refuse(self, peer: bytes, code: int, sentence: str) -> None: ...

    def acquainted(self, record: PeerRecord) -> None: ...

    def mediated(self, peer: bytes, possible: bool) -> None: ...

    def undelivered(self, peer: bytes, connection: bytes) -> None: ...

    def offer(self, offer: protocol.RelayedOffer) -> None: ...

    def answer(self, answer: protocol.RelayedAnswer) -> None: ...

    def candidate(self, candidate: protocol.RelayedCandidate) -> None: ...


class Introducing:
    """`core` decides; this carries out what it decides."""

    def __init__(
        self, handshake: Handshake, role: Role, limit: int, host: Host, chance: Callable[[], float]
    ) -> None:
        wall_ms = time.time_ns() // 1_000_000
        self.core = Introductions(
            handshake.key, handshake.nonce, handshake.room, role, limit, wall_ms, chance, time.monotonic()
        )
        self._handshake = handshake
        self._host = host
        self._by_neighbours: set[bytes] = set()
        """Connections whose offer neighbours are to pass on."""
        self._acting = False

    def take_part(self, carries: bool, braids: tuple[bytes, ...], hungry: bool, now: float) -> None:
        """What we do in which braids, and whether some stripe of them has no parent."""
        self.core.describe(carries, braids, now)
        self.core.hungry(hungry, now)
        self.act()

    def handle_timer(self, now: float) -> None:
        if now >= self.core.next_timer():
            self.core.handle_timer(now)
            self.act()

    # --- from the mesh

    def message(self, peer: bytes, data: bytes) -> None:
        """A message whose type is one of wire_introductions.TYPES."""
        try:
            message = decode(data)
        except WireError as error:
            self._host.refuse(peer, error.code, error.sentence)
            return
        self.core.received(peer, message, time.monotonic())
        self.act()

    def link_closed(self, peer: bytes, reason: str) -> None:
        self.core.link_closed(peer, reason == LEAVING, time.monotonic())
        self.act()

    def connection_closed(self, connection: bytes) -> None:
        """A connection is gone, whether it became a link or not."""
        self._by_neighbours.discard(connection)
        self.core.connection_closed(connection, time.monotonic())
        self.act()

    def ask_neighbours(self, connection: bytes) -> None:
        """The offer that is being made for this connection is for neighbours to pass on."""
        self._by_neighbours.add(connection)

    def refuse(self, connection: bytes) -> None:
        """An offer is not taken; if neighbours brought it, its sender is told."""
        self.core.refuse(connection, time.monotonic())
        self.act()

    def signal(self, message: protocol.Offer | protocol.Answer) -> bool:
        """Have neighbours pass on what is theirs to pass on; False for what is the introducer's."""
        now = time.monotonic()
        connection = bytes.fromhex(message.connection)
        key, nonce = from_base64url(message.key), from_base64url(message.nonce)
        signature = from_base64url(message.signature)
        if isinstance(message, protocol.Answer):
            taken = self.core.send_answer(RelayAnswer(connection, key, nonce, signature, message.sdp), now)
        elif connection in self._by_neighbours:
            self._by_neighbours.discard(connection)
            to = bytes.fromhex(message.to)
            offer = RelayOffer(MAX_STEPS, connection, to, key, nonce, signature, message.sdp)
            if not self.core.send_offer(offer, now):
                self._host.undelivered(to, connection)
            taken = True
        else:
            return False
        self.act()
        return taken

    def act(self) -> None:
        """Do what the core asks for. What that brings about comes after what was asked for before it."""
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self.core.poll_actions():
                for action in actions:
                    self._do(action)
        finally:
            self._acting = False

    # --- inside

    def _do(self, action: IntroductionAction) -> None:
        match action:
            case Send(peer, data):
                self._host.send(peer, data)
            case Verify():
                genuine = verify(action.key, action.tag, action.data, action.signature)
                self.core.verified(action.token, genuine, time.monotonic())
            case Sign(body):
                self.core.signed(body, self._handshake.sign_record(body), time.monotonic())
            case Reject(peer, _, sentence):
                self._host.refuse(peer, MALFORMED, sentence)
            case Links(peers):
                self._host.want(PURPOSE, peers)
            case Acquaint(record):
                self._host.acquainted(record)
            case Mediated(peer, possible):
                self._host.mediated(peer, possible)
            case Undelivered(peer, connection):
                log.info("No neighbour knows a way to %s.", peer.hex()[:8])
                self._host.undelivered(peer, connection)
            case Hand(peer, message):
                self._hand(peer.hex(), message)

    def _hand(self, sender: str, message: RelayOffer | RelayAnswer | RelayCandidate) -> None:
        """What neighbours brought, as the introducer would have brought it."""
        connection = message.connection.hex()
        if isinstance(message, RelayCandidate):
            self._host.candidate(
                protocol.RelayedCandidate(sender, connection, message.candidate, message.mid, message.m_line)
            )
            return
        key, nonce = to_base64url(message.key), to_base64url(message.nonce)
        signature = to_base64url(message.signature)
        if isinstance(message, RelayOffer):
            self._host.offer(protocol.RelayedOffer(sender, connection, key, nonce, message.sdp, signature))
        else:
            self._host.answer(protocol.RelayedAnswer(sender, connection, key, nonce, message.sdp, signature))
