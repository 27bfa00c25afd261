"""Proofs that a publisher has signed two different seals for one part, within bounds."""

from __future__ import annotations

from peer.core.actions import Equivocation

PROOFS = 8
"""The first ones of a braid are kept: one proves as much as many."""
SECONDS = 256
"""Second seals that are known again, so that their blocks cost no signature check each."""


class Equivocations:
    """Second seals of parts whose first one stands."""

    def __init__(self) -> None:
        self.proofs: list[Equivocation] = []
        self._seconds: dict[bytes, None] = {}

    def __contains__(self, raw: bytes) -> bool:
        return raw in self._seconds

    def found(self, first: bytes, second: bytes) -> list[Equivocation]:
        """Two genuine seals for one part; returns the proof if it is one of those that are kept."""
        if len(self._seconds) >= SECONDS:
            del self._seconds[next(iter(self._seconds))]
        self._seconds[second] = None
        if len(self.proofs) >= PROOFS:
            return []
        proof = Equivocation(first, second)
        self.proofs.append(proof)
        return [proof]
