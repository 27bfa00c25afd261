"""What peers say of others that nobody can prove: who was sent bad blocks by whom (docs/defence.md).

A link is not a signature, so one complaint says no more than that two peers do not get on: they are kept
apart. Several independent ones are believed: from different networks, by peers that have been here for some
time and that the plan had fed from the accused, each of whom accuses few.
"""

from __future__ import annotations

from dataclasses import dataclass, field

INDEPENDENT = 3
"""Networks from which complaints must come. Whoever has two can silence nobody."""
FRESH = 20.0
"""Seconds after which a member's word counts: a crowd that comes to accuse has to wait and to be fed."""
REMEMBERED = 120.0
"""Seconds for which a complaint counts."""
ACCUSATIONS = 4
"""Peers that one accuser's word counts against at a time: as many as feed it, as a rule; older ones lapse."""
CONDEMNED_FOR = 600.0
"""Seconds for which nobody is fed by one who was believed to do harm."""
ACCUSED = 1024
"""Peers against whom complaints are kept; the one accused first makes room."""


@dataclass(slots=True)
class _Case:
    complaints: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Network and time by accuser."""
    condemned_until: float = float("-inf")


class Hearsay:
    """The complaints of one room."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        self._accused_by: dict[str, list[str]] = {}

    def complain(self, accuser: str, network: str, joined_at: float, accused: str, now: float) -> bool:
        """`accuser`, whom the plan feeds from `accused`, has got bad blocks from it.

        `joined_at` is when the accuser came. Returns whether this condemns the accused.
        """
        if now - joined_at < FRESH:
            return False
        case = self._cases.get(accused)
        if case is None:
            if len(self._cases) >= ACCUSED:
                self._drop(next(iter(self._cases)))
            case = self._cases[accused] = _Case()
        case.complaints = {
            who: told
            for who, told in case.complaints.items()
            if now - told[1] < REMEMBERED and who != accuser
        }
        case.complaints[accuser] = (network, now)
        self._limit(accuser, accused)
        if now < case.condemned_until or len({told[0] for told in case.complaints.values()}) < INDEPENDENT:
            return False
        case.condemned_until = now + CONDEMNED_FOR
        return True

    def condemned(self, peer: str, now: float) -> bool:
        """Whether nobody is to be fed by `peer`."""
        case = self._cases.get(peer)
        return case is not None and now < case.condemned_until

    def _limit(self, accuser: str, accused: str) -> None:
        mine = [peer for peer in self._accused_by.pop(accuser, []) if peer != accused]
        mine.append(accused)
        for lapsed in mine[:-ACCUSATIONS]:
            if lapsed in self._cases:
                self._cases[lapsed].complaints.pop(accuser, None)
        if len(self._accused_by) >= ACCUSED:
            del self._accused_by[next(iter(self._accused_by))]
        self._accused_by[accuser] = mine[-ACCUSATIONS:]

    def _drop(self, accused: str) -> None:
        del self._cases[accused]
