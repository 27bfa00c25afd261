"""Somebody in a chat who talks by chance and remembers what was heard when: `python -m tests.network.talker`.

Arguments: the introducer's URL, the room, a seed. Standard input: `talk` to begin, `hush` to stop, `tell` for
what happened, as one line of JSON, after which nothing is counted any more. Times are those of the machine's
monotonic clock, which is the same in all network namespaces.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any

import uvloop

from peer.api import Peer
from peer.core.chat_message import Entry
from peer.links.link import Channel
from peer.wire import CHAT_MESSAGE

EVERY = 25.0
"""Seconds between two messages of one person in the mean: two a second among fifty."""


class Talker:
    """A peer and its memory."""

    def __init__(self, peer: Peer, seed: int) -> None:
        self._peer, self._chance = peer, random.Random(seed)
        self._said: list[tuple[str, float]] = []
        self._heard: list[tuple[str, float]] = []
        self._sent: Counter[str] = Counter()
        self._send = peer.node.mesh.send
        peer.node.mesh.send = self._counted  # type: ignore[method-assign]
        peer.node.chat.on_message.append(self._hear)

    async def talk(self) -> None:
        """Say something now and then."""
        for count in range(1_000_000):
            await asyncio.sleep(self._chance.expovariate(1 / EVERY))
            begun = time.monotonic()
            entry = await self._peer.chat.send(f"message {count} of {self._peer.id}, as long as many are")
            self._said.append((entry.id.hex(), begun))

    def told(self) -> dict[str, Any]:
        """All that happened, and the order of what is there now."""
        order = [entry.id.hex() for entry in self._peer.chat.history]
        record = {"event": "told", "said": self._said, "heard": self._heard, "order": order}
        return record | {"sent": self._sent, "links": len(self._peer.node.mesh.peers)}

    def _hear(self, entry: Entry) -> None:
        self._heard.append((entry.id.hex(), time.monotonic()))

    def _counted(self, peer: bytes, data: bytes, channel: Channel = "control") -> bool:
        taken = self._send(peer, data, channel)
        kind = "messages" if data[0] == CHAT_MESSAGE else "chat" if data[0] >> 4 == 2 else "other"
        self._sent.update({kind: taken, f"{kind}_bytes": len(data) * taken})
        return taken


def say(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


async def sit(server: str, room: str, seed: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async with Peer.join(server, room) as peer:
        talker, talking = Talker(peer, seed), None
        say({"event": "joined"})
        while word := (await reader.readline()).decode().strip():
            if word == "talk":
                talking = asyncio.create_task(talker.talk())
            elif word == "hush" and talking is not None:
                talking.cancel()
            elif word == "tell":
                say(talker.told())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `braidcast` does
        runner.run(sit(sys.argv[1], sys.argv[2], int(sys.argv[3])))
