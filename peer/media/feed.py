"""Bytes from the event loop to a demuxer in a source's thread, within a bound."""

import asyncio
import threading
from collections import deque

from peer.media.pace import Stop

MAX_WAITING = 4 << 20
_SILENCE_TIMEOUT = 10.0


class Feed:
    """A file to read from whose end is open while a connection lasts."""

    def __init__(self, stop: Stop) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = stop
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, data: bytes) -> None:
        """From the loop: hand bytes over; waits while too many wait to be read.

        Raises:
            TimeoutError: nobody reads any more.
        """
        await asyncio.wait_for(self._room.wait(), _SILENCE_TIMEOUT)
        with self._changed:
            self._chunks.append(data)
            self._size += len(data)
            if self._size >= MAX_WAITING:
                self._room.clear()
            self._changed.notify()

    def close(self) -> None:
        """Nothing follows what was put. From any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def closed(self) -> bool:
        return self._closed

    def read(self, size: int) -> bytes:
        """From the thread: at most `size` bytes, nothing at the end, nor when it was stopped."""
        # An error would be told by the library in its own way, with a traceback.
        with self._changed:
            while not self._chunks and not self._closed and not self._stop.asked:
                self._changed.wait(0.1)
            if not self._chunks or self._stop.asked:
                return b""
            data = self._chunks.popleft()
            if len(data) > size:
                self._chunks.appendleft(data[size:])
                data = data[:size]
            full = self._size >= MAX_WAITING
            self._size -= len(data)
            if full and self._size < MAX_WAITING:
                self._loop.call_soon_threadsafe(self._room.set)
        return data
