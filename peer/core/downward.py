"""What a peer does for others: takes children, feeds them, says how it fares, and lets them go in order."""

from __future__ import annotations

from collections.abc import Mapping

from peer.core.actions import Send
from peer.core.announcements import Announcements
from peer.core.children import NEWEST_INDEPENDENT, REFUSE_NOT_CARRIED, REFUSE_SLOW, Children
from peer.core.counters import Counters
from peer.core.intake import Taken
from peer.core.neighbour import Neighbour
from peer.core.places import Places
from peer.core.throttle import Step
from peer.core.upstreams import Upstreams
from peer.core.window import Window
from peer.wire import Refuse, Subscribe, Unsubscribe, Want, encode


class Downward:
    """The children of one braid, and neighbours that might become some. A publisher has no `upstreams`."""

    def __init__(
        self,
        me: bytes,
        braid: bytes,
        stripes: int,
        upstreams: Upstreams | None,
        neighbours: Mapping[bytes, Neighbour],
        window: Window,
        counters: Counters,
        carries: bool,
        now: float,
    ) -> None:
        self._braid, self._stripes = braid, stripes
        self._upstreams, self._neighbours, self._window = upstreams, neighbours, window
        self._counters = counters
        self.children = Children(braid, stripes, counters, upstreams is None, now)
        self.places = Places(stripes, upstreams, self.children, carries or upstreams is None)
        self._announcements = Announcements(me, braid, stripes, upstreams, window, now)

    def begin(self) -> None:
        """Another epoch."""
        self.children.begin()
        self.places.upload.begin()

    def greet(self, peer: bytes, now: float) -> list[Send]:
        """A link to `peer` is ready."""
        return [Send(peer, self._status(now))]

    def subscribed(self, neighbour: Neighbour, message: Subscribe, now: float) -> list[Send]:
        """`neighbour` asks to be fed a stripe."""
        stripe = message.stripe
        if stripe > self._stripes:
            return []
        neighbour.takes_part = True
        asked = self._upstreams is not None and self._upstreams.stripes[stripe].pending == neighbour.peer
        reason = self.places.refusal(neighbour, stripe, now)
        if reason is not None:
            self._counters.refused_children += 1
            return [Send(neighbour.peer, encode(Refuse(self._braid, stripe, reason)))]
        out: list[Send] = []
        if asked:
            # We asked each other, and the smaller id is the parent: it may have begun to push to us before.
            out.append(Send(neighbour.peer, encode(Unsubscribe(self._braid, stripe))))
        start = message.number
        if message.epoch != self._window.epoch and start != NEWEST_INDEPENDENT:
            start = self._window.oldest
        if not neighbour.conduct.may_have_backlog(now):
            start = self._window.newest + 1
        out += self.children.add(neighbour, stripe, start, self._window, now)
        return [*out, Send(neighbour.peer, self._status(now))]

    def unsubscribed(self, neighbour: Neighbour, stripe: int) -> None:
        if stripe <= self._stripes:
            self.children.remove(neighbour, stripe)

    def wanted(self, neighbour: Neighbour, message: Want, now: float) -> list[Send]:
        """`neighbour` asks for lost blocks."""
        if message.epoch != self._window.epoch or not self.places.carry():
            return []
        return self.children.want(neighbour, message.number, message.blocks, self._window, now)

    def taken(self, taken: Taken, now: float) -> list[Send]:
        """A block has just been verified."""
        if not taken.seal.parity:
            self.places.upload.part(taken.seal.number, taken.seal.size, taken.seal.duration / 1e6)
        return self.children.push(taken, now)

    def drained(self, neighbour: Neighbour, buffered: int) -> list[Send]:
        self.places.upload.left(neighbour.outbox.drained(buffered))
        return self.children.pump(neighbour)

    def set_carries(self, carries: bool, now: float) -> list[Send]:
        """Whether this peer uploads at all."""
        self.places.carries = carries or self._upstreams is None
        out = [] if self.places.carries else self._dismiss(REFUSE_NOT_CARRIED)
        return out + self.announce(now)

    def leave(self, now: float) -> list[Send]:
        """Going: children are told, so that they find other parents before the links close."""
        self.places.leaving = True
        return self.announce(now)

    def tick(self, now: float) -> list[Send]:
        out: list[Send] = []
        late: list[Neighbour] = []
        busy = full = False
        for neighbour in self.children.waiting():
            busy |= neighbour.outbox.busy(now) and not neighbour.is_gone(now)
            full |= neighbour.waits(now)
            if neighbour.is_late(now):
                late.append(neighbour)
        self.children.busy = busy
        upload = self.places.upload
        if full or upload.watching:
            upload.look(full, self.children.living(now), now)
        if late:
            out += self._shed(late, now)
        self.children.expire(now)
        stepped = self.places.throttle.changed(now)
        if stepped and self.places.throttle.step == Step.LEAF:
            out += self._dismiss(REFUSE_SLOW)
        if stepped or self._announcements.due(now):
            out += self.announce(now)
        elif self._announcements.changed():
            out += self._warn(now)
        return out

    def _warn(self, now: float) -> list[Send]:
        """STATUS to those who are fed from here: what became of the way above concerns them at once."""
        self._announcements.said_to_children()
        data = self._status(now)
        return [Send(neighbour.peer, data) for neighbour in self._neighbours.values() if neighbour.feeds]

    def announce(self, now: float) -> list[Send]:
        """STATUS to everybody who takes part; who leaves tells all."""
        self._announcements.said(now)
        data = self._status(now)
        return [
            Send(neighbour.peer, data)
            for neighbour in self._neighbours.values()
            if neighbour.takes_part or self.places.leaving
        ]

    def _shed(self, late: list[Neighbour], now: float) -> list[Send]:
        """Take stripes from children that get theirs too late, from those first who feed nobody.

        One that is late alone has itself to thank, or its way. When several are it is our upload: half of
        them lose a stripe, and the others, for whom there is more now, have time to catch up.
        """
        order = {peer: place for place, peer in enumerate(self._neighbours)}
        late.sort(key=lambda child: (not child.is_leaf(), order[child.peer]))
        out: list[Send] = []
        for child in late[: (len(late) + 1) // 2]:
            refused = self.children.slow(child, now)
            if refused:
                self.places.slow(child.peer, now)
                out += refused
        for neighbour in self._neighbours.values():
            neighbour.outbox.relieve(now)
        return out

    def _dismiss(self, reason: int) -> list[Send]:
        out: list[Send] = []
        for neighbour in self._neighbours.values():
            for stripe in sorted(neighbour.feeds):
                self.children.remove(neighbour, stripe)
                out.append(Send(neighbour.peer, encode(Refuse(self._braid, stripe, reason))))
        return out

    def _status(self, now: float) -> bytes:
        places = self.places
        feeds = [bool(self.children.of(stripe)) for stripe in range(self._stripes + 1)]
        return self._announcements.encode(
            places.free(now), places.announces_carrying(), places.leaving, feeds
        )
