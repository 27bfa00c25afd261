"""Parts and the init segments that they need, which come on different ways."""

from __future__ import annotations

from peer.core.init_segments import WAITING, InitSegments
from peer.identity import Identity
from peer.seal import Seal, seal_part

IDENTITY = Identity(bytes(32))


def sealed(epoch: int, number: int, init: int = 0) -> tuple[bytes, bytes]:
    draft = Seal(1, 4, 0, bytes(8), epoch, number, 1, 0, init, 0, 100_000, 0, 0, bytes(16), bytes(16))
    part = seal_part(IDENTITY, draft, b"data %d" % number)
    return part.raw, part.data


def test_part_gets_the_init_segment_that_its_seal_names() -> None:
    inits = InitSegments()
    inits.described(5, [b"one", b"two"])
    (part,) = inits.delivered(*sealed(5, 0, 1))
    assert (part.init, part.data) == (b"two", b"data 0")


def test_part_of_a_newer_epoch_waits_for_its_description_and_what_follows_does_too() -> None:
    inits = InitSegments()
    inits.described(5, [b"old"])
    assert inits.delivered(*sealed(6, 0)) == []
    assert inits.delivered(*sealed(6, 1)) == []
    assert [part.init for part in inits.described(6, [b"new"])] == [b"new", b"new"]


def test_part_with_a_new_init_segment_is_not_played_with_an_old_one() -> None:
    inits = InitSegments()
    inits.described(5, [b"one"])
    assert inits.delivered(*sealed(5, 0, 1)) == []
    assert [part.init for part in inits.described(5, [b"one", b"two"])] == [b"two"]


def test_late_part_of_an_epoch_that_is_over_is_left_out() -> None:
    inits = InitSegments()
    inits.described(6, [b"new"])
    assert inits.delivered(*sealed(5, 9)) == []
    assert len(inits.delivered(*sealed(6, 0))) == 1


def test_old_description_changes_nothing() -> None:
    inits = InitSegments()
    inits.described(6, [b"new"])
    assert inits.described(5, [b"old"]) == []
    assert inits.delivered(*sealed(6, 0))[0].init == b"new"


def test_parts_that_wait_for_ever_stay_bounded() -> None:
    inits = InitSegments()
    for number in range(WAITING + 50):
        inits.delivered(*sealed(7, number))
    assert next(part.seal.number for part in inits.described(7, [b"at last"])) == 50
