"""Which messages answer which, directly or by way of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Answering(Protocol):
    """What is needed of a message."""

    @property
    def id(self) -> bytes: ...
    @property
    def reply(self) -> bytes | None:
        """The id of the message that it answers."""


def roots(messages: Sequence[Answering]) -> dict[bytes, bytes]:
    """The id of what each of these (by id) goes back to, as far as what they answer is among them."""
    by_id = {message.id: message for message in messages}
    found: dict[bytes, bytes] = {}
    for message in messages:
        way: dict[bytes, None] = {}
        root = message.id
        at: bytes | None = root
        while at is not None and at in by_id and at not in found and at not in way:
            way[at] = None
            root, at = at, by_id[at].reply
        if way:
            found |= dict.fromkeys(way, found.get(at or b"", root))
    return found


def replies(root_of: Mapping[bytes, bytes]) -> dict[bytes, int]:
    """How many messages go back to each root that has any, itself not counted."""
    counts: dict[bytes, int] = {}
    for id, root in root_of.items():
        if id != root:
            counts[root] = counts.get(root, 0) + 1
    return counts
