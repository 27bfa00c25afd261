"""A Chromium whose pages link to everything on this machine."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    # Without a camera permission Chromium hides host addresses behind mDNS names, which need multicast.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    # A name for this machine that is not localhost: pages there have no WebCrypto by plain HTTP.
    "--host-resolver-rules=MAP braidcast.test 127.0.0.1",
]


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()
