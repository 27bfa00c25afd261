"""A stream description is taken when its publisher signed it and every field is within its bounds."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.description import (
    DescriptionError,
    Rendition,
    StreamDescription,
    init_text,
    open_description,
    sign_description,
)
from peer.identity import TAG_STREAM, Identity

PUBLISHER = Identity(bytes(range(32)))
RENDITION = Rendition(
    id="360p",
    codecs="avc1.42c01e,opus",
    width=640,
    height=360,
    frame_rate=30.0,
    bandwidth=896_000,
    stripes=4,
    inits=(init_text(b"\x00ftyp\xff"),),
)
DESCRIPTION = StreamDescription(
    room="demo",
    stream="main",
    title="Überraschung 🎥",
    state="live",
    epoch=91234567,
    revision=3,
    part_duration=0.1,
    origins=("/live/demo/main",),
    renditions=(RENDITION,),
)


def signed(text: bytes) -> bytes:
    return PUBLISHER.key + PUBLISHER.sign(TAG_STREAM, text) + text


def with_fields(**fields: Any) -> bytes:
    """The signed description with some JSON fields replaced, left out where None."""
    builtins = msgspec.to_builtins(DESCRIPTION) | fields
    return signed(msgspec.json.encode({name: value for name, value in builtins.items() if value is not None}))


def with_rendition(**fields: Any) -> bytes:
    return with_fields(renditions=[msgspec.to_builtins(RENDITION) | fields])


def test_what_was_signed_is_opened() -> None:
    data = sign_description(PUBLISHER, DESCRIPTION)
    assert open_description(data) == (PUBLISHER.key, DESCRIPTION)
    assert RENDITION.init(0) == b"\x00ftyp\xff"
    with pytest.raises(IndexError):
        RENDITION.init(1)


def test_unknown_fields_are_ignored() -> None:
    assert open_description(with_fields(subtitles=[{"language": "de"}]))[1] == DESCRIPTION


@given(st.integers(0, 8 * 600))
def test_flipped_bit_is_refused(bit: int) -> None:
    data = bytearray(sign_description(PUBLISHER, DESCRIPTION))
    bit %= 8 * len(data)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DescriptionError):
        open_description(bytes(data))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_description_error(data: bytes) -> None:
    for candidate in (data, signed(data)):
        with pytest.raises(DescriptionError):
            open_description(candidate)


@pytest.mark.parametrize(
    "data",
    [
        with_fields(room=None),
        with_fields(room=".demo"),
        with_fields(stream="a b"),
        with_fields(stream="main\n"),
        with_fields(stream="x" * 65),
        with_fields(title="x" * 257),
        with_fields(state="paused"),
        with_fields(epoch=-1),
        with_fields(epoch=2**32),
        with_fields(revision=1.5),
        with_fields(part_duration=0),
        with_fields(part_duration=10.5),
        with_fields(origins=["/live"] * 17),
        with_fields(origins=[""]),
        with_fields(origins=["x" * 2049]),
        with_fields(renditions=[msgspec.to_builtins(RENDITION)] * 2),
        with_fields(renditions=[msgspec.to_builtins(RENDITION) | {"id": str(i)} for i in range(17)]),
        with_rendition(id="-"),
        with_rendition(codecs="x" * 257),
        with_rendition(width=65536),
        with_rendition(height=-1),
        with_rendition(frame_rate=1001),
        with_rendition(bandwidth=2**32),
        with_rendition(stripes=0),
        with_rendition(stripes=17),
        with_rendition(inits=["="]),
        with_rendition(inits=["AB=="]),
        with_rendition(inits=["AAAAA"]),
        with_rendition(inits=["AB"]),
        with_rendition(inits=[7]),
        with_rendition(inits=[""] * 257),
        signed(b"[]"),
        signed(b"{}"),
        signed(b"[" * 5000 + b"]" * 5000),
        signed(b'{"version":1,"title":"\xff"}'),
        signed(b'{"version":1,"x":"\xff"}'),
        signed(b" " * 32769),
    ],
)
def test_description_out_of_its_bounds_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(DescriptionError, match=r"\.$"):
        open_description(data)


def test_unknown_version_is_refused_even_if_nothing_else_fits() -> None:
    with pytest.raises(DescriptionError, match="has version 2; this program knows version 1"):
        open_description(signed(b'{"version":2}'))


def test_description_out_of_its_bounds_is_not_signed() -> None:
    for changed in (
        msgspec.structs.replace(DESCRIPTION, room="no room"),
        msgspec.structs.replace(DESCRIPTION, origins=("x" * 2048,) * 16),
    ):
        with pytest.raises(DescriptionError):
            sign_description(PUBLISHER, changed)


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "descriptions.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: str(vector["name"]))
def test_golden_description_is_opened(vector: dict[str, Any]) -> None:
    key, description = open_description(bytes.fromhex(vector["raw"]))
    assert key.hex() == VECTORS["key"]
    assert description == msgspec.convert(vector["description"], StreamDescription)
    assert open_description(sign_description(PUBLISHER, description)) == (key, description)


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: str(vector["name"]))
def test_golden_description_with_a_fault_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(DescriptionError, match=r"\.$"):
        open_description(bytes.fromhex(vector["raw"]))
