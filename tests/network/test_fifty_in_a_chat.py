"""Fifty people in a chat, 40 ms apart, with one packet in a hundred lost, and some of them vanish."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.network.bed import Place, network_bed
from tests.network.homes import apart
from tests.network.venue import ROOM, URL, Venue
from tests.programs import Program, programs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(500),
    pytest.mark.usefixtures("bed_is_possible"),
]

STAY, COME_AND_GO = 40, 10
LINE = replace(apart(0.04, 0.01), nat="none")
CHANGES, EVERY = 12, 5.0
"""So often somebody vanishes and somebody else comes, every so many seconds: each seat is kept for 50 s."""
SETTLE = 15.0
"""Seconds for links to be made, and in the end for what was lost to be asked for."""
JOINING = 5
"""People that come in at a time: fifty that start at once would only try the machine."""


def word(talker: Program, said: str) -> None:
    assert talker.process.stdin is not None
    talker.process.stdin.write(said.encode() + b"\n")


async def come(venue: Venue, home: Place, seed: int) -> Program:
    command = home.command(sys.executable, "-m", "tests.network.talker", URL, ROOM, str(seed))
    name = f"talker {seed} in {home.name}"
    return await venue.run.start(name, *command, stdin=asyncio.subprocess.PIPE)


async def told(talker: Program) -> dict[str, Any]:
    """What happened to somebody."""
    word(talker, "tell")
    await talker.until(lambda: any('"told"' in line for line in talker.output))
    record: dict[str, Any] = json.loads(next(line for line in talker.output if '"told"' in line))
    return record


def delays_of(record: dict[str, Any], said: dict[str, float]) -> list[float]:
    """How long the messages of others took to somebody, in seconds."""
    own = {id for id, _ in record["said"]}
    return [at - said[id] for id, at in record["heard"] if id in said and id not in own]


async def test_fifty_people_hear_each_message_once_soon_and_in_one_order(tmp_path: Path) -> None:
    async with network_bed([LINE] * (STAY + COME_AND_GO), tmp_path) as bed, programs(tmp_path) as run:
        venue = Venue(bed, run)
        await venue.introducer()
        talkers: list[Program] = []
        for first in range(0, len(bed.homes), JOINING):
            homes = bed.homes[first : first + JOINING]
            new = await asyncio.gather(*(come(venue, home, first + k) for k, home in enumerate(homes)))
            await asyncio.gather(*(talker.event("joined") for talker in new))
            talkers += new
        stay, seats = talkers[:STAY], talkers[STAY:]
        await asyncio.sleep(SETTLE)
        for talker in talkers:
            word(talker, "talk")
        for change in range(CHANGES):
            await asyncio.sleep(EVERY)
            seat = change % COME_AND_GO
            await seats[seat].kill()
            seats[seat] = await come(venue, bed.homes[STAY + seat], 100 + change)
            word(seats[seat], "talk")
        for talker in [*stay, *seats]:
            word(talker, "hush")
        await asyncio.sleep(SETTLE)
        found = [await told(talker) for talker in stay]
        lost = (await bed.delayed()).lost
    said = {id: at for record in found for id, at in record["said"]}
    delays = sorted(delay for record in found for delay in delays_of(record, said))
    p50, p99 = (delays[round(share * (len(delays) - 1))] for share in (0.5, 0.99))
    sent = sum((Counter(record["sent"]) for record in found), Counter())
    heard = sum(len(record["heard"]) for record in found)
    links = sorted(record["links"] for record in found)
    sys.stderr.write(
        f"{links[0]} to {links[-1]} links, {sum(links) / STAY:.1f} in the mean\n"
        f"{len(said)} messages of {STAY} who stayed, {len(delays)} times heard: "
        f"p50 {p50:.3f} s, p99 {p99:.3f} s, at most {delays[-1]:.3f} s\n"
    )
    each = {name: count / heard for name, count in sent.items()}
    sys.stderr.write(
        f"for each that came {each['messages']:.2f} copies sent, {each['messages_bytes']:.0f} bytes, and "
        f"{each['chat']:.2f} others of the chat, {each['chat_bytes']:.0f} bytes; {lost} lost packets\n"
    )
    everything = Counter(id for id, _ in found[0]["heard"])
    for record in found:
        assert Counter(id for id, _ in record["heard"]) == everything
        assert record["order"] == found[0]["order"]
    assert set(everything.values()) == {1}
    assert said.keys() <= everything.keys()
    assert lost > 0
