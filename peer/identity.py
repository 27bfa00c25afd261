"""A peer's Ed25519 key (RFC 8032), where it is kept, and the fingerprint that its offers are bound to."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from peer.signing import (
    ANSWER,
    NAME,
    OFFER,
    TAG_CHAT,
    TAG_JOIN,
    TAG_LINK,
    TAG_SEAL,
    TAG_STREAM,
    braid_id,
    join_payload,
    link_payload,
    peer_id,
    verify,
)
from signaling.errors import ToldError

__all__ = [
    "ANSWER",
    "NAME",
    "OFFER",
    "TAG_CHAT",
    "TAG_JOIN",
    "TAG_LINK",
    "TAG_SEAL",
    "TAG_STREAM",
    "Identity",
    "IdentityError",
    "braid_id",
    "fingerprint",
    "join_payload",
    "link_payload",
    "peer_id",
    "pinned_sdp",
    "verify",
]


class IdentityError(ToldError, ValueError):
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
                _create(file, Ed25519PrivateKey.generate())
                # Read back instead of trusting what was written: another process may have been first.
                content = file.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise IdentityError(f"The key file {file} cannot be used: {reason}.") from error
        return cls(_seed(content, file))

    @property
    def seed(self) -> bytes:
        """The 32 bytes that are the key: whoever has them is this identity."""
        return self._private.private_bytes_raw()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key to `path`, with mode 0600, where it replaces nothing. Raises IdentityError."""
        file = Path(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            created = _create(file, self._private)
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise IdentityError(f"The key file {file} cannot be written: {reason}.") from error
        if not created:
            raise IdentityError(f"The key file {file} is there already, and no key is replaced.")

    def sign(self, tag: bytes, data: bytes) -> bytes:
        """The signature (64 bytes) over `tag` and `data`."""
        return self._private.sign(tag + data)


def _create(file: Path, private: Ed25519PrivateKey) -> bool:
    """Whether it was not there before."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
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
            return False
    finally:
        os.unlink(temporary)
    return True


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
