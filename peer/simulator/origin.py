"""The publisher's HTTP side: its window, its budget for start-ups, and the time that answers take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from peer.core.budget import WITH_PARTS_THAT_FOLLOW, StartupBudget
from peer.links.clock import VirtualClock
from peer.origin import AHEAD, WAIT_SECONDS, WINDOW_SECONDS
from peer.seal import SealedPart

SERVER_RATE = 1e9
"""Bit/s of the origin's own uplink, all answers together."""
CLIENT_RATE = 20e6
"""Bit/s at which one viewer takes an answer."""
FIRST_ROUND_TRIPS, ROUND_TRIPS = 3.0, 1.0
"""Of a first request (TCP, TLS 1.3, the request) and of those that follow on the same connection."""


@dataclass(slots=True)
class Served:
    """What the origin has sent, in bytes of seals and parts, and how often it said no."""

    startup_bytes: int = 0
    repair_bytes: int = 0
    joins: int = 0
    refusals: int = 0
    repairs: int = 0


class HttpOrigin:
    """Answers joins and fetches. Callbacks come when the whole answer is at the viewer."""

    def __init__(self, clock: VirtualClock, bandwidth: int) -> None:
        self.served = Served()
        self._clock = clock
        self._budget = StartupBudget(bandwidth, clock.now)
        self._parts: dict[int, SealedPart] = {}
        self._newest = self._independent = -1
        self._busy_until = 0.0
        self._waiting: dict[int, list[Callable[[], None]]] = {}

    def add(self, part: SealedPart) -> None:
        """The next part; who waits for it is answered."""
        number = part.seal.number
        self._parts[number] = part
        self._newest = number
        if part.seal.independent:
            self._independent = number
        span = max(16, int(WINDOW_SECONDS * 1e6 / part.seal.duration))
        self._parts.pop(number - span, None)
        for answer in self._waiting.pop(number, ()):
            answer()

    def join(
        self,
        rtt: float,
        joined: Callable[[list[tuple[bytes, bytes]]], None],
        refused: Callable[[float], None],
    ) -> None:
        """Everything from the newest independent part on, or after how many seconds to ask again."""
        self._clock.post(self._clock.now + (FIRST_ROUND_TRIPS - 0.5) * rtt, self._join, rtt, joined, refused)

    def _join(
        self,
        rtt: float,
        joined: Callable[[list[tuple[bytes, bytes]]], None],
        refused: Callable[[float], None],
    ) -> None:
        now = self._clock.now
        retry = self._budget.admit(now)
        if retry > 0 or self._independent < 0:
            self.served.refusals += 1
            # Retry-After has whole seconds (RFC 9110 section 10.2.3).
            self._clock.post(now + rtt / 2, refused, float(round(retry)))
            return
        parts = [self._parts[n] for n in range(self._independent, self._newest + 1) if n in self._parts]
        size = sum(len(part.raw) + len(part.data) for part in parts)
        self._budget.spend(WITH_PARTS_THAT_FOLLOW * size, now)
        self.served.joins += 1
        self.served.startup_bytes += size
        self._clock.post(self._ready(size, rtt), joined, [(part.raw, part.data) for part in parts])

    def fetch(
        self,
        rtt: float,
        number: int,
        startup: bool,
        fetched: Callable[[bytes, bytes], None],
        failed: Callable[[bool], None],
    ) -> None:
        """One part. One that is just ahead of the edge is waited for."""
        self._clock.post(
            self._clock.now + (ROUND_TRIPS - 0.5) * rtt, self._fetch, rtt, number, startup, fetched, failed
        )

    def _fetch(
        self,
        rtt: float,
        number: int,
        startup: bool,
        fetched: Callable[[bytes, bytes], None],
        failed: Callable[[bool], None],
    ) -> None:
        now = self._clock.now
        part = self._parts.get(number)
        if part is not None:
            size = len(part.raw) + len(part.data)
            if startup:
                self.served.startup_bytes += size
            else:
                self.served.repair_bytes += size
                self.served.repairs += 1
            self._clock.post(self._ready(size, rtt), fetched, part.raw, part.data)
        elif 0 < number - self._newest <= AHEAD:
            asked = now
            answered = False

            def come() -> None:
                nonlocal answered
                if not answered and self._clock.now - asked <= WAIT_SECONDS:
                    answered = True
                    self._fetch(rtt, number, startup, fetched, failed)

            def waited() -> None:
                nonlocal answered
                if not answered:
                    answered = True
                    failed(True)

            self._waiting.setdefault(number, []).append(come)
            self._clock.post(now + WAIT_SECONDS + rtt / 2, waited)
        else:
            self._clock.post(now + rtt / 2, failed, True)

    def _ready(self, size: int, rtt: float) -> float:
        """When an answer that is begun now is whole at the viewer."""
        self._busy_until = max(self._busy_until, self._clock.now) + 8 * size / SERVER_RATE
        return self._busy_until + 8 * size / CLIENT_RATE + rtt / 2
