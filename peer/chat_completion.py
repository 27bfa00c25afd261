"""What the Tab key offers in the chat: commands, names, emoji by their short names, and files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from rich._emoji_codes import EMOJI  # the table behind rich.emoji, which does not export it

from peer.chat_commands import Company
from peer.chat_help import COMMANDS, NAMING
from peer.chat_people import people
from peer.core.chat_mentions import handles

MOST = 30
"""Offers at a time."""
_COMMAND = re.compile(r"/\S*")
_NAMING = re.compile(r"(/\S+) (.*)", re.DOTALL)
_WORD = re.compile(r"(?:^|(?<=[\s(]))([:@])([^\s:@]*)$")
PATHS = ("/file ", "/export ")


def offers_as_typed(document: Document) -> bool:
    """Whether what stands before the cursor asks for offers, without the Tab key."""
    before = document.text_before_cursor
    word = _WORD.search(before)
    return _COMMAND.fullmatch(before) is not None or (
        word is not None and (word[1] == "@" or len(word[2]) > 1)
    )


class ChatCompleter(Completer):
    """Knows who is here and who has said something."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if _COMMAND.fullmatch(before) is not None:
            return _commands(before)
        if before.startswith(PATHS):
            path = before.partition(" ")[2]
            return self._paths.get_completions(Document(path, len(path)), complete_event)
        naming = _NAMING.fullmatch(before)
        if naming is not None and naming[1] in NAMING:
            names = {name for name in people(self._company).values() if name}
            return _names(sorted(names, key=str.casefold), naming[2], "")
        word = _WORD.search(before)
        if word is None:
            return ()
        if word[1] == ":":
            return _emoji(word[2])
        called = handles(people(self._company)).values()
        return _names(sorted(called, key=str.casefold), word[2], "@")


def _names(known: list[str], begun: str, sign: str) -> Iterable[Completion]:
    wanted = begun.casefold()
    found = [name for name in known if name.casefold().startswith(wanted)]
    for name in found[:MOST]:
        yield Completion(f"{sign}{name} ", -len(begun) - len(sign), display=f"{sign}{name}")


def _commands(begun: str) -> Iterable[Completion]:
    said = set()
    for command in COMMANDS:
        if command.name.startswith(begun) and command.name not in said:
            said.add(command.name)
            end = " " if command.takes else ""
            yield Completion(
                command.name + end, -len(begun), display=command.usage, display_meta=command.does
            )


def _emoji(begun: str) -> Iterable[Completion]:
    wanted = begun.casefold()
    names = [name for name in EMOJI if wanted in name and "skin_tone" not in name]
    names.sort(key=lambda name: (not name.startswith(wanted), len(name), name))
    for name in names[:MOST]:
        yield Completion(EMOJI[name], -len(begun) - 1, display=f"{EMOJI[name]} {name}")
