"""How well the pushed stripes come in: bytes by parent, and the share of blocks that others overtook."""

from __future__ import annotations

from dataclasses import dataclass

PARITY_ABOVE = 0.01
"""Share of lost blocks at which parity is wanted: with four stripes 4 % of the parts are late then, by about
145 ms for each hop, which a player half a second behind feels every 2.5 s; a quarter more bytes mend it."""
PARITY_USELESS = 0.2
"""Share beyond which it is not begun: two of five blocks would be lost too often, and somebody has too much
to carry already."""
PARITY_BELOW = 0.0025
"""Share below which it is given up, after `PARITY_QUIET` seconds: far enough from the other not to swing."""
PARITY_QUIET = 15.0
MEMORY = 1 / 400
"""Weight of a block in the mean share: of the last 400, which are 10 s, one alone starts nothing."""
OUTAGE = 2
"""Parts in a row of which nothing came that are a parent's silence, and no packets that were lost."""
PARENTS = 64
"""Peers in one report; nobody has that many parents in two seconds."""


@dataclass(slots=True)
class _Stripe:
    """The newest part of which something was pushed, how many of its blocks came, and how many it has."""

    parent: bytes = b""
    number: int = -1
    came: int = 0
    blocks: int = 0


class Reception:
    """Watches what parents push. A block is lost when a later part of its stripe comes before it.

    A channel of blocks is unordered, so that happens just when packets were lost on the way, here or higher
    up the tree; how long the way is does not matter. Requested blocks that come late change nothing.
    """

    def __init__(self, stripes: int) -> None:
        self._stripes = [_Stripe() for _ in range(stripes)]
        self._bytes: dict[bytes, int] = {}
        self._due = self._lost = 0
        self._share = 0.0
        self._wants_parity = False
        self._quiet_since: float | None = None

    def begin(self) -> None:
        """Another epoch: numbers start again."""
        for stripe in self._stripes:
            stripe.number = -1

    def pushed(self, stripe: int, number: int, blocks: int, parent: bytes, size: int) -> None:
        """A block came from the stripe's parent; its part has `blocks` on the stripe.

        `size` is that of the message, 0 if the block was here already: who repeats blocks carries nothing.
        """
        if parent in self._bytes or len(self._bytes) < PARENTS:
            self._bytes[parent] = self._bytes.get(parent, 0) + size
        if stripe >= len(self._stripes):
            return  # parity
        state = self._stripes[stripe]
        if number < state.number:
            return
        if number > state.number:
            if state.number >= 0:
                jumped = number - state.number - 1
                remember = parent == state.parent and jumped < OUTAGE
                self._passed(state.blocks + jumped, max(0, state.blocks - state.came) + jumped, remember)
            state.parent, state.number, state.came, state.blocks = parent, number, 0, blocks
        state.came += 1

    def _passed(self, due: int, lost: int, remember: bool) -> None:
        self._due += due
        self._lost += lost
        if remember:
            for block in range(due):
                self._share += ((block < lost) - self._share) * MEMORY

    def wants_parity(self, now: float) -> bool:
        """Whether so much is lost that parity is worth its bytes."""
        if self._share >= PARITY_ABOVE:
            self._wants_parity |= self._share < PARITY_USELESS
            self._quiet_since = None
        elif self._share > PARITY_BELOW or not self._wants_parity:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since >= PARITY_QUIET:
            self._wants_parity = False
        return self._wants_parity

    def take(self) -> tuple[tuple[tuple[bytes, int], ...], float]:
        """What came since the last call: bytes by parent, and the share of blocks that were lost (0 to 1)."""
        received = tuple(sorted((peer, size) for peer, size in self._bytes.items() if size > 0))
        loss = self._lost / self._due if self._due else 0.0
        self._bytes.clear()
        self._due = self._lost = 0
        return received, loss
