"""What people do to messages: edits, deletes and reactions (docs/protocol.md section 8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from signaling.chat_header import MAX_BODY
from signaling.errors import ToldError
from signaling.measures import is_text, read_id

EDIT = 2
DELETE = 3
REACTION = 4
MAX_TEXT = 8000
MAX_EMOJI = 16
"""Characters of a reaction: one emoji may be a row of them."""


class ChatError(ToldError, ValueError):
    """What was to be said cannot be sent; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The author of `target` (an id, 32 bytes) has put it otherwise."""

    target: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The author of `target` takes it back."""

    target: bytes


@dataclass(frozen=True, slots=True)
class Reaction:
    """Somebody answers `target` with an emoji, or takes that back."""

    target: bytes
    emoji: str
    on: bool


Act: TypeAlias = Edit | Delete | Reaction
KINDS: dict[type[Act], int] = {Edit: EDIT, Delete: DELETE, Reaction: REACTION}


def write_act(act: Act, after: Sequence[bytes] = ()) -> bytes:
    """The body of an act; `after` are the last measures that its author knows. Raises ChatError."""
    fields: dict[str, Any] = {"target": act.target.hex()}
    match act:
        case Edit():
            check_text(act.text)
            fields["text"] = act.text
        case Delete():
            pass
        case _:
            if not _is_emoji(act.emoji):
                raise ChatError(f"A reaction is one emoji: it has 1 to {MAX_EMOJI} characters and no space.")
            fields |= {"emoji": act.emoji, "on": act.on}
    return write_body(fields, after)


def read_act(kind: int, body: bytes) -> Act | None:
    """The act in the body of a message of that kind; None where there is none."""
    return act_of(kind, read_body(body))


def act_of(kind: int, value: dict[str, Any] | None) -> Act | None:
    """The act in the object of such a body."""
    target = None if value is None else read_id(value.get("target"))
    if value is None or target is None:
        return None
    if kind == EDIT:
        text = value.get("text")
        return Edit(target, text) if is_text(text, 1, MAX_TEXT) else None
    if kind == DELETE:
        return Delete(target)
    emoji, on = value.get("emoji"), value.get("on")
    if kind == REACTION and _is_emoji(emoji) and isinstance(on, bool):
        return Reaction(target, emoji, on)
    return None


def check_text(text: str) -> None:
    """Raises ChatError when this cannot be said."""
    if not text.strip():
        raise ChatError("There is nothing to send: the message is empty.")
    if len(text) > MAX_TEXT:
        raise ChatError(f"The message is too long: it has {len(text)} characters, {MAX_TEXT} is the most.")


def write_body(value: dict[str, Any], after: Sequence[bytes] = ()) -> bytes:
    """The JSON of a body, with the last measures that its author knows. Raises ChatError."""
    if after:
        value = {**value, "after": [id.hex() for id in after]}
    try:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ChatError("The message holds half a character that cannot be sent.") from error
    if len(body) > MAX_BODY:
        raise ChatError(f"The message is too long: it has {len(body)} bytes, {MAX_BODY} is the most.")
    return body


def read_body(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None where there is none."""
    try:
        # Numbers can only be in fields that are not known yet: how long they are is nothing to us.
        value = json.loads(body.decode(), parse_int=len, parse_float=len, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_emoji(value: Any) -> TypeGuard[str]:
    return is_text(value, 1, MAX_EMOJI) and all(" " < character != "\x7f" for character in value)


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")
