"""Lost blocks: when they are asked for, of whom, and when the origin is the last resort."""

from __future__ import annotations

from itertools import pairwise

from peer.core.repair import (
    ASK_AFTER_PARTS,
    ASK_AGAIN,
    ASKED_PARTS_BURST,
    ASKED_PARTS_PER_SECOND,
    FETCH_BURST,
    FETCH_MARGIN,
    FETCHES_AT_ONCE,
    LAG_MORE,
    LAG_TIMES,
    PARTS_AT_ONCE,
    PATIENT_PARTS,
    STALLED_ASKED,
    STALLED_PARTS,
    STALLED_TRIES,
    Repair,
)
from peer.core.window import Window
from peer.wire import encode
from tests.unit.peer.core.braid_bench import EPOCH, HIGH, LOW, PART, STRIPES, blocks, part

DUE = ASK_AFTER_PARTS * PART + 0.01
NO_LAG = [0.0] * STRIPES


def window(*numbers: int, lacking: tuple[int, ...] = ()) -> Window:
    """A window with those parts, without the blocks of that index."""
    filled = Window()
    filled.begin(EPOCH)
    for number in numbers:
        sealed = part(number)
        opened = filled.open(sealed.seal, sealed.raw, 0.0)
        for block in blocks(sealed):
            if block.index not in lacking:
                filled.add(opened, block.index, encode(block))
    return filled


CAME = [float("inf")] * STRIPES
"""Each stripe's parent has come as far as can be."""


def in_turn(stripe: int, tries: int) -> bytes | None:
    return (LOW, HIGH)[(stripe + tries) % 2]


def nobody(stripe: int, tries: int) -> bytes | None:
    return None


def test_block_is_asked_for_when_it_is_overdue_and_then_of_another() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, lacking=(2,))
    assert repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, DUE - 0.02) == []
    assert repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, DUE) == [(LOW, 0, (2,))]
    assert repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, DUE + ASK_AGAIN[0] - 0.01) == []
    assert repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, DUE + ASK_AGAIN[0]) == [(HIGH, 0, (2,))]


def test_few_requests_for_one_block_are_under_way_at_a_time() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, lacking=(2,))
    asked = [ms for ms in range(3000) if repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, ms / 1000)]
    assert [b - a for a, b in pairwise(asked)] == [150, 350, 1000, 1000]


def test_stripe_that_always_comes_late_is_given_its_time_and_not_for_ever() -> None:
    parts = window(0, lacking=(1, 2, 3))
    lags = [0.0, 0.0, 1.0, 60.0]
    repair = Repair(0.0, STRIPES, 0.0)
    assert repair.due(parts, 0, PART, lags, CAME, in_turn, DUE) == [(HIGH, 0, (1,))]
    late = (LAG_TIMES + LAG_MORE) * PART + 0.01
    assert repair.due(parts, 0, PART, lags, CAME, nobody, late) == []
    repair = Repair(0.0, STRIPES, 0.0)
    assert repair.due(window(0, lacking=(2,)), 0, PART, lags, CAME, in_turn, late - 0.02) == []
    assert repair.due(window(0, lacking=(2,)), 0, PART, lags, CAME, in_turn, late) == [(LOW, 0, (2,))]
    repair = Repair(0.0, STRIPES, 0.0)
    assert (
        repair.due(window(0, lacking=(3,)), 0, PART, lags, CAME, in_turn, PATIENT_PARTS * PART - 0.01) == []
    )
    assert repair.due(window(0, lacking=(3,)), 0, PART, lags, CAME, in_turn, PATIENT_PARTS * PART) == [
        (HIGH, 0, (3,))
    ]


def test_nothing_is_asked_for_while_all_stripes_always_come_late() -> None:
    lags, parts = [1.5] * STRIPES, window(0, lacking=(2,))
    patience = (LAG_TIMES * 1.5 + LAG_MORE) * PART
    assert DUE < patience <= PATIENT_PARTS * PART
    assert Repair(0.0, STRIPES, 0.0).due(parts, 0, PART, lags, CAME, in_turn, patience - 0.01) == []
    assert Repair(0.0, STRIPES, 0.0).due(parts, 0, PART, lags, CAME, in_turn, patience + 0.01) == [
        (LOW, 0, (2,))
    ]


def test_those_that_lack_the_same_block_do_not_ask_in_one_moment() -> None:
    parts = window(0, lacking=(2,))
    first = set()
    for spread in (0.0, 0.5, 1.0):
        repair = Repair(spread, STRIPES, 0.0)
        first.add(
            next(ms for ms in range(1000) if repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, ms / 1000))
        )
    assert len(first) == 3


def test_no_more_is_asked_for_than_half_a_stream() -> None:
    parts, asked = window(*range(200), lacking=(0, 1)), 0
    repair = Repair(0.0, STRIPES, 0.0)
    for tick in range(200):
        asks = repair.due(parts, tick, PART, NO_LAG, CAME, in_turn, DUE + tick / 20)
        asked += sum(len(indices) for _, _, indices in asks)
    assert asked <= STRIPES * (ASKED_PARTS_BURST + 10 * ASKED_PARTS_PER_SECOND) + 2
    # What could not be asked for any more is left to the origin.
    assert repair.fetches(parts, 199, 0.0, 20.0) == [199]


def test_blocks_of_a_part_are_asked_of_each_peer_in_one_message() -> None:
    asks = Repair(0.0, STRIPES, 0.0).due(window(0, lacking=(0, 1, 2)), 0, PART, NO_LAG, CAME, in_turn, DUE)
    assert asks == [(LOW, 0, (0, 2)), (HIGH, 0, (1,))]


def test_part_of_which_nothing_came_is_asked_for_whole() -> None:
    assert Repair(0.0, STRIPES, 0.0).due(window(0, 2), 0, PART, NO_LAG, CAME, in_turn, DUE) == [(LOW, 1, ())]


def test_part_of_which_nothing_came_is_asked_of_nobody_while_nobody_has_it() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, 2)
    assert repair.due(parts, 1, PART, NO_LAG, CAME, nobody, DUE) == []
    assert repair.due(parts, 1, PART, NO_LAG, CAME, in_turn, DUE + ASK_AGAIN[0]) == [(HIGH, 1, ())]


def test_what_was_played_and_what_has_left_is_not_asked_for() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, 1, lacking=(3,))
    assert [ask[1] for ask in repair.due(parts, 1, PART, NO_LAG, CAME, in_turn, DUE)] == [1]
    assert repair.due(parts, 2, PART, NO_LAG, CAME, in_turn, DUE) == []


def test_few_parts_are_asked_for_at_once() -> None:
    asks = Repair(0.0, STRIPES, 0.0).due(
        window(*range(20), lacking=(0,)), 0, PART, NO_LAG, CAME, in_turn, DUE
    )
    assert [ask[1] for ask in asks] == list(range(PARTS_AT_ONCE))


def test_origin_is_asked_shortly_before_the_part_must_be_played_and_only_after_the_peers() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, lacking=(2,))
    assert repair.fetches(parts, 0, 1.0, 1.0) == []
    repair.due(parts, 0, PART, NO_LAG, CAME, nobody, 0.2)
    assert repair.fetches(parts, 0, 1.0, 1.0 - FETCH_MARGIN - 0.01) == []
    assert repair.fetches(parts, 0, 1.0, 1.0 - FETCH_MARGIN) == [0]
    assert repair.fetches(parts, 0, 1.0, 0.9) == []
    repair.fetched(0)
    assert repair.fetches(parts, 0, 1.0, 0.95) == [0]


def test_a_lost_subtree_does_not_ask_the_origin_in_one_moment() -> None:
    parts, asked = window(0, lacking=(2,)), set()
    for spread in (0.0, 0.5, 1.0):
        repair = Repair(spread, STRIPES, 0.0)
        repair.due(parts, 0, PART, NO_LAG, CAME, nobody, 0.2)
        asked.add(next(ms for ms in range(1000) if repair.fetches(parts, 0, 1.0, ms / 1000)))
    assert len(asked) == 3


def test_origin_is_asked_for_little_at_once_and_little_in_all() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(*range(20), lacking=(0,))
    fetched, now = 0, 10.0
    for _ in range(10):
        repair.due(parts, 0, PART, NO_LAG, CAME, nobody, now)
        numbers = repair.fetches(parts, 0, 0.0, now)
        assert len(numbers) <= FETCHES_AT_ONCE
        fetched += len(numbers)
        for number in numbers:
            repair.fetched(number)
    assert fetched == FETCH_BURST


def test_part_that_has_come_meanwhile_is_forgotten() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, 1, lacking=(2,))
    repair.due(parts, 0, PART, NO_LAG, CAME, nobody, DUE)
    for number in range(2):
        opened = parts.get(number)
        assert opened is not None
        parts.add(opened, 2, encode(blocks(part(number))[2]))
    assert repair.due(parts, 0, PART, NO_LAG, CAME, in_turn, 1.0) == []
    assert repair.fetches(parts, 0, 0.0, 1.0) == []
    assert repair._missing == {}


def test_new_epoch_forgets_everything() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, lacking=(2,))
    repair.due(parts, 0, PART, NO_LAG, CAME, nobody, DUE)
    repair.fetches(parts, 0, 0.0, 1.0)
    repair.begin()
    assert (repair._missing, repair._fetching) == ({}, set())


def test_what_a_parent_is_still_coming_to_is_not_asked_for() -> None:
    """It is late with all of them, not for want of one block; asking elsewhere would make all later."""
    repair, parts = Repair(0.0, STRIPES, 0.0), window(0, lacking=(1, 2))
    assert repair.due(parts, 0, PART, NO_LAG, [1, 0, 1, 1], in_turn, DUE) == [(LOW, 0, (2,))]
    assert repair.due(parts, 0, PART, NO_LAG, [1, 0, 1, 1], nobody, DUE + 1.0) == []
    later = repair.due(parts, 0, PART, NO_LAG, [1, 1, 1, 1], lambda stripe, tries: HIGH, DUE + 3.0)
    assert later == [(HIGH, 0, (1, 2))]


STILL = STALLED_PARTS * PART + 0.01


def test_part_that_is_due_is_asked_of_two_when_nothing_new_comes_and_of_others_later() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(10)
    assert repair.stalled(parts, PART, in_turn, STILL - 0.02) == []
    assert repair.stalled(parts, PART, in_turn, STILL) == [(LOW, 13, ())], "both tries fall on one here"
    assert repair.stalled(parts, PART, in_turn, STILL + ASK_AGAIN[0] - 0.02) == []
    asked: list[tuple[int, int]] = []

    def note(stripe: int, tries: int) -> bytes | None:
        asked.append((stripe, tries))
        return (LOW, HIGH)[len(asked) % 2]

    later = repair.stalled(parts, PART, note, STILL + ASK_AGAIN[0])
    assert [(number, indices) for _, number, indices in later] == [(14, ())] * STALLED_ASKED
    assert asked == [(2, 2), (3, 3)]


def test_source_that_pauses_is_asked_for_three_times_and_again_after_its_next_part() -> None:
    repair, parts = Repair(0.0, STRIPES, 0.0), window(10)

    def times(begin: int) -> int:
        moments = (begin + ms / 1000 for ms in range(0, 5000, 10))
        return sum(repair.stalled(parts, PART, in_turn, now) != [] for now in moments)

    assert times(0) == STALLED_TRIES
    assert times(5) == 0
    parts.open(part(11).seal, part(11).raw, 10.0)
    assert times(10) == STALLED_TRIES
    repair.begin()
    assert times(15) == STALLED_TRIES


def test_nobody_is_asked_for_what_is_due_before_anything_has_come_or_when_too_much_was_asked_for() -> None:
    assert Repair(0.0, STRIPES, 0.0).stalled(window(), PART, in_turn, STILL) == []
    assert Repair(0.0, STRIPES, 0.0).stalled(window(1), PART, nobody, STILL) == []
    repair = Repair(0.0, STRIPES, 0.0)
    assert repair._asks.take(STILL, int(ASKED_PARTS_BURST) * STRIPES)
    assert repair.stalled(window(1), PART, in_turn, STILL) == []
