"""Bytes on their way to a demuxer: in order, within a bound, to an end."""

import asyncio
import threading

import pytest

from peer.media.feed import MAX_WAITING, Feed
from peer.media.pace import Stop

pytestmark = pytest.mark.asyncio


async def test_bytes_come_in_order_and_end_when_it_is_closed() -> None:
    feed = Feed(Stop())
    await feed.put(b"abc")
    await feed.put(b"de")
    feed.close()
    assert feed.closed
    assert await asyncio.to_thread(lambda: [feed.read(2) for _ in range(5)]) == [b"ab", b"c", b"de", b"", b""]


async def test_whoever_writes_waits_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(Stop())
    await feed.put(bytes(MAX_WAITING))
    waiting = asyncio.create_task(feed.put(b"x"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await asyncio.to_thread(feed.read, 1000)
    await waiting
    monkeypatch.setattr("peer.media.feed._SILENCE_TIMEOUT", 0.01)
    await feed.put(bytes(MAX_WAITING))
    with pytest.raises(TimeoutError):
        await feed.put(b"x")


async def test_stopping_wakes_the_reader() -> None:
    stop = Stop()
    feed = Feed(stop)
    threading.Timer(0.05, stop.set).start()
    assert await asyncio.to_thread(feed.read, 1) == b""
