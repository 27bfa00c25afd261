"""What the golden vectors have in common: fixed keys, test data, and how values become JSON."""

from __future__ import annotations

from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from peer.identity import Identity

FOLDER = Path(__file__).parent
Json: TypeAlias = Any

PUBLISHER = Identity(bytes(range(32)))
VIEWER = Identity(sha256(b"viewer").digest())


def pattern(size: int, salt: int = 0) -> bytes:
    """The test data of both languages: byte i is (31 i + i // 251 + salt) mod 256."""
    return bytes((31 * i + i // 251 + salt) % 256 for i in range(size))


def plain(value: Any) -> Json:
    """`value` with bytes as hex digits, tuples as lists and messages as objects with a type."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def fields(message: Any) -> Json:
    return plain(asdict(message))
