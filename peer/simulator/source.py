"""The publisher's media: parts whose sizes, durations and key frames are those of a recorded stream."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from importlib import resources

from peer.seal import FIRST, INDEPENDENT, SEGMENT_START, Seal, SealedPart, seal_part
from peer.signing import Signer


@dataclass(frozen=True, slots=True)
class Trace:
    """`parts` are (bytes, independent, seconds); `part_duration` in seconds, `bandwidth` in bit/s."""

    part_duration: float
    bandwidth: int
    parts: tuple[tuple[int, bool, float], ...]

    @property
    def rate(self) -> float:
        """Bit/s that the parts really have."""
        return 8 * sum(size for size, _, _ in self.parts) / sum(seconds for _, _, seconds in self.parts)


TRACES = ("pattern", "film")
"""What scripts/record_trace.py made of `test:` and of the sample video."""


def recorded(name: str) -> Trace:
    """One of TRACES."""
    text = resources.files("peer.simulator").joinpath("traces", f"{name}.json").read_text()
    raw = json.loads(text)
    parts = tuple((size, bool(independent), micros / 1e6) for size, independent, micros in raw["parts"])
    return Trace(raw["part_duration"], raw["bandwidth"], parts)


class Source:
    """Makes and seals one part after another; the trace is repeated for ever."""

    def __init__(
        self, identity: Signer, braid: bytes, stripes: int, epoch: int, trace: Trace, seed: int
    ) -> None:
        self._identity, self._braid, self._stripes, self._epoch = identity, braid, stripes, epoch
        self._trace = trace
        self._noise = random.Random(f"{seed} media").randbytes(1 << 20)
        self._number = 0
        self._segment = 0
        self._index = -1
        self._media_time = 0
        self._previous = FIRST

    def next_duration(self) -> float:
        """Seconds until the next part is complete."""
        return self._trace.parts[self._number % len(self._trace.parts)][2]

    def next_part(self, now: float) -> SealedPart:
        """The next part; its capture time is the virtual time at which its first frame was taken."""
        size, independent, seconds = self._trace.parts[self._number % len(self._trace.parts)]
        if independent:
            self._segment, self._index = self._segment + 1, 0
        else:
            self._index += 1
        at = (self._number * 7919) % (len(self._noise) - size)
        duration = round(seconds * 1e6)
        draft = Seal(
            flags=(INDEPENDENT | SEGMENT_START) if independent else 0,
            stripes=self._stripes,
            blocks=0,
            braid=self._braid,
            epoch=self._epoch,
            number=self._number,
            segment=self._segment,
            index=max(0, self._index),
            init=0,
            media_time=self._media_time,
            duration=duration,
            capture_time=max(0, round(now * 1e6) - duration),
            size=0,
            root=bytes(16),
            previous=self._previous,
        )
        part = seal_part(self._identity, draft, self._noise[at : at + size])
        self._number += 1
        self._media_time += duration
        self._previous = part.seal.digest()
        return part
