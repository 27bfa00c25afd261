"""Capacity is what children confirm: it grows and shrinks by that, and nobody talks it up or down alone."""

from signaling.core.capacity import BLAME, HOLD, MOST_BLAMES, PATIENCE, STALE, Capacity, Confirmation

PER_NETWORK = 4


def hear(
    capacity: Capacity,
    fed: dict[str, int],
    share: float = 1.0,
    *,
    now: float = 0.0,
    networks: dict[str, str] | None = None,
    only: set[str] | None = None,
) -> None:
    """Every child reports once that it got this share."""
    for child, pairs in fed.items():
        if only is None or child in only:
            network = (networks or {}).get(child, child)
            told = Confirmation(network, pairs, share, at=now)
            capacity.confirm(child, told, network="me", fed=fed, per_network=PER_NETWORK, now=now)


def overload(capacity: Capacity, count: int, share: float, now: float = 0.0) -> None:
    """Its children report this share until it is given less."""
    slots = capacity.slots
    for number in range(3 * count):
        if capacity.slots == slots:
            hear(capacity, children(count), share, now=now, only={f"c{number % count}"})


def children(count: int) -> dict[str, int]:
    return {f"c{number}": 1 for number in range(count)}


def test_capacity_doubles_when_all_that_was_given_is_confirmed() -> None:
    capacity = Capacity(4, 24)
    for before, after in ((4, 8), (8, 16), (16, 24), (24, 24)):
        assert capacity.slots == before
        hear(capacity, children(before))
        assert capacity.slots == after
    assert capacity.proven == 24


def test_capacity_that_is_not_used_does_not_grow() -> None:
    capacity = Capacity(4, 24)
    hear(capacity, children(3))
    assert (capacity.slots, capacity.proven) == (4, 3)


def test_capacity_waits_for_children_that_have_not_been_heard() -> None:
    capacity = Capacity(4, 24)
    hear(capacity, children(4), only={"c0", "c1"})
    assert capacity.slots == 4


def test_children_in_the_own_network_confirm_nothing() -> None:
    capacity = Capacity(4, 24)
    hear(capacity, children(4), networks={f"c{number}": "me" for number in range(4)})
    assert (capacity.slots, capacity.proven) == (4, 0)


def test_colluders_of_one_other_network_confirm_no_more_than_one_stream() -> None:
    capacity = Capacity(8, 24)
    hear(capacity, children(8), networks={f"c{number}": "theirs" for number in range(8)})
    assert (capacity.slots, capacity.proven) == (8, PER_NETWORK)


def test_peer_that_was_given_too_much_is_given_what_arrives() -> None:
    capacity = Capacity(8, 24)
    overload(capacity, 8, 0.7)
    assert capacity.slots == 5


def test_peer_that_was_given_far_too_much_loses_half_at_a_time() -> None:
    capacity = Capacity(8, 24)
    for slots, now in ((4, 0.0), (2, HOLD), (1, 2 * HOLD)):
        overload(capacity, capacity.slots, 0.1, now)
        assert capacity.slots == slots
    capacity.blame("a", "a", 0, 3 * HOLD)
    capacity.blame("b", "b", 0, 3 * HOLD)
    assert capacity.slots == 0


def test_what_is_reported_before_a_change_can_show_is_not_held_against_a_peer() -> None:
    capacity = Capacity(8, 24)
    overload(capacity, 8, 0.1, 0.0)
    overload(capacity, 4, 0.1, HOLD - 0.1)
    assert capacity.slots == 4


def test_after_a_failure_capacity_grows_one_by_one_towards_it_and_later() -> None:
    capacity = Capacity(8, 24)
    overload(capacity, 8, 0.7)
    hear(capacity, children(5), now=PATIENCE - 1)
    assert capacity.slots == 5
    hear(capacity, children(5), now=PATIENCE)
    assert capacity.slots == 6
    overload(capacity, 6, 0.83, now=PATIENCE)
    assert capacity.slots == 5
    hear(capacity, children(5), now=3 * PATIENCE - 1)
    assert capacity.slots == 5
    hear(capacity, children(5), now=3 * PATIENCE)
    assert capacity.slots == 6


def test_capacity_doubles_again_up_to_where_it_failed() -> None:
    capacity = Capacity(16, 24)
    for now in (0.0, HOLD, 2 * HOLD):
        overload(capacity, capacity.slots, 0.1, now)
    assert (capacity.slots, capacity.ceiling) == (2, 4)
    capacity.ceiling = 16
    hear(capacity, children(2), now=1_000)
    hear(capacity, children(4), now=1_000)
    assert capacity.slots == 8
    hear(capacity, children(8), now=1_000)
    assert capacity.slots == 9


def test_one_child_alone_lowers_nothing() -> None:
    capacity = Capacity(4, 24)
    for _ in range(20):
        hear(capacity, children(1), 0.0)
    capacity.blame("c0", "c0", 0, 0.0)
    capacity.blame("c0", "c0", 0, 1.0)
    assert capacity.slots == 4


def test_half_of_the_children_or_less_lower_nothing() -> None:
    capacity = Capacity(4, 24)
    for _ in range(20):
        hear(capacity, children(4), 1.0, only={"c2", "c3"})
        hear(capacity, children(4), 0.1, only={"c0", "c1"})
    assert capacity.slots == 4


def test_complaints_of_one_network_are_one_complaint() -> None:
    capacity = Capacity(4, 24)
    for number in range(4):
        capacity.blame(f"c{number}", "theirs", 0, 0.0)
    assert capacity.slots == 4


def test_two_networks_that_lost_a_peer_which_feeds_nobody_else() -> None:
    capacity = Capacity(1, 24)
    capacity.blame("a", "a", 1, 0.0)
    capacity.blame("b", "b", 0, 1.0)
    assert capacity.slots == 0
    capacity.retry(PATIENCE)
    assert capacity.slots == 0
    capacity.retry(1 + PATIENCE)
    assert capacity.slots == 1


def test_complaints_are_forgotten_and_bounded() -> None:
    capacity = Capacity(4, 24)
    capacity.blame("a", "a", 0, 0.0)
    capacity.blame("b", "b", 0, BLAME)
    assert capacity.slots == 4
    for number in range(2 * MOST_BLAMES):
        capacity.blame(f"c{number}", "theirs", 1_000, 100.0)
    assert len(capacity.blames) == MOST_BLAMES


def test_complaints_leave_what_others_confirm() -> None:
    capacity = Capacity(8, 24)
    hear(capacity, children(7))
    for number in range(3):
        capacity.blame(f"c{number}", f"c{number}", 6 - number, 0.0)
        assert capacity.slots == 8
    capacity.blame("c3", "c3", 3, 0.0)
    assert capacity.slots == 4


def test_word_of_the_peer_itself_only_lowers() -> None:
    capacity = Capacity(4, 24, own=100)
    assert capacity.slots == 4
    capacity.own = 2
    assert capacity.slots == 2
    capacity.own = None
    assert capacity.slots == 4


def test_peer_that_says_what_it_has_is_not_planned_to_the_brim() -> None:
    """Who fails over to it finds a place; of a few slots none can be spared."""
    planned = []
    for own in (1, 3, 4, 8, 16):
        assert Capacity(24, 24, own).slots == own  # in a small room
        planned.append(Capacity(24, 24, own, spares=True).slots)
    assert planned == [1, 3, 3, 7, 14]


def test_few_too_many_are_left_where_they_are_but_not_in_a_large_room() -> None:
    assert [Capacity(24, 24, own).bearable for own in (1, 2, 4, 8)] == [2, 4, 8, 16]
    assert [Capacity(24, 24, own, spares=True).bearable for own in (1, 2, 4, 8)] == [1, 2, 5, 10]
    assert Capacity(4, 24).bearable == Capacity(4, 24, own=100).bearable == 4


def test_who_never_may_carry_is_not_tried_again() -> None:
    capacity = Capacity(0, 0)
    capacity.retry(1_000)
    assert capacity.slots == 0


def test_what_a_peer_showed_survives_its_leaving() -> None:
    unknown = Capacity(4, 24)
    assert not unknown.forget()
    giver = Capacity(4, 24, own=1)
    hear(giver, children(4))
    assert giver.forget()
    assert (giver.slots, giver.heard) == (8, {})
    idler = Capacity(4, 24)
    idler.shrink(0, 0.0)
    assert idler.forget()
    assert idler.slots == 2


def came(capacity: Capacity, children: int, fed: dict[str, int], now: float = 0.0) -> None:
    """So many children that the plan has elsewhere are fed, and well."""
    for number in range(children):
        told = Confirmation(f"u{number}", 1, 1.0, planned=False, at=now)
        capacity.confirm(f"u{number}", told, network="me", fed=fed, per_network=PER_NETWORK, now=now)


def test_those_who_came_by_failing_over_confirm_no_more_than_those_who_were_sent() -> None:
    capacity = Capacity(4, 24)
    came(capacity, 6, children(4))
    assert (capacity.slots, capacity.proven) == (4, 0)
    hear(capacity, children(4), only={"c0", "c1"})
    assert (capacity.slots, capacity.proven) == (8, 4)


def test_those_who_came_by_failing_over_are_forgotten_soon_and_never_many() -> None:
    capacity = Capacity(4, 24)
    came(capacity, 100, children(4))
    assert len(capacity.heard) == 8
    hear(capacity, children(4), only={"c0"}, now=STALE + 0.1)
    assert list(capacity.heard) == ["c0"]
