"""`braidcast simulate`: a room of emulated peers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from peer.showing import print_json
from peer.simulator.options import Options
from peer.simulator.plot import check_plot, draw
from peer.simulator.progress import SimulationProgress
from peer.simulator.run import ChatSimulation, Run, Simulation
from peer.simulator.table import show

BREATHE_EVERY = 0.1
"""Seconds for which a simulation computes without looking up."""


async def simulate(options: Options, plot: Path | None, json_lines: bool) -> int:
    """To its end."""
    simulation: Run
    if options.chat is not None:
        simulation = ChatSimulation(options)
        await _simulated(simulation)
    else:
        if plot is not None:
            check_plot(plot)
        simulation = Simulation(options)
        await _simulated(simulation)
        if plot is not None:
            draw(simulation.record, simulation.world.measures.delays.shares(), plot)
    if json_lines:
        print_json(simulation.record)
    else:
        show(simulation.record, Console(highlight=False))
    return 0


async def _simulated(simulation: Run) -> None:
    with SimulationProgress() as progress:
        yielded = time.monotonic()
        for share in simulation:
            if time.monotonic() - yielded >= BREATHE_EVERY:
                progress.update(share)
                await asyncio.sleep(0)  # Ctrl-C is heard here
                yielded = time.monotonic()
