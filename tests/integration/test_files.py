"""A file reaches everybody in a room of real processes: sent once, whoever is killed or leaves on the way."""

from __future__ import annotations

import asyncio
import filecmp
import json
import random
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from peer.api import Peer
from peer.core.shared_file import SharedFile
from tests.programs import PATIENCE, Program, Programs, programs
from tests.unit.peer.core.chat_network import identity

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

ROOM = "files"
SIZE = 5_000_000


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "photo.jpg", SIZE)


def write(path: Path, size: int) -> Path:
    path.write_bytes(random.Random(1).randbytes(size))
    return path


def same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


async def open_server(run: Programs) -> str:
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    url = (await signaling.event("listening"))["url"]
    assert isinstance(url, str)
    return url


class Member:
    """`braidcast chat --json`, which is told what to do by lines."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def tell(self, **line: str) -> None:
        assert self.program.process.stdin is not None
        self.program.process.stdin.write(json.dumps(line).encode() + b"\n")

    async def told_of_a_file(self) -> dict[str, Any]:
        return await self.program.record(lambda record: record.get("file") and "text" in record)

    async def save(self, path: Path) -> None:
        """Begin to save the file that was told of first."""
        self.tell(save=(await self.told_of_a_file())["id"], to=str(path))


async def member(run: Programs, server: str, *options: str) -> Member:
    program = await run.braidcast(
        "chat", "--server", server, "--room", ROOM, "--json", *options, stdin=asyncio.subprocess.PIPE
    )
    return Member(program)


async def open_relay(run: Programs, server: str, folder: Path) -> Program:
    return await run.braidcast("relay", "--server", server, "--room", ROOM, "--store", str(folder), "--json")


async def links(peer: Peer, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(peer.node.mesh.peers) < count:  # noqa: ASYNC110 - links have no event for programs
            await asyncio.sleep(0.05)


async def send(peer: Peer, path: Path) -> SharedFile:
    file = (await peer.chat.send_file(path)).file
    assert file is not None
    return file


async def test_members_save_a_file_that_its_sender_uploads_once(
    run: Programs, source: Path, tmp_path: Path
) -> None:
    server = await open_server(run)
    async with Peer.join(server, ROOM, identity=identity("ada"), role="member", name="ada") as ada:
        members = [await member(run, server) for _ in range(3)]
        await links(ada, 3)
        await send(ada, source)
        for number, one in enumerate(members):
            await one.save(tmp_path / f"{number}.jpg")
        for number, one in enumerate(members):
            await one.program.event("saved")
            assert same(tmp_path / f"{number}.jpg", source)
        assert ada.chat.files.sent <= 1.5 * SIZE


async def test_relay_that_is_killed_on_the_way_goes_on_and_gives_the_file_when_all_have_left(
    run: Programs, source: Path, tmp_path: Path
) -> None:
    server = await open_server(run)
    relay = await open_relay(run, server, tmp_path / "store")
    async with Peer.join(server, ROOM, identity=identity("ada"), role="member", name="ada") as ada:
        await links(ada, 1)
        await send(ada, source)
        sent = ada.chat.files
        async with asyncio.timeout(PATIENCE):
            while sent.sent < SIZE / 4:  # noqa: ASYNC110 - what leaves has no event
                await asyncio.sleep(0.005)
        await relay.kill()
        before = sent.sent
        relay = await open_relay(run, server, tmp_path / "store")
        await relay.record(lambda record: record.get("file_bytes_kept") == SIZE)
        async with asyncio.timeout(PATIENCE):
            while not list((tmp_path / "store").glob("*/*.file")):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        assert sent.sent - before < SIZE, "What had come before the end did not come again."
    newcomer = await member(run, server)
    await newcomer.save(tmp_path / "got.jpg")
    await newcomer.program.event("saved")
    assert same(tmp_path / "got.jpg", source)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("live", [False, True], ids=["alone", "beside a video"])
async def test_200_megabytes_reach_five_members_and_no_video_stalls(
    run: Programs, tmp_path: Path, live: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    size = 200_000_000
    source = write(tmp_path / "film.mp4", size)
    server = await open_server(run)
    place = ("--server", server, "--room", ROOM)
    viewers: list[Program] = []
    if live:
        publisher = await run.braidcast(
            "publish", "test:?size=320x180", "--height", "180", "--bitrate", "300k", *place, "--json"
        )
        await publisher.record(lambda record: record.get("state") == "live")
        viewers = [await run.braidcast("watch", *place, "--json") for _ in range(2)]
        for viewer in viewers:
            await viewer.record(lambda record: record["parts"] > 50)
    async with Peer.join(server, ROOM, identity=identity("ada"), role="member", name="ada") as ada:
        members = [await member(run, server) for _ in range(5)]
        await links(ada, 3)
        before = [viewer.latest() for viewer in viewers]
        begun, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
        await send(ada, source)
        for number, one in enumerate(members):
            await one.save(tmp_path / f"{number}.mp4")
        async with asyncio.timeout(1500):
            for one in members:
                while not any(record.get("event") == "saved" for record in one.program.records()):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
        took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF)
        copies = ada.chat.files.sent / size
        stalls = [
            viewer.latest()["stalls"] - old["stalls"] for viewer, old in zip(viewers, before, strict=True)
        ]
        with capsys.disabled():
            sys.stdout.write(
                f"\n200 MB to five members{' beside a video' if live else ''}: {took:.0f} s, "
                f"{copies:.2f} copies by the sender, {after.ru_utime - cpu.ru_utime:.0f} s of its CPU"
                + (f", stalls {stalls}" if live else "")
                + "\n"
            )
        for number in range(5):
            assert same(tmp_path / f"{number}.mp4", source)
        assert copies <= 1.5
        assert stalls == [0] * len(viewers)
