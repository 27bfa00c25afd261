"""The introducer without its sockets: events in, messages out.

The shell numbers its sockets, tells what comes over them and when, and sends what `poll_actions` returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import assert_never

from signaling.core.actions import NORMAL, POLICY, TOO_LARGE, Action, Close, Send
from signaling.core.limits import MESSAGE_UNIT, Limits, TokenBucket
from signaling.core.members import Member
from signaling.core.moderating import Moderating
from signaling.core.networks import prefix_of
from signaling.core.pool import Chance
from signaling.core.room import Room, from_key
from signaling.core.timers import Timers
from signaling.description import Verify
from signaling.protocol import (
    CAPABILITY_NO_LINKS,
    TAG_JOIN,
    VERSIONS,
    Announce,
    Answer,
    Candidate,
    Challenge,
    ClientMessage,
    ErrorMessage,
    Hello,
    IceServer,
    Leave,
    Moderate,
    Neighbours,
    Offer,
    Ping,
    Pong,
    ProtocolError,
    Report,
    Unwatch,
    Watch,
    from_base64url,
    join_payload,
    peer_id,
    to_base64url,
    type_of,
)

FATAL = frozenset({"version", "malformed", "too-large", "signature", "not-joined", "duplicate", "room-full"})
"""Errors after which the socket is closed."""


@dataclass(slots=True, eq=False)
class _Socket:
    """A connection. `heard_at` is when the last message came."""

    number: int
    challenge: bytes
    bucket: TokenBucket
    heard_at: float
    prefix: str | None
    member: Member | None = None
    room: Room | None = None
    strikes: int = 0
    closed: bool = False


class Rooms:
    """All rooms of one introducer.

    `secret` gives unpredictable bytes, `verify` checks signatures, `sequence` is where plans begin to count:
    greater than an earlier process got.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        chance: Chance,
        secret: Callable[[int], bytes],
        verify: Verify,
        ice_servers: list[IceServer],
        sequence: int = 1,
    ) -> None:
        self.limits = limits
        self.rooms: dict[str, Room] = {}
        self._chance = chance
        self._secret = secret
        self._verify = verify
        self._ice_servers = ice_servers
        self._sequence = count(sequence)
        self._sockets: dict[int, _Socket] = {}
        self._sessions: dict[str, Member] = {}
        self._moderated: dict[str, Moderating] = {}
        self._timers = Timers()
        self._actions: list[Action] = []

    @property
    def peers(self) -> int:
        """How many peers there are in all rooms."""
        return len(self._sessions)

    def poll_actions(self) -> list[Action]:
        """What the shell is to do now."""
        actions = self._actions
        self._actions = []
        return actions

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called."""
        return self._timers.next()

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._timers.run(now)

    def connected(self, number: int, now: float, address: str | None = None) -> None:
        """A socket was opened from a network address, which is not kept: only the network's prefix is."""
        bucket = TokenBucket(self.limits.rate, self.limits.burst, now)
        socket = _Socket(number, self._secret(16), bucket, now, prefix_of(address))
        self._sockets[number] = socket
        self._act(Send((number,), Challenge(list(VERSIONS), [], to_base64url(socket.challenge))))
        self._timers.at(now + self.limits.hello_timeout, partial(self._expect_hello, socket))
        self._timers.at(now + self.limits.silence, partial(self._expect_sound, socket))

    def disconnected(self, number: int, now: float) -> None:
        """A socket was closed, by whomever."""
        socket = self._sockets.pop(number, None)
        if socket is None:
            return
        socket.closed = True
        member, room = socket.member, socket.room
        if member is not None and room is not None and member.socket == number:
            room.drop(member, now)
            self._timers.at(now + self.limits.grace, partial(self._expect_return, room, member, now))

    def received(self, number: int, message: ClientMessage | None, size: int, now: float) -> None:
        """A message of `size` bytes came; None is one of a type that is not known."""
        socket = self._sockets.get(number)
        if socket is None or socket.closed:
            return
        socket.heard_at = now
        about = None if message is None else type_of(message)
        if not socket.bucket.take(1 + size // MESSAGE_UNIT, now):
            self._too_fast(socket, about)
            return
        if message is None:
            return
        try:
            self._handle(socket, message, now)
        except ProtocolError as error:
            self._refuse(socket, error, about)

    def malformed(self, number: int, error: ProtocolError, now: float) -> None:
        """What came is no message."""
        socket = self._sockets.get(number)
        if socket is not None and not socket.closed:
            socket.heard_at = now
            self._refuse(socket, error, None)

    def _handle(self, socket: _Socket, message: ClientMessage, now: float) -> None:
        if isinstance(message, Hello):
            self._hello(socket, message, now)
            return
        member, room = socket.member, socket.room
        if member is None or room is None:
            raise ProtocolError("not-joined", "Join a room first: the first message is a hello.")
        match message:
            case Ping():
                self._act(Send((socket.number,), Pong()))
            case Offer() | Answer() | Candidate():
                room.relay(member, message)
            case Report():
                for peer in dict.fromkeys([*message.lost, *message.failed]):
                    lost = room.members.get(peer)
                    if lost is not None and lost.socket is None:
                        self._remove(room, lost, now)
                room.report(member, message, now)
            case Watch():
                room.watch(member, message, now)
            case Unwatch():
                room.unwatch(member, message, now)
            case Announce():
                room.announce(member, message, now)
            case Neighbours():
                room.neighbours(member, message, now)
            case Moderate():
                self._moderate(room, message, now)
            case Leave():
                self._close(socket, NORMAL)
                self._remove(room, member, now)
            case _:  # pragma: no cover
                assert_never(message)

    def _hello(self, socket: _Socket, hello: Hello, now: float) -> None:
        if socket.member is not None:
            raise ProtocolError("duplicate", "There was a hello on this socket already.")
        try:
            key, nonce = from_base64url(hello.key), from_base64url(hello.nonce)
            signature = from_base64url(hello.signature)
        except ValueError as error:
            raise ProtocolError("malformed", str(error)) from error
        if not self._verify(key, TAG_JOIN, join_payload(hello.room, socket.challenge, key, nonce), signature):
            raise ProtocolError(
                "signature", "The signature of the hello does not fit its key and this challenge."
            )
        peer = peer_id(key).hex()
        room = self.rooms.get(hello.room)
        moderating = self._moderating(hello, room)
        refusal = None if moderating is None else moderating.refusal(key, now)
        if refusal is not None:
            raise ProtocolError("refused", refusal)
        member = room.members.get(peer) if room is not None else None
        if hello.session is not None:
            known = self._sessions.get(hello.session)
            if known is not None and known is not member:
                raise ProtocolError("unknown-session", "That session is not one of yours in this room.")
            if known is not None and room is not None and known.role == hello.role:
                self._resume(socket, room, known, hello, now)
                return
        if member is not None and room is not None:
            self._replace(room, member, now)
        self._join(socket, hello, peer, key, now)

    def _moderating(self, hello: Hello, room: Room | None) -> Moderating | None:
        """The measures of a room. Who comes first says who owns it, for as long as it is remembered.

        A peer that comes into a room that is there already cannot take it over.
        """
        known = self._moderated.pop(hello.room, None)
        if known is None and room is None and hello.owner is not None:
            owner = from_key(hello.owner)
            known = None if owner is None else Moderating(hello.room, owner, self._verify)
        if known is not None:
            self._moderated[hello.room] = known  # the last in order, as it was asked for last
            if len(self._moderated) > self.limits.moderated_rooms:
                del self._moderated[next(iter(self._moderated))]
        return known

    def _moderate(self, room: Room, message: Moderate, now: float) -> None:
        moderating = self._moderated.get(room.name)
        if moderating is None:
            raise ProtocolError("refused", "Nobody has said who owns this room when it began.")
        for measure in message.measures:
            peer = moderating.take(measure, now)
            member = None if peer is None else room.members.get(peer)
            if member is not None:
                self._expel(room, member, moderating.refusal(member.key, now) or "", now)

    def _expel(self, room: Room, member: Member, sentence: str, now: float) -> None:
        socket = self._sockets.get(member.socket) if member.socket is not None else None
        self._remove(room, member, now)
        if socket is not None:
            socket.member = None
            self._refuse(socket, ProtocolError("refused", sentence), None)

    def _join(self, socket: _Socket, hello: Hello, peer: str, key: bytes, now: float) -> None:
        room = self.rooms.get(hello.room)
        if room is None:
            if len(self.rooms) >= self.limits.rooms:
                raise ProtocolError(
                    "room-full", f"This server has {len(self.rooms)} rooms and takes no more."
                )
            room = self.rooms[hello.room] = Room(
                hello.room,
                self.limits,
                self._timers,
                self._chance,
                self._verify,
                self._act,
                self._sequence,
            )
        elif len(room.members) >= self.limits.peers_per_room:
            raise ProtocolError("room-full", f"The room has {len(room.members)} peers and takes no more.")
        member = Member(
            id=peer,
            key=key,
            nonce=hello.nonce,
            name=hello.name,
            role=hello.role,
            session=to_base64url(self._secret(16)),
            socket=socket.number,
            joined_at=now,
            prefix=socket.prefix,
            links=CAPABILITY_NO_LINKS not in hello.capabilities,
            returned=hello.session is not None,
        )
        socket.member, socket.room = member, room
        self._sessions[member.session] = member
        room.enter(member, self._ice_servers, now)

    def _resume(self, socket: _Socket, room: Room, member: Member, hello: Hello, now: float) -> None:
        old = self._sockets.get(member.socket) if member.socket is not None else None
        if old is not None:
            old.member = None
            self._close(old, NORMAL)
        member.socket = socket.number
        member.prefix = socket.prefix
        socket.member, socket.room = member, room
        room.renew(member, hello.name, hello.nonce, self._ice_servers, now)

    def _replace(self, room: Room, member: Member, now: float) -> None:
        """The same key joined anew: a program that was started again, or a second one, which wins."""
        old = self._sockets.get(member.socket) if member.socket is not None else None
        self._remove(room, member, now, keep=True)
        if old is not None:
            old.member = None
            self._refuse(
                old, ProtocolError("duplicate", "The same key joined this room from elsewhere."), None
            )

    def _remove(self, room: Room, member: Member, now: float, *, keep: bool = False) -> None:
        """A member is gone for good; its room as well if it was the last, unless it is to be kept."""
        member.socket = None
        del self._sessions[member.session]
        room.remove(member, now)
        if not keep:
            self._drop_if_empty(room)
            if not room.members:
                self._timers.at(now + self.limits.grace, lambda later: self._drop_if_empty(room))

    def _drop_if_empty(self, room: Room) -> None:
        if room.empty and self.rooms.get(room.name) is room:
            del self.rooms[room.name]
            moderating = self._moderated.get(room.name)
            if moderating is not None and not len(moderating.moderation):
                del self._moderated[room.name]  # nothing was done: whoever comes next may own it

    def _expect_hello(self, socket: _Socket, now: float) -> None:
        if not socket.closed and socket.member is None:
            self._refuse(socket, ProtocolError("not-joined", "No hello came in time."), None)

    def _expect_sound(self, socket: _Socket, now: float) -> None:
        if socket.closed:
            return
        due = socket.heard_at + self.limits.silence
        if now < due:
            self._timers.at(due, partial(self._expect_sound, socket))
        else:
            self._close(socket, POLICY)

    def _expect_return(self, room: Room, member: Member, dropped_at: float, now: float) -> None:
        gone = member.socket is None and member.dropped_at == dropped_at
        if gone and self._sessions.get(member.session) is member:
            self._remove(room, member, now)

    def _too_fast(self, socket: _Socket, about: str | None) -> None:
        socket.strikes += 1
        fatal = socket.strikes > self.limits.strikes
        if fatal or socket.strikes % self.limits.strikes == 1:
            error = ErrorMessage(
                "rate", "That is more messages than one peer may send: slow down.", fatal, about
            )
            self._act(Send((socket.number,), error))
        if fatal:
            self._close(socket, POLICY)

    def _refuse(self, socket: _Socket, error: ProtocolError, about: str | None) -> None:
        fatal = error.code in FATAL or socket.member is None
        message = ErrorMessage(error.code, error.sentence[:1_024], fatal, about)
        self._act(Send((socket.number,), message))
        if fatal:
            self._close(socket, TOO_LARGE if error.code == "too-large" else POLICY)

    def _close(self, socket: _Socket, code: int) -> None:
        socket.closed = True
        self._act(Close(socket.number, code))

    def _act(self, action: Action) -> None:
        self._actions.append(action)
