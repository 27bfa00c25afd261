"""What an origin gives to a newcomer, who runs dry at once if it is little."""

from peer.origin import START_SECONDS, RenditionDoor
from peer.seal import INDEPENDENT, Seal

PART = 100_000
"""µs."""


def seal(number: int, epoch: int = 1, every: int = 10) -> Seal:
    """A part of 0.1 s; each tenth is independent."""
    return Seal(
        flags=INDEPENDENT if number % every == 0 else 0,
        stripes=4,
        blocks=4,
        braid=bytes(8),
        epoch=epoch,
        number=number,
        segment=number // every,
        index=number % every,
        init=0,
        media_time=number * PART,
        duration=PART,
        capture_time=number * PART,
        size=4,
        root=bytes(16),
        previous=bytes(16),
    )


def door(parts: int, first: int = 0, every: int = 10) -> RenditionDoor:
    """One with so many parts, each of which holds its number."""
    found = RenditionDoor(1_000_000)
    for number in range(first, first + parts):
        found.add(seal(number, every=every), b"", b"%d" % number)
    return found


def numbers(found: RenditionDoor) -> list[int]:
    return [int(body) for body in found.beginning()]


def test_nobody_begins_with_less_than_lies_between_the_edge_and_a_key_frame_just_published() -> None:
    assert START_SECONDS == 0.5
    assert numbers(door(21)) == list(range(10, 21))
    assert numbers(door(24)) == list(range(10, 24))
    assert numbers(door(25)) == list(range(20, 25))


def test_a_stream_that_has_just_begun_is_given_as_it_is() -> None:
    assert numbers(door(0)) == []
    assert numbers(door(3)) == [0, 1, 2]
    assert numbers(door(4, first=8)) == [10, 11]  # what came before cannot be decoded


def test_key_frames_that_have_left_the_window_are_not_gone_back_to() -> None:
    assert numbers(door(400, every=1_000)) == []


def test_a_new_epoch_is_begun_with_its_own_parts_alone() -> None:
    found = door(13)
    found.add(seal(0, epoch=2), b"", b"100")
    assert numbers(found) == [100]
