"""Where lines come from, and where they end."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from peer.chat_input import MAX_LINE, InputInterruptedError, piped_lines, prompted_lines

pytestmark = pytest.mark.asyncio


async def lines_of(content: bytes) -> list[str]:
    reading, writing = os.pipe()
    writer = threading.Thread(target=_write_all, args=(writing, content))
    writer.start()
    try:
        return [line async for line in piped_lines(reading)]
    finally:
        os.close(reading)
        writer.join()


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
    os.close(descriptor)


async def test_lines_of_every_ending() -> None:
    assert await lines_of("one\ntwo\r\n\nGrüße\nlast".encode()) == ["one", "two", "", "Grüße", "last"]
    assert await lines_of(b"") == []


async def test_bytes_that_are_no_text_do_not_end_it() -> None:
    assert await lines_of(b"\xff\xfe\nnext\n") == ["\ufffd\ufffd", "next"]


async def test_endless_line_takes_no_memory_and_the_next_one_is_read() -> None:
    assert [len(line) for line in await lines_of(b"x" * 1_000_000 + b"\nnext\n")] == [MAX_LINE, 4]


async def test_waiting_for_a_line_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    lines = piped_lines(reading)
    waiting = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.close(reading)
    os.close(writing)


async def test_file_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("a\nb\n" * 10_000)
    descriptor = os.open(tmp_path / "lines", os.O_RDONLY)
    assert len([line async for line in piped_lines(descriptor)]) == 20_000
    os.close(descriptor)


async def test_prompt_gives_lines_until_control_d() -> None:
    with create_pipe_input() as keys:
        keys.send_text("hello\rwórld\r\x04")
        session: PromptSession[str] = PromptSession(input=keys, output=DummyOutput())
        assert [line async for line in prompted_lines(session)] == ["hello", "wórld"]


async def test_prompt_tells_control_c() -> None:
    with create_pipe_input() as keys:
        keys.send_text("half a li\x03")
        session: PromptSession[str] = PromptSession(input=keys, output=DummyOutput())
        with pytest.raises(InputInterruptedError):
            await anext(prompted_lines(session))
