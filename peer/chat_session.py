"""The room's chat at a Python peer: the log's shell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from peer import wire
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_log import ChatAction, ChatLog, Deliver
from peer.core.chat_message import Entry
from peer.identity import Identity
from peer.signing import TAG_CHAT, verify

if TYPE_CHECKING:
    from peer.links.mesh import Mesh


class ChatSession:
    """Says and hears. `on_message` is called with each accepted text, in the order of arrival."""

    def __init__(self, room: str, identity: Identity, mesh: Mesh) -> None:
        self.log = ChatLog(room, identity.key)
        self.on_message: list[Callable[[Entry], None]] = []
        self._identity = identity
        self._mesh = mesh
        self._acting = False

    def say(self, text: str, name: str) -> Entry:
        """Sign and send a text. Raises ChatError with a sentence when it cannot be said."""
        now = time.monotonic()
        draft = self.log.compose(text, name, time.time_ns() // 1_000_000, now)
        entry = self.log.said(draft, self._identity.sign(TAG_CHAT, draft.header), now)
        self._act()
        return entry

    def messages(self) -> list[Entry]:
        """All texts in the order that is the same for everybody."""
        return self.log.messages()

    def link_opened(self, peer: bytes) -> None:
        self.log.link_opened(peer, time.monotonic())
        self._act()

    def link_closed(self, peer: bytes) -> None:
        self.log.link_closed(peer, time.monotonic())
        self._act()

    def received(self, peer: bytes, message: wire.ChatMessage | wire.ChatHave | wire.ChatWant) -> None:
        self.log.received(peer, message, time.monotonic())
        self._act()

    def next_timer(self) -> float | None:
        return self.log.next_timer()

    def handle_timer(self, now: float) -> None:
        self.log.handle_timer(now)
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

    def _do(self, action: ChatAction) -> None:
        match action:
            case Send(peer, data, channel):
                self._mesh.send(peer, data, channel)
            case Verify():
                genuine = verify(action.key, action.tag, action.data, action.signature)
                self.log.verified(action.token, genuine, time.monotonic())
            case Deliver(entry):
                for told in list(self.on_message):
                    told(entry)
            case Reject(peer, _, sentence):
                self._mesh.refuse(peer, wire.MALFORMED, sentence)
