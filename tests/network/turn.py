"""A TURN and STUN server in the bed: coturn, by UDP and TCP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from socket import SOCK_STREAM

from tests.e2e.audience import eventually
from tests.network.bed import SERVER
from tests.network.venue import STUN_PORT, Venue

USER, PASSWORD = "viewer", "let-me-through"
BY_UDP = f"turn:{USER}:{PASSWORD}@{SERVER}:{STUN_PORT}"
BY_TCP = f"{BY_UDP}?transport=tcp"


async def turn(venue: Venue, folder: Path) -> None:
    """Start it; what it writes goes to `folder`."""
    relayed = ("--min-port", "49152", "--max-port", "49999")
    quiet = ("-n", "--no-cli", "--no-tls", "--no-dtls", "--simple-log", "-l", "stdout")
    files = ("--pidfile", str(folder / "turn.pid"), "-b", str(folder / "turn.sqlite"))
    users = ("--lt-cred-mech", "--realm", "bed", "--user", f"{USER}:{PASSWORD}")
    command = ("turnserver", *quiet, *files, *users, *relayed, "-L", SERVER, "-p", str(STUN_PORT))
    program = await venue.run.start("turn", *venue.bed.server.command(*command))

    async def listens() -> bool:
        with venue.bed.server.socket(SOCK_STREAM) as probe:
            try:
                await asyncio.get_running_loop().sock_connect(probe, (SERVER, STUN_PORT))
            except OSError:
                return False
        return True

    async def situation() -> str:
        return f"coturn listens; {program.tail()}"

    await eventually(listens, situation)
