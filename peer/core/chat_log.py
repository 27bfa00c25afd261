"""The chat of a room: which messages count, and what is said to whom (docs/protocol.md section 8).

A message counts when its author signed it and all that it follows counts. Two rules keep that from asking for
the whole past: what lies before the base is not waited for, and what nobody sends is passed over in the end.

Memory holds the last messages. With a store, every accepted message is to be kept there, and it is asked
about what is older than those. Without one, older messages are only shown, page by page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from peer import wire
from peer.core import chat_message
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_beginning import Beginning
from peer.core.chat_fetch import MAX_IDS, Fetch
from peer.core.chat_history import History
from peer.core.chat_limits import ChatCounters, ChatLimits
from peer.core.chat_message import (
    ChatBreachError,
    Draft,
    Entry,
    Place,
    SignedMessage,
    next_clock,
    room_hash,
)
from peer.core.chat_past import Page, Past
from peer.core.chat_pen import Pen
from peer.core.chat_pending import Pending, Waiting
from peer.core.chat_rate import Rates
from peer.core.chat_recall import Keep, Recalls, StoreAction
from peer.core.chat_telling import Telling
from peer.signing import TAG_CHAT
from peer.wire_chat import ChatHeader


@dataclass(frozen=True, slots=True)
class Deliver:
    """A text was accepted: its place among the others is that of its (clock, author key, id)."""

    message: Entry


ChatAction: TypeAlias = Send | Verify | Deliver | Page | Reject | StoreAction


class ChatLog:
    """The log of `room` at the peer with public key `key` (32 bytes); `stored` when there is a store."""

    def __init__(
        self, room: str, key: bytes, limits: ChatLimits | None = None, *, stored: bool = False
    ) -> None:
        self.counters = ChatCounters()
        self.limits = limits or ChatLimits()
        self._room = room_hash(room)
        self._key = key
        self._history = History(self.limits.messages, self.limits.bytes)
        self._pending = Pending(
            self.limits.waiting,
            self.limits.waiting_bytes,
            self.limits.peer_waiting,
            self.limits.peer_waiting_bytes,
        )
        self._fetch = Fetch()
        self._actions: list[ChatAction] = []
        self._store = Recalls(self._actions.append) if stored else None
        self._bottom: Place | None = None
        """The last place that the store has forgotten."""
        self._telling = Telling(self.limits, self._history, self._store, self._actions.append)
        self._links = self._telling.links
        self._past = Past(self._history, self._fetch, self._telling, self._claimed, self._actions.append)
        self._token = 0
        self._pen = Pen(self._room, key, self.limits.own)
        self._authors = Rates(*self.limits.author)
        self._authors_history = Rates(*self.limits.author_history)
        self._refused: dict[bytes, None] = {}
        self._absent: dict[bytes, None] = {}
        self._beginning = Beginning(self.limits.settling, self.limits.waiting)

    # What happens outside

    def link_opened(self, peer: bytes, now: float) -> None:
        """A link to `peer` can carry messages."""
        if peer in self._links:
            self.link_closed(peer, now)
        self._fetch.link_opened(peer, now)
        self._telling.link_opened(peer, now)

    def link_closed(self, peer: bytes, now: float) -> None:
        """That link is gone."""
        self._telling.link_closed(peer)
        self._pending.link_closed(peer)
        self._fetch.link_closed(peer, now)
        self._past.link_closed(peer, now)
        self._settle(now)

    def received(self, peer: bytes, message: wire.OfChat, now: float) -> None:
        """A chat message came over the link to `peer`."""
        if peer not in self._links:
            return
        match message:
            case wire.ChatMessage():
                self._received_message(peer, message, now)
            case _ if len(message.ids) > MAX_IDS:
                self.counters.malformed += 1
                self._breach(peer, f"A message names at most {MAX_IDS} chat messages.")
            case wire.ChatHave(ids):
                self._received_have(peer, ids, now)
            case wire.ChatWant(ids):
                self._telling.wanted(peer, ids, now)
            case wire.ChatBefore(ids):
                self._telling.asked_before(peer, ids, now)
            case _:
                self._past.received(peer, message.ids, now)
        self._settle(now)

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to a `Verify`."""
        waiting = self._pending.by_token(token)
        if waiting is None:
            return
        if not ok:
            self._forged(waiting, now)
        elif waiting.message.id in self._past or self._rates(waiting).take(
            waiting.message.header.author, now
        ):
            self._recall(waiting, now)
        else:
            self.counters.too_fast += 1
            self._refuse(waiting, now)
        self._settle(now)

    def compose(self, text: str, name: str, wall_ms: int, now: float) -> Draft:
        """Write a text, to be signed and then `said`; `wall_ms` is the time that it shows.

        Raises ChatError with a sentence, ChatRateError when it is too early.
        """
        return self._pen.write(text, name, self._history, wall_ms, now)

    def said(self, draft: Draft, signature: bytes, now: float) -> Entry:
        """Send one's own message. Raises ValueError when it was said before, or not composed here."""
        signed = wire.ChatMessage(draft.header, signature, draft.body)
        try:
            message = chat_message.open_message(signed, self._room)
        except ChatBreachError as error:
            raise ValueError(str(error)) from error
        entry = message.entry
        if entry is None or entry.key != self._key or message.id in self._history:
            raise ValueError("This is not a new message of one's own.")
        self._history.add(message)
        if not self._links:
            _remember(self._telling.unsent, message.id, self.limits.remembered)
        self._keep(message, complete=True)
        self._deliver(message)
        self._telling.push(message, ())
        self._settle(now)
        return entry

    # The store and the past

    def restore(
        self, messages: Iterable[wire.ChatMessage], before: Place | None, forgotten: Place | None
    ) -> None:
        """The last messages that were kept, in order, their signatures checked again.

        `before` is the last place that was kept and is not among them, `forgotten` that up to which the store
        has dropped what it had.
        """
        self._bottom = forgotten
        floor = max((place for place in (before, forgotten) if place is not None), default=None)
        if floor is not None:
            self._history.begin_after(floor)
        for signed in messages:
            try:
                message = chat_message.open_message(signed, self._room)
            except ChatBreachError:
                self.counters.malformed += 1
                continue
            if message.id not in self._history and self._fits(message, {}):
                self._history.add(message)

    def forgotten(self, place: Place) -> None:
        """The store has dropped what stood there or before it."""
        self._bottom = place
        self._history.forget(place)

    def recalled(self, token: int, messages: list[wire.ChatMessage], now: float) -> None:
        """The answer to a `Recall`: those that were found."""
        if self._store is not None:
            self._store.recalled(token, messages, now)
        self._settle(now)

    def looked_up(self, token: int, ids: tuple[bytes, ...], now: float) -> None:
        """The answer to a `Lookup` or a `LookupBefore`."""
        if self._store is not None:
            self._store.looked_up(token, ids, now)
        self._settle(now)

    def ask_before(self, ids: tuple[bytes, ...], now: float) -> bool:
        """Ask others what stood before these (at most 8): a `Page` follows. False while one is open."""
        return self._past.begin(ids, False, now)

    def ask_missing(self, ids: tuple[bytes, ...], now: float) -> bool:
        """Ask others for these (at most 8) and what was before: a `Page` follows. False while one is open."""
        return self._past.begin(ids, True, now)

    def handle_timer(self, now: float) -> None:
        """The time of `next_timer` has come."""
        self._fetch.handle_timer(now)
        self._telling.handle_timer(now)
        self._past.handle_timer(now)
        self._settle(now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`."""
        times = [self._fetch.next_timer(), self._telling.next_timer(), self._past.next_timer()]
        return min((time for time in times if time is not None), default=None)

    def poll_actions(self) -> list[ChatAction]:
        """What is to be done now, in order."""
        actions = self._actions.copy()
        self._actions.clear()
        return actions

    def messages(self) -> list[Entry]:
        """The texts in the order that is the same for everybody."""
        return [message.entry for message in self._history if message.entry is not None]

    @property
    def unsent(self) -> int:
        """Messages of one's own that no link has carried yet."""
        return len(self._telling.unsent)

    # Messages that come

    def _received_message(self, peer: bytes, signed: wire.ChatMessage, now: float) -> None:
        try:
            message = chat_message.open_message(signed, self._room)
        except ChatBreachError as error:
            self.counters.malformed += 1
            self._breach(peer, str(error))
            return
        known = self._pending.get(message.id)
        if known is not None:
            known.holders[peer] = None
        if known is not None or message.id in self._history or message.id in self._refused:
            self.counters.duplicates += 1
            return
        asked_for = message.id in self._fetch
        if signed.body is None:
            self.counters.bodiless += 1
            self._fetch.failed(message.id, peer, now)
        elif self._below(message) and message.id not in self._past:
            self.counters.too_old += 1
            self._pass_over(message.id, peer, now)
        elif self._ahead(message, now):
            self.counters.ahead += 1
            self._pass_over(message.id, peer, now)
        elif not asked_for and not self._links[peer].unasked.take(now):
            self.counters.too_fast += 1
        else:
            self._check(message, peer, asked_for, now)

    def _check(self, message: SignedMessage, peer: bytes, asked_for: bool, now: float) -> None:
        waiting = Waiting(message, peer, {peer: None}, asked_for, self._token)
        if not self._pending.add(waiting):
            self.counters.overflow += 1
            return
        self._token += 1
        for holder in self._fetch.arrived(message.id, peer, now):
            waiting.holders[holder] = None
        self._absent.pop(message.id, None)
        header, signature = message.signed.header, message.signed.signature
        self._actions.append(Verify(waiting.token, message.header.author, TAG_CHAT, header, signature))

    def _ahead(self, message: SignedMessage, now: float) -> bool:
        ahead = message.header.clock > self._history.greatest + self.limits.clock_ahead
        return ahead and not self._beginning.lasts(now)

    def _below(self, message: SignedMessage) -> bool:
        """Whether it is older than all that is kept."""
        if self._store is None:
            return self._history.below(message.place)
        return self._bottom is not None and message.place <= self._bottom

    def _rates(self, waiting: Waiting) -> Rates:
        return self._authors_history if waiting.asked_for else self._authors

    def _forged(self, waiting: Waiting, now: float) -> None:
        # The id stays open: somebody else may have the true message, whose header is the same.
        followers = self._pending.awaited(waiting.message.id)
        self._pending.remove(waiting)
        self.counters.forged += 1
        self._breach(waiting.source, "The signature of the chat message is not its author's.")
        for holder in waiting.holders:
            if holder != waiting.source and holder in self._links:
                self._fetch.claimed(waiting.message.id, holder, now)
        for follower in followers:
            self._fetch.need(waiting.message.id, follower.source, now)

    # Its place in the log

    def _recall(self, waiting: Waiting, now: float) -> None:
        """First ask the store for what is not in memory."""
        message, store = waiting.message, self._telling.recalls
        unknown = [followed for followed in message.header.follows if followed not in self._history]
        if self._history.below(message.place):
            unknown.append(message.id)
        if store is None or not unknown:
            self._place(waiting, now)
            return
        store.recall(tuple(unknown), lambda found, later: self._recalled(waiting, found, later))

    def _recalled(self, waiting: Waiting, found: list[wire.ChatMessage], now: float) -> None:
        for kept in found:
            number, header = chat_message.message_id(kept.header), ChatHeader.parse(kept.header)
            if number == waiting.message.id:
                self.counters.duplicates += 1
                self._pending.remove(waiting)
                self._found(number, now)
                return
            waiting.clocks[number] = header.clock
        self._place(waiting, now)

    def _place(self, waiting: Waiting, now: float) -> None:
        missing = self._missing(waiting, now)
        if not missing:
            self._accept(waiting, now)
            return
        self._pending.wait_for(waiting, missing)
        for followed in missing:
            if followed not in self._pending:
                self._fetch.need(followed, waiting.source, now)

    def _missing(self, waiting: Waiting, now: float) -> list[bytes]:
        """The followed messages that it has to wait for."""
        message = waiting.message
        floor = self._history.floor if self._store is None else self._bottom[0] if self._bottom else 0
        if message.header.clock <= max(floor + 1, self._beginning.clock):
            return []
        missing = [
            followed
            for followed in message.header.follows
            if followed not in self._history
            and followed not in waiting.clocks
            and followed not in self._refused
            and followed not in self._absent
        ]
        if message.id in self._past or self._beginning.includes(message.id, now):
            missing = [
                followed for followed in missing if followed in self._pending or followed in self._fetch
            ]
        return missing

    def _accept(self, first: Waiting, now: float) -> None:
        ready = [first]
        for waiting in ready:  # grows while it is walked through
            message = waiting.message
            self._pending.remove(waiting)
            if not self._fits(message, waiting.clocks):
                self.counters.misplaced += 1
                _remember(self._refused, message.id, self.limits.remembered)
            elif self._history.add(message) or message.id in self._past or not self._below(message):
                self._accepted(waiting, now)
            else:
                self.counters.too_old += 1
            ready += self._pending.found(message.id)

    def _fits(self, message: SignedMessage, clocks: dict[bytes, int]) -> bool:
        known = []
        for followed in message.header.follows:
            parent = self._history.get(followed)
            clock = clocks.get(followed) if parent is None else parent.header.clock
            if clock is not None:
                known.append(clock)
        least = next_clock(known)
        # Nobody can tell the clock of what is not there: then it is only bounded, from both sides.
        clock = message.header.clock
        return clock == least if len(known) == len(message.header.follows) else clock >= least

    def _accepted(self, waiting: Waiting, now: float) -> None:
        message = waiting.message
        self.counters.accepted += 1
        for follower in self._pending.awaited(message.id):
            follower.clocks[message.id] = message.header.clock
        complete = all(
            followed in self._history or followed in waiting.clocks for followed in message.header.follows
        )
        self._keep(message, complete)
        if message.id in self._past:  # others ask for pages of their own
            self._past.came(message)
            if message.id in self._history:  # but this is not long ago
                self._telling.tell_later(message.id, waiting.holders, now)
            return
        self._beginning.accepted(message.header.clock, complete, now)
        self._deliver(message)
        if waiting.asked_for:
            # The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
            self._telling.tell_later(message.id, waiting.holders, now)
        else:
            self._telling.push(message, waiting.holders)

    def _keep(self, message: SignedMessage, complete: bool) -> None:
        if self._store is not None and not self._below(message):
            self._actions.append(Keep(message.place, message.signed, complete))

    def _refuse(self, waiting: Waiting, now: float) -> None:
        """Drop a signed message. A pushed one may be asked for later; one that was asked for is out."""
        self._pending.remove(waiting)
        if waiting.asked_for:
            self._pass_over(waiting.message.id, waiting.source, now)
            return
        for follower in self._pending.awaited(waiting.message.id):
            self._fetch.need(waiting.message.id, follower.source, now)

    def _pass_over(self, message: bytes, peer: bytes, now: float) -> None:
        """Nothing is to wait for `message`, which `peer` sent."""
        self._fetch.arrived(message, peer, now)
        _remember(self._refused, message, self.limits.remembered)
        self._found(message, now)

    def _found(self, message: bytes, now: float) -> None:
        for follower in self._pending.found(message):
            self._accept(follower, now)

    # What others have

    def _received_have(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._telling.unsent.pop(message, None)
        unknown = tuple(id for id in ids if id not in self._history and id not in self._refused)
        self._telling.unless_kept(peer, unknown, self._told, now)

    def _told(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._beginning.tell(message, now)
        self._claimed(peer, ids, now)

    def _claimed(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        """`peer` has these, which are missing here."""
        for message in ids:
            waiting = self._pending.get(message)
            if waiting is not None:
                waiting.holders[peer] = None
            elif message not in self._history:  # it may have come while the store was asked
                self._fetch.claimed(message, peer, now)

    def _deliver(self, message: SignedMessage) -> None:
        if message.entry is not None:
            self._actions.append(Deliver(message.entry))

    def _breach(self, peer: bytes, sentence: str) -> None:
        self._actions.append(Reject(peer, wire.PROTOCOL_ERROR, sentence))

    def _settle(self, now: float) -> None:
        """Pass over what nobody has, and send the questions that are left."""
        while given_up := self._fetch.poll_given_up():
            for message in given_up:
                self.counters.absent += 1
                _remember(self._absent, message, self.limits.remembered)
                self._found(message, now)
        for peer, ids in self._fetch.poll_questions():
            self._telling.send(peer, wire.ChatWant(ids))
        self._past.settle(self._pending.__contains__)


def _remember(ids: dict[bytes, None], message: bytes, limit: int) -> None:
    ids[message] = None
    if len(ids) > limit:
        del ids[next(iter(ids))]
