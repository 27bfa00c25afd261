"""One simulated peer of a room that talks: the shell of a real chat log, as `peer.chat_session` is one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from peer import wire
from peer.core import actions
from peer.core.chat_acts import ChatError
from peer.core.chat_log import ChatLog
from peer.core.chat_placing import Deliver
from peer.core.link_set import RECEIVE_ONLY_LINKS
from peer.identity import TAG_CHAT, Identity
from peer.links.link import BYE_REASONS
from peer.simulator.codec import check
from peer.simulator.member_introductions import MemberIntroductions
from peer.simulator.member_links import MemberLinks
from peer.simulator.membership import ROOM, Membership
from peer.simulator.peer import LINKS_EVERY, WALL, WRONG
from signaling.protocol import ClientMessage, ServerMessage

if TYPE_CHECKING:
    from peer.simulator.chat_world import ChatWorld

LONELY = 5.0
"""Seconds without a link after which the introducer is asked for company, as in `peer.node`."""


class ChatPeer:
    """A member of the room, with `uplink` in bit/s."""

    def __init__(self, world: ChatWorld, identity: Identity) -> None:
        self.world = world
        self.identity = identity
        self.id = identity.id
        self.born = world.clock.now
        self.linked_at: float | None = None
        """When its first link opened."""
        self.log = ChatLog(ROOM, identity.key)
        chance = random.Random(f"{world.seed} peer {self.id.hex()}")
        mesh = random.Random(f"{world.seed} mesh {self.id.hex()}")
        limit = RECEIVE_ONLY_LINKS
        self.introductions = MemberIntroductions(
            identity.key,
            "member",
            limit,
            WALL + mesh.randrange(-WRONG, WRONG),
            mesh.random,
            lambda: world.clock.now,
        )
        self.links = MemberLinks(world, self.id, limit, chance.random, self, self.introductions)
        self.membership = Membership(
            world.clock,
            world.desk,
            identity,
            "member",
            world.network.paths.rtt(self.id, world.server) / 2,
            lambda: world.reaches_server(self.id),
            chance,
            self,
        )
        self._lonely_at = world.clock.now + LONELY
        self._timer_at = float("inf")

    @property
    def alive(self) -> bool:
        return not self.links.gone

    def start(self) -> None:
        """Its program begins."""
        self.world.clock.post(self.world.clock.now, self._look_at_links)
        self.membership.join()

    def leave(self) -> None:
        """It goes as it should."""
        self.membership.leave()
        self.links.leave()
        self.world.ended(self)

    def kill(self) -> None:
        """Its process ends. Link partners learn that by silence, the introducer by its socket."""
        self.links.vanish()
        self.membership.vanish()
        self.world.ended(self)

    def say(self, text: str) -> bytes | None:
        """Say something; its id, or None where its author has just said too much."""
        now = self.world.clock.now
        try:
            draft = self.log.compose(text, "", WALL + int(now * 1000), now)
        except ChatError:
            return None
        entry = self.log.said(draft, self.identity.sign(TAG_CHAT, draft.header), now)
        self._act()
        return entry.id

    # --- time

    def _look_at_links(self) -> None:
        if self.links.gone:
            return
        now = self.world.clock.now
        self.introductions.take_part(False, (), False)
        self.links.handle_timer()
        if self.links.peers or not self.membership.up:
            self._lonely_at = now + LONELY
        elif now >= self._lonely_at:
            self._lonely_at = now + LONELY
            self.membership.ask_for_company(0)
        self.world.clock.post(now + LINKS_EVERY, self._look_at_links)

    def _timer(self, at: float) -> None:
        if at != self._timer_at or self.links.gone:
            return
        self._timer_at = float("inf")
        self.log.handle_timer(self.world.clock.now)
        self._act()

    # --- from the room

    def joined(self, resumed: bool) -> list[ClientMessage]:
        self.links.signaling_up(True)
        return []

    def cut_off(self) -> None:
        self.links.signaling_up(False)

    def told(self, message: ServerMessage) -> None:
        if not self.links.gone:
            self.links.told(message)

    # --- from links

    def link_opened(self, peer: bytes) -> None:
        if self.linked_at is None:
            self.linked_at = self.world.clock.now
        self.log.link_opened(peer, self.world.clock.now, self.membership.company)
        self._act()

    def link_closed(self, peer: bytes) -> None:
        self.log.link_closed(peer, self.world.clock.now)
        self._act()

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        pass

    def link_drained(self, peer: bytes, buffered: int) -> None:
        pass

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        if isinstance(message, wire.OfChat):
            if isinstance(message, wire.ChatMessage):
                self.world.measures.copied(self, message.header)
            self.log.received(peer, message, self.world.clock.now)
            self._act()

    # --- from the core

    def _act(self) -> None:
        now = self.world.clock.now
        while not self.links.gone and (asked := self.log.poll_actions()):
            for action in asked:
                match action:
                    case actions.Send(peer, data):
                        self.world.measures.sent(data)
                        self.links.send(peer, data, "control")
                    case actions.Verify():
                        ok = check(action.key, action.tag, action.data, action.signature)
                        self.log.verified(action.token, ok, now)
                    case Deliver(entry):
                        self.world.measures.delivered(self, entry.id)
                    case actions.Reject(peer, reason):
                        self.world.measures.rejections += 1
                        self.links.expel(peer, BYE_REASONS[reason])
                    case _:
                        pass
        due = self.log.next_timer()
        if due is not None and due < self._timer_at:
            self._timer_at = max(due, now)
            self.world.clock.post(self._timer_at, self._timer, self._timer_at)
