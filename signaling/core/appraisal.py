"""What a peer's report says of its parents: who confirms their capacity, and who is better left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from signaling.core.capacity import BROKEN, GOOD, Confirmation
from signaling.core.nodes import Node
from signaling.core.trees import Trees

DOUBTS = 2
"""Reports in a row with too little from a parent that has it, after which the two are parted."""
PATIENT_DOUBTS = 4
"""The same for a parent that may not have it itself: it is moved first, and those below it are not."""


@dataclass(frozen=True, slots=True)
class Fare:
    """How a peer fares since its last report.

    Bytes that each parent pushed, share of blocks that did not come by push in time, seconds of round trip by
    peer, and how many (child, stripe) pairs it can feed if that is fewer than it was told.
    """

    received_from: Mapping[str, int] = field(default_factory=dict)
    loss: float = 0.0
    rtt: Mapping[str, float] = field(default_factory=dict)
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class Appraised:
    """Parents whose capacity was heard of, and those that push far less than they should, twice in a row."""

    parents: list[Node]
    weak: list[str]


class Appraisal:
    """Turns reports into confirmations and doubts."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees

    def hear(self, node: Node, parents: tuple[str | None, ...], fare: Fare) -> Appraised:
        """A peer reports who feeds it now, and how that goes."""
        before, node.reported = node.reported, parents
        node.rtt = dict(fare.rtt)
        node.capacity.own = fare.slots
        node.capacity.retry(self._trees.now)
        names = list(dict.fromkeys(filter(None, parents)))
        total = sum(fare.received_from.get(name, 0) for name in names)
        shares: dict[str, float] = {}
        if total > 0:
            for name in names:
                share = _share(name, before, parents, fare, total)
                if share is not None:
                    shares[name] = share
        node.got = tuple(None if name is None else shares.get(name) for name in parents)
        heard = [parent for name in shares if (parent := self._confirm(node, name, parents, shares[name]))]
        # Where nobody delivers it is not for want of one parent.
        broken = BROKEN * max(shares.values(), default=0.0)
        weak = [name for name in shares if self._is_weak(node, name, parents, shares[name] < broken)]
        node.doubts = {name: doubts for name, doubts in node.doubts.items() if name in shares}
        return Appraised(heard, weak)

    def _confirm(self, node: Node, name: str, parents: tuple[str | None, ...], share: float) -> Node | None:
        parent = self._trees.nodes.get(name)
        pairs = parents.count(name)
        if parent is None or parent.expected:
            return None
        planned = parent.fed.get(node.id) == pairs
        if not planned and share < GOOD:
            return None
        if share < GOOD and not _is_fed(parent, name, parents):
            return None
        self._trees.touched += 1
        parent.capacity.confirm(
            node.id,
            Confirmation(node.network(), pairs, share, planned, self._trees.now),
            network=parent.network(),
            fed=parent.fed,
            per_network=self._trees.stripes,
            now=self._trees.now,
        )
        return parent

    def _is_weak(self, node: Node, name: str, parents: tuple[str | None, ...], broken: bool) -> bool:
        """Whether a parent has pushed far too little for long: longer if it may not have it itself.

        One that pushes too little to most is given fewer children; there is nothing between just these two.
        """
        parent = self._trees.nodes.get(name)
        if not broken or parent is None or parent.capacity.strain:
            node.doubts.pop(name, None)
            return False
        doubts = node.doubts.get(name, 0) + 1
        node.doubts[name] = doubts
        return doubts >= (DOUBTS if _is_fed(parent, name, parents) else PATIENT_DOUBTS)


def _is_fed(parent: Node, name: str, parents: tuple[str | None, ...]) -> bool:
    """Whether a parent has itself what it should pass on."""
    stripes = [stripe for stripe, each in enumerate(parents) if each == name]
    return all(
        stripe < len(parent.got) and (got := parent.got[stripe]) is not None and got >= GOOD
        for stripe in stripes
    )


def _share(
    name: str,
    before: tuple[str | None, ...],
    parents: tuple[str | None, ...],
    fare: Fare,
    total: int,
) -> float | None:
    """What share of its stripes' bytes a parent pushed; None if it did not have them all the while.

    All stripes carry as much. What was pushed in all is 1 - loss of what the stream has, and so one stripe
    has that / (1 - loss) / S.
    """
    now = [stripe for stripe, parent in enumerate(parents) if parent == name]
    then = [stripe for stripe, parent in enumerate(before) if parent == name]
    if now != then:
        return None
    pushed = fare.received_from.get(name, 0)
    return min(1.0, len(parents) * (1.0 - fare.loss) * pushed / (len(now) * total))
