"""A Python relay beside the bare transport: the same blocks, rate and fan-out, over real links."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.bare_roles import MESSAGE
from bench.usage import process_seconds
from tests.programs import Program, Programs

FAN_OUT = 4
RATES = (4, 8, 12)
"""Blocks of 16 KiB ten times a second: 5, 11 and 16 Mbit/s in, four times that out."""
SETTLE, MEASURE = 2.0, 5.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """One rate through one forwarder."""

    blocks: int
    offered: float
    """Mbit/s that would leave it if nothing were lost."""
    sent: float
    """Mbit/s that came out at the other end."""
    cpu: float
    """Of one core."""
    cpu_per_mb: float
    """ms for each MB sent, receiving it included."""
    elsewhere: float = 0.0
    """Mbit/s that the viewers got from the source itself meanwhile."""


async def measure(seconds: float = MEASURE) -> dict[str, Any]:
    """Both at every rate, and the ratio of what they send for the same CPU time."""
    rates = []
    for blocks in RATES:
        bare = await _with_programs(lambda run, blocks=blocks: _bare(run, blocks, seconds))  # type: ignore[misc]
        braid = await _with_programs(lambda run, blocks=blocks: _braid(run, blocks, seconds))  # type: ignore[misc]
        rates.append(
            {"bare": asdict(bare), "relay": asdict(braid), "ratio": bare.cpu_per_mb / braid.cpu_per_mb}
        )
    return {"fan_out": FAN_OUT, "block": MESSAGE, "rates": rates}


async def _with_programs(work: Callable[[Programs], Awaitable[Throughput]]) -> Throughput:
    with TemporaryDirectory() as folder:
        run = Programs(Path(folder))
        try:
            return await work(run)
        finally:
            await run.close()


async def _bare(run: Programs, blocks: int, seconds: float) -> Throughput:
    names = {"source": blocks, "forwarder": FAN_OUT, "receivers": FAN_OUT}
    roles = {}
    for name, argument in names.items():
        command = (sys.executable, "-m", "bench.bare_roles", name, str(argument))
        roles[name] = await run.start(name, *command, stdin=asyncio.subprocess.PIPE)
    for number in range(FAN_OUT):
        await _introduce(roles["forwarder"], roles["receivers"], f"receiver {number}")
    await _introduce(roles["source"], roles["forwarder"], "source")
    await roles["forwarder"].event("open")
    return await _throughput(blocks, roles["forwarder"], roles["receivers"], "bytes", seconds)


async def _introduce(offerer: Program, answerer: Program, link: str) -> None:
    """Pass an offer and its answer on."""
    offer = await offerer.record(lambda record: record.get("link") == link and "offer" in record)
    _tell(answerer, offer)
    answer = await answerer.record(lambda record: record.get("link") == link and "answer" in record)
    _tell(offerer, answer)


def _tell(program: Program, message: dict[str, Any]) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(json.dumps(message).encode() + b"\n")


async def _braid(run: Programs, blocks: int, seconds: float) -> Throughput:
    roles = (sys.executable, "-m", "bench.braid_roles")
    introducer = await run.braidcast("signal", "--port", "0", "--json")
    server = (await introducer.event("listening"))["url"]
    source = await run.start("source", *roles, "source", server, str(blocks))
    await source.event("live")
    relay = await run.braidcast("relay", "--server", server, "--room", "bench", "--uplink", "1G", "--json")
    await relay.record(lambda record: record["bytes_from_origin"] > 0)
    leaves = await run.start("leaves", *roles, "leaves", server, str(FAN_OUT))
    await leaves.record(lambda record: record["fed"])
    elsewhere = int(leaves.latest()["from_elsewhere"])
    found = await _throughput(blocks, relay, leaves, "from_relays", seconds)
    # A relay that could not keep up has lost children to the source: said, for it is part of the result.
    other = 8 * (int(leaves.latest()["from_elsewhere"]) - elsewhere) / 1e6 / (SETTLE + seconds)
    return replace(found, elsewhere=other)


async def _throughput(
    blocks: int, forwarder: Program, sink: Program, counter: str, seconds: float
) -> Throughput:
    """What goes through, once it has settled, in a time that begins and ends with a line of the sink's."""
    await asyncio.sleep(SETTLE)
    bytes_before, cpu_before, began = await _reading(forwarder, sink, counter)
    await asyncio.sleep(seconds)
    bytes_after, cpu_after, ended = await _reading(forwarder, sink, counter)
    megabytes, cpu, wall = (bytes_after - bytes_before) / 1e6, cpu_after - cpu_before, ended - began
    return Throughput(
        blocks=blocks,
        offered=blocks * 10 * MESSAGE * FAN_OUT * 8 / 1e6,
        sent=8 * megabytes / wall,
        cpu=cpu / wall,
        cpu_per_mb=1000 * cpu / megabytes,
    )


async def _reading(forwarder: Program, sink: Program, counter: str) -> tuple[int, float, float]:
    """Bytes that came, CPU seconds of the forwarder, and when."""
    lines = len(sink.output)
    await sink.until(lambda: len(sink.output) > lines)
    return int(sink.latest()[counter]), process_seconds(forwarder.pid), time.monotonic()
