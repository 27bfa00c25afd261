"""Commands as real processes: each is owned, named, ended with its whole group, and its output kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yarl import URL

PATIENCE = 45.0
"""Seconds: long enough for a busy machine; nothing is asserted about how long anything takes."""
KEPT_LINES = 20_000
SHOWN_LINES = 25
BRAIDCAST = str(Path(sys.executable).with_name("braidcast"))


async def reachable(address: str) -> None:
    """Wait until somebody accepts connections at the host and port of a URL."""
    url = URL(address)
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(url.host, url.port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@dataclass
class Program:
    """A running command. Lines of its standard output and standard error are kept apart."""

    name: str
    process: asyncio.subprocess.Process
    output: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.errors)):
            assert stream is not None
            self._readers.append(asyncio.create_task(self._read(stream, lines), name=f"read {self.name}"))
        self._readers.append(asyncio.create_task(self._wait(), name=f"wait for {self.name}"))

    async def _read(self, stream: asyncio.StreamReader, lines: deque[str]) -> None:
        while line := await stream.readline():
            lines.append(line.decode(errors="replace").rstrip("\n"))
            self._changed.set()
        self._changed.set()

    async def _wait(self) -> None:
        await self.process.wait()
        self._changed.set()

    @property
    def pid(self) -> int:
        return self.process.pid

    def records(self) -> list[dict[str, Any]]:
        """The JSON objects that it printed."""
        return [json.loads(line) for line in self.output if line.startswith("{")]

    def latest(self) -> dict[str, Any]:
        """The last JSON object that it printed."""
        return self.records()[-1]

    async def record(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait for a JSON object of which `condition` is true, and return it."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found.extend(record for record in self.records() if condition(record))
            return bool(found)

        await self.until(look)
        return found[0]

    async def event(self, name: str) -> dict[str, Any]:
        """Wait for the JSON object of that event."""
        return await self.record(lambda record: record.get("event") == name)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until `condition`, looked at whenever something was printed, is true."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    if self.process.returncode is not None and all(task.done() for task in self._readers):
                        raise AssertionError(f"{self.name} ended with {self.process.returncode}")
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} did not print what was waited for") from None

    async def ended(self) -> int:
        """Wait for its end and return the exit code (negative: the signal that ended it)."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def interrupt(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def kill(self) -> None:
        """End it and all that it started, without a chance to say anything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.ended()

    def tail(self) -> str:
        """Its last lines, for a person who looks for the reason of a failure."""
        lines = [*list(self.output)[-SHOWN_LINES:], *list(self.errors)[-SHOWN_LINES:]]
        return "\n".join([f"--- {self.name} (exit code {self.process.returncode})", *lines])


class Programs:
    """Starts processes and ends them all."""

    def __init__(self, state: Path) -> None:
        self.all: list[Program] = []
        self._state = state

    async def start(self, name: str, *command: str, stdin: int = asyncio.subprocess.DEVNULL) -> Program:
        """Start `command` in a process group of its own."""
        # Keys are kept where no other test, and nothing of the developer's, is.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRAIDCAST_")}
        kept = {name: value for name, value in os.environ.items() if name == "BRAIDCAST_TEST_RUN"}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean | kept | {"XDG_STATE_HOME": str(self._state)},
            limit=2**22,
            start_new_session=True,
        )
        program = Program(name, process)
        self.all.append(program)
        return program

    async def braidcast(self, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Program:
        """`braidcast …`"""
        return await self.start(f"braidcast {arguments[0]}", BRAIDCAST, *arguments, stdin=stdin)

    async def close(self) -> None:
        """End what still runs."""
        await asyncio.gather(*(program.kill() for program in self.all))


@asynccontextmanager
async def programs(state: Path) -> AsyncIterator[Programs]:
    """Everything that is started is ended; pytest shows for a failure what the programs said last."""
    started = Programs(state)
    try:
        yield started
    finally:
        await started.close()
        for program in started.all:
            sys.stderr.write(program.tail() + "\n")
