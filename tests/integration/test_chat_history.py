"""A relay with a store keeps what was said in a room, whoever leaves and however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from peer.api import Peer
from peer.chat_store import StoreError
from peer.core.chat_message import Entry
from tests.chat_past import ROOM, fill
from tests.programs import PATIENCE, Program, Programs, programs
from tests.unit.peer.core.chat_network import identity

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

PAST = 500


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


async def open_server(run: Programs) -> str:
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    url = (await signaling.event("listening"))["url"]
    assert isinstance(url, str)
    return url


async def open_relay(run: Programs, server: str, folder: Path) -> Program:
    relay = await run.braidcast("relay", "--server", server, "--room", ROOM, "--store", str(folder), "--json")
    await relay.record(lambda record: "chat_messages_kept" in record)
    return relay


async def hear(peer: Peer, count: int) -> list[Entry]:
    """The first `count` texts that come, in the order that is the same for everybody."""
    heard: list[Entry] = []
    messages = peer.chat.messages()
    async with asyncio.timeout(PATIENCE):
        while len(heard) < count:
            heard.append(await anext(messages))
    return sorted(heard, key=lambda entry: (entry.clock, entry.key, entry.id))


async def everything(peer: Peer, recent: list[Entry]) -> list[Entry]:
    """All that can be had, page by page."""
    read = recent
    while page := await peer.chat.before(read[0]):
        read = page + read
    return read


async def test_everybody_leaves_the_relay_is_killed_and_newcomers_get_all_that_was_acknowledged(
    run: Programs, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    await fill(folder, PAST)
    server = await open_server(run)
    relay = await open_relay(run, server, folder)
    said: list[Entry] = []

    async def talk(peer: Peer) -> None:
        while True:
            said.append(await peer.chat.send(f"said {len(said)}"))

    async with Peer.join(server, ROOM, identity=identity("bob"), role="member") as bob:
        await hear(bob, 200)
        talking = asyncio.create_task(talk(bob))
        acknowledged = (await relay.record(lambda record: record["chat_messages_kept"] >= 22))[
            "chat_messages_kept"
        ]
        await relay.kill()
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    await open_relay(run, server, folder)
    async with Peer.join(server, ROOM, role="member") as newcomer:
        read = await everything(newcomer, await hear(newcomer, 200))
    texts = [entry.text for entry in read]
    assert texts[:PAST] == [f"{number}" for number in range(PAST)]
    assert [entry.id for entry in read[PAST:]] == [entry.id for entry in said[: len(read) - PAST]]
    assert len(read) - PAST >= acknowledged


async def test_a_second_relay_gets_the_whole_past_and_can_search_it(run: Programs, tmp_path: Path) -> None:
    await fill(tmp_path / "first", PAST)
    server = await open_server(run)
    relay = await open_relay(run, server, tmp_path / "first")
    other = tmp_path / "second"
    async with Peer.join(server, ROOM, role="relay", store=other) as second:
        assert second.chat.session.keeper is not None
        store = second.chat.session.keeper.store
        for _ in range(300):
            if await store.count() == PAST:
                break
            await asyncio.sleep(0.1)
        assert [entry.text for entry in await second.chat.search("17")] == ["17", *map(str, range(170, 180))]
    await relay.kill()
    async with Peer.join(server, ROOM, role="relay", store=other) as second:
        read = await everything(second, second.chat.session.messages()[-1:])
        assert [entry.text for entry in read] == [f"{number}" for number in range(PAST)]
    async with Peer.join(server, ROOM) as plain:
        with pytest.raises(StoreError, match="was given a store"):
            await plain.chat.search("17")


async def test_a_store_that_is_in_use_or_no_folder_ends_the_relay_with_a_sentence(
    run: Programs, tmp_path: Path
) -> None:
    server = await open_server(run)
    await open_relay(run, server, tmp_path / "store")
    options = ("relay", "--server", server, "--room", ROOM, "--store")
    (tmp_path / "file").write_text("")
    told = {
        ("store",): "cannot be used: database is locked",
        ("file",): "cannot be used",
        ("other", "--store-size", "much"): "'much' is no size: give bytes, such as 500M or 1G.",
    }
    refused = [await run.braidcast(*options, str(tmp_path / folder), *more) for folder, *more in told]
    assert await asyncio.gather(*(program.ended() for program in refused)) == [1] * 3
    for program, sentence in zip(refused, told.values(), strict=True):
        assert sentence in " ".join(program.errors)
