"""Sending and saving files in `braidcast chat`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from peer.chat_display import amount, harmless
from peer.chat_recent import find
from peer.core.chat_acts import ChatError
from peer.core.chat_message import Entry
from peer.core.shared_file import SharedFile
from peer.file_store import FileError

TELL_EVERY = 5.0
"""Seconds between two lines about how far a file has come."""


class FileKeeping(Protocol):
    """What is needed of `Peer.chat`."""

    @property
    def history(self) -> Sequence[Entry]:
        """The last texts, in order."""

    async def send_file(self, path: Path, text: str = "") -> Entry:
        """Tell of a file, and give it to those who ask. Raises FileError and ChatError."""

    async def save(self, file: SharedFile, path: Path) -> Path:
        """Fetch a file, and copy it there. Raises FileError."""

    def progress(self, file: SharedFile) -> tuple[int, int] | None:
        """Bytes that are here, and all; None when it neither is here nor comes."""


class FileScreen(Protocol):
    """Where lines and complaints go."""

    @property
    def write(self) -> Callable[[str], object]: ...
    @property
    def complain(self) -> Callable[[str], object]: ...
    @property
    def json(self) -> bool: ...


class FileCommands:
    """/file and /save: what takes long goes on while one talks."""

    def __init__(self, chat: FileKeeping, screen: FileScreen, notice: Callable[[str], None]) -> None:
        self.given = False
        """Whether a file was sent."""
        self._chat = chat
        self._screen = screen
        self._notice = notice
        self._saving: set[asyncio.Task[None]] = set()

    async def send(self, path: str, text: str = "") -> Entry:
        """Tell of the file at `path`. Raises FileError and ChatError."""
        if not path:
            raise ChatError("Say which file: /file PATH.")
        entry = await self._chat.send_file(at(path), text)
        self.given = True
        return entry

    def save(self, words: str) -> None:
        """`^2 PATH`: the file of the last message but one that has one. Raises ChatError."""
        told = [entry for entry in self._chat.history if entry.file is not None]
        entry, path = find(told, words, "anybody with a file")
        self.save_of(entry.id, path)

    def save_of(self, message: bytes | None, path: str) -> None:
        """The file of that message. Raises ChatError."""
        file = next((entry.file for entry in self._chat.history if entry.id == message), None)
        if file is None:
            raise ChatError("That message tells of no file.")
        task = asyncio.create_task(self._save(file, at(path or ".")), name="save a file")
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def finish(self) -> None:
        """Wait until all that is to be saved is saved."""
        if self._saving:
            await asyncio.wait(self._saving)

    async def close(self) -> bool:
        """Save nothing more; whether something was being saved."""
        saving = list(self._saving)
        for task in saving:
            task.cancel()
        await asyncio.gather(*saving, return_exceptions=True)
        return bool(saving)

    async def _save(self, file: SharedFile, path: Path) -> None:
        saving = asyncio.create_task(self._chat.save(file, path))
        try:
            while not (await asyncio.wait([saving], timeout=TELL_EVERY))[0]:
                self._tell(file)
            saved = saving.result()
        except FileError as error:
            self._screen.complain(str(error))
        else:
            if self._screen.json:
                record = {"event": "saved", "file": file.id.hex(), "path": str(saved)}
                self._screen.write(json.dumps(record, separators=(",", ":")) + "\n")
            else:
                self._notice(f"{harmless(file.name)} is saved as {saved}.")
        finally:
            saving.cancel()

    def _tell(self, file: SharedFile) -> None:
        here, size = self._chat.progress(file) or (0, file.size)
        if self._screen.json:
            record = {"event": "progress", "file": file.id.hex(), "received": here, "size": size}
            self._screen.write(json.dumps(record, separators=(",", ":")) + "\n")
        else:
            self._notice(f"{harmless(file.name)}: {amount(here)} of {amount(size)} are here.")


def at(path: str) -> Path:
    """Where what was typed is; ~ is one's own folder."""
    return Path(path).expanduser()
