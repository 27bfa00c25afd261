"""The introducer of the simulation: the real `Rooms`, behind sockets that only take time."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

import msgspec

from peer.links.clock import VirtualClock
from peer.simulator.codec import check
from signaling.core.actions import Close, Send
from signaling.core.limits import Limits
from signaling.core.rooms import Rooms
from signaling.protocol import ClientMessage, ServerMessage

TIMER_GRAIN = 0.01
TCP_RETRY = 1.0


class Client(Protocol):
    """Who is at the other end of a socket."""

    def introducer_said(self, socket: int, message: ServerMessage) -> None:
        """A message came."""

    def introducer_closed(self, socket: int) -> None:
        """The socket is gone."""


class Desk:
    """One introducer process after another: `stop` ends it with all that it knew, `start` begins a new one.

    `delay` tells the seconds one way between a client and the introducer.
    """

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._clock = clock
        self._chance = random.Random(f"{seed} introducer")
        self._clients: dict[int, tuple[Client, float, Callable[[], bool]]] = {}
        self._sockets = 0
        self._starts = 0
        self._timer_at = float("inf")
        self.up = False
        self.rooms: Rooms
        self.received = self.sent = 0
        """Messages."""
        self.work: dict[str, tuple[int, float]] = {}
        """By type of message: how many, and seconds of this machine's time."""
        self.start()

    def start(self) -> None:
        """A process that knows nothing yet; its plans count on from far beyond those of the one before."""
        self._starts += 1
        self.rooms = Rooms(
            limits=Limits(peers_per_room=200_000, sockets=200_000),
            chance=self._chance,
            secret=self._chance.randbytes,
            verify=check,
            ice_servers=[],
            sequence=self._starts * 10**9,
        )
        self.up = True

    def stop(self) -> None:
        """Every socket breaks; nothing is kept."""
        self.up = False
        clients, self._clients = self._clients, {}
        for socket, (client, delay, _) in clients.items():
            self._clock.post(self._clock.now + delay, client.introducer_closed, socket)

    def open(self, client: Client, delay: float, reaches: Callable[[], bool]) -> int | None:
        """A new socket: a TCP and WebSocket handshake away. None while nobody answers."""
        if not self.up or not reaches():
            return None
        self._sockets += 1
        number = self._sockets
        self._clients[number] = (client, delay, reaches)
        self._clock.post(self._clock.now + 4 * delay, self._connected, number)
        return number

    def close(self, number: int) -> None:
        """The client's side broke off, or its process ended: the operating system tells."""
        client = self._clients.get(number)
        if client is not None:
            self._clock.post(self._clock.now + client[1], self._disconnected, number)

    def send(self, number: int, message: ClientMessage) -> None:
        """Have a message of the client's come to the introducer."""
        client = self._clients.get(number)
        if client is not None:
            self._clock.post(self._clock.now + client[1], self._received, number, message)

    # --- inside

    def _connected(self, number: int) -> None:
        if number in self._clients:
            self.rooms.connected(number, self._clock.now)
            self._act()

    def _disconnected(self, number: int) -> None:
        if self._clients.pop(number, None) is not None:
            began = perf_counter()
            self.rooms.disconnected(number, self._clock.now)
            self._act()
            self._worked("disconnected", began)

    def _received(self, number: int, message: ClientMessage) -> None:
        client = self._clients.get(number)
        if client is None:
            return
        if not client[2]():
            # TCP tries again until the way is open.
            self._clock.post(self._clock.now + TCP_RETRY, self._received, number, message)
            return
        self.received += 1
        began = perf_counter()
        self.rooms.received(number, message, len(msgspec.json.encode(message)), self._clock.now)
        self._act()
        self._worked(str(message.__struct_config__.tag), began)

    def _deliver(self, number: int, message: ServerMessage) -> None:
        client = self._clients.get(number)
        if client is None:
            return
        if client[2]():
            client[0].introducer_said(number, message)
        else:
            self._clock.post(self._clock.now + TCP_RETRY, self._deliver, number, message)

    def _worked(self, what: str, began: float) -> None:
        count, seconds = self.work.get(what, (0, 0.0))
        self.work[what] = (count + 1, seconds + perf_counter() - began)

    def _timer(self) -> None:
        self._timer_at = float("inf")
        if self.up:
            self.rooms.handle_timer(self._clock.now)
            self._act()

    def _act(self) -> None:
        for action in self.rooms.poll_actions():
            match action:
                case Send(sockets, message):
                    for socket in sockets:
                        client = self._clients.get(socket)
                        if client is not None:
                            self.sent += 1
                            self._clock.post(self._clock.now + client[1], self._deliver, socket, message)
                case Close(socket):
                    client = self._clients.pop(socket, None)
                    if client is not None:
                        self._clock.post(self._clock.now + client[1], client[0].introducer_closed, socket)
                        self.rooms.disconnected(socket, self._clock.now)
        due = self.rooms.next_timer()
        if due is not None and due < self._timer_at - TIMER_GRAIN:
            self._timer_at = max(due, self._clock.now)
            self._clock.post(self._timer_at, self._timer)
