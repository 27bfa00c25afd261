"""The bytes behind the text."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.binary import braid_id, from_base64url, join_payload, lp, peer_id, to_base64url


@given(st.binary(max_size=100))
def test_base64url_is_unpadded_and_reversible(data: bytes) -> None:
    text = to_base64url(data)
    assert "=" not in text
    assert from_base64url(text) == data


@pytest.mark.parametrize("text", ["AA=", "AA==", "A", "+A", "A/", "A A", "AB", "\n", "AA\n", "é"])
def test_only_one_text_stands_for_given_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        from_base64url(text)


def test_length_prefix_holds_255_bytes() -> None:
    assert lp("é") == b"\x02\xc3\xa9"
    assert lp("a" * 255)[0] == 255
    with pytest.raises(ValueError, match="255"):
        lp("a" * 256)


def test_ids_are_cut_hashes() -> None:
    key = bytes(range(32))
    assert peer_id(key) == hashlib.sha256(key).digest()[:16]
    text = key + b"\x04demo\x04main\x04360p"
    assert braid_id(key, "demo", "main", "360p") == hashlib.sha256(text).digest()[:8]


def test_join_payload_has_the_room_first() -> None:
    payload = join_payload("demo", b"c" * 16, b"k" * 32, b"n" * 16)
    assert payload == b"\x04demo" + b"c" * 16 + b"k" * 32 + b"n" * 16
