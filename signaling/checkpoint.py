"""Where the owner of a room lets its log begin: the body of such a message (docs/protocol.md section 8)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signaling.binary import from_base64url, to_base64url
from signaling.chat_header import MAX_BODY
from signaling.measures import MAX_SLOW, Measure, Role, is_count, read_id, read_ids, read_json

CHECKPOINT = 6
"""The kind of the messages that hold checkpoints."""
SETTLED_MEASURES = 32
"""The last ones that a checkpoint settles are told of: who has not seen it may name them."""
_KEY = 32


@dataclass(frozen=True, slots=True)
class Checkpoint(Measure):
    """All that stands at `settled` (clock, author key, id) or before it is settled, and nobody keeps it.

    `known` are ids of that which later messages name: nobody waits for those. Of the measures among it this
    stays in force: who is moderator or member, banned or muted (keys), who may still speak where the room is
    locked, and the least time between two messages in slow mode, 0 for none.
    """

    settled: tuple[int, bytes, bytes] = (0, b"", b"")
    known: tuple[bytes, ...] = ()
    moderators: tuple[bytes, ...] = ()
    members: tuple[bytes, ...] = ()
    banned: tuple[bytes, ...] = ()
    muted: tuple[bytes, ...] = ()
    lock: Role | None = None
    slow: int = 0

    @property
    def people(self) -> int:
        """How many are named."""
        return len({*self.moderators, *self.members, *self.banned, *self.muted})


def write_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The body of a checkpoint, which may be longer than a message has room for."""
    clock, author, id = checkpoint.settled
    value: dict[str, Any] = {
        "after": [id.hex() for id in checkpoint.after],
        "settled": [clock, author.hex(), id.hex()],
    }
    for name in ("known", "moderators", "members", "banned", "muted"):
        keys: Sequence[bytes] = getattr(checkpoint, name)
        if keys:
            value[name] = to_base64url(b"".join(keys))
    if checkpoint.lock is not None:
        value["lock"] = checkpoint.lock
    if checkpoint.slow:
        value["slow"] = checkpoint.slow
    return json.dumps(value, separators=(",", ":")).encode()


def read_checkpoint(body: bytes) -> Checkpoint | None:
    """The checkpoint in a body of kind CHECKPOINT; None where there is none."""
    value = read_json(body) if len(body) <= MAX_BODY else None
    if value is None:
        return None
    after, settled = read_ids(value.get("after")), _place(value.get("settled"))
    names = ("known", "moderators", "members", "banned", "muted")
    known, *people = (_keys(value.get(name, "")) for name in names)
    lock, slow = value.get("lock"), value.get("slow", 0)
    if after is None or settled is None or known is None or not is_count(slow, MAX_SLOW):
        return None
    if lock not in ("moderator", "member", None) or any(keys is None for keys in people):
        return None
    moderators, members, banned, muted = (keys or () for keys in people)
    return Checkpoint(
        "checkpoint",
        after,
        settled=settled,
        known=known,
        moderators=moderators,
        members=members,
        banned=banned,
        muted=muted,
        lock=lock,
        slow=slow,
    )


def _place(value: Any) -> tuple[int, bytes, bytes] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    author, id = read_id(value[1]), read_id(value[2])
    if not is_count(value[0], 2**32 - 1) or author is None or id is None:
        return None
    return value[0], author, id


def _keys(value: Any) -> tuple[bytes, ...] | None:
    """Distinct keys, or ids, of 32 bytes each, in a row."""
    if not isinstance(value, str):
        return None
    try:
        data = from_base64url(value)
    except ValueError:
        return None
    keys = tuple(data[start : start + _KEY] for start in range(0, len(data), _KEY))
    fits = len(data) % _KEY == 0 and len(set(keys)) == len(keys)
    return keys if fits else None
