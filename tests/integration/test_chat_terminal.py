"""`braidcast chat` at a terminal: a real process behind a pseudo-terminal, in a real room."""

import asyncio
import sys
from pathlib import Path

import pytest

from peer.api import Peer
from tests.programs import BRAIDCAST, PATIENCE, Program, programs

pytestmark = pytest.mark.asyncio

BEHIND_A_TERMINAL = """
import os, pty, sys
os.environ["PROMPT_TOOLKIT_NO_CPR"] = "1"  # nobody here answers where the cursor is
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
CONTROL_C, INTERRUPTED = b"\x03", 130


def type_into(program: Program, keys: bytes) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(keys)


async def shows(program: Program, text: str) -> str:
    await program.until(lambda: any(text in line for line in program.output))
    return next(line for line in program.output if text in line)


async def test_messages_come_while_one_types_and_control_c_ends_it(tmp_path: Path) -> None:
    async with programs(tmp_path) as run:
        introducer = await run.braidcast("signal", "--port", "0", "--json")
        server = (await introducer.event("listening"))["url"]
        chat = (BRAIDCAST, "chat", "--server", server, "--room", "team", "--name", "ada")
        pipe = asyncio.subprocess.PIPE
        ada = await run.start("terminal", sys.executable, "-c", BEHIND_A_TERMINAL, *chat, stdin=pipe)
        async with Peer.join(server, "team", role="member") as bob:
            bob.chat.name = "b\x1b]0;owned\x07ob"  # no introducer takes such a name, but links do
            type_into(ada, b"half a ")
            await bob.chat.send("are you\x1b[2J there?")
            line = await shows(ada, " there?")
            assert "b\ufffd]0;owned\ufffdob" in line
            assert "are you\ufffd[2J there?" in line
            type_into(ada, b"line\r")
            async with asyncio.timeout(PATIENCE):
                async for message in bob.chat.messages():
                    if message.name == "ada":
                        break
            assert message.text == "half a line"
            await shows(ada, "half a line")
            type_into(ada, b"never sent" + CONTROL_C)
            assert await ada.ended() == INTERRUPTED
            assert [entry.text for entry in bob.chat.history][1:] == ["half a line"]
        assert "Traceback" not in ada.tail()
        assert not any("\x1b]0;owned" in line for line in ada.output)
