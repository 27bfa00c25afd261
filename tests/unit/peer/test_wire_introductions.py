"""Records of peers and the messages that tell of them: golden samples, bounds, and damage."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer import wire_introductions as wire
from peer.peer_record import PeerRecord, PeerRecordError, read_record, signed_by_peer
from peer.signing import TAG_PEER, verify
from peer.wire import WireError
from tests.vectors.introduction_samples import GOOD, OFFER, RECORDS, plain

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "introductions.json").read_text())
CHANGES = st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3)
WHOLE = [bytes.fromhex(sample["raw"]) for sample in VECTORS["good"]]


def named(samples: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample["name"])


@named(VECTORS["records"])
def test_record_is_read_as_it_was_written(sample: dict[str, Any]) -> None:
    raw = bytes.fromhex(sample["raw"])
    record = read_record(raw)
    assert record is not None
    assert plain(record) == sample["record"]
    assert record.body() == raw[:-64]
    assert verify(record.key, TAG_PEER, signed_by_peer("demo", record.body()), raw[-64:])


@named(VECTORS["bad_records"])
def test_bad_record_is_refused_with_a_sentence(sample: dict[str, Any]) -> None:
    with pytest.raises(PeerRecordError, match=r"\.$"):
        read_record(bytes.fromhex(sample["raw"]))


def test_record_of_a_later_version_says_nothing() -> None:
    assert [read_record(bytes.fromhex(raw)) for raw in VECTORS["later"]] == [None, None]


def test_role_of_a_later_version_counts_as_viewer() -> None:
    raw = bytes.fromhex(VECTORS["records"][1]["raw"])
    record = read_record(raw[:2] + b"\x09" + raw[3:])
    assert record is not None
    assert record.role == "viewer"


@pytest.mark.parametrize(
    "change",
    [
        {"key": bytes(31)},
        {"nonce": bytes(17)},
        {"sequence": 2**53},
        {"braids": (bytes(8),) * 9},
        {"braids": (bytes(7),)},
        {"credential": bytes(513)},
    ],
    ids=str,
)
def test_record_out_of_its_bounds_is_not_written(change: dict[str, Any]) -> None:
    record: PeerRecord = dataclasses.replace(RECORDS["viewer"], **change)
    with pytest.raises(ValueError, match=r"\.$"):
        record.body()


@named(VECTORS["good"])
def test_message_is_read_and_written_as_recorded(sample: dict[str, Any]) -> None:
    raw = bytes.fromhex(sample["raw"])
    message = wire.decode(raw)
    assert {"type": type(message).__name__} | plain(message) == sample["message"]
    assert wire.encode(message) == raw
    assert raw[0] in wire.TYPES


@named(VECTORS["refused"])
def test_message_out_of_its_bounds_is_refused(sample: dict[str, Any]) -> None:
    with pytest.raises(WireError) as refusal:
        wire.decode(bytes.fromhex(sample["raw"]) + bytes(sample["zeros"]))
    assert refusal.value.code == sample["code"]
    assert refusal.value.sentence.endswith(".")


@pytest.mark.parametrize(
    "message",
    [
        wire.Shuffle(2**32, 1, ()),
        wire.Shuffle(1, 5, ()),
        wire.Peers(0, (wire.Told(0, 0, b""),)),
        dataclasses.replace(OFFER, connection=bytes(7)),
        dataclasses.replace(OFFER, sdp="x" * 8193),
        wire.RelayCandidate(bytes(8), 0, "x" * 256, ""),
        wire.RelayCandidate(bytes(8), 65536, "", ""),
        wire.RelayFailed(bytes(8), 256),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_out_of_its_bounds_is_not_written(message: wire.Introducing) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        wire.encode(message)


def test_every_kind_of_message_has_a_sample() -> None:
    assert {type(message) for message in GOOD.values()} == set(wire._ENCODERS)


@settings(max_examples=500)
@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3), st.data()
)
def test_damaged_message_raises_nothing_but_wire_error(
    raw: bytes, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    damaged = bytearray(raw)
    for at, value in changes:
        damaged[1 + at % (len(damaged) - 1)] = value
    short = bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        message = wire.decode(short)
    except WireError:
        return
    assert wire.decode(wire.encode(message)) == message


@settings(max_examples=300)
@given(st.sampled_from(VECTORS["records"]), st.integers(0), st.integers(0, 255), st.integers(0, 900))
def test_damaged_record_raises_nothing_but_its_error(
    sample: dict[str, Any], at: int, value: int, length: int
) -> None:
    raw = bytearray.fromhex(sample["raw"])
    raw[at % len(raw)] = value
    try:
        record = read_record(bytes(raw[:length]))
    except PeerRecordError:
        return
    assert record is None or len(record.body()) == length - 64 or length > len(raw)
