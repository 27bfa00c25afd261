"""What is typed in a page reaches pages and the command, in a room whose stream has no origin."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.audience import audience, play_on, stats_of
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built_pages")]


async def test_pages_and_the_command_talk_and_a_late_page_reads_it_all(chromium: str, tmp_path: Path) -> None:
    async with programs(tmp_path) as run, audience(chromium, run, tmp_path) as seats:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = ("--server", (await introducer.event("listening"))["url"], "--json")
        publisher = await run.braidcast("publish", "test:?size=320x180", *server)
        url = (await publisher.event("joined"))["watch_url"]
        chat = await run.braidcast("chat", "--name", "Terminal", *server, stdin=asyncio.subprocess.PIPE)
        pages = await seats.open_all(url, 2)
        for page in pages:
            await page.is_fed()
        await pages[0].says("typed in a page")
        await pages[1].sees("typed in a page")
        heard = await chat.record(lambda record: record["text"] == "typed in a page")
        assert heard["author"] == await pages[0].ask("room.id")
        assert chat.process.stdin is not None
        chat.process.stdin.write(b"typed in a terminal\n")
        for page in pages:
            await page.sees("typed in a terminal")
        late = await seats.open(url)
        await late.sees("typed in a page")
        await late.sees("typed in a terminal")
        ids = [
            await page.ask("chat.messages.map(({ id, name, text }) => [id, name, text])") for page in pages
        ]
        assert (
            ids[0] == ids[1] == await late.ask("chat.messages.map(({ id, name, text }) => [id, name, text])")
        )
        assert ids[0][-1][1:] == ["Terminal", "typed in a terminal"]
        # The stream came by the mesh alone.
        await late.is_fed()
        await play_on((*pages, late), 2)
        assert publisher.latest()["sent_bytes"]["http"] == 0
        assert all(stats["bytesFromPeers"] > 0 for stats in await stats_of((*pages, late)))
