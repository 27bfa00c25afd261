"""AMF0: what RTMP commands are written in, and what is no AMF0."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.amf import AmfError, Value, decode, encode

leaves = st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=20))
values: st.SearchStrategy[Value] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(values, max_size=4))
def test_what_is_written_is_read(written: list[Value]) -> None:
    assert decode(encode(written)) == written


@given(st.binary(max_size=60))
def test_any_bytes_are_values_or_an_error(data: bytes) -> None:
    try:
        decode(data)
    except AmfError:
        pass


def test_a_command_of_an_encoder_is_read() -> None:
    data = bytes.fromhex("020007636f6e6e656374003ff00000000000000300036170700200046c697665000009")
    assert decode(data) == ["connect", 1.0, {"app": "live"}]
    assert decode(b"\x06" + b"\x0b" + struct.pack(">dh", 5.0, 0)) == [None, 5.0]
    assert decode(b"\x08\x00\x00\x00\x63" + b"\x00\x01a\x01\x01" + b"\x00\x00\x09") == [{"a": True}]


def test_long_strings_have_a_form_of_their_own() -> None:
    text = "a" * 70_000
    assert decode(encode([text])) == [text]


@pytest.mark.parametrize(
    "data",
    [
        b"\x0d",
        b"\x02\x00\x05abc",
        b"\x03\x00\x01a",
        b"\x0a\xff\xff\xff\xff" + b"\x05" * 1_000,
        b"\x03\x00\x01a" * 20,
        b"\x02\x00\x01\xff",
    ],
)
def test_what_is_damaged_deep_or_endless_is_refused(data: bytes) -> None:
    with pytest.raises(AmfError):
        decode(data)
