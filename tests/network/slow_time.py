"""Time that goes slower: `python -m tests.network.slow_time FACTOR SCRIPT [ARGUMENT …]` runs a script in it.

All clocks of the process go FACTOR times slower, and it waits FACTOR times longer. With a network whose
delays are as many times longer, everything goes as on a machine that is FACTOR times as fast: so a few cores
can be those of fifty people (Gupta et al., To Infinity and Beyond: Time-Warped Network Emulation, 2006).
"""

from __future__ import annotations

import asyncio
import runpy
import selectors
import sys
import time

import uvloop

BEGINNING = 1_790_000_000.0
"""When wall clocks began to go slower: the same in every process."""


class SlowSelector(selectors.DefaultSelector):
    """Waits longer."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout * self._factor)


def slowly(factor: float, script: str, *arguments: str) -> tuple[str, ...]:
    """What starts a script in slower time."""
    return (sys.executable, "-m", "tests.network.slow_time", str(factor), script, *arguments)


def slow_down(factor: float) -> None:
    """From now on this process lives in slower time."""
    monotonic, wall = time.monotonic, time.time
    time.monotonic = lambda: monotonic() / factor
    time.time = lambda: BEGINNING + (wall() - BEGINNING) / factor
    # Our programs take this loop, which reads the kernel's clock itself; that of asyncio reads the one above.
    uvloop.new_event_loop = lambda: asyncio.SelectorEventLoop(SlowSelector(factor))  # type: ignore[assignment,return-value]


if __name__ == "__main__":
    slow_down(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
