"""A whole room: publisher, viewers, relays, introducer and origin on one virtual clock, from one seed."""

from __future__ import annotations

from peer.core.neighbour import Role
from peer.description import Rendition, StreamDescription, sign_description
from peer.identity import Identity
from peer.parity import seal_parity
from peer.seal import SEAL, SealedPart
from peer.sealer import STRIPES
from peer.signing import braid_id
from peer.simulator.attacks import ATTACKS, Behaviour
from peer.simulator.measures import Measures, add
from peer.simulator.membership import ROOM
from peer.simulator.options import NO_UPLINK, Options, UploadSpread, parse_uplink
from peer.simulator.origin import HttpOrigin
from peer.simulator.peer import SimulatedPeer
from peer.simulator.room import Room
from peer.simulator.source import Source, recorded
from peer.simulator.watching import Timeline
from peer.wire import MAX_MESSAGE

STREAM, RENDITION = "main", "360p"
EPOCH = 1000
PUBLISHER_UPLINK = 100e6
WARM_UP = 2.0
"""Seconds for which the publisher is alone."""
KEPT_PARTS = 400
"""Parts whose bytes are kept, to compare what players got with them."""
ATTACK_SPREAD = 10.0
"""Seconds over which attackers begin, one by one."""
BLOCK_HEAD = 1 + SEAL + 3


class World(Room[SimulatedPeer]):
    """Scenes tell it who comes and goes; `run` lets time pass."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.trace = recorded(options.media)
        self.stripes = STRIPES
        self.stream, self.rendition, self.epoch = STREAM, RENDITION, EPOCH
        self.publisher_identity = self.new_identity("publisher")
        self.braid = braid_id(self.publisher_identity.key, ROOM, STREAM, RENDITION)
        self.origin = HttpOrigin(self.clock, self.trace.bandwidth) if options.origin else None
        self.description = self._describe()
        self.timeline = Timeline()
        self.measures = Measures(self)
        self.uploads: UploadSpread = parse_uplink(options.uplink, self.trace.rate)
        self.attackers: list[Behaviour] = []
        """All that have begun."""
        self.attacks_from = 0.0
        """Until then attackers behave, so that they have places and children to misuse."""
        self.watched = bool(options.attacks)
        """Whether every block that an honest peer sends is checked once more."""
        self.came = 0
        """Viewers and relays, those that are gone as well."""
        self._parts: dict[int, bytes] = {}
        self._source = Source(self.publisher_identity, self.braid, STRIPES, EPOCH, self.trace, options.seed)
        self.publisher = self._add(self.publisher_identity, "publisher", PUBLISHER_UPLINK, True)
        self.clock.post(self._source.next_duration(), self._publish)

    # --- what scenes do

    def viewer(self) -> SimulatedPeer:
        """A newcomer, whose upload is drawn."""
        name = self._attack()
        upload = self.uploads.draw(self.chance)
        if name is None:
            return self.add(upload)
        # Who attacks has something to give: else nobody would come to it.
        peer = self.add(max(upload or 0.0, self.uploads.mean))
        peer.tag = name
        begins = max(self.clock.now, self.attacks_from) + ATTACK_SPREAD * self.chance.random()
        self.clock.post(begins, self._turn, peer)
        return peer

    def add(self, upload: float | None, role: Role = "viewer") -> SimulatedPeer:
        """A newcomer with that upload (bit/s); None for one that gives nothing."""
        self.came += 1
        return self._add(
            self.new_identity(f"{role} {self.came}"),
            role,
            NO_UPLINK if upload is None else upload,
            upload is not None,
        )

    def viewers(self) -> list[SimulatedPeer]:
        """Viewers and relays that are there."""
        return [peer for peer in self.peers.values() if peer is not self.publisher]

    # --- for peers

    def role_of(self, peer: bytes) -> Role:
        known = self.peers.get(peer)
        return known.role if known is not None else "viewer"

    def told_uplink(self, peer: SimulatedPeer) -> int | None:
        """What a peer tells of its upload: a relay what it was started with, a page knows nothing."""
        return int(peer.uplink) if peer.role == "relay" else None

    def part_data(self, number: int) -> bytes | None:
        return self._parts.get(number)

    def ended(self, peer: SimulatedPeer) -> None:
        """A peer is gone."""
        if self.peers.pop(peer.id, None) is not None:
            add(self.measures.finished, peer.core.counters)
            if self.measures.begun is not None and peer.players and not peer.tag:
                self.measures.players.append(peer.players)

    def rejected(self, peer: SimulatedPeer, source: bytes) -> None:
        """`peer` has ended its link to `source` for what came over it."""
        other = self.peers.get(source)
        if other is not None and not other.tag:
            self.measures.wrongly_rejected += 1

    # --- inside

    def _turn(self, peer: SimulatedPeer) -> None:
        """A peer that has been as all others begins to do what it came for."""
        peer.behaviour = ATTACKS[peer.tag](peer)
        self.attackers.append(peer.behaviour)

    def _attack(self) -> str | None:
        """What the next newcomer does against the rules, if anything."""
        if not self.options.attacks:
            return None
        drawn = self.chance.random()
        for attack in self.options.attacks:
            drawn -= attack.share
            if drawn < 0:
                return attack.name
        return None

    def _add(self, identity: Identity, role: Role, uplink: float, carries: bool) -> SimulatedPeer:
        self.network.add(identity.id, uplink)
        peer = SimulatedPeer(self, identity, role, uplink, carries, self.options.behind)
        self.peers[identity.id] = peer
        peer.start()
        return peer

    def _describe(self) -> bytes:
        rendition = Rendition(
            id=RENDITION,
            codecs="avc1.42c01e,opus",
            width=640,
            height=360,
            frame_rate=30.0,
            bandwidth=self.trace.bandwidth,
            stripes=STRIPES,
            inits=(),
        )
        return sign_description(
            self.publisher_identity,
            StreamDescription(
                room=ROOM,
                stream=STREAM,
                title="",
                state="live",
                epoch=EPOCH,
                revision=1,
                part_duration=self.trace.part_duration,
                origins=("http://origin/live",) if self.origin is not None else (),
                renditions=(rendition,),
            ),
        )

    def _publish(self) -> None:
        now = self.clock.now
        seconds = self._source.next_duration()
        part: SealedPart = self._source.next_part(now)
        number = part.seal.number
        self.timeline.at.append(now)
        self.timeline.seconds.append(seconds)
        self._parts[number] = part.data
        self._parts.pop(number - KEPT_PARTS, None)
        depth = max(1, (part.seal.blocks - 1).bit_length())
        self.measures.media += len(part.data)
        self.measures.sealed += len(part.data) + part.seal.blocks * (BLOCK_HEAD + 16 * depth)
        assert part.seal.block_size + BLOCK_HEAD < MAX_MESSAGE
        if self.origin is not None:
            self.origin.add(part)
        self.publisher.publish(part.raw, part.data)
        if self.publisher.core.feeds_parity:
            companion = seal_parity(self.publisher_identity, part)
            self.publisher.publish(companion.raw, companion.data)
        self.clock.post(now + self._source.next_duration(), self._publish)
