"""The messages that count, in the order that is the same for everybody, as many as memory is given for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from peer.core.chat_message import Place, SignedMessage
from peer.core.chat_restraints import Restraints
from peer.core.chat_view import View
from signaling.chat_header import TEXT


class History:
    """At most `messages` messages and `size` bytes: the last ones in order.

    What was left out stays out, whatever comes later: it depends on what was accepted and never on when.
    """

    def __init__(self, messages: int, size: int, owner: bytes | None = None) -> None:
        self._max_messages = messages
        self._max_size = size
        self._size = 0
        self._by_id: dict[bytes, SignedMessage] = {}
        self._order: list[Place] = []
        self._followers: dict[bytes, int] = {}
        self._floor: Place | None = None
        """The last place that was left out."""
        self._texts: dict[bytes, list[Place]] = {}
        """By author."""
        self._pinned: dict[bytes, SignedMessage] = {}
        self.restraints = Restraints(owner, self.get, self._previous)
        self.view = View(self.restraints)
        """What the messages in memory do to each other."""

    def __contains__(self, message: bytes) -> bool:
        return message in self._by_id or message in self._pinned

    def get(self, message: bytes) -> SignedMessage | None:
        return self._by_id.get(message) or self._pinned.get(message)

    def pin(self, message: SignedMessage) -> None:
        """Keep a measure whatever is left out."""
        self._pinned[message.id] = message
        self.restraints.added(message)

    @property
    def pinned(self) -> list[SignedMessage]:
        """The measures that are kept, in order."""
        return sorted(self._pinned.values(), key=lambda message: message.place)

    @property
    def greatest(self) -> int:
        """The greatest clock; 0 when there is no message."""
        return self._order[-1][0] if self._order else 0

    @property
    def floor(self) -> int:
        """The greatest clock that was left out; 0 while all was kept."""
        return self._floor[0] if self._floor else 0

    @property
    def left_out(self) -> Place | None:
        """The last place that was left out."""
        return self._floor

    def below(self, place: Place) -> bool:
        """Whether a message there is older than all that is kept."""
        return self._floor is not None and place <= self._floor

    def begin_after(self, place: Place) -> None:
        """What stands there or before it is not here."""
        self._floor = place

    def forget(self, place: Place) -> None:
        """Leave out what stands there or before it."""
        while self._order and self._order[0] <= place:
            self._leave_out_oldest()

    def settle(self, place: Place) -> list[SignedMessage]:
        """Leave out what a checkpoint settles. Returns what was left out."""
        gone = [message for message in self if message.place <= place]
        self.forget(place)
        self._floor = place if self._floor is None else max(self._floor, place)
        return gone

    def unpin(self) -> None:
        """Leave out measures that are out by a checkpoint."""
        moderation = self.restraints.moderation
        gone = [] if moderation is None else [id for id in self._pinned if id not in moderation]
        for id in gone:
            message = self._pinned.pop(id)
            if id in self._by_id:
                self._order.remove(message.place)
                self._leave_out(message)

    def add(self, message: SignedMessage) -> bool:
        """Keep an accepted message. False when it is left out at once, being older than all that is kept."""
        if self.below(message.place):
            return False
        self._by_id[message.id] = message
        self.view.add(message)
        insort(self._order, message.place)
        if message.header.kind == TEXT:
            insort(self._texts.setdefault(message.header.author, []), message.place)
        self._size += message.size
        for followed in message.header.follows:
            self._followers[followed] = self._followers.get(followed, 0) + 1
        while len(self._order) > self._max_messages or self._size > self._max_size:
            self._leave_out_oldest()
        return message.id in self._by_id

    def replace(self, message: SignedMessage) -> None:
        """Hold it in place of the same with, or without, its body."""
        self.view.remove(self._by_id[message.id])
        self._by_id[message.id] = message
        self.view.add(message)

    def _leave_out_oldest(self) -> None:
        self._floor = self._order.pop(0)
        self._leave_out(self._by_id[self._floor[2]])

    def _leave_out(self, message: SignedMessage) -> None:
        del self._by_id[message.id]
        self.view.remove(message)
        self.restraints.removed(message)
        if message.header.kind == TEXT:
            texts = self._texts[message.header.author]
            del texts[0]
            if not texts:
                del self._texts[message.header.author]
        self._size -= message.size
        for followed in message.header.follows:
            count = self._followers[followed] - 1
            if count:
                self._followers[followed] = count
            else:
                del self._followers[followed]

    def _previous(self, message: SignedMessage) -> SignedMessage | None:
        """The text of its author that stands just before it."""
        texts = self._texts.get(message.header.author, [])
        at = bisect_left(texts, message.place)
        return self._by_id[texts[at - 1][2]] if at else None

    def next(self, message: SignedMessage) -> SignedMessage | None:
        """The text of its author that stands just behind it."""
        texts = self._texts.get(message.header.author, [])
        at = bisect_right(texts, message.place)
        return self._by_id[texts[at][2]] if at < len(texts) else None

    def heads(self, count: int) -> list[SignedMessage]:
        """The last `count` messages that none here follows, in order."""
        found = []
        for place in reversed(self._order):
            if place[2] not in self._followers:
                found.append(self._by_id[place[2]])
                if len(found) == count:
                    break
        found.reverse()
        return found

    def summary(self, count: int, most: int) -> tuple[bytes, ...]:
        """Ids of the last `count` messages, and before them of those that none follows: `most` in all.

        Whoever has what all of these follow has everything.
        """
        newest = self._order[-count:]
        heads = [head.id for head in self.heads(most) if head.place < newest[0]]
        return (*heads[len(newest) - most :], *[place[2] for place in newest])

    def before(self, place: Place, count: int) -> list[bytes]:
        """Ids of the `count` messages just before `place`, in order."""
        end = bisect_left(self._order, place)
        return [found[2] for found in self._order[max(0, end - count) : end]]

    def back_from(self, place: Place) -> Iterator[SignedMessage]:
        """Those at `place` and before it, the last one first."""
        for at in range(bisect_right(self._order, place) - 1, -1, -1):
            yield self._by_id[self._order[at][2]]

    def among_newest(self, place: Place, count: int) -> bool:
        """Whether `place` is one of the last `count`."""
        return len(self._order) <= count or place >= self._order[-count]

    def __iter__(self) -> Iterator[SignedMessage]:
        return (self._by_id[place[2]] for place in self._order)
