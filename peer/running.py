"""How a command lives and ends: one event loop, one sentence for an error, a second at most to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from signaling.errors import ToldError

OK, FAILURE, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130
STOP_SECONDS = 0.9


class CommandError(ToldError):
    """The command cannot go on; the message is one sentence for a person."""


def run(command: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
    """Run a command to its end and return its exit code."""
    code = _run(command)
    if any(thread.name.startswith("media") for thread in threading.enumerate()):
        # It still waits for a server, in a library that would crash while the interpreter is taken down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(command: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
    try:
        return _loop(command)
    except ToldError as error:
        say(str(error))
        return REFUSED if error.refused else FAILURE
    except BrokenPipeError:
        # Whoever read our output has gone; so do we.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return FAILURE


def say(sentence: str) -> None:
    """A sentence on the terminal, apart from what the command prints for programs."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)


def _loop(command: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
    stopped: list[int] = []

    async def main() -> int:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def stop(code: int) -> None:
            if not stopped:
                stopped.append(code)
                _force_exit(code)
                if task is not None:
                    task.cancel()

        for number, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, OK)):
            loop.add_signal_handler(number, stop, code)
        try:
            return await command() or OK
        except asyncio.CancelledError:
            if stopped:
                return stopped[0]
            raise

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _force_exit(code: int) -> None:
    """Whatever hangs in a foreign thread, the process ends within a second."""
    timer = threading.Timer(STOP_SECONDS, lambda: os._exit(code))
    timer.daemon = True
    timer.start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
