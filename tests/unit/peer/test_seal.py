"""A seal holds within its bounds what the publisher signed, and nothing that was changed passes."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer import merkle, wire
from peer.identity import Identity
from peer.seal import FIRST, MAX_PART, Seal, SealError, block_count, cut, seal_part, verify_seal

PUBLISHER = Identity(bytes(range(32)))


def draft(**fields: Any) -> Seal:
    return replace(
        Seal(
            flags=1,
            stripes=4,
            blocks=4,
            braid=b"braid-id",
            epoch=91234567,
            number=7,
            segment=3,
            index=2,
            init=0,
            media_time=700_000,
            duration=100_000,
            capture_time=1_800_000_000_000_000,
            size=1,
            root=bytes(16),
            previous=FIRST,
        ),
        **fields,
    )


@st.composite
def seals(draw: st.DrawFn) -> Seal:
    stripes = draw(st.integers(1, 16))
    size = draw(st.integers(1, MAX_PART))
    u32 = st.integers(0, 2**32 - 1)
    time = st.integers(0, 2**53 - 1)
    return Seal(
        flags=draw(st.integers(0, 255)),
        stripes=stripes,
        blocks=block_count(size, stripes),
        braid=draw(st.binary(min_size=8, max_size=8)),
        epoch=draw(u32),
        number=draw(u32),
        segment=draw(u32),
        index=draw(st.integers(0, 65535)),
        init=draw(st.integers(0, 255)),
        media_time=draw(time),
        duration=draw(u32),
        capture_time=draw(time),
        size=size,
        root=draw(st.binary(min_size=16, max_size=16)),
        previous=draw(st.binary(min_size=16, max_size=16)),
    )


@given(seals())
def test_what_was_encoded_is_parsed(seal: Seal) -> None:
    encoded = seal.encode()
    assert len(encoded) == 84
    assert Seal.parse(encoded) == seal
    assert Seal.parse(encoded + bytes(64)) == seal
    assert Seal.parse(memoryview(encoded)) == seal
    assert sum(seal.block_length(index) for index in range(seal.blocks)) == seal.size
    assert max(seal.block_length(index) for index in range(seal.blocks)) <= 16384


@given(st.binary(min_size=84, max_size=84) | st.binary(max_size=200))
def test_whatever_the_bytes_are_parse_raises_nothing_but_seal_error(data: bytes) -> None:
    try:
        seal = Seal.parse(data)
    except SealError:
        return
    assert seal.encode() == data[:84]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"stripes": 0}, "1 to 16 stripes"),
        ({"stripes": 17, "blocks": 17}, "1 to 16 stripes"),
        ({"blocks": 0}, "1 to 1024 blocks"),
        ({"blocks": 1028}, "1 to 1024 blocks"),
        ({"blocks": 5}, "as many in each stripe"),
        ({"blocks": 8}, "not cut into 8 blocks"),
        ({"size": 0}, "1 to 4194304 bytes"),
        ({"size": MAX_PART + 1}, "1 to 4194304 bytes"),
        ({"size": 65537}, "not cut into 4 blocks"),
        ({"media_time": 2**53}, "2255"),
        ({"capture_time": 2**53}, "2255"),
        ({"flags": 256}, "does not fit"),
        ({"number": -1}, "does not fit"),
        ({"root": bytes(15)}, "wrong size"),
    ],
)
def test_field_out_of_its_bounds_is_not_encoded(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SealError, match=sentence):
        draft(**fields).encode()


def test_unknown_version_is_refused_with_a_sentence() -> None:
    encoded = bytearray(draft().encode())
    encoded[0] = 2
    with pytest.raises(SealError, match="has version 2"):
        Seal.parse(bytes(encoded))


def test_flags() -> None:
    seal = draft(flags=0b1111_0101)
    assert (seal.independent, seal.discontinuity, seal.segment_start) == (True, False, True)
    seal = draft(flags=2)
    assert (seal.independent, seal.discontinuity, seal.segment_start) == (False, True, False)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100, 65535, 65536, 65537, 131072, 131073, MAX_PART])
@pytest.mark.parametrize("stripes", [1, 3, 4, 16])
def test_part_is_cut_into_as_many_blocks_for_every_stripe(size: int, stripes: int) -> None:
    data = bytes(size)
    blocks = cut(data, stripes)
    assert len(blocks) == block_count(size, stripes)
    assert len(blocks) % stripes == 0
    assert b"".join(blocks) == data
    assert max(map(len, blocks)) <= 16384
    seal = draft(stripes=stripes, blocks=len(blocks), size=size)
    assert [seal.block_length(index) for index in range(len(blocks))] == list(map(len, blocks))


def test_nothing_is_cut_into_nothing() -> None:
    assert cut(b"", 4) == []


def test_sealed_part_is_verified_and_chained() -> None:
    first = seal_part(PUBLISHER, draft(), b"x" * 70_000)
    second = seal_part(PUBLISHER, draft(number=8, previous=first.seal.digest()), b"y")
    assert first.seal.blocks == 8
    assert Seal.parse(first.raw) == first.seal
    assert verify_seal(PUBLISHER.key, first.raw)
    assert verify_seal(PUBLISHER.key, second.raw)
    assert not verify_seal(Identity(bytes(32)).key, first.raw)
    assert not verify_seal(PUBLISHER.key, first.raw[:84] + second.raw[84:])
    assert not verify_seal(PUBLISHER.key, first.raw[:-1])


@pytest.mark.parametrize(
    ("fields", "data", "sentence"),
    [
        ({}, b"", "1 to 4194304 bytes"),
        ({}, bytes(MAX_PART + 1), "1 to 4194304 bytes"),
        ({"stripes": 0}, b"a", "1 to 16 stripes"),
        ({"epoch": 2**32}, b"a", "does not fit"),
    ],
)
def test_part_that_cannot_be_sealed_is_refused(fields: dict[str, Any], data: bytes, sentence: str) -> None:
    with pytest.raises(SealError, match=sentence):
        seal_part(PUBLISHER, draft(**fields), data)


def accepted(message: bytes) -> bool:
    """Whether a receiver that knows the publisher's key would take `message` for a block."""
    try:
        block = wire.decode(message)
        if not isinstance(block, wire.Block):
            return False
        seal = Seal.parse(block.seal)
    except (wire.WireError, SealError):
        return False
    proven = merkle.verify_proof(block.index, seal.blocks, block.data, block.proof, seal.root)
    return proven and verify_seal(PUBLISHER.key, block.seal)


PART = seal_part(PUBLISHER, draft(), bytes(range(200)) * 350)
BLOCKS = cut(PART.data, 4)
PROOFS = merkle.proofs(BLOCKS)
MESSAGES = [wire.encode(wire.Block(PART.raw, i, PROOFS[i], BLOCKS[i])) for i in range(len(BLOCKS))]


@settings(max_examples=300)
@given(st.integers(0, len(MESSAGES) - 1), st.data())
def test_flipped_bit_anywhere_in_a_block_is_refused(index: int, data: st.DataObject) -> None:
    message = MESSAGES[index]
    assert accepted(message)
    bit = data.draw(st.integers(0, 8 * len(message) - 1) | st.integers(0, 8 * 300))
    changed = bytearray(message)
    changed[bit // 8] ^= 1 << bit % 8
    assert not accepted(bytes(changed))


def test_flipped_bit_before_the_data_is_always_refused() -> None:
    head = MESSAGES[5][: 152 + 16 * len(PROOFS[5])]
    for bit in range(8 * len(head)):
        changed = bytearray(MESSAGES[5])
        changed[bit // 8] ^= 1 << bit % 8
        assert not accepted(bytes(changed)), bit


def test_block_of_one_part_does_not_pass_under_the_seal_of_another() -> None:
    other = seal_part(PUBLISHER, draft(number=8), b"z" * 70_000)
    assert not accepted(wire.encode(wire.Block(other.raw, 0, PROOFS[0], BLOCKS[0])))


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "seals.json").read_text())


def as_vector(seal: Seal) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(seal).items()}


@pytest.mark.parametrize("vector", VECTORS["parts"], ids=lambda vector: str(vector["salt"]))
def test_golden_part_is_sealed_the_same(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["raw"])
    seal = Seal.parse(raw)
    assert as_vector(seal) == vector["fields"]
    assert verify_seal(PUBLISHER.key, raw)
    data = bytes((31 * i + i // 251 + vector["salt"]) % 256 for i in range(seal.size))
    assert [len(block) for block in cut(data, seal.stripes)] == vector["block_lengths"]
    part = seal_part(PUBLISHER, replace(seal, blocks=0, size=0, root=b""), data)
    assert part.raw == raw
    assert part.seal.digest().hex() == vector["digest"]


def test_golden_seal_may_have_the_greatest_fields() -> None:
    vector = VECTORS["extreme"]
    seal = Seal.parse(bytes.fromhex(vector["signed"]))
    assert as_vector(seal) == vector["fields"]
    assert seal.encode().hex() == vector["signed"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: str(vector["name"]))
def test_golden_bytes_that_are_no_seal_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(SealError, match=r"\.$"):
        Seal.parse(bytes.fromhex(vector["raw"]))


@pytest.mark.parametrize("vector", VECTORS["forged"], ids=lambda vector: str(vector["name"]))
def test_golden_forgery_is_refused(vector: dict[str, Any]) -> None:
    assert not verify_seal(bytes.fromhex(VECTORS["publisher"]), bytes.fromhex(vector["raw"]))
