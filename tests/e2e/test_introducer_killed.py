"""The introducer's process is killed: those who are in go on, and newcomers get in when it is back."""

import asyncio
from pathlib import Path

import pytest

from peer.addresses import free_port
from tests.e2e.audience import audience, play_on
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]

HOST = "127.0.0.1"


async def test_pictures_and_chat_go_on_and_newcomers_get_in_afterwards(chromium: str, tmp_path: Path) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        port, origin = free_port(HOST), f"{HOST}:{free_port(HOST)}"
        server = f"http://{HOST}:{port}"
        introducer = await run.braidcast("signal", "--port", str(port), "--json")
        await introducer.event("listening")
        publisher = await run.braidcast(
            "publish", "test:?size=320x180", "--http", origin, "--server", server, "--json"
        )
        url = (await publisher.event("joined"))["watch_url"]
        chat = await run.braidcast("chat", "--server", server, "--json", stdin=asyncio.subprocess.PIPE)
        watchers = await seats.open_all(url, 2)
        for watcher in watchers:
            await watcher.is_fed()
        await watchers[0].says("before")
        await watchers[1].sees("before")
        await chat.record(lambda record: record["text"] == "before")

        await introducer.kill()
        for watcher in watchers:
            await watcher.until("room.state === 'reconnecting'")
        await play_on(watchers, 4)
        await watchers[1].says("during")
        await watchers[0].sees("during")
        await chat.record(lambda record: record["text"] == "during")

        introducer = await run.braidcast("signal", "--port", str(port), "--json")
        await introducer.event("listening")
        newcomer = await seats.open(url)
        await newcomer.plays()
        await newcomer.sees("during")
        for watcher in (*watchers, newcomer):
            await watcher.until("room.state === 'joined' && room.roster.length === 5")
            await watcher.is_fed()
        await play_on((*watchers, newcomer), 2)
