"""The message by which a peer tells its links that it is writing (docs/protocol.md section 6)."""

from __future__ import annotations

from peer.wire import MALFORMED, WireError

CHAT_TYPING = 0x46


def encode(on: bool) -> bytes:
    return bytes((CHAT_TYPING, on))


def decode(data: bytes) -> bool:
    """Whether the sender writes. Raises WireError and nothing else."""
    if len(data) != 2 or data[1] > 1:
        raise WireError(MALFORMED, "Whether somebody writes is one byte, 0 or 1.")
    return data[1] == 1
