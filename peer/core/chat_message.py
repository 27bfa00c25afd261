"""A chat message as the log holds it, and the body of those that are shown (docs/protocol.md section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from peer import wire
from peer.core.chat_acts import (
    MAX_TEXT,
    Act,
    ChatError,
    act_of,
    check_text,
    read_body,
    write_body,
)
from peer.core.shared_file import SharedFile, read_file, write_file
from signaling.chat_header import TEXT, ChatHeader, ChatHeaderError, message_id, room_hash
from signaling.checkpoint import CHECKPOINT, read_checkpoint
from signaling.measures import MEASURE, Measure, is_text, read_id, read_ids, read_measure

MAX_NAME = 64
MAX_CLOCK = 2**32 - 1

Place: TypeAlias = tuple[int, bytes, bytes]
"""(clock, author key, id): where a message stands, for everybody."""


class ChatRateError(ChatError):
    """The author's rate is spent; `wait` is how many seconds to wait before saying the same again."""

    def __init__(self, wait: float) -> None:
        super().__init__("You are writing too fast: wait a moment and send it again.")
        self.wait = wait


class ChatBreachError(Exception):
    """No honest peer sends this; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that its author has yet to sign (`TAG_CHAT`, over `header`)."""

    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A text to show. `id` and `key` have 32 bytes, `author` (a peer id) 16.

    `time` is by the author's wall clock, in ms since 1970; `reply` is the id of what this answers.
    `reactions` are (emoji, peer ids of those who gave it), the one that was given first before the others.
    """

    id: bytes
    author: bytes
    key: bytes
    name: str
    text: str
    time: int
    clock: int
    reply: bytes | None = None
    edited: bool = False
    reactions: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    file: SharedFile | None = None

    @property
    def place(self) -> Place:
        return (self.clock, self.key, self.id)


@dataclass(frozen=True, slots=True)
class Text:
    """The body of a text."""

    name: str
    text: str
    reply: bytes | None = None
    file: SharedFile | None = None


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message whose form, room and body were checked, its signature perhaps not yet."""

    id: bytes
    header: ChatHeader
    signed: wire.ChatMessage
    entry: Entry | None
    """What its author wrote: None for a kind, or a body, that is kept and passed on but not understood."""
    act: Act | None = None
    """What its author does to another message."""
    measure: Measure | None = None
    """What its author does in the room, if that is allowed."""
    after: tuple[bytes, ...] = ()
    """The last measures that its author knew."""

    @property
    def place(self) -> Place:
        return (self.header.clock, self.header.author, self.id)

    @property
    def size(self) -> int:
        """Bytes that it takes on a link and, about, in memory."""
        return len(self.signed.header) + len(self.signed.signature) + self.header.body_length

    @property
    def is_bare(self) -> bool:
        """Whether its body is not here."""
        return self.signed.body is None

    def bare(self) -> SignedMessage:
        """The same without its body: header and signature keep the chain whole."""
        signed = wire.ChatMessage(self.signed.header, self.signed.signature, None)
        return SignedMessage(self.id, self.header, signed, None)


def write_text(
    name: str,
    text: str,
    reply: bytes | None = None,
    after: Sequence[bytes] = (),
    file: SharedFile | None = None,
) -> bytes:
    """The body of a text; `after` are the last measures that its author knows. Raises ChatError."""
    check_text(text)
    if len(name) > MAX_NAME:
        raise ChatError(f"The name is too long: it has {len(name)} characters, {MAX_NAME} is the most.")
    fields: dict[str, Any] = {"text": text, "name": name}
    if reply is not None:
        fields["reply"] = reply.hex()
    if file is not None:
        fields["file"] = write_file(file)
    return write_body(fields, after)


def read_text(body: bytes) -> Text | None:
    """The text in a body of kind TEXT; None when it is not one: its author's fault, not its sender's."""
    return _text_of(read_body(body))


def _text_of(value: dict[str, Any] | None) -> Text | None:
    if value is None:
        return None
    text, name = value.get("text"), value.get("name")
    if is_text(text, 1, MAX_TEXT) and is_text(name, 0, MAX_NAME):
        return Text(name, text, read_id(value.get("reply")), read_file(value.get("file")))
    return None


def open_message(message: wire.ChatMessage, room: bytes) -> SignedMessage:
    """Check all but the signature and what it follows; `room` is the hash of ours.

    Raises ChatBreachError.
    """
    try:
        header = ChatHeader.parse(message.header)
    except ChatHeaderError as error:
        raise ChatBreachError(str(error)) from error
    if header.room != room:
        raise ChatBreachError("The chat message is from another room.")
    if len(set(header.follows)) != len(header.follows):
        raise ChatBreachError("The chat message follows another one twice.")
    if (header.clock > 1) != bool(header.follows) or header.clock < 1:
        raise ChatBreachError("A chat message has the clock 1 if it follows no other, and only then.")
    if len(message.signature) != 64:
        raise ChatBreachError("The signature of a chat message has 64 bytes.")
    body = message.body
    if body is not None and (len(body) != header.body_length or sha256(body).digest() != header.body_hash):
        raise ChatBreachError("The body of the chat message is not the one in its header.")
    number = message_id(message.header)
    if body is None:
        return SignedMessage(number, header, message, None)
    if header.kind in (MEASURE, CHECKPOINT):
        measure = read_measure(body) if header.kind == MEASURE else read_checkpoint(body)
        after = () if measure is None else measure.after
        return SignedMessage(number, header, message, None, None, measure, after)
    value = read_body(body)
    after = (read_ids(value.get("after")) if value is not None else None) or ()
    return SignedMessage(
        number, header, message, _entry(number, header, value), act_of(header.kind, value), None, after
    )


def _entry(number: bytes, header: ChatHeader, value: dict[str, Any] | None) -> Entry | None:
    text = _text_of(value) if header.kind == TEXT else None
    if text is None:
        return None
    author = sha256(header.author).digest()[:16]
    return Entry(
        number,
        author,
        header.author,
        text.name,
        text.text,
        header.time,
        header.clock,
        text.reply,
        file=text.file,
    )


def next_clock(followed: list[int]) -> int:
    """The clock of what follows messages with these."""
    return min(max(followed, default=0) + 1, MAX_CLOCK)


def draft(
    room: bytes, key: bytes, clock: int, time: int, follows: tuple[bytes, ...], body: bytes, kind: int = TEXT
) -> Draft:
    """A message as its author signs it. Raises ChatHeaderError when a field is out of its bounds."""
    header = ChatHeader(kind, room, key, clock, time, follows, len(body), sha256(body).digest())
    return Draft(header.encode(), body)


__all__ = [
    "MAX_CLOCK",
    "MAX_NAME",
    "MAX_TEXT",
    "ChatBreachError",
    "ChatError",
    "ChatRateError",
    "Draft",
    "Entry",
    "Place",
    "SignedMessage",
    "Text",
    "draft",
    "message_id",
    "next_clock",
    "open_message",
    "read_text",
    "room_hash",
    "write_text",
]
