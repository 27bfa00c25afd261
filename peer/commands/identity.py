"""`braidcast identity`: taking one's key to another device."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from peer.identity import Identity
from peer.identity_export import export_identity, import_identity
from peer.running import OK, CommandError

MOST = 65_536
"""Characters that are read of a file: no identity has more."""


def export_key(key_file: Path, out: Path | None, passphrase_file: Path | None) -> int:
    """Print the identity, or write it to `out`, where it replaces nothing.

    Raises IdentityError and CommandError.
    """
    if not key_file.exists():
        raise CommandError(f"There is no key file {key_file}: braidcast chat --key-file makes one.")
    identity = Identity.load_or_create(key_file)
    text = export_identity(identity.seed, _passphrase(passphrase_file, again=True)) + "\n"
    if out is None:
        sys.stdout.write(text)
        return OK
    try:
        descriptor = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
    return OK


def import_key(source: str, key_file: Path, passphrase_file: Path | None) -> int:
    """Make a key file of the identity in a file, or in the input for -.

    Raises IdentityError and CommandError.
    """
    text = sys.stdin.read(MOST) if source == "-" else _read(Path(source), "identity")
    identity = Identity(import_identity(text, _passphrase(passphrase_file)))
    identity.save(key_file)
    sys.stdout.write(f"{key_file} is the key of {identity.id.hex()} now.\n")
    return OK


def _passphrase(file: Path | None, *, again: bool = False) -> str:
    """From the file, or from a person at a terminal. Raises CommandError."""
    if file is not None:
        return _read(file, "passphrase").rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("There is nobody to ask for the passphrase: give --passphrase-file.")
    passphrase = getpass("Passphrase: ")
    if again and getpass("The same again: ") != passphrase:
        raise CommandError("The two passphrases differ: try again.")
    return passphrase


def _read(path: Path, what: str) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.read(MOST)
    except OSError as error:
        raise CommandError(f"The {what} file {path} cannot be read: {error.strerror}.") from error
