"""How much a peer can feed, as its children confirm it: measured, not believed.

A peer begins with a small credit. When all that it was given is confirmed, its capacity doubles, up to its
bound. When most children get less than they should, it shrinks to what they get, but by half at most, for in
a room that is congested as a whole everybody looks weak; it is tried again later, and from where it failed
one by one. One child alone never lowers it: that may be the child's fault, or a lie; it only parts the two.
"""

from dataclasses import dataclass, field

GOOD = 0.85
"""A child that gets as much of its stripes confirms them."""
BROKEN = 0.5
"""A child that gets a smaller share from one parent than from another is better off elsewhere."""
UNHEARD = 8
"""One child in as many need not have been heard yet: where many come and go there is always one."""
STALE = 5.0
"""Seconds for which the word of a child that is not planned counts; it comes every two."""
SPARED = 8
"""One of as many slots of those that a peer says it has is left to those who fail over to it."""
ROUNDING = 0.2
"""Of a (child, stripe) pair: with so little missing, one more is fed."""
PATIENCE = 10.0
"""Seconds before a peer that was given too much is tried with more again; doubled each time."""
HOLD = 4.0
"""Seconds, two reports, in which a peer that was given less shows what that mends."""
MOST_PATIENCE = 960.0
BLAME = 30.0
"""Seconds for which a child's complaint counts."""
MOST_BLAMES = 32


@dataclass(slots=True)
class Confirmation:
    """What one child gets: how many stripes it has from here, and what share of them came."""

    network: str
    pairs: int
    share: float
    planned: bool = True
    """Whether the plan has it here; others came by failing over, and count for no more than these do."""
    at: float = 0.0


@dataclass(slots=True)
class Capacity:
    """(child, stripe) pairs that one peer feeds. `most` is the bound that its links, or it itself, give."""

    granted: int
    most: int
    own: int | None = None
    """What it says itself, which only lowers."""
    spares: bool = False
    """Whether some of that are kept for those who fail over, as in all but small rooms."""
    proven: int = 0
    """The most that children confirmed together, until it had to shrink."""
    heard: dict[str, Confirmation] = field(default_factory=dict)
    blames: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Children who complained, with their networks and when."""
    strain: int = 0
    """Reports in a row by which it gives more than it has."""
    ceiling: int | None = None
    """Where it failed last."""
    retry_at: float = 0.0
    hold_until: float = 0.0
    patience: float = PATIENCE

    @property
    def slots(self) -> int:
        """What the planner may use."""
        if self.own is None:
            return self.allowed
        return min(self.allowed, self.own - (self.own + 4) // SPARED if self.spares else self.own)

    @property
    def bearable(self) -> int:
        """With more it is not left: a few too many it lets go of by itself, and what it says changes by the
        second. But whom it does not take the plan had better have elsewhere."""
        if self.own is None:
            return self.allowed
        return min(self.allowed, self.own + self.own // 4 if self.spares else 2 * self.own)

    @property
    def allowed(self) -> int:
        """The same before it says itself that it has less now."""
        return min(self.granted, self.most)

    @property
    def given(self) -> float:
        """(child, stripe) pairs that really arrive."""
        return sum(each.pairs * each.share for each in self.heard.values())

    def confirm(
        self,
        child: str,
        told: Confirmation,
        *,
        network: str,
        fed: dict[str, int],
        per_network: int,
        now: float,
    ) -> None:
        """A child says what it got. `fed`: the children that the peer has, `network`: its own one.

        Those of one network, other than the peer's own, count for `per_network` pairs at most together.
        """
        if not told.planned and len(self.heard) >= 2 * len(fed):
            return
        self.heard[child] = told
        for gone in [
            other
            for other, each in self.heard.items()
            if (each.pairs != fed.get(other) if each.planned else now - each.at > STALE)
        ]:
            del self.heard[gone]
        pairs = sum(each.pairs for each in self.heard.values())
        poor = sum(each.pairs for each in self.heard.values() if each.share < GOOD)
        if 2 * poor > pairs and len({each.network for each in self.heard.values()}) > 1:
            self.strain += 1
            if self.strain >= len(self.heard):
                self.shrink(int(self.given + ROUNDING), now)
            return
        self.strain = 0
        confirmed = self._confirmed(network, per_network, planned=True)
        confirmed += min(confirmed, self._confirmed(network, per_network, planned=False))
        self.proven = max(self.proven, confirmed)
        heard = len(fed) - len(self.heard) <= (len(fed) - 1) // UNHEARD
        if heard and sum(fed.values()) >= self.slots and now >= self.retry_at:
            more = 2 * confirmed
            if self.ceiling is not None and more >= self.ceiling:
                more = min(self.slots, confirmed) + 1
            self.granted = max(self.granted, min(self.most, more))

    def _confirmed(self, network: str, per_network: int, *, planned: bool) -> int:
        by_network: dict[str, int] = {}
        for each in self.heard.values():
            if each.share >= GOOD and each.network != network and each.planned == planned:
                before = by_network.get(each.network, 0)
                by_network[each.network] = min(per_network, before + each.pairs)
        return sum(by_network.values())

    def blame(self, child: str, network: str, remaining: int, now: float) -> None:
        """A child got next to nothing, or could not be reached, and is taken away; `remaining` are left.

        Where at least two networks complain, and half of the children, the peer is given no more than what
        the others confirm.
        """
        self.heard.pop(child, None)
        self.blames = {
            other: blame for other, blame in self.blames.items() if now - blame[1] < BLAME and other != child
        }
        if len(self.blames) < MOST_BLAMES:
            self.blames[child] = (network, now)
        if len({blame[0] for blame in self.blames.values()}) > 1 and len(self.blames) >= remaining:
            self.blames.clear()
            self.shrink(int(self.given + ROUNDING), now)

    def shrink(self, slots: int, now: float) -> None:
        """It was given too much. What comes now is another matter than what came before."""
        self.heard.clear()
        self.strain = 0
        if now < self.hold_until:
            return
        self.ceiling = self.slots
        self.granted = max(min(slots, self.slots), self.slots // 2)
        self.proven = min(self.proven, self.granted)
        self.hold_until = now + HOLD
        self.retry_at = now + self.patience
        self.patience = min(MOST_PATIENCE, 2 * self.patience)

    def forget(self) -> bool:
        """The peer leaves: only what it showed is kept. Returns whether it showed anything."""
        self.own = None
        self.heard.clear()
        self.blames.clear()
        self.strain = 0
        return self.proven > 0 or self.retry_at > 0

    def retry(self, now: float) -> None:
        """A peer that gave nothing is given one child again when its time has come."""
        if self.granted == 0 and self.most > 0 and now >= self.retry_at:
            self.granted = 1
