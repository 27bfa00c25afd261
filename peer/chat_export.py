"""All that was said in a room, in a file of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from peer.chat_display import Lines, json_line
from peer.core.chat_acts import ChatError
from peer.core.chat_message import Entry

MOST = 200_000
"""Messages: what is older stays out."""
JSON_LINES = (".jsonl", ".ndjson", ".json")


class Told(Protocol):
    """What is needed of `Peer.chat`."""

    @property
    def history(self) -> Sequence[Entry]:
        """The last texts, in order."""

    async def before(self, message: Entry) -> list[Entry]:
        """The texts just before that one, in order. Raises StoreError."""


async def everything(chat: Told) -> list[Entry]:
    """All texts that are here, in the store or with others, in order. Raises StoreError."""
    found = list(chat.history)
    while found and len(found) < MOST:
        known = {entry.id for entry in found}
        older = [entry for entry in await chat.before(found[0]) if entry.id not in known]
        if not older:
            break
        found = older + found
    return found


async def export(chat: Told, path: Path, lines: Callable[[], Lines] = Lines) -> int:
    """Write all texts to `path`, where it replaces nothing; how many these are.

    Lines of JSON where the name ends as that of such a file does, else text. Raises ChatError and StoreError.
    """
    entries = await everything(chat)
    if path.suffix.lower() in JSON_LINES:
        written: Iterable[str] = map(json_line, entries)
    else:
        written = _readable(entries, lines())
    try:
        await asyncio.to_thread(_write, path, written)
    except FileExistsError as error:
        raise ChatError(f"{path} is there already, and nothing is replaced: give another name.") from error
    except OSError as error:
        raise ChatError(f"{path} cannot be written: {error.strerror or error}.") from error
    return len(entries)


def _readable(entries: Sequence[Entry], lines: Lines) -> Iterable[str]:
    known = {entry.id: entry for entry in entries}
    for entry in entries:
        yield lines.message(entry, known.get(entry.reply or b""))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
