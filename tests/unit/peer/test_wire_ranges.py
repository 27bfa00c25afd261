"""What CHAT_COMPARE and CHAT_RANGES hold: read as it was written, and refused when it is out of bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import wire
from peer.wire_ranges import (
    ASK,
    LIST,
    SAME,
    Comparison,
    Range,
    read_comparison,
    read_ranges,
    write_comparison,
    write_ranges,
)


def fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


Shorts = st.lists(fixed(8), max_size=5).map(tuple)
Starts = st.binary(max_size=68)
Ranges = st.lists(
    st.one_of(
        st.builds(Range, Starts),
        st.builds(Range, Starts, st.just(SAME), fixed(16)),
        st.builds(Range, Starts, st.sampled_from([LIST, ASK]), st.just(b""), Shorts),
    ),
    max_size=8,
    unique_by=lambda written: written.start,
).map(lambda ranges: sorted(ranges, key=lambda written: written.start))


@given(Ranges)
def test_ranges_are_read_as_they_were_written(ranges: list[Range]) -> None:
    data = write_ranges(ranges)
    assert read_ranges(data) == ranges
    assert len(data) == sum(written.size for written in ranges)


@given(st.builds(Comparison, st.booleans(), fixed(16), fixed(68), fixed(68), fixed(16)))
def test_comparison_is_read_as_it_was_written_and_has_always_one_size(comparison: Comparison) -> None:
    data = write_comparison(comparison)
    assert read_comparison(data) == comparison
    assert len(data) == 169
    later = bytes([data[0] | 0xFE]) + data[1:]
    assert read_comparison(later) == comparison
    with pytest.raises(wire.WireError):
        read_comparison(data[:-1])


@given(Ranges, st.data())
def test_damaged_ranges_raise_nothing_but_wire_error(ranges: list[Range], data: st.DataObject) -> None:
    damaged = bytearray(write_ranges(ranges) + data.draw(st.binary(max_size=20)))
    for _ in range(data.draw(st.integers(0, 3)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_ranges(bytes(damaged))
    except wire.WireError:
        return
    assert write_ranges(found) == bytes(damaged)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x01", "longer"),
        (b"\x00", "longer"),
        (b"\x00\x04", "nothing that can be said"),
        (b"\x00\x00\x00\x00", "not in order"),
        (b"\x01\x05\x00\x01\x04\x00", "not in order"),
        (b"\x45" + bytes(70), "not in order"),
        (b"\x00\x01" + bytes(15), "longer"),
        (b"\x00\x02\x00\x02" + bytes(15), "longer"),
        (b"\x00\x03\x01", "longer"),
    ],
)
def test_ranges_out_of_their_bounds_are_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(wire.WireError, match=sentence):
        read_ranges(data)
