"""What one linked peer does in one braid: counted here, and settled into its standing every second."""

from __future__ import annotations

from peer.core.bucket import Bucket
from peer.core.standing import BROKEN_PROMISE, EMPTY_WORD, FLOOD, IN_TIME, STANDSTILL, STRAY
from peer.wire import Message, Probe, Probed, Refuse, Status, Subscribe, Unsubscribe, Want

SETTLE_EVERY = 1.0
PROMISE = 1.5
"""Seconds in which one who has a part by its STATUS answers for it; a WANT is forgotten after one."""
PROMISES = 16
"""Of one peer that are waited for at a time."""
ASKED_BURST, ASKED_PER_SECOND = 64.0, 32.0
"""Blocks asked of a peer beyond which no promise is counted: half of what it has to answer."""
ANSWERS = 1024
"""Answers that are expected at most; what else comes unasked is stray."""
WHOLE = -1
"""Stands for a WANT of a whole part."""

ALLOWED: dict[type[Message], tuple[float, float]] = {
    Subscribe: (64.0, 8.0),
    Unsubscribe: (64.0, 8.0),
    Refuse: (64.0, 8.0),
    Status: (64.0, 20.0),
    Want: (96.0, 64.0),
    Probe: (128.0, 2.0),
    Probed: (8.0, 0.1),
}
"""Messages of a kind at once, and a second. An honest peer of 16 stripes stays below half of that."""
BACKLOG_BURST, BACKLOG_PER_SECOND = 32.0, 0.25
"""Subscriptions that begin with what the window has; others begin with the newest part."""


class Conduct:
    """One peer's deeds since they were settled last, and what it may still say."""

    __slots__ = (
        "_answers",
        "_asked",
        "_backlogs",
        "_flood",
        "_owed",
        "_said",
        "_silence",
        "_stray",
        "in_time",
    )

    def __init__(self, now: float) -> None:
        self.in_time = 0
        """Blocks that it pushed as a parent before they had to be asked for."""
        self._stray = 0
        self._flood = 0
        self._silence = 0.0
        self._answers = 0
        self._owed: dict[tuple[int, int], float] = {}
        """When (part, block) is overdue."""
        self._asked = Bucket(ASKED_BURST, ASKED_PER_SECOND, now)
        self._backlogs = Bucket(BACKLOG_BURST, BACKLOG_PER_SECOND, now)
        self._said: dict[type[Message], Bucket] = {}

    def may_say(self, kind: type[Message], now: float) -> bool:
        """Whether a message of this kind is to be looked at."""
        bucket = self._said.get(kind)
        if bucket is None:
            allowed = ALLOWED.get(kind)
            if allowed is None:
                return True
            bucket = self._said[kind] = Bucket(*allowed, now)
        if bucket.take(now):
            return True
        self._flood += 1
        return False

    def may_have_backlog(self, now: float) -> bool:
        """Whether a subscription of it may begin with what has been."""
        return self._backlogs.take(now)

    def asked(self, number: int, indices: tuple[int, ...], promised: bool, now: float) -> None:
        """It was asked for blocks of a part (none: for all); `promised` if it says that it has the part."""
        self._answers = min(ANSWERS, self._answers + (len(indices) or 64))
        counts = self._asked.take(now, len(indices) or 1)
        if promised and counts and len(self._owed) < PROMISES:
            self._owed.setdefault((number, indices[0] if indices else WHOLE), now + PROMISE)

    def sent(self, number: int, index: int) -> None:
        """It sent a block that proved genuine, asked for or pushed."""
        if self._owed:
            self._owed.pop((number, index), None)
            self._owed.pop((number, WHOLE), None)

    def unexpected(self) -> None:
        """It sent what was here, or is too old, and feeds us nothing that this belongs to."""
        if self._answers > 0:
            self._answers -= 1
        else:
            self._stray += 1

    def pushed_nothing(self, lied: bool) -> None:
        """It does not push a stripe that should reach it; `lied`: and says meanwhile that it does."""
        self._silence = min(self._silence, EMPTY_WORD if lied else STANDSTILL)

    def settle(self, excused: bool, now: float) -> float:
        """The points for what it did since the last call; `excused` when it may be dead: that is no lie."""
        overdue = [asked for asked, until in self._owed.items() if until < now]
        for asked in overdue:
            del self._owed[asked]
        points = self.in_time * IN_TIME + self._stray * STRAY + self._flood * FLOOD
        points += self._silence
        self.in_time = self._stray = self._flood = 0
        self._silence = 0.0
        return points + BROKEN_PROMISE if overdue and not excused else points
