"""How late a part is whole at peers that are more hops away: several Python peers in one process.

    python -m bench.hops SERVER PEERS SECONDS

prints a JSON object: by hops, the seconds from the capture of each part's first picture.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from contextlib import AsyncExitStack

from peer.api import Peer
from peer.part import Part
from peer.running import run
from peer.sealer import STRIPES
from peer.showing import print_json
from peer.viewer import Viewing

SETTLE = 8.0
"""Seconds after everybody is fed."""
LOOK_EVERY = 1.0


class _Watching:
    """A peer, how far it is, and how late each part was whole."""

    def __init__(self, peer: Peer) -> None:
        self.id = peer.node.identity.id.hex()
        self._node = peer.node
        self.viewing: Viewing = peer.viewing()
        self.viewing.on_part.append(self._came)
        self.hops: int | None = None
        self.late: dict[int, list[float]] = defaultdict(list)

    def parents(self) -> list[str | None]:
        found: list[str | None] = self.viewing.stats()["parents"]
        return found

    def _came(self, part: Part) -> None:
        (known,) = self._node.streams
        reading = self._node.clock(known.publisher).read(time.monotonic())
        if self.hops is not None and reading is not None:
            self.late[self.hops].append(reading[0] - part.capture_time)


def hops_of(parents: dict[str, list[str | None]]) -> dict[str, int]:
    """The hops from the publisher, on its longest way, of each who has all its stripes from it.

    `parents`: of each peer by stripe; who is in nobody's list of peers is the publisher.
    """
    found: dict[str, int] = {}
    for peer, stripes in parents.items():
        # Parity, which is behind them, is not waited for.
        ways = [_way(peer, stripe, parents) for stripe in range(min(len(stripes), STRIPES))]
        known = [way for way in ways if way is not None]
        if known and len(known) == len(ways):
            found[peer] = max(known)
    return found


def _way(peer: str, stripe: int, parents: dict[str, list[str | None]]) -> int | None:
    for hops in range(1, len(parents) + 1):
        parent = parents[peer][stripe] if stripe < len(parents[peer]) else None
        if parent is None:
            return None
        if parent not in parents:
            return hops
        peer = parent
    return None  # somebody has just changed places


async def measure(server: str, count: int, seconds: float) -> int:
    async with AsyncExitStack() as stack:
        watching = [
            _Watching(await stack.enter_async_context(Peer.join(server, "demo"))) for _ in range(count)
        ]

        def look() -> dict[str, int]:
            return hops_of({each.id: each.parents() for each in watching})

        async with asyncio.timeout(60):
            while len(look()) < count:  # noqa: ASYNC110 — nothing tells of all of them
                await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            hops = look()
            for each in watching:
                each.hops = hops.get(each.id)
            await asyncio.sleep(LOOK_EVERY)
        late: dict[int, list[float]] = defaultdict(list)
        for each in watching:
            for number, values in each.late.items():
                late[number] += values
        print_json({str(number): [round(value, 4) for value in late[number]] for number in sorted(late)})
    return 0


if __name__ == "__main__":
    server, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    sys.exit(run(lambda: measure(server, count, seconds)))
