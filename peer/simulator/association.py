"""One direction of an SCTP association (RFC 9260) by arithmetic: window, losses, retransmission.

Not a packet but a message is an event: its packets leave together as far as the congestion window allows.
docs/simulator.md has the formulas.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from peer.links.clock import VirtualClock
from peer.links.link import BUFFER_LIMIT, LOW_WATER, Channel
from peer.simulator.loss import BurstLoss

PACKET = 1200
"""Bytes of messages in one packet."""
OVERHEAD = 85
"""Bytes around them: IP, UDP, DTLS, SCTP and the chunk's header."""
INITIAL_WINDOW = 4404
LEAST_THRESHOLD = 4 * PACKET
RTO_MIN, RTO_MAX = 1.0, 60.0
TWICE = -(10**9)
"""Later packets that are taken to have arrived after one that was lost for the second time."""
MISSES = 3
"""Later packets that have to arrive before a lost one is sent again at once."""
QUEUE_SECONDS, QUEUE_LEAST = 0.25, 32 * 1024
"""What waits in front of an uplink at most, in seconds and at least in bytes: the rest is dropped."""


class Uplink:
    """What one peer sends, on all links together, leaves in one queue at `rate` bits per second."""

    __slots__ = ("_bytes_per_second", "busy_until", "dropped", "limit", "rate", "sent")

    def __init__(self, rate: float) -> None:
        self.busy_until = 0.0
        self.dropped = 0
        """Packets for which there was no room."""
        self.sent = 0
        """Bytes, headers included."""
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        self.rate = rate
        self._bytes_per_second = rate / 8
        self.limit = max(QUEUE_SECONDS, QUEUE_LEAST / self._bytes_per_second)

    def wait(self, now: float) -> float:
        """Seconds until a packet that comes now begins to leave."""
        return max(0.0, self.busy_until - now)

    def leave(self, size: int, now: float) -> float:
        """When the last bit of `size` bytes is on its way."""
        start = self.busy_until if self.busy_until > now else now
        self.busy_until = start + size / self._bytes_per_second
        self.sent += size
        return self.busy_until


@dataclass(slots=True, eq=False)
class _Transfer:
    """A message that does not go in one piece: `left` bytes are still to be sent, `missing` pieces lost."""

    data: bytes
    channel: Channel
    left: int
    missing: int = 0
    arrives: float = 0.0

    @property
    def whole(self) -> bool:
        return not self.left and not self.missing


@dataclass(slots=True, eq=False)
class _Lost:
    """Packets of a transfer that did not arrive."""

    transfer: _Transfer
    packets: int
    size: int
    later: int
    """Packets that arrived after them."""
    noticed: bool = False
    """Their retransmission is under way, or has been."""


@dataclass(slots=True)
class Traffic:
    """What went over all associations of a network, in bytes of messages."""

    control: int = 0
    blocks: int = 0
    retransmitted_packets: int = 0
    timeouts: int = 0
    lost_packets: int = 0
    by_type: dict[int, int] = field(default_factory=dict)


class Association:
    """Sends messages to one peer. `arrive` gets each when all of it is there; `drained` says LOW_WATER."""

    __slots__ = (
        "_acks",
        "_arrive",
        "_chance",
        "_clock",
        "_control_until",
        "_drained",
        "_flight",
        "_jitter",
        "_loss",
        "_lost",
        "_ordered",
        "_pump_at",
        "_queue",
        "_recovering_until",
        "_resend",
        "_threshold",
        "_timeout",
        "_traffic",
        "_uplink",
        "delay",
        "sent_at",
        "waiting",
        "window",
    )

    def __init__(
        self,
        clock: VirtualClock,
        uplink: Uplink,
        loss: BurstLoss,
        traffic: Traffic,
        delay: float,
        jitter: float,
        chance: random.Random,
        arrive: Callable[[bytes, Channel], None],
        drained: Callable[[], None],
    ) -> None:
        self._clock, self._uplink, self._loss, self._traffic = clock, uplink, loss, traffic
        self.delay, self._jitter, self._chance = delay, jitter, chance
        self._arrive, self._drained = arrive, drained
        self.window = float(INITIAL_WINDOW)
        self._threshold = float("inf")
        self._flight = 0
        self._acks: deque[tuple[float, int, bool]] = deque()
        """(when the acknowledgement is here, bytes, whether the window was full)"""
        self._queue: deque[_Transfer] = deque()
        self.waiting = 0
        """Bytes that were not handed to the network yet."""
        self._lost: list[_Lost] = []
        self._resend: deque[_Lost] = deque()
        self._ordered: deque[_Transfer] = deque()
        """Control messages behind one that is not whole yet, that one first."""
        self._timeout = RTO_MIN
        self._control_until = 0.0
        self._recovering_until = 0.0
        self.sent_at = clock.now
        """When something was last sent."""
        self._pump_at = float("inf")

    def send(self, data: bytes, channel: Channel) -> bool:
        """Queue a message; False when too much waits already."""
        size = len(data)
        if self._queue or self._resend:
            if self.waiting + size > BUFFER_LIMIT:
                return False
            self._enqueue(data, channel, size)
            return True
        now = self._clock.now
        self._acknowledge(now)
        if self._flight + size <= self.window:
            packets = -(-size // PACKET)
            sent = self._transmit(packets, size, now)
            if sent[1] == 0:
                self._post(data, channel, sent[0])
                return True
            transfer = self._begin(data, channel, 0)
            transfer.arrives = sent[0]
            self._miss(transfer, sent[1], sent[2], min(size, sent[1] * PACKET), sent[0])
            return True
        self._enqueue(data, channel, size)
        self._pump()
        return True

    def round_trip(self, now: float) -> float:
        """What a PING would take, there and back, without the other side's own queue."""
        return 2 * self.delay + self._jitter + self._uplink.wait(now)

    # --- inside

    def _enqueue(self, data: bytes, channel: Channel, size: int) -> None:
        """Streams take turns, message by message, as in the stacks of browsers: a few words on the control
        channel do not wait behind all blocks."""
        transfer = self._begin(data, channel, size)
        self.waiting += size
        if channel == "blocks" or not self._queue:
            self._queue.append(transfer)
            return
        place = 1  # behind what is being sent, and behind the control messages before it
        while place < len(self._queue) and self._queue[place].channel == "control":
            place += 1
        self._queue.insert(place, transfer)

    def _begin(self, data: bytes, channel: Channel, left: int) -> _Transfer:
        transfer = _Transfer(data, channel, left)
        if channel == "control":
            self._ordered.append(transfer)
        return transfer

    def _post(self, data: bytes, channel: Channel, at: float) -> None:
        if channel == "control":
            if self._ordered:
                self._ordered.append(_Transfer(data, channel, 0, 0, at))
                return
            if at < self._control_until:
                at = self._control_until
            self._control_until = at
        self._clock.post(at, self._arrive, data, channel)

    def _complete(self, transfer: _Transfer) -> None:
        """All of it has arrived, or will; on the ordered channel it lets go those that wait behind it."""
        if transfer.channel == "blocks":
            self._clock.post(transfer.arrives, self._arrive, transfer.data, "blocks")
            return
        ordered = self._ordered
        while ordered and ordered[0].whole:
            first = ordered.popleft()
            self._control_until = max(first.arrives, self._control_until)
            self._clock.post(self._control_until, self._arrive, first.data, "control")

    def _acknowledge(self, now: float) -> None:
        """Take the acknowledgements that have come; a window that was full grows by them."""
        acks = self._acks
        while acks and acks[0][0] <= now:
            at, size, full = acks.popleft()
            self._flight -= size
            self._timeout = RTO_MIN
            if full and at > self._recovering_until:
                if self.window <= self._threshold:
                    # One SACK for two packets, one packet more for each SACK (RFC 9260 section 7.2.1).
                    self.window += max(min(size, PACKET), size / 2)
                else:
                    self.window += PACKET * size / self.window
        if not acks and now - self.sent_at > RTO_MIN:
            periods = int((now - self.sent_at) / RTO_MIN)
            self.window = max(self.window / 2.0 ** min(periods, 30), min(self.window, LEAST_THRESHOLD))
        self.sent_at = now

    def _transmit(self, packets: int, size: int, now: float) -> tuple[float, int, int]:
        """Put packets on their way: when the last arrives, how many are lost, how many arrive after those."""
        uplink = self._uplink
        if uplink.busy_until - now > uplink.limit:
            uplink.dropped += packets
            lost, after, leaves = packets, 0, uplink.busy_until
        else:
            leaves = uplink.leave(size + packets * OVERHEAD, now)
            lost, after = self._loss.lost(packets)
        arrives = leaves + self.delay + self._jitter * self._chance.random()
        self._flight += size
        acknowledged = size if not lost else max(0, size - lost * PACKET)
        if acknowledged:
            full = self._flight + PACKET > self.window
            self._acks.append((arrives + self.delay, acknowledged, full))
        if lost:
            self._traffic.lost_packets += lost
        came = packets - lost
        if came and self._lost:
            self._overtaken(came, arrives)
        return arrives, lost, after

    def _overtaken(self, came: int, arrives: float) -> None:
        """Packets that arrive after lost ones let the receiver tell of those."""
        for lost in self._lost:
            if not lost.noticed:
                lost.later += came
                if lost.later >= MISSES:
                    self._notice(lost, arrives)

    def _notice(self, lost: _Lost, arrives: float) -> None:
        lost.noticed = True
        self._clock.post(arrives + self.delay, self._again, lost)

    def _miss(self, transfer: _Transfer, packets: int, after: int, size: int, arrives: float) -> None:
        transfer.missing += 1
        lost = _Lost(transfer, packets, size, after)
        self._lost.append(lost)
        if after >= MISSES:
            self._notice(lost, arrives)
        self._clock.post(self._clock.now + self._timeout, self._timed_out, lost)

    def _timed_out(self, lost: _Lost) -> None:
        """Nothing told of the loss, or the retransmission was lost as well."""
        if lost.noticed:
            return
        lost.noticed = True
        now = self._clock.now
        self._acknowledge(now)
        if now >= self._recovering_until:
            self._traffic.timeouts += 1
            self._threshold = max(self.window / 2, LEAST_THRESHOLD)
            self.window = PACKET
            self._timeout = min(2 * self._timeout, RTO_MAX)
            self._recovering_until = now + 2 * self.delay
        self._send_again(lost)

    def _again(self, lost: _Lost) -> None:
        """The receiver has told of the loss: fast retransmission."""
        now = self._clock.now
        self._acknowledge(now)
        if now >= self._recovering_until:
            self._threshold = self.window = max(self.window / 2, LEAST_THRESHOLD)
            self._recovering_until = now + 2 * self.delay
        self._send_again(lost)

    def _send_again(self, lost: _Lost) -> None:
        self._lost.remove(lost)
        self._flight -= lost.size
        self._resend.append(lost)
        self._pump()

    def _pump(self) -> None:
        """Send of what waits as much as the window takes, first what was lost."""
        self._acknowledge(self._clock.now)
        high = self.waiting > LOW_WATER
        while self._resend or self._queue:
            room = int(self.window - self._flight) // PACKET
            if room < 1:
                if self._flight:
                    break
                room = 1
            if self._resend:
                self._resend_some(self._resend[0], room)
            else:
                self._send_some(self._queue[0], room)
        if high and self.waiting <= LOW_WATER:
            self._clock.post(self._clock.now, self._drained)
        if (self._queue or self._resend) and self._acks and self._acks[0][0] < self._pump_at:
            self._pump_at = self._acks[0][0]
            self._clock.post(self._pump_at, self._window_opens, self._pump_at)

    def _window_opens(self, at: float) -> None:
        if at == self._pump_at:
            self._pump_at = float("inf")
            self._pump()

    def _send_some(self, transfer: _Transfer, room: int) -> None:
        packets = min(room, -(-transfer.left // PACKET))
        size = min(transfer.left, packets * PACKET)
        transfer.left -= size
        self.waiting -= size
        if transfer.left == 0:
            self._queue.popleft()
        arrives, lost, after = self._transmit(packets, size, self._clock.now)
        transfer.arrives = max(transfer.arrives, arrives)
        if lost:
            self._miss(transfer, lost, after, min(size, lost * PACKET), arrives)
        elif transfer.whole:
            self._complete(transfer)

    def _resend_some(self, piece: _Lost, room: int) -> None:
        packets = min(room, piece.packets)
        size = piece.size if packets == piece.packets else min(piece.size, packets * PACKET)
        piece.packets -= packets
        piece.size -= size
        transfer = piece.transfer
        if piece.packets == 0:
            self._resend.popleft()
            transfer.missing -= 1
        self._traffic.retransmitted_packets += packets
        arrives, lost, _ = self._transmit(packets, size, self._clock.now)
        transfer.arrives = max(transfer.arrives, arrives)
        if lost:
            # Only the timer mends what is lost twice (RFC 9260 section 7.2.4).
            self._miss(transfer, lost, TWICE, min(size, lost * PACKET), arrives)
        elif transfer.whole:
            self._complete(transfer)
