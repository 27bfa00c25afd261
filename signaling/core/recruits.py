"""Who feeds a stripe that is not its home, where that has no slots left.

Whoever has confirmed slots left may be asked. What little is given to those whom nobody has confirmed yet
makes trees with a fan-out of S only where it stays together: spread over all stripes it makes chains, and a
crowd that comes at once, before there is any report, would be as deep as it is large. So in all but small
rooms these feed their own stripes alone, as long as those need what they have.
"""

from collections.abc import Iterable

from signaling.core.nodes import WHOLE, Node
from signaling.core.trees import IDLE, MOST_DEPTH, Trees

RECRUITS = 32
"""Peers with free slots that are looked at for one that begins to feed another stripe."""
SMALL_ROOM = 8
"""Viewers among whom everybody may be asked: there is nobody else."""


class Recruits:
    """Finds them in the indexes of the trees."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees

    def able(self) -> Iterable[Node]:
        """Those with free slots: who feeds nobody comes first, whom nobody has confirmed last."""
        for _, level in self._trees.able.levels(RECRUITS):
            self._trees.touched += len(level)
            yield from level

    def keeps_home(self, node: Node) -> bool:
        """Whether a node is to feed its own stripes alone."""
        return node.untried and len(self._trees.nodes) > SMALL_ROOM

    def recruit(self, child: Node, stripe: int) -> Node | None:
        """Somebody with free slots who begins to feed this stripe, at best one who feeds nobody yet."""
        fit = [
            node
            for node in self.able()
            if not self.keeps_home(node)
            and 0 <= node.depth[stripe] < MOST_DEPTH
            and self._trees.fits(node, child, stripe)
        ]
        return self.engage(fit, stripe)

    def borrow(self, child: Node, stripe: int) -> Node | None:
        """After all others one who keeps to its own stripes feeds another, where those have enough."""
        supply, takers = self._trees.supply, self._trees.takers
        fit = [
            node
            for node in self.able()
            if self.keeps_home(node)
            and all(supply[home] > WHOLE * takers(home) for home in node.home)
            and 0 <= node.depth[stripe] < MOST_DEPTH
            and self._trees.fits(node, child, stripe)
        ]
        return self.engage(fit, stripe)

    def patron(self, child: Node, stripe: int) -> Node | None:
        """A parent that has as many children as it may have links, and slots: relays feed whole streams."""
        for patron in child.parents:
            if (
                patron is not None
                and patron.free > 0
                and patron.carries
                and not self.keeps_home(patron)
                and not (patron.away or patron.expected)
                and 0 <= patron.depth[stripe] < MOST_DEPTH
                and self._trees.fits(patron, child, stripe)
            ):
                return patron
        return None

    def idle_relay(self) -> Node | None:
        """A relay with free slots that takes no parity."""
        return next((node for node in self.able() if node.relay and not node.parity), None)

    def engage(self, fit: Iterable[Node], stripe: int) -> Node | None:
        """Have the best of those who fit feed a stripe."""
        node = max(
            fit,
            key=lambda node: (
                node.able_at == IDLE,
                node.relay,
                -len(node.home),
                -node.depth[stripe],
                node.free,
            ),
            default=None,
        )
        if node is not None:
            if node.able_at == IDLE:
                node.home.clear()
            node.home.add(stripe)
            self._trees.refresh(node)
        return node
