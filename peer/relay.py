"""A relay: carries a room's streams without playing them, and may be an origin of its own."""

from __future__ import annotations

import time

from aiohttp import web
from prometheus_client import CollectorRegistry

from peer.carrier import Carrier
from peer.core.counters import Counters
from peer.description import Rendition
from peer.media.hls import WindowOptions
from peer.media.parts import InitSegment, MediaPart
from peer.node import Node
from peer.origin import StreamOrigin
from peer.part import Part
from peer.publisher import Sent
from peer.seal import Seal
from peer.streams import KnownStream


class Relay:
    """Carries every live stream of a node's room in all renditions, or just those that are named."""

    def __init__(
        self,
        node: Node,
        streams: tuple[str, ...] = (),
        renditions: tuple[str, ...] = (),
        *,
        uplink: int | None = None,
        serves: bool = False,
        window: WindowOptions | None = None,
    ) -> None:
        """With `serves` it is an origin of the streams that are named; `window` is how far back players of it
        may go. Raises ShelfError."""
        self.carriers: dict[tuple[str, str], Carrier] = {}
        """By stream and rendition."""
        self.sent = Sent(CollectorRegistry())
        self.app: web.Application | None = web.Application() if serves else None
        self._origins: dict[str, StreamOrigin] = {}
        self._inits: dict[tuple[str, str], bytes] = {}
        self._ended: set[str] = set()
        """Streams that have ended, and have not come back."""
        self._node = node
        self._streams, self._renditions = streams, renditions
        self._uplink = uplink
        self._window = window
        if serves:
            for stream in streams:
                self._open_origin(stream)
        node.on_stream.append(self._described)
        for known in node.streams:
            self._described(known)

    def close(self) -> None:
        """Forget what its origins have."""
        for origin in self._origins.values():
            origin.close()

    def counters(self) -> Counters:
        """All streams together."""
        total = Counters()
        for carrier in self.carriers.values():
            for name in Counters.__slots__:
                setattr(total, name, getattr(total, name) + getattr(carrier.core.counters, name))
        return total

    @property
    def names(self) -> list[str]:
        """The streams that are carried."""
        return sorted({stream for stream, _ in self.carriers})

    def children(self) -> int:
        """Stripe children of all streams."""
        return sum(len(s) for carrier in self.carriers.values() for s in carrier.core.stripe_children())

    def _open_origin(self, stream: str) -> None:
        if self.app is None:
            return

        def clock() -> int | None:
            carrier = next((each for (name, _), each in self.carriers.items() if name == stream), None)
            if carrier is None:
                return None
            reading = self._node.clock(carrier.stream.publisher).read(time.monotonic())
            return None if reading is None else int(reading[0] * 1e6)

        # Not the publisher's epoch: a relay that starts again may number what it missed otherwise.
        epoch = int(time.time())
        origin = StreamOrigin(self._node.room, stream, epoch, clock, self.sent.over_http, self._window)
        origin.mount(self.app)
        self._origins[stream] = origin

    def _described(self, known: KnownStream) -> None:
        if self._streams and known.name not in self._streams:
            return
        origin = self._origins.get(known.name)
        if origin is not None:
            origin.describe(known.raw)
            if known.description.state == "ended":
                origin.end()
                # Parts that are late must not begin the stream anew, and the first of a new one must.
                self._ended.add(known.name)
                for key in [key for key in self._inits if key[0] == known.name]:
                    del self._inits[key]
            else:
                self._ended.discard(known.name)
        if known.description.state == "ended":
            return
        for rendition in known.description.renditions:
            key = (known.name, rendition.id)
            if key not in self.carriers and (not self._renditions or rendition.id in self._renditions):
                self._carry(known, rendition, origin is not None)

    def _carry(self, known: KnownStream, rendition: Rendition, serves: bool) -> None:
        def delivered(part: Part, raw: bytes) -> None:
            self._serve(known.name, rendition.id, part, raw)

        self.carriers[known.name, rendition.id] = self._node.carry(
            known, rendition, uplink=self._uplink, on_part=delivered if serves else None
        )

    def _serve(self, stream: str, rendition: str, part: Part, raw: bytes) -> None:
        if stream in self._ended:
            return
        origin, key = self._origins[stream], (stream, rendition)
        renditions = self.carriers[key].stream.description.renditions
        described = next((each for each in renditions if each.id == rendition), None)
        if self._inits.get(key) != part.init and described is not None:
            self._inits[key] = part.init
            origin.begin(
                rendition,
                InitSegment(
                    codecs=described.codecs,
                    width=described.width,
                    height=described.height,
                    frame_rate=described.frame_rate,
                    bandwidth=described.bandwidth,
                    data=part.init,
                    audio="opus" in described.codecs.lower() or "mp4a" in described.codecs,
                    video=described.width > 0,
                ),
            )
        seal = Seal.parse(raw)
        media = MediaPart(
            data=part.data,
            media_time=seal.media_time,
            duration=seal.duration,
            capture_time=seal.capture_time,
            independent=seal.independent,
            discontinuity=seal.discontinuity,
            segment_start=seal.segment_start,
        )
        origin.add(rendition, seal, raw, media)
