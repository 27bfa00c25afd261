"""Parity: what is made of a part's rows, what is rebuilt from it, and what is not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.merkle import verify_proof
from peer.parity import belongs, parity_of, rebuild, seal_parity
from peer.seal import FIRST, MAX_BLOCK, PARITY, Seal, SealedPart, cut, seal_part, verify_seal
from tests.unit.peer.core.braid_bench import BRAID, EPOCH, PUBLISHER


def sealed(data: bytes, stripes: int = 4) -> SealedPart:
    draft = Seal(5, stripes, 0, BRAID, EPOCH, 7, 1, 0, 0, 700_000, 100_000, 900_000, 0, bytes(16), FIRST)
    return seal_part(PUBLISHER, draft, data)


def noise(size: int) -> bytes:
    return bytes((at * 7919 + at // 256) % 256 for at in range(size))


def test_companion_is_sealed_like_a_part_of_one_stripe() -> None:
    part = sealed(noise(4 * MAX_BLOCK + 1))
    companion = seal_parity(PUBLISHER, part)
    assert verify_seal(PUBLISHER.key, companion.raw)
    seal = Seal.parse(companion.raw)
    assert (seal.parity, part.seal.parity) == (True, False)
    assert (seal.stripes, seal.blocks, seal.size) == (1, 2, 2 * part.seal.block_size)
    assert seal.flags == part.seal.flags | PARITY
    assert seal.previous == part.seal.digest()
    same = ("braid", "epoch", "number", "segment", "index", "init", "media_time", "duration", "capture_time")
    assert all(getattr(seal, name) == getattr(part.seal, name) for name in same)
    assert belongs(seal, part.seal)
    assert not belongs(seal, sealed(noise(4 * MAX_BLOCK)).seal)


@given(
    st.integers(1, 16),
    st.one_of(st.integers(1, 40), st.integers(1, 5 * MAX_BLOCK), st.integers(60_000, 300_000)),
    st.data(),
)
def test_any_block_of_each_row_is_rebuilt_with_its_proof(
    stripes: int, size: int, data: st.DataObject
) -> None:
    part = sealed(noise(size), stripes)
    seal, blocks = part.seal, cut(part.data, stripes)
    parity = cut(parity_of(part.data, stripes), 1)
    rows = seal.blocks // stripes
    assert len(parity) == rows
    lost = {row * stripes + data.draw(st.integers(0, stripes - 1)) for row in range(rows)}
    held = [None if index in lost else block for index, block in enumerate(blocks)]
    rebuilt = rebuild(seal, held, parity)
    assert rebuilt is not None
    assert set(rebuilt) == lost
    for index, (block, proof) in rebuilt.items():
        assert block == blocks[index]
        assert verify_proof(index, seal.blocks, block, proof, seal.root)


def test_two_lost_blocks_of_a_row_or_a_lost_parity_are_too_much() -> None:
    part = sealed(noise(4 * MAX_BLOCK + 1))
    blocks: list[bytes | None] = [*cut(part.data, 4)]
    parity: list[bytes | None] = [*cut(parity_of(part.data, 4), 1)]
    assert rebuild(part.seal, [None, None, *blocks[2:]], parity) == {}
    assert rebuild(part.seal, [None, *blocks[1:]], [None, parity[1]]) == {}
    assert set(rebuild(part.seal, [*blocks[:7], None], [None, parity[1]]) or {}) == {7}


@pytest.mark.parametrize("at", [0, 3000, -1])
def test_false_parity_rebuilds_nothing(at: int) -> None:
    part = sealed(noise(20_000))
    parity = bytearray(parity_of(part.data, 4))
    parity[at] ^= 1
    assert rebuild(part.seal, [None, *cut(part.data, 4)[1:]], [bytes(parity)]) is None


def test_companion_of_another_shape_does_not_belong() -> None:
    part = sealed(noise(20_000))
    companion = seal_parity(PUBLISHER, part).seal
    assert not belongs(replace(companion, size=companion.size - 1), part.seal)
    assert not belongs(replace(companion, blocks=2), part.seal)
