"""aiortc alone, as a source, a forwarder and receivers, each a process: what a relay is compared with.

    python -m bench.bare_roles source BLOCKS       BLOCKS messages ten times a second to one link
    python -m bench.bare_roles forwarder COUNT     each message on to COUNT links
    python -m bench.bare_roles receivers COUNT     counts what comes

Signaling goes over standard input and output, a JSON object a line: who offers prints {"link", "offer"} and
reads {"link", "answer"}; who answers the other way round. Channels are those of a Braidcast link's blocks:
negotiated, unordered, reliable.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from bench.braid_roles import PART, TELL_EVERY
from peer.running import run
from peer.showing import print_json

MESSAGE = 16_568
"""Bytes of a BLOCK that is full: 16 KiB, seal and proof."""


class Links:
    """The process's connections, by name."""

    def __init__(self) -> None:
        self.channels: dict[str, RTCDataChannel] = {}
        self.opened: dict[str, asyncio.Event] = {}
        self.connections: dict[str, RTCPeerConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str) -> RTCDataChannel:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        channel = connection.createDataChannel("blocks", ordered=False, negotiated=True, id=1)
        opened = asyncio.Event()
        channel.on("open", opened.set)
        self.connections[name], self.channels[name], self.opened[name] = connection, channel, opened
        return channel

    async def offer(self, name: str) -> None:
        connection = self.connections[name]
        await connection.setLocalDescription(await connection.createOffer())
        print_json({"link": name, "offer": connection.localDescription.sdp})

    async def read(self) -> None:
        """What the conductor passes on."""
        reader = asyncio.StreamReader(limit=2**20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            message: dict[str, Any] = json.loads(line)
            connection = self.connections[message["link"]]
            if "answer" in message:
                await connection.setRemoteDescription(RTCSessionDescription(message["answer"], "answer"))
            else:
                await connection.setRemoteDescription(RTCSessionDescription(message["offer"], "offer"))
                await connection.setLocalDescription(await connection.createAnswer())
                print_json({"link": message["link"], "answer": connection.localDescription.sdp})


async def source(blocks: int) -> None:
    links = Links()
    channel = links.add("source")
    reading = asyncio.create_task(links.read())
    await links.offer("source")
    await links.opened["source"].wait()
    start, number = time.monotonic(), 0
    while not reading.done():
        for _ in range(blocks):
            channel.send(os.urandom(MESSAGE))
        number += 1
        if number % round(TELL_EVERY / PART) == 0:
            print_json({"messages": number * blocks})
        await asyncio.sleep(max(0.0, start + number * PART - time.monotonic()))


async def forwarder(count: int) -> None:
    links = Links()
    incoming = links.add("source")
    out = [links.add(f"receiver {number}") for number in range(count)]
    reading = asyncio.create_task(links.read())

    def forward(message: bytes) -> None:
        for channel in out:
            channel.send(message)

    incoming.on("message", forward)
    for number in range(count):
        await links.offer(f"receiver {number}")
    for opened in links.opened.values():
        await opened.wait()
    print_json({"event": "open"})
    await reading


async def receivers(count: int) -> None:
    links = Links()
    received = [0]

    def take(message: bytes) -> None:
        received[0] += 1

    for number in range(count):
        links.add(f"receiver {number}").on("message", take)
    reading = asyncio.create_task(links.read())
    while not reading.done():
        await asyncio.sleep(TELL_EVERY)
        print_json({"messages": received[0], "bytes": received[0] * MESSAGE})


if __name__ == "__main__":
    role = {"source": source, "forwarder": forwarder, "receivers": receivers}[sys.argv[1]]
    sys.exit(run(lambda: role(int(sys.argv[2]))))
