"""What is known of a peer at the other end of a link, as far as one braid goes."""

from __future__ import annotations

from typing import Literal

from peer.core.bucket import Bucket
from peer.core.conduct import Conduct
from peer.core.outbox import LEAVE_WITHIN, Outbox
from peer.wire import Status

Role = Literal["viewer", "publisher", "relay", "member"]

NO_PART = 0xFFFFFFFF
"""The newest complete part of one who has none."""
SURE_PARTS = 5
"""A part that is so far behind the newest complete one is complete, too: lost blocks have come by then."""
STATUS_FRESH = 2.0
"""Seconds for which a STATUS counts; it comes every 0.5 s."""
HEARD_WITHIN = 0.75
"""Seconds without a word after which a peer may be dead: STATUS has been missed."""
LATE_AT_FIRST = 5.0
"""Seconds of a link in which silence is no lie: a page that has just been opened, or the publisher that many
come to at once, stops for a moment now and then."""
REFUSED_FOR = 2.0
WANTS_PER_SECOND = 64.0
WANTS_BURST = 128.0


class Neighbour:
    """A linked peer: its latest STATUS, what it is fed, and what it may still ask for."""

    def __init__(self, peer: bytes, role: Role, now: float) -> None:
        self.peer = peer
        self.short = peer[:4]
        self.role = role
        self.status: Status | None = None
        self.status_at = self.heard_at = self.since = now
        self.quiet = False
        self.takes_part = False
        """It has sent a STATUS or a SUBSCRIBE for this braid."""
        self.conduct = Conduct(now)
        self.doubt = 0
        """What its standing says: 1 if it is doubted, 2 if it is distrusted."""
        self.outbox = Outbox()
        self.feeds: set[int] = set()
        """The stripes that we push to it."""
        self._refused: dict[int, float] = {}
        self._wants = Bucket(WANTS_BURST, WANTS_PER_SECOND, now)

    def refused(self, stripe: int, now: float) -> None:
        self._refused[stripe] = now + REFUSED_FOR

    def refuses(self, stripe: int, now: float) -> bool:
        return self._refused.get(stripe, 0.0) > now

    def path(self, stripe: int) -> tuple[bytes, ...]:
        """Short ids from the publisher to this peer; empty when it is not fed or has not said."""
        if self.status is None or stripe >= len(self.status.stripes):
            return ()
        return self.status.stripes[stripe].path

    def starved(self, stripe: int) -> bool:
        """It has said that the stripe does not reach it."""
        return (
            self.status is not None
            and stripe < len(self.status.stripes)
            and self.status.stripes[stripe].starved
        )

    def feeds_on(self, stripe: int) -> bool:
        """It has said that it has children on the stripe."""
        return (
            self.status is not None
            and stripe < len(self.status.stripes)
            and self.status.stripes[stripe].feeds
        )

    def is_leaf(self) -> bool:
        """It has said that it carries nothing."""
        return self.status is not None and not self.status.carries

    def going(self) -> bool:
        """It leaves, or hands its children over: it feeds until they have found another parent."""
        if self.status is None or self.role == "publisher":
            return False
        return self.status.leaving or not self.status.carries

    def silent(self, now: float) -> bool:
        """Not even a STATUS has come when it should have: it may be dead."""
        return now - self.heard_at > HEARD_WITHIN

    def is_gone(self, now: float) -> bool:
        """It seems to have vanished."""
        return self.quiet or self.silent(now)

    def waits(self, now: float) -> bool:
        """Something has waited for it, and it has spoken since: it lives, so that is for want of upload."""
        return self.outbox.busy(now) and self.heard_at >= self.outbox.waits_since()

    def is_late(self, now: float) -> bool:
        """It is not dead, and yet something has waited for it for too long: it is slow, or our upload is."""
        if now - self.heard_at > LEAVE_WITHIN and not self.outbox.overflows():
            return False
        return self.outbox.late(now) is not None

    def can_feed(self, stripe: int, epoch: int, me: bytes, now: float, least: int = 1) -> bool:
        """Ready to take over a stripe at once: fed, alive, with at least so many free places, and not below
        `me` (a short id)."""
        status = self.status
        if status is None or self.is_gone(now) or status.epoch != epoch:
            return False
        if not status.carries or status.leaving or status.free < least or self.refuses(stripe, now):
            return False
        if stripe >= len(status.stripes) or not status.stripes[stripe].fed or status.stripes[stripe].starved:
            return False
        return me not in status.stripes[stripe].path

    def has(self, stripe: int, epoch: int, me: bytes, now: float) -> bool:
        """Worth asking for a lost block of the stripe."""
        status = self.status
        if status is None or self.quiet or now - self.status_at > STATUS_FRESH or status.epoch != epoch:
            return False
        if stripe >= len(status.stripes):
            return False
        state = status.stripes[stripe]
        return state.fed and not state.starved and me not in state.path

    def has_all(self, epoch: int, number: int) -> bool:
        """It has said that it has every block of the part."""
        return self.status is not None and (self.status.epoch, self.status.newest) == (epoch, number)

    def pushed_nothing(self, stripe: int, due: float, now: float) -> None:
        """It was or would be our parent of a stripe, and is silent on it: a lie if it says that it is fed.

        What it said before the next block was `due` is none: a page that stands still says nothing.
        """
        status = self.status
        if self.is_gone(now) or status is None or stripe >= len(status.stripes):
            return
        if now - self.since < LATE_AT_FIRST:
            return
        if status.stripes[stripe].fed and not status.stripes[stripe].starved:
            self.conduct.pushed_nothing(self.status_at > due)

    def asked(self, number: int, indices: tuple[int, ...], now: float) -> None:
        """We ask it for lost blocks of a part (none: for all), which it may have said that it has."""
        promised = self.status is not None and NO_PART > self.status.newest >= number + SURE_PARTS
        self.conduct.asked(number, indices, promised, now)

    def allow(self, count: int, now: float) -> bool:
        """Whether it may have `count` more blocks on request."""
        return self._wants.take(now, count)
