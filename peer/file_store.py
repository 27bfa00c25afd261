"""The files of one room on disk, in a folder of their own: whole ones, and what there is of others.

One thread does one thing after the other. A file comes under another name and gets its own when all of it is
there; nothing is believed that lies there: whatever is read is held to its hashes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from peer.core.block_set import BlockSet
from peer.file_tables import (
    HASH,
    MAX_SIZE,
    SECTION,
    TABLES,
    TOP,
    Tables,
    block_hash,
    blocks_of,
    file_id,
    table_hash,
    top_of,
)
from peer.wire_files import BLOCK, MAX_BLOCKS
from signaling.errors import ToldError

WHOLE, PART, HASHES, NEW = ".file", ".part", ".hashes", ".new"
_TABLES_AT = 8 + HASH * (MAX_BLOCKS // SECTION)
"""Where the tables of the sections begin beside a file, after the top table."""
T = TypeVar("T")


class FileError(ToldError):
    """A file cannot be shared, had or kept; the message is one sentence."""


class FileStore:
    """Files in `folder`, or in one that is gone when the store is closed. Calls raise FileError."""

    def __init__(self, folder: Path | None, room: str) -> None:
        self._own = None if folder is None else folder / f"{room}.files"
        self._folder: Path | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="file store")
        self._open_parts: dict[bytes, tuple[BinaryIO, BinaryIO]] = {}

    async def open(self) -> list[tuple[bytes, int]]:
        """The whole files that are here, the oldest first: id and size."""
        return await self._do(self._list)

    async def close(self) -> None:
        await self._do(self._close)
        self._thread.shutdown()

    def add(self, path: Path, most: int) -> asyncio.Future[tuple[bytes, int]]:
        """Copy a file of at most `most` bytes into the store; its id and size."""
        return self._do(lambda: self._add(path, most))

    def resume(self, file: bytes, size: int) -> asyncio.Future[tuple[Tables, BlockSet]]:
        """What there is of a file already, and can be proved."""
        return self._do(lambda: self._resume(file, size))

    def write(self, file: bytes, piece: int, data: bytes) -> asyncio.Future[None]:
        """Keep a proved piece of a file that was resumed."""
        return self._do(lambda: self._write(file, piece, data))

    def finish(self, file: bytes) -> asyncio.Future[None]:
        """All of it is here."""
        return self._do(lambda: self._finish(file))

    def read(self, file: bytes, piece: int) -> asyncio.Future[bytes | None]:
        """A piece, if it is here and is what its hash says."""
        return self._do(lambda: self._read(file, piece))

    def save(self, file: bytes, path: Path, name: str) -> asyncio.Future[Path]:
        """Copy a whole file to `path`, or into that folder: where it is then. It replaces nothing."""
        return self._do(lambda: self._save(file, path / name if path.is_dir() else path))

    def drop(self, file: bytes) -> asyncio.Future[None]:
        """Forget a file, and what there is of it."""
        return self._do(lambda: self._drop(file))

    # In the thread

    def _do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        def guarded() -> T:
            try:
                return work()
            except OSError as error:
                place = error.filename or self._folder or "the store"
                raise FileError(f"{place} cannot be used for files: {error.strerror or error}.") from error

        return asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _place(self, file: bytes, kind: str) -> Path:
        if self._folder is None:
            if self._own is None:
                self._folder = Path(tempfile.mkdtemp(prefix="braidcast-files-"))
            else:
                self._own.mkdir(parents=True, exist_ok=True)
                self._folder = self._own
        return self._folder / f"{file.hex()}{kind}"

    def _list(self) -> list[tuple[bytes, int]]:
        if self._own is None or not self._own.is_dir():
            return []
        self._folder = self._own
        for path in self._own.glob(f"*{NEW}"):
            path.unlink()
        found = []
        for path in self._own.glob(f"*{WHOLE}"):
            file, status = bytes.fromhex(path.stem), path.stat()
            tables = self._known(file, status.st_size)
            if tables.top is None:
                self._drop(file)
            else:
                found.append((status.st_mtime, file, status.st_size))
        return [(file, size) for _, file, size in sorted(found)]

    def _close(self) -> None:
        for file in list(self._open_parts):
            self._close_part(file)
        if self._own is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _add(self, path: Path, most: int) -> tuple[bytes, int]:
        try:
            with path.open("rb") as source:
                size = os.fstat(source.fileno()).st_size
                if not path.is_file():
                    raise FileError(f"{path} is no file.")
                if size == 0:
                    raise FileError(f"{path} is empty: there is nothing to send.")
                if size > min(most, MAX_SIZE):
                    raise FileError(
                        f"{path} is too large: it has {size:,} bytes, {min(most, MAX_SIZE):,} is the most."
                    )
                return self._copy_in(source, size)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}.") from error

    def _copy_in(self, source: BinaryIO, size: int) -> tuple[bytes, int]:
        new = self._place(os.urandom(8), NEW)
        try:
            hashes = []
            with new.open("wb") as target:
                while data := source.read(BLOCK):
                    target.write(data)
                    hashes.append(block_hash(data))
                    if len(hashes) > blocks_of(size):
                        break
                if target.tell() != size:
                    raise FileError("The file was changed while it was read: send it again.")
                _sync(target)
            tables = [b"".join(hashes[at : at + SECTION]) for at in range(0, len(hashes), SECTION)]
            top = top_of(size, [table_hash(table) for table in tables])
            file = file_id(top)
            with self._place(file, HASHES).open("wb") as beside:
                beside.write(top)
                for section, table in enumerate(tables):
                    beside.seek(_TABLES_AT + section * BLOCK)
                    beside.write(table)
                _sync(beside)
            new.replace(self._place(file, WHOLE))
        finally:
            new.unlink(missing_ok=True)
        self._close_part(file)
        self._place(file, PART).unlink(missing_ok=True)
        return file, size

    def _known(self, file: bytes, size: int) -> Tables:
        """The tables beside a file that can be proved."""
        tables = Tables(file, size)
        if not 1 <= size <= MAX_SIZE:
            return tables
        try:
            with self._place(file, HASHES).open("rb") as beside:
                for piece in (TOP, *range(TABLES, TABLES + tables.sections)):
                    beside.seek(_offset_of_table(piece))
                    data = beside.read(tables.length(piece))
                    if tables.proves(piece, data) and (piece != TOP or tables.fits(data)):
                        tables.take(piece, data)
        except FileNotFoundError:
            pass  # nothing came yet
        return tables

    def _resume(self, file: bytes, size: int) -> tuple[Tables, BlockSet]:
        tables = self._known(file, size)
        have = BlockSet(tables.blocks)
        part, beside = self._part(file)
        part.truncate(size)
        for section in range(tables.sections):
            if section in tables:
                for block in tables.range(section):
                    part.seek(block * BLOCK)
                    if tables.proves(block, part.read(BLOCK)):
                        have.add(block)
        beside.flush()
        return tables, have

    def _part(self, file: bytes) -> tuple[BinaryIO, BinaryIO]:
        if file not in self._open_parts:
            places = self._place(file, PART), self._place(file, HASHES)
            for place in places:
                place.touch()
            self._open_parts[file] = (places[0].open("r+b"), places[1].open("r+b"))
        return self._open_parts[file]

    def _close_part(self, file: bytes) -> None:
        for handle in self._open_parts.pop(file, ()):
            handle.close()

    def _write(self, file: bytes, piece: int, data: bytes) -> None:
        part, beside = self._part(file)
        if piece < TABLES:
            part.seek(piece * BLOCK)
            part.write(data)
            part.flush()
        else:
            beside.seek(_offset_of_table(piece))
            beside.write(data)
            beside.flush()

    def _finish(self, file: bytes) -> None:
        for handle in self._part(file):
            _sync(handle)
        self._close_part(file)
        self._place(file, PART).replace(self._place(file, WHOLE))

    def _read(self, file: bytes, piece: int) -> bytes | None:
        place = next((p for kind in (WHOLE, PART) if (p := self._place(file, kind)).exists()), None)
        if place is None:
            return None
        tables = Tables(file, place.stat().st_size)
        with self._place(file, HASHES).open("rb") as beside:
            above = [TOP] if piece >= TABLES else [TABLES + piece // SECTION]
            for number in above:
                beside.seek(_offset_of_table(number))
                tables.take(number, beside.read(tables.length(number)))
            if piece >= TABLES:
                beside.seek(_offset_of_table(piece))
                data = beside.read(tables.length(piece))
            else:
                with place.open("rb") as source:
                    source.seek(piece * BLOCK)
                    data = source.read(BLOCK)
        return data if tables.proves(piece, data) else None

    def _save(self, file: bytes, path: Path) -> Path:
        try:
            with self._place(file, WHOLE).open("rb") as source, path.open("xb") as target:
                try:
                    shutil.copyfileobj(source, target, 1 << 20)
                except BaseException:
                    path.unlink()
                    raise
        except FileExistsError:
            raise FileError(f"{path} is there already: choose another name.") from None
        return path

    def _drop(self, file: bytes) -> None:
        self._close_part(file)
        for kind in (WHOLE, PART, HASHES):
            self._place(file, kind).unlink(missing_ok=True)


def _offset_of_table(piece: int) -> int:
    return 0 if piece == TOP else _TABLES_AT + (piece - TABLES) * BLOCK


def _sync(handle: BinaryIO) -> None:
    handle.flush()
    os.fsync(handle.fileno())
