"""Who is meant by name in a text (docs/protocol.md section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

MAX_NAME = 64
_MENTION = re.compile(r"@\[([^\[\]\r\n]{1,64})\]\(([0-9a-f]{32})\)")
_NOT_IN_A_NAME = re.compile(r"[\[\]\r\n]")


@dataclass(frozen=True, slots=True)
class Mention:
    """The peer with the id `peer` (32 hex digits) is meant, who was called `name` when that was written."""

    name: str
    peer: str


Piece: TypeAlias = str | Mention


def pieces(text: str) -> list[Piece]:
    """The text as it is to be shown, in order: words, and who is meant."""
    found: list[Piece] = []
    at = 0
    for match in _MENTION.finditer(text):
        if match.start() > at:
            found.append(text[at : match.start()])
        found.append(Mention(match[1], match[2]))
        at = match.end()
    if at < len(text):
        found.append(text[at:])
    return found


def mentioned(text: str) -> tuple[str, ...]:
    """The peer ids of those who are meant, each once, in order."""
    return tuple(dict.fromkeys(piece.peer for piece in pieces(text) if isinstance(piece, Mention)))


def readable(text: str, named: Callable[[Mention], str]) -> str:
    """The text as a person reads and writes it, with `@name`."""
    return "".join(piece if isinstance(piece, str) else f"@{named(piece)}" for piece in pieces(text))


def mention(name: str, peer: str) -> str:
    """How a text says that this peer is meant."""
    plain = _NOT_IN_A_NAME.sub("", name).strip()[:MAX_NAME]
    return f"@[{plain or peer[:8]}]({peer})"


def handles(people: Mapping[str, str]) -> dict[str, str]:
    """What each of these peers (names by id) is called behind an @: where two share a name, with the id."""
    users: dict[str, int] = {}
    for name in people.values():
        users[name.strip().lower()] = users.get(name.strip().lower(), 0) + 1
    called = {}
    for peer, name in people.items():
        plain = name.strip()
        called[peer] = plain or peer[:8]
        if plain and users[plain.lower()] > 1:
            called[peer] = f"{plain} ({peer[:8]})"
    return called


def written(text: str, people: Mapping[str, str]) -> str:
    """The text with each `@name` of these peers (names by id) as a mention; the longest name counts."""
    known = sorted(handles(people).items(), key=lambda item: (-len(item[1]), item[0]))
    return "".join(
        _written(piece, known, people) if isinstance(piece, str) else mention(piece.name, piece.peer)
        for piece in pieces(text)
    )


def _written(text: str, known: list[tuple[str, str]], people: Mapping[str, str]) -> str:
    said = []
    at = 0
    while (sign := text.find("@", at)) >= 0:
        said.append(text[at:sign])
        at = sign + 1
        peer, length = _called(text, at, known) if _is_apart(text[:sign][-1:]) else ("", 0)
        said.append(mention(people[peer], peer) if peer else "@")
        at += length
    return "".join([*said, text[at:]])


def _called(text: str, at: int, known: list[tuple[str, str]]) -> tuple[str, int]:
    """Whose name begins at that place, and how long it is."""
    for peer, handle in known:
        end = at + len(handle)
        if text[at:end].lower() == handle.lower() and _is_apart(text[end : end + 1]):
            return peer, len(handle)
    return "", 0


def _is_apart(character: str) -> bool:
    """Whether a name can end before that character, or an @ stand behind it: it is no letter and no digit."""
    return not character.isalnum()
