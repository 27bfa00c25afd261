"""What a log asks of the store in which its messages are kept, and who waits for the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from peer import wire
from peer.core.chat_message import Place

AT_ONCE = 16
"""Messages that are read at a time to be sent: each may have 16 KiB."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep an accepted message at `place`.

    `complete` is False where something that it follows is not there: what is missing may still be fetched.
    """

    place: Place
    message: wire.ChatMessage
    complete: bool


@dataclass(frozen=True, slots=True)
class Erase:
    """Drop the bodies of the message `target` (an id) and of its edits, if that author (a key) wrote them."""

    target: bytes
    author: bytes


@dataclass(frozen=True, slots=True)
class KeepMeasure:
    """Keep a measure for good: it is given to `restore` with all others of the room."""

    message: wire.ChatMessage


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop all messages and measures that stand at that place or before it: a checkpoint settles them."""

    place: Place


@dataclass(frozen=True, slots=True)
class Recall:
    """Read these messages, checking their signatures; answer with `recalled(token, …)`."""

    token: int
    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which of these are kept? Answer with `looked_up(token, …)`."""

    token: int
    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LookupBefore:
    """The last `count` that are kept up to the last of those, in order: answer with `looked_up(token, …)`."""

    token: int
    ids: tuple[bytes, ...]
    count: int


StoreAction: TypeAlias = Keep | KeepMeasure | Erase | Forget | Recall | Lookup | LookupBefore
Looked: TypeAlias = Callable[[tuple[bytes, ...], float], None]
Recalled: TypeAlias = Callable[[list[wire.ChatMessage], float], None]


class Recalls:
    """Questions to the store. How many are open is bounded by who asks: links and waiting messages."""

    def __init__(self, act: Callable[[StoreAction], None]) -> None:
        self._act = act
        self._token = 0
        self._looking: dict[int, Looked] = {}
        self._recalling: dict[int, Recalled] = {}

    def recall(self, ids: tuple[bytes, ...], then: Recalled) -> None:
        self._token += 1
        self._recalling[self._token] = then
        self._act(Recall(self._token, ids))

    def look_up(self, ids: tuple[bytes, ...], then: Looked) -> None:
        self._token += 1
        self._looking[self._token] = then
        self._act(Lookup(self._token, ids))

    def look_before(self, ids: tuple[bytes, ...], count: int, then: Looked) -> None:
        self._token += 1
        self._looking[self._token] = then
        self._act(LookupBefore(self._token, ids, count))

    def recalled(self, token: int, messages: list[wire.ChatMessage], now: float) -> None:
        self._recalling.pop(token)(messages, now)

    def looked_up(self, token: int, ids: tuple[bytes, ...], now: float) -> None:
        self._looking.pop(token)(ids, now)
