"""Fifty people in a chat, 40 ms apart, with one packet in a hundred lost, and some of them vanish.

What one of them says is work for all fifty within a tenth of a second, more than a small machine can do in
that. It would be measured, and not the protocol, so they live in slower time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.network import talker
from tests.network.bed import Place, network_bed
from tests.network.homes import apart
from tests.network.slow_time import slowly
from tests.network.venue import ROOM, URL, Venue
from tests.programs import Program, programs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("bed_is_possible"),
]

SLOWER = max(1.0, 8 / (os.cpu_count() or 1))
"""How much slower their time goes: each has as much of a processor in it as on a machine with eight."""
STAY, COME_AND_GO = 40, 10
LINE = replace(apart(0.04 * SLOWER, 0.01), nat="none")
CHANGES, EVERY = 12, 5.0
"""So often somebody vanishes and somebody else comes, every so many of their seconds: seats last 50 s."""
SETTLE = 15.0
"""Their seconds for links to be made, and in the end for what was lost to be asked for."""
JOINING = 5
"""People that come in at a time: fifty that start at once would only try the machine."""


async def pass_by(seconds: float) -> None:
    """Let so many of their seconds pass."""
    await asyncio.sleep(seconds * SLOWER)


def word(person: Program, said: str) -> None:
    assert person.process.stdin is not None
    person.process.stdin.write(said.encode() + b"\n")


async def come(venue: Venue, home: Place, seed: int) -> Program:
    command = home.command(*slowly(SLOWER, talker.__file__, URL, ROOM, str(seed)))
    name = f"talker {seed} in {home.name}"
    return await venue.run.start(name, *command, stdin=asyncio.subprocess.PIPE)


async def told(person: Program) -> dict[str, Any]:
    """What happened to somebody."""
    word(person, "tell")
    await person.until(lambda: any('"told"' in line for line in person.output))
    record: dict[str, Any] = json.loads(next(line for line in person.output if '"told"' in line))
    return record


def delays_of(record: dict[str, Any], said: dict[str, float]) -> list[float]:
    """How long the messages of others took to somebody, in seconds."""
    own = {id for id, _ in record["said"]}
    return [at - said[id] for id, at in record["heard"] if id in said and id not in own]


async def test_fifty_people_hear_each_message_once_soon_and_in_one_order(tmp_path: Path) -> None:
    async with network_bed([LINE] * (STAY + COME_AND_GO), tmp_path) as bed, programs(tmp_path) as run:
        venue = Venue(bed, run, SLOWER)
        await venue.introducer()
        people: list[Program] = []
        for first in range(0, len(bed.homes), JOINING):
            homes = bed.homes[first : first + JOINING]
            new = await asyncio.gather(*(come(venue, home, first + k) for k, home in enumerate(homes)))
            await asyncio.gather(*(person.event("joined") for person in new))
            people += new
        stay, seats = people[:STAY], people[STAY:]
        await pass_by(SETTLE)
        for person in people:
            word(person, "talk")
        for change in range(CHANGES):
            await pass_by(EVERY)
            seat = change % COME_AND_GO
            await seats[seat].kill()
            seats[seat] = await come(venue, bed.homes[STAY + seat], 100 + change)
            word(seats[seat], "talk")
        for person in [*stay, *seats]:
            word(person, "hush")
        await pass_by(SETTLE)
        found = [await told(person) for person in stay]
        delayed = await bed.delayed()
    said = {id: at for record in found for id, at in record["said"]}
    delays = sorted(delay for record in found for delay in delays_of(record, said))
    p50, p99 = (delays[round(share * (len(delays) - 1))] for share in (0.5, 0.99))
    sent = sum((Counter(record["sent"]) for record in found), Counter())
    heard = sum(len(record["heard"]) for record in found)
    links = sorted(record["links"] for record in found)
    sys.stderr.write(
        f"time {SLOWER:g} times slower, packets {1000 * delayed.late_mean:.1f} ms late in the mean; "
        f"{links[0]} to {links[-1]} links, {sum(links) / STAY:.1f} in the mean\n"
        f"{len(said)} messages of {STAY} who stayed, {len(delays)} times heard: "
        f"p50 {p50:.3f} s, p99 {p99:.3f} s, at most {delays[-1]:.3f} s\n"
    )
    each = {name: count / heard for name, count in sent.items()}
    sys.stderr.write(
        f"for each that came {each['messages']:.2f} copies sent, {each['messages_bytes']:.0f} bytes, and "
        f"{each['chat']:.2f} others of the chat, {each['chat_bytes']:.0f} bytes; "
        f"{delayed.lost} packets were lost\n"
    )
    everything = Counter(id for id, _ in found[0]["heard"])
    for record in found:
        assert Counter(id for id, _ in record["heard"]) == everything
        assert record["order"] == found[0]["order"]
    assert set(everything.values()) == {1}
    assert said.keys() <= everything.keys()
    assert delayed.lost > 0
