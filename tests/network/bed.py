"""The network: a server, an internet, and homes with routers, each a network namespace on this machine.

    home 1 ── router 1 ──┐                        a home's line: its router sends at the rate up, the
    home 2 ── router 2 ──┼── internet ── server   internet at the rate down, with the delayer in between
    home 3 ── router 3 ──┘

Everything lives in a sandbox, so nothing is left behind even when the tests are killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM, SocketKind
from socket import socket as Socket  # noqa: N812

from tests.network.delay import Delayed, Delayer, compile_delayer, delayer
from tests.network.doorway import doorway
from tests.network.homes import Home
from tests.network.nat import nat_rules
from tests.network.sandbox import Sandbox, sandbox

SERVER, SERVER_GATEWAY = "203.0.113.10", "203.0.113.1"
INTERNET = "198.18.0.1"
"""The internet's end of every line; 198.18.0.0/15 is for tests of networks (RFC 2544)."""
FRAME = 1540
"""Bytes that a line must be able to send at once; more would let a second packet go for nothing."""
BURST = 0.001
"""Seconds of its rate that a fast line sends at once, for a timer is no finer."""


@dataclass(frozen=True, slots=True)
class Place:
    """A machine in the bed."""

    name: str
    """Of its network namespace."""
    address: str
    """Its own address, which behind a NAT only its router knows."""
    _sandbox: Sandbox
    _doors: AsyncExitStack

    def command(self, *command: str) -> tuple[str, ...]:
        """What starts `command` there."""
        return self._sandbox.command_at(self.name, *command)

    async def run(self, script: str) -> str:
        """Run a shell script there to its end, as root. Raises SandboxError."""
        return await self._sandbox.run_at(self.name, script)

    def socket(self, kind: SocketKind = SOCK_DGRAM) -> Socket:
        """A socket there, which does not block, for us who are outside."""
        return self._sandbox.socket_at(self.name, kind)

    async def reach(self, host: str, port: int) -> int:
        """A port of 127.0.0.1 outside that leads to `host` and `port` as this machine sees them."""
        door = doorway(lambda: self.socket(SOCK_STREAM), host, port)
        return await self._doors.enter_async_context(door)


@dataclass(frozen=True, slots=True)
class Bed:
    """The places, and what happened to packets."""

    server: Place
    homes: tuple[Place, ...]
    _sandbox: Sandbox
    _delayer: Delayer | None

    async def narrow(self, home: Place, down: float, queue: float) -> None:
        """From now on a home's line takes `down` bit/s towards it, and holds `queue` seconds of that."""
        await self._internet(_rate(self._line(home), down, queue))

    async def widen(self, home: Place) -> None:
        """The line is as fast as the machine again."""
        await self._internet(f"tc qdisc del dev {self._line(home)} root")

    def _line(self, home: Place) -> str:
        return f"line-{self.homes.index(home) + 1}"

    async def _internet(self, script: str) -> None:
        await self._sandbox.run_at("internet", script)

    async def delayed(self) -> Delayed:
        """What was delayed and lost so far; nothing where no home has a delay or loses packets."""
        return Delayed(0, 0, 0.0, 0.0, 0.0) if self._delayer is None else await self._delayer.counters()


@asynccontextmanager
async def network_bed(homes: Sequence[Home], folder: Path) -> AsyncIterator[Bed]:
    """Build the network; `folder` takes the compiled delayer. Raises SandboxError."""
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(sandbox())
        await _lay_cables(inside, len(homes))
        await asyncio.gather(
            inside.run_at("server", _server()),
            inside.run_at("internet", _internet(homes)),
            *(inside.run_at(f"router-{k}", _router(k, home)) for k, home in enumerate(homes, 1)),
            *(inside.run_at(f"home-{k}", _machine(k, home)) for k, home in enumerate(homes, 1)),
        )
        lines = {f"line-{k}": home for k, home in enumerate(homes, 1) if home.impaired}
        delays: Delayer | None = None
        if lines:
            program = await compile_delayer(folder)
            delays = await stack.enter_async_context(delayer(inside, "internet", program, lines))
        doors = await stack.enter_async_context(AsyncExitStack())
        server = Place("server", SERVER, inside, doors)
        places = [Place(f"home-{k}", f"{_lan(k, home)}.2", inside, doors) for k, home in enumerate(homes, 1)]
        yield Bed(server, tuple(places), inside, delays)


def _lan(number: int, home: Home) -> str:
    """The first three numbers of a home's own network: public without a NAT, else the same as everybody's."""
    return f"198.19.{number}" if home.nat == "none" else "192.168.1"


async def _lay_cables(inside: Sandbox, homes: int) -> None:
    names = ["server", "internet"]
    cables = [("server", "eth0", "internet", "server")]
    for k in range(1, homes + 1):
        names += [f"router-{k}", f"home-{k}"]
        cables += [
            (f"router-{k}", "wan", "internet", f"line-{k}"),
            (f"home-{k}", "eth0", f"router-{k}", "lan"),
        ]
    await inside.run("ip", "-batch", "-", script="".join(f"netns add {name}\n" for name in names))
    pairs = (f"link add {a} netns {x} type veth peer name {b} netns {y}\n" for x, a, y, b in cables)
    await inside.run("ip", "-batch", "-", script="".join(pairs))


def _interface(name: str, *addresses: str) -> list[str]:
    """Up, with these addresses, and with frames as they would be on a wire: one packet, one loss."""
    return [
        f"ethtool -K {name} tso off gso off gro off >/dev/null",
        *(f"ip address add {address} dev {name}" for address in addresses),
        f"ip link set {name} up",
    ]


def _script(*lines: str) -> str:
    only_ipv4 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || true"
    return "\n".join([only_ipv4, "ip link set lo up", *lines, ""])


def _server() -> str:
    return _script(
        *_interface("eth0", f"{SERVER}/24"),
        f"ip route add default via {SERVER_GATEWAY}",
    )


def _internet(homes: Sequence[Home]) -> str:
    lines = [*_interface("server", f"{SERVER_GATEWAY}/24"), "sysctl -qw net.ipv4.ip_forward=1"]
    for k, home in enumerate(homes, 1):
        lines += [*_interface(f"line-{k}", f"{INTERNET}/32"), f"ip route add 198.18.{k}.1/32 dev line-{k}"]
        if home.nat == "none":
            lines.append(f"ip route add {_lan(k, home)}.0/24 via 198.18.{k}.1 dev line-{k} onlink")
        if home.down is not None:
            lines.append(_rate(f"line-{k}", home.down, home.queue))
    return _script(*lines)


def _router(number: int, home: Home) -> str:
    lines = [
        *_interface("wan", f"198.18.{number}.1/32"),
        *_interface("lan", f"{_lan(number, home)}.1/24"),
        f"ip route add {INTERNET}/32 dev wan",
        f"ip route add default via {INTERNET}",
        "sysctl -qw net.ipv4.ip_forward=1",
    ]
    if home.up is not None:
        lines.append(_rate("wan", home.up, home.queue))
    rules = nat_rules(home.nat, f"{_lan(number, home)}.2")
    if rules:
        lines.append(f"nft -f - <<'RULES'\n{rules}\nRULES")
    return _script(*lines)


def _machine(number: int, home: Home) -> str:
    lan = _lan(number, home)
    return _script(*_interface("eth0", f"{lan}.2/24"), f"ip route add default via {lan}.1")


def _rate(interface: str, rate: float, queue: float) -> str:
    burst = max(FRAME, int(rate / 8 * BURST))
    bucket = f"tbf rate {int(rate)}bit burst {burst} latency {int(1000 * queue)}ms"
    return f"tc qdisc replace dev {interface} root {bucket}"
