"""Links over an emulated network with a virtual clock: what swarms are tested on.

Everything happens in `Network.run_until`; nothing waits, and the same seed gives the same run.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from functools import partial

from peer.core.link_actions import LEAVING, LOST, PROTOCOL_ERROR
from peer.links.clock import VirtualClock
from peer.links.link import BUFFER_LIMIT, CHANNELS, LOW_WATER, Channel, LinkEvents
from peer.wire import MAX_MESSAGE

PACKET = 1200
"""Bytes of a message that fit one packet: a message is as likely to suffer a loss as its packets together."""


@dataclass(frozen=True, slots=True)
class Path:
    """How a link behaves in each direction. Times are seconds, rates bits per second."""

    delay: float = 0.02
    jitter: float = 0.0
    """Up to so much is added to each message, evenly distributed."""
    rate: float | None = None
    loss: float = 0.0
    """Share of packets lost. Channels are reliable: a loss is a retransmission, that is a delay."""
    recovery: float | None = None
    """What one loss costs; unless given, a round trip and 0.1 s."""

    @property
    def retransmission(self) -> float:
        return 2 * self.delay + 0.1 if self.recovery is None else self.recovery


@dataclass(slots=True)
class _Pipe:
    """One direction of a link."""

    busy_until: float = 0.0
    delivered_until: float = 0.0
    waiting: dict[Channel, int] = field(default_factory=lambda: dict.fromkeys(CHANNELS, 0))


class Network(VirtualClock):
    """Peers, their uplinks and the links between them."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self._uplinks: dict[bytes, float] = {}
        self._busy: dict[bytes, float] = {}
        self._gone: set[bytes] = set()
        self._links: dict[bytes, set[MemoryLink]] = {}
        self._connections = itertools.count(1)

    def set_uplink(self, peer: bytes, rate: float | None) -> None:
        """All that `peer` sends on its links together goes at `rate` bits per second; None: without limit."""
        if rate is None:
            self._uplinks.pop(peer, None)
        else:
            self._uplinks[peer] = rate

    def connect(
        self,
        a: bytes,
        a_events: LinkEvents,
        b: bytes,
        b_events: LinkEvents,
        path: Path | None = None,
        *,
        connection: bytes | None = None,
        setup: float | None = None,
    ) -> tuple[MemoryLink, MemoryLink]:
        """Begin to link `a` and `b`; both are told `opened` after `setup` seconds (four delays unless given).

        Returns the end at `a` and the end at `b`.
        """
        path = path or Path()
        connection = connection or next(self._connections).to_bytes(8, "big")
        ends = (
            MemoryLink(self, a, b, connection, path, a_events),
            MemoryLink(self, b, a, connection, path, b_events),
        )
        ends[0].other, ends[1].other = ends[1], ends[0]
        for end in ends:
            self._links.setdefault(end.own, set()).add(end)
            self.schedule(self.now + (4 * path.delay if setup is None else setup), end.open)
        return ends

    def vanish(self, peer: bytes) -> None:
        """`peer` falls silent for ever: nothing of it or for it arrives, and nobody is told."""
        self._gone.add(peer)

    def links_of(self, peer: bytes) -> list[MemoryLink]:
        """Its ends of links that are not closed, in the order of their connections."""
        return sorted(self._links.get(peer, ()), key=lambda link: link.connection)

    def reaches(self, link: MemoryLink) -> bool:
        """Whether what is sent on `link` arrives."""
        return link.own not in self._gone and link.peer not in self._gone and not link.cut

    def leaves_at(self, own: bytes, path: Path, pipe: _Pipe, size: int) -> float:
        """When the last bit of a message of `size` bytes that is queued now is on its way."""
        at = self.now
        uplink = self._uplinks.get(own)
        if uplink is not None:
            at = self._busy[own] = max(at, self._busy.get(own, 0.0)) + 8 * size / uplink
        if path.rate is not None:
            at = pipe.busy_until = max(at, pipe.busy_until) + 8 * size / path.rate
        return at

    def forget(self, link: MemoryLink) -> None:
        self._links.get(link.own, set()).discard(link)


class MemoryLink:
    """One end of an emulated link."""

    def __init__(
        self, network: Network, own: bytes, peer: bytes, connection: bytes, path: Path, events: LinkEvents
    ) -> None:
        self.own = own
        self._network = network
        self._peer = peer
        self._connection = connection
        self._path = path
        self._events = events
        self._pipe = _Pipe()
        self._sent: dict[Channel, int] = dict.fromkeys(CHANNELS, 0)
        self._received: dict[Channel, int] = dict.fromkeys(CHANNELS, 0)
        self.other: MemoryLink
        self.is_open = False
        self.is_closed = False
        self.cut = False
        """Set on either end: what is sent from there is lost for good, and nobody is told."""
        self.error: tuple[int, str] | None = None
        """Code and sentence of the ERROR that the other side sent."""

    @property
    def peer(self) -> bytes:
        return self._peer

    @property
    def connection(self) -> bytes:
        return self._connection

    @property
    def sent_bytes(self) -> dict[Channel, int]:
        return self._sent

    @property
    def received_bytes(self) -> dict[Channel, int]:
        return self._received

    def open(self) -> None:
        """The set-up is over."""
        if self.is_closed or not (self._network.reaches(self) and self._network.reaches(self.other)):
            return
        self.is_open = True
        self._events.opened(self)

    def send(self, data: bytes, channel: Channel) -> bool:
        if len(data) > MAX_MESSAGE:
            raise ValueError(f"A message has at most {MAX_MESSAGE} bytes, not {len(data)}.")
        if not self.is_open or self._pipe.waiting[channel] + len(data) > BUFFER_LIMIT:
            return False
        self._sent[channel] += len(data)
        network, path, pipe = self._network, self._path, self._pipe
        leaves = network.leaves_at(self.own, path, pipe, len(data))
        if leaves > network.now:
            pipe.waiting[channel] += len(data)
            network.schedule(leaves, partial(self._left, len(data), channel))
        arrives = leaves + path.delay + path.jitter * network.chance.random() + self._losses(len(data))
        if channel == "control":
            arrives = pipe.delivered_until = max(arrives, pipe.delivered_until)
        network.schedule(arrives, partial(self.other._arrived, data, channel))
        return True

    def buffered(self, channel: Channel) -> int:
        return self._pipe.waiting[channel]

    def round_trip(self) -> float:
        return 2 * self._path.delay

    def spoken_within(self, seconds: float) -> bool:
        return False

    def close(self, reason: str = LEAVING) -> None:
        if not self.is_closed:
            self._end()
            self._tell_other(reason)

    def fail(self, code: int, sentence: str) -> None:
        if not self.is_closed:
            self._end()
            self.other.error = (code, sentence)
            self._tell_other(PROTOCOL_ERROR)

    def drop(self) -> None:
        """Both ends lose the link without a BYE, as by a closed transport."""
        for end in (self, self.other):
            if not end.is_closed:
                self._network.schedule(self._network.now, partial(end._ended, LOST))

    def _losses(self, size: int) -> float:
        loss = self._path.loss
        if not loss:
            return 0.0
        hit, late = 1 - (1 - loss) ** -(-size // PACKET), 0.0
        while self._network.chance.random() < hit:
            late += self._path.retransmission
            hit = loss
        return late

    def _left(self, size: int, channel: Channel) -> None:
        waiting = self._pipe.waiting
        was_high = waiting[channel] > LOW_WATER
        waiting[channel] -= size
        if was_high and waiting[channel] <= LOW_WATER and self.is_open:
            self._events.drained(self, channel)

    def _arrived(self, data: bytes, channel: Channel) -> None:
        if self.is_open and self._network.reaches(self.other):
            self._received[channel] += len(data)
            self._events.message(self, data, channel)

    def _tell_other(self, reason: str) -> None:
        # BYE waits behind what is queued on the control channel, as on a real link.
        at = max(self._network.now + self._path.delay, self._pipe.delivered_until)
        self._network.schedule(at, partial(self._said_bye, reason))

    def _said_bye(self, reason: str) -> None:
        if self._network.reaches(self):
            self.other._ended(reason)

    def _ended(self, reason: str) -> None:
        if not self.is_closed:
            self._end()
            self._events.closed(self, reason)

    def _end(self) -> None:
        self.is_open = False
        self.is_closed = True
        self._network.forget(self)
