"""Introductions through neighbours at one emulated peer: the shell of the real core.

Offers and answers carry no session description, and signatures are digests: what they protect against in
production would cost a simulation its time, and a forged one is still told from a true one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from peer.core.actions import Links, Reject, Send, Verify
from peer.core.introduction_actions import Acquaint, Hand, Mediated, Sign, Undelivered
from peer.core.introductions import Introductions
from peer.core.link_actions import FAILED, LEAVING, PROTOCOL_ERROR
from peer.core.link_set import LinkSet
from peer.core.neighbour import Role
from peer.links.link import Channel
from peer.peer_record import signed_by_peer
from peer.signing import peer_id
from peer.wire_introductions import MAX_STEPS, RelayAnswer, RelayOffer, decode

PURPOSE = "mesh"
ROOM = "room"
_UNUSED = bytes(64)
"""Stands for the signature of an offer or answer."""


def signature_of(key: bytes, data: bytes) -> bytes:
    """What stands for an Ed25519 signature (64 bytes)."""
    return sha256(key + data).digest() * 2


class Owner(Protocol):
    """The links of the same peer."""

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None: ...

    def want(self, peers: tuple[bytes, ...], purpose: str = ...) -> None: ...

    def expel(self, peer: bytes, reason: str) -> None: ...

    def offered(self, peer: bytes, connection: bytes) -> None: ...

    def answered(self, peer: bytes, connection: bytes) -> None: ...


class MemberIntroductions:
    """`clock` tells the virtual time; `wall_ms` is the peer's own time of day, right or wrong."""

    def __init__(
        self,
        key: bytes,
        role: Role,
        limit: int,
        wall_ms: int,
        chance: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.core = Introductions(key, peer_id(key), ROOM, role, limit, wall_ms, chance, clock())
        self._key = key
        self._clock = clock
        self._owner: Owner
        self._set: LinkSet
        self._acting = False

    def use(self, owner: Owner, links: LinkSet) -> None:
        """These are the links of the peer, and the set that decides about them."""
        self._owner, self._set = owner, links

    def take_part(self, carries: bool, braids: tuple[bytes, ...], hungry: bool) -> None:
        """What the peer does in which braids, and whether some stripe of them has no parent."""
        self.core.describe(carries, braids, self._clock())
        self.core.hungry(hungry, self._clock())
        self.act()

    def offer(self, peer: bytes, connection: bytes) -> None:
        """Have an offer passed on."""
        offer = RelayOffer(MAX_STEPS, connection, peer, self._key, self.core.nonce, _UNUSED, "")
        if not self.core.send_offer(offer, self._clock()):
            self._set.link_failed(peer, connection, FAILED, self._clock())
        self.act()

    def answer(self, connection: bytes) -> bool:
        """Answer an offer; False when it did not come by neighbours."""
        answer = RelayAnswer(connection, self._key, self.core.nonce, _UNUSED, "")
        sent = self.core.send_answer(answer, self._clock())
        self.act()
        return sent

    def refuse(self, connection: bytes) -> None:
        self.core.refuse(connection, self._clock())
        self.act()

    def received(self, peer: bytes, data: bytes) -> None:
        self.core.received(peer, decode(data), self._clock())
        self.act()

    def link_closed(self, peer: bytes, reason: str) -> None:
        self.core.link_closed(peer, reason == LEAVING, self._clock())
        self.act()

    def handle_timer(self) -> None:
        if self._clock() >= self.core.next_timer():
            self.core.handle_timer(self._clock())
            self.act()

    def act(self) -> None:
        """Do what the core asks for. What that brings about comes after what was asked for before it."""
        if self._acting or not self.core.asks:
            return
        self._acting = True
        while actions := self.core.poll_actions():
            for action in actions:
                self._do(action)
        self._acting = False

    def _do(self, action: object) -> None:
        now = self._clock()
        match action:
            case Send(peer, data):
                self._owner.send(peer, data, "control")
            case Verify():
                genuine = action.signature == signature_of(action.key, action.data)
                self.core.verified(action.token, genuine, now)
            case Sign(body):
                self.core.signed(body, signature_of(self._key, signed_by_peer(ROOM, body)), now)
            case Reject(peer):
                self._owner.expel(peer, PROTOCOL_ERROR)
            case Links(peers):
                self._owner.want(peers, PURPOSE)
            case Acquaint(record):
                self._set.introduced(record.peer, record.key, record.nonce, "", record.role, now)
            case Mediated(peer, possible):
                self._set.mediated(peer, possible, now)
            case Hand(peer, RelayOffer(connection=connection)):
                self._owner.offered(peer, connection)
            case Hand(peer, RelayAnswer(connection=connection)):
                self._owner.answered(peer, connection)
            case Undelivered(peer, connection):
                self._set.link_failed(peer, connection, FAILED, now)
