"""Who else a peer should keep a link to, so that a lost parent is replaced at once."""

from signaling.core.nodes import Node
from signaling.core.pool import Chance, Pool
from signaling.core.trees import Trees

EXTRAS = 2
DRAWS = 8


class Standbys:
    """Chooses standbys and remembers them, so that only those who lost one hear of it."""

    def __init__(self, trees: Trees, chance: Chance) -> None:
        self.carriers: Pool[str] = Pool()
        self._trees = trees
        self._chance = chance
        self._extras: dict[str, tuple[str, ...]] = {}
        self._named_by: dict[str, dict[str, None]] = {}

    def of(self, node: Node, *, anew: bool) -> tuple[str, ...]:
        """All parents, each of which is a standby for the other stripes, and then one or two other peers.

        The others are chosen `anew`, or when there are none yet or one has become a parent.
        """
        parents = dict.fromkeys(parent.id for parent in node.parents if parent is not None)
        extras = self._extras.get(node.id)
        if anew or extras is None or not parents.keys().isdisjoint(extras):
            extras = self._choose(node, parents)
            self._drop(node.id)
            self._extras[node.id] = extras
            for other in extras:
                self._named_by.setdefault(other, {})[node.id] = None
        return (*parents, *extras)

    def forget(self, peer: str) -> None:
        """A peer is gone: whoever had it as a standby gets others."""
        self._drop(peer)
        self.carriers.discard(peer)
        for other in list(self._named_by.get(peer, ())):
            self._drop(other)
            self._trees.changed[other] = None

    def separate(self, one: str, other: str) -> None:
        """Two peers cannot reach each other."""
        for peer, standby in ((one, other), (other, one)):
            if standby in self._extras.get(peer, ()):
                self._drop(peer)
                self._trees.changed[peer] = None

    def _drop(self, peer: str) -> None:
        for other in self._extras.pop(peer, ()):
            named_by = self._named_by[other]
            named_by.pop(peer, None)
            if not named_by:
                del self._named_by[other]

    def _choose(self, node: Node, parents: dict[str, None]) -> tuple[str, ...]:
        """First those who would not be fed by the node itself, have room and are on another network."""
        feeding = [stripe for stripe in node.takes if node.children[stripe]]
        networks = {parent.network() for parent in node.parents if parent is not None}
        found: list[tuple[tuple[bool, bool, bool], str]] = []
        for peer in self.carriers.draw(DRAWS, self._chance):
            if peer == node.id or peer in parents or peer in node.separated:
                continue
            other = self._trees.nodes[peer]
            fed_by_it = any(self._trees.is_under(other, stripe, node) for stripe in feeding)
            rank = (fed_by_it, not other.has_room, other.network() in networks)
            found.append((rank, peer))
            if sum(not any(rank) for rank, _ in found) == EXTRAS:
                break
        found.sort(key=lambda each: each[0])
        return tuple(peer for _, peer in found[:EXTRAS])
