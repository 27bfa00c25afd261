"""Carries one rendition: the braid core's shell, between links, the origin and whoever takes the parts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from peer.core.actions import (
    Deliver,
    Equivocation,
    Fetch,
    Gap,
    Join,
    Links,
    Parity,
    Reject,
    Report,
    Send,
    Verify,
)
from peer.core.braid import Action, Braid
from peer.core.init_segments import InitSegments, PlayablePart
from peer.core.neighbour import Role
from peer.description import Rendition
from peer.origin_client import Failure, OriginClient
from peer.part import Part, part_of
from peer.seal import Seal
from peer.signing import verify
from peer.streams import KnownStream
from peer.wire import Message
from signaling.protocol import Plan
from signaling.protocol import Report as ReportMessage

if TYPE_CHECKING:
    from peer.node import Node

log = logging.getLogger(__name__)

ORIGIN = b"origin"
"""Whose word the time in an origin's answers is: one among those of the neighbours."""


class Carrier:
    """One braid at one node. `on_part` gets every delivered part with its seal; None for a relay's."""

    def __init__(
        self,
        node: Node,
        stream: KnownStream,
        rendition: Rendition,
        *,
        carries: bool = True,
        uplink: int | None = None,
        on_part: Callable[[Part, bytes], None] | None = None,
    ) -> None:
        self._node = node
        self.rendition = rendition.id
        self.carries, self.uplink = carries, uplink
        self._on_part = on_part
        self._skipped = 0
        self._acting = False
        self._init_segments = InitSegments()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reported = (0, 0)
        self.stream = stream
        self.id = stream.braid(rendition.id)
        self.stripes = rendition.stripes
        self._origin = OriginClient(node.http, node.server)
        self._origin.set_origins(stream.description.origins)
        self.core = Braid(
            node.identity.id,
            stream.publisher,
            stream.key,
            self.id,
            stripes=rendition.stripes,
            part_duration=stream.description.part_duration,
            epoch=stream.description.epoch,
            now=time.monotonic(),
            delivers=on_part is not None,
            carries=carries,
            origins=bool(stream.description.origins),
            standing=node.standing,
            upload=node.upload,
        )
        self._init_segments.described(stream.description.epoch, self._inits())

    @property
    def is_publisher(self) -> bool:
        return self.core.is_publisher

    def fits(self, stream: KnownStream, rendition: Rendition) -> bool:
        """Whether this carrier can go on with what the stream is now."""
        return (
            stream.braid(rendition.id) == self.id
            and rendition.stripes == self.stripes
            and stream.description.part_duration == self.stream.description.part_duration
        )

    @property
    def purpose(self) -> str:
        """Why its links are wanted."""
        return f"braid:{self.id.hex()}"

    def plan(self, plan: Plan) -> None:
        """The planner's assignment."""
        parents = tuple(None if peer is None else bytes.fromhex(peer) for peer in plan.parents)
        standbys = tuple(bytes.fromhex(peer) for peer in plan.standbys)
        self.core.plan(plan.sequence, parents, standbys, plan.children_limit, time.monotonic())
        self.act()

    def introduced_again(self, resumed: bool) -> None:
        """The introducer is back, and may have forgotten us: tell it what holds."""
        if not self.is_publisher:
            if not resumed:
                self.core.plan_restarted()
            self.core.report_soon(time.monotonic())

    def described(self, stream: KnownStream) -> None:
        """A newer description of the stream."""
        self.stream = stream
        self._origin.set_origins(stream.description.origins)
        self.core.set_origins(bool(stream.description.origins))
        self.core.described(stream.description.epoch, time.monotonic())
        self._play(self._init_segments.described(stream.description.epoch, self._inits()))
        self.act()

    def link_opened(self, peer: bytes, role: Role) -> None:
        self.core.link_opened(peer, role, time.monotonic())
        self.act()

    def link_closed(self, peer: bytes) -> None:
        self.core.link_closed(peer, time.monotonic())
        self.act()

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        self.core.link_quiet(peer, quiet, time.monotonic())
        self.act()

    def drained(self, peer: bytes, buffered: int) -> None:
        self.core.drained(peer, buffered, time.monotonic())
        self.act()

    def received(self, peer: bytes, message: Message, raw: bytes) -> None:
        self.core.received(peer, message, raw, time.monotonic())
        self.act()

    def publish(self, raw: bytes, data: bytes) -> None:
        """The publisher's next part."""
        self.core.publish(raw, data, time.monotonic())
        self.act()

    def handle_timer(self, now: float) -> None:
        self.core.handle_timer(now)
        self.act()

    def leave(self) -> None:
        """Tell children and parents; the node then waits a moment before it closes the links."""
        self.core.leave(time.monotonic())
        self.act()

    async def close(self) -> None:
        """End the requests that are under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def act(self) -> None:
        """Do what the core asks for, until it asks for nothing more.

        What an action brings about, such as a link's end, comes after those that were asked for before.
        """
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self.core.poll_actions():
                for action in actions:
                    self._do(action)
        finally:
            self._acting = False

    def _do(self, action: Action) -> None:
        match action:
            case Send(peer, data, channel):
                self._node.mesh.send(peer, data, channel)
            case Verify():
                genuine = verify(action.key, action.tag, action.data, action.signature)
                self.core.verified(action.token, genuine, time.monotonic())
            case Deliver(seal, data):
                self._play(self._init_segments.delivered(seal, data))
            case Gap(parts):
                self._skipped += parts
            case Reject(peer, reason, sentence):
                self._node.mesh.expel(peer, reason, sentence)
            case Equivocation(first, _):
                number = Seal.parse(first).number
                log.warning(
                    "%s: two versions of part %d are signed; others may be shown something else.",
                    self.stream.name,
                    number,
                )
            case Links(peers):
                self._node.mesh.want(self.purpose, peers)
            case Join():
                self._spawn(self._join())
            case Fetch(epoch, number):
                self._spawn(self._fetch(epoch, number))
            case Parity(wanted):
                self._node.watch(self, parity=wanted)
            case Report():
                self._report(action)

    def _inits(self) -> list[bytes]:
        for rendition in self.stream.description.renditions:
            if rendition.id == self.rendition:
                return [rendition.init(index) for index in range(len(rendition.inits))]
        return []

    def _play(self, parts: list[PlayablePart]) -> None:
        clock = self._node.clock(self.stream.publisher)
        for part in parts:
            clock.prove(part.seal.capture_time / 1e6, time.monotonic())
            if self._on_part is not None:
                skipped, self._skipped = self._skipped, 0
                self._on_part(part_of(part.seal, part.data, part.init, skipped), part.raw)

    def _report(self, report: Report) -> None:
        counters = self.core.counters
        sent = counters.to_peers
        received = counters.from_viewers + counters.from_relays + counters.from_publisher
        self._node.signal(
            ReportMessage(
                braid=self.id.hex(),
                parents=[None if peer is None else peer.hex() for peer in report.parents],
                lost=[peer.hex() for peer in report.lost],
                harmful=[peer.hex() for peer in report.harmful],
                failed=[peer.hex() for peer in report.failed],
                rtt=self._node.round_trips(),
                sent=sent - self._reported[0],
                received=received - self._reported[1],
                received_from={peer.hex(): size for peer, size in report.received_from},
                loss=report.loss,
                slots=report.slots,
            )
        )
        self._reported = (sent, received)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self) -> None:
        answer = await self._origin.join(self.rendition)
        now = time.monotonic()
        sample = self._origin.clock_sample
        if sample is not None:
            clock = self._node.clock(self.stream.publisher)
            clock.sample(ORIGIN, sample.t0, sample.t1, sample.t1, sample.t3, 0.0)
        if isinstance(answer, Failure):
            self.core.join_failed(answer.retry_after, now)
        else:
            self.core.joined(answer, now)
        self.act()

    async def _fetch(self, epoch: int, number: int) -> None:
        answer = await self._origin.part(self.rendition, epoch, number)
        now = time.monotonic()
        if isinstance(answer, Failure):
            self.core.fetch_failed(number, answer.gone, now)
        else:
            self.core.fetched(number, *answer, now)
        self.act()
