"""RTMP from a real client: listening, passing through, encoding, clients that come and go."""

import asyncio
import contextlib
import json
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from peer.media.amf import Value, encode
from peer.media.assembly import Item
from peer.media.ingest import media_parts
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions, MediaPart
from peer.media.rtmp_chunks import COMMAND, ChunkWriter, Message
from peer.media.source import SourceError
from tests.integration.played import split

pytestmark = pytest.mark.asyncio

OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
FITTING = shlex.split("-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -bf 0 -c:a aac -ac 2")
PATIENCE = 60.0


def clock() -> int:
    return time.monotonic_ns() // 1000


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"rtmp://127.0.0.1:{probe.getsockname()[1]}/live"


@pytest.fixture
def address() -> str:
    return free_address()


@asynccontextmanager
async def transmit(video: Path, address: str, arguments: list[str]) -> AsyncIterator[None]:
    """A real ffmpeg that sends a video in real time, and tries again until somebody listens."""

    async def send() -> None:
        command = ["-v", "quiet", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(video), *arguments]
        while True:
            process = await asyncio.create_subprocess_exec("ffmpeg", *command, "-f", "flv", address)
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await asyncio.sleep(0.2)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def take(items: AsyncIterator[Item], until: int) -> list[Item]:
    """Items until so many parts have come."""
    taken: list[Item] = []
    async with asyncio.timeout(PATIENCE):
        while sum(isinstance(item, MediaPart) for item in taken) < until:
            taken.append(await anext(items))
    return taken


async def test_what_fits_is_passed_through_as_it_arrives(sample_video: Path, address: str) -> None:
    async with (
        aclosing(media_parts(address, OPTIONS, clock)) as items,
        transmit(sample_video, address, FITTING),
    ):
        taken = await take(items, 40)
    (played,) = split(taken)
    assert (played.init.width, played.init.height) == (1280, 720)
    assert played.init.codecs.endswith(",mp4a.40.2")
    decoded = played.decode()
    assert abs(len(decoded.pictures) - sum(part.duration for part in played.parts) / 40_000) <= 1
    assert played.holes(1) == 0
    assert played.holes(2) <= 1024
    assert all(part.capture_time <= clock() for part in played.parts)
    assert all(before.capture_time < after.capture_time for before, after in pairwise(played.parts))


async def test_a_long_group_of_pictures_is_encoded(sample_video: Path, address: str) -> None:
    async with (
        aclosing(media_parts(address, OPTIONS, clock)) as items,
        transmit(sample_video, address, ["-c", "copy"]),
    ):
        taken = await take(items, 25)
    (played,) = split(taken)
    assert (played.init.width, played.init.codecs.rpartition(",")[2]) == (640, "opus")
    starts = [part.media_time for part in played.parts if part.segment_start]
    assert all(950_000 <= after - before <= 1_050_000 for before, after in pairwise(starts))
    played.decode()


async def test_b_frames_are_encoded(sample_video: Path, address: str) -> None:
    arguments = shlex.split("-c:v libx264 -vf scale=320:-2 -preset veryfast -g 25 -bf 2 -c:a aac -ac 2")
    async with (
        aclosing(media_parts(address, OPTIONS, clock)) as items,
        transmit(sample_video, address, arguments),
    ):
        taken = await take(items, 12)
    (played,) = split(taken)
    assert played.init.codecs.startswith("avc1.")
    assert played.init.codecs.endswith(",mp4a.40.2")
    pictures = played.decode().pictures
    assert pictures == sorted(pictures)


async def test_groups_that_become_long_are_encoded_from_there_on(sample_video: Path, address: str) -> None:
    keys = "expr:lt(t,3)*gte(t,n_forced*1)"
    arguments = shlex.split("-c:v libx264 -vf scale=320:-2 -preset ultrafast -tune zerolatency -g 1000")
    arguments += ["-force_key_frames", keys, "-sc_threshold", "0", "-an"]
    async with (
        aclosing(media_parts(address, OPTIONS, clock)) as items,
        transmit(sample_video, address, arguments),
    ):
        taken = await take(items, 70)
    first, second = split(taken)
    assert first.init.data != second.init.data
    assert second.parts[0].discontinuity
    assert second.parts[0].independent
    assert second.parts[0].media_time == first.parts[-1].media_time + first.parts[-1].duration
    assert len(first.decode().pictures) >= 100
    second.decode()


async def test_the_next_client_continues_the_stream(sample_video: Path, address: str) -> None:
    async with aclosing(media_parts(address, OPTIONS, clock)) as items:
        async with transmit(sample_video, address, FITTING):
            taken = await take(items, 12)
        async with transmit(sample_video, address, FITTING):
            while not any(isinstance(item, MediaPart) and item.discontinuity for item in taken):
                taken += await take(items, 1)
            taken += await take(items, 8)
    # The same encoder's second stream needs no new init segment.
    (played,) = split(taken)
    assert [part.discontinuity for part in played.parts].count(True) == 1
    resumed = next(number for number, part in enumerate(played.parts) if part.discontinuity)
    assert played.parts[resumed].independent
    assert played.parts[resumed].segment_start
    assert (
        0
        <= played.parts[resumed].media_time
        - (played.parts[resumed - 1].media_time + played.parts[resumed - 1].duration)
        < 60_000
    )
    assert played.parts[resumed].capture_time > played.parts[resumed - 1].capture_time
    assert played.holes(1) < 6_000
    played.decode()


async def test_another_kind_of_client_brings_its_own_init_segment(sample_video: Path, address: str) -> None:
    async with aclosing(media_parts(address, OPTIONS, clock)) as items:
        async with transmit(sample_video, address, FITTING):
            taken = await take(items, 8)
        small = [*FITTING, "-vf", "scale=320:-2"]
        async with transmit(sample_video, address, small):
            while sum(isinstance(item, InitSegment) for item in taken) < 2:
                taken += await take(items, 1)
            taken += await take(items, 8)
    first, second = split(taken)
    assert (first.init.width, second.init.width) == (1280, 320)
    assert second.parts[0].discontinuity
    first.decode()
    second.decode()


async def test_somebody_who_speaks_no_rtmp_does_not_end_the_stream(sample_video: Path, address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    async with aclosing(media_parts(address, OPTIONS, clock)) as items:
        first = asyncio.ensure_future(anext(items))
        for _ in range(2):
            writer = None
            async with asyncio.timeout(PATIENCE):
                while writer is None:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        await asyncio.sleep(0.05)
            writer.write(b"GET / HTTP/1.1\r\n\r\n" * 200)
            writer.close()
        async with transmit(sample_video, address, FITTING):
            async with asyncio.timeout(PATIENCE):
                assert isinstance(await first, InitSegment)


async def stranger(address: str, *arguments: str) -> tuple[int | None, str]:
    """A real ffmpeg that tries once for at most five seconds of media; its exit code and what it says."""
    command = "ffmpeg -v error -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25 -t 5"
    process = await asyncio.create_subprocess_exec(
        *shlex.split(command), *arguments, "-f", "flv", address, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


H264 = shlex.split("-c:v libx264 -pix_fmt yuv420p -preset ultrafast -tune zerolatency -g 25")


async def test_a_wrong_key_is_refused_while_the_right_one_goes_on(sample_video: Path, address: str) -> None:
    async with (
        aclosing(media_parts(f"{address}/se/cret?a=b", OPTIONS, clock)) as items,
        transmit(sample_video, f"{address}/se/cret?a=b", FITTING),
    ):
        taken = await take(items, 2)
        for wrong in (address, f"{address}/secret", f"{address}/se/cret?a=c"):
            code, errors = await stranger(wrong, *H264)
            assert code != 0
            assert "The stream key is not the right one." in errors
        code, errors = await stranger(address.replace("/live", "/other/se/cret"), *H264)
        assert code != 0
        assert "The server's address ends in /live." in errors
        taken += await take(items, 5)
    (played,) = split(taken)
    assert not any(part.discontinuity for part in played.parts)


async def test_without_a_key_the_first_who_comes_stays(sample_video: Path, address: str) -> None:
    async with (
        aclosing(media_parts(address, OPTIONS, clock)) as items,
        transmit(sample_video, f"{address}/anything", FITTING),
    ):
        taken = await take(items, 2)
        code, errors = await stranger(f"{address}/other", *H264)
        assert code != 0
        assert "Somebody else publishes here already." in errors
        taken += await take(items, 5)
    (played,) = split(taken)
    assert not any(part.discontinuity for part in played.parts)


async def test_who_knows_the_key_takes_the_place_of_a_connection_that_hangs(address: str) -> None:
    async with aclosing(media_parts(f"{address}/key", OPTIONS, clock)) as items:
        waiting = asyncio.ensure_future(take(items, 8))
        await asyncio.sleep(0)
        source = shlex.split("ffmpeg -v quiet -nostdin -re -f lavfi -i testsrc2=size=160x90:rate=25")
        hanging = await asyncio.create_subprocess_exec(*source, *H264, "-f", "flv", f"{address}/key")
        try:
            taken = await waiting
            hanging.send_signal(signal.SIGSTOP)
            again = asyncio.create_task(stranger(f"{address}/key", *H264))
            while sum(isinstance(item, InitSegment) for item in taken) < 2:
                taken += await take(items, 1)
            code, errors = await again
        finally:
            hanging.kill()
            await hanging.wait()
    assert (code, errors) == (0, "")
    first, second = split(taken)
    assert (first.init.width, second.init.width) == (160, 320)


async def test_a_codec_that_cannot_be_read_is_refused_in_a_sentence(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with aclosing(media_parts(address, OPTIONS, clock)) as items:
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        code, _ = await stranger(address, "-c:v", "flv")
        assert code != 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert "Video as H.263 cannot be read: choose H.264, HEVC, AV1 or VP9." in caplog.text


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none:keyint=25:bframes=0"}),
        ("libsvtav1", {"preset": "13", "svtav1-params": "keyint=25"}),
        ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ],
)
async def test_enhanced_rtmp_is_encoded_again(address: str, codec: str, options: dict[str, str]) -> None:
    async with aclosing(media_parts(address, OPTIONS, clock)) as items:
        waiting = asyncio.ensure_future(take(items, 10))
        await asyncio.sleep(0)
        script = str(Path(__file__).with_name("enhanced_rtmp.py"))
        sender = await asyncio.create_subprocess_exec(
            sys.executable, script, address, codec, json.dumps(options), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            taken = await waiting
        finally:
            with contextlib.suppress(ProcessLookupError):
                sender.kill()
            await sender.wait()
    (played,) = split(taken)
    assert played.init.codecs.startswith("avc1.")
    assert played.decode().size == (320, 180)


async def test_a_port_in_use_is_refused_in_a_sentence(address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen(1)
        async with aclosing(media_parts(address, OPTIONS, clock)) as items:
            with pytest.raises(SourceError, match="is in use already; choose another port"):
                await anext(items)


async def test_a_server_that_is_not_there_is_refused_in_a_sentence(address: str) -> None:
    async with aclosing(media_parts(address + "?mode=caller", OPTIONS, clock)) as items:
        with pytest.raises(SourceError, match="gives no stream: "):
            await anext(items)


async def test_leaving_while_waiting_for_a_client_frees_the_port(address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    for _ in range(3):
        items = media_parts(address, OPTIONS, clock)
        waiting = asyncio.ensure_future(anext(items))
        listening = False
        async with asyncio.timeout(PATIENCE):
            while not listening:
                await asyncio.sleep(0.02)
                with socket.socket() as probe:
                    try:
                        probe.bind(("127.0.0.1", port))
                    except OSError:
                        listening = True
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await items.aclose()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


async def test_encoder_that_ends_is_heard_out_before_its_connection_is_closed(address: str) -> None:
    """Encoders say in two commands that they end; closed after the first, ffmpeg ends with "Broken pipe"."""
    writes = ChunkWriter()

    def command(*values: Value) -> bytes:
        return writes.write(4, Message(COMMAND, 0, 1, encode(values)))

    async with aclosing(media_parts(f"{address}/key", OPTIONS, clock)) as items, asyncio.timeout(PATIENCE):
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0.5)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.split(":")[2].split("/")[0]))
        writer.write(b"\x03" + bytes(1536))
        await reader.readexactly(1 + 2 * 1536)
        writer.write(bytes(1536) + command("connect", 1.0, {"app": "live"}))
        writer.write(command("publish", 2.0, None, "key", "live"))
        await reader.readuntil(b"NetStream.Publish.Start")
        writer.write(command("FCUnpublish", 3.0, None, "key"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.3)  # its end would be the connection's
        writer.write(command("deleteStream", 4.0, None, 1.0))
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
