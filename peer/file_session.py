"""The files of a room's chat at a Python peer: the share's shell, with what it keeps on disk."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peer import wire, wire_files
from peer.core.actions import Reject, Send
from peer.core.file_actions import (
    FileAction,
    FileDone,
    FileFailed,
    FilePutOff,
    FindCompany,
    ReadPiece,
    WritePiece,
)
from peer.core.file_quota import to_forget
from peer.core.file_share import FileShare
from peer.core.shared_file import SharedFile, fit_name, fit_type
from peer.file_store import FileError, FileStore
from peer.identity import Identity

if TYPE_CHECKING:
    from peer.core.chat_message import Entry
    from peer.links.mesh import Mesh

QUOTA = 2 * 10**9
"""Bytes of files that a peer keeps unless told otherwise."""
MAX_MESSAGES = 10_000
NEXT_EVERY = 10.0
"""Seconds after which what waits is looked at again: what comes may have stopped."""
MAX_WANTED = 1000
"""Files that wait for others to have come."""


class FileSession:
    """Gives, gets and keeps files, `quota` bytes of them at most, in `store`.

    With `keeps_all` every file that a message tells of is fetched, as far as the quota allows: the oldest go.
    """

    def __init__(
        self, identity: Identity, mesh: Mesh, store: FileStore, quota: int, *, keeps_all: bool = False
    ) -> None:
        self.share = FileShare(identity.id)
        self.quota = quota
        self.sent = 0
        """Bytes of messages with pieces that went out."""
        self.on_company: Callable[[], object] = lambda: None
        """Called when links to more peers would help."""
        self._store = store
        self._keeps_all = keeps_all
        self._mesh = mesh
        self._sizes: dict[bytes, int] = {}
        """What is kept, and what is on its way, the oldest first."""
        self._coming: dict[bytes, asyncio.Future[None]] = {}
        self._wanted: dict[bytes, SharedFile] = {}
        """Of those, what waits for others to have come."""
        self._told: dict[bytes, SharedFile] = {}
        """Of those, what is under way."""
        self._messages: dict[bytes, bytes] = {}
        """The files of messages, by the messages' ids."""
        self._next_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        """Of those, what makes a file a whole one: it is not broken off."""
        self._acting = False
        self._closed = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """What is kept is given to others. Raises FileError."""
        try:
            for file, size in await self._store.open():
                self._sizes[file] = size
                self.share.keep(file, size, time.monotonic())
            self._act()
            yield
        finally:
            self._closed = True
            await asyncio.gather(*self._finishing, return_exceptions=True)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for coming in self._coming.values():
                if not coming.done():
                    coming.cancel()
            await self._store.close()

    async def offer(self, path: Path, name: str | None = None) -> SharedFile:
        """Take a file in, to be told of by a message. Raises FileError."""
        file, size = await self._store.add(path, self.quota)
        if file not in self._sizes:
            await self._make_room(file, size)
        self._sizes[file] = size
        self.share.keep(file, size, time.monotonic())
        self._arrived(file)
        self._act()
        shown = name or path.name
        return SharedFile(file, fit_name(shown), size, fit_type(mimetypes.guess_type(shown)[0]))

    async def fetch(self, file: SharedFile) -> None:
        """Have all of a file here: what was begun goes on. Raises FileError."""
        await asyncio.shield(self._begin(file))

    async def save(self, file: SharedFile, path: Path) -> Path:
        """Copy a file that is here to `path`, or under its own name into that folder. Raises FileError."""
        if self.progress(file) != (file.size, file.size):
            raise FileError(f"{file.name} is not here yet.")
        return await self._store.save(file.id, path, file.name)

    def progress(self, file: SharedFile) -> tuple[int, int] | None:
        """Bytes of a file that are here, and all; None when it is neither here nor on its way."""
        known = self.share.progress(file.id)
        if known is None:
            return (0, file.size) if file.id in self._coming else None
        return min(file.size, known[0] * wire_files.BLOCK), file.size

    @property
    def kept(self) -> int:
        """Bytes of what is kept, and of what is on its way."""
        return sum(self._sizes.values())

    async def forget(self, file: bytes) -> None:
        """Drop a file, or what there is of it. Raises FileError."""
        self.share.forget(file, time.monotonic())
        self._sizes.pop(file, None)
        self._wanted.pop(file, None)
        self._act()
        self._ended(file, FileError("The file was taken back."))
        await self._store.drop(file)

    # What the chat tells

    def said(self, message: Entry) -> None:
        """A message was accepted."""
        if message.file is None:
            return
        self._messages[message.id] = message.file.id
        if len(self._messages) > MAX_MESSAGES:
            del self._messages[next(iter(self._messages))]
        if self._keeps_all and message.file.id not in self._sizes:
            self._begin(message.file).add_done_callback(_looked_at)

    def taken_back(self, message: bytes) -> None:
        """Its author has deleted that message, or the owner has: nobody is to have its file."""
        file = self._messages.pop(message, None)
        if file in self._sizes and file not in self._messages.values():
            self._start(self.forget(file))

    # What links tell

    def link_opened(self, peer: bytes) -> None:
        self.share.link_opened(peer, time.monotonic())
        self._act()

    def link_closed(self, peer: bytes) -> None:
        self.share.link_closed(peer, time.monotonic())
        self._act()

    def link_drained(self, peer: bytes, buffered: int) -> None:
        self.share.drained(peer, buffered, time.monotonic())
        self._act()

    def received(self, peer: bytes, data: bytes) -> None:
        try:
            message = wire_files.decode(data)
        except wire.WireError as error:
            self._mesh.refuse(peer, error.code, error.sentence)
            return
        self.share.received(peer, message, time.monotonic())
        self._act()

    def beside_video(self, on: bool) -> None:
        self.share.beside_video(on, time.monotonic())

    def next_timer(self) -> float:
        return self.share.next_timer()

    def handle_timer(self, now: float, late: float) -> None:
        """The clock was woken, `late` by so many seconds."""
        self.share.handle_timer(now, late)
        self._act()
        if self._wanted and now >= self._next_at:
            self._next_at = now + NEXT_EVERY
            self._next()

    # Inside

    def _begin(self, file: SharedFile) -> asyncio.Future[None]:
        coming = self._coming.get(file.id)
        if coming is not None:
            return coming
        coming = asyncio.get_running_loop().create_future()
        if self.share.progress(file.id) is not None:
            coming.set_result(None)
        elif len(self._wanted) >= MAX_WANTED:
            coming.set_exception(FileError("Too many files are on their way: try again later."))
        else:
            self._coming[file.id] = coming
            self._wanted[file.id] = file
            self._start(self._fetch(file))
        return coming

    async def _fetch(self, file: SharedFile) -> None:
        try:
            if file.id not in self._sizes:
                await self._make_room(file.id, file.size)
            self._sizes[file.id] = file.size
            tables, have = await self._store.resume(file.id, file.size)
        except FileError as error:
            self._sizes.pop(file.id, None)
            self._ended(file.id, error)
            return
        if file.id in self._wanted and self.share.begin(tables, have, time.monotonic()):
            self._told[file.id] = self._wanted.pop(file.id)
        self._act()

    async def _make_room(self, file: bytes, size: int) -> None:
        """Forget the oldest files until one of `size` bytes has room. Raises FileError."""
        whole = ((other, kept) for other, kept in self._sizes.items() if other not in self._coming)
        coming = sum(kept for other, kept in self._sizes.items() if other in self._coming)
        gone = to_forget(whole, size, self.quota - coming)
        if gone is None:
            await self._store.drop(file)
            sentence = f"There is no room for the file: it has {size:,} bytes, {self.quota:,} may be kept."
            raise FileError(sentence)
        for other in gone:
            await self.forget(other)

    def _next(self) -> None:
        """What waited for others to have come begins."""
        for file in list(self._wanted.values())[:1]:
            self._start(self._fetch(file))

    async def _finish(self, file: bytes) -> None:
        try:
            await self._store.finish(file)
        except FileError as error:
            await self.forget(file)
            self._ended(file, error)
        else:
            self._arrived(file)
        self._next()

    def _arrived(self, file: bytes) -> None:
        self._wanted.pop(file, None)
        self._told.pop(file, None)
        coming = self._coming.pop(file, None)
        if coming is not None and not coming.done():
            coming.set_result(None)

    def _ended(self, file: bytes, error: FileError) -> None:
        self._wanted.pop(file, None)
        self._told.pop(file, None)
        coming = self._coming.pop(file, None)
        if coming is not None and not coming.done():
            coming.set_exception(error)
            coming.add_done_callback(_looked_at)

    async def _write(self, action: WritePiece) -> None:
        try:
            await self._store.write(action.file, action.piece, action.data)
            ok = True
        except FileError:
            ok = False
        self.share.written(action.file, action.piece, ok, time.monotonic())
        self._act()

    async def _read(self, action: ReadPiece) -> None:
        try:
            data = await self._store.read(action.file, action.piece)
        except FileError:
            data = None
        self.share.piece_read(action.peer, action.file, action.piece, data, time.monotonic())
        self._act()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        if self._closed:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _act(self) -> None:
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self.share.poll_actions():
                for action in actions:
                    self._do(action)
        finally:
            self._acting = False

    def _do(self, action: FileAction) -> None:
        match action:
            case Send(peer, data, channel):
                if self._mesh.send(peer, data, channel) and channel == "blocks":
                    self.sent += len(data)
            case ReadPiece():
                self._start(self._read(action))
            case WritePiece():
                self._start(self._write(action))
            case FileDone(file):
                task = self._start(self._finish(file))
                if task is not None:
                    self._finishing.add(task)
                    task.add_done_callback(self._finishing.discard)
            case FileFailed(file, sentence):
                self._sizes.pop(file, None)
                self._ended(file, FileError(sentence))
                self._start(self._drop(file))
            case FilePutOff(file):
                self._wanted[file] = self._told[file]
            case FindCompany():
                self.on_company()
            case Reject(peer, reason, sentence):
                self._mesh.expel(peer, reason, sentence)

    async def _drop(self, file: bytes) -> None:
        try:
            await self._store.drop(file)
        except FileError:
            pass  # what is left there is looked at when the store is opened again
        self._next()


def _looked_at(coming: asyncio.Future[None]) -> None:
    """Nobody may wait for it any more, and that is no fault."""
    if not coming.cancelled():
        coming.exception()
