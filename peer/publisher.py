"""The publisher: a source's parts, sealed, into the braid and the origin."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter

from peer.carrier import Carrier
from peer.description import Rendition
from peer.lateness import Lateness
from peer.media.hls import WindowOptions
from peer.media.ingest import media_parts
from peer.media.parts import InitSegment, MediaOptions, MediaPart
from peer.node import Node
from peer.origin import StreamOrigin
from peer.sealer import Sealer, State, StreamName

log = logging.getLogger(__name__)

OFFLINE_AFTER = 3.0
"""Seconds without a part after which the stream is announced as offline."""


class PublisherClock:
    """µs since the Unix epoch as it was at the start, advanced by a monotonic clock."""

    def __init__(self) -> None:
        self.wall = time.time()
        self._start_ns = time.monotonic_ns()

    def __call__(self) -> int:
        return int(self.wall * 1e6) + (time.monotonic_ns() - self._start_ns) // 1000

    def offset(self) -> float:
        """What is to be added to the local monotonic clock, in seconds."""
        return self.wall - self._start_ns / 1e9


@dataclass(slots=True)
class Sent:
    """What a publisher has sent, in application bytes, by way; also as Prometheus counters."""

    registry: CollectorRegistry
    http: int = 0
    link: int = 0
    _counter: Counter = field(init=False)

    def __post_init__(self) -> None:
        self._counter = Counter(
            "braidcast_sent_bytes", "Media sent by the publisher", ["via"], registry=self.registry
        )
        for via in ("http", "link"):
            self._counter.labels(via)

    def over_http(self, size: int) -> None:
        self.http += size
        self._counter.labels("http").inc(size)

    def over_links(self, total: int) -> None:
        """`total` is everything so far."""
        self._counter.labels("link").inc(max(0, total - self.link))
        self.link = max(total, self.link)


class Publisher:
    """Publishes one source as one stream, in one rendition or several. `run()` lives until the source ends or
    it is cancelled."""

    def __init__(
        self,
        node: Node,
        source: str,
        stream: str,
        options: MediaOptions,
        *,
        title: str = "",
        origins: tuple[str, ...] = (),
        window: WindowOptions | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """`window` is how far back players of the origin may go. Raises ShelfError."""
        self.stream = stream
        self.clock = PublisherClock()
        self.sent = Sent(registry or CollectorRegistry())
        self.on_state: list[Callable[[State], None]] = []
        self.on_item: list[Callable[[InitSegment | MediaPart], None]] = []
        """Told what the source has made, of the best rendition: an init segment before its parts."""
        self.live = asyncio.Event()
        """Set once the first init segment was announced."""
        self.parts = 0
        """Of each rendition."""
        self.media_bytes = 0
        """Of all renditions."""
        self._node = node
        self._source, self._options = source, options
        self._sealer = Sealer(
            node.identity,
            StreamName(node.room, stream, title or stream, origins),
            options.part_duration,
            self.clock.wall,
        )
        self.origin = StreamOrigin(
            node.room, stream, self._sealer.epoch, self.clock, self.sent.over_http, window
        )
        self._carriers: list[Carrier] = []
        self._state: State = "offline"
        self._last_part = time.monotonic()
        self._lateness = Lateness()
        node.clock(node.identity.id).set_exact(self.clock.offset(), 0.0)

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """What is sent, the best first; none before the first init segment."""
        return self._sealer.renditions

    @property
    def carriers(self) -> list[Carrier]:
        """The roots of the renditions' braids; none before the first init segment."""
        return self._carriers

    async def run(self) -> None:
        """Publish until the source ends for good. Raises SourceError with one sentence."""
        watchdog = asyncio.create_task(self._watchdog(), name="source watchdog")
        try:
            async with aclosing(media_parts(self._source, self._options, self.clock)) as items:
                async for item in items:
                    for told in self.on_item if item.rung == 0 else ():
                        told(item)
                    if isinstance(item, InitSegment):
                        self._begin(item)
                    else:
                        self._part(item)
        finally:
            watchdog.cancel()
            with suppress(asyncio.CancelledError):
                await watchdog
            self.end()

    def end(self) -> None:
        """Announce that the stream is over."""
        if self._state != "ended" and self._carriers:
            self._announce("ended")
            self.origin.end()

    def _begin(self, init: InitSegment) -> None:
        self._sealer.begin(init)
        self.origin.begin(self.renditions[init.rung].id, init)
        if init.rung == init.rungs - 1:
            self._announce("live")

    def _part(self, part: MediaPart) -> None:
        self._last_part = time.monotonic()
        late = (self.clock() - part.capture_time - part.duration) / 1e6
        if self._lateness.part(late, self._last_part):
            log.warning(
                "The stream is published %.1f s late: this machine is too busy, or what comes is held up on "
                "its way. End other programs here, or send a smaller picture.",
                late,
            )
        if self._state == "offline":
            self._announce("live")
        sealed = self._sealer.seal(part)
        if part.rung >= len(self._carriers):
            return
        carrier = self._carriers[part.rung]
        self.parts += part.rung == 0
        self.media_bytes += len(part.data)
        carrier.publish(sealed.raw, sealed.data)
        if carrier.core.feeds_parity:
            companion = self._sealer.parity(sealed)
            carrier.publish(companion.raw, companion.data)
        self.origin.add(self.renditions[part.rung].id, sealed.seal, sealed.raw, part)
        self._count()

    def _announce(self, state: State) -> None:
        self._sealer.set_state(state)
        raw = self._sealer.description()
        self._state = state
        self.origin.describe(raw)
        known = self._node.announce(raw)
        if known is not None:
            for rendition in self.renditions[len(self._carriers) :]:
                self._carriers.append(self._node.carry(known, rendition))
            self.live.set()
        for told in self.on_state:
            told(state)

    def _count(self) -> None:
        self.sent.over_links(sum(carrier.core.counters.to_peers for carrier in self._carriers))

    async def _watchdog(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self._count()
            silent = time.monotonic() - self._last_part > OFFLINE_AFTER
            if silent and self._state == "live" and self._carriers:
                self._announce("offline")
