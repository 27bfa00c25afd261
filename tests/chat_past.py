"""A store that holds what somebody said long ago."""

from __future__ import annotations

from pathlib import Path

from peer.chat_store import ChatStore
from peer.core.chat_message import message_id
from peer.core.chat_recall import Keep
from tests.unit.peer.core.chat_network import ROOM, chain, identity

__all__ = ["ROOM", "fill"]


async def fill(folder: Path, count: int) -> None:
    """Texts `0`, `1` and so on in the room ROOM, each of which follows the one before."""
    author = identity("ada")
    store = ChatStore(folder, ROOM)
    await store.open()
    await store.keep(
        [
            Keep((clock, author.key, message_id(message.header)), message, True)
            for clock, message in enumerate(chain(author, count), start=1)
        ]
    )
    await store.close()
