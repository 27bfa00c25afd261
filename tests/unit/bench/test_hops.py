"""How many hops a peer is from the publisher."""

from bench.hops import hops_of

PUBLISHER = "p"


def test_the_longest_way_counts() -> None:
    parents: dict[str, list[str | None]] = {
        "a": [PUBLISHER, "b"],
        "b": ["a", PUBLISHER],
        "c": ["b", "b"],
    }
    assert hops_of(parents) == {"a": 2, "b": 2, "c": 3}


def test_who_lacks_a_stripe_and_who_is_below_has_no_number() -> None:
    assert hops_of({"a": [PUBLISHER, None], "b": [PUBLISHER, "a"], "c": [PUBLISHER, PUBLISHER]}) == {"c": 1}


def test_a_circle_of_the_moment_has_no_number() -> None:
    assert hops_of({"a": ["b"], "b": ["a"]}) == {}


def test_parity_is_not_waited_for() -> None:
    assert hops_of({"a": [PUBLISHER] * 4 + [None], "b": ["a"] * 5}) == {"a": 1, "b": 2}
