"""Files in the chat of real pages: sent, fetched from several, shown, saved, and there after a reload."""

import asyncio
import filecmp
import random
import struct
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from peer.api import Peer
from peer.core.chat_message import Entry
from tests.e2e.test_accessibility import faults
from tests.programs import PATIENCE, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built_pages")]

ROOM = "team"


def picture(path: Path) -> Path:
    """A PNG of 480 x 300 dots, and of some hundred kB: its colours come by chance."""
    rows = random.Random(1).randbytes(300 * 1441)
    pixels = b"".join(b"\0" + rows[at + 1 : at + 1441] for at in range(0, len(rows), 1441))
    header = struct.pack(">IIBBBBB", 480, 300, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return path


async def open_page(browser: Browser, server: str, room: str = ROOM) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{server}/chat/{room}")
    await page.get_by_role("button", name="Attach a file").and_(page.locator(":enabled")).wait_for()
    return page


async def linked(peer: Peer, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(peer.node.mesh.peers) < count:  # noqa: ASYNC110 - links have no event for programs
            await asyncio.sleep(0.05)


async def save(page: Page, name: str, path: Path) -> None:
    """Press the link, as a person does."""
    async with page.expect_download() as download:
        await page.get_by_role("link", name=f"Save {name}").click()
    await (await download.value).save_as(path)


async def test_pages_get_a_file_from_each_other_and_keep_it_when_the_sender_has_left(
    browser: Browser, tmp_path: Path
) -> None:
    source = picture(tmp_path / "garden.png")
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        async with Peer.join(server, ROOM, role="member", name="Ada") as ada:
            pages = [await open_page(browser, server) for _ in range(3)]
            await linked(ada, 3)
            await ada.chat.send_file(source, "Look at this")
            for page in pages:
                await page.get_by_role("button", name="Get garden.png").wait_for()
                assert await page.locator("braidcast-file img").count() == 0, "It is opened by nobody."
            for page in pages:
                await page.get_by_role("button", name="Get garden.png").click()
            for page in pages:
                await page.get_by_role("img", name="garden.png").wait_for()
            assert ada.chat.files.sent <= 1.5 * source.stat().st_size + 3 * 20_000
        assert await faults(pages[0]) == {}
        await pages[0].reload()
        await pages[0].get_by_role("img", name="garden.png").wait_for()
        await save(pages[0], "garden.png", tmp_path / "saved.png")
        assert filecmp.cmp(source, tmp_path / "saved.png", shallow=False)
        late = await open_page(browser, server)
        await late.get_by_role("button", name="Get garden.png").click()
        await save(late, "garden.png", tmp_path / "late.png")
        assert filecmp.cmp(source, tmp_path / "late.png", shallow=False)


async def test_page_sends_what_is_chosen_and_dropped_and_nothing_of_it_is_run(
    browser: Browser, tmp_path: Path
) -> None:
    evil = tmp_path / "<img src=x onerror=alert(1)>.html"
    evil.write_text("<script>document.title = 'owned'</script>" * 2000)
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        page, other = [await open_page(browser, server) for _ in range(2)]
        async with Peer.join(server, ROOM, role="member", name="Ada") as ada:
            await linked(ada, 2)
            await page.locator("input[type=file]").set_input_files(evil)
            await page.get_by_label("Message", exact=True).evaluate(
                """(field) => {
                     const data = new DataTransfer();
                     data.items.add(new File(["dropped words"], "notes.txt", { type: "text/plain" }));
                     const drop = { dataTransfer: data, bubbles: true, composed: true, cancelable: true };
                     field.dispatchEvent(new DragEvent("drop", drop));
                   }"""
            )
            told: list[Entry] = []
            async with asyncio.timeout(PATIENCE):
                async for message in ada.chat.messages():
                    told.append(message)
                    if len(told) == 2:
                        break
            files = {entry.file.name: entry.file for entry in told if entry.file is not None}
            assert set(files) == {evil.name, "notes.txt"}
            for name, file in files.items():
                async with asyncio.timeout(PATIENCE):
                    await ada.chat.save(file, tmp_path / f"saved {len(name)}")
            assert filecmp.cmp(evil, tmp_path / f"saved {len(evil.name)}", shallow=False)
        await other.get_by_role("button", name=f"Get {evil.name}").click()
        link = other.get_by_role("link", name=f"Save {evil.name}")
        await link.wait_for()
        async with other.expect_download() as download:  # even who goes to its address does not open it
            await link.evaluate("(link) => { location.href = link.href; }")
        assert filecmp.cmp(evil, await (await download.value).path(), shallow=False)
        assert await other.locator("braidcast-file :is(img, video, iframe)").count() == 0
        assert await other.title() != "owned"


@pytest.mark.slow
async def test_page_goes_on_with_a_file_that_it_had_begun_before_a_reload(
    browser: Browser, tmp_path: Path
) -> None:
    source = tmp_path / "film.bin"
    source.write_bytes(random.Random(2).randbytes(30_000_000))
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        async with Peer.join(server, ROOM, role="member", name="Ada") as ada:
            page = await open_page(browser, server)
            await linked(ada, 1)
            await ada.chat.send_file(source)
            await page.get_by_role("button", name="Get film.bin").click()
            sent, size = ada.chat.files, source.stat().st_size
            async with asyncio.timeout(PATIENCE):
                while sent.sent < size / 4:  # noqa: ASYNC110 - what leaves has no event
                    await asyncio.sleep(0.01)
            await page.reload()
            before = sent.sent
            assert before < size, "It was over before it was interrupted."
            await page.get_by_role("link", name="Save film.bin").wait_for()
            assert sent.sent - before < 0.9 * size
        await save(page, "film.bin", tmp_path / "saved.bin")
        assert filecmp.cmp(source, tmp_path / "saved.bin", shallow=False)
