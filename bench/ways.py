"""The ways in: what is given to `braidcast publish`, and a real sender with a time code in its picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from peer.addresses import free_port
from tests.e2e.audience import Audience, eventually
from tests.encoder_tap import EncoderTap
from tests.integration import whip_page
from tests.integration.hls_site import site
from tests.integration.rtsp_camera import camera
from tests.programs import PATIENCE, Program, Programs, reachable
from tests.time_code import Picture

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sender runs."""

    run: Programs
    seats: Audience
    folder: Path
    picture: Picture
    tap: EncoderTap

    async def ffmpeg(self, output: str) -> Program:
        """Send, and let the tap hear it too."""
        outputs = ("-flags", "+global_header", "-f", "tee", f"{output}|{self.tap.output}")
        self.tap.listen()
        return await self.run.start("ffmpeg", *self.picture.command, *outputs)


@dataclass(frozen=True, slots=True)
class Sender:
    """An INPUT; `begin` is called once its publisher is there, and gives the program that is measured."""

    source: str
    begin: Callable[[], Awaitable[Program]]


Way = Callable[[Place], AbstractAsyncContextManager[Sender]]


@asynccontextmanager
async def rtmp(place: Place) -> AsyncIterator[Sender]:
    address = f"rtmp://{HOST}:{free_port(HOST)}/live/key"

    async def begin() -> Program:
        await reachable(address)
        return await place.ffmpeg(f"[f=flv]{address}")

    yield Sender(address, begin)


@asynccontextmanager
async def srt(place: Place) -> AsyncIterator[Sender]:
    address = f"srt://{HOST}:{free_port(HOST)}"
    yield Sender(address, lambda: place.ffmpeg(f"[f=mpegts]{address}?connect_timeout=20000"))


@asynccontextmanager
async def rtsp(place: Place) -> AsyncIterator[Sender]:
    async with camera() as serving:
        ffmpeg = await place.ffmpeg(f"[f=rtsp:rtsp_transport=tcp]{serving.url}")
        async with asyncio.timeout(PATIENCE):
            await serving.recording.wait()

        async def begin() -> Program:
            return ffmpeg

        yield Sender(serving.url, begin)
        await ffmpeg.kill()


@asynccontextmanager
async def hls(place: Place) -> AsyncIterator[Sender]:
    folder = place.folder / "hls"
    folder.mkdir()
    async with site(folder) as serving:
        options = "f=hls:hls_time=1:hls_list_size=6:hls_flags=delete_segments"
        ffmpeg = await place.ffmpeg(f"[{options}]{folder}/live.m3u8")

        async def begun() -> bool:
            return (folder / "live3.ts").exists()

        async def lacking() -> str:
            return "ffmpeg writes three segments"

        await eventually(begun, lacking)

        async def begin() -> Program:
            return ffmpeg

        yield Sender(serving.url, begin)


@asynccontextmanager
async def whip(place: Place) -> AsyncIterator[Sender]:
    endpoint = f"http://{HOST}:{free_port(HOST)}/stage"
    seat = await place.seats.seat()

    async def begin() -> Program:
        await reachable(endpoint)
        await seat.go(f"{endpoint}/nothing")  # a page of that origin, so that it may send there
        picture = place.picture
        size = (picture.width, picture.height)
        taken = await whip_page.send(seat.page, endpoint, "", size, picture.bitrate)
        if taken["status"] != 201:
            raise AssertionError(f"the publisher refused: {taken}")
        return seat.process

    yield Sender(endpoint.replace("http", "whip", 1), begin)


WAYS: dict[str, Way] = {"rtmp": rtmp, "srt": srt, "whip": whip, "rtsp": rtsp, "hls": hls}
