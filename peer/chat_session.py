"""The room's chat at a Python peer: the log's shell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from peer import wire, wire_typing
from peer.chat_keeper import ChatKeeper
from peer.chat_store import ChatStore, StoreError
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_acts import Act
from peer.core.chat_log import ChatAction, ChatLog
from peer.core.chat_message import Entry, message_id
from peer.core.chat_past import Page
from peer.core.chat_placing import Deliver, Revise, Ruled
from peer.core.chat_recall import Erase
from peer.core.chat_typing import Typing
from peer.core.shared_file import SharedFile
from peer.identity import Identity
from peer.signing import TAG_CHAT, peer_id, verify
from signaling.measures import Measure
from signaling.moderation import BANNED, KICKED, Rule

if TYPE_CHECKING:
    from peer.links.mesh import Mesh


LEAST_WAIT = 0.005
"""Seconds between two looks at the timer, at least."""
MAX_TRIES = 4
"""Peers that may list what they do not send, before nobody is taken to have it."""


class ChatSession:
    """Says and hears.

    `on_message` is called with each accepted text, in the order of arrival, `on_revision` with the id of a
    text and what is shown of it from now on: None when it is gone; `on_ruled` with each measure that is in
    force from now on, and whether it came as news.
    """

    def __init__(
        self,
        room: str,
        identity: Identity,
        mesh: Mesh,
        store: ChatStore | None = None,
        owner: bytes | None = None,
    ) -> None:
        self.log = ChatLog(room, identity.key, stored=store is not None, owner=owner)
        self.keeper = None if store is None else ChatKeeper(self, store)
        self.on_message: list[Callable[[Entry], None]] = []
        self.on_revision: list[Callable[[bytes, Entry | None], None]] = []
        self.on_ruled: list[Callable[[Rule, bool], None]] = []
        self.on_erased: list[Callable[[bytes], None]] = []
        """Called with the id of each message that its author, or the owner, has taken back."""
        self.typing = Typing()
        self._links: set[bytes] = set()
        self._identity = identity
        self._mesh = mesh
        self._acting = False
        self._paging = asyncio.Lock()
        self._page: asyncio.Future[Page]
        self._timer: asyncio.TimerHandle | None = None
        self._due = float("inf")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """With a store: the log has what was kept. Raises StoreError."""
        try:
            if self.keeper is None:
                yield
            else:
                async with self.keeper.opened():
                    yield
        finally:
            self._due = float("-inf")  # nothing is to be set any more
            if self._timer is not None:
                self._timer.cancel()

    async def run(self) -> None:
        """Keep what is said until cancelled. Raises StoreError when that is no longer possible."""
        if self.keeper is None:
            await asyncio.Event().wait()
        else:
            await self.keeper.run()

    def say(self, text: str, name: str, reply: bytes | None = None, file: SharedFile | None = None) -> Entry:
        """Sign and send a text. Raises ChatError with a sentence when it cannot be said."""
        now = time.monotonic()
        draft = self.log.compose(text, name, _wall(), now, reply, file)
        entry = self.log.said(draft, self._identity.sign(TAG_CHAT, draft.header), now)
        self.typing.sent()
        self._act()
        return entry

    def do(self, act: Act) -> None:
        """Sign and send what is done to a message. Raises ChatError with a sentence when it cannot be."""
        now = time.monotonic()
        draft = self.log.compose_act(act, _wall(), now)
        self.log.done(draft, self._identity.sign(TAG_CHAT, draft.header), now)
        self._act()

    def writes(self, on: bool) -> None:
        """Tell those to whom there are links that one writes, or has stopped."""
        if self.typing.writes(on, time.monotonic()):
            for peer in self._links:
                self._mesh.send(peer, wire_typing.encode(on))

    @property
    def writing(self) -> tuple[bytes, ...]:
        """The peer ids of those who are writing just now."""
        now = time.monotonic()
        self.typing.handle_timer(now)
        return self.typing.peers(now)

    def received_typing(self, peer: bytes, data: bytes) -> None:
        try:
            self.typing.heard(peer, wire_typing.decode(data), time.monotonic())
        except wire.WireError as error:
            self._mesh.refuse(peer, error.code, error.sentence)

    def rule(self, measure: Measure) -> None:
        """Sign and send a measure. Raises ChatError with a sentence when one may not."""
        now = time.monotonic()
        draft = self.log.compose_measure(measure, _wall(), now)
        self.log.done(draft, self._identity.sign(TAG_CHAT, draft.header), now)
        self._act()

    def checkpoint(self, keep: int) -> None:
        """Sign and send a checkpoint. Raises ChatError with a sentence when one may not."""
        now = time.monotonic()
        draft = self.log.compose_checkpoint(keep, _wall(), now)
        self.log.done(draft, self._identity.sign(TAG_CHAT, draft.header), now)
        self._act()

    def messages(self) -> list[Entry]:
        """All texts in the order that is the same for everybody."""
        return self.log.messages()

    async def before(self, message: bytes, count: int = 200) -> list[Entry]:
        """The texts just before that message (its id), in order: from memory, from the store, or from others.

        Others send at most 200, and not all of them when links are lost meanwhile. Empty when nobody who is
        here has any. Raises StoreError.
        """
        found = self.log.before(message, count)
        if found:
            return found
        first, tries, partial = message, 0, list[Entry]()
        while tries < MAX_TRIES:
            ids, found = await self._kept_before(message, count)
            if not ids:
                page = await self._asked(self.log.ask_before, (message,))
                if not page.ids:
                    break
                if page.came < len(page.ids):
                    # Who listed them did not send them all: the same question goes to the next one.
                    tries += 2 if page.came else 1
                    partial = list(page.messages)
                    continue
                ids, found = page.ids, list(page.messages)
            if found:
                return found
            message = ids[0]  # all of that is of kinds that are not shown
        return partial or self._left_before(first, count)

    def _left_before(self, message: bytes, count: int) -> list[Entry]:
        """What there is before that message, although something is missing that nobody sends."""
        entries = self.log.messages()
        place = next((at for at, entry in enumerate(entries) if entry.id == message), 0)
        return entries[max(0, place - count) : place]

    async def _kept_before(self, message: bytes, count: int) -> tuple[tuple[bytes, ...], list[Entry]]:
        """Ids and texts of what is in the store just before that message, if nothing is missing there."""
        if self.keeper is None:
            return (), []
        self.keeper.flush()
        lacking = self.log.lacking(message)
        if len(await self.keeper.store.find(lacking)) < len(lacking):
            return (), []
        ids = (await self.keeper.store.up_to((message,), count + 1))[:-1]
        return ids, await self._shown(await self.keeper.store.recall(ids))

    async def search(self, words: str, count: int = 50) -> list[Entry]:
        """The last `count` texts with all these words, in order. Raises StoreError; needs a store."""
        if self.keeper is None:
            raise StoreError("Only a peer that was given a store can search.")
        self.keeper.flush()
        return await self._shown(await self.keeper.store.search(words, count))

    async def _shown(self, messages: list[wire.ChatMessage]) -> list[Entry]:
        """What is to be shown of messages in the store, given what was done to them."""
        if self.keeper is None:
            return []
        acts = await self.keeper.store.acts_on([message_id(message.header) for message in messages])
        return list(self.log.shown(messages, acts))

    async def missing(self, ids: tuple[bytes, ...]) -> Page:
        """Get these messages (at most 8) from others, and what stood before them."""
        return await self._asked(self.log.ask_missing, ids)

    async def _asked(self, ask: Callable[[tuple[bytes, ...], float], bool], ids: tuple[bytes, ...]) -> Page:
        async with self._paging:
            while True:
                self._page = asyncio.get_running_loop().create_future()
                begun = ask(ids, time.monotonic())
                self._act()
                page = await self._page
                if begun:  # else it is what somebody asked for who does not wait any more
                    return page

    def link_opened(self, peer: bytes, company: int) -> None:
        """A link to `peer` can carry messages; `company`: how many are in the room."""
        moderation = self.log.moderation
        if moderation is not None and peer in map(peer_id, moderation.state().banned):
            self._mesh.refuse(peer, wire.FORBIDDEN, BANNED)
            return
        self._links.add(peer)
        self.log.link_opened(peer, time.monotonic(), company)
        self._act()
        if self.keeper is not None:
            self.keeper.link_opened()

    def link_closed(self, peer: bytes) -> None:
        self._links.discard(peer)
        self.typing.stopped(peer)
        self.log.link_closed(peer, time.monotonic())
        self._act()

    def received(self, peer: bytes, message: wire.OfChat) -> None:
        self.log.received(peer, message, time.monotonic())
        self._act()

    def recalled(self, token: int, messages: list[wire.ChatMessage]) -> None:
        self.log.recalled(token, messages, time.monotonic())
        self._act()

    def looked_up(self, token: int, ids: tuple[bytes, ...]) -> None:
        self.log.looked_up(token, ids, time.monotonic())
        self._act()

    def _set_timer(self) -> None:
        """A lost message is asked for within tens of milliseconds: the log's timer is exact."""
        due = self.log.next_timer()
        if due is None or due >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        wait = max(LEAST_WAIT, due - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._timer_came)

    def _timer_came(self) -> None:
        self._timer, self._due = None, float("inf")
        self.log.handle_timer(time.monotonic())
        self._act()

    def _act(self) -> None:
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self.log.poll_actions():
                for action in actions:
                    self._do(action)
        finally:
            self._acting = False
        self._set_timer()

    def _ruled(self, id: bytes, live: bool) -> None:
        """A measure is in force: links to those whom it bans or kicks end, and are not taken again."""
        moderation = self.log.moderation
        rule = None if moderation is None else moderation.get(id)
        if moderation is None or rule is None:
            return
        if rule.measure.verb == "checkpoint":
            for banned in moderation.state().banned:
                self._mesh.refuse(peer_id(banned), wire.FORBIDDEN, BANNED)
        key = rule.measure.subject
        if key is not None and key != self._identity.key:
            if rule.measure.verb == "ban" and moderation.state().is_banned(key):
                self._mesh.refuse(peer_id(key), wire.FORBIDDEN, BANNED)
            elif rule.measure.verb == "kick" and live:
                self._mesh.refuse(peer_id(key), wire.FORBIDDEN, KICKED)
        for told in list(self.on_ruled):
            told(rule, live)

    def _do(self, action: ChatAction) -> None:
        match action:
            case Send(peer, data, channel):
                self._mesh.send(peer, data, channel)
            case Verify():
                genuine = verify(action.key, action.tag, action.data, action.signature)
                self.log.verified(action.token, genuine, time.monotonic())
            case Deliver(entry):
                self.typing.stopped(entry.author)
                for told in list(self.on_message):
                    told(entry)
            case Revise(id, message):
                if message is None and self.keeper is None:
                    self._erased(id)
                for told_of in list(self.on_revision):
                    told_of(id, message)
            case Ruled(id, live):
                self._ruled(id, live)
            case Page():
                if not self._page.done():
                    self._page.set_result(action)
            case Reject(peer, _, sentence):
                self._mesh.refuse(peer, wire.MALFORMED, sentence)
            case _:
                if isinstance(action, Erase):
                    self._erased(action.target)
                if self.keeper is not None:
                    self.keeper.act(action)

    def _erased(self, id: bytes) -> None:
        for told in list(self.on_erased):
            told(id)


def _wall() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
