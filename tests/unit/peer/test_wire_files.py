"""The messages by which files travel, and how files are cut: golden samples, bounds, and damage."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import wire_files as wire
from peer.file_tables import SECTION, TABLES, TOP, Tables
from peer.wire import WireError
from tests.vectors.file_samples import FILE, GOOD
from tests.vectors.introduction_samples import plain
from tests.vectors.shared_files import Content, octets

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "files.json").read_text())
CHANGES = st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3)
WHOLE = [bytes.fromhex(sample["raw"]) for sample in VECTORS["good"]]
CONTENT = Content(octets(SECTION * wire.BLOCK + 5))


def named(samples: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample["name"])


@named(VECTORS["good"])
def test_message_is_read_and_written_as_recorded(sample: dict[str, Any]) -> None:
    raw = bytes.fromhex(sample["raw"])
    message = wire.decode(raw)
    assert {"type": type(message).__name__} | plain(message) == sample["message"]
    assert wire.encode(message) == raw
    assert raw[0] in wire.TYPES


@named(VECTORS["refused"])
def test_bad_message_is_refused_with_a_sentence_and_its_code(sample: dict[str, Any]) -> None:
    with pytest.raises(WireError, match=r"\.$") as caught:
        wire.decode(bytes.fromhex(sample["raw"]) + bytes(sample["zeros"]))
    assert caught.value.code == sample["code"]


@given(st.sampled_from(WHOLE), CHANGES, st.integers(0, 60))
def test_damage_raises_nothing_but_a_wire_error(raw: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(raw[: len(raw) - cut])
    for at, value in changes:
        if len(damaged) > 1:
            damaged[1 + at % (len(damaged) - 1)] = value
    message = None
    with suppress(WireError):
        message = wire.decode(bytes(damaged) or b"\x40")
    assert message is None or wire.decode(wire.encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        dataclasses.replace(GOOD["seek"], file=FILE[1:]),
        wire.FileHave(FILE, True, b"\x01"),
        wire.FileGot(FILE, (2**32,)),
        wire.FileWant(FILE, tuple(range(65))),
        wire.FileWant(FILE, tuple(range(256))),
        wire.FileBlock(FILE, 0, b""),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_out_of_its_bounds_is_not_written(message: wire.OfFiles) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        wire.encode(message)


def test_each_piece_is_proved_by_the_table_above_it_and_by_nothing_else() -> None:
    tables = Tables(CONTENT.id, CONTENT.size)
    assert not tables.proves(TABLES, CONTENT.pieces[TABLES]), "The top table is not here yet."
    for piece in sorted(CONTENT.pieces, reverse=True):
        data = CONTENT.pieces[piece]
        assert tables.length(piece) == len(data)
        assert tables.proves(piece, data)
        assert not tables.proves(piece, data + b"x")
        assert not tables.proves(piece, data[:-1] + bytes((data[-1] ^ 1,)))
        if piece >= TABLES:
            tables.take(piece, data)
    assert tables.top is not None
    assert tables.fits(tables.top)
    assert tables.sections == 2
    assert not tables.proves(1, CONTENT.pieces[0])
    for nothing in (SECTION + 1, TABLES + 2, TOP - 1):
        assert tables.length(nothing) == 0
        assert not tables.proves(nothing, b"x")


def test_file_of_another_size_does_not_fit() -> None:
    top = CONTENT.pieces[TOP]
    assert not Tables(CONTENT.id, CONTENT.size - 1).fits(top)
    assert not Tables(CONTENT.id, 1).fits(top)


def test_files_that_differ_in_how_they_end_have_different_ids() -> None:
    data = octets(40)
    assert len({Content(data[:size]).id for size in range(1, 41)}) == 40
