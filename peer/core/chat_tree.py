"""The tree of links along which new messages are pushed, and what mends it (Plumtree).

A message that comes a second time takes the link that brought it out of the tree: over such a link only the
ids of what is new are told. When something that was told of does not come along the tree in time, the teller
is asked for it, and its link is a branch again: so the tree goes around losses and ends, and around detours
that are longer than the patience with them. In a small room a few links more than one may bring the same: it
comes by the shortest way then, and a lost packet delays nothing. In a crowd the branches are the way to the
root and those who hang below (`peer.core.chat_root`): what is late is asked for, and that makes no branch.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from peer import wire
from peer.core.bucket import Bucket
from peer.core.chat_fetch import MAX_IDS
from peer.core.chat_limits import ChatLimits
from peer.core.chat_root import Root

OWN = b""
"""Stands for oneself where a message came first."""


@dataclass(slots=True)
class _Link:
    rate: Bucket
    """What the peer may tell of."""
    branch: bool
    news: dict[bytes, None] = field(default_factory=dict)
    """What it is to be told of."""
    child: bool = False
    """The peer has asked for being pushed what is new."""


@dataclass(slots=True)
class _Awaited:
    """A new message that was told of, and is not here."""

    due: float
    """When the next teller is asked."""
    tellers: dict[bytes, None]
    """Who has not been asked yet, in the order of their telling."""
    told: dict[bytes, None]
    """All of them."""
    asked: bytes = OWN


class Tree:
    """`send` sends a message over a link. What no teller has sent in time is handed to `lost`."""

    def __init__(
        self,
        me: bytes,
        limits: ChatLimits,
        send: Callable[[bytes, wire.Message], None],
        lost: Callable[[bytes, tuple[bytes, ...], float], None],
    ) -> None:
        self._limits = limits
        self._send = send
        self._lost = lost
        self._links: dict[bytes, _Link] = {}
        self._awaited: dict[bytes, _Awaited] = {}
        self._first: dict[bytes, bytes] = {}
        """Who brought each of the last new messages."""
        self._feeders: dict[bytes, None] = {}
        """Who brings what is new, the one last that did so last."""
        self._most = limits.feeders
        self._news_at: float | None = None
        self._asked: dict[bytes, bytes] = {}
        """Who was asked last for each of the last messages that did not come along the tree in time."""
        self._root = Root(me, limits, send)
        self._parent: bytes | None = None
        """In a crowd: who was told so. What is new goes up to it as well as down to the children."""
        self._idle = 0
        """Messages in a row that came because they were asked for."""

    def __contains__(self, message: bytes) -> bool:
        """Whether it was told of as new, and is still to come."""
        return message in self._awaited

    def link_opened(self, peer: bytes, now: float, company: int) -> None:
        """`company`: how many are in the room."""
        crowded = company >= self._limits.crowd
        self._most = 1 if crowded else self._limits.feeders
        # In a crowd, who comes asks for what it is told of once, and is a branch of one link, not of all.
        self._links[peer] = _Link(
            Bucket(*self._limits.link, now), not (crowded and (self._feeders or self._root.known))
        )
        self._root.link_opened(peer, now, crowded)
        self._follow_root()

    def link_closed(self, peer: bytes, now: float) -> None:
        self._links.pop(peer, None)
        self._feeders.pop(peer, None)
        for awaited in self._awaited.values():
            if awaited.asked == peer:
                awaited.due = now
        self._root.link_closed(peer, now)
        self._follow_root()

    def rooted(self, peer: bytes, message: wire.ChatRoot, now: float) -> None:
        """`peer` says how far the root is."""
        self._root.heard(peer, message, now)
        self._follow_root()

    def _follow_root(self) -> None:
        """Be the child of who leads to the root, and no branch of others."""
        before, self._parent = self._parent, self._root.parent
        if before == self._parent:
            return
        self._idle = 0
        if self._parent is not None:
            self._climb(self._parent)
        if not self._root.known:
            return
        for peer, link in self._links.items():
            if link.branch and not link.child and peer != self._parent:
                link.branch = False
                self._send(peer, wire.ChatPrune(()))

    def _climb(self, parent: bytes) -> None:
        self._links[parent].branch = True
        self._send(parent, wire.ChatGraft(()))

    # What comes

    def came(self, message: bytes, peer: bytes, now: float) -> tuple[bytes, ...]:
        """A new message came first from `peer`, or is OWN. Returns who told of it."""
        self._first.pop(message, None)
        self._first[message] = peer
        if len(self._first) > self._limits.remembered:
            del self._first[next(iter(self._first))]
        awaited = self._awaited.pop(message, None)
        if peer != OWN:
            self._came_over(peer, awaited is not None and awaited.asked == peer, now)
        return () if awaited is None else tuple(awaited.told)

    def _came_over(self, peer: bytes, asked: bool, now: float) -> None:
        """Something new came first over that link; `asked`: because it was asked for."""
        if not self._root.known:
            self._links[peer].branch = True
            self._feeds(peer)
        elif not asked:
            self._idle = 0
        else:
            self._idle += 1
            if self._idle >= self._limits.idle:
                self._idle = 0
                self._root.failed(now)
                self._follow_root()

    def _feeds(self, peer: bytes) -> None:
        """It brings what is new: those that did so last are kept in the tree."""
        self._feeders.pop(peer, None)
        self._feeders[peer] = None
        while len(self._feeders) > self._most:
            del self._feeders[next(iter(self._feeders))]

    def came_again(self, message: bytes, peer: bytes) -> None:
        """`peer` sent what was here before."""
        first, link = self._first.get(message), self._links[peer]
        link.news.pop(message, None)
        if first is None or first == peer:
            return  # of the past, or its own
        if self._root.known:
            if not link.child and peer != self._parent and self._asked.get(message) != peer:
                link.branch = False
                self._send(peer, wire.ChatPrune((message,)))
            return  # one that is in the tree: waves take it out if it is wrong there
        before = self._links.get(first)
        if first != OWN and (before is None or not before.branch):
            self._first[message] = peer  # who brought it first brings no more: this one does
            link.branch = True
            return
        if peer in self._feeders or len(self._feeders) < self._most:
            self._feeds(peer)
            return
        link.branch = False
        self._send(peer, wire.ChatPrune((message,)))

    def told(self, message: bytes, peer: bytes, now: float) -> None:
        """`peer` has a new message that is not here."""
        awaited = self._awaited.get(message)
        if awaited is not None:
            if peer not in awaited.told:
                awaited.tellers[peer] = awaited.told[peer] = None
        elif len(self._awaited) < self._limits.waiting:
            due = now + self._limits.graft_after
            self._awaited[message] = _Awaited(due, {peer: None}, {peer: None})

    def may_tell(self, peer: bytes, now: float) -> bool:
        """Whether one more message that `peer` tells of is taken notice of."""
        return self._links[peer].rate.take(now)

    def knows(self, message: bytes, peer: bytes) -> None:
        """`peer` need not be told of it."""
        self._links[peer].news.pop(message, None)

    def grafted(self, peer: bytes) -> None:
        """`peer` wants to be pushed what is new."""
        self._links[peer].branch = self._links[peer].child = True

    def pruned(self, peer: bytes) -> None:
        """`peer` gets what is new from others."""
        self._feeders.pop(peer, None)
        self._links[peer].branch = self._links[peer].child = False
        if peer == self._parent:
            self._climb(peer)

    # What goes out

    def spread(self, message: bytes, holders: Container[bytes], now: float) -> list[bytes]:
        """The links over which to push it; the other ones are told of it."""
        lacking = [peer for peer in self._links if peer not in holders]
        branches = [peer for peer in lacking if self._links[peer].branch]
        if not branches and lacking and self._first.get(message) == OWN:
            branches = lacking[:1]  # who says something may be gone before anybody asks for it
        for peer in lacking:
            if peer not in branches:
                self._links[peer].news[message] = None
                if self._news_at is None:
                    self._news_at = now + self._limits.news_after
        return branches

    # Time

    def handle_timer(self, now: float) -> None:
        if self._news_at is not None and now >= self._news_at:
            self._news_at = None
            for peer, link in self._links.items():
                for ids in _in_messages(list(link.news)):
                    self._send(peer, wire.ChatNews(ids))
                link.news = {}
        self._root.handle_timer(now)
        self._follow_root()
        questions: dict[bytes, list[bytes]] = {}
        for message, awaited in list(self._awaited.items()):
            if now >= awaited.due:
                self._ask(message, awaited, questions, now)
        for peer, wanted in questions.items():
            if not self._root.known:
                self._links[peer].branch = True
            for ids in _in_messages(wanted):
                self._send(peer, wire.ChatWant(ids) if self._root.known else wire.ChatGraft(ids))

    def _ask(
        self, message: bytes, awaited: _Awaited, questions: dict[bytes, list[bytes]], now: float
    ) -> None:
        for peer in list(awaited.tellers):
            del awaited.tellers[peer]
            if peer in self._links:
                awaited.asked, awaited.due = peer, now + self._limits.graft_again
                self._asked[message] = peer
                if len(self._asked) > self._limits.remembered:
                    del self._asked[next(iter(self._asked))]
                questions.setdefault(peer, []).append(message)
                return
        del self._awaited[message]
        self._lost(message, tuple(awaited.told), now)

    def next_timer(self) -> float | None:
        times = [awaited.due for awaited in self._awaited.values()]
        if self._news_at is not None:
            times.append(self._news_at)
        root = self._root.next_timer()
        if root is not None:
            times.append(root)
        return min(times, default=None)


def _in_messages(ids: list[bytes]) -> list[tuple[bytes, ...]]:
    """Ids in tuples, each small enough for one message."""
    return [tuple(ids[start : start + MAX_IDS]) for start in range(0, len(ids), MAX_IDS)]
