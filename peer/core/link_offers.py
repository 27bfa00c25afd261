"""Which offers are not taken, and why: of two that offer to each other at once, one gives way."""

from __future__ import annotations

from peer.core import link_actions as act
from peer.core.known_peers import KnownPeer, State


def objection(own: bytes, peer: bytes, known: KnownPeer | None, seen: bool) -> str | None:
    """Why an offer by `peer` is refused, if it is; `seen`: its connection id came before."""
    if peer == own:
        return act.ONESELF
    if seen:
        return act.REPLAYED
    if known is not None and known.expelled:
        return act.EXPELLED
    if known is not None and known.state is State.OFFERED and not known.answered and own < peer:
        return act.GLARE
    return None
