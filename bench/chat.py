"""A room with a long history on a relay's disk: what a newcomer waits for, what search takes, what it costs.

`braidcast signal` and `braidcast relay --store` are processes of their own; the newcomers, a Python peer
and then a page, have links over loopback. Texts are made of words whose frequencies follow Zipf's law.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench import chat_page
from bench.usage import process_memory, process_seconds
from peer.api import Peer
from peer.chat_store import ChatStore
from peer.core.chat_message import draft, message_id, room_hash, write_text
from peer.core.chat_recall import Keep
from peer.identity import TAG_CHAT, Identity
from peer.wire import ChatMessage
from tests.programs import Program, Programs

ROOM = "demo"
MESSAGES = 100_000
AUTHORS = 20
VOCABULARY = 20_000
PAGE = 200
AT_ONCE = 5
"""Pages that a link gives before its rate counts."""
PAGES = 40
TIMES = 20
"""Searches of each sort."""
BATCH = 1_000


def speech(count: int, seed: int = 1) -> tuple[list[Keep], list[str]]:
    """Messages of which each follows the one before, by authors who take turns by chance; and the words."""
    chance = Random(seed)
    room = room_hash(ROOM)
    authors = [Identity(bytes([number]) * 32) for number in range(AUTHORS)]
    words = [f"{chance.choice('bdfgklmnprstvw')}{number:x}" for number in range(VOCABULARY)]
    weights = [1 / (rank + 1) for rank in range(VOCABULARY)]
    spoken: list[Keep] = []
    follows: tuple[bytes, ...] = ()
    for clock in range(1, count + 1):
        author = chance.choice(authors)
        text = " ".join(chance.choices(words, weights, k=chance.randint(2, 20)))
        written = draft(room, author.key, clock, 10**12 + clock, follows, write_text("somebody", text))
        signed = ChatMessage(written.header, author.sign(TAG_CHAT, written.header), written.body)
        number = message_id(written.header)
        spoken.append(Keep((clock, author.key, number), signed, True))
        follows = (number,)
    return spoken, words


async def measure(count: int = MESSAGES) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        run = Programs(Path(folder))
        try:
            return await _measure(run, Path(folder), count)
        finally:
            await run.close()


async def _measure(run: Programs, folder: Path, count: int) -> dict[str, Any]:
    store = ChatStore(folder / "full", ROOM)
    await store.open()
    spoken, words = speech(count)
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        await store.keep(spoken[start : start + BATCH])
    found: dict[str, Any] = {"messages": count, "kept_a_second": count / (time.perf_counter() - began)}
    found["search"] = {
        "the most frequent word": await _searches(store, words[0]),
        "a word in a hundred texts": await _searches(store, words[100]),
        "the rarest word": await _searches(store, words[-1]),
    }
    await store.close()
    found["file_bytes"] = store.path.stat().st_size
    found["text_bytes"] = sum(len(kept.message.body or b"") for kept in spoken)
    del spoken
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    server = (await signaling.event("listening"))["url"]
    relay = await _started(run, server, folder / "empty")
    found["empty"] = await _relay(relay)
    await relay.kill()
    began = time.perf_counter()
    relay = await _started(run, server, folder / "full")
    found["relay_start"] = time.perf_counter() - began
    found["full"] = await _relay(relay)
    found |= await _newcomer(server, relay)
    found["after"] = await _relay(relay)
    searched = {"the most frequent word": words[0], "the rarest word": words[-1]}
    found["page"] = await chat_page.measure(run, folder, f"{server}/chat/{ROOM}", searched)
    return found


async def _searches(store: ChatStore, words: str) -> dict[str, float]:
    times, hits = [], 0
    for _ in range(TIMES):
        began = time.perf_counter()
        hits = len(await store.search(words))
        times.append(time.perf_counter() - began)
    return {"hits": hits, "p50": sorted(times)[TIMES // 2], "max": max(times)}


async def _started(run: Programs, server: str, folder: Path) -> Program:
    relay = await run.braidcast("relay", "--server", server, "--room", ROOM, "--store", str(folder), "--json")
    await relay.record(lambda record: "chat_messages_kept" in record)
    return relay


async def _relay(relay: Program) -> dict[str, float]:
    return {"memory": process_memory(relay.pid), "cpu": process_seconds(relay.pid)}


async def _newcomer(server: str, relay: Program) -> dict[str, Any]:
    began = time.perf_counter()
    async with Peer.join(server, ROOM, role="member") as peer:
        joined = time.perf_counter()
        messages = peer.chat.messages()
        heard = [await anext(messages) for _ in range(PAGE)]
        first = time.perf_counter()
        oldest = min(heard, key=lambda entry: (entry.clock, entry.key, entry.id))
        pages, count, cpu = [], 0, process_seconds(relay.pid)
        for _ in range(PAGES):
            asked = time.perf_counter()
            page = await peer.chat.before(oldest)
            pages.append(time.perf_counter() - asked)
            oldest, count = page[0], count + len(page)
        spent = process_seconds(relay.pid) - cpu
    return {
        "joined": joined - began,
        "first_page": first - began,
        "older_page": sorted(pages[:AT_ONCE])[AT_ONCE // 2],
        "older_cpu": spent / PAGES,
        "older_rate": count / sum(pages),
    }
