"""How chat looks on a terminal, and what of it a terminal must not be told."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from peer.chat_colours import Colours
from peer.core.chat_mentions import Mention, mentioned, pieces, readable
from peer.core.chat_message import Entry
from peer.core.chat_placing import Revise
from peer.core.shared_file import SharedFile

QUOTED = 40
"""Characters of a message that stand for it."""
JUST_NOW = 300.0
"""Seconds: older messages ring for nobody."""
ACTION = "/me "
"""A text that begins so tells what its author does."""
_ARRANGING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows: with them a text could pose as somebody else's line."""


def harmless(text: str) -> str:
    """`text` without what moves the cursor, colours the screen or hides (line breaks included)."""
    return "".join("\ufffd" if _is_control(character) else character for character in text.replace("\t", " "))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _ARRANGING


def amount(size: int) -> str:
    """Bytes as a person reads them: `1.2 MB`."""
    scaled, unit = float(size), "bytes"
    for greater in ("kB", "MB", "GB"):
        if scaled >= 1000:
            scaled, unit = scaled / 1000, greater
    return f"{size} bytes" if unit == "bytes" else f"{scaled:.1f} {unit}"


def about_file(file: SharedFile) -> str:
    """What its author claims of it, and how large it is."""
    return harmless(f"{file.name}, {file.type}, {amount(file.size)}")


def _plain(name: str) -> str:
    return " ".join(harmless(name).split())


def _folded(plain: str) -> str:
    """Names that look alike are one."""
    return unicodedata.normalize("NFKC", plain).casefold()


class Names:
    """Tells apart authors who go by the same name."""

    def __init__(self) -> None:
        self._authors: dict[str, dict[bytes, None]] = {}
        self._last: dict[bytes, str] = {}

    def learn(self, author: bytes, name: str) -> None:
        """Somebody of whom nothing was shown yet goes by that name."""
        plain = _plain(name)
        if plain:
            self._last.setdefault(author, plain)

    def known(self, author: bytes, otherwise: str | None = None) -> str:
        """The name under which that peer was shown last; `otherwise`, or its short id, if it never was."""
        return self._last.get(author, otherwise or author[:4].hex())

    def before(self, author: bytes, name: str) -> bytes | None:
        """Who took that name last, where `author` was never shown by it."""
        users = self._authors.get(_folded(_plain(name)), {})
        return None if author in users else next(reversed(users), None)

    def shown(self, author: bytes, name: str) -> str:
        """The name to show for the peer id `author`: with the short id where others use that name too."""
        self._last[author] = shown = self._shown(author, name)
        return shown

    def _shown(self, author: bytes, name: str) -> str:
        plain = _plain(name)
        short = author[:4].hex()
        if not plain:
            return short
        users = self._authors.setdefault(_folded(plain), {})
        users[author] = None
        return plain if len(users) == 1 else f"{plain} ({short})"


class Lines:
    """Messages as lines for a person: `12:03 ada: text`."""

    def __init__(
        self,
        clock: Callable[[], datetime] = datetime.now,
        colours: Colours | None = None,
        own: str | None = None,
    ) -> None:
        """`own` is the peer id, in hex digits, of whoever reads."""
        self._clock = clock
        self._colours = colours or Colours()
        self._own = own
        self.names = Names()

    def message(self, entry: Entry, answered: Entry | None = None) -> str:
        """The message, which may answer another one that was shown."""
        name = self._coloured(entry)
        if entry.reply is not None:
            name += f" to {'an earlier message' if answered is None else self._coloured(answered)}"
        # Only \n is a line break here: splitlines() would break at characters that hide one.
        first, *rest = [self._words(line) for line in entry.text.rstrip().replace("\r\n", "\n").split("\n")]
        time = self._colours.faint(self._time(entry.time))
        if first.startswith(ACTION):
            line = f"{time} * {name} {first.removeprefix(ACTION)}"
        else:
            line = f"{time} {name}: {first}"
        if entry.file is not None:
            rest.append(f"[file: {about_file(entry.file)}]")
        return "".join([line + "\n", *(f"      {more}\n" for more in rest)])

    def _words(self, line: str) -> str:
        """What stands in one line of a text: names as they are now, one's own so that it is seen."""
        said = []
        for piece in pieces(line):
            if isinstance(piece, str):
                said.append(harmless(piece))
                continue
            name = f"@{self._called(piece)}"
            own = piece.peer == self._own
            paint = self._colours.strong(name) if own else self._colours.name(bytes.fromhex(piece.peer), name)
            said.append(paint)
        return "".join(said)

    def _called(self, mention: Mention) -> str:
        return self.names.known(bytes.fromhex(mention.peer), harmless(mention.name))

    def rings(self, entry: Entry) -> bool:
        """Whether it calls for whoever reads, and was said just now."""
        age = self._clock().timestamp() - entry.time / 1000
        return self._own in mentioned(entry.text) and abs(age) < JUST_NOW

    def changes(self, before: Entry, after: Entry | None) -> list[str]:
        """Sentences about what became of a message."""
        name, quoted = self._name(before), _quoted(readable(before.text, self._called))
        if after is None:
            return [f"{name} “{quoted}” is gone."]
        said = []
        if after.text != before.text:
            said.append(f"{name} “{quoted}” is now: {readable(after.text, self._called)}")
        given, taken = _reactions(after) - _reactions(before), _reactions(before) - _reactions(after)
        for emoji, author in sorted(given):
            said.append(f"{emoji} by {self.names.known(author)} for {name} “{quoted}”")
        for emoji, author in sorted(taken):
            said.append(f"{emoji} of {self.names.known(author)} taken back from {name} “{quoted}”")
        return said

    def another_key(self, entry: Entry) -> str | None:
        """A sentence where somebody else was shown by that name, and its author now for the first time."""
        before = self.names.before(entry.author, entry.name)
        if before is None:
            return None
        keys = f"{entry.author[:4].hex()}, not {before[:4].hex()}"
        return f"“{_plain(entry.name)}” has another key than before: {keys}. It may be somebody else."

    def _name(self, entry: Entry) -> str:
        return self.names.shown(entry.author, entry.name)

    def _coloured(self, entry: Entry) -> str:
        return self._colours.name(entry.author, self._name(entry))

    def notice(self, sentence: str) -> str:
        """What the program itself says."""
        return self._colours.faint(f"-- {harmless(sentence)}") + "\n"

    def _time(self, milliseconds: int) -> str:
        try:
            said = datetime.fromtimestamp(milliseconds / 1000)
        except (ValueError, OverflowError, OSError):
            return "--:--"  # a wall clock that nobody has
        return said.strftime("%H:%M" if said.date() == self._clock().date() else "%Y-%m-%d %H:%M")


def json_line(entry: Entry) -> str:
    """One object on a line, in ASCII only: nothing in it can mean something to a terminal."""
    return _line(_record(entry))


def json_change(change: Revise) -> str:
    """What a message is now, or that it is gone, on a line."""
    if change.message is None:
        return _line({"event": "gone", "id": change.id.hex()})
    return _line({"event": "changed", **_record(change.message)})


def _record(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id.hex(),
        "author": entry.author.hex(),
        "name": entry.name,
        "text": entry.text,
        "mentions": mentioned(entry.text),
        "time": entry.time,
        "clock": entry.clock,
        "reply": None if entry.reply is None else entry.reply.hex(),
        "edited": entry.edited,
        "file": None if entry.file is None else {**asdict(entry.file), "id": entry.file.id.hex()},
        "reactions": {emoji: [author.hex() for author in authors] for emoji, authors in entry.reactions},
    }


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def _quoted(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= QUOTED else first[:QUOTED] + "…"


def _reactions(entry: Entry) -> set[tuple[str, bytes]]:
    return {(emoji, author) for emoji, authors in entry.reactions for author in authors}
