"""Who takes the parity stripe: whoever loses packets and asks for it, while uploads carry that, too.

Parity is a quarter more to carry. A room that has nothing to spare has blocks that come late for it, which
looks like loss to those below, who ask for parity as well. So in all but small rooms it is given only while
there is enough left for those whose parents leave, and is the first thing to be taken back.
"""

from signaling.core.nodes import FEW, Node
from signaling.core.placement import Placement
from signaling.core.succession import succeed
from signaling.core.trees import Trees

MOST_STRIPES = 16
"""Trees at most; a braid that has as many stripes has no parity stripe."""
AMPLE = 0.15
"""Share of all (child, stripe) pairs for which there must be room beside them before more take parity."""
SCARCE = 0.05
"""Share below which who has it is asked to do without."""


class Parity:
    """Keeps account of who asks for it."""

    def __init__(self, trees: Trees, placement: Placement) -> None:
        self._trees = trees
        self._placement = placement
        self._asking: set[str] = set()

    def arrives(self, peer: str, asks: bool, *, takes: bool = False) -> bool:
        """A peer joins, and maybe `takes` parity already; returns whether it is to take it."""
        if not asks or self._trees.stripes >= MOST_STRIPES:
            return False
        self._asking.add(peer)
        return takes or self._spare() >= AMPLE

    def leaves(self, peer: str) -> None:
        """A peer is gone."""
        self._asking.discard(peer)

    def ask(self, node: Node, asks: bool) -> None:
        """A peer says whether it wants parity."""
        if not asks or self._trees.stripes >= MOST_STRIPES:
            self._asking.discard(node.id)
            if not node.enlisted:
                self._end(node)
            return
        self._asking.add(node.id)
        if node.enlisted:
            self._placement.keep(node)
        self.review(node)

    def review(self, node: Node) -> None:
        """Give a peer what it asks for if there is enough now, or take it back if there is not."""
        if node.id not in self._asking:
            return
        spare = self._spare()
        if not node.parity and spare >= AMPLE:
            self._trees.take_parity(node, True)
            self._placement.want(node, self._trees.stripes)
        elif node.parity and spare < SCARCE and not node.children[self._trees.stripes]:
            self._end(node)

    def _spare(self) -> float:
        """What uploads could carry beside all that is asked of them, as a share of the stream's pairs."""
        viewers = len(self._trees.nodes)
        return float("inf") if viewers < FEW else self._trees.spare() / (self._trees.stripes * viewers)

    def _end(self, node: Node) -> None:
        if node.parity:
            succeed(self._trees, self._placement, node, self._trees.stripes)
            self._placement.dismiss(node)
