"""Introductions keep a room in one piece."""

import random

from hypothesis import given
from hypothesis import strategies as st

from signaling.core.acquaintance import FIRST, NAMED, Acquaintance


def pieces(graph: Acquaintance, peers: list[str]) -> int:
    """How many parts there are that know nothing of each other."""
    left = set(peers)
    count = 0
    while left:
        count += 1
        waiting = [left.pop()]
        while waiting:
            for friend in graph.friends(waiting.pop()) & left:
                left.discard(friend)
                waiting.append(friend)
    return count


def test_newcomer_meets_up_to_three_and_never_itself() -> None:
    graph = Acquaintance(random.Random(1))
    sizes = [len(graph.arrive(f"p{number}", busy=False)) for number in range(10)]
    assert sizes == [0, 1, 2, *[FIRST] * 7]
    assert all(f"p{number}" not in graph.friends(f"p{number}") for number in range(10))


def test_publisher_is_named_for_want_of_others_only() -> None:
    graph = Acquaintance(random.Random(1))
    graph.arrive("publisher", busy=True)
    assert graph.arrive("a", busy=False) == ["publisher"]
    assert graph.arrive("b", busy=False) == ["a"]
    assert graph.more("a", 3) == [], "it knows everybody"
    assert graph.more("b", 3) == ["publisher"]


def test_more_are_others() -> None:
    graph = Acquaintance(random.Random(1))
    for number in range(20):
        graph.arrive(f"p{number}", busy=False)
    known = graph.friends("p19")
    assert not known & set(graph.more("p19", 3))
    assert len(graph.friends("p19")) == len(known) + 3


def test_so_many_are_named_again_and_the_latest_of_them() -> None:
    graph = Acquaintance(random.Random(1))
    for number in range(NAMED + 3):
        graph.arrive(f"p{number}", busy=number == 0)
    graph.more("p0", NAMED + 3)
    assert graph.more("p0", 1) == [], "it knows everybody"
    latest = graph.named("p0", all_friends=True)
    assert len(latest) == NAMED
    assert set(latest) <= graph.friends("p0")
    graph.turn("p0", latest[-1])
    assert latest[-1] not in graph.named("p0", all_friends=False)
    assert "p0" in graph.named(latest[-1], all_friends=False)


def test_star_that_loses_its_centre_stays_in_one_piece() -> None:
    graph = Acquaintance(random.Random(1))
    graph.arrive("centre", busy=False)
    names = [f"p{number}" for number in range(6)]
    for name in names:
        graph.arrive(name, busy=False)
    pairs = graph.leave("centre")
    assert pieces(graph, names) == 1
    assert all(first != second for first, second in pairs)


@given(st.integers(0, 2**32), st.integers(1, 150), st.floats(0.3, 0.9))
def test_rooms_stay_in_one_piece_whoever_comes_and_goes(seed: int, steps: int, joins: float) -> None:
    chance = random.Random(seed)
    graph = Acquaintance(chance)
    peers: list[str] = []
    for number in range(steps):
        if not peers or chance.random() < joins:
            graph.arrive(f"p{number}", busy=chance.random() < 0.1)
            peers.append(f"p{number}")
        else:
            graph.leave(peers.pop(chance.randrange(len(peers))))
        assert pieces(graph, peers) <= 1


def test_nobody_is_named_to_newcomers_who_may_be_gone() -> None:
    graph = Acquaintance(random.Random(1))
    for name in ("a", "b", "c"):
        graph.arrive(name, busy=name == "c")
    graph.miss("a")
    graph.miss("c")
    assert graph.arrive("d", busy=False) == ["b"]
    graph.back("a")
    graph.back("b")
    assert set(graph.arrive("e", busy=False)) == {"a", "b", "d"}
    graph.back("c")
    assert graph.more("e", 3) == ["c"], "a publisher, as before"


def test_friends_of_one_who_may_be_gone_get_others_and_stay_in_one_piece_without() -> None:
    graph = Acquaintance(random.Random(1))
    graph.arrive("centre", busy=False)
    names = [f"p{number}" for number in range(8)]
    for name in names:
        graph.arrive(name, busy=False)
    before = graph.friends("centre")
    pairs = graph.miss("centre")
    assert {first for first, _ in pairs} <= before
    assert all(len(graph.friends(name) - {"centre"}) >= FIRST for name in before)
    assert pieces(graph, names) == 1
    assert graph.leave("centre") == [], "they were seen to when it was missed"


def test_everybody_may_be_gone_at_once() -> None:
    graph = Acquaintance(random.Random(1))
    for name in ("a", "b", "c"):
        graph.arrive(name, busy=False)
    assert [graph.miss(name) for name in ("a", "b", "c")] == [[], [], []]
    for name in ("a", "b", "c"):
        graph.back(name)
    assert graph.leave("a") == []
    assert graph.friends("b") == {"c"}


def test_two_circles_that_one_peer_held_together_are_introduced_to_each_other() -> None:
    graph = Acquaintance(random.Random(1))
    graph.arrive("bridge", busy=False)
    circles = [[f"{name}{number}" for number in range(4)] for name in "ab"]
    for name in (name for circle in circles for name in circle):
        graph.arrive(name, busy=False)
        for other in graph.friends(name) - {"bridge"}:  # as if they had come where nobody else was
            del graph._friends[name][other], graph._friends[other][name]
    for circle in circles:
        graph._meet("bridge", circle[0])
        for name in circle:
            for other in circle:
                if name != other:
                    graph._meet(name, other)
    for name in [*circles[0][1:], *circles[1][1:]]:
        graph._friends[name].pop("bridge", None)
        graph._friends["bridge"].pop(name, None)
    assert graph.miss("bridge") == [("b0", "a0")]
    assert pieces(graph, [*circles[0], *circles[1]]) == 1
