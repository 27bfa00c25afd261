"""A hop of a chain along which blocks travel: a program that speaks by lines of JSON.

    python -m tests.network.hop

It prints who it is; then it hears of offers and answers (`offer`, `answer`), and is told to link to somebody
(`connect`), to send blocks (`send`), and to tell what came (`tell`). A block that comes is passed on to whom
`connect` named, if anybody. All programs share the machine's clock: how long a block took is known at each.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from typing import Any

import msgspec

from peer.identity import Identity
from peer.links.handshake import Handshake
from peer.links.link import Channel, Link
from peer.links.session import hello
from peer.links.webrtc import WebRtcLink, WebRtcLinks
from peer.wire import BLOCK
from signaling.protocol import Answer, Offer, RelayedAnswer, RelayedOffer

HEADER = struct.Struct(">BIQ")
"""Type of a block, its number, when the first of the chain sent it (ns)."""
AHEAD = 256 * 1024
"""Bytes that wait for the network while it is measured how much it takes."""


class Hop:
    """One program of the chain."""

    def __init__(self) -> None:
        self.identity = Identity.generate()
        self.nonce = os.urandom(16)
        self.handshake = Handshake(self.identity, "bed", self.nonce)
        self.links = WebRtcLinks(self.handshake, self._signal, hello("bed"))
        self._next: WebRtcLink | None = None
        self._came: list[tuple[int, float]] = []
        self._bytes = 0

    def hear(self, line: bytes) -> asyncio.Task[None] | None:
        """Do what a line says."""
        told = json.loads(line)
        match told.pop("do"):
            case "connect":
                peer, nonce = bytes.fromhex(told["peer"]), bytes.fromhex(told["nonce"])
                self._next = self.links.connect(peer, nonce, os.urandom(8), self)
            case "offer":
                self.links.accept(self.handshake.check_offer(msgspec.convert(told, RelayedOffer)), self)
            case "answer":
                assert self._next is not None
                self._next.take_answer(msgspec.convert(told, RelayedAnswer))
            case "send":
                return asyncio.create_task(self._send(**told))
            case "tell":
                say({"event": "came", "bytes": self._bytes, "blocks": self._came})
        return None

    # --- the link's events

    def opened(self, link: Link) -> None:
        say({"event": "opened", "peer": link.peer.hex()})

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        _, number, sent = HEADER.unpack_from(data)
        self._came.append((number, (time.monotonic_ns() - sent) / 1e9))
        self._bytes += len(data)
        if self._next is not None:
            self._next.send(data, "blocks")

    def drained(self, link: Link, channel: Channel) -> None:
        """Nothing: the next part comes when it is time."""

    def closed(self, link: Link, reason: str) -> None:
        say({"event": "closed", "reason": reason})

    # --- inside

    async def _send(self, size: int, together: int, interval: float, seconds: float) -> None:
        """`together` blocks every `interval`; with an interval of 0, as much as the network takes."""
        link, number, start = self._next, 0, time.monotonic()
        assert link is not None
        due = start
        while time.monotonic() < start + seconds:
            for _ in range(together):
                if interval > 0 or link.buffered("blocks") < AHEAD:
                    header = HEADER.pack(BLOCK, number, time.monotonic_ns())
                    link.send(header.ljust(size, b"\0"), "blocks")
                    number += 1
            due += interval or 0.005
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        say({"event": "sent", "count": number})

    def _signal(self, message: Offer | Answer) -> None:
        fields = {name: getattr(message, name) for name in ("connection", "key", "nonce", "sdp", "signature")}
        kind = "offer" if isinstance(message, Offer) else "answer"
        say({"do": kind, "to": message.to, "type": kind, "from": self.identity.id.hex(), **fields})


def say(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Until the input ends."""
    hop = Hop()
    say({"event": "here", "peer": hop.identity.id.hex(), "nonce": hop.nonce.hex()})
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    sending = [task async for line in reader if (task := hop.hear(line)) is not None]
    for task in sending:
        task.cancel()
    await hop.links.close()


if __name__ == "__main__":
    asyncio.run(main())
