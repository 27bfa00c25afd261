"""The upward side of a braid: one parent for each stripe, the plan, and fail-over without loops or storms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peer.core.candidates import best_parent, mender
from peer.core.neighbour import Neighbour
from peer.core.push_share import PushShare
from peer.core.rhythm import SILENT_PARTS, STARVED_PARTS, Rhythm
from peer.core.upstream import Change, Subscribe, Unsubscribe, Upstream
from peer.core.window import Window

PENDING_PATIENCE = 1.0
"""Seconds in which a new parent must push its first block while others move."""
PROOF_PARTS = 5
"""Parts that a new parent must push in time, one after another, before a working one is given up for it."""
PROOF_LATE = 2
"""Parts that it may be behind the working one: a longer way takes longer."""
PROOF_PATIENCE = 5.0
"""Seconds in which it must have done so; a page that has just been opened is often late at first."""
STARVED_TRUST = 0.6
"""Seconds for which a parent that announced starvation is left to look for its own new parent."""
TRUST_SPREAD = 0.4
"""Seconds over which those that trust no longer spread themselves."""
PLAN_RETRY = 2.0
NO_PLAN_PATIENCE = 2.0
"""Seconds after which a peer without a plan looks for parents among its neighbours."""
ROOTLESS_TRUST = 0.6
"""Seconds for which a parent may not know its way to the publisher; then we might be in a circle."""
SHUN = 0.5
"""Seconds for which an orphan takes nobody that was fed through the lost parent: they are orphans, too."""
PUBLISHER_WAIT_PARTS = 2.0
"""Parts over which orphans that have only the publisher to ask spread themselves."""


class Upstreams:
    """Chooses parents. It sends nothing: it returns what to subscribe to and what to give up."""

    def __init__(self, me: bytes, stripes: int, spread: float, now: float) -> None:
        self._me = me[:4]
        self._id = me
        self._spread = spread
        self._born = now
        self.stripes = [Upstream() for _ in range(stripes)]
        self.rhythm = Rhythm(stripes)
        self.shares = PushShare(stripes)
        self._meagre: list[bytes] = []
        self.standbys: tuple[bytes, ...] = ()
        self.has_plan = False
        self.moved_at = float("-inf")
        """When a part newer than all before was last seen."""
        self._fail_overs = 0
        self.failed: set[bytes] = set()
        """Planned parents that never pushed, or too little; told to the planner."""

    def plan(self, parents: tuple[bytes | None, ...], standbys: tuple[bytes, ...], now: float) -> None:
        """The planner's word. A working parent is kept until the planned one has shown that it keeps up."""
        self.has_plan = True
        self.standbys = standbys
        for up, planned in zip(self.stripes, parents, strict=False):
            if planned != up.planned:
                up.superseded = up.pending is not None and up.pending == up.planned
                up.planned, up.plan_retry_at, up.plan_failures = planned, now, 0

    def wanted(self) -> tuple[bytes, ...]:
        """The peers to be linked with, parents first."""
        ordered: dict[bytes, None] = {}
        for up in self.stripes:
            for peer in (up.parent, up.pending, up.planned):
                if peer is not None:
                    ordered[peer] = None
        for peer in self.standbys:
            ordered[peer] = None
        return tuple(ordered)

    def parents(self) -> tuple[bytes | None, ...]:
        return tuple(up.parent for up in self.stripes)

    def all_fed(self) -> bool:
        return all(up.parent is not None for up in self.stripes)

    def none_fed(self) -> bool:
        return all(up.parent is None for up in self.stripes)

    def path(self, stripe: int, neighbours: Mapping[bytes, Neighbour]) -> tuple[bytes, ...]:
        """Short ids from the publisher to this peer; empty while that is not known."""
        parent = self.stripes[stripe].parent
        neighbour = neighbours.get(parent) if parent is not None else None
        above = neighbour.path(stripe) if neighbour is not None else ()
        return (*above, self._me) if above and len(above) < 32 else ()

    def block(self, stripe: int, number: int, peer: bytes, now: float) -> list[Change]:
        """A verified block came from `peer`; a new parent may have shown by it that it keeps up."""
        up = self.stripes[stripe]
        changes: list[Change] = []
        if peer == up.pending and self._keeps_up(up, stripe, number, now):
            if up.parent is not None and up.parent != peer:
                changes.append(Unsubscribe(stripe, up.parent))
                if up.for_more:
                    self._meagre.append(up.parent)
            up.parent, up.pending, up.lost = peer, None, None
            up.orphan_since = up.trust_until = up.rootless_since = None
            if peer == up.planned:
                up.plan_failures = 0
            self.rhythm.reset(stripe, number, now)
            self.shares.taken_over(stripe, number)
        if peer == up.parent:
            self.rhythm.block(stripe, number, now)
        return changes

    def _keeps_up(self, up: Upstream, stripe: int, number: int, now: float) -> bool:
        """Whether the pending parent may take over; anybody may where nothing works."""
        if up.parent is None or up.starved or up.rootless_since is not None:
            return True
        if up.pushing_since is None:
            up.pushing_since = now
        if number > up.proved_to:
            up.proved_to = number
            up.proved = up.proved + 1 if number >= self.rhythm.newest[stripe] - PROOF_LATE else 0
        return up.proved >= PROOF_PARTS

    def refused(self, stripe: int, peer: bytes, now: float) -> None:
        """`peer` will not, or will no longer, push this stripe."""
        up = self.stripes[stripe]
        if up.pending == peer:
            up.pending = None
        if up.parent == peer:
            self._orphan(up, now)
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
                self._orphan(up, now)
                up.lost = peer[:4]
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

    def tick(
        self,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        part_duration: float,
        now: float,
    ) -> list[Change]:
        """Look at every stripe; returns what to change."""
        changes: list[Change] = []
        self.shares.review(window, now)
        for stripe, up in enumerate(self.stripes):
            parent = neighbours.get(up.parent) if up.parent is not None else None
            silent = self.rhythm.silent_parts(stripe, window, part_duration, now) if parent else 0.0
            up.starved = parent is None or silent >= STARVED_PARTS
            if parent is not None and not up.starved and self._is_well(up, parent, stripe, now):
                up.trust_until = up.rootless_since = None
                continue
            if parent is not None and self._must_replace(up, parent, stripe, silent, now):
                self._fail_overs += 1
                changes += self._replace(up, stripe, now)
            changes += self._check_pending(up, stripe, neighbours, now)
            changes += self._follow_plan(up, stripe, neighbours, now)
            if up.pending is None and self._rootless(up, stripe, neighbours, now):
                changes += self._leave_circle(up, stripe, neighbours, window, part_duration, now)
            hops = len(parent.path(stripe)) if parent is not None and up.parent == parent.peer else None
            if up.pending is None and hops is not None and self.shares.meagre(stripe, hops, now):
                changes += self._ask_for_more(up, stripe, neighbours, window, part_duration, now)
            if up.pending is None:
                changes += self._seek(up, stripe, neighbours, window, part_duration, now)
        return changes

    def _is_well(self, up: Upstream, parent: Neighbour, stripe: int, now: float) -> bool:
        """Whether nothing is to be thought about, as nearly always: the parent, which is not silent and does
        push enough, is the planned one, stays, and knows its way to the publisher, which is not by us."""
        status = parent.status
        if up.pending is not None or parent.quiet or status is None or status.leaving:
            return False
        if up.planned is not None and up.planned != up.parent:
            return False
        path = status.stripes[stripe].path if stripe < len(status.stripes) else ()
        return bool(path) and self._me not in path and not self.shares.meagre(stripe, len(path), now)

    def _must_replace(self, up: Upstream, parent: Neighbour, stripe: int, silent: float, now: float) -> bool:
        if parent.quiet or parent.leaving() or self._me in parent.path(stripe):
            return True
        if silent < STARVED_PARTS:
            up.trust_until = None
            return False
        if parent.starved(stripe):
            # Only the real orphan looks for a parent; its descendants pull meanwhile, for a while.
            if up.trust_until is None:
                up.trust_until = now + STARVED_TRUST + self._spread * TRUST_SPREAD
            return now >= up.trust_until
        return silent >= SILENT_PARTS

    def _replace(self, up: Upstream, stripe: int, now: float) -> list[Change]:
        old = up.parent
        self._orphan(up, now)
        if old is None:
            return []
        up.lost = old[:4]
        return [Unsubscribe(stripe, old)]

    def _follow_plan(
        self, up: Upstream, stripe: int, neighbours: Mapping[bytes, Neighbour], now: float
    ) -> list[Change]:
        """Ask the planned parent, unless it is not fed and the one that we have is."""
        planned = neighbours.get(up.planned) if up.planned is not None else None
        if planned is None or planned.peer == up.parent or now < up.plan_retry_at:
            return []
        if up.pending is not None and (up.pending == planned.peer or not up.superseded):
            return []
        if planned.quiet or self._me in planned.path(stripe) or (planned.doubt and up.parent is not None):
            return []
        parent = neighbours.get(up.parent) if up.parent is not None else None
        if not planned.path(stripe) and parent is not None and parent.path(stripe):
            return []
        given_up: list[Change] = [] if up.pending is None else [Unsubscribe(stripe, up.pending)]
        return given_up + self._subscribe(up, stripe, planned.peer, now)

    def _rootless(self, up: Upstream, stripe: int, neighbours: Mapping[bytes, Neighbour], now: float) -> bool:
        """Whether the parent has not known its way to the publisher for too long.

        A circle may live on the blocks that its members ask for elsewhere, so it is never silent, and nobody
        in it has a path that could tell.
        """
        parent = neighbours.get(up.parent) if up.parent is not None else None
        if parent is None or parent.status is None or parent.path(stripe):
            up.rootless_since = None
            return False
        if up.rootless_since is None:
            up.rootless_since = now
        return now - up.rootless_since >= ROOTLESS_TRUST + self._spread * TRUST_SPREAD

    def _leave_circle(
        self,
        up: Upstream,
        stripe: int,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        part_duration: float,
        now: float,
    ) -> list[Change]:
        """Ask somebody who knows the way; the parent is kept until then, for it may be fed by the origin."""
        since = (up.rootless_since if up.rootless_since is not None else now) + ROOTLESS_TRUST
        found = self._best(up, stripe, neighbours, window.epoch, now)
        if found is None or self._must_wait(found, neighbours, part_duration, since, now):
            return []
        if up.planned == up.parent:
            self._plan_failed(up, now)
        return self._subscribe(up, stripe, found.peer, now)

    def _ask_for_more(
        self,
        up: Upstream,
        stripe: int,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        part_duration: float,
        now: float,
    ) -> list[Change]:
        """The parent sends just enough not to be silent: it is kept until another has shown to be better."""
        found = self._best(up, stripe, neighbours, window.epoch, now)
        if found is None or self._must_wait(found, neighbours, part_duration, now, now):
            return []
        if up.planned is not None and up.planned == up.parent:
            self._plan_failed(up, now)
            self.failed.add(up.planned)
        changes = self._subscribe(up, stripe, found.peer, now)
        up.for_more = True
        return changes

    def _orphan(self, up: Upstream, now: float) -> None:
        if up.planned == up.parent:
            self._plan_failed(up, now)
        up.parent, up.orphan_since, up.trust_until, up.lost = None, now, None, None

    def _plan_failed(self, up: Upstream, now: float) -> None:
        up.plan_failures += 1
        up.plan_retry_at = now + PLAN_RETRY * up.plan_failures
        if up.plan_failures >= 2 and up.planned is not None:
            self.failed.add(up.planned)

    def _check_pending(
        self, up: Upstream, stripe: int, neighbours: Mapping[bytes, Neighbour], now: float
    ) -> list[Change]:
        if up.pending is None:
            return []
        neighbour = neighbours.get(up.pending)
        waited = now - up.pending_since
        proving = up.pushing_since is not None and now - up.pushing_since <= PROOF_PATIENCE
        others_move = self.moved_at > up.pending_since + PENDING_PATIENCE / 2
        patient = waited <= PENDING_PATIENCE or not (others_move or waited > 3 * PENDING_PATIENCE)
        if (patient or proving) and not (neighbour is not None and neighbour.silent(now)):
            return []
        peer, up.pending = up.pending, None
        if neighbour is not None:
            neighbour.refused(stripe, now)
        if peer == up.planned:
            self._plan_failed(up, now)
        return [Unsubscribe(stripe, peer)]

    def _seek(
        self,
        up: Upstream,
        stripe: int,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        part_duration: float,
        now: float,
    ) -> list[Change]:
        if up.parent is not None:
            return []
        if not self.has_plan and now - self._born < NO_PLAN_PATIENCE:
            return []
        if up.orphan_since is None:
            up.orphan_since = max(now, self._born)
            if up.planned is not None:
                return []
        if up.planned is not None and up.plan_failures == 0 and now - up.orphan_since < PENDING_PATIENCE:
            return []
        found = self._best(up, stripe, neighbours, window.epoch, now)
        if found is None or self._must_wait(found, neighbours, part_duration, up.orphan_since, now):
            return []
        if up.lost in found.path(stripe) and now - up.orphan_since < SHUN:
            return []
        return self._subscribe(up, stripe, found.peer, now)

    def _must_wait(
        self,
        found: Neighbour,
        neighbours: Mapping[bytes, Neighbour],
        part_duration: float,
        since: float,
        now: float,
    ) -> bool:
        """Those who have only the publisher to ask do not ask all at once: the first helps the others."""
        if found.role != "publisher" or not self._others(found, neighbours):
            return False
        return now - since < self._spread * PUBLISHER_WAIT_PARTS * part_duration

    def _subscribe(self, up: Upstream, stripe: int, peer: bytes, now: float) -> list[Change]:
        up.pending, up.pending_since, up.superseded, up.for_more = peer, now, False, False
        up.pushing_since, up.proved, up.proved_to = None, 0, -1
        return [Subscribe(stripe, peer)]

    def _best(
        self, up: Upstream, stripe: int, neighbours: Mapping[bytes, Neighbour], epoch: int, now: float
    ) -> Neighbour | None:
        return best_parent(
            stripe, neighbours, self.standbys, up.lost, self.parents(), epoch=epoch, me=self._me, now=now
        )

    def _others(self, publisher: Neighbour, neighbours: Mapping[bytes, Neighbour]) -> bool:
        return any(n is not publisher and n.takes_part and not n.quiet for n in neighbours.values())

    def mender(
        self, neighbours: Mapping[bytes, Neighbour], epoch: int, now: float
    ) -> Callable[[int, int], bytes | None]:
        """Whom to ask for a stripe's lost blocks on the n-th try."""
        return mender(self.parents(), neighbours, epoch=epoch, me=self._me, now=now)
