"""Where an origin keeps the bytes of its segments: the newest in memory, older ones in nameless files.

A nameless file is gone when whoever opened it is, however that ended: nothing is left behind to clean up.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from signaling.errors import ToldError

log = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024 * 1024
"""A file takes segments up to this size, and is closed when the last of them is removed."""
MAX_UNWRITTEN = 64 * 1024 * 1024
"""Bytes that wait for a slow disk; a segment more is not kept."""

Key = tuple[str, int]
"""A rendition and a segment's number."""


class ShelfError(ToldError):
    """The folder cannot be written to, in one sentence."""


@dataclass(slots=True, eq=False)
class _Chunk:
    file: IO[bytes]
    size: int = 0
    segments: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    chunk: _Chunk
    start: int
    size: int


class Shelf:
    """Segments by key. What is done with files is done one after the other in one thread, so whatever is read
    before it is removed is read whole."""

    def __init__(self, folder: Path | None = None, *, on_lost: Callable[[Key], None] | None = None) -> None:
        """Without a folder everything stays in memory. `on_lost` is told which segment could not be written.

        Raises:
            ShelfError: nothing can be written to the folder.
        """
        self.size = 0
        """Bytes of all segments, in memory and in files."""
        self._folder = folder
        self._on_lost = on_lost
        self._memory: dict[Key, bytearray] = {}
        self._places: dict[Key, _Place] = {}
        self._writing: set[Key] = set()
        self._unwritten = 0
        self._chunk: _Chunk | None = None
        self._chunks: set[_Chunk] = set()
        """Touched by the thread alone, like what is in them."""
        self._warned = False
        self._thread: ThreadPoolExecutor | None = None
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
            except OSError as error:
                raise ShelfError(
                    f"The folder {folder} cannot take the window: {error.strerror}. Choose another one."
                ) from error
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="window")

    @property
    def in_memory(self) -> int:
        """How many segments are in memory."""
        return len(self._memory)

    def append(self, key: Key, data: bytes) -> None:
        """The next bytes of a segment."""
        self._memory.setdefault(key, bytearray()).extend(data)
        self.size += len(data)

    def put_away(self, key: Key) -> None:
        """The segment is complete and not among the newest any more: into a file, if there is a folder."""
        data = self._memory.get(key)
        if self._thread is None or data is None or key in self._writing:
            return
        size = len(data)
        if self._unwritten + size > MAX_UNWRITTEN:
            self._lose(key, "it is too slow")
            return
        self._writing.add(key)
        self._unwritten += size
        written = asyncio.get_running_loop().run_in_executor(self._thread, self._write, bytes(data))
        written.add_done_callback(lambda done: self._written(key, size, done))

    async def read(self, key: Key, start: int, size: int) -> bytes | None:
        """Some bytes of a segment; None when it is not here any more."""
        data = self._memory.get(key)
        if data is not None:
            return bytes(data[start : start + size])
        place = self._places.get(key)
        if place is None or self._thread is None:
            return None
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._thread, os.pread, place.chunk.file.fileno(), size, place.start + start
            )
        except OSError as error:
            log.warning("A segment of the window cannot be read: %s.", error.strerror)
            return None

    def remove(self, key: Key) -> None:
        """Forget a segment."""
        data = self._memory.pop(key, None)
        place = self._places.pop(key, None)
        if data is not None:
            self.size -= len(data)
        if place is not None:
            self.size -= place.size
            if self._thread is not None:
                self._thread.submit(self._let_go, place.chunk)

    def close(self) -> None:
        """Forget everything; whoever still reads gets nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(cancel_futures=True)
        self._memory.clear()
        self._places.clear()
        self.size = 0
        for chunk in self._chunks:
            chunk.file.close()
        self._chunks.clear()

    def _write(self, data: bytes) -> _Place:
        """In the thread."""
        chunk = self._chunk
        if chunk is None or chunk.size + len(data) > CHUNK_BYTES:
            opened = _Chunk(tempfile.TemporaryFile(dir=self._folder, buffering=0))  # noqa: SIM115
            self._chunks.add(opened)
            self._chunk = opened
            if chunk is not None:
                self._close_if_empty(chunk)
            chunk = opened
        # What a full disk took of a segment is written over by the next.
        view, start = memoryview(data), chunk.size
        while view:
            view = view[os.pwrite(chunk.file.fileno(), view, start + len(data) - len(view)) :]
        chunk.size += len(data)
        chunk.segments += 1
        return _Place(chunk, start, len(data))

    def _written(self, key: Key, size: int, done: "asyncio.Future[_Place]") -> None:
        self._writing.discard(key)
        self._unwritten -= size
        if done.cancelled() or self._thread is None:
            return
        error = done.exception()
        if isinstance(error, OSError):
            self._lose(key, error.strerror or "unknown error")
            return
        place = done.result()
        if key not in self._memory:  # it was removed meanwhile
            self._thread.submit(self._let_go, place.chunk)
            return
        self._warned = False
        del self._memory[key]
        self._places[key] = place

    def _let_go(self, chunk: _Chunk) -> None:
        """In the thread: one segment of it was removed."""
        chunk.segments -= 1
        self._close_if_empty(chunk)

    def _close_if_empty(self, chunk: _Chunk) -> None:
        if chunk.segments == 0 and chunk is not self._chunk:
            chunk.file.close()
            self._chunks.discard(chunk)

    def _lose(self, key: Key, reason: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "The window is shorter than asked for, because %s cannot take more: %s.", self._folder, reason
            )
        if self._on_lost is not None:
            self._on_lost(key)
