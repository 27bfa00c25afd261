"""ranges.json: what two logs say when they are compared, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from random import Random

from peer.core.chat_message import Place
from peer.core.chat_places import Places
from peer.core.chat_ranges import answer, opening
from peer.wire_ranges import (
    ASK,
    LIST,
    PLACE,
    SAME,
    SKIP,
    Comparison,
    Range,
    write_comparison,
    write_ranges,
)
from tests.vectors.samples import Json, fields

MOST = 256


@dataclass(frozen=True)
class Set:
    """The places of every `step`th number from `first` on, without some; `width` of them share a clock."""

    count: int
    without: tuple[int, ...] = ()
    width: int = 1
    first: int = 0
    step: int = 1

    def places(self) -> Places:
        without = set(self.without)
        found = Places(10**6)
        numbers = range(self.first, self.count, self.step)
        found.restore(place(number, self.width) for number in numbers if number not in without)
        return found


def place(number: int, width: int) -> Place:
    id = sha256(number.to_bytes(8, "big")).digest()
    return (number // width + 1, sha256(id[:1]).digest(), id)


def samples(count: int, lost: int, seed: int) -> tuple[int, ...]:
    return tuple(sorted(Random(seed).sample(range(count), lost)))


TALKS: dict[str, tuple[Set, Set, int]] = {
    "nothing and nothing": (Set(0), Set(0), 0),
    "nothing and a few": (Set(0), Set(3), 0),
    "a few of few": (Set(40, samples(40, 3, 1)), Set(40, samples(40, 3, 2)), 0),
    "few and many": (Set(20), Set(2_000), 0),
    "many and few": (Set(2_000), Set(20), 0),
    "the newest": (Set(2_000), Set(1_990), 0),
    "a few of many": (Set(2_000, samples(2_000, 5, 3)), Set(2_000, samples(2_000, 5, 4)), 0),
    "many that share clocks": (Set(2_000, samples(2_000, 5, 5), 7), Set(2_000, samples(2_000, 5, 6), 7), 0),
    "all of one clock": (Set(900, samples(900, 5, 7), 900), Set(900, (), 900), 0),
    "from a horizon on": (Set(2_000), Set(2_000, samples(2_000, 40, 8)), 1_500),
    "more than has room": (Set(20_000, first=0, step=2), Set(20_000, first=1, step=2), 0),
}


def talk(here: Set, there: Set, begins: int) -> list[Json]:
    """Each message, with what the one that gets it is to tell."""
    both = (here.places(), there.places())
    horizon = bytes(PLACE) if begins == 0 else begins.to_bytes(4, "big").ljust(PLACE, b"\0")
    ranges = opening(both[0], horizon)
    steps: list[Json] = []
    at = 1
    while any(said.kind != SKIP for said in ranges):
        found = answer(both[at], horizon, ranges, MOST)
        told = sha256(b"".join(found.told)).hexdigest() if found.told else ""
        raw = write_ranges(ranges)
        said = {"raw": raw.hex()} if len(raw) < 2_000 else {"size": len(raw), "hash": sha256(raw).hexdigest()}
        steps.append({**said, "count": len(found.told), "told": told, "complete": found.complete})
        ranges, at = found.ranges, 1 - at
    return steps


RANGES: dict[str, list[Range]] = {
    "nothing": [],
    "one of each": [
        Range(b""),
        Range(b"\x01", SAME, b"\x07" * 16),
        Range(b"\x02", LIST, shorts=(b"\x07" * 8, b"\x08" * 8)),
        Range(b"\x02" * PLACE, ASK, shorts=(b"\x07" * 8,)),
        Range(b"\x03", LIST),
    ],
}
REFUSED: dict[str, bytes] = {
    "a start that is cut": b"\x01",
    "no kind": b"\x00",
    "a kind that is not known": b"\x00\x04",
    "two that begin at the same place": b"\x00\x00\x00\x00",
    "two that are out of order": b"\x01\x05\x00\x01\x04\x00",
    "a start of 69 bytes": b"\x45" + bytes(70),
    "a fingerprint that is cut": b"\x00\x01" + bytes(15),
    "a list that is cut": b"\x00\x02\x00\x02" + bytes(15),
    "a count that is cut": b"\x00\x03\x01",
}
COMPARISONS = {
    "newcomer": Comparison(True, b"\x01" * 16, bytes(PLACE), bytes(PLACE), b"\x02" * 16),
    "another": Comparison(False, b"\x03" * 16, b"\x05" * PLACE, b"\x04" * PLACE, b"\x06" * 16),
}


def ranges() -> Json:
    return {
        "comparisons": [
            {"name": name, "raw": write_comparison(comparison).hex(), "comparison": fields(comparison)}
            for name, comparison in COMPARISONS.items()
        ],
        "ranges": [
            {"name": name, "raw": write_ranges(listed).hex(), "ranges": [fields(one) for one in listed]}
            for name, listed in RANGES.items()
        ],
        "refused": [{"name": name, "raw": raw.hex()} for name, raw in REFUSED.items()],
        "talks": [
            {
                "name": name,
                "sets": [asdict(one) for one in (here, there)],
                "begins": begins,
                "steps": talk(here, there, begins),
            }
            for name, (here, there, begins) in TALKS.items()
        ],
    }
