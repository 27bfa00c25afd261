"""Parts to the player, in order and in time."""

from __future__ import annotations

from peer.core.actions import Deliver, Gap
from peer.core.delivery import OVERDUE, PATIENCE, Delivery
from peer.core.window import Window
from peer.seal import Seal
from peer.wire import encode
from tests.unit.peer.core.braid_bench import EPOCH, blocks, part


def window(*numbers: int, partly: tuple[int, ...] = ()) -> Window:
    """A window with those parts, all but one block of the `partly` ones."""
    filled = Window()
    filled.begin(EPOCH)
    for number in numbers + partly:
        add(filled, number, all_of_it=number in numbers)
    return filled


def add(filled: Window, number: int, all_of_it: bool = True) -> None:
    sealed = part(number)
    opened = filled.open(sealed.seal, sealed.raw, 0.0)
    for block in blocks(sealed)[: None if all_of_it else -1]:
        filled.add(opened, block.index, encode(block))


def waiting_for_part_3(until: int) -> tuple[Delivery, Window]:
    """Parts 0 to 2 were delivered, and those from 4 on are here."""
    delivery, parts = Delivery(), window(0, 1, 2)
    delivery.poll(parts, 0.0)
    for number in range(4, until):
        add(parts, number)
    delivery.poll(parts, 0.0)
    return delivery, parts


def told(actions: list[Deliver | Gap]) -> list[int | str]:
    return [Seal.parse(a.seal).number if isinstance(a, Deliver) else f"gap {a.parts}" for a in actions]


def test_begins_at_the_newest_complete_independent_part() -> None:
    assert told(Delivery().poll(window(*range(23), partly=(30,)), 0.0)) == [20, 21, 22]
    assert told(Delivery().poll(window(1, 2, 3), 0.0)) == []


def test_parts_are_the_bytes_that_were_sealed() -> None:
    (action,) = Delivery().poll(window(0), 0.0)
    assert isinstance(action, Deliver)
    assert (action.seal, action.data) == (part(0).raw, part(0).data)


def test_missing_block_holds_back_what_follows() -> None:
    delivery, parts = Delivery(), window(0, 2, partly=(1,))
    assert told(delivery.poll(parts, 0.0)) == [0]
    parts.add(parts.open(part(1).seal, part(1).raw, 0.0), 3, encode(blocks(part(1))[3]))
    assert told(delivery.poll(parts, 0.1)) == [1, 2]


def test_hopeless_part_is_given_up_for_a_later_independent_one() -> None:
    delivery, parts = waiting_for_part_3(until=12)
    assert delivery.poll(parts, PATIENCE + OVERDUE - 0.01) == []
    assert told(delivery.poll(parts, PATIENCE + OVERDUE + 0.01)) == ["gap 7", 10, 11]


def test_without_an_independent_part_there_is_nothing_to_give_up_for() -> None:
    delivery, parts = waiting_for_part_3(until=10)
    assert delivery.poll(parts, 60.0) == []


def test_buffer_of_the_player_says_how_long_to_wait() -> None:
    delivery, parts = waiting_for_part_3(until=12)
    delivery.buffer(5.0, 0.0)
    assert delivery.poll(parts, 5.0 + OVERDUE - 0.01) == []
    assert told(delivery.poll(parts, 5.0 + OVERDUE + 0.01)) == ["gap 7", 10, 11]


def test_player_that_has_run_dry_and_says_so_often_is_helped_all_the_same() -> None:
    delivery, parts = waiting_for_part_3(until=12)
    delivery.buffer(0.0, 0.0)
    for tenth in range(1, 4):
        delivery.buffer(0.02, tenth / 10)
        assert delivery.poll(parts, tenth / 10) == []
    delivery.buffer(0.02, 0.4)
    assert told(delivery.poll(parts, 0.4)) == ["gap 7", 10, 11]


def test_buffer_counts_anew_once_parts_come_again() -> None:
    delivery, parts = Delivery(), window(0)
    delivery.poll(parts, 0.0)
    delivery.buffer(0.1, 0.0)
    delivery.buffer(2.0, 0.2)
    assert delivery.deadline(0.2) == 2.2


def test_delivered_part_moves_the_deadline_by_its_duration() -> None:
    delivery, parts = Delivery(), window(0)
    delivery.buffer(1.0, 0.0)
    delivery.poll(parts, 0.0)
    assert delivery.deadline(0.0) == 1.1


def test_what_has_left_the_window_is_not_waited_for() -> None:
    delivery, parts = Delivery(), window(0, 1)
    delivery.poll(parts, 0.0)
    delivery.buffer(100.0, 0.0)
    for number in range(120, 132):
        add(parts, number)
    assert parts.oldest > 2
    assert told(delivery.poll(parts, 0.1)) == ["gap 118", *range(120, 132)]


def test_another_epoch_begins_at_an_independent_part_again() -> None:
    delivery = Delivery()
    delivery.poll(window(0, 1, 2), 0.0)
    delivery.begin()
    assert told(delivery.poll(window(0, 1), 0.1)) == [0, 1]
