"""The downward side of a braid: who is fed which stripe, what waits for them, what they asked for."""

from __future__ import annotations

from peer.core.actions import Send
from peer.core.bucket import Bucket
from peer.core.counters import Counters
from peer.core.intake import Taken
from peer.core.neighbour import Neighbour
from peer.core.outbox import BACKLOG, KEY_FRAME, LEAVE_WITHIN, REQUESTED
from peer.core.window import Window
from peer.wire import Refuse, encode

NEWEST_INDEPENDENT = 0xFFFFFFFF
WANT_SECONDS = 1.0
WANTS_KEPT = 1024
BACKLOG_PARTS = 10
"""Parts of the past that a child is given, unless the newest independent one is older."""
SERVED_PARTS_BURST, SERVED_PARTS_PER_SECOND = 16.0, 4.0
"""Blocks that are sent on request, in all, as parts of one block a stripe: 0.4 of a stream of 100 ms parts.
What is asked for must not crowd out what is pushed: its loss would be asked for in turn."""
PUBLISHER_SERVES = 8.0
"""So many times that does a publisher, of whom the heads of all stripes ask."""
ALL = -1
"""Stands for every block of a part of which not even the seal is here."""

REFUSE_FULL, REFUSE_LOOP, REFUSE_SLOW, REFUSE_NOT_CARRIED, REFUSE_STARVED, REFUSE_LEAVING = range(1, 7)


class Children:
    """Pushes verified blocks; keeps requests that cannot be answered yet."""

    def __init__(self, braid: bytes, stripes: int, counters: Counters, publisher: bool, now: float) -> None:
        self._braid = braid
        self._stripes = stripes
        self._counters = counters
        self._by_stripe: list[dict[bytes, Neighbour]] = [{} for _ in range(stripes + 1)]
        self._wants: dict[tuple[int, int], dict[bytes, tuple[float, Neighbour]]] = {}
        self._wanted = 0
        times = (PUBLISHER_SERVES if publisher else 1.0) * stripes
        self._served = Bucket(SERVED_PARTS_BURST * times, SERVED_PARTS_PER_SECOND * times, now)
        self._waiting: dict[bytes, Neighbour] = {}
        """Those for whom something was put into an outbox since they were last seen to have nothing there."""
        self.busy = False
        """Blocks wait for somebody: nothing is sent on request meanwhile."""

    def count(self) -> int:
        """Stripe children in all."""
        return sum(len(children) for children in self._by_stripe)

    def living(self, now: float) -> int:
        """Those whose child was heard lately: the dead keep nobody out until their links are closed."""
        return sum(not child.is_gone(now) for some in self._by_stripe for child in some.values())

    def waiting(self) -> list[Neighbour]:
        """Those for whom something waits: few, while each of many neighbours is asked for at every tick."""
        for peer in [peer for peer, child in self._waiting.items() if child.outbox.empty]:
            del self._waiting[peer]
        return list(self._waiting.values())

    def leaves(self) -> int:
        """Those of them that are leaves."""
        return sum(child.is_leaf() for children in self._by_stripe for child in children.values())

    def of(self, stripe: int) -> dict[bytes, Neighbour]:
        return self._by_stripe[stripe]

    def add(self, child: Neighbour, stripe: int, start: int, window: Window, now: float) -> list[Send]:
        """Feed `stripe` to `child`, beginning with what the window has from part `start` on."""
        self._by_stripe[stripe][child.peer] = child
        child.feeds.add(stripe)
        child.outbox.drop(stripe)  # asking again and again does not make more wait
        part = window.newest_independent()
        newest = part.seal.number if part is not None else window.newest + 1
        if start == NEWEST_INDEPENDENT:
            start = newest
        start = max(start, min(newest, window.newest - BACKLOG_PARTS))
        for number in window.numbers(start):
            for message in window.stripe(number, stripe, self._stripes):
                child.outbox.put(stripe, message, now + BACKLOG)
        self._waiting[child.peer] = child
        return self.pump(child)

    def remove(self, child: Neighbour, stripe: int) -> None:
        self._by_stripe[stripe].pop(child.peer, None)
        child.feeds.discard(stripe)
        child.outbox.drop(stripe)

    def gone(self, child: Neighbour) -> None:
        """The link is closed."""
        self._waiting.pop(child.peer, None)
        for stripe in list(child.feeds):
            self.remove(child, stripe)
        for key in [k for k, asked in self._wants.items() if child.peer in asked]:
            del self._wants[key][child.peer]
            self._wanted -= 1
            if not self._wants[key]:
                del self._wants[key]

    def push(self, taken: Taken, now: float) -> list[Send]:
        """A block has just been verified: to the stripe's children and to who asked for it."""
        out: list[Send] = []
        number, stripe, index = taken.seal.number, taken.stripe, taken.index
        message, source = taken.message, taken.source
        leave_by = now + LEAVE_WITHIN + (KEY_FRAME if taken.seal.independent else 0.0)
        # Those first who have children themselves: what they wait for, all below them wait for, too.
        for child in sorted(self._by_stripe[stripe].values(), key=lambda child: not child.feeds_on(stripe)):
            if child.peer != source and not child.has_all(taken.seal.epoch, number):
                child.outbox.put(stripe, message, leave_by)
                self._waiting[child.peer] = child
                out += self.pump(child)
        if stripe == self._stripes:
            return out  # nobody asks for parity
        asked = self._wants.pop((number, index), {})
        self._wanted -= len(asked)
        for peer, (until, neighbour) in {**asked, **self._wants.get((number, ALL), {})}.items():
            if until < now or peer == source or stripe in neighbour.feeds:
                continue
            if peer in asked or neighbour.allow(1, now):
                out += self._serve(neighbour, message, now)
        return out

    def want(
        self, asker: Neighbour, number: int, indices: tuple[int, ...], window: Window, now: float
    ) -> list[Send]:
        """Answer a WANT with what is here; remember the rest for a second."""
        part = window.get(number)
        if not indices:
            indices = (ALL,) if part is None else tuple(range(part.seal.blocks))
        if not asker.allow(len(indices), now):
            return []
        out: list[Send] = []
        for index in indices:
            message = None
            if part is not None:
                if index >= part.seal.blocks:
                    continue
                message = part.messages[index]
            if message is not None:
                out += self._serve(asker, message, now)
            elif self._wanted < WANTS_KEPT and number >= window.oldest:
                asked = self._wants.setdefault((number, index), {})
                self._wanted += asker.peer not in asked
                asked[asker.peer] = (now + WANT_SECONDS, asker)
        return out

    def expire(self, now: float) -> None:
        """Forget requests that nobody waits for any more."""
        for key in list(self._wants):
            asked = self._wants[key]
            for peer in [p for p, (until, _) in asked.items() if until < now]:
                del asked[peer]
                self._wanted -= 1
            if not asked:
                del self._wants[key]

    def begin(self) -> None:
        """Another epoch: old requests mean nothing."""
        self._wants.clear()
        self._wanted = 0

    def slow(self, child: Neighbour, now: float) -> list[Send]:
        """Take a stripe from a child that cannot keep up, so that it finds another parent."""
        stripe = child.outbox.late(now)
        if stripe == REQUESTED:
            child.outbox.drop(stripe)
        if stripe is None or stripe not in child.feeds:
            return []
        self.remove(child, stripe)
        self._counters.slow_children += 1
        return [Send(child.peer, encode(Refuse(self._braid, stripe, REFUSE_SLOW)))]

    def pump(self, child: Neighbour) -> list[Send]:
        """Hand over as much as the link takes."""
        out = []
        for message in child.outbox.take():
            self._counters.to_peers += len(message)
            out.append(Send(child.peer, message, "blocks"))
        return out

    def _serve(self, asker: Neighbour, message: bytes, now: float) -> list[Send]:
        if self.busy or asker.outbox.full() or not self._served.take(now):
            return []
        self._counters.wants_served += 1
        asker.outbox.put(REQUESTED, message, now + LEAVE_WITHIN)
        self._waiting[asker.peer] = asker
        return self.pump(asker)
