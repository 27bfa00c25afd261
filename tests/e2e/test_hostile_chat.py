"""What a hostile peer sends to a real page over its link is refused, and the others lose nothing."""

from __future__ import annotations

import asyncio
import filecmp
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from playwright.async_api import Browser, Page

from peer import wire, wire_files
from peer.api import Peer
from peer.links.link import Channel
from peer.links.session import Phase
from peer.links.webrtc import WebRtcLink
from tests.e2e.test_files import linked, open_page, save
from tests.programs import PATIENCE, programs
from tests.unit.peer.core.chat_network import ROOM, chain, identity, text_message

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("built_pages"),
]

WRONG = """
document.querySelector("braidcast-chat").renderRoot.querySelector("braidcast-file").files.share.wrong
"""
SCRIPT = "<img src=x onerror=\"document.title='owned'\">"


@asynccontextmanager
async def in_a_room(browser: Browser, folder: Path) -> AsyncIterator[tuple[str, Page, Peer]]:
    """The introducer's address, a page, and a member who is linked to it."""
    async with programs(folder) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        page = await open_page(browser, server, ROOM)
        async with Peer.join(server, ROOM, role="member", name="Ben") as ben:
            await linked(ben, 1)
            yield server, page, ben


@asynccontextmanager
async def intruder(server: str, ben: Peer, name: str = "") -> AsyncIterator[tuple[Peer, WebRtcLink]]:
    """A member whom nobody knows yet, and its link to the page."""
    async with Peer.join(server, ROOM, role="member", name=name) as eve:
        await linked(eve, 2)
        (page,) = set(eve.node.mesh.peers) - {ben.node.identity.id}
        link = eve.node.mesh._open[page]
        assert isinstance(link, WebRtcLink)
        yield eve, link


async def refused(link: WebRtcLink) -> str:
    """What the page says when it ends the link."""
    async with asyncio.timeout(PATIENCE):
        while link.phase is not Phase.ENDED:  # noqa: ASYNC110 - a link has no event for programs
            await asyncio.sleep(0.02)
    return "" if link.error is None else link.error[1]


def sends(link: WebRtcLink, message: wire.ChatMessage) -> None:
    link.send(wire.encode(message), "control")


def megabyte(link: WebRtcLink) -> None:
    sctp = link._transport.sctp
    assert sctp is not None
    sctp._remote_max_message_size = 2_000_000  # what the page allows, it does not ask
    link._channels["control"].send(bytes(1_000_000))


async def shows(page: Page, text: str) -> None:
    await page.get_by_text(text, exact=True).first.wait_for(timeout=PATIENCE * 1000)


async def test_script_size_floods_forgeries_and_replays_reach_nobody(
    browser: Browser, tmp_path: Path
) -> None:
    ada = identity("ada")
    replies: dict[str, str] = {}
    attacks: dict[str, Callable[[WebRtcLink], None]] = {
        "forged": lambda link: sends(
            link, wire.ChatMessage(text_message(ada).header, bytes(64), text_message(ada).body)
        ),
        "replayed": lambda link: sends(link, text_message(ada, "from elsewhere", room="elsewhere")),
        "altered": lambda link: link._channels["control"].send(wire.encode(text_message(ada))[:-1] + b"?"),
        "a megabyte": megabyte,
    }
    async with in_a_room(browser, tmp_path) as (server, page, ben):
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await ben.chat.send("before it all")
        await shows(page, "before it all")
        for name, attack in attacks.items():
            async with intruder(server, ben) as (_, link):
                attack(link)
                replies[name] = await refused(link)
        async with intruder(server, ben, SCRIPT) as (eve, _):
            await eve.chat.send(f"{SCRIPT} [a](javascript:document.title='owned')")
            await shows(page, f"{SCRIPT} [a](javascript:document.title='owned')")
        async with intruder(server, ben) as (_, link):
            for message in chain(identity("eve"), 1000):
                sends(link, message)
            await ben.chat.send("during it")
            await shows(page, "during it")
            shown = await page.locator("braidcast-chat li").count()
        await ben.chat.send("after it all")
        await shows(page, "after it all")
        entry = page.get_by_label("Message", exact=True)
        await entry.fill("and I am still here")
        await entry.press("Enter")
        async with asyncio.timeout(PATIENCE):
            async for heard in ben.chat.messages():
                if heard.text == "and I am still here":
                    break
        assert await page.title() != "owned"
        assert await page.locator("braidcast-chat").get_by_text("from elsewhere").count() == 0
    assert problems == []
    assert shown < 150, "An author may say 60 things at once, and four a second after that."
    assert replies == {
        "forged": "The signature of the chat message is not its author's.",
        "replayed": "The chat message is from another room.",
        "altered": "The body of the chat message is not the one in its header.",
        "a megabyte": "A message has at most 65536 bytes, not 1000000.",
    }


async def test_wrong_block_is_refused_and_the_file_comes_from_others(
    browser: Browser, tmp_path: Path
) -> None:
    source = tmp_path / "film.bin"
    source.write_bytes(Random(1).randbytes(3_000_000))
    async with in_a_room(browser, tmp_path) as (server, page, ben), intruder(server, ben) as (eve, link):
        told = ben.chat.messages()
        await eve.chat.send_file(source)
        async with asyncio.timeout(PATIENCE):
            file = None
            while file is None:
                file = (await anext(told)).file
            await ben.chat.save(file, tmp_path / "ben.bin")
        await page.get_by_role("button", name="Get film.bin").wait_for()
        say = link.send

        def alters(data: bytes, channel: Channel) -> bool:
            if channel == "blocks":
                message = wire_files.decode(data)
                assert isinstance(message, wire_files.FileBlock)
                data = wire_files.encode(replace(message, data=bytes(len(message.data))))
            return say(data, channel)

        eve.chat.files.share._serving._given.clear()  # a liar sends nobody elsewhere
        link.send = alters  # type: ignore[method-assign]
        await page.get_by_role("button", name="Get film.bin").click()
        await save(page, "film.bin", tmp_path / "page.bin")
        assert filecmp.cmp(source, tmp_path / "page.bin", shallow=False)
        await refused(link)
        assert await page.evaluate(WRONG) == 1, "The first one is the last one."
