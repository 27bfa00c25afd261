"""What one link is told from the log, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable

from peer.core.bucket import Bucket
from peer.core.chat_fetch import MAX_IDS
from peer.core.chat_history import History
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import SignedMessage
from peer.core.chat_recall import AT_ONCE

LEAST = 768
"""Bytes that each answer counts for at least, so that short ones are not too many for the link."""
MAX_LOOKUPS = 4
"""Questions to the store that one peer's messages may have open."""


class ChatLink:
    """Answers that a peer waits for, and messages of the past that it is still to be told of."""

    def __init__(self, limits: ChatLimits, now: float) -> None:
        self.unasked = Bucket(*limits.link, now)
        """What the peer may send without having been asked."""
        self.compared: frozenset[bytes] = frozenset()
        """What it was told of last because it lacks that, and not what is before it."""
        self._answers = Bucket(*limits.answers, now)
        self._max_owed = limits.owed
        self._owed: dict[bytes, None] = {}
        self._sought: dict[bytes, None] = {}
        """Owed, and to be read from the store first."""
        self._reading = False
        self._page: tuple[bytes, ...] | None = None
        self._lookups = 0
        self._lookup_rate = Bucket(*limits.lookups, now)
        self._untold: dict[bytes, None] = {}

    def owe(self, message: bytes) -> None:
        """The peer asked for a message that is in the log."""
        if len(self._owed) < self._max_owed:
            self._owed[message] = None

    def answers(self, history: History, now: float) -> list[SignedMessage]:
        """What can be sent now of what is owed."""
        found = []
        while self._owed:
            oldest = next(iter(self._owed))
            message = history.get(oldest)
            if message is not None:  # else it was left out since
                if not self._answers.take(now, max(message.size, LEAST)):
                    break
                found.append(message)
            del self._owed[oldest]
        return found

    def seek(self, message: bytes) -> None:
        """The peer asked for a message that may be in the store."""
        if len(self._sought) < self._max_owed:
            self._sought[message] = None

    def reads(self, now: float) -> tuple[bytes, ...]:
        """What to read from the store now; nothing more before `read`."""
        if self._reading or not self._sought or not self._answers.take(now, 0):
            return ()
        ids = tuple(self._sought)[:AT_ONCE]
        for message in ids:
            del self._sought[message]
        self._reading = True
        return ids

    def read(self, sizes: Iterable[int], now: float) -> bool:
        """Messages of these sizes came from the store. False if too early: then they are to be sought."""
        self._reading = False
        return self._answers.take(now, sum(max(size, LEAST) for size in sizes))

    def owe_page(self, ids: tuple[bytes, ...]) -> None:
        """The peer asked what comes before a message: the last question counts."""
        self._page = ids

    def page(self, now: float) -> tuple[bytes, ...] | None:
        """The page that can be sent now."""
        page = self._page
        if page is None or not self._answers.take(now, 32 * len(page)):
            return None
        self._page = None
        return page

    def looks_up(self, now: float) -> bool:
        """Whether what the peer says may lead to one more question to the store, which is then open."""
        if self._lookups == MAX_LOOKUPS or not self._lookup_rate.take(now):
            return False
        self._lookups += 1
        return True

    def looked_up(self) -> None:
        self._lookups -= 1

    def affords(self, size: int, now: float) -> bool:
        """Whether the peer can be sent so many bytes more, which then count."""
        return self._answers.take(now, size)

    def next_timer(self) -> float | None:
        """When more of what is owed can be sent."""
        waits = self._owed or self._page is not None or (self._sought and not self._reading)
        return self._answers.ready() if waits else None

    def tell_later(self, message: bytes) -> None:
        self._untold[message] = None

    def poll_untold(self) -> list[tuple[bytes, ...]]:
        """Ids to tell the peer, each tuple small enough for one message."""
        ids = tuple(self._untold)
        self._untold = {}
        return [ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS)]
