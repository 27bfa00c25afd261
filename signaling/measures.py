"""What somebody with standing does in a room: the body of such a message (docs/protocol.md section 8)."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard, get_args

MEASURE = 5
"""The kind of the messages that hold measures."""
MAX_AFTER = 8
MAX_LAST = 8
MAX_REASON = 200
MAX_SLOW = 3600
MAX_MEASURE = 4096
"""Bytes of a body."""

Verb: TypeAlias = Literal[
    "grant",
    "revoke",
    "mute",
    "unmute",
    "kick",
    "ban",
    "unban",
    "delete",
    "lock",
    "unlock",
    "slow",
    "checkpoint",
]
"""A checkpoint is of a kind of its own (signaling/checkpoint.py)."""
Role: TypeAlias = Literal["moderator", "member"]
ON_SOMEBODY = frozenset({"grant", "revoke", "mute", "unmute", "kick", "ban", "unban", "delete"})
WITH_ROLE = frozenset({"grant", "revoke", "lock"})
WITH_LAST = frozenset({"mute", "ban"})
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Measure:
    """`after` are the last measures that its author knew, by id; `subject` is a key, both of 32 bytes.

    `role` is what is granted or revoked, or who may still speak where a room is locked. `last` are the last
    messages of the subject that count, as (clock, id). `target` is the message that is deleted, `seconds` the
    least time between two messages of one author in slow mode, 0 to end it.
    """

    verb: Verb
    after: tuple[bytes, ...] = ()
    subject: bytes | None = None
    role: Role | None = None
    last: tuple[tuple[int, bytes], ...] = ()
    target: bytes | None = None
    seconds: int = 0
    reason: str = ""


def write_measure(measure: Measure) -> bytes:
    """The body of a measure."""
    value: dict[str, Any] = {"act": measure.verb, "after": [id.hex() for id in measure.after]}
    if measure.subject is not None:
        value["subject"] = measure.subject.hex()
    if measure.role is not None:
        value["role"] = measure.role
    if measure.verb in WITH_LAST:
        value["last"] = [[clock, id.hex()] for clock, id in measure.last]
    if measure.target is not None:
        value["target"] = measure.target.hex()
    if measure.verb == "slow":
        value["seconds"] = measure.seconds
    if measure.reason:
        value["reason"] = measure.reason
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def read_measure(body: bytes) -> Measure | None:
    """The measure in a body of kind MEASURE; None where there is none."""
    value = read_json(body) if len(body) <= MAX_MEASURE else None
    if value is None or value.get("act") not in get_args(Verb) or value["act"] == "checkpoint":
        return None
    verb = value["act"]
    after, subject, target = (
        read_ids(value.get("after")),
        read_id(value.get("subject")),
        read_id(value.get("target")),
    )
    role, seconds, reason = value.get("role"), value.get("seconds", 0), value.get("reason", "")
    last = _last(value.get("last", []))
    fits = (
        after is not None
        and last is not None
        and (subject is not None) == (verb in ON_SOMEBODY)
        and (role in get_args(Role) if verb in WITH_ROLE else True)
        and (verb != "delete" or target is not None)
        and is_count(seconds, MAX_SLOW)
        and is_text(reason, 0, MAX_REASON)
    )
    if not fits or after is None or last is None:
        return None
    return Measure(
        verb,
        after,
        subject,
        role if verb in WITH_ROLE else None,
        last if verb in WITH_LAST else (),
        target if verb == "delete" else None,
        seconds if verb == "slow" else 0,
        reason,
    )


def read_json(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, its numbers as JavaScript has them; None where there is none."""
    try:
        value = json.loads(body.decode(), parse_float=_whole, parse_constant=_whole)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_ids(value: Any) -> tuple[bytes, ...] | None:
    """At most 8 distinct ids; None for anything else. A missing list is an empty one."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_AFTER:
        return None
    ids = [id for text in value if (id := read_id(text)) is not None]
    return tuple(ids) if len(set(ids)) == len(value) else None


def _last(value: Any) -> tuple[tuple[int, bytes], ...] | None:
    if not isinstance(value, list) or len(value) > MAX_LAST:
        return None
    found = []
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 2:
            return None
        clock, id = entry[0], read_id(entry[1])
        if not is_count(clock, 2**32 - 1) or id is None:
            return None
        found.append((clock, id))
    return tuple(found)


def read_id(value: Any) -> bytes | None:
    """The id, or key, in 64 hex digits; None for anything else."""
    return bytes.fromhex(value) if isinstance(value, str) and _ID.fullmatch(value) else None


def is_text(value: Any, least: int, most: int) -> TypeGuard[str]:
    """Whether that is a text of so many characters, none of them a lone surrogate."""
    if not isinstance(value, str) or not least <= len(value) <= most:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _whole(number: str) -> int | None:
    """Numbers as JavaScript has them: 5.0 is 5."""
    value = float(number)
    return int(value) if value.is_integer() else None


def is_count(value: Any, most: int) -> TypeGuard[int]:
    """Whether that is a whole number from 0 to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
