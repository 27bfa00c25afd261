"""Lines from a person or a program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

MAX_LINE = 65536
"""Bytes; what is longer is cut, for no message is."""
_READ = 16384


class InputInterruptedError(Exception):
    """Ctrl-C was typed into the prompt."""


async def piped_lines(descriptor: int) -> AsyncGenerator[str, None]:
    """Lines from a pipe, a file or a plain terminal, as they are asked for, until it ends."""
    line = bytearray()
    async with aclosing(_chunks(descriptor)) as chunks:
        async for chunk in chunks:
            *ended, rest = chunk.split(b"\n")
            for end in ended:
                line += end[: MAX_LINE - len(line)]
                yield _text(line)
                line.clear()
            line += rest[: MAX_LINE - len(line)]
    if line:
        yield _text(line)


def _text(line: bytearray) -> str:
    return line.decode(errors="replace").removesuffix("\r")


async def _chunks(descriptor: int) -> AsyncGenerator[bytes, None]:
    while True:
        await _readable(descriptor)
        chunk = os.read(descriptor, _READ)
        if not chunk:
            return
        yield chunk


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except (PermissionError, ValueError, OSError):
        await asyncio.sleep(0)  # a file, or /dev/null: never a wait, and nothing that can be watched
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


async def prompted_lines(session: PromptSession[str]) -> AsyncGenerator[str, None]:
    """Lines typed at a prompt, until Ctrl-D. Raises InputInterruptedError at Ctrl-C."""
    while True:
        try:
            # Signals are the command's own business: the prompt would take its handlers away.
            yield await session.prompt_async(handle_sigint=False)
        except EOFError:
            return
        except KeyboardInterrupt:
            raise InputInterruptedError from None
