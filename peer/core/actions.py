"""What a core asks its shell to do. One small class for each verb; the shell holds no policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Channel = Literal["control", "blocks"]


@dataclass(slots=True)
class Send:
    """Put `data`, an encoded link message, on the link to `peer`.

    Not frozen, and neither is `Taken`: there is one for every block, and a frozen one takes thrice as long.
    """

    peer: bytes
    data: bytes
    channel: Channel = "control"


@dataclass(frozen=True, slots=True)
class Verify:
    """Check an Ed25519 signature and answer with `verified(token, ok, now)`."""

    token: int
    key: bytes
    tag: bytes
    data: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """`peer` sent what cannot be excused: end the link. `reason` is a BYE reason of the protocol."""

    peer: bytes
    reason: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Equivocation:
    """The publisher has signed two seals (148 bytes each) for one part: the pair proves it to anybody."""

    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A complete, verified part, in order; `seal` is its 148 bytes."""

    seal: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """`parts` parts were given up before the next delivered one."""

    parts: int


@dataclass(frozen=True, slots=True)
class Join:
    """Ask the origin for everything from the newest independent part on."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask the origin for one part; answer with `fetched(...)` or `fetch_failed(...)`."""

    epoch: int
    number: int


@dataclass(frozen=True, slots=True)
class Links:
    """The peers to which this braid wants links now, parents first."""

    peers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """Ask the planner for a parent on the parity stripe, or no longer."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the planner who feeds each stripe, and what happened since the last report."""

    parents: tuple[bytes | None, ...]
    lost: tuple[bytes, ...]
    """Peers whose links died."""
    failed: tuple[bytes, ...]
    """Planned parents that never pushed."""
    received_from: tuple[tuple[bytes, int], ...] = ()
    """Bytes that each parent pushed, by peer id."""
    loss: float = 0.0
    """Share of the blocks, 0 to 1, that others overtook or that did not come at all by push."""
    slots: int | None = None
    """(child, stripe) pairs that can be carried, where these are fewer than the planner may think."""
    harmful: tuple[bytes, ...] = ()
    """Peers whose links were ended because they sent bad blocks: hearsay to the planner."""
