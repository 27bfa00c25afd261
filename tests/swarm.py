"""A swarm in memory: braid cores, their link sets and the planner over an emulated network with one seed.

The same seed gives the same run on any machine, so a failing test is replayed by running it again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from peer import wire
from peer.core.actions import Deliver, Fetch, Gap, Join, Links, Parity, Reject, Report, Send, Verify
from peer.core.braid import Action, Braid
from peer.core.link_set import CARRYING_LINKS, RECEIVE_ONLY_LINKS
from peer.core.neighbour import Role
from peer.core.probing import UploadRate
from peer.identity import Identity, braid_id
from peer.links.link import BYE_REASONS
from peer.links.memory import Network, Path
from peer.parity import seal_parity
from peer.seal import Seal, SealedPart, seal_part
from peer.simulator.codec import check
from peer.simulator.member_introductions import MemberIntroductions
from signaling.core.hearsay import Hearsay
from signaling.core.planner import Assignment, Planner
from tests.swarm_links import Introducer, MemberLinks

STRIPES = 4
EPOCH = 1000
PART = 0.1
GOP = 10
"""Parts from one independent part to the next."""
FAREWELL = 0.5
"""Seconds from a leaving peer's last STATUS to the end of its links."""
PATH = Path(delay=0.02, rate=100_000_000, recovery=0.145)
"""Between any two peers unless a test says otherwise."""
CHILDREN_LIMIT = 32
WALL, WRONG = 1_795_000_000_000, 600_000.0
"""ms since 1970, and by how much the peers' own clocks are wrong."""
SLOTS = 8


class Member:
    """One peer: its core, its links, and what its player got."""

    def __init__(self, swarm: Swarm, identity: Identity, core: Braid, role: Role, limit: int) -> None:
        self.identity = identity
        self.core = core
        self.role = role
        chance = random.Random(swarm.random.random()).random
        wall = WALL + int(swarm.random.uniform(-WRONG, WRONG))
        self.introductions = MemberIntroductions(identity.key, role, limit, wall, chance, lambda: swarm.now)
        self.links = MemberLinks(swarm.introducer, identity.id, limit, chance, self, self.introductions)
        swarm.introducer.links[identity.id] = self.links
        self.delivered: list[tuple[int, float]] = []
        self.skipped = 0
        self.parity = False
        """Whether it has asked for the parity stripe."""
        self.said: Counter[int] = Counter()
        """Control messages that it has sent, by type."""
        self.rejected: list[tuple[bytes, str]] = []
        self.reports = 0
        self.tamper: Callable[[bytes], bytes] | None = None
        """What this peer does to the blocks that it sends: a polluter's way."""
        self.acting = False
        self._swarm = swarm

    @property
    def id(self) -> bytes:
        return self.identity.id

    @property
    def alive(self) -> bool:
        """False once its process has ended or hangs."""
        return not self.links.gone

    def link_opened(self, peer: bytes) -> None:
        self.core.link_opened(peer, self._swarm.members[peer].role, self._swarm.now)
        self._swarm.act(self)

    def link_closed(self, peer: bytes) -> None:
        self.core.link_closed(peer, self._swarm.now)
        self._swarm.act(self)

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        self.core.link_quiet(peer, quiet, self._swarm.now)
        self._swarm.act(self)

    def link_drained(self, peer: bytes, buffered: int) -> None:
        self.core.drained(peer, buffered, self._swarm.now)
        self._swarm.act(self)

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        self.core.received(peer, message, data, self._swarm.now)
        self._swarm.act(self)


class Swarm:
    """A publisher, its viewers and relays, the planner, and an origin unless `origin` is False."""

    def __init__(
        self, seed: int = 1, path: Path = PATH, origin: bool = True, part_size: int = 10_000
    ) -> None:
        self.random = random.Random(seed)
        self.network = Network(seed)
        self.network.run_until(100.0)
        self.introducer = Introducer(self.network, path)
        self.origin = origin
        self.part_size = part_size
        self.members: dict[bytes, Member] = {}
        self.parts: dict[int, SealedPart] = {}
        self.assignments: dict[bytes, Assignment] = {}
        """What the planner said last to each."""
        self.epoch = EPOCH
        self.published = 0
        self.source_paused = False
        self.http_bytes = 0
        self._delay = path.delay
        publisher = self._identity(0)
        self.braid = braid_id(publisher.key, "room", "main", "360p")
        self.key = publisher.key
        self.planner = Planner(publisher.id.hex(), STRIPES, random.Random(seed))
        self._hearsay = Hearsay()
        self.publisher = self._add(publisher, "publisher")
        self._previous = bytes(16)
        self.schedule(self.now, self._publish)

    @property
    def now(self) -> float:
        return self.network.now

    @property
    def signaling_up(self) -> bool:
        return self.introducer.up

    @signaling_up.setter
    def signaling_up(self, up: bool) -> None:
        self.introducer.up = up

    # --- what a test does

    def viewer(self, role: Role = "viewer", carries: bool = True, **options: bool) -> Member:
        """A newcomer joins; the planner is told at once. `probes`: it finds out what its upload carries."""
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
        member.links.vanish()
        if self.signaling_up:
            self.schedule(self.now + noticed_after, lambda: self._left(member))

    def freeze(self, member: Member) -> None:
        """Its process hangs: nothing is sent or read, but no connection is closed."""
        member.links.vanish()

    def leave(self, member: Member) -> None:
        """It goes as it should: hands over, then closes."""
        member.core.leave(self.now)
        self.act(member)
        if self.signaling_up:
            self._left(member)
        self.schedule(self.now + FAREWELL, member.links.leave)

    def cut(self, a: Member, b: Member) -> None:
        """The link between two closes."""
        a.links.drop(b.id)

    def restart_source(self) -> None:
        """The publisher begins a new epoch: numbers start again."""
        self.epoch += 1
        self.published = 0
        self.parts = {}
        self._previous = bytes(16)

    def plan_again(self) -> None:
        """Every member is told again what the planner said last."""
        for peer, assignment in self.assignments.items():
            member = self.members[peer]
            member.core.plan_restarted()
            self._plan(member, assignment)

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.network.run_until(self.now + seconds)

    def schedule(self, at: float, call: Callable[[], None]) -> None:
        self.network.schedule(at, call)

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
            upload=UploadRate() if options.get("probes") else None,
        )
        limit = CARRYING_LINKS if carries else RECEIVE_ONLY_LINKS
        member = self.members[identity.id] = Member(self, identity, core, role, limit)
        self.act(member)
        self.schedule(self.now, lambda: self._timer(member))
        return member

    def _timer(self, member: Member) -> None:
        if not member.alive:
            return
        member.links.handle_timer()
        member.core.handle_timer(self.now)
        self.act(member)
        self._tell_need(member)
        timers = (member.core.next_timer(), member.links.next_timer())
        due = min(timer for timer in timers if timer is not None)
        self.schedule(max(self.now + 0.001, due), lambda: self._timer(member))

    def _tell_need(self, member: Member) -> None:
        """What the introductions of a member are told of its braid."""
        hungry = member is not self.publisher and None in member.core.stripe_parents()
        member.introductions.take_part(member.core.carries, (self.braid,), hungry)

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
        if self.publisher.core.feeds_parity:
            companion = seal_parity(self.publisher.identity, part)
            self.publisher.core.publish(companion.raw, companion.data, self.now)
        self.act(self.publisher)

    def _plans(self) -> None:
        for peer, assignment in self.planner.changes().items():
            member = self.members[bytes.fromhex(peer)]
            self.assignments[member.id] = assignment
            self.schedule(
                self.now + self._delay,
                lambda m=member, a=assignment: self._plan(m, a),  # type: ignore[misc]
            )

    def _plan(self, member: Member, assignment: Assignment) -> None:
        if member.alive and member is not self.publisher:
            parents = tuple(None if p is None else bytes.fromhex(p) for p in assignment.parents)
            standbys = tuple(bytes.fromhex(peer) for peer in assignment.standbys)
            for peer in (*filter(None, parents), *standbys):
                member.links.introduced(peer)
            member.core.plan(assignment.sequence, parents, standbys, CHILDREN_LIMIT, self.now)
            self.act(member)

    def _left(self, member: Member) -> None:
        self.planner.leave(member.id.hex())
        for peer in self.members:
            self.introducer.relay(peer, lambda links: links.departed(member.id))
        self._plans()

    def act(self, member: Member) -> None:
        """Do what the member's core asks for. What that brings about comes after it."""
        if member.acting:
            return
        member.acting = True
        while member.alive and (actions := member.core.poll_actions()):
            for action in actions:
                self._do(member, action)
        member.acting = False

    def _do(self, member: Member, action: Action) -> None:
        match action:
            case Send(peer, data, channel):
                if channel == "control":
                    member.said[wire.peek_type(data)] += 1
                if member.tamper is not None and channel == "blocks":
                    data = member.tamper(data)
                member.links.send(peer, data, channel)
            case Verify():
                ok = check(action.key, action.tag, action.data, action.signature)
                member.core.verified(action.token, ok, self.now)
            case Deliver():
                member.delivered.append((Seal.parse(action.seal).number, self.now))
                number = member.delivered[-1][0]
                assert action.data == self.parts[number].data, "an altered part reached the player"
            case Gap():
                member.skipped += action.parts
            case Reject():
                member.rejected.append((action.peer, action.sentence))
                member.links.expel(action.peer, BYE_REASONS[action.reason])
            case Links():
                member.links.want(action.peers)
            case Join():
                self.schedule(self.now + 2 * self._delay, lambda: self._joined(member))
            case Fetch():
                self._fetch(member, action.number, self.now)
            case Parity(wanted):
                member.parity = wanted
            case Report():
                member.reports += 1
                if self.signaling_up and member.id.hex() in self.planner:
                    parents = [None if p is None else p.hex() for p in action.parents]
                    for peer in action.harmful:
                        self._complained(member.id.hex(), peer.hex())
                    self.planner.report(member.id.hex(), parents)
                    self._plans()

    def _complained(self, accuser: str, accused: str) -> None:
        """As the introducer does: the two are kept apart, and who is accused by several feeds nobody."""
        if accused in self.planner:
            self.planner.separate(accuser, accused)
            if self._hearsay.complain(accuser, accuser, 0.0, accused, self.now):
                self.planner.resize(accused, False, 0)

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
        self.act(member)

    def _fetch(self, member: Member, number: int, asked: float) -> None:
        part = self.parts.get(number)
        if part is None:
            if self.now - asked > 2.0:
                member.core.fetch_failed(number, False, self.now)
                self.act(member)
            else:
                self.schedule(self.now + 0.01, lambda: self._fetch(member, number, asked))
            return
        self.http_bytes += len(part.raw) + len(part.data)
        self.schedule(self.now + 2 * self._delay, lambda: self._fetched(member, part))

    def _fetched(self, member: Member, part: SealedPart) -> None:
        if member.alive:
            member.core.fetched(part.seal.number, part.raw, part.data, self.now)
            self.act(member)
