"""The emulated SCTP association is held to Mathis, to what a loss cost in trials, and to its bounds."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from peer.links.link import BUFFER_LIMIT, LOW_WATER
from peer.simulator.association import INITIAL_WINDOW, PACKET, RTO_MIN
from peer.simulator.loss import BurstLoss
from tests.unit.peer.simulator.wire_bench import Bench, Marked

pytestmark = pytest.mark.crowd

PART = 0.1


def throughput(rtt: float, loss: float, seed: int, seconds: float = 40.0) -> float:
    """Bit/s of a sender that always has something to send."""
    bench = Bench(rtt / 2, loss=BurstLoss(loss, random.Random(seed), burst=1.0))
    while bench.clock.now < seconds:
        while bench.association.waiting < 200_000:
            bench.send(16_000)
        bench.clock.run_until(bench.clock.now + 0.05)
    return sum(8 * len(data) for _, data, _ in bench.arrived) / seconds


@pytest.mark.parametrize(("rtt", "loss"), [(0.05, 0.01), (0.05, 0.0025), (0.1, 0.01), (0.02, 0.01)])
def test_throughput_follows_mathis(rtt: float, loss: float) -> None:
    mathis = 8 * PACKET / rtt * sqrt(3 / 2) / sqrt(loss)
    measured = sum(throughput(rtt, loss, seed) for seed in range(3)) / 3
    assert measured == pytest.approx(mathis, rel=0.2)


def test_one_association_at_50_ms_and_1_percent_carries_what_trials_measured() -> None:
    measured = sum(throughput(0.05, 0.01, seed) for seed in range(5)) / 5
    assert 2.0e6 <= measured <= 2.6e6


def test_lost_tail_of_a_block_costs_a_part_and_a_round_trip() -> None:
    # 100 ms parts of 800 kbit/s in four stripes: three packets each. The last of the third block is lost, and
    # only the next block's packets tell of it: 145 ms at 40 ms RTT in trials.
    bench = Bench(0.02, loss=Marked([8]))
    for number in range(6):
        bench.send(2500, mark=number)
        bench.clock.run_until((number + 1) * PART)
    bench.clock.run_until(2.0)
    cost = bench.arrival(2) - (2 * PART + 0.02)
    assert cost == pytest.approx(0.145, abs=0.01)
    assert bench.traffic.timeouts == 0


def test_loss_in_the_middle_of_a_long_block_costs_a_round_trip() -> None:
    bench = Bench(0.02, loss=Marked([0]))
    bench.association.window = 20_000
    bench.send(8 * PACKET)
    bench.clock.run_until(1.0)
    assert bench.arrived[0][0] == pytest.approx(0.02 + 0.04, abs=0.005)


def test_lost_last_message_waits_for_the_timer() -> None:
    bench = Bench(0.02, loss=Marked([2]))
    bench.send(2500)
    bench.clock.run_until(5.0)
    assert bench.arrived[0][0] == pytest.approx(RTO_MIN + 0.02, abs=0.01)
    assert bench.traffic.timeouts == 1


def test_packet_that_is_lost_twice_waits_for_the_timer_though_others_follow() -> None:
    # Packet 2 is lost, and so is its retransmission, the tenth to be sent.
    bench = Bench(0.02, loss=Marked([2, 6]))
    for number in range(20):
        bench.send(2500, mark=number)
        bench.clock.run_until((number + 1) * PART)
    assert 1.0 < bench.arrival(0) < 1.5
    assert bench.traffic.timeouts == 1


def test_loss_delays_no_later_block_but_every_later_control_message() -> None:
    bench = Bench(0.02, loss=Marked([0]))
    bench.send(500, "control", mark=1)
    bench.send(500, "blocks", mark=2)
    bench.send(500, "control", mark=3)
    bench.send(500, "blocks", mark=4)
    bench.clock.run_until(2.0)
    assert bench.arrival(2) < 0.03
    assert bench.arrival(4) < 0.03
    assert bench.arrival(1) > 0.05
    assert bench.arrival(3) >= bench.arrival(1)


def test_window_holds_a_burst_back_for_round_trips_and_grows_by_it() -> None:
    bench = Bench(0.02)
    bench.send(16_000)
    assert bench.association.waiting == 16_000 - 3 * PACKET
    bench.clock.run_until(1.0)
    assert bench.arrived[0][0] > 0.02 + 2 * 0.04 - 0.005
    assert bench.association.window > INITIAL_WINDOW
    bench.send(PACKET)
    assert bench.association.waiting == 0


def test_idle_association_loses_the_window_that_it_has_not_used() -> None:
    bench = Bench(0.02)
    bench.association.window = 64_000
    bench.clock.run_until(3.5)
    bench.send(PACKET)
    assert bench.association.window == pytest.approx(8_000)


def test_links_of_one_peer_share_its_uplink() -> None:
    one, other = Bench(0.0, rate=1e6), Bench(0.0)
    other.association._uplink = one.uplink
    one.send(1200)
    other.send(1200)
    one.clock.run_until(1.0)
    other.clock.run_until(1.0)
    assert other.arrived[0][0] == pytest.approx(2 * one.arrived[0][0])


def test_full_uplink_drops_and_the_window_falls() -> None:
    bench = Bench(0.02, rate=500_000)
    bench.association.window = 400_000
    for _ in range(20):
        bench.send(16_000)
    assert bench.uplink.dropped > 0
    bench.clock.run_until(120.0)
    assert len(bench.arrived) == 20
    assert bench.association.window < 400_000


def test_sender_is_told_when_little_waits_and_refused_when_too_much_does() -> None:
    bench = Bench(0.02)
    sent = 0
    while bench.send(16_000):
        sent += 1
    assert bench.association.waiting <= BUFFER_LIMIT
    bench.clock.run_until(600.0)
    assert bench.drained == 1
    assert len(bench.arrived) == sent
    assert bench.association.waiting <= LOW_WATER


def test_mean_loss_and_bursts_are_as_asked() -> None:
    loss = BurstLoss(0.02, random.Random(3), burst=2.0)
    losses = [loss.lost(1)[0] for _ in range(200_000)]
    assert sum(losses) / len(losses) == pytest.approx(0.02, rel=0.1)
    bursts = sum(1 for a, b in zip([0, *losses], losses, strict=False) if b and not a)
    assert sum(losses) / bursts == pytest.approx(2.0, rel=0.1)


def test_losses_of_many_packets_at_once_are_those_of_each() -> None:
    one, many = BurstLoss(0.05, random.Random(4)), BurstLoss(0.05, random.Random(4))
    singly = [one.lost(1)[0] for _ in range(10_000)]
    for start in range(0, 10_000, 10):
        lost, after = many.lost(10)
        here = singly[start : start + 10]
        assert lost == sum(here)
        assert after == (10 if not lost else here[::-1].index(1))
