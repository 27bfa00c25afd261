"""SRT that is called: a real ffmpeg listens and sends."""

import asyncio
import io
import os
import shlex
import time
from contextlib import aclosing
from pathlib import Path

import av
import pytest

from peer.addresses import free_port
from peer.media.assembly import Item
from peer.media.ingest import media_parts
from peer.media.pace import Stop
from peer.media.parts import MediaOptions, MediaPart
from peer.media.source import SourceError, SrtInput, parse_input
from peer.media.srt import Bridge, SrtConnector
from tests.integration.played import split

pytestmark = pytest.mark.asyncio

PATIENCE = 60.0


def clock() -> int:
    return time.monotonic_ns() // 1000


async def test_a_listening_sender_is_called_and_has_ended_when_it_stays_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SrtConnector, "patience", 0.5)
    address = f"srt://127.0.0.1:{free_port('127.0.0.1')}"
    # What is later than the latency is lost, and a machine that is busy with other tests is often late.
    called = f"{address}?mode=caller&passphrase=0123456789ab&streamid=yard&latency=2000"
    command = shlex.split(
        "ffmpeg -v quiet -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 6 "
        "-c:v libx264 -pix_fmt yuv420p -preset ultrafast -tune zerolatency -g 25 -bf 0 -c:a aac -ac 2 "
        f"-f mpegts {address}?mode=listener&passphrase=0123456789ab"
    )
    sender = await asyncio.create_subprocess_exec(*command)
    taken: list[Item] = []
    sentence = ""
    try:
        async with asyncio.timeout(PATIENCE), aclosing(media_parts(called, MediaOptions(), clock)) as items:
            async for item in items:
                taken.append(item)  # noqa: PERF401
    except SourceError as error:
        sentence = str(error)
    finally:
        if sender.returncode is None:
            sender.kill()
        await sender.wait()
    assert "went away and did not come back" in sentence
    (played,) = split(taken)
    assert played.init.codecs.endswith(",mp4a.40.2")
    assert len(played.decode().pictures) >= 65
    assert all(isinstance(item, MediaPart) for item in taken[1:])


def noise() -> bytes:
    """Ten pictures as MPEG-TS: noise, so that each takes several packets."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            picture = av.VideoFrame.from_bytes(os.urandom(64 * 64 * 4), 64, 64, "rgba").reformat(
                format="yuv420p"
            )
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return file.getvalue()


async def test_a_picture_of_which_a_piece_was_lost_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = noise()
    with av.open(io.BytesIO(sent), "r") as whole:
        pictures = [bytes(packet) for packet in whole.demux(video=0) if packet.size]
    pieces = [sent[at : at + 188] for at in range(0, len(sent), 188)]
    assert not pieces[len(pieces) // 2][1] & 0x40, "a piece from the middle of a picture"
    lossy = tmp_path / "lossy.ts"
    lossy.write_bytes(b"".join(pieces[: len(pieces) // 2] + pieces[len(pieces) // 2 + 1 :]))
    monkeypatch.setattr(Bridge, "command", lambda *_: ["cat", str(lossy)])
    source = parse_input("srt://127.0.0.1:9?mode=caller")
    assert isinstance(source, SrtInput)
    connection = SrtConnector(source, Stop()).connect()
    assert connection is not None
    came = [bytes(packet) for packet in connection.packets(connection.container.streams.video) if packet.size]
    connection.close()
    assert [picture for picture in pictures if picture in came] == came
    assert len(came) == 9


async def test_nobody_there_is_a_sentence() -> None:
    address = f"srt://127.0.0.1:{free_port('127.0.0.1')}?mode=caller"
    async with aclosing(media_parts(address, MediaOptions(), clock)) as items:
        with pytest.raises(SourceError, match="gives no stream: nobody answers there"):
            await anext(items)
