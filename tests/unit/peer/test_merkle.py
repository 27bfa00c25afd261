"""The tree's shape is RFC 9162's; a proof fits one block in one place."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import merkle

Blocks = st.lists(st.binary(max_size=40), min_size=1, max_size=40)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, over leaf hashes, with nodes cut to 16 bytes."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()[:16]


def path_by_definition(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_by_definition(index, leaves[:split]), by_definition(leaves[split:])]
    return [*path_by_definition(index - split, leaves[split:]), by_definition(leaves[:split])]


@pytest.mark.parametrize("count", [*range(1, 34), 255, 256, 257, 1023, 1024])
def test_root_and_proofs_are_those_of_the_definition(count: int) -> None:
    blocks = [bytes([index % 251]) * (index % 5) for index in range(count)]
    leaves = [
        sha256(b"\x00" + index.to_bytes(2, "big") + block).digest()[:16] for index, block in enumerate(blocks)
    ]
    assert merkle.root(blocks) == by_definition(leaves)
    proofs = merkle.proofs(blocks)
    for index in {0, 1 % count, count // 2, max(0, count - 2), count - 1}:
        assert list(proofs[index]) == path_by_definition(index, leaves)
        assert len(proofs[index]) <= merkle.MAX_PROOF
        assert merkle.verify_proof(index, count, blocks[index], proofs[index], by_definition(leaves))


@given(Blocks, st.data())
def test_proof_fits_no_other_place_count_or_data(blocks: list[bytes], data: st.DataObject) -> None:
    tree = merkle.tree(blocks)
    index = data.draw(st.integers(0, len(blocks) - 1))
    proof = tree.proof(index)
    assert merkle.verify_proof(index, len(blocks), blocks[index], proof, tree.root)
    for other in range(len(blocks)):
        if other != index:
            assert not merkle.verify_proof(other, len(blocks), blocks[index], proof, tree.root)
    assert not merkle.verify_proof(index, len(blocks), blocks[index] + b"\0", proof, tree.root)
    assert not merkle.verify_proof(index, len(blocks), blocks[index], (*proof, bytes(16)), tree.root)
    if proof:
        assert not merkle.verify_proof(index, len(blocks), blocks[index], proof[:-1], tree.root)
        assert not merkle.verify_proof(index, len(blocks), blocks[index], (b"\0" * 15, *proof[1:]), tree.root)


def test_inner_node_does_not_pass_for_a_block() -> None:
    blocks = [b"a", b"b", b"c", b"d"]
    tree = merkle.tree(blocks)
    left = merkle.leaf(0, b"a") + merkle.leaf(1, b"b")
    assert not merkle.verify_proof(0, 2, left, tree.proof(0)[1:], tree.root)


@pytest.mark.parametrize(("index", "count"), [(-1, 1), (1, 1), (5, 4), (0, 0), (0, 1025), (1024, 1025)])
def test_place_outside_the_tree_is_refused(index: int, count: int) -> None:
    assert not merkle.verify_proof(index, count, b"a", (), merkle.root([b"a"]))


@pytest.mark.parametrize("count", [0, 1025])
def test_tree_of_no_or_too_many_blocks_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1024 blocks"):
        merkle.tree([b""] * count)


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle.json").read_text())


def pattern(size: int, salt: int) -> bytes:
    return bytes((31 * i + i // 251 + salt) % 256 for i in range(size))


@pytest.mark.parametrize("vector", VECTORS["trees"], ids=lambda vector: str(vector["count"]))
def test_tree_is_the_golden_one(vector: dict[str, Any]) -> None:
    blocks = [pattern(index % 33, index) for index in range(vector["count"])]
    tree = merkle.tree(blocks)
    assert tree.root.hex() == vector["root"]
    for index, proof in vector["proofs"].items():
        assert [node.hex() for node in tree.proof(int(index))] == proof
        nodes = [bytes.fromhex(node) for node in proof]
        assert merkle.verify_proof(int(index), len(blocks), blocks[int(index)], nodes, tree.root)


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: str(vector["name"]))
def test_golden_proof_with_a_fault_is_refused(vector: dict[str, Any]) -> None:
    data, root = bytes.fromhex(vector["data"]), bytes.fromhex(vector["root"])
    proof = [bytes.fromhex(node) for node in vector["proof"]]
    assert not merkle.verify_proof(vector["index"], vector["count"], data, proof, root)
