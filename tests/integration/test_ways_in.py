"""Every way in as a user takes it: `braidcast publish INPUT`, a real sender, a viewer and other players."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from peer.commands import free_port
from tests.integration.hls_site import segments, site
from tests.programs import Program, Programs, programs

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


async def probed(run: Programs, playlist: str) -> set[str]:
    """What ffprobe finds in a playlist, as `h264,640,360` and `aac,2`."""
    entries = "stream=codec_name,width,height,channels"
    probe = await run.start(
        "ffprobe", "ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", playlist
    )
    assert await probe.ended() == 0
    return set(probe.output) - {""}


class Room:
    """An introducer, a publisher with an origin, and a viewer."""

    def __init__(self, run: Programs) -> None:
        self.run = run
        self.playlist = ""

    async def publish(self, source: str) -> tuple[Program, Program]:
        """Publish an INPUT; returns the publisher and a viewer, both joined."""
        introducer = await self.run.braidcast("signal", "--port", "0", "--json")
        server = ("--server", (await introducer.event("listening"))["url"], "--json")
        publisher = await self.run.braidcast(
            "publish", source, "--http", f"{HOST}:{free_port(HOST)}", *server
        )
        joined = await publisher.event("joined")
        self.playlist = f"{joined['origins'][0]}/index.m3u8"
        return publisher, await self.run.braidcast("watch", *server)


async def test_an_hls_playlist_is_shown_to_its_end(run: Programs, tmp_path: Path) -> None:
    made = await segments(tmp_path, 8)
    made.done = True
    made.publish(8, keep=8)
    async with site(tmp_path) as serving:
        room = Room(run)
        publisher, viewer = await room.publish(serving.url)
        await viewer.record(lambda record: record["parts"] > 10)
        assert await probed(run, room.playlist) == {"h264,320,180", "aac,2"}
        assert await publisher.ended() == 0
        assert await viewer.ended() == 0
    assert [record["state"] for record in publisher.records() if "state" in record] == ["live", "ended"]
