"""What a publisher signs: numbers, segments, epochs and descriptions that follow from its source."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from peer.description import open_description
from peer.identity import Identity
from peer.media.ladder import MAX_RUNGS
from peer.media.parts import InitSegment, MediaPart
from peer.seal import verify_seal
from peer.sealer import EPOCH_ZERO, INITS, Sealer, StreamName

WALL = EPOCH_ZERO + 1_000_000.0


def init(data: bytes = b"init", height: int = 360) -> InitSegment:
    return InitSegment("avc1.42c01e,opus", 640, height, 30.0, 896_000, data, True, True)


def part(start: bool = False, discontinuity: bool = False) -> MediaPart:
    return MediaPart(b"x" * 1000, 0, 100_000, 5, start, discontinuity, start)


@pytest.fixture
def identity() -> Identity:
    return Identity(bytes(range(32)))


@pytest.fixture
def sealer(identity: Identity) -> Sealer:
    return Sealer(identity, StreamName("demo", "main", "A title", ("/live/demo/main",)), 0.1, WALL)


def test_parts_are_numbered_without_holes_and_each_names_the_one_before(
    sealer: Sealer, identity: Identity
) -> None:
    sealer.begin(init())
    sealed = [sealer.seal(part(number % 5 == 0)) for number in range(12)]
    assert [s.seal.number for s in sealed] == list(range(12))
    assert [s.seal.index for s in sealed] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert sealed[5].seal.segment == sealed[0].seal.segment + 1
    assert all(b.seal.previous == a.seal.digest() for a, b in pairwise(sealed))
    assert all(verify_seal(identity.key, s.raw) for s in sealed)


def test_restarted_publisher_begins_a_greater_epoch_and_its_segments_do_not_go_back(
    identity: Identity,
) -> None:
    name = StreamName("demo", "main", "", ())
    first = Sealer(identity, name, 0.1, WALL)
    first.begin(init())
    last = [first.seal(part(True)) for _ in range(30)][-1]  # thirty segments of a second each
    second = Sealer(identity, name, 0.1, WALL + 31)
    second.begin(init())
    again = second.seal(part(True))
    assert again.seal.epoch > last.seal.epoch
    assert again.seal.number == 0
    assert again.seal.segment > last.seal.segment


def test_changed_source_gets_its_own_init_segment_and_an_old_one_keeps_its_index(sealer: Sealer) -> None:
    sealer.begin(init(b"one"))
    assert sealer.seal(part(True)).seal.init == 0
    sealer.begin(init(b"two"))
    assert sealer.seal(part(True, True)).seal.init == 1
    sealer.begin(init(b"one"))
    assert sealer.seal(part(True, True)).seal.init == 0
    _, description = open_description(sealer.description())
    assert [description.renditions[0].init(i) for i in (0, 1)] == [b"one", b"two"]


def test_too_many_init_segments_begin_another_epoch_so_that_the_description_stays_bounded(
    sealer: Sealer,
) -> None:
    epoch = sealer.epoch
    for number in range(INITS):
        sealer.begin(init(f"init {number}".encode()))
        assert sealer.seal(part(True, number > 0)).seal.epoch == epoch
    sealer.begin(init(b"one too many"))
    sealed = sealer.seal(part(True, True))
    assert sealer.epoch == epoch + 1
    assert (sealed.seal.epoch, sealed.seal.number, sealed.seal.init) == (epoch + 1, 0, 0)
    assert len(open_description(sealer.description())[1].renditions[0].inits) == 1


def test_each_description_is_newer_than_the_one_before(sealer: Sealer, identity: Identity) -> None:
    sealer.begin(init())
    key, first = open_description(sealer.description())
    sealer.set_state("offline")
    _, second = open_description(sealer.description())
    assert key == identity.key
    assert (second.epoch, second.revision) > (first.epoch, first.revision)
    assert (first.state, second.state) == ("live", "offline")
    assert second.renditions[0].id == "360p"
    assert second.origins == ("/live/demo/main",)


def test_rendition_keeps_its_name_when_the_size_changes_so_that_viewers_stay(sealer: Sealer) -> None:
    sealer.begin(init())
    sealer.begin(init(b"larger", 720))
    assert (sealer.renditions[0].id, sealer.renditions[0].height) == ("360p", 720)


def rung(number: int, data: bytes) -> InitSegment:
    return replace(init(data, 720 // (number + 1)), rung=number, rungs=2)


def test_rungs_have_braids_of_their_own_and_the_same_numbers(sealer: Sealer, identity: Identity) -> None:
    for number in range(2):
        sealer.begin(rung(number, b"init %d" % number))
    sealed = [
        [sealer.seal(replace(part(count % 3 == 0), rung=number)).seal for number in range(2)]
        for count in range(7)
    ]
    assert [rendition.id for rendition in sealer.renditions] == ["720p", "360p"]
    assert len({seal.braid for seals in sealed for seal in seals}) == 2
    for upper, lower in sealed:
        assert upper.braid != lower.braid
        alike = ("number", "segment", "index", "epoch", "flags", "media_time", "duration", "capture_time")
        assert all(getattr(upper, name) == getattr(lower, name) for name in alike)
    for number in range(2):
        chain = [seals[number] for seals in sealed]
        assert all(after.previous == before.digest() for before, after in pairwise(chain))
    assert [seals[0].number for seals in sealed] == list(range(7))


def test_all_rungs_begin_the_epoch_that_one_of_them_needs(sealer: Sealer) -> None:
    epoch = sealer.epoch
    for number in range(2):
        sealer.begin(rung(number, b"first %d" % number))
    for change in range(INITS):
        sealer.begin(rung(0, b"same"))
        sealer.begin(rung(1, b"change %d" % change))
    assert sealer.epoch == epoch + 1
    seals = [sealer.seal(replace(part(True), rung=number)).seal for number in range(2)]
    assert [(seal.epoch, seal.number) for seal in seals] == [(epoch + 1, 0)] * 2
    _, description = open_description(sealer.description())
    told = [rendition.init(seal.init) for rendition, seal in zip(description.renditions, seals, strict=True)]
    assert told == [b"same", b"change 7"]


def test_a_description_holds_the_init_segments_of_as_many_rungs_as_a_ladder_has(sealer: Sealer) -> None:
    for change in range(3 * INITS):
        for number in range(MAX_RUNGS):
            data = b"%d %d" % (number, change)
            sealer.begin(replace(init(data.ljust(1_500), 720 - 90 * number), rung=number, rungs=MAX_RUNGS))
        assert len(open_description(sealer.description())[1].renditions) == MAX_RUNGS
