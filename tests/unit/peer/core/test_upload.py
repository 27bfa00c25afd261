"""What our own upload carries, as it is seen while it is full."""

from __future__ import annotations

from itertools import pairwise

from peer.core.upload import (
    MOST_PATIENCE,
    PROBE_AFTER,
    PROBED_PATIENCE,
    PROBED_SHARE,
    RATE_MEMORY,
    ROUNDING,
    SEEN_AFTER,
    SEEN_AGAIN,
    SEEN_FOR,
    Upload,
)

STRIPES = 4
RATE = 100_000.0
"""Bytes of the stream a second."""
PAIR = RATE / STRIPES


def carrying() -> Upload:
    """Two seconds of the stream have been seen."""
    upload = Upload(STRIPES)
    for number in range(20):
        upload.part(number, int(RATE / 10), 0.1)
    return upload


def fill(upload: Upload, carried: float, pairs: int, since: float, seconds: float) -> float:
    """It is full for so long, and lets `carried` pairs' bytes go; returns when that was over."""
    upload.look(True, pairs, since)
    steps = round(seconds / 0.05)
    for step in range(1, steps + 1):
        upload.left(int(carried * PAIR * 0.05))
        upload.look(True, pairs, since + step * 0.05)
    upload.look(False, pairs, since + seconds + 0.01)
    return since + seconds + 0.01


def test_nothing_is_known_of_an_upload_that_was_never_full() -> None:
    upload = carrying()
    for step in range(100):
        upload.left(1000)
        upload.look(False, 100, step * 0.05)
    assert upload.slots is None


def test_key_frame_that_fills_it_for_a_moment_says_nothing() -> None:
    upload = carrying()
    fill(upload, 2.0, 8, 0.0, SEEN_AFTER - 0.1)
    assert upload.slots is None


def test_upload_that_carries_all_that_is_asked_is_not_bounded() -> None:
    upload = carrying()
    fill(upload, 12.0, 8, 0.0, 0.5)
    assert upload.slots is None


def test_as_many_are_fed_as_it_carries_with_room_to_spare() -> None:
    upload = carrying()
    fill(upload, 6.0, 8, 0.0, 0.5)
    assert upload.slots == 5


def test_longer_look_corrects_the_first() -> None:
    upload = carrying()
    now = fill(upload, 3.0, 8, 0.0, 0.5)
    assert upload.slots == 2
    fill(upload, 6.0, 8, now, SEEN_AFTER + SEEN_AGAIN + 0.1)
    assert upload.slots == 5


def test_what_it_could_not_carry_is_tried_again_later_and_later() -> None:
    upload = carrying()
    now = fill(upload, 5.0, 8, 0.0, 0.5)
    assert upload.slots == 4
    waited = []
    for _ in range(9):
        before = now
        while upload.slots == 4:
            now += 0.5
            upload.look(False, 4, now)
        waited.append(now - before)
        assert upload.slots == 6
        now = fill(upload, 5.0, 6, now, 0.5)
        assert upload.slots == 4
    assert waited[0] >= PROBE_AFTER - 0.5
    assert all(b >= 1.5 * a for a, b in pairwise(waited[:6]))
    assert waited[-1] <= MOST_PATIENCE


def test_places_that_nobody_needs_are_not_tried() -> None:
    upload = carrying()
    now = fill(upload, 5.0, 8, 0.0, 0.5)
    upload.look(False, 3, now + 10 * PROBE_AFTER)
    assert upload.slots == 4


def test_stream_that_grows_is_fed_to_fewer() -> None:
    upload = carrying()
    upload.begin()
    for number in range(round(RATE_MEMORY * 20)):
        upload.part(number, int(RATE / 5), 0.1)
        upload.part(number, 1, 0.1)  # known already
        upload.part(number + 100_000, 1, 0.0)  # lasts no time at all
    fill(upload, 6.0, 8, 0.0, 0.5)
    assert upload.slots == 2


def test_without_a_stream_nothing_is_counted() -> None:
    upload = Upload(STRIPES)
    fill(upload, 6.0, 8, 0.0, 2.0)
    assert upload.slots is None


def found(pairs: float) -> float:
    """The rate by which probing shows that so many pairs are carried, with what is spared."""
    return pairs * PAIR / PROBED_SHARE


def test_rate_that_was_found_bounds_it_before_it_was_ever_full() -> None:
    upload = carrying()
    upload.carries(None, 0.0)
    assert upload.slots is None
    upload.carries(found(6.5), 0.0)
    assert upload.slots == 6


def test_pair_is_fed_of_which_little_is_missing() -> None:
    upload = carrying()
    upload.carries(found(7.0 - ROUNDING / 2), 0.0)
    assert upload.slots == 7


def test_rate_says_nothing_until_enough_of_the_stream_was_seen() -> None:
    upload = Upload(STRIPES)
    upload.part(0, int(RATE * SEEN_FOR / 2), SEEN_FOR / 2)
    upload.carries(found(6.5), 0.0)
    assert upload.slots is None
    upload.part(1, int(RATE * SEEN_FOR), SEEN_FOR)
    upload.carries(found(6.5), 1.0)
    assert upload.slots == 6


def test_rate_that_was_found_counts_once() -> None:
    upload = carrying()
    upload.carries(found(6.5), 0.0)
    now = fill(upload, 12.0, 8, 0.0, SEEN_AFTER + 0.1)
    assert upload.slots is not None
    assert upload.slots > 6
    seen = upload.slots
    upload.carries(found(6.5), now)
    assert upload.slots == seen


def test_upload_that_was_full_before_is_not_given_more_for_what_was_found() -> None:
    upload = carrying()
    now = fill(upload, 3.0, 8, 0.0, 0.5)
    assert upload.slots == 2
    upload.carries(found(6.5), now)
    assert upload.slots == 2


def test_more_than_was_found_is_tried_only_after_long() -> None:
    upload = carrying()
    upload.carries(found(6.5), 0.0)
    upload.look(False, 6, PROBED_PATIENCE - 0.1)
    assert upload.slots == 6
    upload.look(False, 6, PROBED_PATIENCE)
    assert upload.slots > 6
