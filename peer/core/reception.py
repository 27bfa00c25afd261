"""How well the pushed stripes come in: bytes by parent, and the share of blocks that others overtook."""

from __future__ import annotations

from dataclasses import dataclass

PARENTS = 64
"""Peers in one report; nobody has that many parents in two seconds."""


@dataclass(slots=True)
class _Stripe:
    """The newest part of which something was pushed, how many of its blocks came, and how many it has."""

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
        state = self._stripes[stripe]
        if number < state.number:
            return
        if number > state.number:
            if state.number >= 0:
                jumped = number - state.number - 1
                self._passed(state.blocks + jumped, max(0, state.blocks - state.came) + jumped)
            state.number, state.came, state.blocks = number, 0, blocks
        state.came += 1

    def _passed(self, due: int, lost: int) -> None:
        self._due += due
        self._lost += lost

    def take(self) -> tuple[tuple[tuple[bytes, int], ...], float]:
        """What came since the last call: bytes by parent, and the share of blocks that were lost (0 to 1)."""
        received = tuple(sorted((peer, size) for peer, size in self._bytes.items() if size > 0))
        loss = self._lost / self._due if self._due else 0.0
        self._bytes.clear()
        self._due = self._lost = 0
        return received, loss
