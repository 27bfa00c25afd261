"""What a peer says of itself, signed, for neighbours to tell each other (docs/protocol.md section 5).

A record holds no time of day that others could compare with theirs: `sequence` only orders the records of one
key, and how old a record is follows from the ages that those add who pass it on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache

from peer.core.neighbour import Role
from peer.signing import lp, peer_id

VERSION = 1
MAX_BRAIDS = 8
MAX_CREDENTIAL = 512
SIGNATURE = 64
ROLES: tuple[Role, ...] = ("viewer", "publisher", "relay", "member")

_HEAD = struct.Struct(">BBB32s16sQB")
_CARRIES = 1
_MAX_SEQUENCE = 2**53 - 1

MAX_RECORD = _HEAD.size + 8 * MAX_BRAIDS + 2 + MAX_CREDENTIAL + SIGNATURE


class PeerRecordError(ValueError):
    """Bytes are no record of a peer; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """`nonce` is that of its hello, `braids` those that it takes part in; `carries`: it passes blocks on.

    `credential` is opaque: what the introducer will vouch for the key with, once rooms have tokens.
    """

    key: bytes
    nonce: bytes
    sequence: int
    role: Role
    carries: bool
    braids: tuple[bytes, ...]
    credential: bytes = b""
    peer: bytes = field(init=False)
    """The peer's id, which follows from the key."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "peer", peer_id(self.key))

    def body(self) -> bytes:
        """The record but for its signature. Raises ValueError when a field is out of its bounds."""
        if len(self.key) != 32 or len(self.nonce) != 16 or not 0 <= self.sequence <= _MAX_SEQUENCE:
            raise ValueError("A key has 32 bytes, a nonce 16, and a sequence number is at most 2^53 - 1.")
        if len(self.braids) > MAX_BRAIDS or any(len(braid) != 8 for braid in self.braids):
            raise ValueError(f"A record names at most {MAX_BRAIDS} braids, of 8 bytes each.")
        if len(self.credential) > MAX_CREDENTIAL:
            raise ValueError(f"A credential has at most {MAX_CREDENTIAL} bytes.")
        head = _HEAD.pack(
            VERSION,
            _CARRIES * self.carries,
            ROLES.index(self.role),
            self.key,
            self.nonce,
            self.sequence,
            len(self.braids),
        )
        return b"".join((head, *self.braids, struct.pack(">H", len(self.credential)), self.credential))


def signed_by_peer(room: str, body: bytes) -> bytes:
    """What the signature with TAG_PEER covers: a record means nothing in another room."""
    return lp(room) + body


@lru_cache(maxsize=4096)  # the same few records come again and again
def read_record(raw: bytes) -> PeerRecord | None:
    """Read a record, not its signature; None for a later version. Raises PeerRecordError."""
    if not raw or len(raw) > MAX_RECORD:
        raise PeerRecordError(f"A record of a peer has 1 to {MAX_RECORD} bytes, not {len(raw)}.")
    if raw[0] != VERSION:
        return None
    try:
        _, flags, role, key, nonce, sequence, count = _HEAD.unpack_from(raw)
        at = _HEAD.size + 8 * count
        (length,) = struct.unpack_from(">H", raw, at)
    except struct.error as error:
        raise PeerRecordError("The record of a peer is not as long as its counts say.") from error
    if count > MAX_BRAIDS or length > MAX_CREDENTIAL or sequence > _MAX_SEQUENCE:
        raise PeerRecordError("A field of the record of a peer is out of its bounds.")
    if len(raw) != at + 2 + length + SIGNATURE:
        raise PeerRecordError("The record of a peer is not as long as its counts say.")
    braids = tuple(raw[start : start + 8] for start in range(_HEAD.size, at, 8))
    known: Role = ROLES[role] if role < len(ROLES) else "viewer"
    return PeerRecord(
        key, nonce, sequence, known, bool(flags & _CARRIES), braids, raw[at + 2 : at + 2 + length]
    )
