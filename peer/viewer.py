"""A headless viewer: takes a stream's parts out of the braid, relays them, and measures as a player would."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from peer.carrier import Carrier
from peer.core.playout import Playout
from peer.node import Node
from peer.part import Part
from peer.streams import KnownStream
from signaling.protocol import to_base64url

QUEUE = 256
"""Parts that wait for a slow program; the oldest are dropped, and counted as skipped."""


class Viewing:
    """Watches one stream of a node's room, whenever it is live. Iterate over it for the parts."""

    def __init__(
        self,
        node: Node,
        stream: str,
        rendition: str | None = None,
        *,
        carries: bool = True,
        uplink: int | None = None,
    ) -> None:
        """`rendition` is the id of the one to watch; the stream's first, which is its best, unless given."""
        self.stream = stream
        self.renditions: tuple[str, ...] = ()
        """Ids of those that there are."""
        self.playout = Playout(time.monotonic())
        self.on_part: list[Callable[[Part], None]] = []
        self._closed = False
        self.ended = False
        self._node = node
        self._carries, self._uplink = carries, uplink
        self._carrier: Carrier | None = None
        self._leaving: set[asyncio.Future[None]] = set()
        self._wanted = rendition
        self._rendition: str | None = None
        self._parts: deque[Part] = deque()
        self._dropped = 0
        self._changed = asyncio.Event()
        node.on_stream.append(self._described)
        for known in node.streams:
            self._described(known)

    def _described(self, known: KnownStream) -> None:
        if known.name != self.stream:
            return
        self.ended = known.description.state == "ended"
        self._changed.set()
        self.renditions = tuple(each.id for each in known.description.renditions)
        wanted = [each for each in known.description.renditions if self._wanted in (None, each.id)]
        if not wanted:
            return
        rendition = wanted[0]
        if self._carrier is not None and not self._carrier.fits(known, rendition):
            # The publisher came back as somebody else, or cuts its stream in another way.
            self._leaving.add(task := asyncio.ensure_future(self._node.stop_carrying(self._carrier)))
            task.add_done_callback(self._leaving.discard)
            self._carrier = None
        if self._carrier is None and not self.ended:
            self._rendition = rendition.id
            self._carrier = self._node.carry(
                known, rendition, carries=self._carries, uplink=self._uplink, on_part=self._delivered
            )

    def _delivered(self, part: Part, _: bytes) -> None:
        now = time.monotonic()
        self.playout.part(part.epoch, part.media_time, part.duration, part.capture_time, now)
        if self._carrier is not None:
            self._carrier.core.buffer(self.playout.buffered(now), now)
        for told in self.on_part:
            told(part)
        if len(self._parts) >= QUEUE:
            self._parts.popleft()
            self._dropped += 1
        self._parts.append(part)
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Part]:
        """Verified parts in order; ends when the publisher ends the stream."""
        while True:
            while self._parts:
                yield self._parts.popleft()
            if self.ended:
                return
            self._changed.clear()
            await self._changed.wait()

    def stats(self) -> dict[str, Any]:
        """As `.stats` of the player element, in snake_case (DESIGN.md section 7)."""
        now = time.monotonic()
        self.playout.advance(now)
        carrier = self._carrier
        latency: float | None = None
        if carrier is not None:
            reading = self._node.clock(carrier.stream.publisher).read(now)
            if reading is not None:
                latency = self.playout.latency(reading[0], now)
        started = self.playout.startup_time
        counters = carrier.core.counters if carrier is not None else None
        parents = carrier.core.stripe_parents() if carrier is not None else ()
        children = carrier.core.stripe_children() if carrier is not None else ()
        return {
            "bytes_from_peers": counters.from_viewers + counters.from_relays if counters else 0,
            "bytes_from_relays": counters.from_relays if counters else 0,
            "bytes_from_origin": counters.from_publisher + counters.from_http if counters else 0,
            "bytes_to_peers": counters.to_peers if counters else 0,
            "live_latency": None if latency is None else round(latency, 4),
            "stall_time": round(self.playout.stall_time, 3),
            "skipped_time": round(self.playout.skipped_time, 3),
            "startup_time": None if started is None else round(started, 3),
            "stalls": self.playout.stalls,
            "peers": len(self._node.mesh.peers),
            "blocks_rejected": counters.blocks_rejected if counters else 0,
            "equivocations": counters.equivocations if counters else 0,
            "equivocation": self._equivocation(),
            "rendition": self._rendition,
            "parents": [None if peer is None else peer.hex() for peer in parents],
            "children": [[peer.hex() for peer in stripe] for stripe in children],
            "parts": counters.parts_delivered if counters else 0,
            "parts_skipped": counters.parts_skipped if counters else 0,
            "fail_overs": counters.fail_overs if counters else 0,
        }

    def _equivocation(self) -> list[str] | None:
        """The first proof that the publisher signs two things: a pair of seals, base64url."""
        proofs = self._carrier.core.equivocations() if self._carrier is not None else ()
        return [to_base64url(proofs[0].first), to_base64url(proofs[0].second)] if proofs else None

    async def close(self) -> None:
        """Stop watching; once is enough, for leaving the room does so, too."""
        if self._closed:
            return
        self._closed = True
        self._node.on_stream.remove(self._described)
        if self._carrier is not None:
            await self._node.stop_carrying(self._carrier)
            self._carrier = None
        self.ended = True
        self._changed.set()
