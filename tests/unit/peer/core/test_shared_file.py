"""What a message says of a file is what can be read of it, whatever the file is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.core.shared_file import ANY_TYPE, SharedFile, fit_name, fit_type, read_file, write_file


@given(st.text(max_size=300))
def test_any_name_can_be_made_fit_to_be_sent(name: str) -> None:
    file = SharedFile(b"i" * 32, fit_name(name), 1, ANY_TYPE)
    assert read_file(write_file(file)) == file


@pytest.mark.parametrize("name", ["a.png", "Grüße 世界.txt", "two words.tar.gz", ".hidden", "🎈" * 255])
def test_good_name_stays_as_it_is(name: str) -> None:
    assert fit_name(name) == name


@pytest.mark.parametrize(
    ("name", "fit"),
    [("", "file"), ("..", "file"), (".", "file"), ("../a", ".._a"), ("gpj.\u202eexe", "gpj._exe")],
)
def test_name_that_is_no_name_is_made_one(name: str, fit: str) -> None:
    assert fit_name(name) == fit


def test_type_that_cannot_be_sent_is_any_type() -> None:
    assert fit_type("image/png") == "image/png"
    assert fit_type("Image/PNG; q=1") == ANY_TYPE
    assert fit_type(None) == ANY_TYPE
