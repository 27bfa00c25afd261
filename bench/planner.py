"""The planner of large rooms alone: what it looks at for a join, a report and a leave, and how long it takes.

Peers report honestly what the uploads of their parents allow; there are no links. Uploads are log-normal,
and a fifth gives nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.unit.signaling.audience import STRIPES, Audience
from tests.unit.signaling.test_planner_scale import upload

VIEWERS = (1_000, 10_000)
MEANS = (2.0, 0.8)
"""Times the stream that viewers can give on average: ample, and scarce."""
MEASURED = 500
"""Events of each kind."""
STEPS = 10
"""Times that everybody reports while the room fills."""


def measure(viewers: int, mean: float) -> dict[str, Any]:
    """One room: nodes and microseconds an event."""
    audience = Audience(seed=5, credit=STRIPES)
    for number in range(viewers):
        audience.join(upload(audience.chance, mean * STRIPES))
        if number % (viewers // STEPS) == 0:
            audience.round()
    audience.round()
    audience.now += 2
    some = audience.chance.sample(list(audience.uploads), 2 * MEASURED)
    events: dict[str, Callable[[int], object]] = {
        "report": lambda number: audience.report(some[number]),
        "join": lambda _: audience.join(upload(audience.chance, mean * STRIPES)),
        "leave": lambda number: audience.leave(some[MEASURED + number]),
    }
    found: dict[str, Any] = {"viewers": viewers, "mean": mean}
    for name, event in events.items():
        found[name] = _cost(audience, event)
    return found


def rooms() -> list[dict[str, Any]]:
    """Small and large, with ample upload and with scarce."""
    return [measure(viewers, mean) for mean in MEANS for viewers in VIEWERS]


def _cost(audience: Audience, event: Callable[[int], object]) -> dict[str, float]:
    planner = audience.planner
    planner.changes()
    planner.trees.touched = 0
    began = time.process_time()
    for number in range(MEASURED):
        event(number)
        planner.changes()
    spent = time.process_time() - began
    return {"nodes": planner.trees.touched / MEASURED, "microseconds": 1e6 * spent / MEASURED}
