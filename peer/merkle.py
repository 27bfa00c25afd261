"""The Merkle tree over the blocks of a part: RFC 9162 section 2.1, with nodes cut to 16 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

NODE = 16
"""Bytes of a node."""
MAX_LEAVES = 1024
MAX_PROOF = 10
"""Nodes in the longest proof: the depth of a tree of `MAX_LEAVES`."""

_LEAF_PREFIXES = tuple(b"\x00" + index.to_bytes(2, "big") for index in range(MAX_LEAVES))


def leaf(index: int, data: bytes | memoryview) -> bytes:
    """The node of block `index`, which is part of it: equal blocks cannot stand for each other."""
    digest = sha256(_LEAF_PREFIXES[index])
    digest.update(data)
    return digest.digest()[:NODE]


class Tree:
    """All nodes over `blocks` (1 to 1024 of them), level by level from the leaves.

    Pairing neighbours and lifting an odd last node unchanged gives the shape of RFC 9162, whose definition
    splits at the largest power of two.
    """

    __slots__ = ("_levels", "root")

    def __init__(self, blocks: Sequence[bytes | memoryview]) -> None:
        if not 1 <= len(blocks) <= MAX_LEAVES:
            raise ValueError(f"A tree has 1 to {MAX_LEAVES} blocks, not {len(blocks)}.")
        level = [leaf(index, data) for index, data in enumerate(blocks)]
        levels = [level]
        while len(level) > 1:
            above = [
                sha256(b"\x01" + level[i] + level[i + 1]).digest()[:NODE] for i in range(0, len(level) - 1, 2)
            ]
            if len(level) % 2:
                above.append(level[-1])
            levels.append(above)
            level = above
        self._levels = levels
        self.root: bytes = level[0]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The audit path of block `index`, its sibling first (RFC 9162 section 2.1.3)."""
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return tuple(path)


def tree(blocks: Sequence[bytes | memoryview]) -> Tree:
    """Hash `blocks` once, for their root and their proofs."""
    return Tree(blocks)


def root(blocks: Sequence[bytes | memoryview]) -> bytes:
    """The root (16 bytes) over `blocks`."""
    return Tree(blocks).root


def proofs(blocks: Sequence[bytes | memoryview]) -> list[tuple[bytes, ...]]:
    """The proof of each block, in order."""
    nodes = Tree(blocks)
    return [nodes.proof(index) for index in range(len(blocks))]


def verify_proof(
    index: int, count: int, data: bytes | memoryview, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `data` is block `index` of the `count` blocks under `root` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < count <= MAX_LEAVES:
        return False
    node, last = index, count - 1
    value = leaf(index, data)
    for sibling in proof:
        if last == 0 or len(sibling) != NODE:
            return False
        if node & 1 or node == last:
            value = sha256(b"\x01" + sibling + value).digest()[:NODE]
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            value = sha256(b"\x01" + value + sibling).digest()[:NODE]
        node >>= 1
        last >>= 1
    return last == 0 and value == root
