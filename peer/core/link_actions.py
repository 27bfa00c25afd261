"""What a link set asks its shell to do, and the reasons that it gives.

Peer ids are 16, connection ids 8 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

# Why a link is closed, refused or lost. The first five are the reasons of BYE (protocol.md section 6).
LEAVING = "leaving"
NOT_NEEDED = "not-needed"
BAD_BLOCK = "bad-block"
PROTOCOL_ERROR = "protocol-error"
TOO_MANY = "too-many-links"
GLARE = "glare"
REPLACED = "replaced"
REPLAYED = "replayed"
ONESELF = "oneself"
EXPELLED = "expelled"
TIMED_OUT = "timed-out"
SILENT = "silent"
STALE = "stale"
FAILED = "failed"  # the transport could not be set up
LOST = "lost"  # the transport ended an open link


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a connection to `peer` and send an offer for it, by neighbours or by the introducer."""

    peer: bytes
    connection: bytes
    mediated: bool


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the offer `connection` of `peer`."""

    peer: bytes
    connection: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not answer the offer `connection` of `peer`."""

    peer: bytes
    connection: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """Say BYE where that is possible, and free the connection."""

    peer: bytes
    connection: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Messages can be sent to `peer` from now on."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The open link to `peer` is gone."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A wanted peer could not be linked; it is tried again after a while if it is still wanted."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing came from `peer` for 1.5 s."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Loud:
    """`peer` was quiet and is heard again."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class SendPing:
    """Send PING to `peer`."""

    peer: bytes


Action: TypeAlias = (
    Connect | Accept | Refuse | Close | Opened | Closed | Unreachable | Quiet | Loud | SendPing
)


@dataclass(frozen=True, slots=True)
class Introduction:
    """What is known of a peer: `key` (32 bytes), `nonce` (16 bytes) of its hello, name and role."""

    key: bytes
    nonce: bytes
    name: str
    role: str
