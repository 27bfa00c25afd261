"""Peers that introduce each other in memory: cores, links that are there at once, one clock, one seed."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random

from peer.core.actions import Links, Reject, Send, Verify
from peer.core.introduction_actions import (
    Acquaint,
    Hand,
    IntroductionAction,
    Mediated,
    Sign,
    Undelivered,
)
from peer.core.introductions import Introductions
from peer.identity import Identity
from peer.peer_record import signed_by_peer
from peer.signing import TAG_PEER
from peer.simulator.codec import check
from peer.wire_introductions import (
    MAX_STEPS,
    Introducing,
    RelayAnswer,
    RelayCandidate,
    RelayOffer,
    decode,
)

ROOM = "demo"
BRAID = b"braidbra"
DELAY = 0.02
NOTICED = 3.0
"""Seconds after which a link of a peer that died is given up."""


def identity(number: int) -> Identity:
    return Identity(Random(f"introductions {number}").randbytes(32))


def nonce(number: int) -> bytes:
    return bytes([number % 256]) * 16


class Someone:
    """One peer: its core, its links, and what came to it by neighbours."""

    def __init__(
        self,
        network: IntroductionNetwork,
        number: int,
        make: Callable[..., Introductions] = Introductions,
        limit: int = 12,
        wall_ms: int = 1_795_000_000_000,
        chances: Callable[[], float] | None = None,
    ) -> None:
        self.identity = identity(number)
        self.nonce = nonce(number)
        self.id = self.identity.id
        self.network = network
        self.alive = True
        self.links: dict[bytes, None] = {}
        self.wanted: tuple[bytes, ...] = ()
        self.mediated: set[bytes] = set()
        self.handed: list[Hand] = []
        self.undelivered: list[Undelivered] = []
        self.rejected: list[tuple[bytes, str]] = []
        self.tamper: Callable[[bytes], bytes] | None = None
        """What it does to every message that it sends."""
        self.core = make(
            self.identity.key,
            self.nonce,
            ROOM,
            "viewer",
            limit,
            wall_ms,
            chances or Random(number).random,
            network.now,
        )
        network.people[self.id] = self
        self._timer()

    def _timer(self) -> None:
        if self.alive:
            self.core.handle_timer(self.network.now)
            self.act()
            due = max(self.network.now + 0.001, self.core.next_timer())
            self.network.schedule(due, self._timer)

    def say(self, peer: bytes, data: bytes) -> None:
        """Send bytes to a linked peer."""
        self.network.post(self.id, peer, data)

    def offer(self, peer: bytes) -> bytes:
        """Ask neighbours to pass an offer on; returns its connection id."""
        connection = self.network.connection()
        offer = RelayOffer(MAX_STEPS, connection, peer, self.identity.key, self.nonce, bytes(64), "v=0")
        if not self.core.send_offer(offer, self.network.now):
            self.undelivered.append(Undelivered(peer, connection))
        self.act()
        return connection

    def act(self) -> None:
        while self.alive and (actions := self.core.poll_actions()):
            for action in actions:
                self._do(action)

    def _do(self, action: IntroductionAction) -> None:
        now = self.network.now
        match action:
            case Send(peer, data):
                self.say(peer, data if self.tamper is None else self.tamper(data))
            case Verify():
                genuine = check(action.key, action.tag, action.data, action.signature)
                self.core.verified(action.token, genuine, now)
            case Sign(body):
                signature = self.identity.sign(TAG_PEER, signed_by_peer(ROOM, body))
                self.core.signed(body, signature, now)
            case Reject(peer, _, sentence):
                self.rejected.append((peer, sentence))
                self.network.cut(self.id, peer)
                self.core.expelled(peer, now)
            case Links(peers):
                new = [peer for peer in peers if peer not in self.wanted and peer not in self.links]
                self.wanted = peers
                for peer in new:
                    self.offer(peer)
            case Acquaint():
                pass
            case Mediated(peer, possible):
                (self.mediated.add if possible else self.mediated.discard)(peer)
            case Hand(peer, RelayOffer() as offer):
                self.handed.append(action)
                answer = RelayAnswer(offer.connection, self.identity.key, self.nonce, bytes(64), "v=0")
                if self.network.takes_offers:
                    self.core.send_answer(answer, now)
            case Hand(peer, RelayAnswer()):
                self.handed.append(action)
                self.network.link(self.id, peer)
            case Hand(_, RelayCandidate()):
                self.handed.append(action)
            case Undelivered(peer):
                self.undelivered.append(action)
                self.core.unreachable(peer, now)


class IntroductionNetwork:
    """All peers of a room, and what is on its way between them."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.now = 100.0
        self.people: dict[bytes, Someone] = {}
        self.takes_offers = True
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def schedule(self, at: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (at, next(self._count), call))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, call = heapq.heappop(self._queue)
            call()
        self.now = until

    def connection(self) -> bytes:
        return self.random.randbytes(8)

    def add(self, someone: Someone) -> None:
        """A newcomer that the introducer let in."""
        someone.core.describe(True, (BRAID,), self.now)
        someone.core.signaling_up(True, self.now)
        someone.act()

    def company(self, count: int, links: int) -> list[Someone]:
        """So many peers, each linked to `links` of those that came before it."""
        company: list[Someone] = []
        for number in range(count):
            wrong = self.random.randrange(-600_000, 600_000)
            someone = Someone(self, number, wall_ms=1_795_000_000_000 + wrong)
            self.add(someone)
            for other in self.random.sample(company, min(links, len(company))):
                self.link(someone.id, other.id)
            company.append(someone)
        return company

    def signaling_up(self, up: bool) -> None:
        for someone in self.alive():
            someone.core.signaling_up(up, self.now)
            someone.act()

    def alive(self) -> list[Someone]:
        return [someone for someone in self.people.values() if someone.alive]

    def link(self, one: bytes, other: bytes) -> None:
        for own, peer in ((one, other), (other, one)):
            someone = self.people[own]
            if someone.alive and peer not in someone.links:
                someone.links[peer] = None
                someone.core.link_opened(peer, self.now)
                someone.act()

    def cut(self, one: bytes, other: bytes, left: bool = False) -> None:
        for own, peer in ((one, other), (other, one)):
            someone = self.people[own]
            if someone.alive and peer in someone.links:
                del someone.links[peer]
                someone.core.link_closed(peer, left, self.now)
                someone.act()

    def kill(self, someone: Someone) -> None:
        """It is gone without a word; its neighbours notice after a while."""
        someone.alive = False
        for peer in list(someone.links):
            self.schedule(self.now + NOTICED, lambda peer=peer: self.cut(peer, someone.id))  # type: ignore[misc]

    def post(self, sender: bytes, to: bytes, data: bytes) -> None:
        def arrive() -> None:
            receiver = self.people[to]
            if receiver.alive and sender in receiver.links:
                receiver.core.received(sender, decode(data), self.now)
                receiver.act()

        if to in self.people[sender].links:
            self.schedule(self.now + DELAY, arrive)

    def pieces(self) -> list[int]:
        """How many peers there are in each part of the mesh that is connected in itself."""
        left = {someone.id for someone in self.alive()}
        sizes = []
        while left:
            waiting, size = [left.pop()], 0
            while waiting:
                size += 1
                for peer in self.people[waiting.pop()].links:
                    if peer in left:
                        left.remove(peer)
                        waiting.append(peer)
            sizes.append(size)
        return sorted(sizes)


def messages_to(network: IntroductionNetwork, peer: bytes, *messages: Introducing) -> None:
    """Have a peer receive messages from its first neighbour as if that had sent them."""
    someone = network.people[peer]
    for message in messages:
        someone.core.received(next(iter(someone.links)), message, network.now)
        someone.act()
