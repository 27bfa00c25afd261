"""Writes what is thought of peers after what they did: `python -m tests.vectors.write_standing`.

Each case is a list of steps [event, peer, points, now, outcome]: `now` is when the outcome, [points, doubt,
shunned, peers remembered], was asked, which is when the next step happens; the first one happens at 100.
Both languages replay them.
"""

import json
import random
from pathlib import Path
from typing import Any

from peer.core import standing
from peer.core.standing import Standing

FILE = Path(__file__).parent / "standing.json"
POINTS = (standing.IN_TIME, standing.STRAY, standing.FLOOD, standing.BROKEN_PROMISE, standing.MEAGRE)


def case(seed: int, peers: int, count: int, pause: float) -> list[list[Any]]:
    """`count` deeds of `peers` peers, up to `pause` seconds apart."""
    chance = random.Random(seed)
    known = Standing()
    steps: list[list[Any]] = []
    now = 100.0
    for _ in range(count):
        peer = chance.randrange(peers).to_bytes(16, "big")
        event = "shun" if chance.random() < 0.02 else "note"
        points = chance.choice(POINTS) * chance.choice((1, 1, 20))
        known.shun(peer, now) if event == "shun" else known.note(peer, points, now)
        now += pause * chance.random()
        outcome = [known.points(peer, now), known.doubt(peer, now), known.shunned(peer, now), len(known)]
        steps.append([event, peer.hex(), points, now, outcome])
    return steps


def cases() -> list[list[list[Any]]]:
    return [case(1, 4, 120, 1.0), case(2, 6, 120, 60.0), case(3, 65536, 1200, 0.05)]


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(steps, separators=(",", ":")) for steps in cases())
    FILE.write_text(f"[\n{lines}\n]\n")
