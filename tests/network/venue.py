"""A room in the bed: an introducer and a STUN or TURN server in the middle, and peers in their homes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.audience import Audience, Watcher
from tests.network.bed import SERVER, Bed, Place
from tests.network.slow_time import slowly
from tests.programs import BRAIDCAST, Program, Programs

PORT, STUN_PORT, ORIGIN_PORT = 8000, 3478, 8080
URL = f"http://{SERVER}:{PORT}"
STUN = f"stun:{SERVER}:{STUN_PORT}"
ROOM = "bed"
SECURE = f"--unsafely-treat-insecure-origin-as-secure={URL}"
"""Pages have WebCrypto, as they have by HTTPS."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Starts what a scene needs, each in its place."""

    bed: Bed
    run: Programs
    slower: float = 1.0
    """How much slower time goes for what is started."""

    async def braidcast(self, at: Place, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Program:
        """`braidcast …` there; its name tells where."""
        braidcast = (BRAIDCAST,) if self.slower == 1.0 else slowly(self.slower, BRAIDCAST)
        command = at.command(*braidcast, *arguments)
        return await self.run.start(f"{arguments[0]} in {at.name}", *command, stdin=stdin)

    async def stun(self) -> None:
        """A STUN server, so that homes behind NATs learn their addresses."""
        command = (sys.executable, "-m", "tests.network.stun", SERVER, str(STUN_PORT))
        program = await self.run.start("stun", *self.bed.server.command(*command))
        await program.until(lambda: "ready" in program.output)

    async def introducer(self, *ice_servers: str) -> Program:
        """`braidcast signal`, which tells everybody of these servers."""
        told = [part for server in ice_servers for part in ("--ice-server", server)]
        program = await self.braidcast(
            self.bed.server, "signal", "--host", SERVER, "--port", str(PORT), "--json", *told
        )
        await program.event("listening")
        return program

    async def publisher(
        self, at: Place, *options: str, source: str = "test:", origin: bool = True
    ) -> Program:
        """`braidcast publish`. Its event `joined` tells the watch URL."""
        served = ("--http", f"{at.address}:{ORIGIN_PORT}") if origin else ()
        program = await self.braidcast(at, "publish", source, *self._membership(), *served, *options)
        await program.event("joined")
        return program

    async def relay(self, at: Place, *options: str) -> Program:
        return await self.braidcast(at, "relay", *self._membership(), *options)

    async def viewer(self, at: Place, *options: str) -> Program:
        """`braidcast watch`."""
        return await self.braidcast(at, "watch", *self._membership(), *options)

    async def pages(self, seats: Audience, homes: Sequence[Place], publisher: Program) -> list[Watcher]:
        """The watch page in a browser in each home; it is opened when all browsers are there."""
        url = (await publisher.event("joined"))["watch_url"]
        watchers = [await seats.seat(home, SECURE) for home in homes]
        await asyncio.gather(*(watcher.go(url) for watcher in watchers))
        return watchers

    def _membership(self) -> tuple[str, ...]:
        return ("--server", URL, "--room", ROOM, "--json")


def is_fed(stats: dict[str, Any]) -> bool:
    """Whether a headless viewer says that every stripe comes over a link."""
    parents: list[str | None] = stats.get("parents", [])
    return len(parents) > 0 and None not in parents
