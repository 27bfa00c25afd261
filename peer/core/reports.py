"""What the planner is told, and when: every two seconds, and soon after a change."""

from __future__ import annotations

from peer.core.actions import Report
from peer.core.reception import Reception
from peer.core.upstreams import Upstreams

REPORT_EVERY = 2.0
REPORT_SOON = 0.05


class Reports:
    """Collects what is new since the last report."""

    def __init__(self, upstreams: Upstreams, reception: Reception, now: float) -> None:
        self._upstreams, self._reception = upstreams, reception
        self._lost: set[bytes] = set()
        self._harmful: set[bytes] = set()
        self._at = now + REPORT_EVERY
        self._parents = upstreams.parents()
        self._slots: int | None = None

    def lost(self, peer: bytes, now: float) -> None:
        """The link to `peer` is gone."""
        self._lost.add(peer)
        self._at = min(self._at, now + REPORT_SOON)

    def harmful(self, peer: bytes) -> None:
        """`peer` sent a bad block; its link ends, and that makes the report soon."""
        self._harmful.add(peer)

    def soon(self, now: float) -> None:
        """Report at the next tick."""
        self._at = now

    def due(self, slots: int | None, now: float) -> list[Report]:
        """The report that is to be made now, if any; `slots` as in `Report`."""
        up = self._upstreams
        parents = up.parents()
        changed = parents != self._parents or slots != self._slots
        if now < self._at and not (changed and self._at > now + REPORT_SOON):
            return []
        self._at = now + REPORT_EVERY
        self._parents, self._slots = parents, slots
        received_from, loss = self._reception.take()
        lost, failed, harmful = (tuple(sorted(peers)) for peers in (self._lost, up.failed, self._harmful))
        self._lost.clear()
        self._harmful.clear()
        up.failed.clear()
        return [Report(parents, lost, failed, received_from, loss, slots, harmful)]
