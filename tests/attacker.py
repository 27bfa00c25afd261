"""A peer made of our own parts that does harm."""

from __future__ import annotations

from collections.abc import Callable

from peer.api import Peer
from peer.links.link import Channel, Link
from peer.wire import BLOCK

CAPTURE_TIME = 1 + 44
"""Where in a BLOCK, which begins with its type and the seal, a byte of the signed capture time is."""
LAST = -1
"""The last byte of a BLOCK, which is its data's."""


class Attacker:
    """Watches, and is given children, like everybody else; what it sends them may be altered."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.viewing = peer.viewing()
        self.reasons: list[str] = []
        """Why links of it were closed."""
        self._alter: Callable[[bytes], bytes] = lambda block: block
        mesh = peer.node.mesh
        send_unaltered, told = mesh.send, mesh.closed

        def send(peer: bytes, data: bytes, channel: Channel = "control") -> bool:
            return send_unaltered(peer, self._alter(data) if data[0] == BLOCK else data, channel)

        def closed(link: Link, reason: str) -> None:
            self.reasons.append(reason)
            told(link, reason)

        mesh.send, mesh.closed = send, closed  # type: ignore[method-assign]

    @property
    def feeds(self) -> bool:
        """It has children."""
        return any(self.viewing.stats()["children"])

    def alter(self, offset: int) -> None:
        """From now on change a bit at this place of every BLOCK that is sent."""

        def altered(block: bytes) -> bytes:
            position = offset % len(block)
            return block[:position] + bytes([block[position] ^ 1]) + block[position + 1 :]

        self._alter = altered
