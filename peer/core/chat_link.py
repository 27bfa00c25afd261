"""What one link is told from the log, and how much of it."""

from __future__ import annotations

from peer.core.bucket import Bucket
from peer.core.chat_fetch import MAX_IDS
from peer.core.chat_history import History
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import SignedMessage


class ChatLink:
    """Answers that a peer waits for, and messages of the past that it is still to be told of."""

    def __init__(self, limits: ChatLimits, now: float) -> None:
        self.unasked = Bucket(*limits.link, now)
        """What the peer may send without having been asked."""
        self._answers = Bucket(*limits.answers, now)
        self._max_owed = limits.owed
        self._owed: dict[bytes, None] = {}
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
                if not self._answers.take(now, message.size):
                    break
                found.append(message)
            del self._owed[oldest]
        return found

    def affords(self, size: int, now: float) -> bool:
        """Whether the peer can be sent so many bytes more, which then count."""
        return self._answers.take(now, size)

    def next_timer(self) -> float | None:
        """When more of what is owed can be sent."""
        return self._answers.ready() if self._owed else None

    def tell_later(self, message: bytes) -> None:
        self._untold[message] = None

    def poll_untold(self) -> list[tuple[bytes, ...]]:
        """Ids to tell the peer, each tuple small enough for one message."""
        ids = tuple(self._untold)
        self._untold = {}
        return [ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS)]
