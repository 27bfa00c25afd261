"""Which link gives its place to another when all are taken."""

from __future__ import annotations

from collections.abc import Iterable

from peer.core.known_peers import KnownPeer, State
from peer.core.link_liveness import IDLE_AFTER


def gives_way(peers: Iterable[KnownPeer], wanted: KnownPeer | None, now: float) -> KnownPeer | None:
    """The idle link that goes first: those that nobody wants, then, for one that feeds, those that do not.

    `wanted` is the peer that needs the place; None for one that comes to us.
    """
    feeds = wanted is not None and wanted.feeds
    idle = [
        peer
        for peer in peers
        if peer.state is State.OPEN
        and now - peer.used_at >= IDLE_AFTER
        and (not peer.purposes or (feeds and not peer.feeds))
    ]
    return min(idle, key=lambda peer: (bool(peer.purposes), peer.used_at), default=None)
