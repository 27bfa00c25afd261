"""The braid: receive, verify, forward, repair and fail over one rendition. A state machine without I/O.

Events are methods that take `now` (monotonic seconds) last; `poll_actions()` gives what to do;
`next_timer()` says when to call `handle_timer(now)`.
"""

from __future__ import annotations

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
from peer.core.counters import Counters
from peer.core.delivery import Delivery
from peer.core.downward import Downward
from peer.core.intake import Began, Intake, Outcome, Proves, Taken
from peer.core.judge import Judge, refusal
from peer.core.neighbour import Neighbour, Role
from peer.core.probing import Probing, UploadRate
from peer.core.standing import Standing
from peer.core.upstreams import Upstreams
from peer.core.upward import Upward
from peer.core.window import Window
from peer.merkle import verify_proof
from peer.seal import Seal
from peer.wire import Block, Message, Probe, Probed, Refuse, Status, Subscribe, Unsubscribe, Want

Action = Send | Verify | Reject | Equivocation | Deliver | Gap | Join | Fetch | Links | Parity | Report

TICK = 0.05


class Braid:
    """One rendition at one peer.

    `me` and `publisher` are peer ids, `key` the publisher's Ed25519 key, `braid` the braid id. `delivers` is
    False for relays; `carries` False for leaves. `epoch` is that of the stream description: older seals are
    replays. `part_duration` is in seconds. `standing` is what this peer remembers of others.
    `upload` is what is known of this peer's upload: without it nothing is done to find out.
    `proves` checks Merkle proofs: who runs many peers need not check the same one for each.
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
        upload: UploadRate | None = None,
        proves: Proves = verify_proof,
    ) -> None:
        self.me, self.publisher, self.braid = me, publisher, braid
        self.is_publisher = me == publisher
        self.counters = Counters()
        self.window = Window()
        self.neighbours: dict[bytes, Neighbour] = {}
        self._stripes = stripes
        self._intake = Intake(key, braid, stripes, self.window, self.counters, proves)
        self._up = Upward(
            me, braid, stripes, part_duration, self.neighbours, self.window, self.counters,
            delivers and not self.is_publisher, origins and not self.is_publisher, now,
        )  # fmt: skip
        above = None if self.is_publisher else self._up.upstreams
        self._down = Downward(
            me, braid, stripes, above, self.neighbours, self.window, self.counters, carries, now
        )
        self._probing = Probing(braid, self.neighbours, None if self.is_publisher else upload)
        self._judge = Judge(standing if standing is not None else Standing(), now)
        self._plan_sequence = -1
        self._left = False
        self._actions: list[Action] = []
        self._tick_at = now
        self.window.begin(epoch)

    # --- verbs of the shell

    @property
    def asks(self) -> bool:
        """Whether `poll_actions` has anything to give."""
        return bool(self._actions)

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
        self._actions += self._down.greet(peer, now)
        self._tick(now)

    def link_closed(self, peer: bytes, now: float) -> None:
        neighbour = self.neighbours.pop(peer, None)
        if neighbour is None:
            return
        self._down.children.gone(neighbour)
        self._probing.closed(peer)
        if peer in self.upstreams.wanted():
            self._up.reports.lost(peer, now)
        if self.upstreams.lost(peer, now):
            self.counters.fail_overs += 1
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
        """The planner's assignment, with one parent more for who takes parity; an older one is ignored."""
        if sequence <= self._plan_sequence or not 0 <= len(parents) - self._stripes <= 1:
            return
        self._plan_sequence = sequence
        self._down.places.limit = children_limit
        self.upstreams.plan(parents, tuple(p for p in standbys if p != self.me), now)
        self._tick(now)

    def plan_restarted(self) -> None:
        """The introducer has forgotten us: its sequence numbers begin again."""
        self._plan_sequence = -1

    def report_soon(self, now: float) -> None:
        """Tell the planner who feeds us at the next tick."""
        self._up.reports.soon(now)

    def described(self, epoch: int, now: float) -> None:
        """A newer stream description: its epoch is the least that seals may have."""
        if epoch > self.window.epoch:
            self.window.begin(epoch)
            self._begun(now)

    def set_origins(self, origins: bool) -> None:
        """Whether the stream can be had over HTTP."""
        self._up.startup.origins = origins and not self.is_publisher

    def set_http_only(self, http_only: bool) -> None:
        """No links at all: everything comes over HTTP."""
        self._up.startup.http_only = http_only

    def set_carries(self, carries: bool, now: float) -> None:
        """Whether this peer uploads at all."""
        self._actions += self._down.set_carries(carries, now)

    def throttled(self, level: int, now: float) -> None:
        """How far this machine slows us down: 0 not, 1 somewhat (a hidden tab), 2 so that we are behind."""
        self._down.places.throttle.told(level, now)
        self._tick(now)

    def leave(self, now: float) -> None:
        """Going: children are told first and fed until they have moved, or the links close."""
        self._actions += self._down.leave(now)
        self._tick(now)

    # --- media in

    def publish(self, raw: bytes, data: bytes, now: float) -> None:
        """The publisher's own part, or the companion with its parity: `raw` is its seal."""
        self._take(self._intake.own(Seal.parse(raw), raw, data, now), now)
        if now >= self._tick_at:
            self._tick(now)

    def buffer(self, seconds: float, now: float) -> None:
        """The player's forward buffer."""
        self.delivery.buffer(seconds, now)

    def joined(self, parts: list[tuple[bytes, bytes]], now: float) -> None:
        """The origin's answer to `Join`: (seal, part) from its newest independent part on."""
        self._up.startup.joined(now)
        for raw, data in parts:
            self._take(self._intake.whole(raw, data, now), now)
        self._tick(now)

    def join_failed(self, retry_after: float, now: float) -> None:
        self._up.startup.join_failed(retry_after, now)
        self._tick(now)

    def fetched(self, number: int, raw: bytes, data: bytes, now: float) -> None:
        """The origin's answer to `Fetch`."""
        self._up.repair.fetched(number)
        self._up.startup.fetched(number)
        self._take(self._intake.whole(raw, data, now), now)
        self._tick(now)

    def fetch_failed(self, number: int, gone: bool, now: float) -> None:
        """No answer, or (`gone`) the part has left the origin's window."""
        self._up.repair.fetched(number)
        self._up.startup.fetch_failed(number, gone, now)

    def received(self, peer: bytes, message: Message, raw: bytes, now: float) -> None:
        """A decoded link message for this braid, and its bytes."""
        neighbour = self.neighbours.get(peer)
        if neighbour is None:
            return
        neighbour.heard_at = now
        if isinstance(message, Block):  # nearly all are, and conduct bounds only the others
            self.counters.received(neighbour.role, len(raw))
            late = self.counters.late
            self._take(self._intake.block(peer, message, raw, now), now)
            if self.counters.late > late:
                neighbour.conduct.unexpected()
        elif not neighbour.conduct.may_say(type(message), now):
            self.counters.floods += 1
        elif isinstance(message, Status):
            neighbour.status, neighbour.status_at, neighbour.takes_part = message, now, True
            if self._up.upstreams.feeds_us(peer):
                self._tick(now)
        elif isinstance(message, Subscribe):
            self._actions += self._down.subscribed(neighbour, message, now)
        elif isinstance(message, Unsubscribe):
            self._down.unsubscribed(neighbour, message.stripe)
        elif isinstance(message, Refuse):
            if message.stripe <= self._stripes:
                neighbour.refused(message.stripe, now)
                self.upstreams.refused(message.stripe, peer, now)
        elif isinstance(message, Want):
            self._actions += self._down.wanted(neighbour, message, now)
        elif isinstance(message, Probe):
            self._actions += self._probing.came(peer, message, now)
        elif isinstance(message, Probed):
            self._actions += self._probing.probed(peer, message, now)
        if now >= self._tick_at:
            self._tick(now)

    def drained(self, peer: bytes, buffered: int, now: float) -> None:
        """The link to `peer` holds `buffered` bytes of blocks."""
        neighbour = self.neighbours.get(peer)
        if neighbour is not None:
            self._actions += self._down.drained(neighbour, buffered)

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to `Verify`."""
        self._take(self._intake.verified(token, ok, self.neighbours, now), now)

    # --- for the shell and for people

    @property
    def upstreams(self) -> Upstreams:
        return self._up.upstreams

    @property
    def delivery(self) -> Delivery:
        return self._up.delivery

    @property
    def carries(self) -> bool:
        """Whether this peer uploads at all, if it can."""
        return self._down.places.carries

    @property
    def feeds_parity(self) -> bool:
        """Somebody takes the parity stripe: a publisher is to make parity."""
        return bool(self._down.children.of(self._stripes))

    def equivocations(self) -> tuple[Equivocation, ...]:
        """Proofs that the publisher has signed two seals for one part: the first eight."""
        return tuple(self._intake.equivocations.proofs)

    def stripe_parents(self) -> tuple[bytes | None, ...]:
        """By stripe; one more where the parity stripe is taken."""
        return self.upstreams.parents()

    def stripe_children(self) -> tuple[tuple[bytes, ...], ...]:
        """By stripe; one more where the parity stripe is fed."""
        stripes = self._stripes + self.feeds_parity
        return tuple(tuple(self._down.children.of(stripe)) for stripe in range(stripes))

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
                    self._up.reports.harmful(outcome.peer)
                self._actions.append(outcome)
        self._actions += self._up.deliver(now)

    def _taken(self, taken: Taken, now: float) -> None:
        if taken.fresh:
            self._actions += self._down.taken(taken, now)
        up = self._up.upstreams.stripes[taken.stripe]
        before = up.parent
        self._actions += self._up.taken(taken, now)
        if up.parent != before:
            self._tick_at = now

    def _begun(self, now: float) -> None:
        """The publisher has begun a new epoch, and the window is empty."""
        self._up.begun(now)
        self._down.begin()
        self._tick_at = now

    def _tick(self, now: float) -> None:
        self._tick_at = now + TICK
        if not self.is_publisher and not self._down.places.leaving:
            self._actions += self._up.tick(self._intake.settled(), self._down.places.slots(), now)
        if self._down.places.carry():
            self._actions += self._probing.tick(now)
            self._down.places.upload.carries(self._probing.rate, now)
        self._actions += self._down.tick(now)
        self._actions += self._judge.settle(self.neighbours.values(), self.upstreams.take_meagre(), now)
        if self._down.places.leaving and not self._left and self._down.children.count() == 0:
            self._left = True
            self._actions += self._up.leave()
