"""An identity as text that one takes to another device, under a passphrase (docs/protocol.md section 1)."""

from __future__ import annotations

import os
import re
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from peer.identity import IdentityError
from signaling.protocol import from_base64url, to_base64url

PREFIX = "braidcast-identity:"
LEAST_PASSPHRASE = 10
"""Characters: whoever finds the text can try passphrases for as long as they like."""
_VERSION = b"\x01"
_TAG = b"braidcast identity\0"
_SALT, _NONCE, _SEALED = 16, 12, 32 + 16
_LOG_N, _R, _P = 15, 8, 3
"""32 MiB, and about 0.2 s: one of the settings that OWASP's Password Storage Cheat Sheet gives for scrypt."""


def export_identity(
    seed: bytes, passphrase: str, *, salt: bytes | None = None, nonce: bytes | None = None
) -> str:
    """The text; only tests give `salt` (16 bytes) and `nonce` (12). Raises IdentityError."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise IdentityError(f"The passphrase is too short: give at least {LEAST_PASSPHRASE} characters.")
    salt = os.urandom(_SALT) if salt is None else salt
    nonce = os.urandom(_NONCE) if nonce is None else nonce
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, seed, _TAG + _VERSION)
    return PREFIX + to_base64url(_VERSION + salt + nonce + sealed)


def import_identity(text: str, passphrase: str) -> bytes:
    """The seed (32 bytes) in that text, whatever spaces and line breaks are in it. Raises IdentityError."""
    plain = re.sub(r"\s", "", text)
    try:
        data = from_base64url(plain.removeprefix(PREFIX))
    except ValueError:
        data = b""
    if not plain.startswith(PREFIX) or len(data) != 1 + _SALT + _NONCE + _SEALED:
        raise IdentityError(f"This is no exported identity: one begins with {PREFIX} and has 122 characters.")
    if data[:1] != _VERSION:
        raise IdentityError("This identity was exported by a newer version: update this one.")
    salt, nonce, sealed = data[1:17], data[17:29], data[29:]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, _TAG + _VERSION)
    except InvalidTag as error:
        sentence = "The passphrase is not the one of this identity, or the text is damaged."
        raise IdentityError(sentence) from error


def _key(passphrase: str, salt: bytes) -> bytes:
    # The same characters, however a keyboard composes them.
    secret = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt=salt, length=32, n=2**_LOG_N, r=_R, p=_P).derive(secret)
