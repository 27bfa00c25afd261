"""Asks origins for parts: the newcomer's start, and the last resort."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from peer.seal import MAX_PART, SEAL

TIMEOUT = aiohttp.ClientTimeout(total=6.0, sock_connect=3.0)
MAX_JOIN = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer that can be used. `gone`: the origin does not have that part any more."""

    gone: bool = False
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockSample:
    """One reading of the publisher's clock over HTTP: local t0 and t3, the origin's t1 (all seconds)."""

    t0: float
    t1: float
    t3: float


class OriginClient:
    """Requests to a stream's origins, the next one being tried after a failure."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server
        self._origins: tuple[str, ...] = ()
        self._at = 0
        self.clock_sample: ClockSample | None = None

    def set_origins(self, origins: Sequence[str]) -> None:
        """Absolute, or relative to the server that the room was joined at."""
        if tuple(origins) != self._origins:
            self._origins, self._at = tuple(origins), 0

    async def join(self, rendition: str) -> list[tuple[bytes, bytes]] | Failure:
        """(seal, part) for each part from the newest independent one on."""
        t0 = time.monotonic()
        answer = await self._get(f"{rendition}/join", MAX_JOIN)
        if isinstance(answer, Failure):
            return answer
        body, clock = answer
        if clock is not None:
            self.clock_sample = ClockSample(t0, clock / 1e6, time.monotonic())
        parts: list[tuple[bytes, bytes]] = []
        at = 0
        while at < len(body):
            if at + 4 > len(body):
                return self._failed()
            (size,) = struct.unpack_from(">I", body, at)
            if not SEAL < size <= SEAL + MAX_PART or at + 4 + size > len(body):
                return self._failed()
            parts.append((body[at + 4 : at + 4 + SEAL], body[at + 4 + SEAL : at + 4 + size]))
            at += 4 + size
        return parts

    async def part(self, rendition: str, epoch: int, number: int) -> tuple[bytes, bytes] | Failure:
        """(seal, part)."""
        answer = await self._get(f"{rendition}/{epoch}/{number}.part", SEAL + MAX_PART)
        if isinstance(answer, Failure):
            return answer
        body, _ = answer
        return (body[:SEAL], body[SEAL:]) if len(body) > SEAL else self._failed()

    async def _get(self, path: str, limit: int) -> tuple[bytes, int | None] | Failure:
        if not self._origins:
            return Failure()
        origin = urljoin(self._server, self._origins[self._at % len(self._origins)]).rstrip("/")
        try:
            async with self._session.get(f"{origin}/{path}", timeout=TIMEOUT) as response:
                if response.status != 200:
                    retry = response.headers.get("Retry-After", "")
                    self._at += response.status >= 500 and response.status != 503
                    return Failure(response.status == 404, float(retry) if retry.isdigit() else 0.0)
                clock = response.headers.get("Braidcast-Clock", "")
                body = await _read(response, limit)
                if body is None:
                    return self._failed()
                return body, int(clock) if clock.isdigit() and len(clock) < 20 else None
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            return self._failed()

    def _failed(self) -> Failure:
        self._at += 1
        return Failure()


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(65536):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
