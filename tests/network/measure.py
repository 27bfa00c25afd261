"""Measures in the bed how blocks travel over real links, and keeps it for the simulator to be held to.

python -m tests.network.measure ["one stripe, 1 % lost" …]     as root, on a machine with nothing else to do
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import machine
from tests.network.bed import Bed, network_bed
from tests.network.cases import CASES, MEASURED, Case
from tests.network.homes import apart
from tests.programs import Program, Programs, programs

SETTLE = 10.0
"""Seconds after the last block, for what is sent again and again."""
WARM = 20
"""Parts that come before the association knows its path: they are left out."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Programs of which each is linked to the next."""

    hops: list[Program]

    async def link(self) -> None:
        for here, there in pairwise(self.hops):
            own, who = await here.event("here"), await there.event("here")
            tell(here, {"do": "connect", "peer": who["peer"], "nonce": who["nonce"]})
            tell(there, await signaled(here, "offer"))
            tell(here, await signaled(there, "answer"))
            await opened(here, who["peer"])
            await opened(there, own["peer"])


def tell(program: Program, record: dict[str, Any]) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(json.dumps(record).encode() + b"\n")


async def opened(program: Program, peer: str) -> None:
    await program.record(lambda record: record.get("event") == "opened" and record["peer"] == peer)


async def signaled(program: Program, kind: str) -> dict[str, Any]:
    record = await program.record(lambda record: record.get("do") == kind)
    return {name: value for name, value in record.items() if name != "to"}


async def chain(bed: Bed, run: Programs, first: int, length: int) -> Chain:
    hops = [
        await run.start(
            f"hop {number}",
            *bed.homes[number].command(sys.executable, "-m", "tests.network.hop"),
            stdin=asyncio.subprocess.PIPE,
        )
        for number in range(first, first + length)
    ]
    found = Chain(hops)
    await found.link()
    return found


async def measure(case: Case) -> dict[str, Any]:
    """Seconds at half and 95 % of the blocks after each hop, or bit/s."""
    home = replace(apart(case.round_trip, case.loss), nat="none", up=case.up, queue=1.0)
    length = case.hops + 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with network_bed([home] * (length * case.chains), folder) as bed, programs(folder) as run:
            chains = [await chain(bed, run, length * k, length) for k in range(case.chains)]
            order = {"size": case.size, "together": case.together, "interval": case.interval}
            for each in chains:
                # One after another, so that they do not wait for the processor at the same time.
                tell(each.hops[0], {"do": "send", "seconds": case.seconds, **order})
                await asyncio.sleep(case.interval * 1.37)
            await asyncio.sleep(case.seconds)
            for each in chains:
                await each.hops[0].event("sent")
            await asyncio.sleep(SETTLE)
            for each in chains:
                for hop in each.hops[1:]:
                    tell(hop, {"do": "tell"})
            told = [[await hop.event("came") for hop in each.hops[1:]] for each in chains]
            sent = [await each.hops[0].event("sent") for each in chains]
            delayed = await bed.delayed()
    result: dict[str, Any] = {
        "lost": round(delayed.lost / max(1, delayed.packets), 5),
        "late_max": delayed.late_max,
    }
    if case.is_throughput:
        rates = [8 * hops[0]["bytes"] / case.seconds for hops in told]
        return result | {
            "bit_rate": round(statistics.fmean(rates)),
            "bit_rates": [round(rate) for rate in rates],
        }
    for hops, start in zip(told, sent, strict=True):
        assert all(len(hop["blocks"]) == start["count"] for hop in hops), "blocks did not arrive"
    warm = WARM * case.together
    result["hops"] = [
        percentiles([took for hops in told for number, took in hops[k]["blocks"] if number >= warm])
        for k in range(case.hops)
    ]
    return result


def percentiles(delays: list[float]) -> dict[str, float]:
    """Seconds."""
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    return {"p50": round(cuts[49], 5), "p95": round(cuts[94], 5), "p99": round(cuts[98], 5)}


def main(names: list[str]) -> None:
    kept: dict[str, Any] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {"cases": {}}
    for case in CASES:
        if names and case.name not in names:
            continue
        found = asyncio.run(measure(case))
        sys.stdout.write(f"{case.name}: {json.dumps(found)}\n")
        kept["machine"] = machine.describe()
        kept["cases"][case.name] = {"case": asdict(case), "measured": found}
        MEASURED.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
