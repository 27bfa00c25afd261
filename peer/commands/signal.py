"""`braidcast signal`: the introducer and the web pages."""

from __future__ import annotations

import asyncio

from peer.showing import StatusLine, print_json
from signaling.server.app import run
from signaling.server.config import Config


async def signal(config: Config, json_lines: bool) -> int:
    """Until it is interrupted. Raises SignalingError."""
    async with run(config) as running:
        with StatusLine(json_lines) as line:
            if json_lines:
                print_json({"event": "listening", "url": running.url})
            line.say(f"The introducer listens at {running.url}")
            await asyncio.Event().wait()
    return 0
