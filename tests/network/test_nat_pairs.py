"""Whatever stands between two homes, they get a link: straight, or by TURN."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from tests.network.bed import Place, network_bed
from tests.network.homes import NAT_KINDS, Home, apart
from tests.network.requirements import lacking
from tests.network.turn import BY_TCP, BY_UDP, turn
from tests.network.venue import STUN, URL, Venue
from tests.programs import Program, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(400)]

LINE = apart(0.04)
PAIRS = list(combinations_with_replacement(range(len(NAT_KINDS)), 2))
AT_ONCE = 3


@pytest.fixture(scope="module", autouse=True)
def coturn() -> None:
    sentence = lacking(("turnserver", "coturn"))
    if sentence is not None:
        pytest.skip(sentence)


@asynccontextmanager
async def homes_of_every_kind(folder: Path, *, each: int) -> AsyncIterator[Venue]:
    """A venue with `each` homes behind every kind of NAT, in the order of NAT_KINDS, and a TURN server."""
    homes: list[Home] = [replace(LINE, nat=kind) for kind in NAT_KINDS] * each
    async with network_bed(homes, folder) as bed, programs(folder) as run:
        venue = Venue(bed, run)
        await turn(venue, folder)
        await venue.introducer(STUN, BY_UDP, BY_TCP)
        yield venue


async def test_people_behind_any_two_kinds_of_nat_hear_each_other(tmp_path: Path) -> None:
    async with homes_of_every_kind(tmp_path, each=2) as venue:
        first, second = venue.bed.homes[: len(NAT_KINDS)], venue.bed.homes[len(NAT_KINDS) :]
        places = asyncio.Semaphore(AT_ONCE)

        async def meet(one: int, other: int) -> None:
            room = f"pair-{one}-{other}"
            async with places:
                talking = [
                    await talk(venue, home, room, NAT_KINDS[kind] == "udp blocked")
                    for home, kind in ((first[one], one), (second[other], other))
                ]
                await asyncio.gather(*(hears_both(program) for program in talking))
                await asyncio.gather(*(program.kill() for program in talking))

        await asyncio.gather(*(meet(one, other) for one, other in PAIRS))


async def talk(venue: Venue, at: Place, room: str, blocked: bool) -> Program:
    """Somebody who says hello: chat goes over links, so who hears it has one."""
    arguments = ["chat", "--server", URL, "--room", room, "--json", "--name", at.name, "--follow"]
    if blocked:
        # A Python peer uses the first TURN server that it is told of; who has no UDP must name one for TCP.
        arguments += ["--ice-server", BY_TCP]
    program = await venue.braidcast(at, *arguments, stdin=asyncio.subprocess.PIPE)
    assert program.process.stdin is not None
    program.process.stdin.write(b"hello\n")
    return program


async def hears_both(program: Program) -> None:
    await program.until(lambda: len({said["author"] for said in program.records()}) == 2)
