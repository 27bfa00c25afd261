"""Who was introduced to whom in a room, so that the links that result keep everybody connected."""

from collections import deque
from collections.abc import Iterable

from signaling.core.pool import Chance, Pool

FIRST = 3
"""Peers that a newcomer is introduced to, and that everybody is to know at least, of those who are here."""
NAMED = 16
"""Friends that are named again at a time."""
REACH = 512
"""Peers that are looked at to see whether the neighbours of one who left are still connected."""


class Acquaintance:
    """A random graph over the peers of a room: connected as long as the introductions become links."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._friends: dict[str, dict[str, bool]] = {}
        """With whether the first or the second is to open the link."""
        self._quiet: Pool[str] = Pool()
        self._busy: Pool[str] = Pool()
        self._absent: dict[str, Pool[str]] = {}
        """Those who may come back, and the pool that they were in."""

    def __contains__(self, peer: object) -> bool:
        return peer in self._friends

    def friends(self, peer: str) -> frozenset[str]:
        """Those whom a peer was introduced to, either way."""
        return frozenset(self._friends[peer])

    def named(self, peer: str, *, all_friends: bool) -> list[str]:
        """The latest of those whom a peer is to open links to, or of `all_friends`."""
        friends = self._friends[peer].items()
        return [name for name, opens in friends if opens or all_friends][-NAMED:]

    def turn(self, peer: str, friend: str) -> None:
        """It is the friend who is to open the link between them."""
        self._friends[peer][friend], self._friends[friend][peer] = False, True

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
        was_here = peer not in self._absent
        self._absent.pop(peer, None)
        orphans = self._friends.pop(peer, {})
        self._quiet.discard(peer)
        self._busy.discard(peer)
        for orphan in orphans:
            del self._friends[orphan][peer]
        return self._console(orphans) if was_here else []

    def miss(self, peer: str) -> list[tuple[str, str]]:
        """A peer seems to be gone, and may come back. Returns introductions as `leave` does."""
        pool = self._busy if peer in self._busy else self._quiet
        pool.discard(peer)
        self._absent[peer] = pool
        return self._console(self._friends[peer])

    def back(self, peer: str) -> None:
        """It is here again, and those whom it knows are still those."""
        pool = self._absent.pop(peer, None)
        if pool is not None:
            pool.add(peer)

    def _console(self, orphans: Iterable[str]) -> list[tuple[str, str]]:
        """Introductions for those who have lost a friend: all stay connected, and nobody has too few."""
        pairs: list[tuple[str, str]] = []
        apart = sorted(orphan for orphan in orphans if orphan not in self._absent)
        for orphan in apart:
            if sum(friend not in self._absent for friend in self._friends[orphan]) < FIRST:
                pairs += [(orphan, name) for name in self.more(orphan, 1)]
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
                if friend not in seen and friend not in self._absent:
                    seen.add(friend)
                    goals.discard(friend)
                    waiting.append(friend)
        return sorted(goals)

    def _meet(self, one: str, other: str) -> None:
        self._friends[one][other], self._friends[other][one] = True, False

    def _choose(self, peer: str, count: int) -> list[str]:
        known = self._friends.get(peer, {})
        for pool in (self._quiet, self._busy):
            draws = pool.draw(count + len(known) + 1, self._chance)
            names = [name for name in draws if name != peer and name not in known]
            if names:
                return names[:count]
        return []
