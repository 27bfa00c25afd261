"""Commands as a person meets them: they say in one sentence what is wrong, and end when they are told to."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from peer.addresses import free_port
from tests.programs import Program, Programs, programs

pytestmark = pytest.mark.asyncio

INTERRUPTED, REFUSED, USAGE, FAILURE = 130, 3, 2, 1
PATTERN = "test:?size=320x180"


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncIterator[Programs]:
    async with programs(tmp_path) as started:
        yield started


async def demo(run: Programs) -> tuple[Program, str]:
    """A running demo and its address."""
    program = await run.braidcast("demo", PATTERN, "--port", "0", "--json")
    return program, (await program.event("listening"))["url"]


def children(program: Program) -> list[int]:
    """Processes that it started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == program.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


async def interrupted(program: Program) -> None:
    assert await program.interrupt() == INTERRUPTED
    assert "Traceback" not in program.tail()
    assert not [line for line in program.errors if "never retrieved" in line or "was destroyed" in line]
    assert children(program) == []


async def test_interrupt_ends_every_command_of_a_room_that_runs(run: Programs) -> None:
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    server = ("--server", (await signaling.event("listening"))["url"], "--json")
    http = f"127.0.0.1:{free_port('127.0.0.1')}"
    publisher = await run.braidcast("publish", PATTERN, "--http", http, *server)
    await publisher.record(lambda record: record.get("state") == "live")
    relay = await run.braidcast("relay", *server)
    watch = await run.braidcast("watch", *server)
    chat = await run.braidcast("chat", *server, stdin=asyncio.subprocess.PIPE)
    await watch.record(lambda record: record["parts"] > 0 and record["bytes_from_peers"] > 0)
    await relay.record(lambda record: record["bytes_to_peers"] > 0)
    assert chat.process.stdin is not None
    chat.process.stdin.write(b"hello\n")
    await chat.record(lambda record: record["text"] == "hello")
    for program in (chat, watch, relay, publisher, signaling):
        await interrupted(program)


async def test_interrupt_ends_the_demo_and_its_relays(run: Programs) -> None:
    program = await run.braidcast("demo", PATTERN, "--port", "0", "--relays", "2", "--json")
    await program.record(lambda record: record.get("links") == 2)
    await interrupted(program)


async def test_interrupt_while_a_publisher_waits_for_its_rtmp_client(run: Programs) -> None:
    program, url = await demo(run)
    source = f"rtmp://127.0.0.1:{free_port('127.0.0.1')}/live"
    waiting = await run.braidcast("publish", source, "--stream", "other", "--server", url, "--json")
    await waiting.event("joined")
    await interrupted(waiting)
    await interrupted(program)


async def test_interrupt_while_a_command_is_still_loading(run: Programs) -> None:
    program = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from peer.entry import main
main()
"""
    loading = await run.start("braidcast, interrupted", sys.executable, "-c", program)
    assert await loading.ended() == INTERRUPTED
    assert not loading.output
    assert not loading.errors


async def test_termination_is_a_success(run: Programs) -> None:
    program, _ = await demo(run)
    program.process.send_signal(signal.SIGTERM)
    assert await program.ended() == 0
    assert "Traceback" not in program.tail()


async def test_a_server_that_is_not_there_is_one_sentence(run: Programs) -> None:
    port = free_port("127.0.0.1")
    commands = [("watch",), ("relay",), ("chat",), ("publish", PATTERN)]
    tried = [await run.braidcast(*command, "--server", f"http://127.0.0.1:{port}") for command in commands]
    assert await asyncio.gather(*(program.ended() for program in tried)) == [FAILURE] * 4
    for program in tried:
        (sentence,) = program.errors
        assert str(port) in sentence
        assert sentence.endswith(".")


async def test_a_port_in_use_is_one_sentence(run: Programs) -> None:
    _, url = await demo(run)
    port = url.rpartition(":")[2]
    for command in (("demo", PATTERN), ("signal",)):
        program = await run.braidcast(*command, "--port", port)
        assert await program.ended() == FAILURE
        (sentence,) = program.errors
        assert port in sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "/no/such/file.mp4"),
        ("demo", "srt://127.0.0.1"),
        ("demo", "test:?size=1x1"),
        ("publish", "test:", "--http", "nowhere"),
        ("publish", "test:", "--http", "0.0.0.0:8080"),
        ("publish", "test:", "--window", "long"),
        ("publish", "test:", "--window", "5h"),
        ("publish", "test:", "--http", "127.0.0.1:0", "--window-folder", "/dev/null/window"),
        ("publish", "test:", "--ladder", "720p"),
        ("publish", "test:", "--part", "2s"),
        ("relay", "--window-size", "big"),
        ("relay", "--rendition", "no rendition"),
        ("watch", "--room", "no room"),
        ("watch", "--ice-server", "http://127.0.0.1"),
        ("watch", "--token-file", "/no/such/file"),
        ("relay", "--uplink", "fast"),
        ("simulate", "--viewers", "10", "--loss", "much"),
        ("doctor",),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(run: Programs, arguments: tuple[str, ...]) -> None:
    port = ("--port", "0") if arguments[0] == "demo" else ()
    program = await run.braidcast(*arguments, *port)
    assert await program.ended() == FAILURE
    (sentence,) = program.errors
    assert sentence.endswith(".")
    assert not program.output


@pytest.mark.parametrize("arguments", [("watch", "--speed", "9"), ("publish",), ("dance",)])
async def test_a_command_line_that_makes_no_sense_is_a_usage_error(
    run: Programs, arguments: tuple[str, ...]
) -> None:
    program = await run.braidcast(*arguments)
    assert await program.ended() == USAGE
    assert not program.output


async def test_the_place_taken_by_the_same_key_elsewhere_is_a_refusal(run: Programs, tmp_path: Path) -> None:
    _, url = await demo(run)
    arguments = ("watch", "--server", url, "--key-file", str(tmp_path / "my.key"), "--json")
    first = await run.braidcast(*arguments)
    await first.record(lambda record: record["parts"] > 0)
    second = await run.braidcast(*arguments)
    assert await first.ended() == REFUSED
    assert len(first.errors) == 1
    await second.record(lambda record: record["parts"] > 0)


async def test_watching_a_room_without_a_stream_fails(run: Programs) -> None:
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    url = (await signaling.event("listening"))["url"]
    program = await run.braidcast("watch", "--server", url, "--seconds", "0.5")
    assert await program.ended() == FAILURE
    assert list(program.output) == [
        "Watching main in room demo. Ctrl-C stops.",
        "Nothing of the stream main came.",
    ]
