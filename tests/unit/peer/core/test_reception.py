"""What parents push: counted by parent, and what was overtaken on the way."""

from __future__ import annotations

from peer.core.reception import PARENTS, Reception
from tests.unit.peer.core.braid_bench import HIGH, LOW


def test_bytes_are_counted_by_parent_and_once() -> None:
    reception = Reception(2)
    reception.pushed(0, 1, 1, LOW, 100)
    reception.pushed(1, 1, 1, HIGH, 50)
    reception.pushed(0, 2, 1, LOW, 100)
    assert reception.take() == (((LOW, 200), (HIGH, 50)), 0.0)
    assert reception.take() == ((), 0.0)


def test_parent_that_repeats_blocks_carries_nothing() -> None:
    reception = Reception(1)
    for _ in range(9):
        reception.pushed(0, 1, 1, LOW, 0)
    assert reception.take() == ((), 0.0)


def test_block_that_a_later_part_overtakes_was_lost_on_the_way() -> None:
    reception = Reception(1)
    for number, blocks in ((1, 2), (2, 2), (3, 2)):
        for _ in range(blocks - (number == 2)):
            reception.pushed(0, number, 2, LOW, 10)
    reception.pushed(0, 2, 2, LOW, 10)  # it comes after all, too late
    reception.pushed(0, 4, 2, LOW, 10)
    assert reception.take()[1] == 1 / 6


def test_parts_of_which_nothing_came_count_as_lost() -> None:
    reception = Reception(1)
    reception.pushed(0, 1, 1, LOW, 10)
    reception.pushed(0, 4, 1, HIGH, 10)
    assert reception.take()[1] == 2 / 3


def test_new_epoch_counts_no_gap() -> None:
    reception = Reception(1)
    reception.pushed(0, 90, 1, LOW, 10)
    reception.begin()
    reception.pushed(0, 0, 1, LOW, 10)
    reception.pushed(0, 1, 1, LOW, 10)
    assert reception.take()[1] == 0.0


def test_report_names_no_more_parents_than_a_message_may_have() -> None:
    reception = Reception(1)
    for number in range(PARENTS + 9):
        reception.pushed(0, number, 1, number.to_bytes(16, "big"), 10)
    assert len(reception.take()[0]) == PARENTS
