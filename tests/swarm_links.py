"""How a swarm's members are linked: offers and answers relayed in two delays, links that are all alike."""

from __future__ import annotations

from collections.abc import Callable

from peer.links.memory import Network, Path
from peer.simulator.member_links import LinkUser as LinkUser
from peer.simulator.member_links import MemberLinks as MemberLinks


class Introducer:
    """Relays offers and answers while it is up. Links between any two have the same `path`."""

    def __init__(self, network: Network, path: Path) -> None:
        self.network = network
        self.path = path
        self.links: dict[bytes, MemberLinks] = {}
        self._up = True

    @property
    def clock(self) -> Network:
        return self.network

    @property
    def up(self) -> bool:
        return self._up

    @up.setter
    def up(self, up: bool) -> None:
        self._up = up
        for links in self.links.values():
            links.signaling_up(up)

    def relay(self, peer: bytes, take: Callable[[MemberLinks], None]) -> None:
        """Have `peer` take something, two delays from now."""

        def arrive() -> None:
            if not self.links[peer].gone:
                take(self.links[peer])

        if self._up:
            self.network.schedule(self.network.now + 2 * self.path.delay, arrive)

    def offer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        self.relay(to, lambda links: links.offered(sender, connection))

    def answer(self, sender: bytes, to: bytes, connection: bytes) -> None:
        self.relay(to, lambda links: links.answered(sender, connection))

    def connect(self, caller: MemberLinks, callee: bytes, connection: bytes) -> None:
        other = self.links[callee]
        ends = self.network.connect(caller.own, caller, callee, other, self.path, connection=connection)
        caller.begin(ends[0])
        other.begin(ends[1])

    def vanish(self, peer: bytes) -> None:
        self.network.vanish(peer)
