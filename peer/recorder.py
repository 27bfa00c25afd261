"""Writes a stream to a file: fragments while it runs, which can be played whenever it is killed, and a plain,
seekable MP4 when it is closed (`peer.media.mp4_index`)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from peer.media.mp4_index import Mp4Error, Mp4Index
from peer.media.parts import InitSegment, MediaPart
from peer.part import Part
from peer.running import CommandError

log = logging.getLogger(__name__)

MAX_UNWRITTEN = 64 * 1024 * 1024
"""Bytes that wait for a slow disk; above that recording ends."""
MAX_FILES = 1_000
"""A source that changes what it is more often is not recorded further."""


@dataclass(slots=True)
class _File:
    """One file of a recording."""

    path: Path
    file: IO[bytes]
    index: Mp4Index | None
    """None when it cannot become a plain one."""
    size: int = 0

    def write(self, data: bytes) -> None:
        """All of it, or nothing when the disk is full."""
        view = memoryview(data)
        try:
            while view:
                view = view[self.file.write(view) :]
        except OSError:
            self.file.truncate(self.size)
            self.file.seek(self.size)
            raise
        self.size += len(data)


class Recorder:
    """Records one stream. Codecs, sizes or timelines that change go on in another file (`out-2.mp4`), for one
    plain file cannot hold two. What is there already is kept, unless it is empty.

    Files are written in one thread; `on_told` is told in a sentence what was recorded, or why it ended.
    """

    def __init__(self, path: Path, on_told: Callable[[str], None] = log.warning) -> None:
        """Raises CommandError when nothing can be written there."""
        self.failed = False
        self._path = path
        self._on_told = on_told
        self._timeline: tuple[int, bytes] | None = None
        self._waiting = True
        """For a part that can be decoded without those before."""
        self._unwritten = 0
        self._file: _File | None = None
        self._next = 1
        self._loop = asyncio.get_running_loop()
        try:
            self._first: tuple[Path, IO[bytes]] | None = self._open()
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "recording")

    def item(self, item: InitSegment | MediaPart) -> None:
        """The next that a source has made."""
        if isinstance(item, InitSegment):
            self._begin(0, item.data)
        else:
            self._add(item.data, item.independent)

    def part(self, part: Part) -> None:
        """The next part that a viewer has got."""
        self._begin(part.epoch, part.init)
        self._waiting = self._waiting or part.skipped > 0
        self._add(part.data, part.independent)

    async def close(self) -> None:
        """Make plain files of what was recorded."""
        if self._thread is not None:
            self._submit(self._finish, 0)
            thread, self._thread = self._thread, None
            await asyncio.shield(self._loop.run_in_executor(None, thread.shutdown))
            if self._first is not None:
                self._first[1].close()  # nothing came

    def _begin(self, epoch: int, init: bytes) -> None:
        if self._timeline != (epoch, init):
            self._timeline = (epoch, init)
            self._waiting = True
            self._submit(lambda: self._start(init), len(init))

    def _add(self, data: bytes, independent: bool) -> None:
        if self._timeline is None or (self._waiting and not independent):
            return
        self._waiting = False
        self._submit(lambda: self._write(data), len(data))

    def _submit(self, work: Callable[[], None], size: int) -> None:
        if self._thread is None or self.failed:
            return
        if self._unwritten + size > MAX_UNWRITTEN:
            self._fail("the disk is too slow")
            return
        self._unwritten += size
        done = self._loop.run_in_executor(self._thread, work)
        done.add_done_callback(lambda done: self._done(size, done))

    def _done(self, size: int, done: asyncio.Future[None]) -> None:
        self._unwritten -= size
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._fail((error.strerror if isinstance(error, OSError) else None) or str(error))

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self._on_told(f"Recording to {self._path} ended: {reason}.")
            self._submit(self._finish, 0)
            self.failed = True

    def _open(self) -> tuple[Path, IO[bytes]]:
        """The first name that is free."""
        for number in range(self._next, self._next + MAX_FILES):
            name = self._path.name if number == 1 else f"{self._path.stem}-{number}{self._path.suffix}"
            path = self._path.with_name(name)
            if path.exists() and (path.stat().st_size or not path.is_file()):
                continue
            self._next = number + 1
            return path, path.open("wb", buffering=0)
        raise OSError(0, f"there are {MAX_FILES} files of it already")

    def _start(self, init: bytes) -> None:
        """In the thread: another file."""
        self._finish()
        path, file = self._first or self._open()
        self._first = None
        try:
            index = Mp4Index(init)
            self._file = _File(path, file, index)
            self._file.write(index.head)
        except Mp4Error as error:
            log.warning("%s stays fragmented: %s", path, error)
            self._file = _File(path, file, None)
            self._file.write(init)

    def _write(self, data: bytes) -> None:
        """In the thread."""
        current = self._file
        if current is None:
            return
        position = current.size
        current.write(data)
        try:
            if current.index is not None:
                current.index.add(data, position)
        except Mp4Error as error:
            log.warning("%s stays fragmented: %s", current.path, error)
            current.index = None

    def _finish(self) -> None:
        """In the thread: the file is what it will be."""
        current, self._file = self._file, None
        if current is None:
            return
        with current.file:
            index, end = current.index, current.size
            if index is not None and index.duration:
                current.write(index.moov())
                os.pwrite(current.file.fileno(), index.wrapping(end), index.reserve)
        length = "" if index is None else f"{index.duration:.1f} s, "
        told = f"Recorded {current.path}: {length}{current.size / 1e6:.1f} MB."
        self._loop.call_soon_threadsafe(self._on_told, told)
