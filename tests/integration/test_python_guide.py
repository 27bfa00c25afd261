"""The example of docs/python.md is run as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from peer.api import Peer
from peer.media.parts import MediaOptions
from signaling.server.app import run
from signaling.server.config import Config

GUIDE = Path(__file__).parent.parent.parent / "docs" / "python.md"


@pytest.mark.asyncio
async def test_example_of_the_guide_gets_parts_and_says_hello(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert code is not None
    program = tmp_path / "tap.py"
    program.write_text(code[1])
    async with (
        run(Config(port=0)) as introducer,
        Peer.join(introducer.url, "demo", role="publisher") as peer,
    ):
        await peer.publish("main", "test:?size=320x180&fps=15", MediaOptions())
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, introducer.url, "demo",
            cwd=GUIDE.parent.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 40)
        assert process.returncode == 0, err.decode()
        numbers = [int(line.split()[0]) for line in out.decode().splitlines()]
        assert len(numbers) == 20
        assert numbers == sorted(set(numbers))
        said = [entry.text for entry in peer.chat.session.messages()]
        assert said == ["hello from a program"]
