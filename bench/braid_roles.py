"""The two ends of the relay's measurement, each a process: a source of any rate, and viewers without uploads.

    python -m bench.braid_roles source SERVER BLOCKS      BLOCKS of 16 KiB ten times a second
    python -m bench.braid_roles leaves SERVER COUNT

Both print a JSON object every half second: what was sent, or what came.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack

from peer.api import Peer
from peer.media.parts import InitSegment, MediaPart
from peer.running import run
from peer.sealer import Sealer, StreamName
from peer.showing import print_json

BLOCK = 16_384
PART = 0.1
TELL_EVERY = 0.5
ROOM = "bench"
INIT = InitSegment(
    "avc1.42c01e", 640, 360, 30.0, 100_000_000, b"no player sees this", audio=False, video=True
)


async def source(server: str, blocks: int) -> int:
    async with Peer.join(server, ROOM, role="publisher") as peer:
        node = peer.node
        wall, start = time.time(), time.monotonic()
        node.clock(node.identity.id).set_exact(wall - start, 0.0)
        sealer = Sealer(node.identity, StreamName(ROOM, "main", "", ()), PART, wall)
        sealer.begin(INIT)
        known = node.announce(sealer.description())
        assert known is not None
        carrier = node.carry(known, sealer.renditions[0])
        print_json({"event": "live"})
        number = 0
        while True:
            at = int(number * PART * 1e6)
            first = number % 10 == 0
            data = os.urandom(blocks * BLOCK)
            part = MediaPart(data, at, int(PART * 1e6), int(wall * 1e6) + at, first, False, first)
            sealed = sealer.seal(part)
            carrier.publish(sealed.raw, sealed.data)
            number += 1
            if number % round(TELL_EVERY / PART) == 0:
                print_json({"parts": number, "bytes": carrier.core.counters.to_peers})
            await asyncio.sleep(max(0.0, start + number * PART - time.monotonic()))


async def leaves(server: str, count: int) -> int:
    async with AsyncExitStack() as stack:
        viewings = []
        for _ in range(count):
            peer = await stack.enter_async_context(Peer.join(server, ROOM, carries=False))
            viewings.append(peer.viewing(carries=False))
        while True:
            await asyncio.sleep(TELL_EVERY)
            stats = [viewing.stats() for viewing in viewings]
            print_json(
                {
                    "from_relays": sum(s["bytes_from_relays"] for s in stats),
                    "from_elsewhere": sum(
                        s["bytes_from_origin"] + s["bytes_from_peers"] - s["bytes_from_relays"] for s in stats
                    ),
                    "parts": sum(s["parts"] for s in stats),
                    "skipped": sum(s["parts_skipped"] for s in stats),
                    "fed": all(s["parents"] and None not in s["parents"] for s in stats),
                }
            )


if __name__ == "__main__":
    what, server, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.exit(run(lambda: source(server, number) if what == "source" else leaves(server, number)))
