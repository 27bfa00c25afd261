"""One room: who is in it, its streams and braids, and who is told what."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from signaling.core.acquaintance import Acquaintance
from signaling.core.actions import Action, Send
from signaling.core.braids import Braids
from signaling.core.limits import Limits
from signaling.core.members import Member
from signaling.core.pool import Chance, Pool
from signaling.core.streams import Streams
from signaling.core.timers import Timers
from signaling.description import Verify, open_description
from signaling.protocol import (
    PROTOCOL_VERSION,
    Announce,
    Answer,
    Candidate,
    IceServer,
    Introduce,
    Introduction,
    Joined,
    Left,
    Neighbours,
    Offer,
    ProtocolError,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    Report,
    RosterEntry,
    ServerMessage,
    Stream,
    Unwatch,
    Watch,
    Welcome,
    from_base64url,
)

ROSTER_BYTES = 32_768
STREAMS_BYTES = 28_672
"""Of a welcome, so that it fits a frame whatever people call themselves; more streams follow on their own."""
MORE_NEIGHBOURS = 3
MISSED_AFTER = 2.0
"""Seconds without a socket after which a peer is taken to be gone as far as its neighbours need others."""
ASK_INTERVAL = 1.0
"""Seconds between two requests for more neighbours."""


class Room:
    """A room and its members. The caller owns sockets and sessions."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        timers: Timers,
        chance: Chance,
        verify: Verify,
        act: Callable[[Action], None],
        sequence: Iterator[int],
    ) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.streams = Streams(limits.streams_per_room)
        self.braids = Braids(
            name, self.members, self.streams, timers, chance, self._tell, sequence, limits.publisher_budget
        )
        self._limits = limits
        self._timers = timers
        self._chance = chance
        self._verify = verify
        self._act = act
        self._acquaintance = Acquaintance(chance)
        self._crowd: Pool[str] = Pool()
        self._notable: dict[str, None] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self.members and not len(self.streams)

    def enter(self, member: Member, ice_servers: list[IceServer], now: float) -> None:
        """A newcomer is welcomed, announced and introduced."""
        self.members[member.id] = member
        if member.role in ("publisher", "relay"):
            self._notable[member.id] = None
        else:
            self._crowd.add(member.id)
        self.welcome(member, ice_servers)
        self._announce_presence(member)
        if member.links:
            peers = self._acquaintance.arrive(member.id, busy=member.role == "publisher")
            self._introduce(member, peers)
        self.braids.returned(member, now, other_nonce=True)

    def welcome(self, member: Member, ice_servers: list[IceServer]) -> None:
        """Tell a member what there is in the room."""
        streams: list[str] = []
        later: list[str] = []
        size = 0
        for stream in self.streams.all():
            size += len(stream.text)
            (streams if size <= STREAMS_BYTES else later).append(stream.text)
        self.send(
            member,
            Welcome(
                version=PROTOCOL_VERSION,
                peer=member.id,
                session=member.session,
                ice_servers=ice_servers,
                heartbeat=self._limits.heartbeat,
                roster=self._roster(member),
                count=len(self.members),
                streams=streams,
            ),
        )
        for text in later:
            self.send(member, Stream(text))

    def renew(self, member: Member, name: str, nonce: str, ice_servers: list[IceServer], now: float) -> None:
        """A member is back on another socket, perhaps by another name or with another nonce."""
        other_nonce = nonce != member.nonce
        other_name = name != member.name
        member.nonce = nonce
        member.name = name
        self.welcome(member, ice_servers)
        if other_name:
            self._announce_presence(member)
        if member.links:
            # What was said last on the old socket may not have come, and nobody would say it again.
            self._acquaintance.back(member.id)
            self._introduce(member, self._acquaintance.named(member.id, all_friends=False))
        self.braids.returned(member, now, other_nonce=other_nonce)

    def drop(self, member: Member, now: float) -> None:
        """A member has lost its socket."""
        member.socket = None
        member.dropped_at = now
        self.braids.dropped(member, now)
        if member.links:
            self._timers.at(now + MISSED_AFTER, partial(self._miss, member, now))

    def _miss(self, member: Member, dropped_at: float, now: float) -> None:
        """It has not come back at once: most such peers never do, and their neighbours need others."""
        known = self.members.get(member.id) is member
        if known and member.socket is None and member.dropped_at == dropped_at:
            self._acquaint(self._acquaintance.miss(member.id))

    def _acquaint(self, pairs: list[tuple[str, str]]) -> None:
        for first, second in pairs:
            self._introduce(self.members[first], [second])

    def remove(self, member: Member, now: float) -> None:
        """A member is gone for good."""
        del self.members[member.id]
        self._crowd.discard(member.id)
        self._notable.pop(member.id, None)
        self.braids.left(member, now)
        if member.id in self._acquaintance:
            self._acquaint(self._acquaintance.leave(member.id))
        if len(self.members) < self._limits.roster or member.role in ("publisher", "relay"):
            self.broadcast(Left(member.id, len(self.members)))
        names = self.streams.abandon(member.id, now)
        if names:

            def expired(later: float) -> None:
                for name in names:
                    if self.streams.expire(name, now):
                        self.braids.described(name, later)

            self._timers.at(now + self._limits.grace, expired)

    def announce(self, member: Member, message: Announce, now: float) -> None:
        """A publisher describes its stream.

        Raises:
            ProtocolError: it may not, or the description is wrong.
        """
        if member.role != "publisher":
            raise ProtocolError("refused", "Only a peer that joined as a publisher can announce a stream.")
        try:
            data = from_base64url(message.description)
        except ValueError as error:
            raise ProtocolError("malformed", str(error)) from error
        key, description = open_description(data, self._verify)
        if key != member.key:
            raise ProtocolError("refused", "The stream description is signed by another key than yours.")
        if description.room != self.name:
            raise ProtocolError("refused", f"The stream description is for the room {description.room}.")
        stream = self.streams.announce(key, description, message.description)
        if stream is None:
            return
        self.broadcast(Stream(stream.text), member)
        self.braids.described(description.stream, now)

    def watch(self, member: Member, message: Watch, now: float) -> None:
        """A member asks for a place in a braid.

        Raises:
            ProtocolError: it may not.
        """
        if not member.links:
            raise ProtocolError("refused", "A peer that opens no links has no place in a braid.")
        stream = self.streams.get(message.stream)
        if stream is not None and stream.publisher == member.id:
            raise ProtocolError("refused", "A publisher has no place in the braid of its own stream.")
        name = (message.stream, message.rendition)
        if name not in member.watches and len(member.watches) >= self._limits.watches_per_peer:
            raise ProtocolError(
                "refused", f"A peer watches at most {self._limits.watches_per_peer} renditions."
            )
        self.braids.watch(member, message, now)

    def unwatch(self, member: Member, message: Unwatch, now: float) -> None:
        """A member gives its place in a braid up."""
        self.braids.unwatch(member, message.stream, message.rendition, now)

    def report(self, member: Member, message: Report, now: float) -> None:
        """A member says how it fares in a braid."""
        member.sent += message.sent
        member.received += message.received
        self.braids.report(member, message, now)

    def neighbours(self, member: Member, message: Neighbours, now: float) -> None:
        """A member asks for more peers.

        Raises:
            ProtocolError: `rate`.
        """
        if now - member.asked_at < ASK_INTERVAL:
            raise ProtocolError("rate", f"Ask for neighbours at most every {ASK_INTERVAL:g} s.")
        member.asked_at = now
        if not member.links:
            return
        known = self._acquaintance.named(member.id, all_friends=True) if message.links == 0 else []
        self._introduce(member, [*self._acquaintance.more(member.id, MORE_NEIGHBOURS), *known])

    def relay(self, member: Member, message: Offer | Answer | Candidate) -> None:
        """Pass something about a link on to the peer that it is for.

        Raises:
            ProtocolError: `unknown-peer`, or `refused` for a key that is not the sender's.
        """
        other = self.members.get(message.to)
        if other is None or other.socket is None or other is member:
            raise ProtocolError("unknown-peer", f"The peer {message.to} is not in the room.")
        sender, connection = member.id, message.connection
        if isinstance(message, Candidate):
            way = message.candidate, message.sdp_mid, message.sdp_m_line_index
            self.send(other, RelayedCandidate(sender, connection, *way))
            return
        if from_key(message.key) != member.key:
            raise ProtocolError("refused", "An offer or answer has to carry your own key.")
        relayed = RelayedOffer if isinstance(message, Offer) else RelayedAnswer
        self.send(
            other, relayed(sender, connection, message.key, message.nonce, message.sdp, message.signature)
        )

    def send(self, member: Member, message: ServerMessage) -> None:
        """To one member, if it is not away."""
        if member.socket is not None:
            self._act(Send((member.socket,), message))

    def broadcast(self, message: ServerMessage, sender: Member | None = None) -> None:
        """To everybody but the sender."""
        sockets = tuple(
            member.socket
            for member in self.members.values()
            if member.socket is not None and member is not sender
        )
        if sockets:
            self._act(Send(sockets, message))

    def _tell(self, member: Member, message: ServerMessage) -> None:
        self.send(member, message)

    def _announce_presence(self, member: Member) -> None:
        if len(self.members) <= self._limits.roster or member.id in self._notable:
            self.broadcast(Joined(member.id, member.name, member.role, len(self.members)), member)

    def _introduce(self, member: Member, peers: Iterable[str]) -> None:
        introductions: list[Introduction] = []
        for peer in peers:
            other = self.members[peer]
            if other.socket is not None:
                introductions.append(other.introduction())
            else:
                self._acquaintance.turn(member.id, peer)  # it is told when it is back
        if introductions:
            self.send(member, Introduce(introductions))

    def _roster(self, member: Member) -> list[RosterEntry]:
        """The member itself, publishers and relays, and as many of the others as fit, drawn at random."""
        names = dict.fromkeys(
            [member.id, *self._notable, *self._crowd.draw(self._limits.roster, self._chance)]
        )
        entries: list[RosterEntry] = []
        size = 0
        for peer in names:
            entry = self.members[peer].entry()
            size += 96 + 6 * len(entry.name)
            if size > ROSTER_BYTES or len(entries) == self._limits.roster:
                break
            entries.append(entry)
        return entries


def from_key(text: str) -> bytes | None:
    """The bytes of a key, None when it is none."""
    try:
        return from_base64url(text)
    except ValueError:
        return None
