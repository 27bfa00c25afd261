"""The page of web/test/browser/link-peer.ts, and a Chromium that can link without a camera permission."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, async_playwright

WEB = Path(__file__).parents[1] / "web"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    # Without a camera permission Chromium hides host addresses behind mDNS names, which need multicast.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


def build_link_page(folder: Path) -> Path:
    """Bundle the page into `folder`."""
    command = ["npx", "rolldown", "test/browser/link-peer.ts", "--format", "esm", "--dir", str(folder)]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True, timeout=60)
    (folder / "index.html").write_text("<!doctype html><script type=module src=/links/link-peer.js></script>")
    return folder


def link_page_routes(folder: Path) -> list[web.AbstractRouteDef]:
    """The page at `/links`."""

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "index.html")

    return [web.get("/links", index), web.static("/links", folder)]


@asynccontextmanager
async def linking_chromium(path: str) -> AsyncIterator[Browser]:
    """A Chromium whose pages link to everything on this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()
