"""A swarm of braid cores in memory: one virtual clock, one seed, pipes with delay, rate and loss.

The same seed gives the same run on any machine, so a failing test is replayed by running it again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from peer import wire
from peer.core.actions import Deliver, Fetch, Gap, Join, Links, Reject, Report, Send, Verify
from peer.core.braid import Braid
from peer.core.neighbour import Role
from peer.identity import Identity, braid_id, verify
from peer.seal import Seal, SealedPart, seal_part
from signaling.core.planner import Assignment, Planner

STRIPES = 4
EPOCH = 1000
PART = 0.1
GOP = 10
"""Parts from one independent part to the next."""
LINK_SETUP = 0.12
CHILDREN_LIMIT = 32
SLOTS = 8


@dataclass
class Member:
    """One peer: its core, and what its player got."""

    identity: Identity
    core: Braid
    role: Role
    alive: bool = True
    frozen: bool = False
    """Its process hangs: nothing is sent or read, but no link is closed."""
    delivered: list[tuple[int, float]] = field(default_factory=list)
    skipped: int = 0
    rejected: list[tuple[bytes, str]] = field(default_factory=list)
    reports: int = 0
    wanted: set[bytes] = field(default_factory=set)
    heard: dict[bytes, float] = field(default_factory=dict)
    tamper: Callable[[bytes], bytes] | None = None
    """What this peer does to the blocks that it sends: a polluter's way."""

    @property
    def id(self) -> bytes:
        return self.identity.id


@dataclass
class Network:
    """The same for every pair. `rate` is bytes per second of one direction of one link."""

    delay: float = 0.02
    rate: float = 12_500_000.0
    loss: float = 0.0
    retransmission: float = 0.145


class Swarm:
    """A publisher, its viewers and relays, the planner, and an origin unless `origin` is False."""

    def __init__(
        self, seed: int = 1, network: Network | None = None, origin: bool = True, part_size: int = 10_000
    ) -> None:
        self.random = random.Random(seed)
        self.network = network or Network()
        self.origin = origin
        self.part_size = part_size
        self.now = 100.0
        self.members: dict[bytes, Member] = {}
        self.parts: dict[int, SealedPart] = {}
        self.epoch = EPOCH
        self.published = 0
        self.source_paused = False
        self.signaling_up = True
        self.http_bytes = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = 0
        self._links: dict[tuple[bytes, bytes], float] = {}
        """When the direction's pipe is free again."""
        self._timers: dict[bytes, float] = {}
        publisher = self._identity(0)
        self.braid = braid_id(publisher.key, "room", "main", "360p")
        self.key = publisher.key
        self.planner = Planner(publisher.id.hex(), STRIPES, random.Random(seed))
        self.publisher = self._add(publisher, "publisher")
        self._previous = bytes(16)
        self.schedule(self.now, self._publish)

    # --- what a test does

    def viewer(self, role: Role = "viewer", carries: bool = True, **options: bool) -> Member:
        """A newcomer joins; the planner is told at once."""
        member = self._add(self._identity(len(self.members)), role, carries, **options)
        if self.signaling_up:
            self.planner.join(member.id.hex(), carries, SLOTS, relay=role == "relay")
            self._plans()
        return member

    def viewers(self, count: int) -> list[Member]:
        """Newcomers, 0.3 s apart, and three seconds for the last to settle."""
        members = []
        for _ in range(count):
            members.append(self.viewer())
            self.run(0.3)
        self.run(3.0)
        return members

    def kill(self, member: Member, noticed_after: float = 0.05) -> None:
        """Its process ends. The introducer's socket breaks at once; link partners learn only by silence."""
        member.alive = False
        if self.signaling_up:
            self.schedule(self.now + noticed_after, lambda: self._left(member))

    def leave(self, member: Member) -> None:
        """It goes as it should: hands over, then closes."""
        member.core.leave(self.now)
        self._act(member)
        if self.signaling_up:
            self._left(member)
        self.schedule(self.now + 0.5, lambda: self._close_all(member))

    def cut(self, a: Member, b: Member) -> None:
        """The link between two closes."""
        for one, other in ((a, b), (b, a)):
            if self._links.pop((one.id, other.id), None) is not None:
                one.core.link_closed(other.id, self.now)
                self._act(one)

    def restart_source(self) -> None:
        """The publisher begins a new epoch: numbers start again."""
        self.epoch += 1
        self.published = 0
        self.parts = {}
        self._previous = bytes(16)

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            at, _, call = heapq.heappop(self._events)
            self.now = at
            call()
        self.now = end

    def schedule(self, at: float, call: Callable[[], None]) -> None:
        self._counter += 1
        heapq.heappush(self._events, (max(at, self.now), self._counter, call))

    # --- what a test asks

    def sent_by_publisher(self) -> int:
        return self.publisher.core.counters.to_peers + self.http_bytes

    def stream_bytes(self, since: int = 0) -> int:
        """What the stream amounts to as blocks with seals and proofs, from part `since` on."""
        return sum(
            len(message)
            for number in range(since, self.published)
            if (part := self.publisher.core.window.get(number)) is not None
            for message in part.messages
            if message is not None
        )

    def in_order(self, member: Member) -> bool:
        numbers = [number for number, _ in member.delivered]
        return all(b > a for a, b in pairwise(numbers))

    def at_edge(self, member: Member) -> bool:
        """It has everything but the part that may just be on its way."""
        return member.delivered[-1][0] >= self.published - 2

    def longest_wait(self, member: Member, since: float) -> float:
        """The longest time without a delivered part after `since`."""
        times = [since, *(at for _, at in member.delivered if at >= since), self.now]
        return max(b - a for a, b in pairwise(times))

    def cycles(self) -> list[tuple[int, bytes]]:
        """(stripe, peer) from which following parents comes back to the peer."""
        found = []
        for stripe in range(STRIPES):
            for member in self.members.values():
                seen, peer = {member.id}, member.core.stripe_parents()[stripe]
                while peer is not None and peer in self.members:
                    if peer in seen:
                        found.append((stripe, member.id))
                        break
                    seen.add(peer)
                    peer = self.members[peer].core.stripe_parents()[stripe]
        return found

    def alive(self) -> Iterable[Member]:
        return (m for m in self.members.values() if m.alive and m is not self.publisher)

    # --- inside

    def _identity(self, number: int) -> Identity:
        return Identity(random.Random(f"{number}").randbytes(32))

    def _add(self, identity: Identity, role: Role, carries: bool = True, **options: bool) -> Member:
        core = Braid(
            identity.id,
            self.members[next(iter(self.members))].id if self.members else identity.id,
            self.key,
            self.braid,
            stripes=STRIPES,
            part_duration=PART,
            epoch=EPOCH,
            now=self.now,
            delivers=role == "viewer",
            carries=carries,
            origins=options.get("origins", self.origin),
        )
        member = self.members[identity.id] = Member(identity, core, role)
        self._act(member)
        self.schedule(self.now, lambda: self._timer(member))
        return member

    def _timer(self, member: Member) -> None:
        if not member.alive:
            return
        if not member.frozen:
            self._liveness(member)
            member.core.handle_timer(self.now)
            self._act(member)
        self.schedule(max(self.now + 0.001, member.core.next_timer()), lambda: self._timer(member))

    def _liveness(self, member: Member) -> None:
        """The link set's part: PINGs make a living link heard; 1.5 s of silence is quiet, 3 s is dead."""
        for peer, heard in list(member.heard.items()):
            other = self.members[peer]
            if other.alive and not other.frozen and (member.id, peer) in self._links:
                member.heard[peer] = heard = max(heard, self.now - self.network.delay)
            silence = self.now - heard
            if silence > 3.0:
                del member.heard[peer]
                self._links.pop((member.id, peer), None)
                self._links.pop((peer, member.id), None)
                member.core.link_closed(peer, self.now)
            elif silence > 1.5:
                member.core.link_quiet(peer, True, self.now)

    def _publish(self) -> None:
        self.schedule(self.now + PART, self._publish)
        if self.source_paused or not self.publisher.alive:
            return
        number = self.published
        independent = number % GOP == 0
        size = self.part_size * (4 if independent else 1)
        draft = Seal(
            1 * independent + 4 * independent, STRIPES, 0, self.braid, self.epoch, number, number // GOP,
            number % GOP, 0, int(number * PART * 1e6), int(PART * 1e6), int(self.now * 1e6), 0,
            bytes(16), self._previous,
        )  # fmt: skip
        part = seal_part(self.publisher.identity, draft, random.Random(number).randbytes(size))
        self.parts[number], self._previous = part, part.seal.digest()
        self.published += 1
        self.publisher.core.publish(part.raw, part.data, self.now)
        self._act(self.publisher)

    def _plans(self) -> None:
        for peer, assignment in self.planner.changes().items():
            member = self.members[bytes.fromhex(peer)]
            self.schedule(
                self.now + self.network.delay,
                lambda m=member, a=assignment: self._plan(m, a),  # type: ignore[misc]
            )

    def _plan(self, member: Member, assignment: Assignment) -> None:
        if member.alive and member is not self.publisher:
            parents = tuple(None if p is None else bytes.fromhex(p) for p in assignment.parents)
            standbys = tuple(bytes.fromhex(peer) for peer in assignment.standbys)
            member.core.plan(assignment.sequence, parents, standbys, CHILDREN_LIMIT, self.now)
            self._act(member)

    def _left(self, member: Member) -> None:
        self.planner.leave(member.id.hex())
        self._plans()

    def _close_all(self, member: Member) -> None:
        member.alive = False
        for peer in list(member.heard):
            self.cut(member, self.members[peer])

    def _act(self, member: Member) -> None:
        for action in member.core.poll_actions():
            match action:
                case Send():
                    self._send(member, action)
                case Verify():
                    ok = verify(action.key, action.tag, action.data, action.signature)
                    member.core.verified(action.token, ok, self.now)
                    self._act(member)
                case Deliver():
                    member.delivered.append((Seal.parse(action.seal).number, self.now))
                    number = member.delivered[-1][0]
                    assert action.data == self.parts[number].data, "an altered part reached the player"
                case Gap():
                    member.skipped += action.parts
                case Reject():
                    member.rejected.append((action.peer, action.sentence))
                    self.cut(member, self.members[action.peer])
                case Links():
                    self._connect(member, action.peers)
                case Join():
                    self.schedule(self.now + 2 * self.network.delay, lambda m=member: self._joined(m))  # type: ignore[misc]
                case Fetch():
                    self._fetch(member, action.number, self.now)
                case Report():
                    member.reports += 1
                    if self.signaling_up and member.id.hex() in self.planner:
                        parents = [None if p is None else p.hex() for p in action.parents]
                        self.planner.report(member.id.hex(), parents)
                        self._plans()

    def _send(self, member: Member, action: Send) -> None:
        free = self._links.get((member.id, action.peer))
        if free is None:
            return
        data = action.data
        if member.tamper is not None and action.channel == "blocks":
            data = member.tamper(data)
        free = max(free, self.now) + len(data) / self.network.rate
        self._links[member.id, action.peer] = free
        arrival = free + self.network.delay
        if self.random.random() < self.network.loss:
            arrival += self.network.retransmission
        other = self.members[action.peer]
        self.schedule(arrival, lambda: self._arrive(member, other, data))
        if action.channel == "blocks":
            self.schedule(free, lambda: self._drained(member, other))

    def _drained(self, member: Member, other: Member) -> None:
        free = self._links.get((member.id, other.id))
        if free is not None and member.alive and not member.frozen:
            member.core.drained(other.id, int(max(0.0, free - self.now) * self.network.rate), self.now)
            self._act(member)

    def _arrive(self, source: Member, target: Member, data: bytes) -> None:
        if not target.alive or target.frozen or (source.id, target.id) not in self._links:
            return
        if target.heard.get(source.id, 0.0) < self.now - 1.5:
            target.core.link_quiet(source.id, False, self.now)
        target.heard[source.id] = self.now
        message = wire.decode(data)
        if message is not None:
            target.core.received(source.id, message, data, self.now)
            self._act(target)

    def _connect(self, member: Member, peers: tuple[bytes, ...]) -> None:
        for peer in peers:
            if peer not in member.wanted and (member.id, peer) not in self._links:
                member.wanted.add(peer)
                self.schedule(
                    self.now + LINK_SETUP + 2 * self.network.delay,
                    lambda p=peer: self._open(member, self.members[p]),  # type: ignore[misc]
                )

    def _open(self, member: Member, other: Member) -> None:
        member.wanted.discard(other.id)
        if not (member.alive and other.alive) or other.frozen or (member.id, other.id) in self._links:
            return
        for one, two in ((member, other), (other, member)):
            self._links[one.id, two.id] = self.now
            one.heard[two.id] = self.now
        for one, two in ((member, other), (other, member)):
            one.core.link_opened(two.id, two.role, self.now)
            self._act(one)

    def _joined(self, member: Member) -> None:
        if not member.alive:
            return
        newest = self.published - 1
        if newest < 0:
            member.core.join_failed(0.2, self.now)
        else:
            parts = [self.parts[n] for n in range(newest - newest % GOP, newest + 1)]
            self.http_bytes += sum(len(p.raw) + len(p.data) for p in parts)
            member.core.joined([(p.raw, p.data) for p in parts], self.now)
        self._act(member)

    def _fetch(self, member: Member, number: int, asked: float) -> None:
        part = self.parts.get(number)
        if part is None:
            if self.now - asked > 2.0:
                member.core.fetch_failed(number, False, self.now)
                self._act(member)
            else:
                self.schedule(self.now + 0.01, lambda: self._fetch(member, number, asked))
            return
        self.http_bytes += len(part.raw) + len(part.data)
        self.schedule(self.now + 2 * self.network.delay, lambda: self._fetched(member, part))

    def _fetched(self, member: Member, part: SealedPart) -> None:
        if member.alive and not member.frozen:
            member.core.fetched(part.seal.number, part.raw, part.data, self.now)
            self._act(member)
