"""Whom to ask: which of the neighbours is the best new parent of a stripe, and who has its lost blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from peer.core.neighbour import Neighbour

SETTLED = 10.0
"""Seconds after which a link is no longer new."""


def best_parent(
    stripe: int,
    neighbours: Mapping[bytes, Neighbour],
    standbys: Sequence[bytes],
    lost: bytes | None,
    parents: Sequence[bytes | None],
    since: float,
    *,
    least: int = 1,
    epoch: int,
    me: bytes,
    now: float,
) -> Neighbour | None:
    """Standbys first, in the planner's order; then short paths; then the publisher.

    Those that were fed through the parent that was lost come last, and so do those of ill repute, those that
    feed half of our stripes already, and those whose link is new: whoever comes in numbers, all at once, is
    not to surround us (docs/defence.md). Those that were heard after `since`, when the stripe last moved,
    come before the others: where one has vanished, more may have.

    `parents` are ours by stripe; `lost` and `me` are short ids; `least` is how many free places it must have.
    """
    order = {peer: rank for rank, peer in enumerate(standbys)}
    best: tuple[tuple[bool, bool, bool, bool, int, bool, int, bool, int, bytes], Neighbour] | None = None
    for neighbour in neighbours.values():
        if neighbour.peer == parents[stripe] or not neighbour.can_feed(stripe, epoch, me, now, least):
            continue
        rank = (
            neighbour.doubt > 1,
            lost in neighbour.path(stripe),
            neighbour.heard_at < since,
            neighbour.role == "publisher",
            neighbour.doubt,
            2 * parents.count(neighbour.peer) >= len(parents),
            order.get(neighbour.peer, len(order)),
            now - neighbour.since < SETTLED,
            len(neighbour.path(stripe)),
            neighbour.peer,
        )
        if best is None or rank < best[0]:
            best = (rank, neighbour)
    return best[1] if best is not None else None


def mender(
    parents: Sequence[bytes | None],
    neighbours: Mapping[bytes, Neighbour],
    since: float,
    *,
    epoch: int,
    me: bytes,
    now: float,
) -> Callable[[int, int], bytes | None]:
    """Whom to ask for a stripe's lost blocks on the n-th try; the head asks the publisher.

    Those that were heard after `since` come before the others, as above.
    `parents` are ours by stripe, `me` is our short id. The answer takes (stripe, tries).
    """
    ranked: dict[int, list[bytes]] = {}
    own = int.from_bytes(me[:2], "big")

    def choose(stripe: int, tries: int) -> bytes | None:
        if stripe not in ranked:
            parent = parents[stripe]
            able = [n for n in neighbours.values() if n.has(stripe, epoch, me, now)]
            head = any(n.peer == parent and n.role == "publisher" for n in able)
            above = parent[:4] if parent is not None else None
            able.sort(
                key=lambda n: (
                    (n.role == "publisher") != head,
                    n.heard_at < since,
                    n.doubt,
                    n.peer == parent,
                    above in n.path(stripe),
                    # Everybody has an order of his own, so that not all ask the same one.
                    int.from_bytes(n.peer[:2], "big") ^ own,
                    n.peer,
                )
            )
            ranked[stripe] = [n.peer for n in able]
        peers = ranked[stripe]
        return peers[tries % len(peers)] if peers else None

    return choose
