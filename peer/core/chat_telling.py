"""What peers are told of the log: pushed, announced, and answered from memory or from the store."""

from __future__ import annotations

from collections.abc import Callable, Container

from peer import wire
from peer.core.actions import Send
from peer.core.chat_history import History
from peer.core.chat_limits import ChatLimits
from peer.core.chat_link import ChatLink
from peer.core.chat_message import SignedMessage, message_id
from peer.core.chat_recall import Recalls
from peer.core.chat_tree import Tree
from signaling.chat_header import MAX_FOLLOWS


class Telling:
    """The links, and what goes out over them."""

    def __init__(
        self,
        me: bytes,
        limits: ChatLimits,
        history: History,
        store: Recalls | None,
        act: Callable[[Send], None],
        lost: Callable[[bytes, tuple[bytes, ...], float], None],
    ) -> None:
        self.links: dict[bytes, ChatLink] = {}
        self.unsent: dict[bytes, None] = {}
        """Messages of one's own that no link has carried yet."""
        self._limits = limits
        self._history = history
        self._store = store
        self._act = act
        self._announce_at: float | None = None
        self.tree = Tree(me, limits, self.send, lost)

    def link_opened(self, peer: bytes, now: float, company: int) -> None:
        self.links[peer] = ChatLink(self._limits, now)
        self.tree.link_opened(peer, now, company)

    def link_closed(self, peer: bytes, now: float) -> None:
        self.links.pop(peer, None)
        self.tree.link_closed(peer, now)

    def tell_of_lacking(self, peer: bytes, ids: tuple[bytes, ...]) -> None:
        """`peer` lacks these, as a comparison has shown."""
        self.links[peer].compared = frozenset(ids)
        self.send(peer, wire.ChatHave(ids))

    def wait_for_links(self, message: bytes) -> None:
        """One's own message could not be sent to anybody yet."""
        self.unsent[message] = None
        if len(self.unsent) > self._limits.remembered:
            del self.unsent[next(iter(self.unsent))]

    def send(self, peer: bytes, message: wire.Message) -> None:
        self._act(Send(peer, wire.encode(message)))

    def push(self, message: SignedMessage, holders: Container[bytes], now: float) -> None:
        """Send it along the tree, and tell of it everywhere else, but not to those that have it."""
        data = wire.encode(message.signed)
        for peer in self.tree.spread(message.id, holders, now):
            self._act(Send(peer, data))

    def tell_later(self, message: bytes, holders: Container[bytes], now: float) -> None:
        """Announce it to all but those, together with others."""
        for peer, link in self.links.items():
            if peer not in holders:
                link.tell_later(message)
                if self._announce_at is None:
                    self._announce_at = now + self._limits.announce_after

    @property
    def recalls(self) -> Recalls | None:
        """The store, while it has more than memory has."""
        return self._store if self._history.floor else None

    def unless_kept(
        self,
        peer: bytes,
        ids: tuple[bytes, ...],
        then: Callable[[bytes, tuple[bytes, ...], float], None],
        now: float,
    ) -> None:
        """Call `then` with the peer and those that are not in the store, unless it says too much at once."""
        store, link = self.recalls, self.links[peer]
        if store is None or not ids:
            then(peer, ids, now)
        elif link.looks_up(now):

            def looked_up(kept: tuple[bytes, ...], later: float) -> None:
                link.looked_up()
                if self.links.get(peer) is link:
                    then(peer, tuple(id for id in ids if id not in kept), later)

            store.look_up(ids, looked_up)

    # Answers

    def wanted(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        """`peer` asks for these messages."""
        link = self.links[peer]
        found = []
        for wanted in ids:
            message = self._history.get(wanted)
            if message is not None:
                if message.measure is None:
                    found.append(message)
                link.owe(wanted)
            elif self.recalls is not None:
                link.seek(wanted)
        self._answer(peer, link, now)
        if not found or len(ids) > MAX_FOLLOWS or link.compared.issuperset(ids):
            return
        # Who asks for a few old messages is filling a gap: told what came before them, it need not go there
        # step by step.
        oldest = min(message.place for message in found)
        if self._history.among_newest(oldest, self._limits.newest):
            return
        before = self._history.before(oldest, self._limits.newest)
        if before and link.affords(32 * len(before), now):
            self.send(peer, wire.ChatHave(tuple(before)))

    def asked_before(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        """`peer` asks for those up to the last of these; no answer when it asks too much."""
        link, count = self.links[peer], self._limits.newest
        last = max((message.place for id in ids if (message := self._history.get(id))), default=None)
        page = () if last is None else (*self._history.before(last, count - 1), last[2])
        store = self.recalls
        if len(page) == count or store is None:
            link.owe_page(page)
            self._answer(peer, link, now)
        elif link.looks_up(now):
            store.look_before(ids, count, lambda found, later: self._looked_before(peer, link, found, later))

    def _looked_before(self, peer: bytes, link: ChatLink, found: tuple[bytes, ...], now: float) -> None:
        link.looked_up()
        if self.links.get(peer) is link:
            link.owe_page(found)
            self._answer(peer, link, now)

    def _answer(self, peer: bytes, link: ChatLink, now: float) -> None:
        for message in link.answers(self._history, now):
            self._send_message(peer, message.id, message.signed)
        page = link.page(now)
        if page is not None:
            self.send(peer, wire.ChatPage(page))
        ids = link.reads(now)
        if ids and self._store is not None:
            self._store.recall(ids, lambda found, later: self._recalled(peer, link, found, later))

    def _recalled(self, peer: bytes, link: ChatLink, found: list[wire.ChatMessage], now: float) -> None:
        if self.links.get(peer) is not link:
            return
        ids = [message_id(message.header) for message in found]
        sendable = link.read([len(message.header) + len(message.body or b"") for message in found], now)
        for message, signed in zip(ids, found, strict=True):
            if sendable:
                self._send_message(peer, message, signed)
            else:
                link.seek(message)
        self._answer(peer, link, now)

    def _send_message(self, peer: bytes, message: bytes, signed: wire.ChatMessage) -> None:
        self.unsent.pop(message, None)
        self.send(peer, signed)

    # Time

    def handle_timer(self, now: float) -> None:
        self.tree.handle_timer(now)
        for peer, link in self.links.items():
            self._answer(peer, link, now)
        if self._announce_at is not None and now >= self._announce_at:
            self._announce_at = None
            for peer, link in self.links.items():
                for ids in link.poll_untold():
                    self.send(peer, wire.ChatHave(ids))

    def next_timer(self) -> float | None:
        times = [
            self._announce_at,
            self.tree.next_timer(),
            *[link.next_timer() for link in self.links.values()],
        ]
        return min((time for time in times if time is not None), default=None)
