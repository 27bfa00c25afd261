"""How chat looks on a terminal, and what of it a terminal must not be told."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import datetime

from peer.core.chat_message import Entry

ACTION = "/me "
"""A text that begins so tells what its author does."""
_ARRANGING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows: with them a text could pose as somebody else's line."""


def harmless(text: str) -> str:
    """`text` without what moves the cursor, colours the screen or hides (line breaks included)."""
    return "".join("\ufffd" if _is_control(character) else character for character in text.replace("\t", " "))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _ARRANGING


class Names:
    """Tells apart authors who go by the same name."""

    def __init__(self) -> None:
        self._authors: dict[str, set[bytes]] = {}

    def shown(self, author: bytes, name: str) -> str:
        """The name to show for the peer id `author`: with the short id where others use that name too."""
        plain = " ".join(harmless(name).split())
        short = author[:4].hex()
        if not plain:
            return short
        users = self._authors.setdefault(unicodedata.normalize("NFKC", plain).casefold(), set())
        users.add(author)
        return plain if len(users) == 1 else f"{plain} ({short})"


class Lines:
    """Messages as lines for a person: `12:03 ada: text`."""

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self._clock = clock
        self._names = Names()

    def message(self, entry: Entry) -> str:
        name = self._names.shown(entry.author, entry.name)
        # Only \n is a line break here: splitlines() would break at characters that hide one.
        first, *rest = [harmless(line) for line in entry.text.rstrip().replace("\r\n", "\n").split("\n")]
        if first.startswith(ACTION):
            line = f"{self._time(entry.time)} * {name} {first.removeprefix(ACTION)}"
        else:
            line = f"{self._time(entry.time)} {name}: {first}"
        return "".join([line + "\n", *(f"      {more}\n" for more in rest)])

    def notice(self, sentence: str) -> str:
        """What the program itself says."""
        return f"-- {harmless(sentence)}\n"

    def _time(self, milliseconds: int) -> str:
        try:
            said = datetime.fromtimestamp(milliseconds / 1000)
        except (ValueError, OverflowError, OSError):
            return "--:--"  # a wall clock that nobody has
        return said.strftime("%H:%M" if said.date() == self._clock().date() else "%Y-%m-%d %H:%M")


def json_line(entry: Entry) -> str:
    """One object on a line, in ASCII only: nothing in it can mean something to a terminal."""
    record = {
        "id": entry.id.hex(),
        "author": entry.author.hex(),
        "name": entry.name,
        "text": entry.text,
        "time": entry.time,
        "clock": entry.clock,
    }
    return json.dumps(record, separators=(",", ":")) + "\n"
