"""Starting over HTTP, and staying there while no link feeds anything: join, then part after part."""

from __future__ import annotations

from peer.core.actions import Fetch, Join

STARTUP_SECONDS = 15.0
"""Past that, HTTP is for repair alone, unless no stripe is fed at all."""
UNFED_SECONDS = 1.0
RETRY = 0.5
JOIN_TIMEOUT = 8.0
AHEAD = 2
"""Parts asked for at a time; the origin holds an answer until the part exists."""


class Startup:
    """Decides what to ask of the origin while the links come up."""

    def __init__(self, origins: bool, now: float) -> None:
        self.origins = origins
        self.http_only = False
        """No links at all (p2p is off, or WebRTC is blocked): everything comes over HTTP."""
        self._born = now
        self._join_at: float | None = now
        self._joining_since: float | None = None
        self.answered = False
        """The origin has answered."""
        self._handed_over = False
        self._unfed_since: float | None = None
        self._asked: dict[int, float] = {}
        self._next: int | None = None
        self._retry_at = now

    def may_subscribe(self, settled: bool, now: float) -> bool:
        """Subscriptions wait until the join's answer is checked, so that they begin where it ends."""
        return not self.origins or (self.answered and settled) or now - self._born > 1.0

    def active(self, all_fed: bool, none_fed: bool, left: bool, now: float) -> bool:
        """Whether parts are to come over HTTP one by one now; `left`: the plan leaves us to the origin."""
        if not self.origins:
            return False
        if self.http_only:
            return True
        if left:
            self._handed_over, self._born = False, now  # when that ends it is as at the start
        elif all_fed:
            self._handed_over, self._join_at = True, None
        if not none_fed:
            self._unfed_since = None
        elif self._unfed_since is None:
            self._unfed_since = now
        if not self._handed_over and now - self._born < STARTUP_SECONDS:
            return True
        return self._unfed_since is not None and now - self._unfed_since > UNFED_SECONDS

    def begin(self, now: float) -> None:
        """Another epoch: join again if HTTP is what feeds us."""
        self._asked.clear()
        self._next = None
        if not self._handed_over or self.http_only:
            self._join_at = now

    def joined(self, now: float) -> None:
        self.answered = True
        self._joining_since = self._join_at = None
        self._next = None

    def join_failed(self, retry_after: float, now: float) -> None:
        self._joining_since = None
        self._join_at = now + max(RETRY, retry_after)

    def fetched(self, number: int) -> None:
        self.answered = True
        self._asked.pop(number, None)

    def fetch_failed(self, number: int, gone: bool, now: float) -> None:
        if self._asked.pop(number, None) is not None:
            self._retry_at = now + RETRY
            self._next = None
            if gone:
                self._join_at = now

    def poll(self, active: bool, epoch: int, newest: int, now: float) -> list[Join | Fetch]:
        """What to ask of the origin now; `newest` is the newest complete part, -1 before the first."""
        if not active:
            self._next = None
            return []
        if self._joining_since is not None:
            if now - self._joining_since > JOIN_TIMEOUT:
                self.join_failed(0.0, now)
            return []
        if self._join_at is not None:
            if now < self._join_at:
                return []
            self._joining_since = now
            return [Join()]
        if newest < 0 or now < self._retry_at:
            return []
        for number in [n for n, at in self._asked.items() if now - at > JOIN_TIMEOUT]:
            del self._asked[number]
        if self._next is None or self._next <= newest:
            self._next = newest + 1
        out: list[Join | Fetch] = []
        while len(self._asked) < AHEAD and self._next <= newest + AHEAD:
            if self._next not in self._asked:
                self._asked[self._next] = now
                out.append(Fetch(epoch, self._next))
            self._next += 1
        return out
