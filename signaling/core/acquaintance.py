"""Who was introduced to whom in a room, so that the links that result keep everybody connected."""

from collections import deque

from signaling.core.pool import Chance, Pool

FIRST = 3
"""Peers that a newcomer is introduced to."""
REACH = 512
"""Peers that are looked at to see whether the neighbours of one who left are still connected."""


class Acquaintance:
    """A random graph over the peers of a room: connected as long as the introductions become links."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._friends: dict[str, dict[str, None]] = {}
        self._quiet: Pool[str] = Pool()
        self._busy: Pool[str] = Pool()

    def __contains__(self, peer: object) -> bool:
        return peer in self._friends

    def friends(self, peer: str) -> frozenset[str]:
        """Those whom a peer was introduced to, either way."""
        return frozenset(self._friends[peer])

    def arrive(self, peer: str, *, busy: bool) -> list[str]:
        """Those whom a newcomer is to open links to; one who is `busy`, a publisher, for want of another."""
        names = self._choose(peer, FIRST)
        self._friends[peer] = {}
        (self._busy if busy else self._quiet).add(peer)
        for name in names:
            self._meet(peer, name)
        return names

    def more(self, peer: str, count: int) -> list[str]:
        """Others whom a peer has not been introduced to."""
        names = self._choose(peer, count)
        for name in names:
            self._meet(peer, name)
        return names

    def leave(self, peer: str) -> list[tuple[str, str]]:
        """Introductions, first to second, that keep the rest connected when a peer has left."""
        orphans = self._friends.pop(peer, {})
        self._quiet.discard(peer)
        self._busy.discard(peer)
        for orphan in orphans:
            del self._friends[orphan][peer]
        pairs: list[tuple[str, str]] = []
        apart = sorted(orphans)
        while len(apart) > 1:
            first = apart[0]
            apart = self._unreached(first, set(apart[1:]))
            if apart:
                pairs.append((apart[0], first))
                self._meet(apart[0], first)
        return pairs

    def _unreached(self, start: str, goals: set[str]) -> list[str]:
        seen = {start}
        waiting = deque([start])
        while waiting and goals and len(seen) < REACH:
            for friend in self._friends[waiting.popleft()]:
                if friend not in seen:
                    seen.add(friend)
                    goals.discard(friend)
                    waiting.append(friend)
        return sorted(goals)

    def _meet(self, one: str, other: str) -> None:
        self._friends[one][other] = None
        self._friends[other][one] = None

    def _choose(self, peer: str, count: int) -> list[str]:
        known = self._friends.get(peer, {})
        for pool in (self._quiet, self._busy):
            draws = pool.draw(count + len(known) + 1, self._chance)
            names = [name for name in draws if name != peer and name not in known]
            if names:
                return names[:count]
        return []
