"""HTTP responses that are counted, and that may come late and slowly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

STEP = 0.01
"""Seconds between two pieces of a slow response."""


@dataclass(slots=True)
class Shaper:
    """Every response waits for `delay` seconds and is then sent at `rate` bit/s (0: as fast as it goes)."""

    delay: float = 0.0
    rate: float = 0.0
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of bodies that went out, by kind."""

    async def respond(
        self, request: web.Request, kind: str, body: bytes, headers: Mapping[str, str], status: int = 200
    ) -> web.StreamResponse:
        """Answer `request` with `body`."""
        if self.delay:
            await asyncio.sleep(self.delay)
        if not self.rate:
            self.sent[kind] += len(body)
            return web.Response(body=body, headers=headers, status=status)
        response = web.StreamResponse(headers=headers, status=status)
        response.content_length = len(body)
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        began = loop.time()
        size = max(1, int(self.rate / 8 * STEP))
        for at in range(0, len(body), size):
            piece = body[at : at + size]
            await response.write(piece)
            self.sent[kind] += len(piece)
            await asyncio.sleep(max(0.0, began + 8 * (at + len(piece)) / self.rate - loop.time()))
        await response.write_eof()
        return response
