"""Somebody owns a room and throws somebody out: after a reload, and without the introducer, that stays so."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from peer.addresses import free_port
from peer.api import Peer
from peer.membership import parse_owner
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built_pages")]

HOST = "127.0.0.1"
TEXTS = "document.querySelector('braidcast-chat').messages.map(({ text }) => text)"


async def opened(browser: Browser, url: str, name: str) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(url)
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Your name").press("Tab")
    return page


async def says(page: Page, text: str) -> None:
    await page.locator("button[type=submit]:enabled").wait_for()
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_label("Message", exact=True).press("Enter")


async def sees(page: Page, text: str) -> None:
    await page.get_by_role("log").get_by_text(text, exact=True).wait_for()


async def test_banned_member_is_gone_for_all_and_stays_gone(browser: Browser, tmp_path: Path) -> None:
    async with programs(tmp_path) as run:
        port = free_port(HOST)
        introducer = await run.braidcast("signal", "--port", str(port), "--json")
        server = (await introducer.event("listening"))["url"]
        owner = await opened(browser, f"{server}/chat/team", "Olga")
        await owner.get_by_text("Moderation").click()
        await owner.get_by_role("button", name="Make me the owner").click()
        await owner.get_by_text("you are the owner").wait_for()
        url = owner.url
        assert "#owner=" in url
        mallory, ada = await opened(browser, url, "Mallory"), await opened(browser, url, "Ada")
        people = {"hello from Olga": owner, "hello from Mallory": mallory, "hello from Ada": ada}
        for text, page in people.items():
            await says(page, text)
            for other in people.values():
                await sees(other, text)

        await owner.get_by_role("button", name="Actions for the message of Mallory").focus()
        await owner.keyboard.press("Enter")
        await owner.get_by_role("menuitem", name="Ban").focus()
        await owner.keyboard.press("Enter")
        await owner.get_by_role("menuitem", name="Ban: are you sure?").wait_for()
        await owner.keyboard.press("Enter")
        await mallory.get_by_text("You are banned from this room.").wait_for()
        for page in (owner, ada):
            await page.locator(".audit").get_by_text("banned Mallory").wait_for(state="attached")
        await mallory.reload()
        await mallory.get_by_text("You are banned from this room.").wait_for()

        await introducer.kill()
        await says(owner, "nobody introduces us now")
        await sees(ada, "nobody introduces us now")
        await owner.context.close()
        introducer = await run.braidcast("signal", "--port", str(port), "--json")
        await introducer.event("listening")
        # This introducer knows nothing of all that, and Mallory comes by a link that does not name the owner.
        await mallory.goto(f"{server}/chat/team")
        await says(mallory, "it is me again")
        key = parse_owner(url, b"")
        async with Peer.join(server, "team", role="member", name="Bob", owner=key) as bob:
            async with asyncio.timeout(60):
                async for entry in bob.chat.messages():
                    if entry.text == "nobody introduces us now":
                        break
            await bob.chat.send("all quiet here")
            await sees(ada, "all quiet here")
            assert bob.chat.moderation is not None
            assert len(bob.chat.moderation.state().banned) == 1
            assert "it is me again" not in [entry.text for entry in bob.chat.history]
        assert "it is me again" not in await ada.evaluate(TEXTS)
        await ada.reload()
        await sees(ada, "all quiet here")
        assert "it is me again" not in await ada.evaluate(TEXTS)
