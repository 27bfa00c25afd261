"""Peers who get what their parents' uploads allow and report it, so that a planner can be tried on a room."""

import random

from signaling.core.appraisal import Fare
from signaling.core.nodes import Node
from signaling.core.planner import Planner

ROOT = "publisher"
STRIPES = 4
INTERVAL = 2.0
STRIPE_BYTES = 50_000
"""Bytes of a stripe between two reports."""
MOST = 96


class Audience:
    """A room with a clock. `uploads` is in (child, stripe) pairs that a peer can really feed."""

    def __init__(self, seed: int = 1, *, stripes: int = STRIPES, credit: int = 3 * STRIPES // 2) -> None:
        self.chance = random.Random(seed)
        self.planner = Planner(ROOT, stripes, self.chance)
        self.uploads: dict[str, float] = {}
        self.credit = credit
        self.now = 0.0
        self.moves = 0
        self._count = 0

    def join(self, upload: float, *, carries: bool = True, relay: bool = False, parity: bool = False) -> str:
        """A newcomer, of whom nothing is known."""
        peer = f"p{self._count}"
        self._count += 1
        self.uploads[peer] = upload
        self.planner.join(peer, carries, self.credit, most=MOST, relay=relay, parity=parity, now=self.now)
        return peer

    def leave(self, peer: str) -> None:
        del self.uploads[peer]
        self.planner.leave(peer, self.now)

    def share(self, node: Node, stripe: int) -> float:
        """What share of a stripe a parent pushes to a node. What it lacks itself it gets otherwise, later."""
        parent = node.parents[stripe]
        if parent is None:
            return 0.0
        if parent is self.planner.trees.root:
            return 1.0
        return min(1.0, self.uploads[parent.id] / parent.used)

    def report(self, peer: str) -> None:
        """A peer says what it gets from whom."""
        node = self.planner.trees.nodes[peer]
        parents = node.parent_ids
        received: dict[str, int] = {}
        for stripe, parent in enumerate(parents):
            if parent is not None:
                share = int(self.share(node, stripe) * STRIPE_BYTES)
                received[parent] = received.get(parent, 0) + share
        loss = 1 - sum(received.values()) / (STRIPE_BYTES * len(parents))
        fare = Fare(received_from=received, loss=max(0.0, loss))
        for weak in self.planner.report(peer, parents, fare=fare, now=self.now):
            self.planner.blame(peer, weak, self.now)
            self.planner.separate(peer, weak, now=self.now)
            self.planner.reconcile(peer, weak)

    def round(self) -> int:
        """Everybody reports once; returns how many were told of other parents, standbys or slots."""
        self.now += INTERVAL
        for peer in list(self.uploads):
            self.report(peer)
        return len(self.planner.changes())

    def fed(self) -> float:
        """Of all (peer, stripe) pairs the share that comes from peers, weighted by what really arrives."""
        trees = self.planner.trees
        total = got = 0.0
        for node in trees.nodes.values():
            for stripe in range(trees.stripes):
                total += 1
                if node.parents[stripe] is not trees.root:
                    got += self.share(node, stripe)
        return got / total if total else 0.0

    def depths(self) -> list[int]:
        return sorted(max(node.depth) for node in self.planner.trees.nodes.values())
