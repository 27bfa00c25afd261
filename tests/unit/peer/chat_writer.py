"""Keeps messages in the folder that it is given as fast as it can, and tells how many are on disk."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from peer.chat_store import ChatStore
from peer.core.chat_message import message_id
from peer.core.chat_recall import Keep
from tests.unit.peer.core.chat_network import ROOM, chain, identity

BATCH = 7


async def write(folder: Path) -> None:
    store = ChatStore(folder, ROOM)
    await store.open()
    begun = await store.count()
    messages = chain(identity("ada"), begun + 2_000)[begun:]
    kept = [
        Keep((begun + number + 1, identity("ada").key, message_id(message.header)), message, True)
        for number, message in enumerate(messages)
    ]
    for start in range(0, len(kept), BATCH):
        await store.keep(kept[start : start + BATCH])
        sys.stdout.write(f"{begun + start + BATCH}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
