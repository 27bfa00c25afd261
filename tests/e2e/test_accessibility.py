"""The pages have no fault that axe-core finds: on a phone and on a desk, in the light and in the dark."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from peer.api import Peer
from peer.membership import parse_owner
from tests.programs import programs

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built_pages")]

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1280, "height": 800},
}
Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


async def violations(page: Page) -> list[str]:
    """What axe-core finds in the page as it is now, its elements' shadow trees included."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())  # as a script tag it would be refused by a page's policy
    found: list[dict[str, Any]] = await page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


ALL = tuple(product(SIZES, SCHEMES))
SOME = tuple(zip(SIZES, SCHEMES, strict=True))


async def faults(page: Page, looks: Sequence[tuple[str, Scheme]] = ALL) -> dict[str, list[str]]:
    """By size and colours."""
    found: dict[str, list[str]] = {}
    for size, scheme in looks:
        await page.set_viewport_size(SIZES[size])
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.screenshot()  # paints: else some of it has the colours of before
        if wrong := await violations(page):
            found[f"{size}, {scheme}"] = wrong
    return found


async def test_chat_page_has_no_faults(browser: Browser, tmp_path: Path) -> None:
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        page = await (await browser.new_context()).new_page()
        await page.goto(f"{server}/chat/team")
        await page.get_by_text("Moderation").click()
        await page.get_by_role("button", name="Make me the owner").wait_for()
        assert await faults(page, SOME) == {}
        await page.get_by_role("button", name="Make me the owner").click()
        await page.get_by_text("you are the owner").click()
        owner = parse_owner(page.url, b"")
        async with Peer.join(server, "team", role="member", name="Bob", owner=owner) as bob:
            first = await bob.chat.send("hello")
            await page.get_by_role("log").get_by_text("hello").wait_for()
            await bob.chat.send("an answer", first.id)
            await bob.chat.edit(first.id, "hello, all")
            await bob.chat.react(first.id, "👍")
            await page.get_by_label("Message", exact=True).fill("and mine")
            await page.get_by_label("Message", exact=True).press("Enter")
            await page.get_by_role("log").get_by_text("and mine").wait_for()
            await page.get_by_role("button", name="Slow mode: 30 s").click()
            await page.get_by_text("You set slow mode to 30 s").wait_for()
            await page.get_by_text("Export", exact=True).press("Enter")
            await page.get_by_role("button", name="Save as text").wait_for()
            await page.get_by_role("button", name="Actions for the message of Bob").last.click()
            await page.get_by_role("menuitem", name="Reply").wait_for()
            assert await faults(page) == {}
            await page.get_by_role("menuitem", name="Reply").click()
            await page.get_by_text("You answer Bob").wait_for()
            assert await faults(page, SOME) == {}


async def test_watch_page_has_no_faults(browser: Browser, tmp_path: Path) -> None:
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = ("--server", (await introducer.event("listening"))["url"], "--json")
        publisher = await run.braidcast("publish", "test:?size=320x180", *server)
        url = (await publisher.event("joined"))["watch_url"]
        page = await (await browser.new_context()).new_page()
        await page.goto(url)
        await page.locator("#live.live").wait_for()
        await page.get_by_label("Message", exact=True).fill("a word")
        await page.get_by_label("Message", exact=True).press("Enter")
        await page.get_by_role("log").get_by_text("a word").wait_for()
        assert await faults(page) == {}
