"""Who a peer is: Ed25519 keys (RFC 8032), ids, and what signatures cover (docs/protocol.md, 1 and 5)."""

from __future__ import annotations

import os
import re
import tempfile
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

TAG_SEAL = b"braidcast seal\0"
TAG_STREAM = b"braidcast stream\0"
TAG_JOIN = b"braidcast join\0"
TAG_LINK = b"braidcast link\0"
TAG_CHAT = b"braidcast chat\0"

OFFER = 1
ANSWER = 2

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
"""Room, stream and rendition names, by `fullmatch`."""


class IdentityError(ValueError):
    """A key file cannot be used; the message is one sentence for a person."""


class Identity:
    """A key pair. `key` is the raw public key (32 bytes), `id` the peer id (16 bytes)."""

    __slots__ = ("_private", "id", "key")

    def __init__(self, seed: bytes) -> None:
        """From the 32-byte seed of RFC 8032 section 5.1.5."""
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key: bytes = self._private.public_key().public_bytes_raw()
        self.id: bytes = peer_id(self.key)

    @classmethod
    def generate(cls) -> Identity:
        """A new identity from the system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def load_or_create(cls, path: str | os.PathLike[str]) -> Identity:
        """The identity in `path` (PEM or a raw 32-byte seed), made there with mode 0600 if it is missing.

        Raises IdentityError when the file cannot be read, written or understood.
        """
        file = Path(path)
        try:
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                file.parent.mkdir(parents=True, exist_ok=True)
                _create(file)
                # Read back instead of trusting what was written: another process may have been first.
                content = file.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise IdentityError(f"The key file {file} cannot be used: {reason}.") from error
        return cls(_seed(content, file))

    def sign(self, tag: bytes, data: bytes) -> bytes:
        """The signature (64 bytes) over `tag` and `data`."""
        return self._private.sign(tag + data)


def _create(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # A link of a complete file: nobody reads half a key, and an existing one is never replaced.
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(pem)
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(temporary, file)
        except FileExistsError:
            return
    finally:
        os.unlink(temporary)


def _seed(content: bytes, file: Path) -> bytes:
    if len(content) == 32:
        return content
    try:
        private = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise IdentityError(
            f"The key file {file} holds neither an unencrypted PEM private key nor a raw 32-byte seed."
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise IdentityError(f"The key in {file} is not an Ed25519 key.")
    return private.private_bytes_raw()


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


def peer_id(key: bytes) -> bytes:
    """The id (16 bytes) of the peer with public key `key`."""
    return sha256(key).digest()[:16]


def _lp(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError("A name is longer than 255 bytes.")
    return bytes((len(encoded),)) + encoded


def braid_id(key: bytes, room: str, stream: str, rendition: str) -> bytes:
    """The id (8 bytes) of the braid in which the publisher `key` sends a rendition."""
    return sha256(key + _lp(room) + _lp(stream) + _lp(rendition)).digest()[:8]


def join_payload(room: str, challenge: bytes, key: bytes, nonce: bytes) -> bytes:
    """What a `hello` signs with `TAG_JOIN`: `challenge` and `nonce` are 16 bytes each."""
    return _lp(room) + challenge + key + nonce


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
    """
    sizes = tuple(map(len, (connection, from_id, to_id, from_nonce, to_nonce, fingerprint)))
    if kind not in (OFFER, ANSWER) or sizes != (8, 16, 16, 16, 16, 32):
        # Without fixed sizes two different sets of fields could give the same signed bytes.
        raise ValueError("A field of the link signature has the wrong size.")
    return bytes((kind,)) + _lp(room) + connection + from_id + to_id + from_nonce + to_nonce + fingerprint


_FINGERPRINT = re.compile(r"a=fingerprint:([^ ]+) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*) *")
_LINES = re.compile(r"\r?\n")
_PLAIN = re.compile(r"(?:[\t\x20-\x7e]|\r?\n)*")


def _lines(sdp: str) -> list[str]:
    # Stacks disagree on what else ends a line (aiortc: all that str.splitlines takes, form feeds included);
    # a line that only one side sees could hide a fingerprint.
    if not _PLAIN.fullmatch(sdp):
        raise ValueError("The SDP holds characters that do not belong there.")
    return _LINES.split(sdp)


def _is_fingerprint(line: str) -> bool:
    return line.strip().lower().startswith("a=fingerprint")


def fingerprint(sdp: str) -> bytes:
    """The SHA-256 DTLS fingerprint (32 bytes) of a session description (RFC 8122 section 5).

    Raises ValueError with a sentence when there is none, when two differ or when one cannot be read.
    """
    found: set[bytes] = set()
    for line in _lines(sdp):
        if not _is_fingerprint(line):
            continue
        match = _FINGERPRINT.fullmatch(line)
        if match is None:
            raise ValueError("The SDP has a fingerprint that cannot be read.")
        if match[1].lower() == "sha-256":
            found.add(bytes.fromhex(match[2].replace(":", "")))
    if not found:
        raise ValueError("The SDP has no SHA-256 fingerprint.")
    if len(found) > 1:
        raise ValueError("The SDP has SHA-256 fingerprints that differ.")
    (value,) = found
    if len(value) != 32:
        raise ValueError("The SHA-256 fingerprint of the SDP is not 32 bytes long.")
    return value


def pinned_sdp(sdp: str) -> str:
    """`sdp` with its SHA-256 fingerprints only: give this, not what came, to the WebRTC stack.

    The signature covers no other fingerprint, but stacks believe those of other hash functions too, and
    libwebrtc keeps only the last line of all: an introducer could put its own there.
    Raises ValueError as `fingerprint()` does.
    """
    fingerprint(sdp)
    kept = [
        line
        for line in _lines(sdp)
        if not _is_fingerprint(line) or line.lower().startswith("a=fingerprint:sha-256 ")
    ]
    return "\r\n".join(kept)
