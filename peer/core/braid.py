"""The braid: receive, verify, forward, repair and fail over one rendition. A state machine without I/O.

Events are methods that take `now` (monotonic seconds) last; `poll_actions()` gives what to do;
`next_timer()` says when to call `handle_timer(now)`.
"""

from __future__ import annotations

from peer.core.actions import Deliver, Equivocation, Fetch, Gap, Join, Links, Reject, Report, Send, Verify
from peer.core.announcements import Announcements
from peer.core.children import (
    NEWEST_INDEPENDENT,
    REFUSE_FULL,
    REFUSE_LEAVING,
    REFUSE_LOOP,
    REFUSE_NOT_CARRIED,
    Children,
)
from peer.core.counters import Counters
from peer.core.delivery import Delivery
from peer.core.intake import Began, Intake, Outcome, Taken
from peer.core.judge import Judge, refusal
from peer.core.neighbour import Neighbour, Role
from peer.core.reception import Reception
from peer.core.repair import ASK_AFTER_PARTS, Repair
from peer.core.reports import Reports
from peer.core.standing import Standing
from peer.core.startup import Startup
from peer.core.upstream import Change
from peer.core.upstream import Subscribe as SubscribeTo
from peer.core.upstreams import Upstreams
from peer.core.window import Window
from peer.seal import Seal
from peer.wire import Block, Message, Refuse, Status, Subscribe, Unsubscribe, Want, encode

Action = Send | Verify | Reject | Equivocation | Deliver | Gap | Join | Fetch | Links | Report

TICK = 0.05
DEFAULT_CHILDREN = 32
RELAY_MENDS = 20
"""Parts behind the newest that a relay, which has no deadline, still asks for."""
PUBLISHER_PER_STRIPE = 2
"""Children that a publisher takes on one stripe: the planned one, and one more while trees are mended."""
PUBLISHER_LEAVES = 24
"""Leaves that it takes besides: a room of leaves has nobody else to feed it."""


class Braid:
    """One rendition at one peer.

    `me` and `publisher` are peer ids, `key` the publisher's Ed25519 key, `braid` the braid id. `delivers` is
    False for relays; `carries` False for leaves. `epoch` is that of the stream description: older seals are
    replays. `part_duration` is in seconds. `standing` is what this peer remembers of others.
    """

    def __init__(
        self,
        me: bytes,
        publisher: bytes,
        key: bytes,
        braid: bytes,
        *,
        stripes: int,
        part_duration: float,
        epoch: int,
        now: float,
        delivers: bool = True,
        carries: bool = True,
        origins: bool = False,
        standing: Standing | None = None,
    ) -> None:
        self.me, self.publisher, self.braid = me, publisher, braid
        self.is_publisher = me == publisher
        self.counters = Counters()
        self.window = Window()
        self.delivery = Delivery()
        self.carries = carries
        self.neighbours: dict[bytes, Neighbour] = {}
        spread = int.from_bytes(me[:2], "big") / 65536
        self._stripes = stripes
        self._part_duration = part_duration
        self._delivers = delivers and not self.is_publisher
        self._leaving = False
        self._repair = Repair(spread)
        self._startup = Startup(origins and not self.is_publisher, now)
        self._children = Children(braid, stripes, self.counters)
        self._intake = Intake(key, braid, stripes, self.window, self.counters)
        self.upstreams = Upstreams(me, stripes, spread, now)
        above = None if self.is_publisher else self.upstreams
        self._announcements = Announcements(me, braid, stripes, above, self._children, self.window, now)
        self._judge = Judge(standing if standing is not None else Standing(), now)
        self._children_limit = DEFAULT_CHILDREN
        self._plan_sequence = -1
        self._reception = Reception(stripes)
        self._reports = Reports(self.upstreams, self._reception, now)
        self._links: tuple[bytes, ...] = ()
        self._actions: list[Action] = []
        self._newest = -1
        self._tick_at = now
        self.window.begin(epoch)

    # --- verbs of the shell

    def poll_actions(self) -> list[Action]:
        """What is to be done, in order; forgotten once it is taken."""
        actions, self._actions = self._actions, []
        return actions

    def next_timer(self) -> float:
        return self._tick_at

    def handle_timer(self, now: float) -> None:
        if now >= self._tick_at:
            self._tick(now)

    # --- links and the plan

    def link_opened(self, peer: bytes, role: Role, now: float) -> None:
        """A link to `peer` is ready; `role` is what it does in the room."""
        if peer == self.publisher:
            role = "publisher"
        neighbour = Neighbour(peer, role, now)
        if not self._judge.admits(neighbour, now):
            self._actions.append(refusal(peer))
            return
        self.neighbours[peer] = neighbour
        self._send(peer, self._status())
        self._tick(now)

    def link_closed(self, peer: bytes, now: float) -> None:
        neighbour = self.neighbours.pop(peer, None)
        if neighbour is None:
            return
        self._children.gone(neighbour)
        if self.upstreams.lost(peer, now):
            self.counters.fail_overs += 1
        self._reports.lost(peer, now)
        self._tick(now)

    def link_quiet(self, peer: bytes, quiet: bool, now: float) -> None:
        """Nothing at all has come over the link for a while, or it speaks again."""
        neighbour = self.neighbours.get(peer)
        if neighbour is not None:
            neighbour.quiet = quiet
            self._tick(now)

    def plan(
        self,
        sequence: int,
        parents: tuple[bytes | None, ...],
        standbys: tuple[bytes, ...],
        children_limit: int,
        now: float,
    ) -> None:
        """The planner's assignment; an older one than the last is ignored."""
        if sequence <= self._plan_sequence or len(parents) != self._stripes:
            return
        self._plan_sequence = sequence
        self._children_limit = children_limit
        self.upstreams.plan(parents, tuple(p for p in standbys if p != self.me), now)
        self._tick(now)

    def plan_restarted(self) -> None:
        """The introducer has forgotten us: its sequence numbers begin again."""
        self._plan_sequence = -1

    def report_soon(self, now: float) -> None:
        """Tell the planner who feeds us at the next tick."""
        self._reports.soon(now)

    def described(self, epoch: int, now: float) -> None:
        """A newer stream description: its epoch is the least that seals may have."""
        if epoch > self.window.epoch:
            self.window.begin(epoch)
            self._begun(now)

    def set_origins(self, origins: bool) -> None:
        """Whether the stream can be had over HTTP."""
        self._startup.origins = origins and not self.is_publisher

    def set_http_only(self, http_only: bool) -> None:
        """No links at all: everything comes over HTTP."""
        self._startup.http_only = http_only

    def set_carries(self, carries: bool, now: float) -> None:
        """Whether this peer uploads at all."""
        self.carries = carries
        if not carries:
            for neighbour in self.neighbours.values():
                for stripe in sorted(neighbour.feeds):
                    self._children.remove(neighbour, stripe)
                    self._send(neighbour.peer, encode(Refuse(self.braid, stripe, REFUSE_NOT_CARRIED)))
        self._announce(now)

    def leave(self, now: float) -> None:
        """Going: children are told first, so that they move before the links close."""
        self._leaving = True
        self._announce(now)
        for stripe, up in enumerate(self.upstreams.stripes):
            for peer in (up.parent, up.pending):
                if peer is not None:
                    self._send(peer, encode(Unsubscribe(self.braid, stripe)))

    # --- media in

    def publish(self, raw: bytes, data: bytes, now: float) -> None:
        """The publisher's own part: `raw` is its seal."""
        self._take(self._intake.own(Seal.parse(raw), raw, data, now), now)
        if now >= self._tick_at:
            self._tick(now)

    def buffer(self, seconds: float, now: float) -> None:
        """The player's forward buffer."""
        self.delivery.buffer(seconds, now)

    def joined(self, parts: list[tuple[bytes, bytes]], now: float) -> None:
        """The origin's answer to `Join`: (seal, part) from its newest independent part on."""
        self._startup.joined(now)
        for raw, data in parts:
            self._take(self._intake.whole(raw, data, now), now)
        self._tick(now)

    def join_failed(self, retry_after: float, now: float) -> None:
        self._startup.join_failed(retry_after, now)
        self._tick(now)

    def fetched(self, number: int, raw: bytes, data: bytes, now: float) -> None:
        """The origin's answer to `Fetch`."""
        self._repair.fetched(number)
        self._startup.fetched(number)
        self._take(self._intake.whole(raw, data, now), now)
        self._tick(now)

    def fetch_failed(self, number: int, gone: bool, now: float) -> None:
        """No answer, or (`gone`) the part has left the origin's window."""
        self._repair.fetched(number)
        self._startup.fetch_failed(number, gone, now)

    def received(self, peer: bytes, message: Message, raw: bytes, now: float) -> None:
        """A decoded link message for this braid, and its bytes."""
        neighbour = self.neighbours.get(peer)
        if neighbour is None:
            return
        neighbour.heard_at = now
        if not neighbour.conduct.may_say(type(message), now):
            self.counters.floods += 1
        elif isinstance(message, Block):
            self.counters.received(neighbour.role, len(raw))
            late = self.counters.late
            self._take(self._intake.block(peer, message, raw, now), now)
            if self.counters.late > late:
                neighbour.conduct.unexpected()
        elif isinstance(message, Status):
            self._their_status(neighbour, message, now)
        elif isinstance(message, Subscribe):
            self._subscribe(neighbour, message, now)
        elif isinstance(message, Unsubscribe):
            if message.stripe < self._stripes:
                self._children.remove(neighbour, message.stripe)
        elif isinstance(message, Refuse):
            if message.stripe < self._stripes:
                neighbour.refused(message.stripe, now)
                self.upstreams.refused(message.stripe, peer, now)
        elif isinstance(message, Want) and message.epoch == self.window.epoch and self._can_carry():
            self._actions += self._children.want(neighbour, message.number, message.blocks, self.window, now)
        if now >= self._tick_at:
            self._tick(now)

    def drained(self, peer: bytes, buffered: int, now: float) -> None:
        """The link to `peer` holds `buffered` bytes of blocks."""
        neighbour = self.neighbours.get(peer)
        if neighbour is not None:
            neighbour.outbox.drained(buffered)
            self._actions += self._children.pump(neighbour)

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to `Verify`."""
        self._take(self._intake.verified(token, ok, self.neighbours, now), now)

    # --- counts for people

    def equivocations(self) -> tuple[Equivocation, ...]:
        """Proofs that the publisher has signed two seals for one part: the first eight."""
        return tuple(self._intake.equivocations.proofs)

    def stripe_parents(self) -> tuple[bytes | None, ...]:
        return self.upstreams.parents()

    def stripe_children(self) -> tuple[tuple[bytes, ...], ...]:
        return tuple(tuple(self._children.of(stripe)) for stripe in range(self._stripes))

    # --- inside

    def _take(self, outcomes: list[Outcome], now: float) -> None:
        """What the intake made of something that came."""
        for outcome in outcomes:
            if isinstance(outcome, Taken):
                self._taken(outcome, now)
            elif isinstance(outcome, Began):
                self._begun(now)
            else:
                if isinstance(outcome, Reject):
                    self._judge.expelled(outcome.peer, now)
                self._actions.append(outcome)
        self._deliver(now)

    def _taken(self, taken: Taken, now: float) -> None:
        number = taken.seal.number
        if taken.fresh:
            if number > self._newest:
                self._newest = number
                self.upstreams.moved_at = now
            self._actions += self._children.push(number, taken.index, taken.message, taken.source, now)
        source = self.neighbours.get(taken.source) if taken.source is not None else None
        if source is not None:
            stripe = taken.index % self._stripes
            before = self.upstreams.stripes[stripe].parent
            source.conduct.sent(number, taken.index)
            self._apply(self.upstreams.block(stripe, number, source.peer, now))
            parent = self.upstreams.stripes[stripe].parent
            if parent != before:
                self._tick_at = now
            if parent == source.peer:
                blocks = taken.seal.blocks // self._stripes
                size = len(taken.message) if taken.fresh else 0
                self._reception.pushed(stripe, number, blocks, parent, size)
                in_time = taken.fresh or self._seen_for(number, now) <= ASK_AFTER_PARTS
                if self.upstreams.shares.pushed(number, taken.index, in_time):
                    source.conduct.in_time += in_time
                elif not taken.fresh:
                    source.conduct.unexpected()
            elif not taken.fresh and source.peer != self.upstreams.stripes[stripe].pending:
                source.conduct.unexpected()

    def _seen_for(self, number: int, now: float) -> float:
        """For how long, in parts, a part in the window has been known."""
        part = self.window.get(number)
        return (now - part.first_seen) / self._part_duration if part is not None else 0.0

    def _deliver(self, now: float) -> None:
        if not self._delivers:
            return
        for action in self.delivery.poll(self.window, now):
            if isinstance(action, Deliver):
                self.counters.parts_delivered += 1
            else:
                self.counters.parts_skipped += action.parts
            self._actions.append(action)

    def _begun(self, now: float) -> None:
        """The publisher has begun a new epoch, and the window is empty."""
        self._newest = -1
        self.delivery.begin()
        self.upstreams.rhythm.begin()
        self._reception.begin()
        self.upstreams.shares.begin()
        self._repair.begin()
        self._children.begin()
        self._startup.begin(now)
        self._tick_at = now

    def _can_carry(self) -> bool:
        return (self.carries or self.is_publisher) and not self._leaving

    def _subscribe(self, neighbour: Neighbour, message: Subscribe, now: float) -> None:
        stripe = message.stripe
        if stripe >= self._stripes:
            return
        neighbour.takes_part = True
        asked = self.upstreams.stripes[stripe].pending == neighbour.peer
        reason = self._refusal(neighbour, stripe)
        if asked and reason is None:
            # We asked each other, and the smaller id is the parent: it may have begun to push to us before.
            self._send(neighbour.peer, encode(Unsubscribe(self.braid, stripe)))
        if reason is not None:
            self.counters.refused_children += 1
            self._send(neighbour.peer, encode(Refuse(self.braid, stripe, reason)))
            return
        start = message.number
        if message.epoch != self.window.epoch and start != NEWEST_INDEPENDENT:
            start = self.window.oldest
        if not neighbour.conduct.may_have_backlog(now):
            start = self.window.newest + 1
        self._actions += self._children.add(neighbour, stripe, start, self.window, now)
        self._send(neighbour.peer, self._status())

    def _refusal(self, neighbour: Neighbour, stripe: int) -> int | None:
        if self._leaving:
            return REFUSE_LEAVING
        if not self._can_carry():
            return REFUSE_NOT_CARRIED
        if neighbour.peer in self._children.of(stripe):
            return None
        if self.is_publisher:
            leaf = neighbour.is_leaf()
            limit = PUBLISHER_LEAVES if leaf else PUBLISHER_PER_STRIPE
            full = sum(child.is_leaf() == leaf for child in self._children.of(stripe).values()) >= limit
            return REFUSE_FULL if full else None
        if neighbour.short in self.upstreams.path(stripe, self.neighbours):
            return REFUSE_LOOP
        if self._children.count() >= self._children_limit:
            return REFUSE_FULL
        return None if self.upstreams.asked_by(stripe, neighbour.peer) else REFUSE_LOOP

    def _their_status(self, neighbour: Neighbour, status: Status, now: float) -> None:
        neighbour.status, neighbour.status_at, neighbour.takes_part = status, now, True
        parent_of = [s for s, up in enumerate(self.upstreams.stripes) if up.parent == neighbour.peer]
        if parent_of:
            self._tick(now)

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, SubscribeTo):
                start = NEWEST_INDEPENDENT
                if self.window.newest >= 0:
                    start = self.window.first_missing(change.stripe, self._stripes, self._next_needed())
                self._send(
                    change.peer, encode(Subscribe(self.braid, change.stripe, self.window.epoch, start))
                )
            else:
                self._send(change.peer, encode(Unsubscribe(self.braid, change.stripe)))

    def _next_needed(self) -> int:
        """The part that is played next; before that is known, and at a relay, the first that came."""
        next_part = self.delivery.next
        return next_part if next_part is not None else max(0, self.window.first)

    def _watch_parents(self, now: float) -> None:
        if self.is_publisher:
            return
        changes = self.upstreams.tick(self.neighbours, self.window, self._part_duration, now)
        self._apply(changes)

    def _tick(self, now: float) -> None:
        self._tick_at = now + TICK
        if not self.is_publisher and not self._leaving:
            self._pull(now)
        for neighbour in self.neighbours.values():
            if neighbour.outbox.waiting:
                self._actions += self._children.slow(neighbour, now)
        self._children.expire(now)
        self._actions += self._judge.settle(self.neighbours.values(), self.upstreams.take_meagre(), now)
        if self._announcements.due(self.neighbours, now):
            self._announce(now)

    def _pull(self, now: float) -> None:
        up = self.upstreams
        settled = self._intake.settled()
        if self._startup.may_subscribe(settled, now):
            self._watch_parents(now)
        self.counters.fail_overs += up.take_fail_overs()
        active = self._startup.active(up.all_fed(), up.none_fed(), now)
        if active:
            up.shares.excuse(self.window.newest)
        if settled:
            self._actions += self._startup.poll(active, self.window.epoch, self.window.newest_complete, now)
        if not active or not self._startup.joined_once:
            self._mend(now)
        self._deliver(now)
        wanted = up.wanted()
        if wanted != self._links:
            self._links = wanted
            self._actions.append(Links(wanted))
        self._actions += self._reports.due(None, now)

    def _mend(self, now: float) -> None:
        start = self._next_needed()
        if not self._delivers:
            start = max(start, self.window.newest - RELAY_MENDS)
        choose = self.upstreams.mender(self.neighbours, self.window.epoch, now)
        for peer, number, indices in self._repair.due(self.window, start, self._part_duration, choose, now):
            self.counters.wants_sent += 1
            self.neighbours[peer].asked(number, indices, now)
            self._send(peer, encode(Want(self.braid, self.window.epoch, number, indices)))
        if self._startup.origins:
            deadline = self.delivery.deadline(now) if self._delivers else now + 1.0
            for number in self._repair.fetches(self.window, start, deadline, now):
                self.counters.fetches += 1
                self._actions.append(Fetch(self.window.epoch, number))

    def _announce(self, now: float) -> None:
        self._announcements.said(self.neighbours, now)
        data = self._status()
        for neighbour in self.neighbours.values():
            if neighbour.takes_part or self._leaving:
                self._send(neighbour.peer, data)

    def _status(self) -> bytes:
        limit = self._children_limit
        if self.is_publisher:
            limit = PUBLISHER_PER_STRIPE * self._stripes + self._children.leaves()
        return self._announcements.encode(self.neighbours, limit, self._can_carry(), self._leaving)

    def _send(self, peer: bytes, data: bytes) -> None:
        self._actions.append(Send(peer, data))
