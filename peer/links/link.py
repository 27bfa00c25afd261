"""What a link is to the rest of the peer, whatever carries it."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from peer.core.link_actions import BAD_BLOCK, LEAVING, NOT_NEEDED, PROTOCOL_ERROR, TOO_MANY

Channel: TypeAlias = Literal["control", "blocks"]
CHANNELS: tuple[Channel, Channel] = ("control", "blocks")

BUFFER_LIMIT = 8 * 1024 * 1024
"""Bytes that may wait on one channel; `send` takes no more."""

LOW_WATER = 64 * 1024
"""`drained` is called when what waits on a channel falls to this many bytes."""

BYE_REASONS = (LEAVING, NOT_NEEDED, BAD_BLOCK, PROTOCOL_ERROR, TOO_MANY)
"""The reasons of BYE by their number (protocol.md section 6)."""


def bye_code(reason: str) -> int:
    """The number that says `reason` to the other side; what has none of its own is "not needed"."""
    return BYE_REASONS.index(reason) if reason in BYE_REASONS else BYE_REASONS.index(NOT_NEEDED)


def bye_reason(code: int) -> str:
    """The reason that `code` stands for; numbers of later versions count as leaving."""
    return BYE_REASONS[code] if code < len(BYE_REASONS) else LEAVING


class Link(Protocol):
    """A connection to one peer with two reliable channels: `control` is ordered, `blocks` is not."""

    @property
    def peer(self) -> bytes:
        """The id of the peer at the other end."""

    @property
    def connection(self) -> bytes:
        """The id (8 bytes) of this connection; another one to the same peer has another."""

    @property
    def sent_bytes(self) -> dict[Channel, int]:
        """Bytes of messages that `send` took, by channel."""

    @property
    def received_bytes(self) -> dict[Channel, int]:
        """Bytes of messages that came, by channel."""

    def send(self, data: bytes, channel: Channel) -> bool:
        """Queue one message; False when it was not taken: the link is not open, or BUFFER_LIMIT is reached.

        Raises ValueError when the message is larger than the protocol allows.
        """

    def buffered(self, channel: Channel) -> int:
        """Bytes that were taken and have not left yet."""

    def close(self, reason: str = LEAVING) -> None:
        """Say BYE, if the link is open, and end it. `closed` is not called for it."""

    def fail(self, code: int, sentence: str) -> None:
        """Answer a message that broke the protocol with ERROR and end the link, as `close` does."""


class LinkEvents(Protocol):
    """Who is told what happens on a link. Calls come one at a time, never from within `send` or `close`."""

    def opened(self, link: Link) -> None:
        """Both channels are open and both HELLOs were exchanged."""

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        """A message came. HELLO, ERROR and BYE are dealt with by the link."""

    def drained(self, link: Link, channel: Channel) -> None:
        """What waits on `channel` has fallen to LOW_WATER."""

    def closed(self, link: Link, reason: str) -> None:
        """The link ended, or could not be made, and not by one's own `close`. Called at most once, last."""
