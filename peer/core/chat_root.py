"""The root of the chat's tree in a crowd, and the link that leads there.

In a tree that is made of nothing but first and second copies two messages under way at a time take two links
out of one circle: a room of 300 fell apart into 10 to 40 pieces again and again, without a loss or a leave.
So a crowd has a root, as bridges have (IEEE 802.1D): it sends waves over all links, whoever hears of one
passes it on to all, and takes as its parent a neighbour to whom the wave had fewer links to go. That is a
tree, for the way only gets shorter from a child to its parent, and a low one.

Whoever loses its link to the root, or hears no waves, is the root of the next generation; of several the
smallest id is. Anybody can make itself the root or lie about its distance: that spoils the shape of the tree,
and what does not come along it is told of and asked for as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from peer import wire
from peer.core.bucket import Bucket
from peer.core.chat_limits import ChatLimits

MAX_HOPS = 64
NUMBERS = 1 << 32


@dataclass(slots=True)
class _Neighbour:
    rate: Bucket
    """What it may say of waves."""
    heard: wire.ChatRoot | None = None
    shunned_until: float = float("-inf")


class Root:
    """`say` sends over a link."""

    def __init__(self, me: bytes, limits: ChatLimits, say: Callable[[bytes, wire.ChatRoot], None]) -> None:
        self.parent: bytes | None = None
        """The neighbour by which this peer hangs in the tree."""
        self._me = me
        self._limits = limits
        self._say = say
        self._spread = int.from_bytes(me[-2:], "big") / 65536
        """0 to 1, so that not all act in one moment."""
        self._crowded = False
        self._neighbours: dict[bytes, _Neighbour] = {}
        self._said: wire.ChatRoot | None = None
        """What all neighbours were told of the last wave."""
        self._first: bytes | None = None
        """Who told of it first."""
        self._decide_at: float | None = None
        self._begin_at: float | None = None
        """When to begin a wave of one's own."""

    @property
    def known(self) -> bool:
        """Whether this peer has its place in a tree with a root."""
        return self.parent is not None or (self._said is not None and self._said.root == self._me)

    def link_opened(self, peer: bytes, now: float, crowded: bool) -> None:
        """`crowded`: whether the room is one that needs a root."""
        self._neighbours[peer] = _Neighbour(Bucket(*self._limits.waves, now))
        if self._said is not None:
            self._say(peer, self._said)
        self._crowded = crowded
        if crowded and self._begin_at is None:
            self._begin_at = now + self._limits.wave_every * (1 + self._spread)

    def link_closed(self, peer: bytes, now: float) -> None:
        self._neighbours.pop(peer, None)
        if self._said is not None and self._said.root == peer:
            self._begin(now)
        elif peer == self.parent:
            self._choose(now)

    def failed(self, now: float) -> None:
        """What is new does not come from the parent."""
        if self.parent is not None:
            self._neighbours[self.parent].shunned_until = now + self._limits.shunned
            self._choose(now)

    def heard(self, peer: bytes, message: wire.ChatRoot, now: float) -> None:
        """`peer` tells of a wave."""
        neighbour = self._neighbours[peer]
        if message.root == self._me or message.hops >= MAX_HOPS or not neighbour.rate.take(now):
            return
        neighbour.heard = message
        if self._is_newer(message):
            self._first = peer
            self._begin_at = now + self._limits.wave_lost + self._limits.wave_every * self._spread
            self._pass_on(message.generation, message.root, message.number, message.hops + 1)
            if peer != self.parent:
                self._decide_at = now + self._limits.wave_settles
        if not self.known:
            self._choose(now)

    def _is_newer(self, message: wire.ChatRoot) -> bool:
        said = self._said
        if said is None:
            return True
        if message.generation != said.generation:
            return _after(message.generation, said.generation)
        return message.root < said.root or (message.root == said.root and _after(message.number, said.number))

    def _pass_on(self, generation: int, root: bytes, number: int, hops: int) -> None:
        self._said = wire.ChatRoot(generation, root, number, hops)
        for peer in self._neighbours:
            self._say(peer, self._said)

    def _begin(self, now: float) -> None:
        """Send a wave: of the next generation if somebody else was the root before."""
        last = self._said
        self.parent = self._first = self._decide_at = None
        self._begin_at = now + self._limits.wave_every
        if last is None:
            self._pass_on(0, self._me, 0, 0)
        elif last.root == self._me:
            self._pass_on(last.generation, self._me, (last.number + 1) % NUMBERS, 0)
        else:
            self._pass_on((last.generation + 1) % NUMBERS, self._me, 0, 0)

    def _hops(self, peer: bytes) -> int | None:
        """How far it is from the root in the last wave; None if it may be behind this peer."""
        said, heard = self._said, self._neighbours[peer].heard
        if said is None or heard is None:
            return None
        if (heard.generation, heard.root, heard.number) != (said.generation, said.root, said.number):
            return None
        return heard.hops if (heard.hops, peer) < (said.hops, self._me) else None

    def _choose(self, now: float) -> None:
        """Take the neighbour that is nearest to the root, of two the one that told of the wave first."""
        self._decide_at = None
        hops = {peer: hops for peer in self._neighbours if (hops := self._hops(peer)) is not None}
        shunned = {peer for peer in hops if now < self._neighbours[peer].shunned_until}
        self.parent = min(
            hops, key=lambda peer: (peer in shunned, hops[peer], peer != self._first, peer), default=None
        )

    def _is_well(self, now: float) -> bool:
        """Whether the parent is a good one in the last wave, too."""
        if self.parent is None or self._said is None or now < self._neighbours[self.parent].shunned_until:
            return False
        hops = self._hops(self.parent)
        return hops is not None and hops < self._said.hops

    def handle_timer(self, now: float) -> None:
        if self._decide_at is not None and now >= self._decide_at:
            self._decide_at = None
            if not self._is_well(now):
                self._choose(now)
        if self._begin_at is not None and now >= self._begin_at:
            if self._crowded:
                self._begin(now)
            else:
                self.parent = self._said = self._first = self._decide_at = self._begin_at = None

    def next_timer(self) -> float | None:
        times = [time for time in (self._decide_at, self._begin_at) if time is not None]
        return min(times, default=None)


def _after(one: int, other: int) -> bool:
    """Whether a number is later, as in RFC 1982: so no number is the last one."""
    return 0 < (one - other) % NUMBERS < NUMBERS // 2
