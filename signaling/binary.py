"""The bytes behind the text of signaling messages: base64url, ids, and what is signed (docs/protocol.md)."""

import base64
import hashlib

TAG_JOIN = b"braidcast join\0"
TAG_STREAM = b"braidcast stream\0"
TAG_CHAT = b"braidcast chat\0"


def to_base64url(data: bytes) -> str:
    """Unpadded base64url (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Bytes of unpadded base64url text.

    Raises:
        ValueError: it is not; also when it is not the one text that `to_base64url` gives for its bytes.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError("A binary field is not unpadded base64url.") from error
    if to_base64url(data) != text:
        raise ValueError("A binary field is not unpadded base64url.")
    return data


def lp(text: str) -> bytes:
    """One length byte and the UTF-8 bytes of a text of at most 255 bytes.

    Raises:
        ValueError: the text is longer.
    """
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"A name of {len(data)} bytes is too long: 255 is the limit.")
    return bytes([len(data)]) + data


def peer_id(key: bytes) -> bytes:
    """The id (16 bytes) of the peer with this raw Ed25519 public key."""
    return hashlib.sha256(key).digest()[:16]


def braid_id(key: bytes, room: str, stream: str, rendition: str) -> bytes:
    """The id (8 bytes) of a rendition's braid, from its publisher's key and its names."""
    return hashlib.sha256(key + lp(room) + lp(stream) + lp(rendition)).digest()[:8]


def join_payload(room: str, challenge: bytes, key: bytes, nonce: bytes) -> bytes:
    """What a hello signs after the tag: room, challenge (16), the peer's key (32) and its nonce (16)."""
    return lp(room) + challenge + key + nonce
