"""The chat of a room: which messages count, and what is said to whom (docs/protocol.md section 8).

A message counts when its author signed it and all that it follows counts. Two rules keep that from asking for
the whole past: what lies before the base is not waited for, and what nobody sends is passed over in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from peer import wire
from peer.core import chat_message
from peer.core.actions import Reject, Send, Verify
from peer.core.bucket import Bucket
from peer.core.chat_beginning import Beginning
from peer.core.chat_fetch import MAX_IDS, Fetch
from peer.core.chat_history import History
from peer.core.chat_limits import ChatCounters, ChatLimits
from peer.core.chat_link import ChatLink
from peer.core.chat_message import (
    MAX_CLOCK,
    ChatBreachError,
    ChatRateError,
    Draft,
    Entry,
    SignedMessage,
    room_hash,
)
from peer.core.chat_pending import Pending, Waiting
from peer.core.chat_rate import Rates
from peer.signing import TAG_CHAT
from peer.wire_chat import MAX_FOLLOWS


@dataclass(frozen=True, slots=True)
class Deliver:
    """A text was accepted: its place among the others is that of its (clock, author key, id)."""

    message: Entry


ChatAction: TypeAlias = Send | Verify | Deliver | Reject


class ChatLog:
    """The log of `room` at the peer with public key `key` (32 bytes)."""

    def __init__(self, room: str, key: bytes, limits: ChatLimits | None = None) -> None:
        self.counters = ChatCounters()
        self._limits = limits or ChatLimits()
        self._room = room_hash(room)
        self._key = key
        self._history = History(self._limits.messages, self._limits.bytes)
        self._pending = Pending(
            self._limits.waiting,
            self._limits.waiting_bytes,
            self._limits.peer_waiting,
            self._limits.peer_waiting_bytes,
        )
        self._fetch = Fetch()
        self._links: dict[bytes, ChatLink] = {}
        self._actions: list[ChatAction] = []
        self._token = 0
        self._own: Bucket | None = None
        self._own_time = 0
        self._unsent: dict[bytes, None] = {}
        self._authors = Rates(*self._limits.author)
        self._authors_history = Rates(*self._limits.author_history)
        self._refused: dict[bytes, None] = {}
        self._absent: dict[bytes, None] = {}
        self._beginning = Beginning(self._limits.settling, self._limits.waiting)
        self._announce_at: float | None = None

    # What happens outside

    def link_opened(self, peer: bytes, now: float) -> None:
        """A link to `peer` can carry messages."""
        if peer in self._links:
            self.link_closed(peer, now)
        self._links[peer] = ChatLink(self._limits, now)
        self._fetch.link_opened(peer, now)
        self._send(peer, wire.ChatHave(tuple(self._history.newest(self._limits.newest))))

    def link_closed(self, peer: bytes, now: float) -> None:
        """That link is gone."""
        self._links.pop(peer, None)
        self._fetch.link_closed(peer, now)
        self._settle(now)

    def received(
        self, peer: bytes, message: wire.ChatMessage | wire.ChatHave | wire.ChatWant, now: float
    ) -> None:
        """A chat message came over the link to `peer`."""
        link = self._links.get(peer)
        if link is None:
            return
        if isinstance(message, wire.ChatMessage):
            self._received_message(peer, link, message, now)
        elif len(message.ids) > MAX_IDS:
            self.counters.malformed += 1
            self._breach(peer, f"A message names at most {MAX_IDS} chat messages.")
        elif isinstance(message, wire.ChatHave):
            self._received_have(peer, message.ids, now)
        else:
            self._received_want(peer, link, message.ids, now)
        self._settle(now)

    def verified(self, token: int, ok: bool, now: float) -> None:
        """The answer to a `Verify`."""
        waiting = self._pending.by_token(token)
        if waiting is None:
            return
        if not ok:
            self._forged(waiting, now)
        elif self._rates(waiting).take(waiting.message.header.author, now):
            self._place(waiting, now)
        else:
            self.counters.too_fast += 1
            self._refuse(waiting, now)
        self._settle(now)

    def compose(self, text: str, name: str, wall_ms: int, now: float) -> Draft:
        """Write a text, to be signed and then `said`; `wall_ms` is the time that it shows.

        Raises ChatError with a sentence, ChatRateError when it is too early.
        """
        body = chat_message.write_text(name, text)
        if self._own is None:
            self._own = Bucket(*self._limits.own, now)
        if not self._own.take(now):
            raise ChatRateError(self._own.ready() - now)
        heads = self._history.heads(MAX_FOLLOWS)
        # The same words twice in a millisecond are still two messages.
        self._own_time = max(wall_ms, self._own_time + 1)
        follows = tuple(head.id for head in heads)
        return chat_message.draft(self._room, self._key, _next_clock(heads), self._own_time, follows, body)

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
            _remember(self._unsent, message.id, self._limits.remembered)
        self._deliver(message)
        self._push(message, {})
        self._settle(now)
        return entry

    def handle_timer(self, now: float) -> None:
        """The time of `next_timer` has come."""
        self._fetch.handle_timer(now)
        for peer, link in self._links.items():
            self._answer(peer, link, now)
        if self._announce_at is not None and now >= self._announce_at:
            self._announce()
        self._settle(now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`."""
        times = [self._fetch.next_timer(), self._announce_at]
        times += [link.next_timer() for link in self._links.values()]
        return min((time for time in times if time is not None), default=None)

    def poll_actions(self) -> list[ChatAction]:
        """What is to be done now, in order."""
        actions, self._actions = self._actions, []
        return actions

    def messages(self) -> list[Entry]:
        """The texts in the order that is the same for everybody."""
        return [message.entry for message in self._history if message.entry is not None]

    @property
    def unsent(self) -> int:
        """Messages of one's own that no link has carried yet."""
        return len(self._unsent)

    # Messages that come

    def _received_message(self, peer: bytes, link: ChatLink, signed: wire.ChatMessage, now: float) -> None:
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
        elif self._history.below(message.place):
            self.counters.too_old += 1
            self._pass_over(message.id, peer, now)
        elif self._ahead(message, now):
            self.counters.ahead += 1
            self._pass_over(message.id, peer, now)
        elif not asked_for and not link.unasked.take(now):
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
        ahead = message.header.clock > self._history.greatest + self._limits.clock_ahead
        return ahead and not self._beginning.lasts(now)

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

    def _place(self, waiting: Waiting, now: float) -> None:
        missing = self._missing(waiting.message, now)
        if not missing:
            self._accept(waiting, now)
            return
        self._pending.wait_for(waiting, missing)
        for followed in missing:
            if followed not in self._pending:
                self._fetch.need(followed, waiting.source, now)

    def _missing(self, message: SignedMessage, now: float) -> list[bytes]:
        """The followed messages that it has to wait for."""
        if message.header.clock <= max(self._history.floor + 1, self._beginning.clock):
            return []
        missing = [
            followed
            for followed in message.header.follows
            if followed not in self._history
            and followed not in self._refused
            and followed not in self._absent
        ]
        if self._beginning.includes(message.id, now):
            missing = [
                followed for followed in missing if followed in self._pending or followed in self._fetch
            ]
        return missing

    def _accept(self, first: Waiting, now: float) -> None:
        ready = [first]
        for waiting in ready:  # grows while it is walked through
            message = waiting.message
            self._pending.remove(waiting)
            if not self._fits(message):
                self.counters.misplaced += 1
                _remember(self._refused, message.id, self._limits.remembered)
            elif self._history.add(message):
                self._accepted(waiting, now)
            else:
                self.counters.too_old += 1
            ready += self._pending.found(message.id)

    def _fits(self, message: SignedMessage) -> bool:
        followed = [self._history.get(followed) for followed in message.header.follows]
        known = [parent for parent in followed if parent is not None]
        clock = message.header.clock
        # Nobody can tell the clock of what is not there: then it is only bounded, from both sides.
        return clock == _next_clock(known) if len(known) == len(followed) else clock >= _next_clock(known)

    def _accepted(self, waiting: Waiting, now: float) -> None:
        message = waiting.message
        self.counters.accepted += 1
        complete = all(followed in self._history for followed in message.header.follows)
        self._beginning.accepted(message.header.clock, complete, now)
        self._deliver(message)
        if not waiting.asked_for:
            self._push(message, waiting.holders)
            return
        # The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
        for peer, link in self._links.items():
            if peer not in waiting.holders:
                link.tell_later(message.id)
                if self._announce_at is None:
                    self._announce_at = now + self._limits.announce_after

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
        _remember(self._refused, message, self._limits.remembered)
        self._found(message, now)

    def _found(self, message: bytes, now: float) -> None:
        for follower in self._pending.found(message):
            self._accept(follower, now)

    # Telling and asking

    def _received_have(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._unsent.pop(message, None)
            if message in self._history or message in self._refused:
                continue
            self._beginning.tell(message, now)
            waiting = self._pending.get(message)
            if waiting is not None:
                waiting.holders[peer] = None
            else:
                self._fetch.claimed(message, peer, now)

    def _received_want(self, peer: bytes, link: ChatLink, ids: tuple[bytes, ...], now: float) -> None:
        found = [message for wanted in ids if (message := self._history.get(wanted)) is not None]
        for message in found:
            link.owe(message.id)
        self._answer(peer, link, now)
        if not found or len(ids) > MAX_FOLLOWS:
            return
        # Who asks for a few old messages is filling a gap: told what came before them, it need not go there
        # step by step.
        oldest = min(message.place for message in found)
        if self._history.among_newest(oldest, self._limits.newest):
            return
        before = self._history.before(oldest, self._limits.newest)
        if before and link.affords(32 * len(before), now):
            self._send(peer, wire.ChatHave(tuple(before)))

    def _answer(self, peer: bytes, link: ChatLink, now: float) -> None:
        for message in link.answers(self._history, now):
            self._unsent.pop(message.id, None)
            self._send(peer, message.signed)

    def _announce(self) -> None:
        self._announce_at = None
        for peer, link in self._links.items():
            for ids in link.poll_untold():
                self._send(peer, wire.ChatHave(ids))

    def _push(self, message: SignedMessage, holders: dict[bytes, None]) -> None:
        data = wire.encode(message.signed)
        self._actions += [Send(peer, data) for peer in self._links if peer not in holders]

    def _deliver(self, message: SignedMessage) -> None:
        if message.entry is not None:
            self._actions.append(Deliver(message.entry))

    def _breach(self, peer: bytes, sentence: str) -> None:
        self._actions.append(Reject(peer, wire.PROTOCOL_ERROR, sentence))

    def _send(self, peer: bytes, message: wire.Message) -> None:
        self._actions.append(Send(peer, wire.encode(message)))

    def _settle(self, now: float) -> None:
        """Pass over what nobody has, and send the questions that are left."""
        while given_up := self._fetch.poll_given_up():
            for message in given_up:
                self.counters.absent += 1
                _remember(self._absent, message, self._limits.remembered)
                self._found(message, now)
        for peer, ids in self._fetch.poll_questions():
            self._send(peer, wire.ChatWant(ids))


def _next_clock(followed: list[SignedMessage]) -> int:
    greatest = max((message.header.clock for message in followed), default=0)
    return min(greatest + 1, MAX_CLOCK)


def _remember(ids: dict[bytes, None], message: bytes, limit: int) -> None:
    ids[message] = None
    if len(ids) > limit:
        del ids[next(iter(ids))]
