"""The window: what is kept, what is dropped, what is missing."""

from __future__ import annotations

from peer.core.window import WINDOW_PARTS, Window
from peer.wire import encode
from tests.unit.peer.core.braid_bench import EPOCH, STRIPES, blocks, part


def fill(window: Window, number: int, indices: range = range(STRIPES), size: int = 400) -> None:
    sealed = part(number, size)
    for index in indices:
        opened = window.open(sealed.seal, sealed.raw, number / 10)
        window.add(opened, index, encode(blocks(sealed)[index]))


def test_block_is_kept_once() -> None:
    window = Window()
    sealed = part(0)
    opened = window.open(sealed.seal, sealed.raw, 0.0)
    message = encode(blocks(sealed)[1])
    assert window.add(opened, 1, message)
    assert not window.add(opened, 1, message)
    assert (opened.held, opened.bytes_held, window.bytes_held) == (1, len(message), len(message))
    assert opened.missing() == [0, 2, 3]
    assert not opened.complete


def test_complete_part_is_what_was_cut() -> None:
    window = Window()
    for size in (1, 3, 401):
        sealed = part(0, size)
        window.begin(EPOCH)
        fill(window, 0, size=size)
        opened = window.get(0)
        assert opened is not None
        assert opened.data() == sealed.data


def test_time_bounds_the_window() -> None:
    window = Window(seconds=1.0)
    for number in range(30):
        fill(window, number)
    assert (len(window), window.oldest, window.newest, window.newest_complete) == (10, 20, 29, 29)
    assert window.get(19) is None


def test_one_great_number_empties_the_window_but_costs_no_time() -> None:
    window = Window()
    fill(window, 0)
    fill(window, 0xFFFFFFF0)
    assert len(window) == 1
    assert 0 < window.newest - window.oldest < WINDOW_PARTS
    assert list(window.numbers(0)) == [0xFFFFFFF0]


def test_bytes_bound_the_window() -> None:
    window = Window(size=20_000)
    for number in range(20):
        fill(window, number, size=4000)
    assert window.bytes_held <= 20_000
    assert 0 < len(window) < 6


def test_late_part_of_a_full_window_does_not_move_its_end_back() -> None:
    window = Window(size=20_000)
    fill(window, 0, range(1), size=4000)
    for number in range(1, 5):
        fill(window, number, size=4000)
    end = window.oldest
    fill(window, 0, range(1, 4), size=12_000)
    assert window.oldest >= end
    assert window.bytes_held <= 20_000


def test_stripe_is_missing_from_its_first_hole_on() -> None:
    window = Window()
    fill(window, 5)
    fill(window, 6, range(3))
    fill(window, 8)
    assert window.first == 5
    assert window.first_missing(0, STRIPES, 5) == 7
    assert window.first_missing(3, STRIPES, 5) == 6
    assert window.first_missing(0, STRIPES, 8) == 9


def test_newest_independent_part() -> None:
    window = Window()
    assert window.newest_independent() is None
    fill(window, 10)
    fill(window, 11)
    fill(window, 20, range(2))
    newest, complete = window.newest_independent(), window.newest_independent(complete=True)
    assert newest is not None
    assert newest.seal.number == 20
    assert complete is not None
    assert complete.seal.number == 10


def test_what_comes_next() -> None:
    window = Window()
    fill(window, 3)
    fill(window, 6)
    assert window.first_after(-1) is window.get(3)
    assert window.first_after(3) is window.get(6)
    assert window.first_after(6) is None


def test_new_epoch_forgets_everything() -> None:
    window = Window()
    fill(window, 500)
    window.begin(EPOCH + 1)
    assert (len(window), window.bytes_held, window.oldest) == (0, 0, 0)
    assert window.newest == window.newest_complete == window.first == -1
