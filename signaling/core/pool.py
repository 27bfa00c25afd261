"""Sets from which one takes in constant time: at random, or the first by a level."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)


class Chance(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to `stop` - 1."""


class Pool(Generic[T]):
    """A set with `draw` and `first`."""

    __slots__ = ("_items", "_places")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._places: dict[T, int] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def __len__(self) -> int:
        return len(self._items)

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

    def first(self, count: int) -> Sequence[T]:
        """At most `count` items. A dict would first pass over all that were taken out before them."""
        return self._items[:count]

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


class Shelf(Generic[T]):
    """Items by level, a small number; there are few levels and any number of items."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, Pool[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._levels)

    def move(self, item: T, old: int, new: int) -> None:
        """Put an item from one level to another; a negative level is off the shelf."""
        if old >= 0:
            level = self._levels[old]
            level.discard(item)
            if not len(level):
                del self._levels[old]
        if new >= 0:
            pool = self._levels.get(new)
            if pool is None:
                pool = self._levels[new] = Pool()
            pool.add(item)

    def levels(self, count: int) -> Iterator[tuple[int, Sequence[T]]]:
        """Each level, the lowest first, with at most `count` of its items."""
        for level in sorted(self._levels):
            if level in self._levels:  # whoever looks may have moved the last of them
                yield level, self._levels[level].first(count)
