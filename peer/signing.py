"""What is signed and whether it was: pure, so that cores may use it (docs/protocol.md sections 1 and 5)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signaling.protocol import TAG_CHAT, TAG_JOIN, TAG_STREAM, braid_id, join_payload, lp, peer_id

__all__ = [
    "ANSWER",
    "NAME",
    "OFFER",
    "TAG_CHAT",
    "TAG_JOIN",
    "TAG_LINK",
    "TAG_PEER",
    "TAG_SEAL",
    "TAG_STREAM",
    "Signer",
    "braid_id",
    "join_payload",
    "link_payload",
    "lp",
    "peer_id",
    "verify",
]

TAG_SEAL = b"braidcast seal\0"
TAG_LINK = b"braidcast link\0"
TAG_PEER = b"braidcast peer\0"

OFFER = 1
ANSWER = 2

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
"""Room, stream and rendition names, by `fullmatch`."""


class Signer(Protocol):
    """Who can sign: an `Identity`."""

    @property
    def key(self) -> bytes:
        """The raw public key, 32 bytes."""

    def sign(self, tag: bytes, data: bytes) -> bytes:
        """The Ed25519 signature (64 bytes) over `tag` and `data`."""


@lru_cache(maxsize=1024)
def _public(key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(key)


def verify(key: bytes, tag: bytes, data: bytes, signature: bytes) -> bool:
    """Whether `signature` over `tag` and `data` is by `key`. Never raises, whatever the bytes are."""
    try:
        _public(key).verify(signature, tag + data)
    except (InvalidSignature, ValueError):
        return False
    return True


def link_payload(
    kind: int,
    room: str,
    connection: bytes,
    from_id: bytes,
    to_id: bytes,
    from_nonce: bytes,
    to_nonce: bytes,
    fingerprint: bytes,
) -> bytes:
    """What an offer or answer signs with `TAG_LINK`.

    `kind` is OFFER or ANSWER; `connection` has 8 bytes, ids and nonces 16 each, `fingerprint` 32.
    Raises ValueError when one has not: different sets of fields could otherwise give the same signed bytes.
    """
    sizes = tuple(map(len, (connection, from_id, to_id, from_nonce, to_nonce, fingerprint)))
    if kind not in (OFFER, ANSWER) or sizes != (8, 16, 16, 16, 16, 32):
        raise ValueError("A field of the link signature has the wrong size.")
    return bytes((kind,)) + lp(room) + connection + from_id + to_id + from_nonce + to_nonce + fingerprint
