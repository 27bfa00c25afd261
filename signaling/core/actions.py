"""What the core of the introducer asks its shell to do."""

from dataclasses import dataclass
from typing import TypeAlias

from signaling.protocol import ServerMessage

GOING_AWAY = 1001
"""Close code of a server that stops (RFC 6455 section 7.4.1)."""
NORMAL = 1000
POLICY = 1008
TOO_LARGE = 1009


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message on each of these sockets."""

    sockets: tuple[int, ...]
    message: ServerMessage


@dataclass(frozen=True, slots=True)
class Close:
    """Close a socket, after what was sent on it, with a code of RFC 6455 section 7.4.1."""

    socket: int
    code: int


Action: TypeAlias = Send | Close
