"""What is read or checked again and again by bytes that are the same: remembered, as it changes nothing.

A block is forwarded as it came, so thousands of peers decode the same bytes and check the same signature.
"""

from __future__ import annotations

from collections.abc import Sequence

from peer import wire
from peer.merkle import verify_proof
from peer.seal import Seal, verify_seal
from peer.signing import verify

_KEPT = 20_000

_messages: dict[bytes, wire.Message | None] = {}
_genuine: dict[bytes, bool] = {}
_proofs: dict[tuple[int, int, bytes, tuple[bytes, ...], bytes], bool] = {}
_numbers: dict[bytes, int] = {}
_signatures: dict[tuple[bytes, bytes, bytes, bytes], bool] = {}


def decode(data: bytes) -> wire.Message | None:
    """As `peer.wire.decode`. Raises WireError."""
    try:
        return _messages[data]
    except KeyError:
        pass
    message = wire.decode(data)
    if len(_messages) >= _KEPT:
        _messages.clear()
    _messages[data] = message
    return message


def proves(index: int, count: int, data: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """As `peer.merkle.verify_proof`."""
    question = (index, count, data, tuple(proof), root)
    known = _proofs.get(question)
    if known is None:
        if len(_proofs) >= _KEPT:
            _proofs.clear()
        known = _proofs[question] = verify_proof(*question)
    return known


def sealed_number(seal: bytes) -> int:
    """The number of the part that a genuine seal is for."""
    number = _numbers.get(seal)
    if number is None:
        if len(_numbers) >= _KEPT:
            _numbers.clear()
        number = _numbers[seal] = Seal.parse(seal).number
    return number


def genuine(data: bytes, key: bytes) -> bool:
    """Whether a BLOCK message carries what the publisher has sealed."""
    known = _genuine.get(data)
    if known is None:
        if len(_genuine) >= _KEPT:
            _genuine.clear()
        block = wire.decode(data)
        assert isinstance(block, wire.Block)
        seal = Seal.parse(block.seal)
        known = _genuine[data] = verify_seal(key, block.seal) and verify_proof(
            block.index, seal.blocks, block.data, block.proof, seal.root
        )
    return known


def check(key: bytes, tag: bytes, data: bytes, signature: bytes) -> bool:
    """As `peer.signing.verify`."""
    question = (key, tag, data, signature)
    known = _signatures.get(question)
    if known is None:
        if len(_signatures) >= _KEPT:
            _signatures.clear()
        known = _signatures[question] = verify(*question)
    return known
