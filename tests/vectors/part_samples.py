"""merkle.json and seals.json: how a part is cut, proven and sealed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peer import identity, merkle
from peer.seal import FIRST, MAX_PART, Seal, cut, seal_part
from tests.vectors.samples import PUBLISHER, VIEWER, Json, fields, pattern, plain


def leaves(count: int) -> list[bytes]:
    """Block i of a tree of test leaves: `i % 33` bytes of the pattern."""
    return [pattern(index % 33, index) for index in range(count)]


def trees() -> Json:
    result = []
    for count in [*range(1, 10), 255, 1024]:
        tree = merkle.tree(leaves(count))
        indices = range(count) if count < 10 else sorted({0, 1, count // 2, count - 2, count - 1})
        result.append({"count": count, "root": tree.root, "proofs": {str(i): tree.proof(i) for i in indices}})
    five = merkle.tree(leaves(5))
    good: dict[str, Any] = {
        "index": 1,
        "count": 5,
        "data": leaves(5)[1],
        "proof": five.proof(1),
        "root": five.root,
    }
    refused = {
        "another index": good | {"index": 0},
        "another count": good | {"count": 9},
        "a count of one": good | {"index": 0, "count": 1},
        "other data": good | {"data": b"\x00"},
        "another root": good | {"root": bytes(16)},
        "a node missing": good | {"proof": five.proof(1)[:-1]},
        "a node too many": good | {"proof": (*five.proof(1), bytes(16))},
        "nodes in another order": good | {"proof": five.proof(1)[::-1]},
        "a short node": good | {"proof": (five.proof(1)[0][:15], *five.proof(1)[1:])},
        "no proof": good | {"proof": ()},
        "an index outside the tree": good | {"index": 5},
        "a tree that is too large": good | {"count": 1025},
    }
    return plain({"trees": result, "refused": [{"name": name} | case for name, case in refused.items()]})


def seals() -> Json:
    draft = Seal(
        flags=5,
        stripes=4,
        blocks=0,
        braid=identity.braid_id(PUBLISHER.key, "demo", "main", "360p"),
        epoch=91234567,
        number=0,
        segment=12,
        index=0,
        init=0,
        media_time=0,
        duration=100_000,
        capture_time=1_795_000_000_123_456,
        size=0,
        root=b"",
        previous=FIRST,
    )
    parts = []
    previous = FIRST
    for number, (size, stripes) in enumerate(
        [(1, 1), (3, 4), (50_000, 4), (65_537, 4), (20_000, 16), (9, 3)]
    ):
        data = pattern(size, number)
        part = seal_part(
            PUBLISHER,
            replace(draft, number=number, stripes=stripes, flags=number, previous=previous),
            data,
        )
        previous = part.seal.digest()
        parts.append(
            {
                "salt": number,
                "raw": part.raw,
                "digest": previous,
                "fields": fields(part.seal),
                "block_lengths": [len(block) for block in cut(data, stripes)],
            }
        )
    base = seal_part(PUBLISHER, draft, pattern(70_000))
    extreme = replace(
        base.seal,
        flags=255,
        stripes=16,
        blocks=256,
        epoch=2**32 - 1,
        number=2**32 - 1,
        segment=2**32 - 1,
        index=65535,
        init=255,
        media_time=2**53 - 1,
        duration=2**32 - 1,
        capture_time=2**53 - 1,
        size=MAX_PART,
    )
    signed = base.raw[:84]

    def patched(at: int, value: int, size: int) -> bytes:
        return signed[:at] + value.to_bytes(size, "big") + signed[at + size :]

    refused = {
        "no bytes": b"",
        "83 bytes": signed[:-1],
        "147 bytes": base.raw[:-1],
        "149 bytes": base.raw + b"\0",
        "version 0": patched(0, 0, 1),
        "version 2": patched(0, 2, 1),
        "no stripes": patched(2, 0, 1),
        "17 stripes": patched(2, 17, 1),
        "no blocks": patched(3, 0, 2),
        "1025 blocks": patched(3, 1025, 2),
        "blocks that are no multiple of the stripes": patched(3, 9, 2),
        "blocks that do not follow from the size": patched(3, 12, 2),
        "a media time beyond 2^53 - 1": patched(28, 2**53, 8),
        "a capture time beyond 2^53 - 1": patched(40, 2**53, 8),
        "the greatest media time": patched(28, 2**64 - 1, 8),
        "no size": patched(48, 0, 4),
        "a size beyond 4 MiB": patched(48, MAX_PART + 1, 4),
        "a size with too few blocks": patched(48, 200_000, 4),
    }
    forged = {
        "a flipped bit in the signature": base.raw[:-1] + bytes([base.raw[-1] ^ 1]),
        "a flipped bit in a field": patched(20, 1, 1) + base.raw[84:],
        "a signature by another key": signed + VIEWER.sign(identity.TAG_SEAL, signed),
        "a signature for another purpose": signed + PUBLISHER.sign(identity.TAG_CHAT, signed),
        "no signature": signed,
    }
    return plain(
        {
            "publisher": PUBLISHER.key,
            "parts": parts,
            "extreme": {"signed": extreme.encode(), "fields": fields(extreme)},
            "refused": [{"name": name, "raw": raw} for name, raw in refused.items()],
            "forged": [{"name": name, "raw": raw} for name, raw in forged.items()],
        }
    )
