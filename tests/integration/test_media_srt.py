"""SRT that is called: a real ffmpeg listens and sends."""

import asyncio
import shlex
import time
from contextlib import aclosing

import pytest

from peer.addresses import free_port
from peer.media.assembly import Item
from peer.media.ingest import media_parts
from peer.media.parts import MediaOptions, MediaPart
from peer.media.source import SourceError
from peer.media.srt import SrtConnector
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
    called = f"{address}?mode=caller&passphrase=0123456789ab&streamid=yard"
    command = shlex.split(
        "ffmpeg -v quiet -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 3 "
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


async def test_nobody_there_is_a_sentence() -> None:
    address = f"srt://127.0.0.1:{free_port('127.0.0.1')}?mode=caller"
    async with aclosing(media_parts(address, MediaOptions(), clock)) as items:
        with pytest.raises(SourceError, match="gives no stream: nobody answers there"):
            await anext(items)
