"""Every way in as a user takes it: `braidcast publish INPUT`, a real sender, a viewer and other players."""

import asyncio
import shlex
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from peer.addresses import free_port
from tests.ffprobe import probed
from tests.integration import whip_page
from tests.integration.hls_site import segments, site
from tests.link_page import linking_chromium
from tests.programs import PATIENCE, Program, Programs, programs, reachable

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


class Room:
    """An introducer, a publisher with an origin, and a viewer."""

    def __init__(self, run: Programs) -> None:
        self.run = run
        self.playlist = ""
        self.server = ""

    async def publish(self, source: str) -> tuple[Program, Program]:
        """Publish an INPUT; returns the publisher and a viewer, both joined."""
        introducer = await self.run.braidcast("signal", "--port", "0", "--json")
        self.server = (await introducer.event("listening"))["url"]
        server = ("--server", self.server, "--json")
        publisher = await self.run.braidcast(
            "publish", source, "--http", f"{HOST}:{free_port(HOST)}", *server
        )
        joined = await publisher.event("joined")
        self.playlist = f"{joined['origins'][0]}/index.m3u8"
        return publisher, await self.run.braidcast("watch", *server)


async def send(run: Programs, *target: str, size: str = "320x180") -> Program:
    """A real ffmpeg that sends a pattern and a tone in real time."""
    command = (
        f"-v error -nostdin -re -f lavfi -i testsrc2=size={size}:rate=25 -f lavfi -i sine -c:v libx264 "
        "-pix_fmt yuv420p -preset ultrafast -tune zerolatency -g 25 -bf 0 -c:a aac -ac 2"
    )
    return await run.start("ffmpeg", "ffmpeg", *shlex.split(command), *target)


async def says(program: Program, sentence: str) -> None:
    """Wait for a line of its standard error."""
    await program.until(lambda: sentence in program.errors)


async def listening(port: int, expected: bool) -> None:
    """Wait until somebody, or nobody, listens at a UDP port."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind((HOST, port))
                    taken = False
                except OSError:
                    taken = True
            if taken == expected:
                return
            await asyncio.sleep(0.05)


async def states(publisher: Program, *expected: str) -> None:
    """Wait until the publisher has told of these states of its stream, in this order."""

    def told() -> list[str]:
        return [record["state"] for record in publisher.records() if "state" in record]

    await publisher.until(lambda: told()[: len(expected)] == list(expected))


async def more_parts(viewer: Program) -> None:
    """Wait until the viewer has got ten parts more than now."""
    parts = viewer.latest()["parts"] if viewer.records() else 0
    await viewer.record(lambda record: record["parts"] > parts + 10)


async def until_discontinuity(playlist: str) -> None:
    """Wait until the first media playlist of a multivariant one has one, and no more than one."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            async with session.get(playlist) as response:
                lines = (await response.text()).splitlines()
                media = next(line for line in lines if line and not line.startswith("#"))
            async with session.get(response.url.join(URL(media))) as answer:
                count = (await answer.text()).splitlines().count("#EXT-X-DISCONTINUITY")
            assert count <= 1
            if count:
                return
            await asyncio.sleep(0.1)


async def test_srt_takes_who_knows_the_passphrase_and_waits_for_it_to_return(run: Programs) -> None:
    address, patient = f"srt://{HOST}:{free_port(HOST)}", "connect_timeout=20000"
    room = Room(run)
    publisher, viewer = await room.publish(f"{address}?passphrase=0123456789ab")
    for wrong, reason in (
        ("", "only one of you gave a passphrase."),
        ("&passphrase=ba9876543210", "its passphrase is not the one that you gave."),
    ):
        stranger = await send(run, "-f", "mpegts", f"{address}?{patient}{wrong}")
        assert await stranger.ended() != 0
        await says(publisher, f"An SRT sender was refused: {reason}")
    target = ("-f", "mpegts", f"{address}?{patient}&passphrase=0123456789ab")
    sender = await send(run, *target)
    await states(publisher, "live")
    await viewer.record(lambda record: record["parts"] > 5)
    assert await probed(run, room.playlist) == {"h264,320,180", "aac,2"}
    await sender.interrupt()
    await send(run, *target)
    await until_discontinuity(room.playlist)
    await more_parts(viewer)
    assert await publisher.interrupt() == 130
    assert len(publisher.errors) == 2


async def test_a_publisher_that_is_killed_leaves_its_srt_port_free(run: Programs) -> None:
    port = free_port(HOST)
    room = Room(run)
    publisher, _ = await room.publish(f"srt://{HOST}:{port}")
    await listening(port, True)
    publisher.process.kill()
    assert await publisher.ended() == -signal.SIGKILL
    await listening(port, False)


async def test_rtmp_takes_who_knows_the_key_and_waits_for_it_to_return(run: Programs) -> None:
    server = f"rtmp://{HOST}:{free_port(HOST)}/live"
    room = Room(run)
    publisher, viewer = await room.publish(f"{server}/my-key")
    await reachable(server)
    stranger = await send(run, "-f", "flv", f"{server}/your-key")
    assert await stranger.ended() != 0
    assert "The stream key is not the right one." in "".join(stranger.errors)
    await says(publisher, "An RTMP encoder was refused: The stream key is not the right one.")
    sender = await send(run, "-f", "flv", f"{server}/my-key")
    await states(publisher, "live")
    await viewer.record(lambda record: record["parts"] > 5)
    assert await probed(run, room.playlist) == {"h264,320,180", "aac,2"}
    await sender.kill()
    await send(run, "-f", "flv", f"{server}/my-key")
    await until_discontinuity(room.playlist)
    await more_parts(viewer)
    assert await publisher.interrupt() == 130
    assert len(publisher.errors) == 1
    assert "my-key" not in publisher.tail()


async def test_a_browser_sends_by_whip_leaves_and_comes_back(run: Programs, chromium: str) -> None:
    endpoint = f"http://{HOST}:{free_port(HOST)}/stage"
    room = Room(run)
    publisher, viewer = await room.publish(f"{endpoint.replace('http', 'whip')}?token=my-token")
    await reachable(endpoint)
    async with linking_chromium(chromium) as browser:
        page = await browser.new_page()
        await page.goto(room.server)
        refused = await whip_page.send(page, endpoint, "your-token")
        assert refused == {"status": 401, "text": "The bearer token is not the right one.\n"}
        for states_so_far in (["live"], ["live", "offline", "live"]):
            taken = await whip_page.send(page, endpoint, "my-token")
            assert (taken["status"], taken["trickled"]) == (201, 204)
            await states(publisher, *states_so_far)
            await more_parts(viewer)
            assert await probed(run, room.playlist) == {"h264,320,180", "opus,2"}
            if len(states_so_far) == 1:
                assert await page.evaluate("leave()") == 200
                await states(publisher, "live", "offline")
    await until_discontinuity(room.playlist)
    assert await publisher.interrupt() == 130
    assert publisher.errors == deque(["A WHIP sender was refused: its token is not the right one."])
    assert "my-token" not in publisher.tail()


@pytest.mark.slow
async def test_an_hls_playlist_is_shown_to_its_end(run: Programs, tmp_path: Path) -> None:
    made = await segments(tmp_path, 6)
    made.done = True
    made.publish(6, keep=6)
    async with site(tmp_path) as serving:
        room = Room(run)
        publisher, viewer = await room.publish(serving.url)
        await viewer.record(lambda record: record["parts"] > 10)
        assert await probed(run, room.playlist) == {"h264,320,180", "aac,2"}
        assert await publisher.ended() == 0
        assert await viewer.ended() == 0
    assert [record["state"] for record in publisher.records() if "state" in record] == ["live", "ended"]
