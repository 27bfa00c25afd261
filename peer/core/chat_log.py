"""The chat of a room: which messages count, and what is said to whom (docs/protocol.md section 8).

A message counts when its author signed it and all that it follows counts. Two rules keep that from asking for
the whole past: what lies before the base is not waited for, and what nobody sends is passed over in the end.

Memory holds the last messages. With a store, every accepted message is to be kept there, and it is asked
about what is older than those. Without one, older messages are only shown, page by page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from peer import wire
from peer.core import chat_message
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_acts import Act
from peer.core.chat_comparing import Comparing
from peer.core.chat_fetch import MAX_IDS, Fetch
from peer.core.chat_history import History
from peer.core.chat_limits import ChatCounters, ChatLimits
from peer.core.chat_message import (
    ChatBreachError,
    Draft,
    Entry,
    Place,
    SignedMessage,
    room_hash,
)
from peer.core.chat_past import Page, Past
from peer.core.chat_pen import Pen
from peer.core.chat_pending import Pending, Waiting
from peer.core.chat_places import Places
from peer.core.chat_placing import Deliver, Placing, Revise, Ruled
from peer.core.chat_rate import Rates
from peer.core.chat_recall import Recalls, StoreAction
from peer.core.chat_telling import Telling
from peer.core.chat_tree import OWN
from peer.core.shared_file import SharedFile
from peer.signing import TAG_CHAT
from signaling.binary import peer_id
from signaling.checkpoint import CHECKPOINT
from signaling.measures import MEASURE, Measure
from signaling.moderation import Moderation

ChatAction: TypeAlias = Send | Verify | Deliver | Revise | Ruled | Page | Reject | StoreAction


class ChatLog:
    """The log of `room` at the peer with public key `key` (32 bytes); `stored` when there is a store.

    Where the key of the room's `owner` is known, the measures of the owner and of moderators are in force.
    """

    def __init__(
        self,
        room: str,
        key: bytes,
        limits: ChatLimits | None = None,
        *,
        stored: bool = False,
        owner: bytes | None = None,
    ) -> None:
        self.counters = ChatCounters()
        self.limits = limits or ChatLimits()
        self._room = room_hash(room)
        self._key = key
        self._history = History(self.limits.messages, self.limits.bytes, owner)
        self._restraints = self._history.restraints
        self._pending = Pending(
            self.limits.waiting,
            self.limits.waiting_bytes,
            self.limits.peer_waiting,
            self.limits.peer_waiting_bytes,
        )
        self._fetch = Fetch()
        self._actions: list[ChatAction] = []
        self._store = Recalls(self._actions.append) if stored else None
        self._telling = Telling(
            peer_id(key), self.limits, self._history, self._store, self._actions.append, self._lost_on_the_way
        )
        self._links = self._telling.links
        self._tree = self._telling.tree
        self._past = Past(
            self._history,
            self._fetch,
            self._telling,
            self._claimed,
            self._actions.append,
            self.limits.remembered,
        )
        self._places = Places(self.limits.compared)
        self._token = 0
        self._bare: dict[bytes, tuple[SignedMessage, bytes]] = {}
        """Messages that came without a body, and who sent them: taken as they are if nobody has it."""
        self._pen = Pen(self._room, key, self.limits.own, self._history)
        self._authors = Rates(*self.limits.author)
        self._authors_history = Rates(*self.limits.author_history)
        self._banned = Rates(*self.limits.banned)
        self._placing = Placing(
            self.limits,
            self.counters,
            self._history,
            self._pending,
            self._fetch,
            self._telling,
            self._past,
            self._places,
            stored,
            self._actions.append,
        )
        self._comparing = Comparing(
            self.limits, self._history, self._places, self._placing.beginning, self._telling
        )

    # What happens outside

    def link_opened(self, peer: bytes, now: float, company: int = 1) -> None:
        """A link to `peer` can carry messages; `company`: how many are in the room."""
        if peer in self._links:
            self.link_closed(peer, now)
        self._fetch.link_opened(peer, now)
        self._telling.link_opened(peer, now, company)
        self._comparing.link_opened(peer, now)

    def link_closed(self, peer: bytes, now: float) -> None:
        """That link is gone."""
        self._telling.link_closed(peer, now)
        self._comparing.link_closed(peer)
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
            case wire.ChatCompare() | wire.ChatRanges():
                self._received_comparison(peer, message, now)
            case wire.ChatRoot():
                self._tree.rooted(peer, message, now)
            case _ if len(message.ids) > MAX_IDS:
                self.counters.malformed += 1
                self._breach(peer, f"A message names at most {MAX_IDS} chat messages.")
            case wire.ChatHave(ids):
                self._received_have(peer, ids, now)
            case wire.ChatWant(ids):
                self._telling.wanted(peer, ids, now)
            case wire.ChatNews(ids):
                self._received_news(peer, ids, now)
            case wire.ChatGraft(ids):
                self._tree.grafted(peer)
                self._telling.wanted(peer, ids, now)
            case wire.ChatPrune():
                self._tree.pruned(peer)
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
            self._placing.place(waiting, now)
        else:
            self.counters.too_fast += 1
            self._refuse(waiting, now)
        self._settle(now)

    def compose(
        self,
        text: str,
        name: str,
        wall_ms: int,
        now: float,
        reply: bytes | None = None,
        file: SharedFile | None = None,
    ) -> Draft:
        """Write a text, to be signed and then `said`; `wall_ms` is the time that it shows.

        `reply` is the id of the message that it answers, `file` what it tells of. Raises ChatError with a
        sentence, ChatRateError when it is too early.
        """
        return self._pen.text(text, name, reply, wall_ms, now, file)

    def compose_act(self, act: Act, wall_ms: int, now: float) -> Draft:
        """Write what one does to a message, to be signed and then `done`. Raises as `compose` does."""
        return self._pen.act(act, wall_ms, now)

    def compose_measure(self, measure: Measure, wall_ms: int, now: float) -> Draft:
        """Write what one does in the room, to be signed and then `done`. Raises as `compose` does.

        What the measure comes after, and the last messages of its subject that count, are filled in.
        """
        return self._pen.measure(measure, wall_ms, now)

    def compose_checkpoint(self, keep: int, wall_ms: int, now: float) -> Draft:
        """Write a checkpoint, to be signed and then `done`: all but the last `keep` messages are settled.

        Raises as `compose` does. Nobody keeps what is settled; what is in force there stays in force.
        """
        return self._pen.checkpoint(keep, wall_ms, now)

    @property
    def moderation(self) -> Moderation | None:
        """The measures of the room; None where nobody knows who owns it."""
        return self._restraints.moderation

    def measure(self, id: bytes) -> wire.ChatMessage | None:
        """The message of a measure that was taken."""
        known = self._history.get(id)
        return None if known is None else known.signed

    def said(self, draft: Draft, signature: bytes, now: float) -> Entry:
        """Send one's own text. Raises ValueError when it was said before, or not composed here."""
        message = self._own(draft, signature)
        if message.entry is None:
            raise ValueError("This is no text.")
        self._pen.said = message.header.time
        self._send(message, now)
        return message.entry

    def done(self, draft: Draft, signature: bytes, now: float) -> None:
        """Send an act of one's own. Raises ValueError when it was sent before, or not composed here."""
        self._send(self._own(draft, signature), now)

    def _own(self, draft: Draft, signature: bytes) -> SignedMessage:
        signed = wire.ChatMessage(draft.header, signature, draft.body)
        try:
            message = chat_message.open_message(signed, self._room)
        except ChatBreachError as error:
            raise ValueError(str(error)) from error
        if message.header.author != self._key or message.id in self._history:
            raise ValueError("This is not a new message of one's own.")
        return message

    def _send(self, message: SignedMessage, now: float) -> None:
        if self._restraints.is_measure(message):
            self._placing.rule(message, live=True)
        self._placing.add(message)
        if not self._links:
            self._telling.wait_for_links(message.id)
        self._placing.keep(message, complete=True)
        self._placing.deliver(message)
        self._placing.settled(message, None, now)
        self._tree.came(message.id, OWN, now)
        self._telling.push(message, (), now)
        self._settle(now)

    # The store and the past

    def restore(
        self,
        messages: Iterable[wire.ChatMessage],
        before: Place | None,
        forgotten: Place | None,
        measures: Iterable[wire.ChatMessage] = (),
        places: Iterable[Place] = (),
    ) -> None:
        """The last messages that were kept, in order, their signatures checked again.

        `before` is the last place that was kept and is not among them, `forgotten` that up to which the store
        has dropped what it had. `measures` are those that were kept, `places` those of all other messages.
        """
        self._places.restore(places)
        if forgotten is not None:
            self._places.forget(forgotten)
        self._placing.beginning.resumes = len(self._places) > 0
        opened = [chat_message.open_message(message, self._room) for message in measures]
        # By what a checkpoint says it is judged what comes after measures that nobody keeps.
        for message in sorted(opened, key=lambda message: (message.header.kind != CHECKPOINT, message.place)):
            if self._restraints.settled is not None and self._restraints.unknown(message):
                continue  # it was out when the checkpoint was taken
            if self._restraints.take(message) is None and message.measure is not None:
                self._history.pin(message)
        self._placing.bottom = forgotten
        self._history.unpin()
        self._placing.settle()
        settled = self._restraints.settled
        floor = max((place for place in (before, forgotten, settled) if place is not None), default=None)
        if floor is not None:
            self._history.begin_after(floor)
        for signed in messages:
            try:
                message = chat_message.open_message(signed, self._room)
            except ChatBreachError:
                self.counters.malformed += 1
                continue
            if message.id not in self._history and self._placing.fits(message, {}):
                message = self._placing.obeying(message)
                self._history.add(message)
                self._restraints.added(message)
                self._placing.erase(message)
        self._placing.restored()

    def forgotten(self, place: Place) -> None:
        """The store has dropped what stood there or before it."""
        # A checkpoint may have settled more while the store was at it.
        self._placing.bottom = max(place, self._placing.bottom or place)
        self._history.forget(place)
        self._places.forget(place)

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
        self._comparing.handle_timer(now)
        self._settle(now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`."""
        parts = (self._fetch, self._telling, self._past, self._comparing)
        times = [part.next_timer() for part in parts]
        return min((time for time in times if time is not None), default=None)

    def poll_actions(self) -> list[ChatAction]:
        """What is to be done now, in order."""
        actions = self._actions.copy()
        self._actions.clear()
        return actions

    def messages(self) -> list[Entry]:
        """The texts in the order that is the same for everybody."""
        entries = [self._history.view.entry(message) for message in self._history]
        return [entry for entry in entries if entry is not None]

    def before(self, id: bytes, count: int) -> list[Entry]:
        """The last `count` texts in memory before that message, in order, down to where something is missing.

        What a page left out, because a link ended meanwhile, is not here, and what is older than that may be.
        """
        known = self._history.get(id)
        found: list[Entry] = []
        for message in () if known is None else self._history.back_from(known.place):
            entry = self._history.view.entry(message)
            if entry is not None and message.id != id:
                found.append(entry)
            if len(found) == count or self._lacking(message):
                break
        return found[::-1]

    def lacking(self, id: bytes) -> tuple[bytes, ...]:
        """What that message follows and what is not in memory; nothing when it is not there itself."""
        known = self._history.get(id)
        return () if known is None else self._lacking(known)

    def _lacking(self, message: SignedMessage) -> tuple[bytes, ...]:
        return tuple(followed for followed in message.header.follows if followed not in self._history)

    def shown(
        self, messages: Iterable[wire.ChatMessage], acts: Iterable[wire.ChatMessage] = ()
    ) -> tuple[Entry, ...]:
        """What is to be shown of messages from the store, where `acts` there were done to them."""
        opened = [chat_message.open_message(message, self._room) for message in messages]
        done = [chat_message.open_message(message, self._room) for message in acts]
        return self._past.shown(opened, done)

    def authors(self) -> dict[bytes, str]:
        """How the authors of texts in memory were called last, by key: of those, too, that are not shown."""
        entries = (message.entry for message in self._history)
        return {entry.key: entry.name for entry in entries if entry is not None}

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
        if known is None and self._placing.lacks_body(message.id):
            self._came_again(message, peer, now)
            return
        if known is not None or message.id in self._history or self._placing.knows(message.id):
            self.counters.duplicates += 1
            self._tree.came_again(message.id, peer)
            return
        asked_for = message.id in self._fetch and message.id not in self._tree
        if message.is_bare and not self._history.view.is_deleted(message):
            self.counters.bodiless += 1
            self._came_bare(message, peer, now)
        elif self._restraints.settles(message) or (
            self._placing.below(message) and message.id not in self._past
        ):
            self.counters.too_old += 1
            self._pass_over(message, peer, now)
        elif self._ahead(message, now):
            self.counters.ahead += 1
            self._pass_over(message, peer, now)
        elif not asked_for and not self._links[peer].unasked.take(now):
            self.counters.too_fast += 1
        else:
            self._check(message, peer, asked_for, now)

    def _came_again(self, message: SignedMessage, peer: bytes, now: float) -> None:
        """It is here without its body."""
        if message.is_bare:
            self._fetch.failed(message.id, peer, now)
        else:
            self._fetch.arrived(message.id, peer, now)
            self._placing.fill(message)

    def _came_bare(self, message: SignedMessage, peer: bytes, now: float) -> None:
        """Its author may have taken the body back, or `peer` keeps it from us: others are asked."""
        if message.id not in self._fetch:
            return
        self._bare[message.id] = (message, peer)
        if len(self._bare) > self.limits.remembered:
            del self._bare[next(iter(self._bare))]
        self._fetch.failed(message.id, peer, now)

    def _check(self, message: SignedMessage, peer: bytes, asked_for: bool, now: float) -> None:
        waiting = Waiting(message, peer, {peer: None}, asked_for, self._token)
        if not self._pending.add(waiting):
            self.counters.overflow += 1
            return
        self._token += 1
        holders = self._fetch.arrived(message.id, peer, now)
        if not asked_for:
            holders += self._tree.came(message.id, peer, now)
        waiting.holders |= dict.fromkeys(holders)
        self._placing.came(message.id)
        header, signature = message.signed.header, message.signed.signature
        self._actions.append(Verify(waiting.token, message.header.author, TAG_CHAT, header, signature))

    def _ahead(self, message: SignedMessage, now: float) -> bool:
        ahead = message.header.clock > self._history.greatest + self.limits.clock_ahead
        return ahead and not self._placing.beginning.lasts(now)

    def _rates(self, waiting: Waiting) -> Rates:
        if self._restraints.is_banned(waiting.message.header.author):
            return self._banned
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

    def _refuse(self, waiting: Waiting, now: float) -> None:
        """Drop a signed message. A pushed one may be asked for later; one that was asked for is out."""
        self._pending.remove(waiting)
        if waiting.asked_for:
            self._pass_over(waiting.message, waiting.source, now)
            return
        for follower in self._pending.awaited(waiting.message.id):
            self._fetch.need(waiting.message.id, follower.source, now)

    def _pass_over(self, message: SignedMessage, peer: bytes, now: float) -> None:
        """Nothing is to wait for `message`, which `peer` sent."""
        self._fetch.arrived(message.id, peer, now)
        self._placing.refuse(message, now)

    # What others have

    def _received_comparison(
        self, peer: bytes, message: wire.ChatCompare | wire.ChatRanges, now: float
    ) -> None:
        try:
            if isinstance(message, wire.ChatCompare):
                self._comparing.compared(peer, message.data, now)
            else:
                self._comparing.ranges(peer, message.data, now)
        except wire.WireError as error:
            self.counters.malformed += 1
            self._breach(peer, error.sentence)

    def _received_have(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._telling.unsent.pop(message, None)
        unknown = tuple(id for id in ids if not self._placing.knows(id))
        self._telling.unless_kept(peer, unknown, self._told, now)

    def _received_news(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._telling.unsent.pop(message, None)
            waiting = self._pending.get(message)
            if waiting is not None:
                waiting.holders[peer] = None
            elif self._placing.knows(message):
                self._tree.knows(message, peer)
            elif self._tree.may_tell(peer, now):
                self._tree.told(message, peer, now)

    def _lost_on_the_way(self, message: bytes, tellers: tuple[bytes, ...], now: float) -> None:
        """It was told of as new, and nobody who told of it has sent it in time."""
        for peer in tellers:
            if peer in self._links:
                self._claimed(peer, (message,), now)

    def _told(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        for message in ids:
            self._placing.beginning.tell(message, now)
        self._claimed(peer, ids, now)

    def _claimed(self, peer: bytes, ids: tuple[bytes, ...], now: float) -> None:
        """`peer` has these, which are missing here."""
        for message in ids:
            waiting = self._pending.get(message)
            if waiting is not None:
                waiting.holders[peer] = None
            elif not self._placing.knows(message):  # it may have come while the store was asked
                self._fetch.claimed(message, peer, now)

    def _breach(self, peer: bytes, sentence: str) -> None:
        self._actions.append(Reject(peer, wire.PROTOCOL_ERROR, sentence))

    def _settle(self, now: float) -> None:
        """Pass over what nobody has, and send the questions that are left."""
        while given_up := self._fetch.poll_given_up():
            for message in given_up:
                bare = self._bare.pop(message, None)
                if bare is not None and bare[0].header.kind not in (MEASURE, CHECKPOINT):
                    self._check(bare[0], bare[1], True, now)
                elif message not in self._history:
                    self._placing.give_up(message, now)
        for peer, ids in self._fetch.poll_questions():
            self._telling.send(peer, wire.ChatWant(ids))
        self._past.settle(self._pending.__contains__)
