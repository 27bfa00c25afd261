"""What is remembered of how other peers behaved: by peer id, whether they are linked now or not.

docs/defence.md has the points, the thresholds and their reasons. Times are monotonic seconds of one process.
"""

from __future__ import annotations

from dataclasses import dataclass

IN_TIME = 0.01
"""Points for a block that a parent pushed before one had to ask for it."""
STRAY = -0.01
"""For a block that nobody asked for and that was here, or is too old."""
FLOOD = -0.25
"""For a message over what one link may say."""
BROKEN_PROMISE = -1.0
"""For blocks that a peer's STATUS says it has and that it did not send when asked."""
EMPTY_WORD = -3.0
"""For pushing nothing of a stripe that a peer says meanwhile reaches it."""
STANDSTILL = -1.5
"""For pushing nothing for a moment in which a peer says nothing either."""
MEAGRE = -5.0
"""For a parent that was replaced because it pushed too little of its stripe."""

CREDIT = 2.0
"""Points at most: long good service excuses a slip, never a habit."""
FORGIVEN = 0.05
"""Points by which merit and blame fade in a second."""
DOUBTED = -2.0
"""At or below: chosen and asked last."""
DISTRUSTED = -5.0
"""At or below: after the publisher, too."""
SHUNNED = -15.0
"""At or below: the link ends."""
SHUNNED_FOR = 600.0
"""Seconds for which one whose link was ended gets no other."""
REMEMBERED = 1024
"""Peers of whom something is remembered; the least remarkable makes room."""


@dataclass(slots=True)
class _Account:
    points: float
    at: float
    shunned_until: float = float("-inf")

    def now(self, now: float) -> float:
        faded = (now - self.at) * FORGIVEN
        return max(0.0, self.points - faded) if self.points > 0 else min(0.0, self.points + faded)


class Standing:
    """Points by peer: they fade, merit is capped, and blame outlives the link that it was earned on."""

    def __init__(self) -> None:
        self._accounts: dict[bytes, _Account] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def points(self, peer: bytes, now: float) -> float:
        account = self._accounts.get(peer)
        return 0.0 if account is None else account.now(now)

    def note(self, peer: bytes, points: float, now: float) -> None:
        """Something was done that is worth so many points."""
        account = self._account(peer, now)
        account.points = min(CREDIT, account.now(now) + points)
        account.at = now
        if account.points <= SHUNNED:
            account.shunned_until = now + SHUNNED_FOR

    def shun(self, peer: bytes, now: float) -> None:
        """It did what cannot be excused, such as sending a bad block."""
        self.note(peer, SHUNNED - CREDIT, now)

    def shunned(self, peer: bytes, now: float) -> bool:
        account = self._accounts.get(peer)
        return account is not None and now < account.shunned_until

    def doubt(self, peer: bytes, now: float) -> int:
        """0: nothing speaks against it; 1: doubted; 2: distrusted."""
        points = self.points(peer, now)
        return (points <= DOUBTED) + (points <= DISTRUSTED)

    def _account(self, peer: bytes, now: float) -> _Account:
        account = self._accounts.get(peer)
        if account is None:
            if len(self._accounts) >= REMEMBERED:
                self._forget(now)
            account = self._accounts[peer] = _Account(0.0, now)
        return account

    def _forget(self, now: float) -> None:
        """Many new names do not wash away what is known of others: the least remarkable goes."""

        def weight(peer: bytes) -> tuple[float, float]:
            account = self._accounts[peer]
            return max(0.0, account.shunned_until - now), abs(account.now(now))

        del self._accounts[min(self._accounts, key=weight)]
