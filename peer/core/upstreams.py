"""The upward side of a braid: one parent for each stripe, the plan, and fail-over without loops or storms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peer.core.candidates import best_parent, mender
from peer.core.neighbour import Neighbour
from peer.core.push_share import PushShare
from peer.core.repair import STALLED_PARTS
from peer.core.rhythm import SILENT_PARTS, STARVED_PARTS, Rhythm
from peer.core.upstream import (
    PENDING_PATIENCE,
    ROOTLESS_TRUST,
    Change,
    Subscribe,
    Unsubscribe,
    Upstream,
)
from peer.core.window import Window

NO_PLAN_PATIENCE = 2.0
"""Seconds after which a peer without a plan looks for parents among its neighbours."""
SHUN = 0.5
"""Seconds for which an orphan takes nobody that was fed through the lost parent: they are orphans, too."""
PARITY_SPARE = 4
"""Free places of one that is asked for parity unplanned: who lacks a stripe needs the last of them."""
LINK_PATIENCE = 6.0
"""Seconds after which a planned parent that we have no link to is told to the planner as one that failed."""
PUBLISHER_WAIT_PARTS = 2.0
"""Parts over which orphans that have only the publisher to ask spread themselves."""


class Upstreams:
    """Chooses parents. It sends nothing: it returns what to subscribe to and what to give up.

    `stripes` are those of the data; one more, with that number, is the parity's. `neighbours` and `window`
    are the braid's own, `part_duration` is in seconds, and `spread` (0 to 1) is this peer's own: it keeps
    those that are in the same plight from acting in one moment.
    """

    def __init__(
        self,
        me: bytes,
        stripes: int,
        spread: float,
        part_duration: float,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        now: float,
    ) -> None:
        self._me = me[:4]
        self._id = me
        self._data = stripes
        self._spread = spread
        self._part_duration = part_duration
        self._neighbours, self._window = neighbours, window
        self._born = now
        self.stripes = [Upstream() for _ in range(stripes + 1)]
        self.stripes[stripes].starved = False
        self._named: list[bytes | None] = []
        self._wanted: tuple[bytes, ...] = ()
        self._nobody: list[bytes | None] = [None] * stripes
        self._paths: list[tuple[tuple[bytes, ...], tuple[bytes, ...]]] = [((), ())] * (stripes + 1)
        """Of each stripe the parent's path and ours, as it was last found."""
        self.rhythm = Rhythm(stripes + 1)
        self.shares = PushShare(stripes)
        self._meagre: list[bytes] = []
        self.standbys: tuple[bytes, ...] = ()
        self.has_plan = self.left_to_origin = False
        """`left_to_origin`: the plan names no parent at all, for uploads do not carry everybody."""
        self._planned_parity = self.wants_parity = False
        self.moved_at = float("-inf")
        """When a part newer than all before was last seen."""
        self._fail_overs = 0
        self.failed: set[bytes] = set()
        """Planned parents that never pushed, or too little; told to the planner."""

    def plan(self, parents: tuple[bytes | None, ...], standbys: tuple[bytes, ...], now: float) -> None:
        """The planner's word. A working parent is kept until the planned one has shown that it keeps up."""
        self.has_plan = True
        self.left_to_origin = not any(parents)
        self.standbys = standbys
        self._planned_parity = len(parents) > self._data
        for stripe, up in enumerate(self.stripes):
            up.plan(parents[stripe] if stripe < len(parents) else None, now)

    def wanted(self) -> tuple[bytes, ...]:
        """The peers to be linked with, parents first."""
        named = [peer for up in self.stripes for peer in (up.parent, up.pending, up.planned)]
        named += self.standbys
        if named != self._named:  # seldom, and this is asked at every tick
            self._named = named
            self._wanted = tuple(dict.fromkeys(peer for peer in named if peer is not None))
        return self._wanted

    @property
    def takes_parity(self) -> bool:
        """We want the parity stripe, or the planner wants us to carry it."""
        return self.wants_parity or self._planned_parity

    def feeds_us(self, peer: bytes) -> bool:
        """Whether `peer` is a parent of ours."""
        return peer in [up.parent for up in self.stripes]

    def taken(self) -> int:
        """How many stripes are taken: those of the data, and the parity's while it is."""
        return self._data + self.takes_parity

    def parents(self) -> tuple[bytes | None, ...]:
        return tuple([up.parent for up in self.stripes[: self.taken()]])

    def all_fed(self) -> bool:
        return None not in [up.parent for up in self.stripes[: self._data]]

    def none_fed(self) -> bool:
        return [up.parent for up in self.stripes[: self._data]] == self._nobody

    def path(self, stripe: int) -> tuple[bytes, ...]:
        """Short ids from the publisher to this peer; empty while that is not known."""
        neighbour = self._neighbour(self.stripes[stripe].parent)
        above = neighbour.path(stripe) if neighbour is not None else ()
        last, path = self._paths[stripe]
        if above != last:
            path = (*above, self._me) if above and len(above) < 32 else ()
            self._paths[stripe] = above, path
        return path

    def block(self, stripe: int, number: int, peer: bytes, now: float) -> list[Change]:
        """A verified block came from `peer`; a new parent may have shown by it that it keeps up."""
        up = self.stripes[stripe]
        changes: list[Change] = []
        if peer == up.pending and up.keeps_up(number, self.rhythm.newest[stripe], now):
            if up.parent is not None and up.parent != peer:
                changes.append(Unsubscribe(stripe, up.parent))
                if up.for_more:
                    self._meagre.append(up.parent)
            up.adopt(peer)
            self.rhythm.reset(stripe, number, now)
            if stripe < self._data:
                self.shares.taken_over(stripe, number)
        if peer == up.parent:
            self.rhythm.block(stripe, number, now)
        return changes

    def refused(self, stripe: int, peer: bytes, now: float) -> None:
        """`peer` will not, or will no longer, push this stripe."""
        up = self.stripes[stripe]
        if up.pending == peer:
            up.pending = None
        if up.parent == peer:
            self._orphan(up, None, now)
        elif up.planned == peer:
            self._plan_failed(up, now)

    def lost(self, peer: bytes, now: float) -> bool:
        """The link to `peer` is gone. True if it fed anything."""
        fed = False
        for up in self.stripes:
            if up.pending == peer:
                up.pending = None
            if up.parent == peer:
                fed = True
                self._orphan(up, peer[:4], now)
        return fed

    def asked_by(self, stripe: int, peer: bytes) -> bool:
        """Whether `peer` may be our child. Of two that ask each other the smaller id is the parent."""
        up = self.stripes[stripe]
        if up.parent == peer:
            return False
        if up.pending == peer:
            if self._id > peer:
                return False
            up.pending = None
        return True

    def take_fail_overs(self) -> int:
        """How many parents were replaced for their silence since the last call."""
        count, self._fail_overs = self._fail_overs, 0
        return count

    def take_meagre(self) -> list[bytes]:
        """The parents that were replaced since the last call because they pushed too little."""
        meagre, self._meagre = self._meagre, []
        return meagre

    def tick(self, http: bool, now: float) -> list[Change]:
        """Look at every stripe; returns what to change. `http`: the origin has answered us before."""
        kept = 0 if http and self.left_to_origin else self.taken()
        changes = [change for stripe in range(kept, self._data + 1) for change in self._give_up(stripe)]
        self.shares.review(self._window, now)
        neighbours = self._neighbours
        for stripe, up in enumerate(self.stripes[:kept]):
            parent = neighbours.get(up.parent) if up.parent is not None else None
            silent = 0.0
            if parent is not None:
                silent = self.rhythm.silent_parts(stripe, self._window, self._part_duration, now)
            up.starved = parent is None or silent >= STARVED_PARTS
            meagre = parent is not None and self._is_meagre(parent, stripe, now)
            if parent is not None and not up.starved and not meagre and up.is_well(parent, stripe, self._me):
                up.trust_until = up.rootless_since = up.going_since = None
                continue
            if parent is not None and up.must_go(parent, stripe, silent, self._me, self._spread, now):
                self._fail_overs += 1
                if silent >= SILENT_PARTS:
                    parent.pushed_nothing(stripe, self.rhythm.last_block[stripe] + self._part_duration, now)
                self._orphan(up, parent.short, now)
                changes.append(Unsubscribe(stripe, parent.peer))
                parent = None
            changes += self._check_pending(up, stripe, now)
            changes += self._follow_plan(up, stripe, parent, now)
            if up.is_going(parent, now) and up.pending is None:
                changes += self._move(up, stripe, now)
            if up.pending is None and up.is_rootless(parent, stripe, self._spread, now):
                changes += self._leave_circle(up, stripe, now)
            if up.pending is None and parent is not None and meagre:
                changes += self._ask_for_more(up, stripe, now)
            if up.pending is None:
                changes += self._seek(up, stripe, now)
        return changes

    def pushed(self) -> list[float]:
        """Up to which part each stripe's parent has come; without bound where nothing comes."""
        return [
            float("inf") if up.parent is None or up.starved else self.rhythm.newest[stripe]
            for stripe, up in enumerate(self.stripes[: self._data])
        ]

    def mender(self, now: float) -> Callable[[int, int], bytes | None]:
        """Whom to ask for a stripe's lost blocks on the n-th try."""
        window = self._window
        stalled = now - window.newest_seen >= STALLED_PARTS * self._part_duration
        since = window.newest_seen if stalled else float("-inf")
        return mender(self.parents(), self._neighbours, since, epoch=window.epoch, me=self._me, now=now)

    # --- inside

    def _neighbour(self, peer: bytes | None) -> Neighbour | None:
        return self._neighbours.get(peer) if peer is not None else None

    def _give_up(self, stripe: int) -> list[Change]:
        """Take a stripe no more."""
        up = self.stripes[stripe]
        peers = [peer for peer in (up.parent, up.pending) if peer is not None]
        if peers or up.orphan_since is not None:
            self.stripes[stripe] = Upstream(starved=stripe < self._data)
        return [Unsubscribe(stripe, peer) for peer in peers]

    def _orphan(self, up: Upstream, lost: bytes | None, now: float) -> None:
        if up.planned == up.parent:
            self._plan_failed(up, now)
        up.orphan(lost, now)

    def _plan_failed(self, up: Upstream, now: float, *, excused: bool = True) -> None:
        """`excused`: it has no place or is not fed itself, which the planner sees by itself."""
        if up.plan_failed(now) and not excused and up.planned is not None:
            self.failed.add(up.planned)

    def _check_pending(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        pending = self._neighbour(up.pending)
        if pending is None or not up.hopeless(pending, self.moved_at, now):
            return []
        up.pending = None
        up.tries += 1
        pending.refused(stripe, now)
        if up.pushing_since is None:
            pending.pushed_nothing(stripe, up.pending_since, now)
        if pending.peer == up.planned:
            self._plan_failed(up, now, excused=pending.starved(stripe) or not pending.path(stripe))
        return [Unsubscribe(stripe, pending.peer)]

    def _follow_plan(self, up: Upstream, stripe: int, parent: Neighbour | None, now: float) -> list[Change]:
        """Ask the planned parent, unless it is not fed and the one that we have is."""
        planned = self._neighbour(up.planned)
        if planned is None and up.planned is not None and now - up.planned_at >= LINK_PATIENCE:
            self.failed.add(up.planned)
            up.planned_at = now
        if planned is None or planned.peer == up.parent or now < up.plan_retry_at:
            return []
        if up.pending is not None and (up.pending == planned.peer or not up.superseded):
            return []
        if planned.quiet or planned.going() or self._me in planned.path(stripe):
            return []
        if planned.doubt and up.parent is not None:
            return []
        if not planned.path(stripe) and parent is not None and parent.path(stripe):
            return []
        given_up: list[Change] = [] if up.pending is None else [Unsubscribe(stripe, up.pending)]
        return given_up + self._subscribe(up, stripe, planned.peer, now)

    def _move(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        """Ask somebody who is not fed through the parent that goes; that one is kept until then."""
        going = up.parent[:4] if up.parent is not None else b""
        found = self._best(stripe, going, now)
        if found is None or going in found.path(stripe) or self._must_wait(found, up.going_since, now):
            return []
        return self._subscribe(up, stripe, found.peer, now)

    def _leave_circle(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        """Ask somebody who knows the way; the parent is kept until then, for it may be fed by the origin."""
        since = (up.rootless_since if up.rootless_since is not None else now) + ROOTLESS_TRUST
        found = self._best(stripe, up.lost, now)
        if found is None or self._must_wait(found, since, now):
            return []
        if up.planned == up.parent:
            self._plan_failed(up, now)
        return self._subscribe(up, stripe, found.peer, now)

    def _is_meagre(self, parent: Neighbour, stripe: int, now: float) -> bool:
        if stripe >= self._data or not self.shares.suspects(stripe):
            return False
        return self.shares.meagre(stripe, len(parent.path(stripe)), now)

    def _ask_for_more(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        """The parent sends just enough not to be silent: it is kept until another has shown to be better."""
        found = self._best(stripe, up.lost, now)
        if found is None or self._must_wait(found, now, now):
            return []
        if up.planned is not None and up.planned == up.parent:
            self._plan_failed(up, now)
            self.failed.add(up.planned)
        return self._subscribe(up, stripe, found.peer, now, for_more=True)

    def _seek(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        if up.parent is not None:
            return []
        if not self.has_plan and now - self._born < NO_PLAN_PATIENCE:
            return []
        if up.orphan_since is None:
            up.orphan_since = max(now, self._born)
            if up.planned is not None:
                return []
        # Who has just asked for parity gives the planner its time, too.
        awaited = up.planned is not None or (stripe == self._data and not self._planned_parity)
        if awaited and up.plan_failures == 0 and now - up.orphan_since < PENDING_PATIENCE:
            return []
        found = self._best(stripe, up.lost, now)
        if found is None or self._must_wait(found, up.orphan_since, now):
            return []
        if up.lost in found.path(stripe) and now - up.orphan_since < SHUN:
            return []
        return self._subscribe(up, stripe, found.peer, now)

    def _must_wait(self, found: Neighbour, since: float | None, now: float) -> bool:
        """Those who have only the publisher to ask do not ask all at once: the first helps the others."""
        if found.role != "publisher" or not self._others(found):
            return False
        return now - (since or 0.0) < self._spread * PUBLISHER_WAIT_PARTS * self._part_duration

    def _others(self, publisher: Neighbour) -> bool:
        return any(n is not publisher and n.takes_part and not n.quiet for n in self._neighbours.values())

    def _subscribe(
        self, up: Upstream, stripe: int, peer: bytes, now: float, for_more: bool = False
    ) -> list[Change]:
        up.ask(peer, now, for_more)
        return [Subscribe(stripe, peer)]

    def _best(self, stripe: int, lost: bytes | None, now: float) -> Neighbour | None:
        unplanned = stripe == self._data and not self._planned_parity
        return best_parent(
            stripe,
            self._neighbours,
            self.standbys,
            lost,
            self.parents(),
            self.rhythm.last_block[stripe],
            least=PARITY_SPARE if unplanned else 1,
            epoch=self._window.epoch,
            me=self._me,
            now=now,
        )
