"""Places under special conditions: who carries parity, and what waits while peers are expected back."""

import random

from signaling.core.appraisal import Fare
from signaling.core.nodes import MOST_CHILDREN
from signaling.core.parity import MOST_STRIPES
from signaling.core.planner import Planner
from tests.unit.signaling.test_planner import ROOT, STRIPES, assert_sound, make

PARITY = STRIPES


def takers(planner: Planner) -> set[str]:
    return {node.id for node in planner.trees.nodes.values() if node.parity}


def fed_parity(planner: Planner) -> dict[str, str | None]:
    """Who feeds the parity stripe to whom."""
    return {peer: planner.parents(peer)[PARITY] for peer in takers(planner)}


def leaves_and_relay() -> Planner:
    """A relay that feeds three leaves; nobody takes parity."""
    planner = make(0)
    planner.join("relay", True, 30, relay=True)
    for number in range(3):
        planner.join(f"leaf{number}", False, 0)
    return planner


def ask(planner: Planner, *peers: str, parity: bool = True, root_links: int = 24) -> None:
    """Peers say that they take parity, or no more."""
    for peer in peers:
        planner.resize(peer, peer == "relay", 30 if peer == "relay" else 0, parity=parity)
        assert_sound(planner, root_links)


def test_viewers_that_take_parity_feed_it_to_each_other() -> None:
    planner = make(12)
    for number in range(6):
        planner.resize(f"v{number}", True, 8, parity=True)
        assert_sound(planner)
    assert None not in fed_parity(planner).values()
    assert set(fed_parity(planner).values()) <= {ROOT, *takers(planner)}
    assert planner.trees.root.children[PARITY].keys() < takers(planner)


def test_who_takes_parity_no_more_is_out_of_its_tree_and_its_children_are_not() -> None:
    planner = make(12)
    for number in range(6):
        planner.resize(f"v{number}", True, 8, parity=True)
    (head,) = planner.trees.root.children[PARITY]
    node = planner.trees.nodes[head]
    assert node.children[PARITY]
    planner.resize(head, True, 8)
    assert_sound(planner)
    assert head not in takers(planner)
    assert len(planner.parents(head)) == STRIPES
    assert not node.children[PARITY]
    assert None not in fed_parity(planner).values()
    planner.changes()
    planner.resize(head, True, 8)
    assert planner.parents(head) == node.parent_ids, "once is enough"
    assert head not in takers(planner)


def test_who_fed_nothing_but_parity_feeds_another_stripe_when_it_takes_it_no_more() -> None:
    planner = make(8)
    planner.join("parity feeder", True, 8, parity=True)
    node = planner.trees.nodes["parity feeder"]
    assert node.home == {PARITY}
    planner.resize("parity feeder", True, 8)
    assert len(node.home) == 1
    assert node.home < set(range(STRIPES))
    assert_sound(planner)


def test_relay_carries_parity_for_leaves_as_long_as_they_take_it() -> None:
    planner = leaves_and_relay()
    ask(planner, "leaf0", "leaf1")
    assert fed_parity(planner) == {"relay": ROOT, "leaf0": "relay", "leaf1": "relay"}
    ask(planner, "leaf0", parity=False)
    assert fed_parity(planner) == {"relay": ROOT, "leaf1": "relay"}
    ask(planner, "relay", parity=False)
    assert fed_parity(planner) == {"relay": ROOT, "leaf1": "relay"}, "its own word is not what it is for"
    planner.leave("leaf1")
    assert takers(planner) == set()
    assert_sound(planner)


def test_relay_that_wants_parity_itself_keeps_it_when_the_last_leaf_does_without() -> None:
    planner = leaves_and_relay()
    ask(planner, "leaf0", "relay", "relay")
    ask(planner, "leaf0", parity=False)
    assert fed_parity(planner) == {"relay": ROOT}
    ask(planner, "relay", parity=False)
    assert takers(planner) == set()


def test_other_relay_carries_parity_when_the_first_has_left() -> None:
    planner = leaves_and_relay()
    planner.join("other", True, 30, relay=True)
    ask(planner, "leaf0", "leaf1")
    carrier = fed_parity(planner)["leaf0"]
    assert carrier in ("relay", "other")
    planner.leave(carrier)
    assert_sound(planner)
    (after,) = {"relay", "other"} - {carrier}
    assert fed_parity(planner) == {after: ROOT, "leaf0": after, "leaf1": after}


def test_braid_of_as_many_stripes_as_there_may_be_has_no_parity() -> None:
    planner = Planner(ROOT, MOST_STRIPES, random.Random(1))
    planner.join("a", True, 30, parity=True)
    planner.resize("a", True, 30, parity=True)
    assert len(planner.parents("a")) == MOST_STRIPES


def test_leaf_is_not_put_out_by_one_who_gives_more_while_peers_are_expected_back() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.join("carrier", True, 4)
    planner.join("leaf", False, 0)
    planner.adopt("back", False, 0, ("ghost",) * STRIPES)
    planner.join("newcomer", True, 1)
    assert None not in planner.parents("leaf")
    assert planner.parents("newcomer").count(None) == STRIPES - 1
    planner.expect_no_more()
    planner.report("newcomer", planner.parents("newcomer"), fare=Fare())
    assert None not in planner.parents("newcomer")
    assert planner.parents("leaf").count(None) == STRIPES - 1


def test_relay_with_as_many_children_as_links_feeds_those_whole_streams() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.join("relay", True, 200, relay=True)
    for number in range(MOST_CHILDREN + 1):
        planner.join(f"leaf{number}", False, 0)
    for number in range(MOST_CHILDREN):
        assert planner.parents(f"leaf{number}") == ("relay",) * STRIPES
    assert planner.parents(f"leaf{MOST_CHILDREN}") == (None,) * STRIPES


def test_carrier_takes_the_place_of_a_leaf_under_a_publisher_that_has_nothing_to_spare() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.join("leaf", False, 0)
    planner.join("carrier", True, 8)
    assert planner.parents("carrier") == (ROOT,) * STRIPES
    assert planner.parents("leaf") == ("carrier",) * STRIPES
    planner.separate("carrier", ROOT)
    assert planner.parents("carrier") == (None,) * STRIPES
    assert planner.parents("leaf") == (ROOT,) * STRIPES


def test_carrier_does_not_take_one_stripe_of_a_leaf_that_keeps_the_only_link_by_the_others() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), root_links=1)
    planner.join("leaf", False, 0)
    planner.join("carrier", True, 8)
    assert planner.parents("leaf") == (ROOT,) * STRIPES
    assert planner.parents("carrier") == (None,) * STRIPES


def test_leaf_that_gets_the_only_link_to_the_publisher_gets_all_by_it() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), root_links=1)
    for number in range(7):
        planner.join(f"leaf{number}", False, 0)
    # The others have waited for parity longer than the one that has waited longest for the rest.
    ask(planner, *(f"leaf{number}" for number in range(6, 0, -1)), root_links=1)
    planner.leave("leaf0")
    assert planner.parents("leaf1") == (ROOT,) * (STRIPES + 1)


def test_leaf_is_put_out_only_by_one_who_can_have_its_place() -> None:
    planner = Planner(ROOT, STRIPES, random.Random(1), budget=1.0)
    planner.join("carrier", True, 4)
    planner.join("leaf", False, 0)
    planner.join("newcomer", True, 1)
    assert None not in planner.parents("newcomer")
    planner.separate("carrier", "newcomer")
    assert planner.parents("newcomer") == (None,) * STRIPES
    assert planner.parents("leaf") == ("carrier",) * STRIPES


def test_peer_that_was_named_by_more_than_it_has_links_for_keeps_as_many_as_it_has() -> None:
    planner = make(0)
    for number in range(MOST_CHILDREN + 3):
        planner.adopt(f"v{number}", False, 0, ("back",) * STRIPES)
    planner.adopt("back", True, 8 * MOST_CHILDREN, (ROOT,) * STRIPES)
    assert len(planner.children("back")) == MOST_CHILDREN
    assert_sound(planner)
    fed = [None not in planner.parents(f"v{number}") for number in range(MOST_CHILDREN + 3)]
    assert all(fed)
