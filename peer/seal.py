"""Seals, the publisher's signatures over parts, and how a part is cut into blocks (docs/protocol.md, 2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from peer import merkle
from peer.signing import TAG_SEAL as TAG_SEAL
from peer.signing import Signer, verify

VERSION = 1
SIGNED = 84
"""Bytes of a seal that are signed."""
SEAL = 148
"""Bytes of a seal with its signature."""
MAX_STRIPES = 16
MAX_BLOCK = 16384
MAX_PART = 4 * 1024 * 1024
MAX_TIME = 2**53 - 1
"""µs: what a double holds exactly, so that every language reads the same time."""
FIRST = bytes(16)
"""`previous` in the first seal of an epoch."""

INDEPENDENT = 1
DISCONTINUITY = 2
SEGMENT_START = 4
PARITY = 8

_LAYOUT = struct.Struct(">BBBH8sIIIHBQIQI16s16s")


class SealError(ValueError):
    """Bytes are no seal; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed fields, in the order of the protocol. Times and the duration are in µs, `size` in bytes."""

    flags: int
    """Bits that are not known are kept and mean nothing."""
    stripes: int
    blocks: int
    braid: bytes
    epoch: int
    number: int
    segment: int
    index: int
    """Of the part in its segment."""
    init: int
    """Of its init segment in the stream description."""
    media_time: int
    duration: int
    capture_time: int
    size: int
    root: bytes
    previous: bytes

    @property
    def independent(self) -> bool:
        """The part starts with a key frame."""
        return bool(self.flags & INDEPENDENT)

    @property
    def discontinuity(self) -> bool:
        """The source was interrupted or changed just before the part."""
        return bool(self.flags & DISCONTINUITY)

    @property
    def segment_start(self) -> bool:
        """The part is the first of a segment."""
        return bool(self.flags & SEGMENT_START)

    @property
    def parity(self) -> bool:
        """It seals no part but the parity of one (peer/parity.py)."""
        return bool(self.flags & PARITY)

    @property
    def block_size(self) -> int:
        """Bytes of every block but the last ones, which are shorter and may be empty."""
        return -(-self.size // self.blocks)

    def block_length(self, index: int) -> int:
        """Bytes of block `index`."""
        return max(0, min(self.block_size, self.size - index * self.block_size))

    def digest(self) -> bytes:
        """What the next seal of the epoch has as `previous` (16 bytes)."""
        return sha256(self.encode()).digest()[:16]

    def encode(self) -> bytes:
        """The 84 bytes that are signed. Raises SealError when a field is out of its bounds."""
        if len(self.braid) != 8 or len(self.root) != 16 or len(self.previous) != 16:
            raise SealError("An id or hash of the seal has the wrong size.")
        try:
            encoded = _LAYOUT.pack(
                VERSION,
                self.flags,
                self.stripes,
                self.blocks,
                self.braid,
                self.epoch,
                self.number,
                self.segment,
                self.index,
                self.init,
                self.media_time,
                self.duration,
                self.capture_time,
                self.size,
                self.root,
                self.previous,
            )
        except struct.error as error:
            raise SealError("A field of the seal does not fit its bytes.") from error
        _check(self)
        return encoded

    @staticmethod
    def parse(data: bytes | memoryview) -> Seal:
        """Read 84 signed bytes, or all 148, and check every bound; the signature is not looked at.

        Raises SealError.
        """
        return _parse(bytes(data))


@lru_cache(maxsize=256)
def _parse(data: bytes) -> Seal:
    """Remembered: every block of a part brings the same seal."""
    if len(data) not in (SIGNED, SEAL):
        raise SealError(f"A seal has {SEAL} bytes, not {len(data)}.")
    version, *fields = _LAYOUT.unpack_from(data)
    if version != VERSION:
        raise SealError(f"The seal has version {version}; this program knows version {VERSION}.")
    seal = Seal(*fields)
    _check(seal)
    return seal


def _check(seal: Seal) -> None:
    if not 1 <= seal.stripes <= MAX_STRIPES:
        raise SealError(f"A part has 1 to {MAX_STRIPES} stripes, not {seal.stripes}.")
    if not 1 <= seal.blocks <= merkle.MAX_LEAVES or seal.blocks % seal.stripes:
        raise SealError(
            f"A part has 1 to {merkle.MAX_LEAVES} blocks, as many in each stripe, not {seal.blocks}."
        )
    if not 1 <= seal.size <= MAX_PART:
        raise SealError(f"A part has 1 to {MAX_PART} bytes, not {seal.size}.")
    if seal.blocks != block_count(seal.size, seal.stripes):
        raise SealError(f"{seal.size} bytes on {seal.stripes} stripes are not cut into {seal.blocks} blocks.")
    if seal.media_time > MAX_TIME or seal.capture_time > MAX_TIME:
        raise SealError("A time of the seal is beyond the year 2255.")


def verify_seal(key: bytes, raw: bytes) -> bool:
    """Whether the 148 bytes of `raw` carry a signature by the publisher `key`."""
    return len(raw) == SEAL and verify(key, TAG_SEAL, raw[:SIGNED], raw[SIGNED:])


def block_count(size: int, stripes: int) -> int:
    """How many blocks a part of `size` bytes has on `stripes` stripes."""
    return stripes * -(-size // (stripes * MAX_BLOCK))


def cut(data: bytes, stripes: int) -> list[bytes]:
    """The blocks of a part; block i belongs to stripe `i % stripes`."""
    count = block_count(len(data), stripes)
    size = -(-len(data) // count) if count else 0
    return [data[i * size : (i + 1) * size] for i in range(count)]


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part with its seal: `raw` is the 148 bytes that `seal` was read from or signed into."""

    raw: bytes
    seal: Seal
    data: bytes


def seal_part(identity: Signer, draft: Seal, data: bytes) -> SealedPart:
    """Seal `data`. `blocks`, `size` and `root` of `draft` are not looked at: they follow from the data.

    Raises SealError when a field is out of its bounds, or the part empty or too large.
    """
    if not 1 <= draft.stripes <= MAX_STRIPES:
        raise SealError(f"A part has 1 to {MAX_STRIPES} stripes, not {draft.stripes}.")
    if not 1 <= len(data) <= MAX_PART:
        raise SealError(f"A part has 1 to {MAX_PART} bytes, not {len(data)}.")
    blocks = cut(data, draft.stripes)
    seal = replace(draft, blocks=len(blocks), size=len(data), root=merkle.root(blocks))
    signed = seal.encode()
    return SealedPart(signed + identity.sign(TAG_SEAL, signed), seal, data)
