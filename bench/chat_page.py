"""A page in a room with a long history: what its reader waits for, and what memory it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from bench.machine import chromium
from tests.e2e.audience import Audience, Watcher
from tests.e2e.reading import memory, read
from tests.programs import Programs

FIRST_PAGE = 200
"""Messages that a newcomer is given."""
FAR = 10_000
"""Messages that somebody reads back."""
TIMES = 7
"""Searches of each sort."""
LOOK = """
window.shownAt = {};
(() => {
  const look = () => {
    const chat = document.querySelector("braidcast-chat");
    const count = chat?.renderRoot?.querySelectorAll("ol > li").length ?? 0;
    for (const many of [1, PAGE])
      if (count >= many && shownAt[many] === undefined) shownAt[many] = performance.now() / 1000;
    if (shownAt[PAGE] === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
""".replace("PAGE", str(FIRST_PAGE))
"""Leaves in `window.shownAt` the seconds from the navigation's beginning to so many messages on screen."""
SEARCH = """
async (words) => {
  const root = document.querySelector("braidcast-chat").renderRoot;
  const frame = () => new Promise(requestAnimationFrame);
  if (root.querySelector("details.search input") === null) {
    root.querySelector("details.search").open = true;
    while (root.querySelector("details.search input") === null) await frame();
    await new Promise((done) => setTimeout(done, 2000));  // somebody types
  }
  const search = root.querySelector("braidcast-chat-search");
  const field = root.querySelector("details.search input");
  const shown = new Promise((done) => {
    const options = { childList: true, subtree: true, characterData: true };
    new MutationObserver((_, observer) => { observer.disconnect(); done(); }).observe(search, options);
  });
  field.value = words;
  const asked = performance.now();
  field.form.requestSubmit();
  await shown;
  await frame();
  return { seconds: (performance.now() - asked) / 1000, hits: search.querySelectorAll("ol.found li").length };
}
"""
"""Words that are found; others than the last time, for it is the change that is waited for."""


@asynccontextmanager
async def seated(run: Programs, folder: Path) -> AsyncIterator[Watcher]:
    """A browser with an empty page."""
    async with async_playwright() as playwright:
        seats = Audience(chromium(), run, playwright, folder)
        watcher = await seats.seat()
        try:
            yield watcher
        finally:
            await watcher.leave()


async def measure(run: Programs, folder: Path, url: str, words: dict[str, str]) -> dict[str, Any]:
    """A newcomer's page at `url` is opened, searched, read back and on, and loaded again.

    `words` are to be searched, by what they are called.
    """
    async with seated(run, folder) as watcher:
        page = watcher.page
        await watcher.go(url, LOOK)
        found: dict[str, Any] = {"opened": await _opened(page), "opened_memory": await memory(page)}
        found["back"] = asdict(await read(page, FAR))
        found["back_memory"] = await memory(page)
        found["search"] = await _searches(page, words)
        found["on"] = asdict(await read(page, FAR, onward=True))
        found["on_memory"] = await memory(page)
        await page.reload()
        found["reloaded"] = await _opened(page)
        found["reloaded_memory"] = await memory(page)
        found["search_reloaded"] = await _searches(page, words)
        return found


def lines(found: dict[str, Any]) -> list[str]:
    """What was found, for a person."""

    def held(name: str) -> str:
        memory = found[f"{name}_memory"]
        return f"{memory['heap'] / 1e6:.1f} MB of scripts, {memory['nodes']} nodes"

    told = [
        "  A page of a new browser in that room",
        f"  opened      first message on the screen {found['opened']['first']:.2f} s after the navigation "
        f"began, {FIRST_PAGE} after {found['opened']['page']:.2f} s; {held('opened')}",
    ]
    for name in ("back", "on"):
        reading = found[name]
        told.append(
            f"  reads {name:<5} {reading['read']} messages in {reading['seconds']:.0f} s, at most "
            f"{reading['items']} in the list; moved by {max(reading['jumps'], default=0):.1f} px at most; "
            f"{held(name)}"
        )
    told.append(
        f"  reloaded    first message after {found['reloaded']['first']:.2f} s; {held('reloaded')}",
    )
    for when, searches in (("", found["search"]), (" after the reload", found["search_reloaded"])):
        told += [
            f"  search      {name}{when}, {search['hits']} found: "
            f"p50 {1e3 * search['p50']:.0f} ms, greatest {1e3 * search['max']:.0f} ms"
            for name, search in searches.items()
        ]
    return told


async def _opened(page: Page) -> dict[str, float]:
    await page.wait_for_function(f"() => window.shownAt?.[{FIRST_PAGE}] !== undefined")
    shown: dict[str, float] = await page.evaluate("window.shownAt")
    return {"first": shown["1"], "page": shown[str(FIRST_PAGE)]}


async def _searches(page: Page, words: dict[str, str]) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in words}
    hits = dict.fromkeys(words, 0)
    for _ in range(TIMES):
        for name, word in words.items():
            found = await page.evaluate(SEARCH, word)
            times[name].append(found["seconds"])
            hits[name] = found["hits"]
    return {
        name: {"hits": hits[name], "p50": sorted(seconds)[TIMES // 2], "max": max(seconds)}
        for name, seconds in times.items()
    }
