"""People in a room whose links are in memory: real logs, sessions and signatures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from peer import wire, wire_files, wire_typing
from peer.api import Chat
from peer.chat_session import ChatSession
from peer.chat_store import ChatStore
from peer.file_session import QUOTA, FileSession
from peer.file_store import FileStore
from peer.identity import Identity
from peer.links.mesh import Mesh
from signaling.protocol import RosterEntry
from tests.unit.peer.core.chat_network import ROOM, identity


class MemoryMesh:
    """Carries what it is given a moment later, in order, while the link is there."""

    def __init__(self, own: bytes) -> None:
        self.own = own
        self.links: dict[bytes, Somebody] = {}
        self.expelled: dict[bytes, str] = {}
        """Who sent what cannot be excused, and what that was."""
        self.forbidden: dict[bytes, str] = {}
        """Whose links were ended because of measures, and what they were told."""

    def send(self, peer: bytes, data: bytes, channel: str = "control") -> bool:
        if peer not in self.links:
            return False
        asyncio.get_running_loop().call_soon(self._arrive, peer, data)
        return True

    def _arrive(self, peer: bytes, data: bytes) -> None:
        if peer not in self.links:
            return
        if data[0] in wire_files.TYPES:
            self.links[peer].files.received(self.own, data)
            return
        if data[0] == wire_typing.CHAT_TYPING:
            self.links[peer].session.received_typing(self.own, data)
            return
        message = wire.decode(data)
        assert isinstance(message, wire.OfChat)
        self.links[peer].session.received(self.own, message)

    def expel(self, peer: bytes, reason: int, sentence: str) -> None:
        self.expelled[peer] = sentence
        other = self.links.pop(peer, None)
        if other is not None:
            other.mesh.links.pop(self.own, None)
            other.files.link_closed(self.own)

    def refuse(self, peer: bytes, code: int, sentence: str) -> None:
        assert code == wire.FORBIDDEN, f"An honest peer was refused: {sentence}"
        self.forbidden[peer] = sentence
        other = self.links.pop(peer, None)
        if other is not None:
            other.mesh.links.pop(self.own, None)


class Somebody:
    """A member of the room, as `Peer` is one."""

    def __init__(
        self,
        name: str,
        store: ChatStore | None = None,
        owner: str | None = None,
        *,
        folder: Path | None = None,
        quota: int = QUOTA,
        keeps_all: bool = False,
    ) -> None:
        self.identity: Identity = identity(name)
        self.mesh = MemoryMesh(self.identity.id)
        key = None if owner is None else identity(owner).key
        self.session = ChatSession(ROOM, self.identity, cast("Mesh", self.mesh), store, key)
        self.files = FileSession(
            self.identity, cast("Mesh", self.mesh), FileStore(folder, ROOM), quota, keeps_all=keeps_all
        )
        self.session.on_message.append(self.files.said)
        self.session.on_erased.append(self.files.taken_back)
        self.chat = Chat(self.session, self.files, name)
        self.roster = [RosterEntry(self.id, name, "member")]

    @property
    def id(self) -> str:
        return self.identity.id.hex()

    @property
    def room(self) -> str:
        return ROOM

    def meet(self, other: Somebody) -> None:
        """Link the two."""
        for here, there in ((self, other), (other, self)):
            here.mesh.links[there.identity.id] = there
            here.roster.append(RosterEntry(there.id, there.chat.name, "member"))
        for here, there in ((self, other), (other, self)):
            here.session.link_opened(there.identity.id, 2)
            here.files.link_opened(there.identity.id)

    def part(self, other: Somebody) -> None:
        """End the link between the two."""
        for here, there in ((self, other), (other, self)):
            here.mesh.links.pop(there.identity.id, None)
            here.session.link_closed(there.identity.id)
            here.files.link_closed(there.identity.id)

    def texts(self) -> list[str]:
        return [entry.text for entry in self.session.messages()]
