"""Runs one simulation to its end, in steps that leave room for progress and for an interruption."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from peer.simulator.chat_world import ChatWorld
from peer.simulator.options import Options
from peer.simulator.results import Record, results
from peer.simulator.scenes import Scene, finish
from peer.simulator.world import World

STEP = 0.02
"""Virtual seconds in one go: even ten thousand viewers take less than a second of real time for that."""


class Run:
    """Iterate over it for the share that is done, from 0 to 1; then take the `record`."""

    def __init__(self, world: World | ChatWorld) -> None:
        self.scene = Scene(world)
        self.record: Record = {}

    def __iter__(self) -> Iterator[float]:
        # Millions of objects live long here and few are garbage in circles: looking for those costs a third.
        gc.disable()
        try:
            while not self.scene.done:
                self.scene.step(STEP)
                yield min(1.0, self.scene.world.clock.now / self.scene.end)
            self.record = self.results()
        finally:
            gc.enable()

    def results(self) -> Record:
        """The figures at the end."""
        raise NotImplementedError


class Simulation(Run):
    """A room with a stream."""

    def __init__(self, options: Options) -> None:
        self.world = World(options)
        super().__init__(self.world)

    def results(self) -> Record:
        finish(self.world)
        return results(self.world)


class ChatSimulation(Run):
    """A room that only talks."""

    def __init__(self, options: Options) -> None:
        self.world = ChatWorld(options)
        super().__init__(self.world)

    def results(self) -> Record:
        return self.world.measures.results()


def simulate(options: Options) -> Record:
    """One whole run."""
    simulation = Simulation(options) if options.chat is None else ChatSimulation(options)
    for _ in simulation:
        pass
    return simulation.record
