"""Somebody who scrolls far through the chat of a page, and what the page takes for it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Page

PATIENCE = 3600
"""Pictures that the page draws, 60 in a second, until the next messages are there, if there are any."""
READING = """
async ([far, patience, onward]) => {
  const root = document.querySelector("braidcast-chat").renderRoot;
  const list = root.querySelector(".scroll");
  const items = () => [...list.querySelectorAll("ol > li")];
  const frame = () => new Promise(requestAnimationFrame);
  const seen = new Set();
  const found = { loads: 0, items: 0, elements: 0, jumps: [] };
  const look = () => {
    const here = items();
    for (const { id } of here) seen.add(id);
    found.items = Math.max(found.items, here.length);
    found.elements = Math.max(found.elements, root.querySelectorAll("*").length);
    return (onward ? here.at(-1) : here[0])?.id;
  };
  const below = () => list.scrollHeight - list.clientHeight - list.scrollTop;
  const isOver = () => onward && below() < 2 && root.querySelector(".new") === null;
  let last = look();
  const before = seen.size;
  const began = performance.now();
  while (seen.size < before + far) {
    // Near to the end of the list, which is when more is fetched.
    list.scrollTop = onward ? list.scrollHeight - list.clientHeight - 60 : 60;
    await frame();
    const edge = list.getBoundingClientRect().top;
    const read = items().find((item) => item.getBoundingClientRect().bottom > edge);
    const top = read.getBoundingClientRect().top;
    await frame();
    for (let left = patience; look() === last && !isOver() && left > 0; left--) await frame();
    if (look() === last) break;
    await frame();
    if (read.isConnected) found.jumps.push(Math.abs(read.getBoundingClientRect().top - top));
    found.loads++;
    last = look();
  }
  return { ...found, read: seen.size - before, seconds: (performance.now() - began) / 1000 };
}
"""


@dataclass
class Read:
    """How somebody read on and on."""

    read: int
    """Messages that were not on the screen before."""
    loads: int
    """How often there was more to read."""
    seconds: float
    items: int
    """The most messages in the list at once."""
    elements: int
    """The most elements in the page's chat at once."""
    jumps: list[float]
    """How far what was read was moved by what came beside it, px."""


async def read(page: Page, count: int, *, onward: bool = False) -> Read:
    """Scroll towards the oldest, or `onward` to the newest, until `count` more, or all, were there."""
    return Read(**await page.evaluate(READING, [count, PATIENCE, onward]))


async def memory(page: Page) -> dict[str, int]:
    """Bytes of what the page's scripts hold, and nodes, once what is not used is collected."""
    session = await page.context.new_cdp_session(page)
    for _ in range(2):
        await session.send("HeapProfiler.collectGarbage")
    heap = await session.send("Runtime.getHeapUsage")
    counters = await session.send("Memory.getDOMCounters")
    await session.detach()
    return {"heap": heap["usedSize"], "nodes": counters["nodes"]}
