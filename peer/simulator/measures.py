"""What is counted while a simulation runs, from the moment at which measuring begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from peer.core.counters import Counters
from peer.simulator.codec import genuine
from peer.simulator.watching import DISTANCES, Player

if TYPE_CHECKING:
    from peer.simulator.peer import SimulatedPeer
    from peer.simulator.world import World

BINS = 10_000
"""Milliseconds up to which delays are told apart."""


class Delays:
    """Durations in bins of a millisecond: exact enough, and as large after an hour as after a second."""

    def __init__(self) -> None:
        self._bins = [0] * (BINS + 1)
        self.count = 0

    def add(self, seconds: float) -> None:
        index = int(seconds * 1000)
        self._bins[0 if index < 0 else BINS if index > BINS else index] += 1
        self.count += 1

    def shares(self) -> list[tuple[float, float]]:
        """(seconds, share of all that is not longer), as far as there is anything."""
        result, seen = [], 0
        for index, count in enumerate(self._bins):
            if count:
                seen += count
                result.append(((index + 1) / 1000, seen / self.count))
        return result

    def quantile(self, share: float) -> float | None:
        """Seconds that `share` of all do not exceed; None before the first."""
        if not self.count:
            return None
        wanted, seen = share * self.count, 0
        for index, count in enumerate(self._bins):
            seen += count
            if seen >= wanted:
                return (index + 1) / 1000
        return BINS / 1000


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value that `share` of all do not exceed; None of nothing."""
    ordered: Sequence[float] = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@dataclass(slots=True)
class Totals:
    """Players at one distance, put together."""

    due: int = 0
    in_time: int = 0
    stalls: int = 0
    stalled_viewers: int = 0
    longest: float = 0.0
    most: int = 0
    """Stalls of one viewer."""

    def add(self, player: Player) -> None:
        self.due += player.due
        self.in_time += player.in_time
        self.stalls += len(player.stall_times)
        self.stalled_viewers += bool(player.stall_times)
        self.longest = max([self.longest, *(seconds for _, seconds in player.stall_times)])
        self.most = max(self.most, len(player.stall_times))


@dataclass(slots=True)
class Snapshot:
    """Where monotonic counts stood."""

    at: float
    link: int
    startup: int
    repair: int
    joins: int
    refusals: int
    media: int
    blocks: int
    control: int
    part: int
    sealed: int
    counters: Counters


@dataclass(slots=True)
class Measures:
    """Everything that is not kept by the peers themselves."""

    world: World
    delays: Delays = field(default_factory=Delays)
    startups: list[float] = field(default_factory=list)
    media: int = 0
    """Bytes of the parts that were published."""
    sealed: int = 0
    """The same as blocks with their seals and proofs."""
    altered: int = 0
    """Parts that were played with other bytes than the publisher's: must be 0."""
    forged: int = 0
    """Blocks that honest peers sent and that are not genuine: must be 0."""
    rejections: int = 0
    wrongly_rejected: int = 0
    """Links to honest peers that were ended for a bad block."""
    viewer_seconds: float = 0.0
    finished: Counters = field(default_factory=Counters)
    """Of peers that are gone."""
    players: list[list[Player]] = field(default_factory=list)
    begun: Snapshot | None = None
    _last_at: float = 0.0

    def delivered(self, peer: SimulatedPeer, number: int, data: bytes) -> None:
        """A part has come out of a core."""
        world = self.world
        now = world.clock.now
        if data != world.part_data(number):
            self.altered += 1
        if self.begun is None or peer.first_part is None or peer.role != "viewer" or peer.tag:
            return
        if peer.first_part == now and peer.born >= self.begun.at and not peer.started:
            peer.started = True
            self.startups.append(now - peer.born)
        published = world.timeline.at[number]
        if published >= self.begun.at and published > peer.first_part:
            self.delays.add(now - published)

    def rejected(self, peer: SimulatedPeer, source: bytes) -> None:
        """A core has ended a link for what came over it."""
        self.rejections += 1
        self.world.rejected(peer, source)

    def forwarded(self, data: bytes) -> None:
        """An honest peer sends a block."""
        if not genuine(data, self.world.publisher_identity.key):
            self.forged += 1

    def counters(self) -> Counters:
        """All viewers and relays together, those that are gone as well."""
        total = Counters()
        for counters in (self.finished, *(p.core.counters for p in self.world.viewers())):
            add(total, counters)
        return total

    def snapshot(self) -> Snapshot:
        world = self.world
        served = world.origin.served if world.origin is not None else None
        return Snapshot(
            at=world.clock.now,
            link=world.publisher.core.counters.to_peers,
            startup=served.startup_bytes if served else 0,
            repair=served.repair_bytes if served else 0,
            joins=served.joins if served else 0,
            refusals=served.refusals if served else 0,
            media=self.media,
            blocks=world.network.traffic.blocks,
            control=world.network.traffic.control,
            part=len(world.timeline.at),
            sealed=self.sealed,
            counters=self.counters(),
        )

    def begin(self) -> None:
        """From here on it counts."""
        self.begun = self.snapshot()
        self._last_at = self.world.clock.now
        for peer in self.world.viewers():
            peer.players = [Player(distance) for distance in DISTANCES] if peer.role == "viewer" else []

    def population(self) -> None:
        """Called at each step: how long how many were watching."""
        now = self.world.clock.now
        watching = sum(1 for peer in self.world.viewers() if peer.first_part is not None)
        self.viewer_seconds += watching * (now - self._last_at)
        self._last_at = now


def add(total: Counters, other: Counters) -> None:
    """Every count of `other` to that of `total`."""
    for each in fields(Counters):
        setattr(total, each.name, getattr(total, each.name) + getattr(other, each.name))


def difference(after: Counters, before: Counters) -> Counters:
    """What was counted between two moments."""
    result = Counters()
    for each in fields(Counters):
        setattr(result, each.name, getattr(after, each.name) - getattr(before, each.name))
    return result
