"""Runs one simulation to its end, in steps that leave room for progress and for an interruption."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from peer.simulator.options import Options
from peer.simulator.results import Record, results
from peer.simulator.scenes import Scene, finish
from peer.simulator.world import World

STEP = 0.02
"""Virtual seconds in one go: even ten thousand viewers take less than a second of real time for that."""


class Simulation:
    """Iterate over it for the share that is done, from 0 to 1; then take the `record`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.world = World(options)
        self.scene = Scene(self.world)
        self.record: Record = {}

    def __iter__(self) -> Iterator[float]:
        # Millions of objects live long here and few are garbage in circles: looking for those costs a third.
        gc.disable()
        try:
            while not self.scene.done:
                self.scene.step(STEP)
                yield min(1.0, self.world.clock.now / self.scene.end)
            finish(self.world)
            self.record = results(self.world)
        finally:
            gc.enable()


def simulate(options: Options) -> Record:
    """One whole run."""
    simulation = Simulation(options)
    for _ in simulation:
        pass
    return simulation.record
