"""A verified part, as programs get it."""

from __future__ import annotations

from dataclasses import dataclass

from peer.seal import Seal


@dataclass(frozen=True, slots=True)
class Part:
    """One complete part whose seal is the publisher's. `init` and parts of one epoch make a file.

    Times are in seconds: `media_time` on the epoch's timeline, `capture_time` on the publisher's clock.
    """

    init: bytes
    data: bytes
    epoch: int
    number: int
    segment: int
    media_time: float
    duration: float
    capture_time: float
    independent: bool
    discontinuity: bool
    skipped: int
    """Parts that were given up just before this one."""


def part_of(seal: Seal, data: bytes, init: bytes, skipped: int) -> Part:
    """The part that `seal` describes."""
    return Part(
        init=init,
        data=data,
        epoch=seal.epoch,
        number=seal.number,
        segment=seal.segment,
        media_time=seal.media_time / 1e6,
        duration=seal.duration / 1e6,
        capture_time=seal.capture_time / 1e6,
        independent=seal.independent,
        discontinuity=seal.discontinuity,
        skipped=skipped,
    )
