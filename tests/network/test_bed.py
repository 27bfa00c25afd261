"""The network bed does to packets what it says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from socket import SOCK_STREAM, SOL_SOCKET, socket

import pytest

from tests.e2e.audience import eventually
from tests.network.bed import SERVER, Place, network_bed
from tests.network.homes import Home, NatKind, apart
from tests.programs import PATIENCE, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("bed_is_possible")]

MINE = 4000
SO_RCVBUFFORCE = 33
"""Linux: beyond the limit for those who are not root."""
FATE = """
import asyncio, sys
from pathlib import Path
from tests.e2e.audience import eventually
from tests.network.bed import network_bed
from tests.network.homes import Home

async def main():
    async with network_bed([Home(delay=0.01)], Path(sys.argv[1])) as bed:
        sleeper = await asyncio.create_subprocess_exec(*bed.homes[0].command("sleep", sys.argv[2]))
        print("built", flush=True)
        await sleeper.wait()

asyncio.run(main())
"""


def bound(place: Place, port: int = MINE) -> socket:
    made = place.socket()
    made.bind((place.address, port))
    return made


async def received(there: socket) -> tuple[bytes, tuple[str, int]]:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(there, 2048), PATIENCE)


async def passed_to(there: socket, last: bytes) -> list[bytes]:
    """What comes until `last` comes."""
    came: list[bytes] = []
    while not came or came[-1] != last:
        came.append((await received(there))[0])
    return came


# What comes in after the machine wrote to one port of the server: from another host, from another port of
# the server, from that port; and whether another host sees the same mapping.
CAME: dict[NatKind, tuple[list[bytes], bool]] = {
    "none": ([b"stranger", b"other port", b"port"], True),
    "full cone": ([b"stranger", b"other port", b"port"], True),
    "address-restricted": ([b"other port", b"port"], True),
    "port-restricted": ([b"port"], True),
    "symmetric": ([b"port"], False),
}


@pytest.mark.parametrize("kind", CAME)
async def test_a_router_lets_in_and_names_whom_its_kind_does(kind: NatKind, tmp_path: Path) -> None:
    async with network_bed([Home(kind), Home("none")], tmp_path) as bed:
        home, stranger = bed.homes
        with (
            bound(home) as machine,
            bound(bed.server) as port,
            bound(bed.server, 4001) as other_port,
            bound(stranger) as elsewhere,
        ):
            elsewhere.sendto(
                b"here", (SERVER, MINE)
            )  # routers know their neighbours from now on: nothing is held up
            await received(port)
            machine.sendto(b"hello", (SERVER, MINE))
            seen = (await received(port))[1]
            assert (seen == (home.address, MINE)) == (kind == "none")
            for sender, text in ((elsewhere, b"stranger"), (other_port, b"other port"), (port, b"port")):
                sender.sendto(text, seen)
            assert await passed_to(machine, b"port") == CAME[kind][0]
            machine.sendto(b"hello", (stranger.address, MINE))
            assert ((await received(elsewhere))[1] == seen) == CAME[kind][1]


async def test_where_udp_is_blocked_tcp_is_not(tmp_path: Path) -> None:
    async with network_bed([Home("udp blocked"), Home("port-restricted")], tmp_path) as bed:
        with bound(bed.server) as server, bound(bed.homes[0]) as blocked, bound(bed.homes[1]) as free:
            blocked.sendto(b"blocked", (SERVER, MINE))
            free.sendto(b"free", (SERVER, MINE))
            assert await passed_to(server, b"free") == [b"free"]

        served = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.append(await reader.read())
            writer.close()

        listening = bed.server.socket(SOCK_STREAM)
        listening.bind((SERVER, 80))
        async with await asyncio.start_server(serve, sock=listening):
            door = await bed.homes[0].reach(SERVER, 80)
            reader, writer = await asyncio.open_connection("127.0.0.1", door)
            writer.write(b"over TCP")
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
            writer.close()
        assert served == [b"over TCP"]


async def test_delay_loss_and_order_are_those_that_were_asked_for(tmp_path: Path) -> None:
    count, loss = 3000, 0.02
    line = Home("none", delay=0.01, jitter=0.005, loss=loss)
    async with network_bed([line, Home("none", delay=0.01)], tmp_path) as bed:
        with bound(bed.homes[0]) as here, bound(bed.homes[1]) as there:
            there.setsockopt(SOL_SOCKET, SO_RCVBUFFORCE, 1024 * count)
            start = time.monotonic()
            for number in range(count):
                here.sendto(number.to_bytes(4, "big"), (bed.homes[1].address, MINE))
                if number % 50 == 49:
                    await asyncio.sleep(0.001)  # no faster than the delayer reads their numbers
            numbers = [int.from_bytes((await received(there))[0], "big")]
            assert time.monotonic() - start >= line.delay + 0.01
            while len(numbers) + (delayed := await bed.delayed()).lost < count:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        numbers.append(int.from_bytes(there.recv(2048), "big"))
                await asyncio.sleep(0.01)
        assert numbers == sorted(numbers)
        # Five standard deviations; the delayer's chances are the same in each run.
        assert abs(delayed.lost - count * loss) < 5 * (count * loss) ** 0.5


async def test_losses_in_bursts_are_as_many() -> None:
    for burst in (1.0, 4.0):
        begin, end = Home(loss=0.01, burst=burst).loss_chances()
        assert begin / (begin + end) == pytest.approx(0.01)
        assert end == pytest.approx(min(1 / burst, 0.99))


async def test_two_homes_apart_have_the_round_trip_and_loss_between_them() -> None:
    home = apart(0.04, 0.01)
    assert 4 * home.delay == pytest.approx(0.04)
    assert (1 - home.loss) ** 2 == pytest.approx(0.99)


async def test_a_line_takes_no_more_than_its_rate(tmp_path: Path) -> None:
    rate, size, count = 1_000_000, 1000, 100
    async with network_bed([Home("none", up=rate, queue=2.0), Home("none")], tmp_path) as bed:
        with bound(bed.homes[0]) as here, bound(bed.homes[1]) as there:
            start = time.monotonic()
            for _ in range(count):
                here.sendto(bytes(size), (bed.homes[1].address, MINE))
            for _ in range(count):
                await received(there)
            assert time.monotonic() - start >= 8 * size * (count - 5) / rate


async def test_nothing_is_left_when_the_tests_are_killed(tmp_path: Path) -> None:
    spaces = _named()
    async with programs(tmp_path) as run:
        nap = f"3600.{os.getpid()}"  # others may sleep too
        fate = await run.start("a bed", sys.executable, "-c", FATE, str(tmp_path), nap)
        await fate.until(lambda: "built" in fate.output)

        async def seen(count: int) -> bool:
            return len(_running(f"sleep {nap}") + _running(str(tmp_path / "delayer"))) == count

        async def situation() -> str:
            return "the sleeper and the delayer run, and then no longer"

        await eventually(lambda: seen(2), situation)
        fate.process.send_signal(signal.SIGKILL)
        await eventually(lambda: seen(0), situation)
    assert _named() == spaces


def _named() -> set[str]:
    return {path.name for path in Path("/run/netns").glob("*")}


def _running(command: str) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if _command(path).startswith(command)]


def _command(process: Path) -> str:
    """Empty when it runs no longer."""
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
