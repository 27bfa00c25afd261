"""The body of a text, and what is wrong with a message before anybody looks at its signature."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import wire
from peer.core.chat_message import (
    MAX_NAME,
    MAX_TEXT,
    ChatBreachError,
    ChatError,
    Text,
    open_message,
    read_text,
    room_hash,
    write_text,
)
from tests.unit.peer.core.chat_network import ROOM, identity, text_message

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_NAME)


@given(NAMES, TEXTS)
def test_text_comes_back_as_it_was_written(name: str, text: str) -> None:
    assert read_text(write_text(name, text)) == Text(name, text)


@given(st.binary())
def test_any_bytes_are_read_or_are_none(body: bytes) -> None:
    assert read_text(body) is None or isinstance(read_text(body), Text)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("", " \n", "empty"),
        ("", "x" * (MAX_TEXT + 1), "8001 characters"),
        ("n" * (MAX_NAME + 1), "x", "name is too long"),
        ("", "\U0001f389" * MAX_TEXT, "32021 bytes"),
        ("", "\ud83c", "half a character"),
    ],
)
def test_text_that_cannot_be_sent_is_refused_with_a_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ChatError, match=sentence):
        write_text(name, text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"text":"half a character \\ud83c","name":""}',
        b'{"text":"no name"}',
        b'{"text":"","name":""}',
        b'{"text":7,"name":""}',
        b'{"text":"x","name":"' + b"n" * 65 + b'"}',
        b'{"text":"not a number","name":"","later":NaN}',
        b'["text"]',
        b"[" * 16_000,
        b"\xff",
        b"",
    ],
)
def test_body_that_is_no_text_is_not_shown(body: bytes) -> None:
    assert read_text(body) is None


def test_fields_of_later_versions_are_ignored() -> None:
    later = b'{"text":"hi","name":"ada","later":[' + b"1" * 5_000 + b",1e999,null]}"
    assert read_text(later) == Text("ada", "hi")


def opened(message: wire.ChatMessage) -> None:
    open_message(message, room_hash(ROOM))


def test_header_or_signature_of_the_wrong_size_is_a_breach() -> None:
    true = text_message(identity("bob"))
    opened(true)
    for header, signature in ((true.header[:-1], true.signature), (true.header, true.signature[:-1])):
        with pytest.raises(ChatBreachError):
            opened(wire.ChatMessage(header, signature, true.body))
