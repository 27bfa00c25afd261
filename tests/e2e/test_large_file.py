"""A large file goes round a room of pages and programs, while a page of the same room plays a video.

While it goes round the video does not stall. What it does while a whole page is loaded beside it, on the same
processors, is told and not judged.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from peer.api import Peer
from tests.e2e.audience import Watcher, audience
from tests.e2e.reading import memory
from tests.integration.test_files import ROOM, links, member, open_server, same, send, write
from tests.programs import programs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("built_pages"),
]

SIZE = 40_000_000
PATIENCE = 900.0
"""Seconds that all of it may take on a busy machine."""
LOADED = 3.0
"""Seconds that a page takes of the machine when it is loaded."""
STATE = """
(() => {
  const file = document.querySelector("braidcast-chat")?.renderRoot.querySelector("braidcast-file");
  return { received: 0, ...file?.state, sent: file?.files?.sent ?? 0, wrong: file?.files?.share.wrong ?? 0 };
})()
"""
DIGEST = """
async () => {
  const file = document.querySelector("braidcast-chat").renderRoot.querySelector("braidcast-file");
  const data = await (await file.files.data(file.file)).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
"""


async def state(page: Watcher) -> dict[str, Any]:
    """How far the page is with the file, the bytes of it that it has sent, and blocks that it has refused."""
    found: dict[str, Any] = await page.page.evaluate(STATE)
    return found


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - a page's progress has no event here
            await asyncio.sleep(0.5)


async def test_file_reaches_pages_and_programs_though_one_is_loaded_again_and_the_sender_leaves(
    chromium: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "film.bin", SIZE)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(programs(tmp_path))
        seats = await stack.enter_async_context(audience(chromium, run, tmp_path))
        server = await open_server(run)
        video = ("test:?size=320x180", "--height", "180", "--bitrate", "300k")
        publisher = await run.braidcast("publish", *video, "--server", server, "--room", ROOM, "--json")
        await publisher.record(lambda record: record.get("state") == "live")
        members = [await member(run, server) for _ in range(3)]
        watching = await seats.open(f"{server}/watch/{ROOM}")
        talking = await seats.open(f"{server}/chat/{ROOM}")
        await watching.plays()
        leaving = AsyncExitStack()
        ada = await leaving.enter_async_context(Peer.join(server, ROOM, role="member", name="Ada"))
        await links(ada, 3)
        before, begun = await watching.stats(), time.monotonic()
        await send(ada, source)
        for page in (watching, talking):
            await page.page.get_by_role("button", name="Get film.bin").click()
        for number, one in enumerate(members):
            await one.save(tmp_path / f"{number}.bin")

        async def fetched(share: float) -> bool:
            return bool((await state(talking))["received"] >= share * SIZE)

        await until(lambda: fetched(0.3))
        half, first = (await state(talking))["received"], await watching.stats()
        assert half < SIZE, "It was over before it was interrupted."
        await talking.page.reload()
        await asyncio.sleep(LOADED)
        second = await watching.stats()
        await until(lambda: fetched(0.25))

        async def somebody_has_it() -> bool:
            saved = [one for one in members if any(r.get("event") == "saved" for r in one.program.records())]
            return bool(saved) or any([(await state(p))["state"] == "here" for p in (watching, talking)])

        await until(somebody_has_it)
        copies, left, third = ada.chat.files.sent / SIZE, time.monotonic() - begun, await watching.stats()
        await leaving.aclose()

        async def everybody_has_it() -> bool:
            saved = [any(r.get("event") == "saved" for r in one.program.records()) for one in members]
            return all(saved) and all([(await state(p))["state"] == "here" for p in (watching, talking)])

        await until(everybody_has_it)
        took, after = time.monotonic() - begun, await watching.stats()
        stalls, stalled = (after[name] - before[name] for name in ("stalls", "stallTime"))
        kept = [(await memory(page.page))["heap"] / 1e6 for page in (watching, talking)]
        told = [await state(page) for page in (watching, talking)]
        shares = ", ".join(f"{page['sent'] / SIZE:.2f}" for page in told)
        heaps = ", ".join(f"{heap:.0f} MB" for heap in kept)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{SIZE / 1e6:.0f} MB to three members and two pages: {took:.0f} s, "
                f"{5 * SIZE / 1e6 / took:.1f} MB/s in all; "
                f"the sender left after {left:.0f} s and {copies:.2f} copies; the pages sent "
                f"{shares} copies and have "
                f"{heaps} of objects; the video stalled {stalls} times, "
                f"{stalled:.2f} s\n"
            )
        assert all(same(source, tmp_path / f"{number}.bin") for number in range(3))
        assert [await page.page.evaluate(DIGEST) for page in (watching, talking)] == [digest] * 2
        assert [page["wrong"] for page in told] == [0, 0]
        assert copies <= 1.5
        assert (first["stalls"] - before["stalls"], third["stalls"] - second["stalls"]) == (0, 0)
        assert max(kept) < 60
