"""Delay and loss, by `delayer.c`: the same on every kernel, whether or not it has `tc netem`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.network.homes import Home
from tests.network.sandbox import Sandbox, SandboxError

SOURCE = Path(__file__).with_name("delayer.c")
ENDED = 5.0


@dataclass(frozen=True, slots=True)
class Delayed:
    """What the delayer did since it began."""

    packets: int
    lost: int
    late_mean: float
    """Seconds that packets went on later than they should have: the machine's own doing."""
    late_max: float
    cpu: float
    """Seconds of processor time."""


class Delayer:
    """The running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def counters(self) -> Delayed:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return Delayed(**json.loads(await self._process.stdout.readline()))


async def compile_delayer(folder: Path) -> Path:
    """Raises SandboxError when the compiler does not take it."""
    program = folder / "delayer"
    compiler = await asyncio.create_subprocess_exec(
        *("gcc", "-O2", "-o", str(program), str(SOURCE)), stderr=asyncio.subprocess.PIPE
    )
    errors = (await compiler.communicate())[1]
    if compiler.returncode:
        raise SandboxError(f"gcc: {errors.decode(errors='replace')}")
    return program


@asynccontextmanager
async def delayer(
    sandbox: Sandbox, space: str, program: Path, lines: Mapping[str, Home]
) -> AsyncIterator[Delayer]:
    """Delay what comes in and goes out by interfaces (`lines`: their names) of a network namespace."""
    queues, rules = [], []
    for number, (interface, home) in enumerate(lines.items()):
        begin, end = home.loss_chances()
        way = f"{1000 * home.delay}:{1000 * home.jitter}:{begin}:{end}"
        queues += [f"{2 * number}:{way}", f"{2 * number + 1}:{way}"]
        rules += [
            f"-A PREROUTING -i {interface} -j NFQUEUE --queue-num {2 * number}",
            f"-A POSTROUTING -o {interface} -j NFQUEUE --queue-num {2 * number + 1}",
        ]
    process = await asyncio.create_subprocess_exec(
        *sandbox.command_at(space, str(program), *queues),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != b"ready\n":
            raise SandboxError((await process.communicate())[1].decode(errors="replace").strip())
        table = "\n".join(["*mangle", *rules, "COMMIT", ""])
        await sandbox.run("ip", "netns", "exec", space, "iptables-restore", "-n", script=table)
        yield Delayer(process)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.communicate(), ENDED)
