"""A peer's place in the room: the introducer's client, with the delays and backoff of the real one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from peer.identity import Identity
from peer.introducer import RETRY_MAX, RETRY_MIN
from peer.links.clock import VirtualClock
from peer.signing import TAG_JOIN, join_payload
from peer.simulator.introducer import Desk
from signaling.protocol import (
    PROTOCOL_VERSION,
    Challenge,
    ClientMessage,
    Hello,
    Joined,
    Leave,
    Left,
    Neighbours,
    Role,
    ServerMessage,
    Welcome,
    from_base64url,
    to_base64url,
)

ROOM = "simulation"
CONNECT_TIMEOUT = 3.0
"""Seconds until an introducer that does not answer is given up for this time."""


class Told(Protocol):
    """Who is told of the room."""

    def joined(self, resumed: bool) -> list[ClientMessage]:
        """We are in; returns what is to hold: the announcement, the watch."""

    def cut_off(self) -> None:
        """The introducer is away."""

    def told(self, message: ServerMessage) -> None:
        """Anything but challenge and welcome."""


class Membership:
    """Joins, stays, and comes back after an outage."""

    def __init__(
        self,
        clock: VirtualClock,
        desk: Desk,
        identity: Identity,
        role: Role,
        delay: float,
        reaches: Callable[[], bool],
        chance: random.Random,
        told: Told,
    ) -> None:
        self.up = False
        self.company = 0
        """How many are in the room, as far as the introducer has told."""
        self._clock, self._desk, self._identity, self._role = clock, desk, identity, role
        self._delay, self._reaches, self._chance, self._told = delay, reaches, chance, told
        self._nonce = chance.randbytes(16)
        self._session: str | None = None
        self._socket: int | None = None
        self._failures = 0
        self._gone = False

    def join(self) -> None:
        """Open a socket; what follows comes by itself."""
        if self._gone:
            return
        self._socket = self._desk.open(self, self._delay, self._reaches)
        if self._socket is None:
            self._clock.post(self._clock.now + CONNECT_TIMEOUT, self._retry)

    def send(self, message: ClientMessage) -> bool:
        """False while the introducer is away."""
        if not self.up or self._socket is None:
            return False
        self._desk.send(self._socket, message)
        return True

    def leave(self) -> None:
        """Going for good."""
        self.send(Leave())
        self._gone = True

    def vanish(self) -> None:
        """The process ends; its operating system closes the socket."""
        self._gone = True
        if self._socket is not None:
            self._desk.close(self._socket)

    # --- from the desk

    def introducer_said(self, socket: int, message: ServerMessage) -> None:
        if socket != self._socket or self._gone:
            return
        if isinstance(message, Welcome | Joined | Left):
            self.company = message.count
        if isinstance(message, Challenge):
            self._desk.send(socket, self._hello(message))
        elif isinstance(message, Welcome):
            resumed = message.session == self._session
            self._session = message.session
            self.up, self._failures = True, 0
            for standing in self._told.joined(resumed):
                self._desk.send(socket, standing)
        else:
            self._told.told(message)

    def introducer_closed(self, socket: int) -> None:
        if socket != self._socket or self._gone:
            return
        self._socket = None
        was_up, self.up = self.up, False
        if was_up:
            self._told.cut_off()
        self._retry()

    def ask_for_company(self, links: int) -> None:
        """Somebody to talk to is missing."""
        self.send(Neighbours(links))

    # --- inside

    def _retry(self) -> None:
        longest = min(RETRY_MIN * 2.0**self._failures, RETRY_MAX)
        self._failures = min(self._failures + 1, 16)
        self._clock.post(self._clock.now + longest * (0.5 + 0.5 * self._chance.random()), self.join)

    def _hello(self, challenge: Challenge) -> Hello:
        payload = join_payload(ROOM, from_base64url(challenge.nonce), self._identity.key, self._nonce)
        return Hello(
            version=PROTOCOL_VERSION,
            room=ROOM,
            key=to_base64url(self._identity.key),
            nonce=to_base64url(self._nonce),
            signature=to_base64url(self._identity.sign(TAG_JOIN, payload)),
            role=self._role,
            session=self._session,
        )
