"""The simulator's links deliver blocks as real links did in the network bed, within a quarter.

What was measured is in measured.json; nothing is measured here: the comparison is the same on any machine.
What the ends themselves take, which the network does not, is told by the case without loss, and given to all.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from typing import Any

import pytest

from peer.links.clock import VirtualClock
from peer.links.link import Channel
from peer.simulator.association import Association, Traffic, Uplink
from peer.simulator.loss import BurstLoss
from tests.network.cases import CASES, MEASURED, Case

WITHIN = 0.25
AS_FAST_AS_THE_MACHINE = 1e9
WARM = 20.0
"""Seconds of the emulated run that do not count: windows grow in them."""
SECONDS = 1000.0
AHEAD = 256 * 1024


class EmulatedChain:
    """The associations of a chain; each passes on what comes to it."""

    def __init__(self, case: Case, jitter: float, seed: int) -> None:
        self.clock = VirtualClock()
        self.sent: list[float] = []
        self.delays: list[list[float]] = [[] for _ in range(case.hops)]
        self.bytes = 0
        self._hops = [self._hop(case, jitter, seed, k) for k in range(case.hops)]

    def send(self, size: int) -> bool:
        number = len(self.sent).to_bytes(4, "big")
        self.sent.append(self.clock.now)
        return self._hops[0].send(number.ljust(size, b"\0"), "blocks")

    @property
    def waiting(self) -> int:
        return self._hops[0].waiting

    def _hop(self, case: Case, jitter: float, seed: int, k: int) -> Association:
        def arrived(data: bytes, channel: Channel) -> None:
            start = self.sent[int.from_bytes(data[:4], "big")]
            if start >= WARM:
                self.delays[k].append(self.clock.now - start)
                self.bytes += len(data)
            if k + 1 < case.hops:
                self._hops[k + 1].send(data, channel)

        def drained() -> None:
            pass

        loss = BurstLoss(case.loss, random.Random(f"{seed} {k} loss"), burst=1 / (1 - case.loss))
        uplink = Uplink(case.up or AS_FAST_AS_THE_MACHINE)
        chance = random.Random(f"{seed} {k} jitter")
        return Association(
            self.clock, uplink, loss, Traffic(), case.round_trip / 2, jitter, chance, arrived, drained
        )


def of_the_ends(cases: dict[str, Any]) -> float:
    """Seconds that sending and receiving add at most to a hop: twice what they add to half of the blocks."""
    quiet = cases["no loss"]
    return float(2 * (quiet["measured"]["hops"][0]["p50"] - quiet["case"]["round_trip"] / 2))


def emulated(case: Case, jitter: float) -> EmulatedChain:
    """The case by the simulator's links, for longer than it was measured."""
    chain = EmulatedChain(case, jitter, seed=1)
    while chain.clock.now < SECONDS:
        if case.is_throughput:
            while chain.waiting < AHEAD:
                chain.send(case.size)
        else:
            for _ in range(case.together):
                chain.send(case.size)
        chain.clock.run_until(chain.clock.now + (case.interval or 0.05))
    chain.clock.run_until(SECONDS + 100)
    return chain


def percentiles(delays: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94]}


def compared(case: Case, measured: dict[str, Any], jitter: float) -> list[tuple[str, float, float]]:
    """(what, in the bed, in the simulator)."""
    chain = emulated(case, jitter)
    if case.is_throughput:
        return [("Mbit/s", measured["bit_rate"] / 1e6, 8 * chain.bytes / (SECONDS - WARM) / 1e6)]
    rows = []
    for k, delays in enumerate(chain.delays):
        there = percentiles(delays)
        rows += [
            (f"ms, {k + 1} hops, {name}", 1e3 * measured["hops"][k][name], 1e3 * there[name])
            for name in there
        ]
    return rows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_simulated_links_deliver_as_measured(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    cases = json.loads(MEASURED.read_text())["cases"]
    kept = cases[case.name]
    assert Case(**kept["case"]) == case, "the case was changed after it was measured: measure it anew"
    rows = compared(case, kept["measured"], of_the_ends(cases))
    with capsys.disabled():
        sys.stdout.write(f"\n{case.name:36} {'bed':>8} {'simulated':>10}\n")
        for what, bed, simulated in rows:
            sys.stdout.write(f"  {what:34} {bed:8.2f} {simulated:10.2f}  {simulated / bed - 1:+.0%}\n")
    for what, bed, simulated in rows:
        assert simulated == pytest.approx(bed, rel=WITHIN), what
