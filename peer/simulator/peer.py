"""One simulated peer: the shell of a braid core, as `peer.carrier` and `peer.node` are in production.

All that a core asks for is done in `_do`, and nowhere else.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from peer import wire
from peer.core import actions
from peer.core.braid import Action, Braid
from peer.core.link_set import CARRYING_LINKS, RECEIVE_ONLY_LINKS
from peer.core.neighbour import Role
from peer.core.probing import UploadRate
from peer.identity import Identity
from peer.links.link import BYE_REASONS
from peer.simulator.attacks import Behaviour
from peer.simulator.codec import check, proves, sealed_number
from peer.simulator.member_introductions import MemberIntroductions
from peer.simulator.member_links import MemberLinks
from peer.simulator.membership import Membership
from peer.simulator.watching import DISTANCES, Player
from signaling.protocol import (
    Announce,
    ClientMessage,
    Plan,
    Report,
    ServerMessage,
    Watch,
    to_base64url,
)

if TYPE_CHECKING:
    from peer.simulator.world import World

LINKS_EVERY = 0.1
"""Seconds between two looks at the links' timers, whose shortest means 0.5 s."""
WALL, WRONG = 1_795_000_000_000, 600_000
"""ms since 1970, and by how much the peers' own clocks may be wrong."""
FAREWELL = 0.15
"""Seconds between telling children that we leave and closing their links, as in `peer.node`."""


class SimulatedPeer:
    """A viewer, relay or publisher. `carries` is False for leaves; `uplink` is in bit/s."""

    def __init__(
        self, world: World, identity: Identity, role: Role, uplink: float, carries: bool, behind: float
    ) -> None:
        self.world = world
        self.identity = identity
        self.id = identity.id
        self.role: Role = role
        self.uplink = uplink
        self.carries = carries
        self.behind = behind
        """Seconds behind the edge at which it plays."""
        self.born = world.clock.now
        self.gone_at: float | None = None
        self.first_part: float | None = None
        self.started = False
        """Its start-up was counted."""
        self.tag = ""
        """The name of what it does against the rules, now or later; empty for an honest peer."""
        self.behaviour: Behaviour | None = None
        """What it does against the rules now."""
        chance = random.Random(f"{world.seed} peer {self.id.hex()}")
        limit = CARRYING_LINKS if carries else RECEIVE_ONLY_LINKS
        mesh = random.Random(f"{world.seed} mesh {self.id.hex()}")
        self.introductions = MemberIntroductions(
            identity.key,
            role,
            limit,
            WALL + mesh.randrange(-WRONG, WRONG),
            mesh.random,
            lambda: world.clock.now,
        )
        self.links = MemberLinks(world, self.id, limit, chance.random, self, self.introductions)
        self.core = Braid(
            self.id,
            world.publisher_identity.id,
            world.publisher_identity.key,
            world.braid,
            stripes=world.stripes,
            part_duration=world.trace.part_duration,
            epoch=world.epoch,
            now=world.clock.now,
            delivers=role == "viewer",
            carries=carries,
            origins=world.origin is not None,
            upload=UploadRate(),
            proves=proves,
        )
        self.membership = Membership(
            world.clock,
            world.desk,
            identity,
            role,
            world.network.paths.rtt(self.id, world.server) / 2,
            self._reaches_server,
            chance,
            self,
        )
        self.players = [Player(distance) for distance in DISTANCES] if role == "viewer" else []
        self._origin_rtt = world.network.paths.rtt(self.id, world.server)
        self._acting = False
        self._fetches = 0
        self._links_at = 0.0
        self._reported = (0, 0)
        self._parity = False

    @property
    def alive(self) -> bool:
        return not self.links.gone

    def start(self) -> None:
        """Its program begins."""
        self.world.clock.post(self.world.clock.now, self._tick)
        self.membership.join()

    def leave(self) -> None:
        """It goes as it should: hands over, then closes."""
        self.core.leave(self.world.clock.now)
        self.act()
        self.membership.leave()
        self.world.clock.post(self.world.clock.now + FAREWELL, self._gone)

    def kill(self, told: bool = True) -> None:
        """Its process ends. Link partners learn that by silence, the introducer by its socket if `told`."""
        self.links.vanish()
        if told:
            self.membership.vanish()
        self._ended()

    # --- time and media

    def publish(self, raw: bytes, data: bytes) -> None:
        self.core.publish(raw, data, self.world.clock.now)
        self.act()

    def _tick(self) -> None:
        if self.links.gone:
            return
        now = self.world.clock.now
        if now >= self._links_at:
            self._links_at = now + LINKS_EVERY
            hungry = self.role != "publisher" and None in self.core.stripe_parents()
            self.introductions.take_part(self.core.carries, (self.world.braid,), hungry)
            self.links.handle_timer()
        self.core.handle_timer(now)
        if self.behaviour is not None:
            self.behaviour.tick(now)
        self.act()
        self.world.clock.post(max(now + 0.001, self.core.next_timer()), self._tick)

    # --- from the room

    def joined(self, resumed: bool) -> list[ClientMessage]:
        self.links.signaling_up(True)
        now = self.world.clock.now
        if self.role == "publisher":
            return [Announce(to_base64url(self.world.description))]
        if self.first_part is not None or not resumed:
            if not resumed:
                self.core.plan_restarted()
            self.core.report_soon(now)
        return [self._watch()]

    def _watch(self) -> Watch:
        world = self.world
        return Watch(world.stream, world.rendition, self.carries, world.told_uplink(self), self._parity)

    def cut_off(self) -> None:
        self.links.signaling_up(False)

    def told(self, message: ServerMessage) -> None:
        if self.links.gone:
            return
        match message:
            case Plan():
                for who in message.introductions:
                    self.links.introduced(bytes.fromhex(who.peer))
                parents = tuple(None if peer is None else bytes.fromhex(peer) for peer in message.parents)
                standbys = tuple(bytes.fromhex(peer) for peer in message.standbys)
                self.core.plan(
                    message.sequence, parents, standbys, message.children_limit, self.world.clock.now
                )
                self.act()
            case _:
                self.links.told(message)

    # --- from links

    def link_opened(self, peer: bytes) -> None:
        self.core.link_opened(peer, self.world.role_of(peer), self.world.clock.now)
        self.act()

    def link_closed(self, peer: bytes) -> None:
        self.core.link_closed(peer, self.world.clock.now)
        self.act()

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        self.core.link_quiet(peer, quiet, self.world.clock.now)
        self.act()

    def link_drained(self, peer: bytes, buffered: int) -> None:
        self.core.drained(peer, buffered, self.world.clock.now)
        self.act()

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        self.core.received(peer, message, data, self.world.clock.now)
        self.act()

    # --- from the core

    def act(self) -> None:
        """Do what the core asks for. What that brings about comes after it."""
        if self._acting or not self.core.asks:
            return
        self._acting = True
        while not self.links.gone and (asked := self.core.poll_actions()):
            for action in asked:
                if isinstance(action, actions.Send):
                    self._send(action)
                else:
                    self._do(action)
        self._acting = False

    def _send(self, action: actions.Send) -> None:
        if self.behaviour is not None:
            self.behaviour.send(action.peer, action.data, action.channel)
            return
        if self.world.watched and wire.peek_type(action.data) == wire.BLOCK:
            self.world.measures.forwarded(action.data)
        self.links.send(action.peer, action.data, action.channel)

    def _do(self, action: Action) -> None:
        world = self.world
        match action:
            case actions.Verify():
                ok = check(action.key, action.tag, action.data, action.signature)
                self.core.verified(action.token, ok, world.clock.now)
            case actions.Deliver():
                self._delivered(action)
            case actions.Gap():
                pass
            case actions.Reject(peer, reason):
                world.measures.rejected(self, peer)
                self.links.expel(peer, BYE_REASONS[reason])
            case actions.Links():
                self.links.want(action.peers)
            case actions.Join():
                self._join()
            case actions.Fetch(_, number):
                self._fetch(number)
            case actions.Parity(wanted):
                self._parity = wanted
                self.membership.send(self._watch())
            case actions.Report():
                self._report(action)

    def _delivered(self, action: actions.Deliver) -> None:
        now = self.world.clock.now
        number = sealed_number(action.seal)
        timeline = self.world.timeline
        if self.first_part is None:
            self.first_part = now
        self.world.measures.delivered(self, number, action.data)
        for player in self.players:
            player.part(number, timeline, now)
        self.core.buffer(max(0.0, timeline.at[number] + self.behind + timeline.seconds[number] - now), now)

    def _join(self) -> None:
        world = self.world
        if world.origin is not None and self._reaches_server():
            world.origin.join(self._origin_rtt, self._joined, self._join_refused)
        else:
            world.clock.post(world.clock.now + 2.0, self._join_refused, 0.5)

    def _joined(self, parts: list[tuple[bytes, bytes]]) -> None:
        if self.alive:
            self.core.joined(parts, self.world.clock.now)
            self.act()

    def _join_refused(self, retry_after: float) -> None:
        if self.alive:
            self.core.join_failed(retry_after, self.world.clock.now)
            self.act()

    def _fetch(self, number: int) -> None:
        world = self.world
        # The core counts those fetches that mend something; the others keep a newcomer going.
        repair = self.core.counters.fetches > self._fetches
        self._fetches += repair

        def fetched(raw: bytes, data: bytes) -> None:
            if self.alive:
                self.core.fetched(number, raw, data, world.clock.now)
                self.act()

        def failed(gone: bool) -> None:
            if self.alive:
                self.core.fetch_failed(number, gone, world.clock.now)
                self.act()

        if world.origin is not None and self._reaches_server():
            world.origin.fetch(self._origin_rtt, number, not repair, fetched, failed)
        else:
            world.clock.post(world.clock.now + 2.0, failed, False)

    def _report(self, report: actions.Report) -> None:
        counters = self.core.counters
        sent = counters.to_peers
        received = counters.from_viewers + counters.from_relays + counters.from_publisher
        message = Report(
            braid=self.world.braid.hex(),
            parents=[None if peer is None else peer.hex() for peer in report.parents],
            lost=[peer.hex() for peer in report.lost][:64],
            failed=[peer.hex() for peer in report.failed][:64],
            harmful=[peer.hex() for peer in report.harmful][:64],
            rtt={peer.hex(): rtt for peer, rtt in self.links.round_trips()},
            sent=sent - self._reported[0],
            received=received - self._reported[1],
            received_from={peer.hex(): size for peer, size in report.received_from},
            loss=report.loss,
            slots=report.slots,
        )
        self._reported = (sent, received)
        self.membership.send(message if self.behaviour is None else self.behaviour.report(message))

    # --- inside

    def _reaches_server(self) -> bool:
        return self.world.reaches_server(self.id)

    def _gone(self) -> None:
        if self.alive:
            self.links.leave()
            self._ended()

    def _ended(self) -> None:
        now = self.world.clock.now
        self.gone_at = now
        for player in self.players:
            player.end(self.world.timeline, now)
        self.world.ended(self)
