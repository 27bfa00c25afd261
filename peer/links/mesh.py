"""All links of one peer: the shell of the link set, which decides what to open, watch and close."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from peer import wire
from peer.core import link_actions as act
from peer.core.bucket import Bucket
from peer.core.link_set import LinkSet
from peer.core.neighbour import Role
from peer.links.handshake import CheckedDescription, HandshakeError
from peer.links.introducing import Introducing
from peer.links.link import Channel, Link
from peer.links.webrtc import WebRtcLink, WebRtcLinks
from peer.peer_record import PeerRecord
from peer.wire_files import TYPES as FILES
from peer.wire_introductions import TYPES as INTRODUCTIONS
from peer.wire_typing import CHAT_TYPING
from signaling import protocol

log = logging.getLogger(__name__)

MESSAGES_PER_SECOND, MESSAGES_BURST = 500.0, 2000.0
"""Control messages taken from one link; honest peers stay far below."""
RAW = frozenset((*FILES, CHAT_TYPING))
"""Types that are read where they are understood."""
HOUSEKEEPING = (wire.Ping, wire.Pong, wire.Status)
"""What is said on a link that nobody uses."""


class MeshEvents(Protocol):
    """Who is told of links and their messages."""

    def link_opened(self, peer: bytes) -> None: ...

    def link_closed(self, peer: bytes) -> None: ...

    def link_quiet(self, peer: bytes, quiet: bool) -> None: ...

    def link_drained(self, peer: bytes, buffered: int) -> None: ...

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None: ...

    def link_raw_message(self, peer: bytes, data: bytes) -> None:
        """A message about a file, or about who is writing, as it came."""

    def ping(self, peer: bytes) -> wire.Ping: ...


class Mesh:
    """Links by peer id. `own` is the peer's id, `limit` the most links that it keeps."""

    def __init__(
        self,
        own: bytes,
        limit: int,
        webrtc: WebRtcLinks,
        events: MeshEvents,
        chance: Callable[[], float],
        role: Role = "viewer",
    ) -> None:
        self.set = LinkSet(own, limit, chance)
        self.introducing = Introducing(webrtc.handshake, role, limit, self, chance)
        self.webrtc = webrtc
        self.malformed = 0
        self.refused_offers = 0
        self._events = events
        self._acting = False
        self._open: dict[bytes, Link] = {}
        self._connections: dict[bytes, WebRtcLink] = {}
        self._offers: dict[bytes, CheckedDescription] = {}
        self._wanted: dict[str, set[bytes]] = {}
        self._allowance: dict[bytes, Bucket] = {}

    @property
    def peers(self) -> list[bytes]:
        """Those with an open link."""
        return list(self._open)

    def send(self, peer: bytes, data: bytes, channel: Channel = "control") -> bool:
        """Put a message on the link to `peer`; False when there is none or it is full."""
        link = self._open.get(peer)
        if link is None or not link.send(data, channel):
            return False
        if channel == "blocks":  # a child says little: without this its link would count as idle
            self.set.used(peer, time.monotonic())
        return True

    def want(self, purpose: str, peers: tuple[bytes, ...]) -> None:
        """Links to exactly these peers are wanted for that purpose."""
        now = time.monotonic()
        old, new = self._wanted.get(purpose, set()), set(peers)
        self._wanted[purpose] = new
        for peer in peers:
            if peer not in old:
                self.set.want(peer, purpose, now)
        for peer in sorted(old - new):
            self.set.unwant(peer, purpose, now)
        self._act()

    def expel(self, peer: bytes, reason: int, sentence: str) -> None:
        """`peer` sent what cannot be excused; `reason` is one of BYE."""
        log.warning("The link to %s is ended: %s", peer.hex()[:8], sentence)
        why = act.BAD_BLOCK if reason == 2 else act.PROTOCOL_ERROR
        self.set.expel(peer, why, time.monotonic())
        self.introducing.core.expelled(peer, time.monotonic())
        self._act()

    def refuse(self, peer: bytes, code: int, sentence: str) -> None:
        """`peer` broke the protocol: answered with ERROR, then expelled."""
        self.malformed += 1
        link = self._open.get(peer)
        if link is not None:
            link.fail(code, sentence)
        self.expel(peer, 3, sentence)

    def next_timer(self) -> float:
        timer = self.set.next_timer()
        introductions = self.introducing.core.next_timer()
        return introductions if timer is None else min(timer, introductions)

    def handle_timer(self, now: float) -> None:
        self.set.handle_timer(now)
        self.introducing.handle_timer(now)
        self._act()

    async def close(self) -> None:
        """Say BYE everywhere and free everything."""
        self.set.leave(time.monotonic())
        self._act()
        await self.webrtc.close()

    # --- from the introducer

    def signaling_up(self, up: bool) -> None:
        self.set.signaling_up(up, time.monotonic())
        self.introducing.core.signaling_up(up, time.monotonic())
        self._act()

    def introduced(self, who: protocol.Introduction) -> bytes:
        """The introducer told key and nonce of a peer; returns its id."""
        peer, key = bytes.fromhex(who.peer), protocol.from_base64url(who.key)
        if protocol.peer_id(key) == peer:
            nonce = protocol.from_base64url(who.nonce)
            self.set.introduced(peer, key, nonce, who.name, who.role, time.monotonic())
            self._act()
        return peer

    def befriend(self, peer: bytes) -> None:
        """A link to this neighbour is wanted for good."""
        self.set.want(peer, "neighbour", time.monotonic())
        self._act()

    def departed(self, peer: bytes) -> None:
        self.set.departed(peer, time.monotonic())
        self._act()

    def offer(self, offer: protocol.RelayedOffer) -> None:
        """An offer was relayed to us, by the introducer or by neighbours."""
        try:
            checked = self.webrtc.handshake.check_offer(offer)
        except HandshakeError as error:
            self.refused_offers += 1
            log.warning("An offer was refused. %s", error)
            self.introducing.refuse(bytes.fromhex(offer.connection))
            return
        now = time.monotonic()
        self._offers[checked.connection] = checked
        self.set.introduced(checked.peer, checked.key, checked.nonce, "", "", now)
        self.set.offer_received(checked.peer, checked.connection, now)
        self._act()
        self._offers.pop(checked.connection, None)

    def answer(self, answer: protocol.RelayedAnswer) -> None:
        """An answer to an offer of ours, if it proves to be that."""
        link = self._connections.get(bytes.fromhex(answer.connection))
        if link is None:
            return
        if link.take_answer(answer):
            self.set.answer_received(link.peer, link.connection, time.monotonic())
            self._act()
        else:
            self.refused_offers += 1

    def candidate(self, candidate: protocol.RelayedCandidate) -> None:
        link = self._connections.get(bytes.fromhex(candidate.connection))
        if link is not None and link.peer == bytes.fromhex(candidate.sender):
            link.take_candidate(candidate)

    # --- from neighbours

    def signal(self, message: protocol.Offer | protocol.Answer) -> bool:
        """Whether neighbours pass this on; else it is for the introducer."""
        taken = self.introducing.signal(message)
        self._act()
        return taken

    def acquainted(self, record: PeerRecord) -> None:
        """Neighbours told key and nonce of a peer."""
        self.set.introduced(record.peer, record.key, record.nonce, "", record.role, time.monotonic())

    def mediated(self, peer: bytes, possible: bool) -> None:
        self.set.mediated(peer, possible, time.monotonic())

    def undelivered(self, peer: bytes, connection: bytes) -> None:
        """No neighbour brings our offer to `peer`."""
        link = self._connections.pop(connection, None)
        if link is not None:
            link.close(act.FAILED)
        self.set.link_failed(peer, connection, act.FAILED, time.monotonic())

    # --- from links

    def opened(self, link: Link) -> None:
        self.set.link_opened(link.peer, link.connection, time.monotonic())
        self._act()

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        if self._open.get(link.peer) is not link:
            return
        now = time.monotonic()
        self.set.heard(link.peer, now)
        if channel == "control" and not self._allowance[link.peer].take(now):
            self.refuse(link.peer, wire.RATE, "Too many messages came in a short time.")
            return
        if channel == "control" and data[0] in INTRODUCTIONS:
            self.introducing.message(link.peer, data)
            self._act()
            return
        if wire.peek_type(data) in RAW:
            self.set.used(link.peer, now)
            self._events.link_raw_message(link.peer, data)
            self._act()
            return
        try:
            message = wire.decode(data)
        except wire.WireError as error:
            self.refuse(link.peer, error.code, error.sentence)
            return
        if message is None:
            return
        if not isinstance(message, HOUSEKEEPING):
            self.set.used(link.peer, now)
        self._events.link_message(link.peer, message, data)
        self._act()

    def drained(self, link: Link, channel: Channel) -> None:
        if channel == "blocks" and self._open.get(link.peer) is link:
            self._events.link_drained(link.peer, link.buffered(channel))

    def closed(self, link: Link, reason: str) -> None:
        self._connections.pop(link.connection, None)
        self.introducing.connection_closed(link.connection)
        self.set.link_closed(link.peer, link.connection, reason, time.monotonic())
        self._act()

    def buffers(self) -> list[tuple[bytes, int]]:
        """(peer, bytes of blocks that its link still holds)."""
        return [(peer, link.buffered("blocks")) for peer, link in self._open.items()]

    # --- inside

    def _act(self) -> None:
        """Do what the set asks for. What that brings about comes after what was asked for before it."""
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self._poll():
                for action in actions:
                    self._do(action)
        finally:
            self._acting = False

    def _poll(self) -> list[act.Action]:
        self.introducing.act()
        return self.set.poll_actions()

    def _do(self, action: act.Action) -> None:
        match action:
            case act.Connect(peer, connection, mediated):
                introduction = self.set.introduction(peer)
                if introduction is not None:
                    if mediated:
                        self.introducing.ask_neighbours(connection)
                    self._connections[connection] = self.webrtc.connect(
                        peer, introduction.nonce, connection, self
                    )
            case act.Accept(peer, connection):
                checked = self._offers.pop(connection, None)
                if checked is not None:
                    self._connections[connection] = self.webrtc.accept(checked, self)
            case act.Refuse(_, connection):
                self.refused_offers += 1
                self.introducing.refuse(connection)
            case act.Close(peer, connection, reason):
                self.introducing.connection_closed(connection)
                link = self._connections.pop(connection, None)
                if link is not None:
                    link.close(reason)
            case act.Opened(peer):
                connection_id = self.set.connection(peer)
                if connection_id is not None and connection_id in self._connections:
                    self._open[peer] = self._connections[connection_id]
                    self._allowance[peer] = Bucket(MESSAGES_BURST, MESSAGES_PER_SECOND, time.monotonic())
                    self.introducing.core.link_opened(peer, time.monotonic())
                    self._events.link_opened(peer)
            case act.Closed(peer, reason):
                if self._open.pop(peer, None) is not None:
                    self._allowance.pop(peer, None)
                    self.introducing.link_closed(peer, reason)
                    self._events.link_closed(peer)
            case act.Quiet(peer):
                self._events.link_quiet(peer, True)
            case act.Loud(peer):
                self._events.link_quiet(peer, False)
            case act.SendPing(peer):
                self.send(peer, wire.encode(self._events.ping(peer)))
            case act.Unreachable(peer):
                log.info("No link to %s can be made at the moment.", peer.hex()[:8])
                self.introducing.core.unreachable(peer, time.monotonic())
