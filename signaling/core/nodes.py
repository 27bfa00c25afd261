"""A peer as the planner of a braid sees it."""

from __future__ import annotations

from signaling.core.capacity import Capacity

UNFED = -1
"""The depth of a node without a parent."""
MOST_CHILDREN = 24
"""Peers that one feeds at most: the rest of a carrying peer's 32 links is for parents, standbys and chat."""
FEW = 20
"""In a room of fewer viewers nobody is left to the origin, parity is for all, nothing is kept in reserve, and
the plan follows every fail-over: one peer's trouble is soon over there, and much of what there is."""
MOST_STANDING = 7
COOLDOWN = 20.0
"""Seconds for which a place is kept unless something forces a move."""
SUPERIOR = 2
"""Steps of standing by which a node must be above another to take its place: four times the upload, or twice
and a minute's stay. Whoever gives nothing is below all."""
WHOLE = 60
"""Parts of a (child, stripe) pair, so that what feeds several stripes is counted for each in part."""
STABLE = 60.0
"""Seconds after which a peer that gives something counts as one that stays."""


class Node:
    """A peer in a braid. `used` counts its (child, stripe) pairs, `home` is the stripes it is to feed.

    It `carries` if it is willing and has any capacity.
    The stripe numbered S is the parity stripe, which only those have who take `parity`.
    """

    __slots__ = (
        "able_at",
        "away",
        "by_origin",
        "capacity",
        "carries",
        "children",
        "depth",
        "doubts",
        "enlisted",
        "expected",
        "fed",
        "got",
        "home",
        "id",
        "joined_at",
        "leaf_at",
        "links",
        "open_at",
        "parents",
        "parity",
        "placed_at",
        "prefix",
        "relay",
        "reported",
        "reserve_at",
        "rtt",
        "separated",
        "slots",
        "standing",
        "stripes",
        "supply",
        "tried",
        "used",
        "weak_at",
        "willing",
    )

    def __init__(
        self,
        peer: str,
        stripes: int,
        *,
        carries: bool,
        slots: int,
        relay: bool = False,
        prefix: str | None = None,
        parity: bool = False,
        now: float = 0.0,
    ) -> None:
        self.id = peer
        self.stripes = stripes
        self.willing = carries
        self.carries = carries
        self.slots = slots
        self.links = MOST_CHILDREN
        """How many peers it feeds at most."""
        self.capacity = Capacity(slots, slots)
        self.relay = relay
        self.prefix = prefix
        self.parity = parity
        self.enlisted = False
        """Whether it takes the parity stripe only because it was asked to carry it."""
        self.joined_at = now
        self.placed_at = [now] * (stripes + 1)
        """When it last got another parent, by stripe."""
        self.reported: tuple[str | None, ...] = ()
        """The parents that it had at its last report."""
        self.got: tuple[float | None, ...] = ()
        """The share of each stripe that came by its last report, None where that is not known."""
        self.doubts: dict[str, int] = {}
        """Reports in a row by which a parent pushed far less than the others."""
        self.rtt: dict[str, float] = {}
        self.standing = 1
        """0: gives nothing; 1: not tried; more: what children confirmed, in powers of two, and staying."""
        self.tried = False
        """Whether it was given a first child in order to see what it gives."""
        self.expected = False
        self.away = False
        self.by_origin = False
        """It has no parents and is left to the origin."""
        self.used = 0
        self.fed: dict[str, int] = {}
        self.home: set[int] = set()
        self.separated: set[str] = set()
        trees = stripes + 1
        self.parents: list[Node | None] = [None] * trees
        self.children: list[dict[str, Node]] = [{} for _ in range(trees)]
        self.depth = [UNFED] * trees
        self.open_at = [UNFED] * trees
        self.supply = [0] * trees
        self.leaf_at = [UNFED] * trees
        self.weak_at = [UNFED] * trees
        self.reserve_at = [UNFED] * trees
        self.able_at = UNFED

    @property
    def moved_at(self) -> float:
        """When it last got another parent on any stripe."""
        return max(self.placed_at)

    @property
    def takes(self) -> range:
        """The stripes that it is to get."""
        return range(self.stripes + self.parity)

    @property
    def parent_ids(self) -> tuple[str | None, ...]:
        """Ids of the parents, by stripe that it takes."""
        return tuple(None if parent is None else parent.id for parent in self.parents[: len(self.takes)])

    @property
    def free(self) -> int:
        """(child, stripe) pairs that it could take; negative while it has too many."""
        return self.slots - self.used

    @property
    def has_room(self) -> bool:
        """Whether it may be given a child: not while the introducer does not hear from it."""
        return (
            self.used < self.slots
            and self.carries
            and not self.expected
            and not self.away
            and len(self.fed) < self.links
        )

    def has_link(self, child: Node, instead: Node | None = None) -> bool:
        """Whether it has a link to a child or one to spare, maybe as another gets one stripe less."""
        spared = instead is not None and self.fed[instead.id] == 1
        return child.id in self.fed or len(self.fed) - spared < self.links

    @property
    def untried(self) -> bool:
        """Whether no child has confirmed yet that it gives anything; who runs a relay means it to carry."""
        return self.capacity.proven == 0 and not self.relay

    def supplies(self, stripe: int) -> int:
        """What it can do for a home, in parts of a (child, stripe) pair: all for the one that it feeds most.

        What it has to lend to others does not count as theirs, else they would go on lacking it.
        """
        children = [len(self.children[home]) for home in self.home]
        most = max(children)
        if len(self.children[stripe]) < most:
            return 0
        spare = WHOLE * max(0, self.free) // children.count(most)
        return WHOLE * most + min(spare, WHOLE * max(0, self.links - most))

    def network(self) -> str:
        """What tells its network from those of others; without an address every peer is one of its own."""
        return self.prefix if self.prefix is not None else self.id

    def stand(self, now: float) -> int:
        """Its standing by what it gives and how long it has stayed."""
        if self.slots == 0 or not self.carries:
            return 0
        proven = min(self.capacity.proven, self.slots)
        if proven == 0:
            return 1
        return min(MOST_STANDING, proven.bit_length() + (now - self.joined_at >= STABLE))
