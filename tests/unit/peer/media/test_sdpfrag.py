"""Candidates that are trickled to a WHIP endpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.sdpfrag import MAX_CANDIDATES, FragmentError, fragment_names, read_fragment

CANDIDATE = "1 1 udp 2113937151 192.0.2.1 50000 typ host"


def test_candidates_come_with_their_mid() -> None:
    text = f"a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=mid:0\r\na=candidate:{CANDIDATE}\r\n"
    text += f"a=mid:1\r\na=candidate:{CANDIDATE}\r\na=end-of-candidates\r\n"
    fragment = read_fragment(text)
    assert fragment.fragment_name == "abcd"
    assert fragment.candidates == [("0", CANDIDATE), ("1", CANDIDATE)]
    assert fragment.ended


def test_what_belongs_to_nothing_or_is_endless_is_refused() -> None:
    with pytest.raises(FragmentError, match="before the mid"):
        read_fragment(f"a=candidate:{CANDIDATE}")
    with pytest.raises(FragmentError, match="more than 64"):
        read_fragment("a=mid:0\n" + f"a=candidate:{CANDIDATE}\n" * (MAX_CANDIDATES + 1))


@given(st.text(max_size=200))
def test_any_text_is_a_fragment_or_an_error(text: str) -> None:
    try:
        read_fragment(text)
    except FragmentError:
        pass


def test_the_names_of_an_offer_are_found() -> None:
    assert fragment_names("v=0\r\na=ice-ufrag:ab+/\r\nm=audio\r\na=ice-ufrag:cd\r\n") == {"ab+/", "cd"}
