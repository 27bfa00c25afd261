"""Short versions of what DESIGN.md section 8 promises of simulated viewers, where all have plenty to give.

docs/simulator.md has the commands for the whole scenes, and says which figures are not reached yet.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from peer.simulator.options import Attack, Options, parse_event
from peer.simulator.run import simulate

pytestmark = pytest.mark.crowd

ROOM = Options(viewers=40, seconds=12.0, uplink="20M")


def test_viewers_who_stay_a_minute_see_all_at_one_second_and_the_mesh_adds_little() -> None:
    record = simulate(replace(ROOM, churn=60.0))
    assert record["mesh_delay"]["p95"] <= 0.4
    assert record["behind"]["1"]["continuity"] >= 0.999
    assert record["behind"]["1"]["stalls"] == 0
    assert record["startup"]["waiting"] == 0


def test_nothing_of_polluters_is_played_or_forwarded_and_each_loses_its_children_within_two_seconds() -> None:
    record = simulate(replace(ROOM, attacks=(Attack("polluters", 0.3),)))
    defence = record["defence"]
    assert defence["attackers"] >= 5
    assert defence["rejections"] > 0
    assert defence["altered_parts_played"] == defence["forged_blocks_forwarded"] == 0
    assert defence["honest_rejected"] == 0
    assert defence["left_alone_after"]["count"] >= 5
    assert defence["left_alone_after"]["never"] == 0
    assert defence["left_alone_after"]["max"] <= 2.0


def test_half_of_the_room_gives_nothing_and_the_others_see_all_at_one_second() -> None:
    record = simulate(replace(ROOM, attacks=(Attack("freeriders", 0.5),)))
    assert record["behind"]["1"]["continuity"] >= 0.999


def test_third_of_the_room_vanishes_and_who_plays_half_a_second_behind_hardly_notices() -> None:
    record = simulate(replace(ROOM, behind=0.5, events=(parse_event("vanish:0.33@4"),)))
    assert record["behind"]["1"]["stalls"] == 0
    assert record["behind"]["0.5"]["most_stalls_of_one"] <= 1
    assert record["behind"]["0.5"]["longest_stall"] <= 0.3


def test_introducer_is_away_under_churn_and_those_who_are_in_go_on_watching() -> None:
    record = simulate(replace(ROOM, seconds=14.0, churn=60.0, events=(parse_event("outage:10@1"),)))
    assert record["behind"]["1"]["continuity"] >= 0.995
