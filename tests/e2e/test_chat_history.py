"""A page that is loaded again has its history from the browser, when nobody else is left to ask."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from peer.api import Peer
from peer.chat_store import ChatStore
from peer.membership import parse_owner
from tests.chat_past import ROOM, fill
from tests.e2e.audience import eventually
from tests.e2e.reading import memory, read
from tests.programs import Programs, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120), pytest.mark.usefixtures("built_pages")]

SEEN = "document.querySelector('braidcast-chat').messages?.map(({ text }) => text)"


KEPT = """
async () => {
  const answer = (request) =>
    new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const found = (await indexedDB.databases()).find(({ name }) => name.startsWith("braidcast.chat "));
  if (found === undefined) return 0;
  const database = await answer(indexedDB.open(found.name));
  const count = await answer(database.transaction("messages").objectStore("messages").count());
  database.close();
  return count;
}
"""


async def shows(page: Page, texts: list[str]) -> None:
    await page.wait_for_function(f"(texts) => {SEEN}?.join() === texts.join()", arg=texts)


async def keeps(page: Page, count: int) -> None:
    """Wait until the page's database holds that many messages: what is shown is written a moment later."""

    async def all_kept() -> bool:
        return bool(await page.evaluate(KEPT) == count)

    async def how_many() -> str:
        return f"{count} messages are kept, not {await page.evaluate(KEPT)}"

    await eventually(all_kept, how_many)


async def closed_page(run: Programs, browser: Browser, folder: Path, count: int) -> tuple[str, Page]:
    """A page that was in a room, was closed, got `count` messages when it came back, and is closed again.

    Returns the address of the server, too. What was said is in the folder of that number.
    """
    introducer = await run.braidcast("signal", "--port", "0", "--json")
    server = (await introducer.event("listening"))["url"]
    page = await (await browser.new_context()).new_page()
    for said in (5, count):
        await fill(folder / f"{said}", said)
        async with Peer.join(server, ROOM, role="relay", store=folder / f"{said}"):
            await page.goto(f"{server}/chat/{ROOM}")
            await shows(page, [f"{number}" for number in range(said)])
            await keeps(page, said)
            await page.goto("about:blank")
    return server, page


@pytest.mark.slow
async def test_a_page_gets_what_was_said_while_it_was_closed_and_a_newcomer_reads_back(
    browser: Browser, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run:
        server, _ = await closed_page(run, browser, tmp_path, 450)
        async with Peer.join(server, ROOM, role="relay", store=tmp_path / "450"):
            newcomer = await (await browser.new_context()).new_page()
            await newcomer.goto(f"{server}/chat/{ROOM}")
            await shows(newcomer, [f"{number}" for number in range(250, 450)])
            log = newcomer.get_by_role("log")
            for _ in range(100):
                await log.evaluate("(list) => { list.scrollTop = 1; list.scrollTop = 0; }")
                if await log.get_by_text("0", exact=True).count():
                    break
                await asyncio.sleep(0.1)
            shown = await log.locator("li .text").all_inner_texts()
            assert shown == [f"{number}" for number in range(450)]


@pytest.mark.slow
async def test_words_are_found_in_what_only_the_browser_s_database_holds(
    browser: Browser, tmp_path: Path
) -> None:
    """A page that is loaded again has the last 500 messages in memory."""
    async with programs(tmp_path) as run:
        server, page = await closed_page(run, browser, tmp_path, 700)
        await page.goto(f"{server}/chat/{ROOM}")
        await shows(page, [f"{number}" for number in range(200, 700)])
        await page.get_by_text("Search", exact=True).click()
        field = page.get_by_role("searchbox", name="Words to find")
        await field.fill("42")
        await field.press("Enter")
        await page.get_by_text("11 messages.", exact=True).wait_for()
        found = page.locator(".found").get_by_role("button")
        assert [text.split()[-1] for text in await found.all_inner_texts()] == [
            *map(str, range(429, 419, -1)),
            "42",
        ]
        await found.last.click()
        log = page.get_by_role("log")
        await log.get_by_text("41", exact=True).wait_for()
        shown = await log.locator("li .text").all_inner_texts()
        assert shown[:43] == [f"{number}" for number in range(43)], "and what was said before it"


async def change_on_disk(page: Page, text: str) -> None:
    """Put other words where `text` lies in the browser's database."""
    await page.evaluate(
        """async (text) => {
             const [{ name }] = await indexedDB.databases();
             const open = indexedDB.open(name);
             await new Promise((done) => (open.onsuccess = done));
             const rows = open.result.transaction("messages", "readwrite").objectStore("messages");
             const all = rows.getAll();
             await new Promise((done) => (all.onsuccess = done));
             const row = all.result.find(({ body }) => new TextDecoder().decode(body).includes(text));
             row.body = new TextEncoder().encode('{"text":"changed","name":""}');
             rows.put(row);
             await new Promise((done) => (rows.transaction.oncomplete = done));
             open.result.close();
           }""",
        text,
    )


async def test_a_reloaded_page_has_its_history_before_any_link(browser: Browser, tmp_path: Path) -> None:
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        page = await (await browser.new_context()).new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{server}/chat/{ROOM}")
        async with Peer.join(server, ROOM, role="member", name="Ada") as peer:
            texts = [f"said {number}" for number in range(5)]
            for text in texts:
                await peer.chat.send(text)
            await shows(page, texts)
            await page.get_by_label("Message", exact=True).fill("typed in the page")
            await page.get_by_role("button", name="Send").click()
            texts.append("typed in the page")
            await shows(page, texts)
        await page.reload()
        await shows(page, texts)
        async with Peer.join(server, ROOM, role="member") as newcomer, asyncio.timeout(60):
            messages = newcomer.chat.messages()
            heard = [await anext(messages) for _ in texts]
            assert sorted((entry.clock, entry.text) for entry in heard) == list(enumerate(texts, start=1))
        await change_on_disk(page, "said 2")
        await page.reload()
        await shows(page, [text for text in texts if text != "said 2"])
        await page.get_by_label("Message", exact=True).fill("after that")
        await page.get_by_role("button", name="Send").click()
        await shows(page, [*[text for text in texts if text != "said 2"], "after that"])
        assert problems == []


@pytest.mark.slow
async def test_what_the_owner_settles_is_gone_from_pages_databases_and_the_relay_s_disk(
    browser: Browser, tmp_path: Path
) -> None:
    async with programs(tmp_path) as run:
        server, owner = await closed_page(run, browser, tmp_path, 250)
        await owner.goto(f"{server}/chat/{ROOM}")
        await owner.get_by_text("Moderation").click()
        await owner.get_by_role("button", name="Make me the owner").click()
        await owner.get_by_text("you are the owner").wait_for()
        key = parse_owner(owner.url, b"")
        async with Peer.join(server, ROOM, role="relay", store=tmp_path / "250", owner=key) as relay:
            await keeps(owner, 250)
            guest = await (await browser.new_context()).new_page()
            await guest.goto(owner.url)
            await keeps(guest, 200)
            if not await owner.get_by_text("What was done").is_visible():
                await owner.get_by_text("Moderation").click()
            await owner.get_by_text("Checkpoint", exact=True).click()
            await owner.get_by_role("button", name="Drop all but the last 200 messages").click()
            for page in (owner, guest):
                await shows(page, [f"{number}" for number in range(50, 250)])
                await keeps(page, 201)
            await owner.get_by_text("settled what was said before, which nobody keeps").wait_for()
            await owner.reload()
            await shows(owner, [f"{number}" for number in range(50, 250)])
            assert len(relay.chat.history) == 200
    store = ChatStore(tmp_path / "250", ROOM)
    await store.open()
    assert await store.count() == 201
    await store.close()


@pytest.mark.slow
async def test_a_page_stays_small_and_moves_nobody_however_far_somebody_reads_back_and_on(
    browser: Browser, tmp_path: Path
) -> None:
    """Memory has the last 5,000 messages; the list has 1,000 at most."""
    await fill(tmp_path, 7_000)
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        async with Peer.join(server, ROOM, role="relay", store=tmp_path):
            page = await (await browser.new_context()).new_page()
            await page.goto(f"{server}/chat/{ROOM}")
            await shows(page, [f"{number}" for number in range(6_800, 7_000)])
            first = await memory(page)
            back = await read(page, 6_000)
            far = await memory(page)
        on = await read(page, 6_000, onward=True)
        last = await memory(page)
        assert back.read >= 6_000
        assert on.read == 200 + back.read - 1_000, "all that had scrolled away"
        assert await page.evaluate("document.querySelector('braidcast-chat').messages.length") == 5_000
        for reading in (back, on):
            assert reading.items <= 1_000
            assert reading.elements <= 20 * reading.items
            assert max(reading.jumps) < 2
        # Of what memory holds at most; of a page of 1,000 messages.
        assert max(far["heap"], last["heap"]) - first["heap"] < 40_000_000
        assert max(far["nodes"], last["nodes"]) < 100_000
        await page.get_by_role("log").get_by_text("6999", exact=True).wait_for()
        assert await page.get_by_role("button", name="Newest messages").count() == 0
