"""Writes the samples of the publisher's clock: `python -m tests.vectors.write_clock`.

Each case has steps: what a source (a peer id; the publisher's is "ff") answered (t0, t1, t2, t3 and error,
in seconds), perhaps the capture time of a part that came and when, and then what is read at some times: the
publisher's time and its error, or null. Both languages replay them.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from peer.core.clock import PublisherClock

FILE = Path(__file__).parent / "clock.json"
AHEAD = 1.7e9
"""The publisher's clock is so far ahead of the local one, in seconds."""
PUBLISHER = b"\xff"


def case(
    seed: int, count: int, jitter: float, sources: int = 1, liars: int = 0, *, direct: bool = False
) -> list[dict[str, Any]]:
    """Exchanges over paths whose two ways are late by up to `jitter` each; some answers make no sense.

    The first `liars` of the `sources` are an hour ahead, or 5 s behind. `direct`: the last is the publisher.
    """
    chance = random.Random(seed)
    clock = PublisherClock(PUBLISHER)
    steps: list[dict[str, Any]] = []
    now = 50.0
    for number in range(count):
        who = number % sources
        source = PUBLISHER if direct and who == sources - 1 else bytes([who])
        lie = 0.0 if who >= liars else (3600.0, -5.0)[who % 2]
        t0 = now
        there, back = 0.02 + jitter * chance.random(), 0.02 + jitter * chance.random()
        t1 = t0 + there + AHEAD + lie
        t2 = t1 + 0.001
        t3 = t0 + there + 0.001 + back
        error = -1.0 if number % 7 == 6 else 0.003 * chance.random()
        if number % 11 == 10:
            t2 = t1 + 10.0
        clock.sample(source, t0, t1, t2, t3, error)
        step: dict[str, Any] = {"source": source.hex(), "sample": [t0, t1, t2, t3, error]}
        if sources > 1 and number % 3 == 2:
            captured = t3 + AHEAD - 0.2 - 0.3 * chance.random()
            clock.prove(captured, t3)
            step["proved"] = [captured, t3]
        step["reads"] = [[at, clock.read(at)] for at in (t3, t3 + 1.0, t3 + 600.0)]
        steps.append(step)
        now = t3 + 0.5 + 5.0 * chance.random()
    return steps


def cases() -> list[list[dict[str, Any]]]:
    return [
        case(1, 40, 0.0),
        case(2, 40, 0.05),
        case(3, 12, 0.5),
        case(4, 60, 0.05, 5, 2),
        case(5, 60, 0.05, 3, 2, direct=True),
        case(6, 90, 0.05, 40),
    ]


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(steps) for steps in cases())
    FILE.write_text(f"[\n{lines}\n]\n")
