"""Lines on a terminal: readable, and harmless whatever a message holds."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.chat_display import Lines, Names, harmless, json_line
from peer.core.chat_message import Entry

NOW = datetime(2026, 11, 21, 12, 30)
SAID = int(datetime(2026, 11, 21, 12, 3).timestamp() * 1000)


def entry(text: str, *, name: str = "ada", author: int = 1, time: int = SAID) -> Entry:
    return Entry(b"\x00" * 32, bytes((author,)) * 16, b"\x02" * 32, name, text, time, 1)


def line(message: Entry) -> str:
    return Lines(lambda: NOW).message(message)


def test_line_has_time_name_and_text() -> None:
    assert line(entry("hello")) == "12:03 ada: hello\n"


def test_action_is_told() -> None:
    assert line(entry("/me waves")) == "12:03 * ada waves\n"


def test_further_lines_are_set_in_so_that_they_pose_as_nobody() -> None:
    assert line(entry("one\r\n12:04 bob: two\n")) == "12:03 ada: one\n      12:04 bob: two\n"


def test_other_day_is_told() -> None:
    yesterday = int(datetime(2026, 11, 20, 9, 5).timestamp() * 1000)
    assert line(entry("hello", time=yesterday)) == "2026-11-20 09:05 ada: hello\n"


@pytest.mark.parametrize("time", [2**53 - 1, 10**18])
def test_time_that_no_clock_shows_is_left_open(time: int) -> None:
    assert line(entry("hello", time=time)) == "--:-- ada: hello\n"


def test_author_without_a_name_is_shown_by_short_id() -> None:
    assert line(entry("hello", name=" \t")) == "12:03 01010101: hello\n"


def test_second_author_of_a_name_is_marked_however_it_is_written() -> None:
    names = Names()
    assert names.shown(b"\x01" * 16, "ada") == "ada"
    assert names.shown(b"\x02" * 16, "ada") == "ada (02020202)"
    assert names.shown(b"\x03" * 16, "\uff21\uff24\uff21") == "\uff21\uff24\uff21 (03030303)"
    assert names.shown(b"\x01" * 16, "ada") == "ada (01010101)"


def test_name_that_has_another_key_than_before_is_told_once() -> None:
    lines = Lines(lambda: NOW)
    told = []
    for author, name in ((1, "ada"), (1, "ada"), (2, "Ada"), (2, "ada"), (1, "ada"), (3, "ada "), (4, " ")):
        message = entry("hello", author=author, name=name)
        told.append(lines.another_key(message))
        lines.message(message)
    sentence = "“{}” has another key than before: {}, not {}. It may be somebody else."
    second, third = (
        sentence.format(*said) for said in (("Ada", "02" * 4, "01" * 4), ("ada", "03" * 4, "02" * 4))
    )
    assert told == [None, None, second, None, None, third, None]


def test_escapes_and_turned_directions_do_not_reach_the_terminal() -> None:
    assert harmless("\x1b[2Jred\x9b31m\u202etxt\r") == "\ufffd[2Jred\ufffd31m\ufffdtxt\ufffd"


@given(st.text())
def test_whatever_is_said_takes_the_lines_that_it_should(text: str) -> None:
    shown = line(entry(text, name=text))
    assert shown.endswith("\n")
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    for further in shown.splitlines()[1:]:
        assert further.startswith("      ")


@given(st.text(), st.text())
def test_json_line_gives_back_what_was_said(text: str, name: str) -> None:
    shown = json_line(entry(text, name=name))
    assert shown.isascii()
    assert shown.count("\n") == 1
    record = json.loads(shown)
    assert (record["text"], record["name"], record["time"]) == (text, name, SAID)


def test_mention_holds_nothing_that_a_terminal_obeys() -> None:
    told = line(entry(f"@[\x1b[2Jada]({'ab' * 16}) @[\x07\x9bbob]({'cd' * 16})"))
    assert not set(told) & {"\x1b", "\x07", "\x9b"}
    assert "bob" in told


def test_old_message_rings_for_nobody() -> None:
    own = "ab" * 16
    lines = Lines(lambda: NOW, own=own)
    now = int(NOW.timestamp() * 1000)
    assert lines.rings(entry(f"@[ada]({own})", time=now))
    assert not lines.rings(entry(f"@[ada]({own})", time=now - 3_600_000))
    assert not lines.rings(entry("@ada", time=now))
