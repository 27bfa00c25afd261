"""What is known of who feeds one stripe, and the changes that are made to that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Upstream:
    """Who feeds one stripe."""

    parent: bytes | None = None
    pending: bytes | None = None
    """Asked to take over; a working parent is kept until this one has shown that it keeps up."""
    pending_since: float = 0.0
    pushing_since: float | None = None
    """When the first block of the pending parent came."""
    proved: int = 0
    proved_to: int = -1
    """How many parts it has pushed in time, one after another, and the number of the last."""
    superseded: bool = False
    """It was asked for by a plan that has been replaced, perhaps because it does not answer."""
    for_more: bool = False
    """The pending one was asked because the parent pushes too little."""
    planned: bytes | None = None
    plan_retry_at: float = 0.0
    plan_failures: int = 0
    trust_until: float | None = None
    rootless_since: float | None = None
    lost: bytes | None = None
    """The short id of the parent that was lost last."""
    orphan_since: float | None = None
    starved: bool = True


@dataclass(frozen=True, slots=True)
class Subscribe:
    stripe: int
    peer: bytes


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    stripe: int
    peer: bytes


Change = Subscribe | Unsubscribe
