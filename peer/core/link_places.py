"""Which link gives its place to another when all are taken."""

from __future__ import annotations

from collections.abc import Iterable

from peer.core.known_peers import KnownPeer, State
from peer.core.link_liveness import IDLE_AFTER

SPARED_AFTER = 2.0
"""Seconds without use after which a link that only the other side wants gives way. A strong peer is many
others' standby, and was many others' parent until just now: those who are to come to it wait meanwhile."""


def gives_way(peers: Iterable[KnownPeer], wanted: KnownPeer | None, now: float) -> KnownPeer | None:
    """The link that goes first: one that nobody here wants (not used lately, or only offered), then, for one
    that feeds, an idle one that does not.

    `wanted` is the peer that needs the place; None for one that comes to us.
    """
    feeds = wanted is not None and wanted.feeds

    def may_go(peer: KnownPeer) -> bool:
        unused = now - peer.used_at if peer.state is State.OPEN else 0.0
        if peer.purposes:
            return unused >= IDLE_AFTER and feeds and not peer.feeds
        return unused >= SPARED_AFTER or _is_stray(peer)

    return min(filter(may_go, peers), key=lambda peer: (bool(peer.purposes), peer.used_at), default=None)


def _is_stray(peer: KnownPeer) -> bool:
    """An offer that nobody here wants any more, or what became of one: not used since it opened."""
    return peer.state is State.OFFERED or (peer.state is State.OPEN and peer.used_at < peer.opened_at)
