"""Writing one's own messages: no faster than others accept, and never two that are the same."""

from __future__ import annotations

from peer.core.bucket import Bucket
from peer.core.chat_history import History
from peer.core.chat_message import ChatRateError, Draft, draft, next_clock
from signaling.chat_header import MAX_FOLLOWS


class Pen:
    """Writes for the author with public key `key` in the room with that hash."""

    def __init__(self, room: bytes, key: bytes, rate: tuple[float, float]) -> None:
        self._room = room
        self._key = key
        self._rate = rate
        self._bucket: Bucket | None = None
        self._time = 0

    def write(self, kind: int, body: bytes, history: History, wall_ms: int, now: float) -> Draft:
        """A message that follows the last ones. Raises ChatRateError when it is too early."""
        if self._bucket is None:
            self._bucket = Bucket(*self._rate, now)
        if not self._bucket.take(now):
            raise ChatRateError(self._bucket.ready() - now)
        heads = history.heads(MAX_FOLLOWS)
        # The same words twice in a millisecond are still two messages.
        self._time = max(wall_ms, self._time + 1)
        clock = next_clock([head.header.clock for head in heads])
        follows = tuple(head.id for head in heads)
        return draft(self._room, self._key, clock, self._time, follows, body, kind)
