"""The links of one emulated peer: the shell of a real link set, as a node's mesh is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peer import wire
from peer.core import link_actions as act
from peer.core.link_set import LinkSet
from peer.links.clock import VirtualClock
from peer.links.link import Channel, Link
from peer.simulator.codec import decode
from peer.simulator.member_introductions import MemberIntroductions
from peer.wire_introductions import TYPES
from signaling.protocol import Introduce, Left, RelayedAnswer, RelayedOffer, ServerMessage

PURPOSE = "braid:swarm"
"""Why the braid's links are wanted."""
PING_SAYS_MORE = 0.75
"""Seconds after which a PING is more than a repetition of the last STATUS: a sign of life."""


class LinkUser(Protocol):
    """Who is told of links and their messages."""

    def link_opened(self, peer: bytes) -> None: ...

    def link_closed(self, peer: bytes) -> None: ...

    def link_quiet(self, peer: bytes, quiet: bool) -> None: ...

    def link_drained(self, peer: bytes, buffered: int) -> None: ...

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None: ...


class EmulatedLink(Link, Protocol):
    """One end of an emulated link."""

    def drop(self) -> None:
        """Both ends lose the link without a BYE, as by a closed transport."""

    def round_trip(self) -> float:
        """Seconds that a PING would take now."""

    def spoken_within(self, seconds: float) -> bool:
        """Whether something was sent so recently that a PING says nothing more; it is counted as sent."""


class Switchboard(Protocol):
    """What peers reach without a link: the clock, the introducer's relaying, the transports themselves."""

    @property
    def clock(self) -> VirtualClock:
        """The virtual time."""

    @property
    def up(self) -> bool:
        """Whether the introducer can be reached."""

    def offer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        """Have an offer relayed; it comes out at `offered`."""

    def answer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        """Have an answer relayed; it comes out at `answered`."""

    def connect(self, caller: MemberLinks, callee: bytes, connection: bytes) -> None:
        """Begin the transport of both sides; each gets its end by `begin`."""

    def vanish(self, peer: bytes) -> None:
        """Nothing of `peer` or for it arrives any more."""


class MemberLinks:
    """Carries out what the link set of one peer decides, as a node's mesh does."""

    def __init__(
        self,
        board: Switchboard,
        own: bytes,
        limit: int,
        chance: Callable[[], float],
        user: LinkUser,
        introductions: MemberIntroductions | None = None,
    ) -> None:
        """Without `introductions`, links are only made by the introducer."""
        self.own = own
        self.gone = False
        """Its process has ended or hangs: nothing happens here any more, and nobody is told."""
        self._set = LinkSet(own, limit, chance)
        self._board = board
        self._clock = board.clock
        self._user = user
        self._acting = False
        self._open: dict[bytes, EmulatedLink] = {}
        self._connections: dict[bytes, EmulatedLink] = {}
        self._wanted: dict[str, set[bytes]] = {}
        self._filled: dict[bytes, int] = {}
        """Peers whose links were given blocks since they were last seen to be empty, and bytes of these."""
        self._introductions = introductions
        if introductions is not None:
            introductions.use(self, self._set)
        self.signaling_up(board.up)

    @property
    def peers(self) -> list[bytes]:
        """Those with an open link."""
        return list(self._open)

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        link = self._open.get(peer)
        if link is not None and link.send(data, channel) and channel == "blocks":
            self._set.used(peer, self._clock.now)
            self._filled[peer] = self._filled.get(peer, 0) + len(data)

    def want(self, peers: tuple[bytes, ...], purpose: str = PURPOSE) -> None:
        """Links to exactly these peers are wanted for the braid, or for what `purpose` says."""
        old, new = self._wanted.get(purpose, set()), set(peers)
        self._wanted[purpose] = new
        for peer in peers:
            if peer not in old:
                self._set.want(peer, purpose, self._clock.now)
        for peer in sorted(old - new):
            self._set.unwant(peer, purpose, self._clock.now)
        self._act()

    def befriend(self, peer: bytes) -> None:
        """A link to this neighbour is wanted for good."""
        self._set.want(peer, "neighbour", self._clock.now)
        self._act()

    def told(self, message: ServerMessage) -> None:
        """What the introducer says of links; other messages are not for them."""
        match message:
            case Introduce(peers):
                for who in peers:
                    self.introduced(bytes.fromhex(who.peer))
                    self.befriend(bytes.fromhex(who.peer))
            case RelayedOffer():
                self.offered(bytes.fromhex(message.sender), bytes.fromhex(message.connection))
            case RelayedAnswer():
                self.answered(bytes.fromhex(message.sender), bytes.fromhex(message.connection))
            case Left(peer):
                self.departed(bytes.fromhex(peer))
            case _:
                pass

    def round_trips(self) -> list[tuple[bytes, float]]:
        """Seconds by peer, for those with an open link."""
        return [(peer, link.round_trip()) for peer, link in self._open.items()]

    def expel(self, peer: bytes, reason: str) -> None:
        self._set.expel(peer, reason, self._clock.now)
        if self._introductions is not None:
            self._introductions.core.expelled(peer, self._clock.now)
        self._act()

    def drop(self, peer: bytes) -> None:
        """The transport of a link ends, at both of its ends."""
        if peer in self._open:
            self._open[peer].drop()

    def leave(self) -> None:
        """Say BYE everywhere; then its process ends."""
        self._set.leave(self._clock.now)
        self._act()
        self.gone = True

    def vanish(self) -> None:
        self.gone = True
        self._board.vanish(self.own)

    def next_timer(self) -> float | None:
        timer = self._set.next_timer()
        if self._introductions is None:
            return timer
        return min(self._introductions.core.next_timer(), timer if timer is not None else float("inf"))

    def handle_timer(self) -> None:
        self._set.handle_timer(self._clock.now)
        if self._introductions is not None:
            self._introductions.handle_timer()
        self._act()
        # A link says when it has drained, but not while it never filled.
        for peer in list(self._filled):
            self._tell_drained(peer)

    # --- from the introducer

    def signaling_up(self, up: bool) -> None:
        self._set.signaling_up(up, self._clock.now)
        if self._introductions is not None:
            self._introductions.core.signaling_up(up, self._clock.now)
        self._act()

    def introduced(self, peer: bytes) -> None:
        """Its key and nonce stand for those that would be checked where links are not emulated."""
        self._set.introduced(peer, bytes(32), peer, "", "", self._clock.now)
        self._act()

    def departed(self, peer: bytes) -> None:
        self._set.departed(peer, self._clock.now)
        self._act()

    def offered(self, peer: bytes, connection: bytes) -> None:
        self.introduced(peer)
        self._set.offer_received(peer, connection, self._clock.now)
        self._act()

    def answered(self, peer: bytes, connection: bytes) -> None:
        """`peer` has accepted our offer: the transport of both sides begins."""
        if self._set.connection(peer) != connection:
            return
        self._set.answer_received(peer, connection, self._clock.now)
        self._board.connect(self, peer, connection)

    def begin(self, link: EmulatedLink) -> None:
        """Our end of a transport that is being set up."""
        self._connections[link.connection] = link

    # --- from links

    def opened(self, link: Link) -> None:
        self._set.link_opened(link.peer, link.connection, self._clock.now)
        self._act()

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        peer, now = link.peer, self._clock.now
        if self._open.get(peer) is not link:
            return
        self._set.heard(peer, now)
        if channel == "control" and self._introductions is not None and data[0] in TYPES:
            self._introductions.received(peer, data)
        message = decode(data)
        if message is not None and not isinstance(message, wire.Ping):
            if not isinstance(message, wire.Status):
                self._set.used(peer, now)
            self._user.link_message(peer, message, data)
        self._act()

    def drained(self, link: Link, channel: Channel) -> None:
        if channel == "blocks" and self._open.get(link.peer) is link and not self.gone:
            self._tell_drained(link.peer)

    def closed(self, link: Link, reason: str) -> None:
        self._connections.pop(link.connection, None)
        if self._introductions is not None:
            self._introductions.core.connection_closed(link.connection, self._clock.now)
        self._set.link_closed(link.peer, link.connection, reason, self._clock.now)
        self._act()

    # --- inside

    def _tell_drained(self, peer: bytes) -> None:
        buffered = self._open[peer].buffered("blocks")
        if buffered == 0:
            self._filled.pop(peer, None)
        self._user.link_drained(peer, buffered)

    def _act(self) -> None:
        """Do what the set asks for. What that brings about comes after what was asked for before it."""
        if self._acting or self.gone:
            return
        if not self._set.asks and (self._introductions is None or not self._introductions.core.asks):
            return
        self._acting = True
        while actions := self._poll():
            for action in actions:
                self._do(action)
        self._acting = False

    def _poll(self) -> list[act.Action]:
        if self._introductions is not None:
            self._introductions.act()
        return self._set.poll_actions()

    def _do(self, action: act.Action) -> None:
        match action:
            case act.Connect(peer, connection, mediated):
                if mediated and self._introductions is not None:
                    self._introductions.offer(peer, connection)
                else:
                    self._board.offer(self.own, peer, connection)
            case act.Accept(peer, connection):
                if self._introductions is None or not self._introductions.answer(connection):
                    self._board.answer(self.own, peer, connection)
            case act.Close(_, connection, reason):
                if self._introductions is not None:
                    self._introductions.core.connection_closed(connection, self._clock.now)
                link = self._connections.pop(connection, None)
                if link is not None:
                    link.close(reason)
            case act.Opened(peer):
                opened = self._set.connection(peer)
                assert opened is not None
                self._open[peer] = self._connections[opened]
                if self._introductions is not None:
                    self._introductions.core.link_opened(peer, self._clock.now)
                self._user.link_opened(peer)
            case act.Closed(peer, reason):
                if self._introductions is not None:
                    self._introductions.link_closed(peer, reason)
                del self._open[peer]
                self._filled.pop(peer, None)
                self._user.link_closed(peer)
            case act.Quiet(peer):
                self._user.link_quiet(peer, True)
            case act.Loud(peer):
                self._user.link_quiet(peer, False)
            case act.SendPing(peer):
                # Both ends ask, so neither needs an answer to be heard.
                link = self._open.get(peer)
                if link is not None and not link.spoken_within(PING_SAYS_MORE):
                    self.send(peer, wire.encode(wire.Ping(bytes(16), int(self._clock.now * 1e6))), "control")
            case act.Refuse(_, connection):
                if self._introductions is not None:
                    self._introductions.refuse(connection)
            case act.Unreachable(peer):
                if self._introductions is not None:
                    self._introductions.core.unreachable(peer, self._clock.now)
