"""A stream in several renditions, in real browsers: viewers choose, and go over without a stop."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator

from peer.media.ladder import parse_ladder
from tests.e2e.stage import OPTIONS, Viewer, staged

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

SOURCE = "test:?size=640x360&fps=25"
BEST = 'localStorage["braidcast.quality"] ??= "360p"'
"""Chosen before: by itself the player takes less while the machine is busy with other tests."""
LADDER = replace(OPTIONS, ladder=parse_ladder("360p:500k,180p:150k"))


def menu(viewer: Viewer) -> Locator:
    """The player's menu of qualities, as assistive technology finds it."""
    return viewer.page.get_by_role("combobox", name="Quality")


async def watches(viewer: Viewer, rendition: str, height: int) -> None:
    await viewer.until(f"stats.rendition === {rendition!r} && video.videoHeight === {height}")


@pytest.mark.slow
async def test_a_viewer_chooses_another_quality_and_the_picture_goes_on(
    browser: Browser, built_pages: Path
) -> None:
    async with staged(browser, built_pages, source=SOURCE, options=LADDER) as stage:
        viewers = [await stage.open(before=BEST) for _ in range(2)]
        viewer, other = viewers
        for each in viewers:
            await watches(each, "360p", 360)
            await each.is_fed()
        await viewer.plays_on(5)  # the backlog of the start is left within four seconds
        options = menu(viewer).locator("option")
        assert await options.all_text_contents() == ["Auto", "360p", "180p"]
        before = await viewer.stats()
        for rendition, height in (("180p", 180), ("360p", 360), ("180p", 180)):
            await menu(viewer).select_option(rendition)
            await watches(viewer, rendition, height)
            await viewer.is_fed()
            await viewer.plays_on(2)
        after = await viewer.stats()
        assert after["skippedTime"] == before["skippedTime"]
        assert after["blocksRejected"] == 0
        assert after["bytesFromPeers"] + after["bytesFromOrigin"] > 0
        assert (await other.stats())["rendition"] == "360p"


async def test_the_menu_works_by_the_keyboard_and_what_was_chosen_is_kept(
    browser: Browser, built_pages: Path
) -> None:
    async with staged(browser, built_pages, source=SOURCE, options=LADDER) as stage:
        context = await stage.context()
        viewer = await stage.open(before=BEST, context=context)
        await watches(viewer, "360p", 360)
        volume = await viewer.ask("video.volume")
        await menu(viewer).focus()
        await viewer.page.keyboard.press("ArrowDown")
        await watches(viewer, "180p", 180)
        assert await viewer.ask("video.volume") == volume
        again = await stage.open(before=BEST, context=context)
        await watches(again, "180p", 180)
        assert await menu(again).input_value() == "180p"
