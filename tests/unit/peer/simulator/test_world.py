"""Rooms of real cores in the simulator: the same everywhere, and judged as a viewer would judge them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from peer.running import CommandError
from peer.simulator.options import (
    Options,
    parse_attack,
    parse_event,
    parse_seconds,
    parse_share,
    parse_uplink,
)
from peer.simulator.run import Simulation, simulate
from peer.simulator.watching import Player, Timeline

pytestmark = pytest.mark.crowd

SMALL = Options(viewers=15, seconds=6.0, uplink="20M")


def test_same_seed_gives_the_same_figures_however_a_process_hashes() -> None:
    script = (
        "import json; from peer.simulator.options import *; from peer.simulator.run import simulate;"
        "print(json.dumps(simulate(Options(viewers=12, seconds=3.0, uplink='lognormal:3x',"
        "loss=0.01, churn=8.0, attacks=(Attack('polluters', 0.1),)))['digest']))"
    )
    digests = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
                text=True,
            ).stdout
        )
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]


def test_another_seed_gives_other_figures() -> None:
    records = [simulate(replace(SMALL, viewers=5, seconds=2.0, seed=seed)) for seed in (1, 2)]
    assert records[0]["digest"] != records[1]["digest"]


def test_counts_of_what_went_over_links_agree_on_both_sides() -> None:
    simulation = Simulation(SMALL)
    list(simulation)
    world = simulation.world
    sent = world.publisher.core.counters.to_peers + sum(p.core.counters.to_peers for p in world.viewers())
    received = sum(
        c.from_viewers + c.from_relays + c.from_publisher
        for c in (peer.core.counters for peer in world.viewers())
    )
    assert received == pytest.approx(sent, rel=0.01)
    assert simulation.record["defence"]["altered_parts_played"] == 0


def test_room_without_an_origin_plays_by_links_alone() -> None:
    record = simulate(replace(SMALL, origin=False))
    assert record["origin"]["http_startup_bytes"] == record["origin"]["http_repair_bytes"] == 0
    assert record["behind"]["1"]["continuity"] > 0.999


def test_who_leaves_is_replaced_and_the_newcomers_start() -> None:
    record = simulate(replace(SMALL, seconds=8.0, churn=8.0))
    assert record["startup"]["count"] >= 5
    assert record["startup"]["waiting"] <= 3
    assert record["watching"] == pytest.approx(15, abs=3)


def test_flash_crowd_joins_while_it_is_measured() -> None:
    record = simulate(replace(SMALL, seconds=32.0, events=(parse_event("flash"),)))
    assert record["startup"]["count"] == 12
    assert record["startup"]["waiting"] == 0


def test_partition_cuts_off_and_heals() -> None:
    simulation = Simulation(replace(SMALL, seconds=22.0, events=(parse_event("partition:0.4@2+6"),)))
    starved: set[bytes] = set()
    for _ in simulation:
        if simulation.world.network.islands:
            starved = set(simulation.world.network.islands)
    assert len(starved) == 6
    edge = len(simulation.world.timeline.at) - 1
    behind = [edge - peer.core.window.newest_complete for peer in simulation.world.viewers()]
    assert max(behind) <= 5


def player(arrivals: dict[int, float], distance: float, end: float) -> Player:
    """A player of parts that the publisher has at 0.1, 0.2, …; `arrivals` are what it gets when."""
    timeline = Timeline([0.1 * (n + 1) for n in range(200)], [0.1] * 200)
    judged = Player(distance)
    for number, at in arrivals.items():
        judged.part(number, timeline, at)
    judged.end(timeline, end)
    return judged


def on_time(numbers: range, delay: float) -> dict[int, float]:
    return {n: 0.1 * (n + 1) + delay for n in numbers}


def test_player_that_gets_all_in_time_never_stalls() -> None:
    judged = player(on_time(range(100), 0.3), 0.5, 10.0)
    assert judged.in_time == judged.due == 100
    assert judged.stall_times == []


def test_one_late_part_is_missed_but_no_stall() -> None:
    judged = player({**on_time(range(40), 0.3), 40: 4.1 + 0.55, **on_time(range(41, 100), 0.3)}, 0.5, 10.0)
    assert (judged.due - judged.in_time, judged.stall_times) == (1, [])


def test_missing_parts_stall_until_the_next_one_is_due() -> None:
    judged = player({**on_time(range(40), 0.3), **on_time(range(45, 100), 0.3)}, 0.5, 10.0)
    assert judged.due - judged.in_time == 5
    assert len(judged.stall_times) == 1
    assert judged.stall_times[0] == pytest.approx((4.6, 0.5))


def test_player_whose_parts_stop_stalls_to_the_end() -> None:
    judged = player(on_time(range(40), 0.3), 0.5, 10.0)
    assert judged.stall_times[0] == pytest.approx((4.6, 5.4))
    assert judged.due - judged.in_time == 55


def test_player_that_begins_late_is_not_judged_by_what_was_before() -> None:
    judged = player({n: max(5.0, 0.1 * (n + 1) + 0.3) for n in range(40, 100)}, 1.0, 10.0)
    assert judged.begun == 5.0
    assert judged.due == judged.in_time


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_seconds, "soon"),
        (parse_seconds, "1.2.3s"),
        (parse_share, "150%"),
        (parse_share, "half"),
        (parse_event, "vanish"),
        (parse_event, "rain:0.3"),
        (lambda text: parse_uplink(text, 1e6), "lognormal"),
        (lambda text: parse_uplink(text, 1e6), "0M"),
        (lambda text: parse_attack(text, ("polluters",)), "vampires:0.3"),
    ],
)
def test_option_that_cannot_be_read_is_one_sentence(read: Any, text: str) -> None:
    with pytest.raises(CommandError) as error:
        read(text)
    assert str(error.value).endswith(".")


def test_options_mean_what_they_say() -> None:
    assert parse_seconds("40ms") == 0.04
    assert parse_seconds("2m") == 120.0
    assert parse_share("0.5%") == 0.005
    vanish = parse_event("vanish:0.33@30")
    assert (vanish.what, vanish.share, vanish.at) == ("vanish", 0.33, 30.0)
    assert parse_event("outage:600").lasts == 600.0
    assert (parse_event("flash").share, parse_event("flash").lasts) == (0.8, 30.0)
    assert (parse_event("flash:0.99+10").share, parse_event("flash:0.99+10").lasts) == (0.99, 10.0)
    assert parse_event("partition:0.5@30+20").lasts == 20.0
    assert parse_uplink("lognormal:0.8x", 1e6).mean == 0.8e6
    assert parse_uplink("5M", 1e6).kind == "constant"
