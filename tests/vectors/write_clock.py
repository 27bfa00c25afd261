"""Writes the samples of the publisher's clock: `python -m tests.vectors.write_clock`.

Each case has samples (t0, t1, t2, t3 and the error of the answerer, in seconds) and, after each, what is read
at some times: the publisher's time and its error, or null. Both languages replay them.
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


def case(seed: int, count: int, jitter: float) -> list[dict[str, Any]]:
    """Exchanges over a path whose two ways are late by up to `jitter` each; some answers make no sense."""
    chance = random.Random(seed)
    clock = PublisherClock()
    steps: list[dict[str, Any]] = []
    now = 50.0
    for number in range(count):
        t0 = now
        there, back = 0.02 + jitter * chance.random(), 0.02 + jitter * chance.random()
        t1 = t0 + there + AHEAD
        t2 = t1 + 0.001
        t3 = t0 + there + 0.001 + back
        error = -1.0 if number % 7 == 6 else 0.003 * chance.random()
        if number % 11 == 10:
            t2 = t1 + 10.0
        clock.sample(t0, t1, t2, t3, error)
        reads = [[at, clock.read(at)] for at in (t3, t3 + 1.0, t3 + 600.0)]
        steps.append({"sample": [t0, t1, t2, t3, error], "reads": reads})
        now = t3 + 0.5 + 5.0 * chance.random()
    return steps


def cases() -> list[list[dict[str, Any]]]:
    return [case(1, 40, 0.0), case(2, 40, 0.05), case(3, 12, 0.5)]


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(steps) for steps in cases())
    FILE.write_text(f"[\n{lines}\n]\n")
