"""A set from which one draws at random in constant time."""

from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)


class Chance(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to `stop` - 1."""


class Pool(Generic[T]):
    """A set with `draw`."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._places: dict[T, int] = {}

    def add(self, item: T) -> None:
        """Put an item in, once."""
        if item not in self._places:
            self._places[item] = len(self._items)
            self._items.append(item)

    def discard(self, item: T) -> None:
        """Take an item out if it is in."""
        place = self._places.pop(item, None)
        if place is None:
            return
        last = self._items.pop()
        if place < len(self._items):
            self._items[place] = last
            self._places[last] = place

    def draw(self, count: int, chance: Chance) -> Iterator[T]:
        """At most `count` different items in random order; few draws are lost to repetition."""
        if count >= len(self._items):
            rest = list(self._items)
            while rest:
                place = chance.randrange(len(rest))
                rest[place], rest[-1] = rest[-1], rest[place]
                yield rest.pop()
            return
        drawn: set[T] = set()
        for _ in range(4 * count):
            item = self._items[chance.randrange(len(self._items))]
            if item not in drawn:
                drawn.add(item)
                yield item
                if len(drawn) == count:
                    return
