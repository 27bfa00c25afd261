"""A page of the past that one asks for: which peer is asked, and what is still to come of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peer import wire
from peer.core.chat_fetch import QUIET, Fetch
from peer.core.chat_history import History
from peer.core.chat_message import Entry, SignedMessage
from peer.core.chat_telling import Telling
from peer.core.chat_view import visible


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked for: messages before those, or those and what is before them.

    `ids` in order, empty when nobody has any; None when nobody answered. `came` tells how many of them came
    or are in memory: fewer where those who listed them did not send them. `messages` are the texts of those.
    """

    before: tuple[bytes, ...]
    ids: tuple[bytes, ...] | None
    came: int
    messages: tuple[Entry, ...]


class Past:
    """At most one page is open. Peers are asked one after the other, until one has something before it."""

    def __init__(
        self,
        history: History,
        fetch: Fetch,
        telling: Telling,
        claimed: Callable[[bytes, tuple[bytes, ...], float], None],
        done: Callable[[Page], None],
        remembered: int,
    ) -> None:
        self._history = history
        self._fetch = fetch
        self._telling = telling
        self._claimed = claimed
        self._done = done
        self._open = False
        self._before: tuple[bytes, ...] = ()
        self._here: tuple[bytes, ...] = ()
        """Those of them that are not wanted."""
        self._tried: set[bytes] = set()
        """Who was asked about the same: asked again only after all others."""
        self._peer: bytes | None = None
        self._deadline: float | None = None
        self._ids: tuple[bytes, ...] | None = None
        self._listed: frozenset[bytes] = frozenset()
        self._fetching = False
        self._came: dict[bytes, SignedMessage] = {}
        self._acts: dict[bytes, SignedMessage] = {}
        """Of pages that were read: what they were done to may stand in an older one."""
        self._remembered = remembered

    def __contains__(self, message: bytes) -> bool:
        """Whether it belongs to the open page."""
        return message in self._listed

    def begin(self, before: tuple[bytes, ...], missing: bool, now: float) -> bool:
        """Open a page; with `missing` those that are named are wanted, too. False while one is open."""
        if self._open:
            return False
        self._here = () if missing else before
        if before != self._before or self._tried.issuperset(self._telling.links):
            self._tried = set()
        self._before, self._open = before, True
        self._ask(now)
        return True

    def _ask(self, now: float) -> None:
        peer = next((peer for peer in self._telling.links if peer not in self._tried), None)
        self._peer, self._deadline = peer, now + QUIET
        if peer is None:
            self._close()
        else:
            self._tried.add(peer)
            self._telling.send(peer, wire.ChatBefore(self._before))

    def received(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        """`peer` says that it has these, or nothing."""
        if peer != self._peer:
            return
        self._ids = ids = tuple(id for id in ids if id not in self._here)
        if not ids:
            self._ask(now)
            return
        self._peer = self._deadline = None
        self._listed = frozenset(ids)
        for id in ids:
            known = self._history.get(id)
            if known is not None:
                self.came(known)
        unknown = tuple(id for id in ids if id not in self._history)
        store = self._telling.recalls
        if store is None:
            self._look(peer, unknown, now)
        else:
            store.look_up(
                unknown,
                lambda kept, later: self._look(peer, tuple(id for id in unknown if id not in kept), later),
            )

    def _look(self, peer: bytes, missing: tuple[bytes, ...], now: float) -> None:
        self._fetching = True
        self._claimed(peer, missing, now)

    def came(self, message: SignedMessage) -> None:
        """A message of the page is there."""
        self._came[message.id] = message
        if message.act is not None:
            self._acts[message.id] = message
            if len(self._acts) > self._remembered:
                del self._acts[next(iter(self._acts))]

    def shown(self, messages: list[SignedMessage], acts: Iterable[SignedMessage] = ()) -> tuple[Entry, ...]:
        """What is to be shown of messages that memory need not have, after all that is known to be done."""
        known = [act for message in messages for act in self._history.view.on(message.id)]
        return tuple(visible(messages, [*self._acts.values(), *known, *acts], self._history.restraints))

    def link_closed(self, peer: bytes, now: float) -> None:
        if peer == self._peer:
            self._ask(now)

    def handle_timer(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self._ask(now)

    def next_timer(self) -> float | None:
        return self._deadline

    def settle(self, waits: Callable[[bytes], bool]) -> None:
        """Close the page when nothing of it is on its way any more."""
        if self._fetching and not any(id in self._fetch or waits(id) for id in self._listed):
            self._close()

    def _close(self) -> None:
        messages = [self._came[id] for id in self._ids or () if id in self._came]
        page = Page(self._before, self._ids, len(messages), self.shown(messages))
        self._open = self._fetching = False
        self._peer = self._deadline = self._ids = None
        self._listed, self._came = frozenset(), {}
        self._done(page)
