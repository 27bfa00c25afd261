"""Drawing at random."""

import random

from hypothesis import given
from hypothesis import strategies as st

from signaling.core.pool import Pool, Shelf


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.integers(0, 60), st.integers())
def test_draws_are_different_items_that_are_in(
    items: set[int], gone: set[int], count: int, seed: int
) -> None:
    pool: Pool[int] = Pool()
    for item in items:
        pool.add(item)
        pool.add(item)
    for item in gone:
        pool.discard(item)
    left = items - gone
    drawn = list(pool.draw(count, random.Random(seed)))
    assert len(set(drawn)) == len(drawn) <= count
    assert set(drawn) <= left
    if count >= len(left):
        assert set(drawn) == left


def test_every_item_is_drawn_about_as_often() -> None:
    pool: Pool[str] = Pool()
    for item in "abcdefgh":
        pool.add(item)
    chance = random.Random(1)
    counts = dict.fromkeys("abcdefgh", 0)
    for _ in range(4_000):
        for item in pool.draw(2, chance):
            counts[item] += 1
    assert all(800 < count < 1_200 for count in counts.values())


class Stuck:
    """Chance that always says the same."""

    def randrange(self, stop: int, /) -> int:
        return 0


def test_draw_ends_though_chance_repeats_itself() -> None:
    pool: Pool[int] = Pool()
    for item in range(5):
        pool.add(item)
    assert list(pool.draw(2, Stuck())) == [0]


def test_level_that_is_emptied_while_somebody_looks_is_passed_over() -> None:
    """Finding a place for one may take another off the shelf."""
    shelf: Shelf[str] = Shelf()
    for level, item in enumerate("abc"):
        shelf.move(item, -1, level)
    seen = []
    for level, items in shelf.levels(8):
        seen.append((level, list(items)))
        if level == 0:
            shelf.move("b", 1, -1)
    assert seen == [(0, ["a"]), (2, ["c"])]
