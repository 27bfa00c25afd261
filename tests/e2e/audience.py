"""An audience of real browsers: each page in a browser process of its own, owned, killed and questioned."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from playwright.async_api import Browser, Error, Page, Playwright, async_playwright

from tests.programs import PATIENCE, Program, Programs

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-crash-reporter",
    "--no-first-run",
    "--log-level=3",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    # Without a camera permission Chromium hides host addresses behind mDNS names, which need multicast.
    "--disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter",
    # A name for this machine that is not localhost, for machines that have no other address.
    "--host-resolver-rules=MAP braidcast.test 127.0.0.1",
    "--window-size=500,500",
    "--remote-debugging-port=0",
)
FACTS = """
const player = document.querySelector("braidcast-player");
const chat = document.querySelector("braidcast-chat");
const stats = player?.stats;
const room = player?.membership;
const video = player?.renderRoot?.querySelector("video");
"""
STEP = 10.0
"""Seconds of the programme, at most, for which a picture may take as long as anything may."""

Stats = dict[str, Any]


async def eventually(condition: Callable[[], Awaitable[bool]], what: Callable[[], Awaitable[str]]) -> None:
    """Wait until `condition` is true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"this did not come to pass: {await what()}")


@dataclass
class Watcher:
    """A page in its own browser process, in the words of somebody who looks at it."""

    process: Program
    browser: Browser
    page: Page
    problems: list[str] = field(default_factory=list)

    async def go(self, url: str, before: str = "") -> None:
        """Open a page; `before` runs before its own scripts."""
        if before:
            await self.page.add_init_script(before)
        await self.page.goto(url)

    async def ask(self, expression: str) -> Any:
        """Returns the value of an expression on `player`, `stats`, `room`, `chat` and `video`."""
        return await self.page.evaluate(f"(() => {{ {FACTS} return {expression}; }})()")

    async def stats(self) -> Stats:
        """Returns the player's `.stats`."""
        found: Stats = await self.ask("stats")
        return found

    async def until(self, condition: str) -> None:
        """Wait until a condition on those holds."""

        async def holds() -> bool:
            return bool(await self.ask(f"player != null && ({condition})"))

        async def situation() -> str:
            return f"{condition}; {await self.ask('[room?.state, JSON.stringify(stats)]')}"

        await eventually(holds, situation)

    async def plays(self) -> None:
        """Wait for the first picture."""
        await self.until("stats.startupTime !== null && video.currentTime > 0")

    async def is_fed(self) -> None:
        """Wait until every stripe comes over a link."""
        await self.until("stats.parents.length > 0 && stats.parents.every((peer) => peer !== null)")

    async def sees(self, text: str) -> None:
        """Wait until the chat's list shows a message."""
        await (
            self.page.locator("braidcast-chat")
            .get_by_text(text, exact=True)
            .wait_for(timeout=PATIENCE * 1000)
        )

    async def says(self, text: str) -> None:
        """Type a message and send it by the Enter key."""
        entry = self.page.locator("braidcast-chat").get_by_role("textbox", name="Message")
        await entry.fill(text)
        await entry.press("Enter")

    async def shows(self, text: str) -> None:
        """Wait until the player shows some words."""
        await self.page.locator("braidcast-player").get_by_text(text).first.wait_for(timeout=PATIENCE * 1000)

    async def leave(self) -> None:
        """Close the browser as a person does: its page says goodbye, and it takes its processes with it."""
        if self.process.process.returncode is None:
            session = await self.browser.new_browser_cdp_session()
            with suppress(Error):  # the connection may be gone before the answer
                await session.send("Browser.close")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.process.wait(), 10)
        await self.kill()

    async def kill(self) -> None:
        """End the browser as a crash or the kernel would."""
        await self.process.kill()


class Home(Protocol):
    """A place for a browser that is not this machine."""

    def command(self, *command: str) -> tuple[str, ...]:
        """What starts `command` there."""

    async def reach(self, host: str, port: int) -> int:
        """A port here that leads to one there."""


class Audience:
    """Opens browsers and ends them all."""

    def __init__(self, chromium: str, run: Programs, playwright: Playwright, folder: Path) -> None:
        self.watchers: list[Watcher] = []
        self._chromium = chromium
        self._run = run
        self._playwright = playwright
        self._folder = folder

    async def seat(self, at: Home | None = None, *arguments: str) -> Watcher:
        """A browser with an empty page, perhaps in a home; `arguments` are further ones for Chromium."""
        number = len(list(self._folder.glob("browser-*")))
        profile = self._folder / f"browser-{number}"
        profile.mkdir()
        # Without an address its debugger never answered 3 of 50 times on a busy machine, with one 0 of 160.
        command = (self._chromium, *ARGUMENTS, *arguments, f"--user-data-dir={profile}", "about:blank")
        process = await self._run.start(
            f"browser {number}", *(command if at is None else at.command(*command))
        )
        # Chromium says where its debugger listens.
        await process.until(lambda: any("DevTools listening on" in line for line in process.errors))
        address = next(line for line in process.errors if "DevTools listening on" in line).split()[-1]
        if at is not None:
            debugger = urlsplit(address)
            port = await at.reach(debugger.hostname or "", debugger.port or 0)
            address = debugger._replace(netloc=f"127.0.0.1:{port}").geturl()
        browser = await self._playwright.chromium.connect_over_cdp(address)
        (page,) = browser.contexts[0].pages
        watcher = Watcher(process, browser, page)
        page.on("pageerror", lambda error: watcher.problems.append(str(error)))
        self.watchers.append(watcher)
        return watcher

    async def open(self, url: str, before: str = "") -> Watcher:
        """A page in a browser of its own."""
        watcher = await self.seat()
        await watcher.go(url, before)
        return watcher

    async def open_all(self, url: str, count: int) -> list[Watcher]:
        """Browsers that are there before the pages are opened, all at once."""
        watchers = [await self.seat() for _ in range(count)]
        await asyncio.gather(*(watcher.go(url) for watcher in watchers))
        return watchers

    async def photograph(self) -> None:
        """Keep a picture of every page, for a person who looks for the reason of a failure."""
        for watcher in self.watchers:
            if watcher.process.process.returncode is None:
                path = self._folder / f"{watcher.process.name.replace(' ', '-')}.png"
                await watcher.page.screenshot(path=path, timeout=5000)
                sys.stderr.write(f"{watcher.process.name}: {path}\n{await watcher.ask('stats')}\n")


@asynccontextmanager
async def audience(chromium: str, run: Programs, folder: Path) -> AsyncIterator[Audience]:
    """Errors of pages fail the test when it is left."""
    async with async_playwright() as playwright:
        seats = Audience(chromium, run, playwright, folder)
        try:
            yield seats
        except AssertionError:
            await seats.photograph()
            raise
        finally:
            await asyncio.gather(*(watcher.leave() for watcher in seats.watchers))
    assert [watcher.problems for watcher in seats.watchers] == [[] for _ in seats.watchers]


async def stats_of(watchers: Sequence[Watcher]) -> list[Stats]:
    """What the players of all say."""
    return list(await asyncio.gather(*(watcher.stats() for watcher in watchers)))


async def play_on(watchers: Sequence[Watcher], seconds: float) -> None:
    """Wait until everybody was shown so much more of the programme."""
    starts = [await watcher.ask("video.currentTime") for watcher in watchers]
    shown = 0.0
    while shown < seconds:
        shown = min(shown + STEP, seconds)
        for watcher, start in zip(watchers, starts, strict=True):
            await watcher.until(f"video.currentTime > {start} + {shown}")
