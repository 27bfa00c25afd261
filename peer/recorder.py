"""Writes what is watched to a file: the init segment and the parts of one epoch are a fragmented MP4."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from peer.part import Part
from peer.running import CommandError


class Recorder:
    """Records until the stream changes its init segment, which one file cannot hold.

    Raises CommandError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._init: bytes | None = None
        self._file: IO[bytes] | None = None
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error

    def add(self, part: Part) -> None:
        """The next part; recording begins with an independent one."""
        if self._file is None:
            return
        if self._init is None:
            if not part.independent:
                return
            self._init = part.init
            self._write(part.init)
        if part.init == self._init:
            self._write(part.data)

    def _write(self, data: bytes) -> None:
        try:
            if self._file is not None:
                self._file.write(data)
        except OSError as error:
            self.close()
            raise CommandError(f"Recording to {self._path} failed: {error.strerror}.") from error

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
