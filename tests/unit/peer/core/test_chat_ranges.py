"""Two sets of places that differ somewhere: what differs is found, in few messages and bytes."""

from __future__ import annotations

from hashlib import sha256
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from peer.core.chat_message import Place
from peer.core.chat_places import Places, fingerprint, key_of
from peer.core.chat_ranges import ROOM, answer, opening
from peer.wire_ranges import ASK, LIST, PLACE, SAME, SKIP, Range, read_ranges, write_ranges

NOTHING = bytes(PLACE)
MOST = 256


def place(number: int, *, width: int = 1) -> Place:
    """One of many: `width` of them share a clock."""
    id = sha256(number.to_bytes(8, "big")).digest()
    return (number // width + 1, sha256(id[:1]).digest(), id)


def places(numbers: set[int], *, width: int = 1, most: int = 1_000_000) -> Places:
    found = Places(most)
    found.restore(place(number, width=width) for number in numbers)
    return found


class Talk:
    """Two peers that compare: what each is told of that it lacks, the messages and their bytes."""

    def __init__(self, here: Places, there: Places, start: bytes = NOTHING) -> None:
        self.told: tuple[set[bytes], set[bytes]] = (set(), set())
        self.messages = self.bytes = 0
        self.complete = True
        message = self.carried(opening(here, start))
        at = 1
        while any(said.kind != SKIP for said in message):
            found = answer((here, there)[at], start, message, MOST)
            self.told[1 - at].update(found.told)
            self.bytes += 35 * (len(found.told) > 0) + 32 * len(found.told)
            self.complete &= found.complete
            message = self.carried(found.ranges)
            at = 1 - at

    def carried(self, ranges: list[Range]) -> list[Range]:
        if any(said.kind != SKIP for said in ranges):
            data = write_ranges(ranges)
            assert len(data) <= ROOM
            assert read_ranges(data) == ranges
            assert sum(said.size for said in ranges) == len(data)
            self.messages += 1
            self.bytes += 1 + len(data)
        return ranges


def ids(numbers: set[int], width: int = 1) -> set[bytes]:
    return {place(number, width=width)[2] for number in numbers}


NUMBERS = st.sets(st.integers(0, 400), max_size=60)


@given(st.integers(0, 400), NUMBERS, NUMBERS, st.sampled_from([1, 3, 500]))
def test_what_only_one_has_is_found(size: int, lacks: set[int], has: set[int], width: int) -> None:
    here, there = set(range(size)), set(range(size)) - lacks | has
    talk = Talk(places(here, width=width), places(there, width=width))
    assert talk.told == (ids(there - here, width), ids(here - there, width))
    assert talk.complete
    assert talk.messages <= 8


def test_ten_of_a_hundred_thousand_are_found_in_a_few_messages_and_kilobytes() -> None:
    everything = set(range(100_000))
    lost = set(Random(7).sample(range(100_000), 10))
    full, lacking = places(everything), places(everything - lost)
    for here, there, told in ((full, lacking, (set(), ids(lost))), (lacking, full, (ids(lost), set()))):
        talk = Talk(here, there)
        assert talk.told == told
        assert talk.messages <= 5
        assert talk.bytes <= 12_000


def test_ten_new_ones_of_a_hundred_thousand_are_found_with_the_first_message() -> None:
    everything = set(range(100_000))
    talk = Talk(places(everything), places(everything - set(range(99_980, 99_990))))
    assert talk.told == (set(), ids(set(range(99_980, 99_990))))
    assert talk.messages == 2
    assert talk.bytes <= 1_500


def test_what_is_too_much_to_be_told_is_left_for_another_time() -> None:
    here, there = places(set(range(50_000))), places(set(range(30)))
    talk = Talk(here, there)
    assert not talk.complete
    assert 0 < len(talk.told[1]) <= MOST * talk.messages
    assert talk.told[1] <= ids(set(range(30, 50_000)))


def test_differences_everywhere_fill_no_more_than_a_message() -> None:
    here, there = places(set(range(0, 60_000, 2))), places(set(range(1, 60_000, 2)))
    talk = Talk(here, there)  # which looks at the size of each message
    assert not talk.complete
    assert talk.messages <= 8
    assert talk.told[0] <= ids(set(range(1, 60_000, 2)))
    assert talk.told[0]
    assert talk.told[1] <= ids(set(range(0, 60_000, 2)))


def test_what_stands_before_the_horizon_is_neither_told_nor_asked_for() -> None:
    here, there = places(set(range(1_000))), places(set(range(500, 990)))
    there.forget(place(699))
    assert len(there) == 290
    horizon = there.horizon
    talk = Talk(here, there, horizon)
    assert talk.told == (set(), ids(set(range(990, 1_000))))
    found = answer(there, horizon, opening(here, NOTHING), MOST)
    assert found.told == []
    assert min(said.start for said in found.ranges if said.kind != SKIP) >= horizon
    there.add(place(600))
    assert len(there) == 290
    there.forget(place(3))
    assert there.horizon == horizon


def test_only_the_last_ones_are_compared_where_there_are_too_many() -> None:
    few = places(set(range(100)), most=60)
    assert len(few) == 60
    assert few.horizon == (int.from_bytes(key_of(place(39))) + 1).to_bytes(PLACE, "big")
    few.add(place(100))
    few.add(place(100))
    assert len(few) == 60
    assert few.last(10) == key_of(place(91))
    assert few.last(60) == key_of(place(41))
    assert few.last(61) == few.horizon


def test_fingerprint_is_of_the_ids_in_order_and_of_all_their_bytes() -> None:
    one, two = place(1)[2], place(2)[2]
    assert fingerprint([]) == sha256().digest()[:16]
    assert fingerprint([one, two]) == sha256(one + two).digest()[:16]
    assert len({fingerprint([one, two]), fingerprint([two, one]), fingerprint([one]), fingerprint([])}) == 4


def test_ranges_of_a_liar_are_answered_within_the_same_bounds() -> None:
    here = places(set(range(5_000)))
    starts = [key_of(place(number)) for number in range(0, 5_000, 10)]
    for kind in (SAME, LIST, ASK):
        lies = [Range(start, kind, b"\x07" * 16 if kind == SAME else b"") for start in starts]
        found = answer(here, NOTHING, lies, MOST)
        assert len(found.told) <= MOST
        assert sum(said.size for said in found.ranges) <= ROOM
    many = [Range(key_of(place(number))) for number in range(800)]
    assert len(write_ranges(answer(here, NOTHING, [*many, Range(b"\x01", LIST)], MOST).ranges)) <= ROOM
    asked = Range(b"", ASK, shorts=tuple(id[:8] for id in ids({1, 7, 9_000})))
    assert set(answer(here, NOTHING, [asked], MOST).told) == ids({1, 7})
