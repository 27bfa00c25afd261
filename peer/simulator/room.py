"""What the worlds of all scenes share: clock, network, introducer, and the switchboard of all links."""

from __future__ import annotations

import random
from typing import Generic, Protocol, TypeVar

from peer.identity import Identity
from peer.links.clock import VirtualClock
from peer.simulator.introducer import Desk
from peer.simulator.member_links import MemberLinks
from peer.simulator.membership import Membership
from peer.simulator.network import Conditions, EmulatedNetwork
from peer.simulator.options import Options
from signaling.protocol import Answer, Offer, to_base64url


class Occupant(Protocol):
    """A peer of a room."""

    identity: Identity
    links: MemberLinks
    membership: Membership

    @property
    def id(self) -> bytes:
        """Its peer id."""

    @property
    def alive(self) -> bool:
        """Whether its program runs."""

    def leave(self) -> None:
        """It goes as it should."""

    def kill(self) -> None:
        """Its process ends."""


P = TypeVar("P", bound=Occupant)


class Room(Generic[P]):
    """Time, and those that are there."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seed = options.seed
        self.clock = VirtualClock()
        self.chance = random.Random(f"{options.seed} scene")
        conditions = Conditions(options.rtt, options.jitter, options.loss, unreachable=options.unreachable)
        self.network = EmulatedNetwork(self.clock, conditions, options.seed)
        self.server = bytes(16)
        self.network.paths.place(self.server, well_connected=True)
        self.desk = Desk(self.clock, options.seed)
        self.peers: dict[bytes, P] = {}
        """All that are there, in the order of their coming."""

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.clock.run_until(self.clock.now + seconds)

    # --- the switchboard

    @property
    def up(self) -> bool:
        return False  # each peer learns by its own socket that the introducer can be reached

    def offer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        peer = self.peers[sender]
        peer.membership.send(Offer(to.hex(), connection.hex(), to_base64url(peer.identity.key), "", "", ""))

    def answer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        peer = self.peers[sender]
        peer.membership.send(Answer(to.hex(), connection.hex(), to_base64url(peer.identity.key), "", "", ""))

    def connect(self, caller: MemberLinks, callee: bytes, connection: bytes) -> None:
        other = self.peers.get(callee)
        if other is None:
            return
        ends = self.network.connect(caller.own, caller, callee, other.links, connection)
        caller.begin(ends[0])
        other.links.begin(ends[1])

    def vanish(self, peer: bytes) -> None:
        self.network.remove(peer)

    # --- inside

    def reaches_server(self, peer: bytes) -> bool:
        """Whether what a peer sends now comes to the introducer."""
        return self.network.connected(peer, self.server)

    def new_identity(self, name: str) -> Identity:
        """The same key for the same name and seed."""
        return Identity(random.Random(f"{self.seed} {name}").randbytes(32))
