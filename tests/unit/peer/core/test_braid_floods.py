"""What a hostile neighbour sends as fast as it can: nothing of it makes a core grow without bound."""

from __future__ import annotations

import gc
import random
import sys

import pytest

from peer import wire
from peer.merkle import proofs
from peer.seal import MAX_BLOCK, Seal, cut
from tests.unit.peer.core.braid_bench import BRAID, EPOCH, HIGH, LOW, STRIPES, Bench, blocks, part, status

GROWTH = 3 * 1024 * 1024
"""Bytes: more than everything that is kept of one neighbour, or in wait for a signature, at its bounds."""


def held(root: object) -> int:
    """Bytes of everything that is reached from `root`, without classes and modules."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        it = waiting.pop()
        if id(it) in seen or isinstance(it, type | type(sys)):
            continue
        seen.add(id(it))
        total += sys.getsizeof(it)
        if not callable(it):
            waiting += gc.get_referents(it)
    return total


def flood(kind: str, number: int, chance: random.Random) -> list[wire.Message]:
    stripe, anywhere = chance.randrange(16), chance.randrange(2**32)
    match kind:
        case "subscribe":
            return [wire.Subscribe(BRAID, stripe, anywhere, chance.randrange(2**32))]
        case "unsubscribe":
            return [wire.Unsubscribe(BRAID, stripe), wire.Refuse(BRAID, stripe, chance.randrange(256))]
        case "want":
            wanted = tuple(chance.randrange(1024) for _ in range(chance.randrange(200)))
            return [wire.Want(BRAID, EPOCH, chance.randrange(10**6), wanted)]
        case "status":
            path = tuple(chance.randbytes(4) for _ in range(255))
            return [status(*range(STRIPES), newest=anywhere, path=path)]
        case "probe":
            return [wire.Probe(BRAID, chance.randrange(256), chance.randrange(1, 256), 1100)]
        case "probed":
            return [wire.Probed(BRAID, chance.randrange(256), anywhere)]
        case "repeated":
            return list(blocks(part(number % 5)))
        case _:
            # Seals that nobody signed, each with a block that fits it.
            sealed = part(anywhere, MAX_BLOCK, salt=number)
            return [wire.Block(sealed.raw[:84] + chance.randbytes(64), *unsealed(sealed.seal, sealed.data))]


def unsealed(seal: Seal, data: bytes) -> tuple[int, tuple[bytes, ...], bytes]:
    pieces = cut(data, seal.stripes)
    return 0, proofs(pieces)[0], pieces[0]


@pytest.mark.parametrize(
    "kind", ["subscribe", "unsubscribe", "want", "status", "probe", "probed", "repeated", "forged"]
)
def test_flood_of_one_kind_of_message_is_held_in_bounds(kind: str) -> None:
    bench = Bench()
    bench.link(HIGH, LOW)
    bench.plan(*[HIGH] * STRIPES)
    chance = random.Random(7)
    bench.push(HIGH, range(5))
    bench.checks, bench.done = False, []
    before = held(bench.core)
    for number in range(3000):
        for message in flood(kind, number, chance):
            bench.core.received(LOW, message, wire.encode(message), bench.now)
        bench.core.poll_actions()
        if number % 50 == 0:
            bench.now += 0.01
            bench.core.handle_timer(bench.now)
            bench.core.poll_actions()
    assert held(bench.core) - before < GROWTH
    # The others are served as before.
    bench.checks = True
    bench.push(HIGH, range(5, 8))
    assert bench.core.window.newest_complete == 7


def test_peers_that_come_and_go_leave_nothing_behind() -> None:
    bench = Bench()
    bench.link(HIGH)
    bench.plan(*[HIGH] * STRIPES)
    bench.push(HIGH, range(5))
    before = 0
    for number in range(600):
        if number == 300:
            before = held(bench.core)
        peer = number.to_bytes(16, "big")
        bench.link(peer)
        bench.tell(peer, status(*range(STRIPES)), wire.Subscribe(BRAID, number % 4, EPOCH, 0))
        bench.tell(peer, wire.Want(BRAID, EPOCH, number, ()))
        bench.core.link_closed(peer, bench.now)
        bench.act()
        bench.done = []
        bench.wait(0.06)
    assert held(bench.core) - before < 64 * 1024
