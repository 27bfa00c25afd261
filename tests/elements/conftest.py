"""A Chromium whose pages are in rooms that the test directs."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, async_playwright

from tests.elements.director import Director, build_pages, directed
from tests.elements.watching import Watching

ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]

Open = Callable[..., AbstractAsyncContextManager[Watching]]


@pytest.fixture(scope="session")
def scripted_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripted-pages")
    build_pages(folder)
    return folder


@pytest_asyncio.fixture
async def context(chromium: str) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield await browser.new_context(viewport={"width": 1000, "height": 800})
        await browser.close()


@pytest.fixture
def watching(scripted_pages: Path, context: BrowserContext) -> Open:
    """Opens the watch page of a directed room; errors of the page fail the test when it is left."""

    @asynccontextmanager
    async def open_page(
        director: Director | None = None, *, path: str = "/watch/demo", before: str = ""
    ) -> AsyncIterator[Watching]:
        director = director or Director()
        director.pages = scripted_pages
        async with directed(director) as base:
            page = await context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console", lambda message: problems.append(message.text) if message.type == "error" else None
            )
            if before:
                await page.add_init_script(before)
            if director.stream_state == "live":
                await director.start_source()
            await page.goto(base + path)
            yield Watching(page, director)
            await page.close()
        assert problems == []

    return open_page
