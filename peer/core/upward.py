"""What a peer does for itself: has itself fed, mends what was lost, plays it, and tells the planner."""

from __future__ import annotations

from collections.abc import Mapping

from peer.core.actions import Deliver, Fetch, Gap, Join, Links, Parity, Report, Send
from peer.core.children import NEWEST_INDEPENDENT
from peer.core.counters import Counters
from peer.core.delivery import OVERDUE, Delivery
from peer.core.intake import Taken
from peer.core.neighbour import Neighbour
from peer.core.reception import Reception
from peer.core.repair import ASK_AFTER_PARTS, Repair
from peer.core.reports import Reports
from peer.core.startup import Startup
from peer.core.upstream import Change
from peer.core.upstream import Subscribe as SubscribeTo
from peer.core.upstreams import Upstreams
from peer.core.window import Window
from peer.seal import MAX_STRIPES
from peer.wire import Subscribe, Unsubscribe, Want, encode

BEHIND = 20
"""Parts behind the newest that are still asked for by who plays nothing, or is so late that it has to leap:
from there on, or from the newest independent part where that is older."""
CARRIED_WITHIN = 0.5
"""Parts after the first block of a part within which a block counts as carried though it was rebuilt from
parity before: whoever is on the longest of the ways would carry nothing else. What comes later than the ways
differ says that an upload has too much to carry."""

Action = Send | Deliver | Gap | Join | Fetch | Links | Parity | Report


class Upward:
    """The way up of one braid at a peer that does not publish it itself, and what comes down that way."""

    def __init__(
        self,
        me: bytes,
        braid: bytes,
        stripes: int,
        part_duration: float,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        counters: Counters,
        delivers: bool,
        origins: bool,
        now: float,
    ) -> None:
        spread = int.from_bytes(me[:2], "big") / 65536
        self._braid, self._stripes, self._part_duration = braid, stripes, part_duration
        self._neighbours, self._window, self._counters = neighbours, window, counters
        self._delivers = delivers
        self.delivery = Delivery()
        self.repair = Repair(spread, stripes, now)
        self.startup = Startup(origins, now)
        self.upstreams = Upstreams(me, stripes, spread, part_duration, neighbours, window, now)
        self._reception = Reception(stripes)
        self.reports = Reports(self.upstreams, self._reception, now)
        self._newest = -1
        self._links: tuple[bytes, ...] = ()

    def begun(self, now: float) -> None:
        """The publisher has begun a new epoch, and the window is empty."""
        self._newest = -1
        self.delivery.begin()
        self.upstreams.rhythm.begin()
        self._reception.begin()
        self.upstreams.shares.begin()
        self.repair.begin()
        self.startup.begin(now)

    def taken(self, taken: Taken, now: float) -> list[Action]:
        """A block has just been verified, from wherever it came."""
        number, stripe = taken.seal.number, taken.stripe
        if number > self._newest:
            self._newest = number
            self.upstreams.moved_at = now
        source = self._neighbours.get(taken.source) if taken.source is not None else None
        if source is None:
            return []
        out = self._apply(self.upstreams.block(stripe, number, source.peer, now), now)
        parental = self.upstreams.stripes[stripe].parent == source.peer
        counts = self._judged(source, taken, parental, now) if stripe < self._stripes else taken.fresh
        if parental:
            blocks = taken.seal.blocks // taken.seal.stripes
            size = len(taken.message) if counts else 0
            self._reception.pushed(stripe, number, blocks, source.peer, size)
        return out

    def _judged(self, source: Neighbour, taken: Taken, parental: bool, now: float) -> bool:
        """What a block of data says of who sent it; `parental`: the parent of its stripe.

        Returns whether it counts as carried.
        """
        number, conduct = taken.seal.number, source.conduct
        conduct.sent(number, taken.index)
        if parental:
            seen_for = self._seen_for(number, now)
            rhythm = self.upstreams.rhythm
            if number == rhythm.newest[taken.stripe]:
                rhythm.lag(taken.stripe, seen_for)
            in_time = taken.fresh or seen_for <= ASK_AFTER_PARTS
            if self.upstreams.shares.pushed(number, taken.index, in_time):
                conduct.in_time += in_time
                return taken.fresh or seen_for <= CARRIED_WITHIN
            if not taken.fresh:
                conduct.unexpected()
        elif not taken.fresh and source.peer != self.upstreams.stripes[taken.stripe].pending:
            conduct.unexpected()
        return taken.fresh

    def _seen_for(self, number: int, now: float) -> float:
        """For how long, in parts, a part in the window has been known."""
        part = self._window.get(number)
        return (now - part.first_seen) / self._part_duration if part is not None else 0.0

    def deliver(self, now: float) -> list[Action]:
        """What can be played now."""
        if not self._delivers:
            return []
        out: list[Action] = []
        playable = self.delivery.poll(self._window, now)
        if not playable:
            return out
        for action in playable:
            if isinstance(action, Deliver):
                self._counters.parts_delivered += 1
            else:
                self._counters.parts_skipped += action.parts
            out.append(action)
        return out

    def leave(self) -> list[Action]:
        """No more is needed: nobody is fed from here any longer."""
        return [
            Send(peer, encode(Unsubscribe(self._braid, stripe)))
            for stripe, up in enumerate(self.upstreams.stripes)
            for peer in (up.parent, up.pending)
            if peer is not None
        ]

    def tick(self, settled: bool, slots: int | None, now: float) -> list[Action]:
        """`settled`: all that the origin has sent was checked; `slots` as in `Report`."""
        up, startup = self.upstreams, self.startup
        out: list[Action] = []
        wanted = self._stripes < MAX_STRIPES and self._reception.wants_parity(now)
        # Who lacks a whole stripe needs that first.
        if wanted != up.wants_parity and (up.all_fed() or not wanted):
            up.wants_parity = wanted
            out.append(Parity(wanted))
        if startup.may_subscribe(settled, now):
            out += self._apply(up.tick(startup.answered, now), now)
        self._counters.fail_overs += up.take_fail_overs()
        active = startup.active(up.all_fed(), up.none_fed(), up.left_to_origin, now)
        if active:
            up.shares.excuse(self._window.newest)
        if settled:
            out += startup.poll(active, self._window.epoch, self._window.newest_complete, now)
        if not active or not startup.answered:
            out += self._mend(now)
        out += self.deliver(now)
        links = up.wanted()
        if links != self._links:
            self._links = links
            out.append(Links(links))
        return out + list(self.reports.due(slots, now))

    def _apply(self, changes: list[Change], now: float) -> list[Action]:
        out: list[Action] = []
        for change in changes:
            if isinstance(change, SubscribeTo):
                start = self._start(change.stripe, now)
                message = encode(Subscribe(self._braid, change.stripe, self._window.epoch, start))
            else:
                message = encode(Unsubscribe(self._braid, change.stripe))
            out.append(Send(change.peer, message))
        return out

    def _start(self, stripe: int, now: float) -> int:
        """The part from which on a stripe is asked for."""
        if self._window.newest < 0:
            return NEWEST_INDEPENDENT
        if stripe == self._stripes:
            return self._window.newest
        return self._window.first_missing(stripe, self._stripes, self._next_needed(now))

    def _next_needed(self, now: float) -> int:
        """The part that is played next; before that is known, and at a relay, the first that came.

        What cannot be played any more is not asked for, lest that crowd out what can.
        """
        needed, window = self.delivery.next, self._window
        if needed is not None and now <= self.delivery.deadline(now) + OVERDUE:
            return needed
        newest = window.newest_independent()
        floor = window.newest - BEHIND
        if newest is not None and self._delivers:
            floor = min(floor, newest.seal.number)
        return max(0, window.first if needed is None else needed, floor)

    def _mend(self, now: float) -> list[Action]:
        window, out = self._window, list[Action]()
        start = self._next_needed(now)
        choose, lags = self.upstreams.mender(now), self.upstreams.rhythm.lags[: self._stripes]
        pushed = self.upstreams.pushed()
        asks = self.repair.due(window, start, self._part_duration, lags, pushed, choose, now)
        asks += self.repair.stalled(window, self._part_duration, choose, now)
        for peer, number, indices in asks:
            self._counters.wants_sent += 1
            self._neighbours[peer].asked(number, indices, now)
            out.append(Send(peer, encode(Want(self._braid, window.epoch, number, indices))))
        if self.startup.origins:
            deadline = self.delivery.deadline(now) if self._delivers else now + 1.0
            for number in self.repair.fetches(window, start, deadline, now):
                self._counters.fetches += 1
                out.append(Fetch(window.epoch, number))
        return out
