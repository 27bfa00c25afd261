"""A page under test, in the words of somebody who watches."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.elements.director import Director

PATIENCE = 30.0
"""Seconds: long enough for a busy machine; nothing is asserted about how long anything takes."""

READ_STRIP = (Path(__file__).parent / "read_strip.js").read_text()
PLAYER = """
const player = document.querySelector("braidcast-player");
const video = player?.renderRoot?.querySelector("video");
const stats = player?.stats;
"""


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until `condition` is true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.03)
    raise AssertionError(f"this did not come to pass: {what}")


@dataclass
class Watching:
    page: Page
    director: Director

    async def stats(self) -> dict[str, Any]:
        """Returns the player's `.stats`."""
        found: dict[str, Any] = await self.page.evaluate("document.querySelector('braidcast-player').stats")
        return found

    async def until(self, condition: str) -> None:
        """Wait until a condition on `stats`, `player` and `video` holds."""
        script = f"(() => {{ {PLAYER} return video != null && ({condition}); }})()"

        async def holds() -> bool:
            return bool(await self.page.evaluate(script))

        await eventually(holds, condition)

    async def plays_on(self, seconds: float = 1.0) -> None:
        """Wait until so much more of the programme was shown, with the player live."""
        await self.until("stats.state === 'live'")
        before = await self.page.evaluate("document.querySelector('braidcast-player').video.currentTime")
        await self.until(f"stats.state === 'live' && video.currentTime > {before} + {seconds}")

    async def told(self, kind: str, **fields: Any) -> None:
        """Wait until the page said this to its room."""

        async def was_told() -> bool:
            return any(
                message["type"] == kind and fields.items() <= message.items()
                for message in self.director.told
            )

        await eventually(was_told, f"the page says {kind} {fields}")

    async def capture_errors(self) -> list[float]:
        """Returns for 40 frames the capture time in the picture less that which the player goes by (s)."""
        video = await self.page.evaluate_handle("document.querySelector('braidcast-player').video")
        found: list[float] = await self.page.evaluate(READ_STRIP, video)
        return found
