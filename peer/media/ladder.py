"""A ladder: which renditions a source is published in. Pure arithmetic.

Nothing is enlarged, and what is no taller than asked for is one rung, however many were asked for.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from peer.quantity import parse_amount

MAX_RUNGS = 6
"""Each is encoded on one machine, and all init segments fit into a stream's description."""
_LEAST_HEIGHT, _MOST_HEIGHT = 90, 4320
_RUNG = re.compile(r"(\d{1,4})p:(\S+)")
_STEPS = (1080, 720, 360, 240)
"""Heights of an automatic ladder, and how much lower the next one is at least, to make a difference."""
_STEP = 2 / 3
_AUTOMATIC_RUNGS = 3
_TOLERATED = 1.5
"""A source may have so much more than the rung's rate and still be passed on: to encode it again costs more
quality than it saves, and what is measured begins with a key frame."""


class LadderError(ValueError):
    """A ladder that cannot be read, in one sentence."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition's greatest height, and the bit rate of its pictures."""

    height: int
    video_bitrate: int

    @property
    def name(self) -> str:
        """The rendition's id."""
        return f"{self.height}p"


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs that are wanted, the tallest first; without any, the source's height decides."""

    rungs: tuple[Rung, ...] = ()

    def fit(self, height: int) -> tuple[Rung, ...]:
        """The rungs for pictures of this height: of those that are as tall or taller, the last one."""
        rungs = self.rungs or _automatic(height)
        taller = [rung for rung in rungs if rung.height >= height]
        return (*taller[-1:], *(rung for rung in rungs if rung.height < height))

    def misfit(self, height: int, bit_rate: int) -> str | None:
        """Why a source cannot be the first rung as it comes; `bit_rate` is 0 while that is not known."""
        first = self.fit(height)[0]
        if height > first.height:
            return f"it has more than the ladder's {first.height} lines"
        if self.rungs and bit_rate > _TOLERATED * first.video_bitrate:
            return f"it has {bit_rate // 1000} kbit/s, the ladder {first.video_bitrate // 1000}"
        return None


def parse_ladder(text: str) -> Ladder:
    """`auto`, or rungs such as `720p:2500k,360p:700k`. Raises LadderError."""
    if text == "auto":
        return Ladder()
    rungs = []
    for item in map(str.strip, text.split(",")):
        match = _RUNG.fullmatch(item)
        rate = parse_amount(match[2]) if match is not None else None
        if match is None or rate is None:
            raise LadderError(
                f"{item!r} is no rung of a ladder: give heights and bit rates, such as 720p:2500k,360p:700k, "
                "or auto."
            )
        if int(match[1]) % 2 or not _LEAST_HEIGHT <= int(match[1]) <= _MOST_HEIGHT:
            raise LadderError(
                f"The ladder cannot have {match[1]}p: heights are even, "
                f"from {_LEAST_HEIGHT} to {_MOST_HEIGHT}."
            )
        rungs.append(Rung(int(match[1]), rate))
    if len(rungs) > MAX_RUNGS:
        raise LadderError(f"A ladder has at most {MAX_RUNGS} rungs.")
    rungs.sort(key=lambda rung: -rung.height)
    for upper, lower in pairwise(rungs):
        if upper.height == lower.height:
            raise LadderError(f"The ladder has {lower.name} twice: give each height once.")
        if upper.video_bitrate <= lower.video_bitrate:
            raise LadderError(f"The ladder's {lower.name} needs a lower bit rate than its {upper.name}.")
    return Ladder(tuple(rungs))


def _automatic(height: int) -> tuple[Rung, ...]:
    heights = [min(height, _STEPS[0])]
    for step in _STEPS:
        if step <= heights[-1] * _STEP and len(heights) < _AUTOMATIC_RUNGS:
            heights.append(step)
    return tuple(Rung(each, _rate(each)) for each in heights)


def _rate(height: int) -> int:
    """Bit/s for 30 pictures a second: 2.5 Mbit/s at 720 lines; taller pictures need less for each pixel."""
    rate: float = 2_500_000 * (height / 720) ** 1.5
    return max(100_000, round(rate / 50_000) * 50_000)
