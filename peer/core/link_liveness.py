"""When an open link is idle, quiet or dead: ICE is no liveness, what is heard on the link is.

Times are seconds on the shell's monotonic clock.
"""

from __future__ import annotations

from peer.core.known_peers import KnownPeer

PING_MIN = 0.5
PING_SPREAD = 0.5
QUIET_AFTER = 1.5
DEAD_AFTER = 3.0
IDLE_AFTER = 10.0
UNWANTED_FOR = 3.0
"""Seconds for which a link that its offerer does not want any more when it opens lives, unless it is used."""


def is_dead(known: KnownPeer, now: float) -> bool:
    return now - known.heard_at >= DEAD_AFTER


def falls_quiet(known: KnownPeer, now: float) -> bool:
    return now - known.heard_at >= QUIET_AFTER and not known.quiet


def is_idle(known: KnownPeer, now: float) -> bool:
    """Whether it is ours to close: we opened it, nobody wants it, and nothing that matters goes over it."""
    return known.outgoing and not known.purposes and now >= known.used_at + IDLE_AFTER


def used_when_opened(known: KnownPeer, now: float) -> float:
    """What counts as its last use when it opens."""
    wanted = known.purposes or not known.outgoing
    return now if wanted else now - IDLE_AFTER + UNWANTED_FOR


def next_ping(now: float, chance: float) -> float:
    return now + PING_MIN + PING_SPREAD * chance


def due(known: KnownPeer) -> float:
    """When an open link has to be looked at again."""
    at = known.heard_at + (DEAD_AFTER if known.quiet else QUIET_AFTER)
    if known.ping_at < at:
        at = known.ping_at
    if known.outgoing and not known.purposes:
        at = min(at, known.used_at + IDLE_AFTER)
    return at
