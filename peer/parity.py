"""The parity of a part: one block for each row of S data blocks, by which any lost one of them is rebuilt.

docs/protocol.md section 2 has the format. Parity travels as a companion of the part, with a seal of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from peer.merkle import Tree
from peer.seal import PARITY, Seal, SealedPart, block_count, seal_part
from peer.signing import Signer


def parity_of(data: bytes, stripes: int) -> bytes:
    """The parity blocks of a part one after another, each as long as the part's blocks but its last."""
    count = block_count(len(data), stripes)
    size = -(-len(data) // count)
    rows = []
    for start in range(0, count * size, stripes * size):
        row = data[start : start + stripes * size].ljust(stripes * size, b"\x00")
        rows.append(_xor([row[at : at + size] for at in range(0, len(row), size)], size))
    return b"".join(rows)


def seal_parity(identity: Signer, sealed: SealedPart) -> SealedPart:
    """The companion of a part: its parity under a seal that names the part's own by `previous`."""
    seal = sealed.seal
    draft = replace(seal, flags=seal.flags | PARITY, stripes=1, previous=seal.digest())
    return seal_part(identity, draft, parity_of(sealed.data, seal.stripes))


def belongs(companion: Seal, seal: Seal) -> bool:
    """Whether a companion's seal is about exactly this part."""
    rows = seal.blocks // seal.stripes
    return (
        companion.previous == seal.digest()
        and companion.blocks == rows
        and companion.size == rows * seal.block_size
    )


def rebuild(
    seal: Seal, data: Sequence[bytes | memoryview | None], parity: Sequence[bytes | memoryview | None]
) -> dict[int, tuple[bytes, tuple[bytes, ...]]] | None:
    """The missing blocks of a part with their proofs, by index; empty while there is not enough to tell.

    `data` are its blocks and `parity` the blocks of its companion, None for those that are not here. Nothing
    is believed: None if what comes out is not under the part's own root, so the parity is false.
    """
    missing = [index for index, block in enumerate(data) if block is None]
    rows = {index // seal.stripes for index in missing}
    if len(rows) < len(missing) or any(parity[row] is None for row in rows):
        return {}
    blocks = list(data)
    for index in missing:
        row = index // seal.stripes
        others = [*data[row * seal.stripes : (row + 1) * seal.stripes], parity[row]]
        whole = _xor([block for block in others if block is not None], seal.block_size)
        blocks[index] = whole[: seal.block_length(index)]
    tree = Tree([block for block in blocks if block is not None])
    if tree.root != seal.root:
        return None
    return {index: (bytes(blocks[index] or b""), tree.proof(index)) for index in missing}


def _xor(blocks: Sequence[bytes | memoryview], size: int) -> bytes:
    """The exclusive or of `blocks`, each padded with zeros to `size`."""
    value = 0
    for block in blocks:
        # Little-endian: zeros beyond the end change nothing.
        value ^= int.from_bytes(block, "little")
    return value.to_bytes(size, "little")
