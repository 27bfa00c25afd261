"""Links over the emulated network: one uplink a peer, two associations a link, and peers that vanish."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

from peer.core.link_actions import LEAVING, LOST, PROTOCOL_ERROR
from peer.links.clock import VirtualClock
from peer.links.link import Channel, LinkEvents
from peer.simulator.association import Association, Traffic, Uplink
from peer.simulator.loss import BURST, BurstLoss
from peer.simulator.paths import Paths

SETUP_ROUND_TRIPS = 4.0
"""From the answer on: ICE checks (1), DTLS (1.5), SCTP (1), HELLO (0.5)."""
PING, PONG = 25, 41
"""Bytes of these; where a STATUS has just gone they are counted, but no events (docs/simulator.md)."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the network is like. Times in seconds, `loss` and `unreachable` as shares."""

    rtt: float = 0.04
    jitter: float = 0.004
    """Up to so much is added to each message, evenly distributed."""
    loss: float = 0.0
    burst: float = BURST
    unreachable: float = 0.0


class EmulatedNetwork:
    """All uplinks and links. What happens does so in the clock's `run_until`."""

    def __init__(self, clock: VirtualClock, conditions: Conditions, seed: int) -> None:
        self.clock = clock
        self.conditions = conditions
        self.paths = Paths(seed, conditions.rtt, conditions.unreachable)
        self.traffic = Traffic()
        self.uplinks: dict[bytes, Uplink] = {}
        self.gone: set[bytes] = set()
        """Peers of which and for which nothing arrives any more."""
        self.islands: dict[bytes, int] = {}
        """Where a partition has put a peer; those that are not named are on island 0."""
        self._seed = seed
        self._chance = random.Random(f"{seed} jitter")
        self._links = 0

    def add(self, peer: bytes, uplink: float) -> None:
        """A peer with its uplink in bit/s."""
        self.paths.place(peer)
        self.uplinks[peer] = Uplink(uplink)

    def remove(self, peer: bytes) -> None:
        """It falls silent for ever, and nobody is told."""
        self.gone.add(peer)

    def connected(self, a: bytes, b: bytes) -> bool:
        """Whether what one sends now can reach the other."""
        if a in self.gone or b in self.gone:
            return False
        return not self.islands or self.islands.get(a, 0) == self.islands.get(b, 0)

    def connect(
        self, a: bytes, a_events: LinkEvents, b: bytes, b_events: LinkEvents, connection: bytes
    ) -> tuple[End, End]:
        """Begin to link two peers. Both are told `opened` after the set-up, or never."""
        self._links += 1
        rtt = self.paths.rtt(a, b)
        first, second = End(self, a, b, connection, a_events), End(self, b, a, connection, b_events)
        first.other, second.other = second, first
        for end in (first, second):
            end.association = Association(
                self.clock,
                self.uplinks[end.own],
                BurstLoss(
                    self.conditions.loss,
                    random.Random(f"{self._seed} loss {self._links} {end is first}"),
                    self.conditions.burst,
                ),
                self.traffic,
                rtt / 2,
                self.conditions.jitter,
                self._chance,
                end.other.arrived,
                end.has_drained,
            )
        if self.paths.reachable(a, b):
            self.clock.post(self.clock.now + SETUP_ROUND_TRIPS * rtt, self._open, first, second)
        return first, second

    def _open(self, first: End, second: End) -> None:
        if first.is_closed or second.is_closed or not self.connected(first.own, second.own):
            return
        first.is_open = second.is_open = True
        first.events.opened(first)
        second.events.opened(second)


class End:
    """One end of an emulated link."""

    __slots__ = (
        "_received",
        "_sent",
        "association",
        "connection",
        "error",
        "events",
        "is_closed",
        "is_open",
        "network",
        "other",
        "own",
        "peer",
    )

    association: Association
    other: End

    def __init__(
        self, network: EmulatedNetwork, own: bytes, peer: bytes, connection: bytes, events: LinkEvents
    ) -> None:
        self.network, self.own, self.peer, self.connection = network, own, peer, connection
        self.events = events
        self.is_open = self.is_closed = False
        self.error: tuple[int, str] | None = None
        """Code and sentence of the ERROR that the other side sent."""
        self._sent: dict[Channel, int] = {"control": 0, "blocks": 0}
        self._received: dict[Channel, int] = {"control": 0, "blocks": 0}

    @property
    def sent_bytes(self) -> dict[Channel, int]:
        return self._sent

    @property
    def received_bytes(self) -> dict[Channel, int]:
        return self._received

    def send(self, data: bytes, channel: Channel) -> bool:
        if not self.is_open or not self.association.send(data, channel):
            return False
        size = len(data)
        self._sent[channel] += size
        traffic = self.network.traffic
        if channel == "blocks":
            traffic.blocks += size
        else:
            traffic.control += size
        return True

    def buffered(self, channel: Channel) -> int:
        return self.association.waiting

    def round_trip(self) -> float:
        """Seconds that a PING would take now, with what waits in both uplinks."""
        now = self.network.clock.now
        back = self.network.uplinks[self.peer].wait(now)
        return self.association.round_trip(now) + back

    def spoken_within(self, seconds: float) -> bool:
        if self.network.clock.now - self.association.sent_at > seconds:
            return False
        self.network.traffic.control += PING + PONG
        return True

    def arrived(self, data: bytes, channel: Channel) -> None:
        """A message of the other end is here."""
        network = self.network
        if not self.is_open or self.own in network.gone or self.peer in network.gone:
            return
        if not network.islands or network.connected(self.own, self.peer):
            self._received[channel] += len(data)
            self.events.message(self, data, channel)

    def has_drained(self) -> None:
        if self.is_open and self.own not in self.network.gone:
            self.events.drained(self, "blocks")

    def close(self, reason: str = LEAVING) -> None:
        if not self.is_closed:
            was_open = self.is_open
            self._end()
            if was_open:
                self._tell_other(reason)

    def fail(self, code: int, sentence: str) -> None:
        if not self.is_closed:
            self._end()
            self.other.error = (code, sentence)
            self._tell_other(PROTOCOL_ERROR)

    def drop(self) -> None:
        for end in (self, self.other):
            if not end.is_closed:
                self.network.clock.post(self.network.clock.now, end._ended, LOST)

    def _tell_other(self, reason: str) -> None:
        # BYE waits behind what is queued, as on a real link.
        clock = self.network.clock
        at = clock.now + self.association.delay + self.network.uplinks[self.own].wait(clock.now)
        clock.post(at, partial(self._said_bye, reason))

    def _said_bye(self, reason: str) -> None:
        if self.network.connected(self.own, self.peer):
            self.other._ended(reason)

    def _ended(self, reason: str) -> None:
        if not self.is_closed:
            self._end()
            self.events.closed(self, reason)

    def _end(self) -> None:
        self.is_open = False
        self.is_closed = True
