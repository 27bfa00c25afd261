"""What is measured in the bed and computed by the simulator's links: the same blocks, the same network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEASURED = Path(__file__).with_name("measured.json")
"""What `python -m tests.network.measure` found, and on what machine."""


@dataclass(frozen=True, slots=True)
class Case:
    """Blocks that are sent along a chain of links, each of which has its own delay and loss."""

    name: str
    round_trip: float
    """Seconds, for each hop."""
    loss: float
    """Share of packets, by chance, each way."""
    size: int
    """Bytes of a block."""
    together: int
    """Blocks that are sent at once."""
    interval: float
    """Seconds from one such part to the next; 0: as much as the network takes."""
    seconds: float
    hops: int = 3
    chains: int = 3
    """Independent ones, so that a minute gives more."""
    up: float | None = None
    """Bit/s of each uplink."""

    @property
    def is_throughput(self) -> bool:
        return self.interval == 0


# A stream of 1 Mbit/s in parts of 100 ms and four stripes: one stripe of it, or all four by one parent.
CASES = (
    Case("no loss", 0.04, 0.0, 3200, 4, 0.1, 20),
    Case("one stripe, 1 % lost", 0.04, 0.01, 3200, 1, 0.1, 60),
    Case("four stripes, 1 % lost", 0.04, 0.01, 3200, 4, 0.1, 60),
    Case("four stripes by 2 Mbit/s", 0.04, 0.0, 3200, 4, 0.1, 20, up=2e6),
    Case("as much as goes, 50 ms, 1 % lost", 0.05, 0.01, 16000, 1, 0.0, 60, hops=1, chains=4),
)
