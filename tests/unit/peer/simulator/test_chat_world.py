"""Rooms that only talk, of real chat logs in the simulator: what docs/simulator.md tells of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peer.running import CommandError
from peer.simulator.options import Options, parse_event, parse_pace, read_options
from peer.simulator.run import simulate

pytestmark = pytest.mark.crowd

TALK = Options(viewers=25, seconds=10.0, settle=5.0, loss=0.01, churn=60.0, chat=3.0)


def test_people_come_and_go_and_packets_are_lost_but_each_message_comes_once_soon_and_in_one_order() -> None:
    record = simulate(TALK)
    assert record["messages"] > 15
    assert record["missing"] == record["delivered_twice"] == record["rejections"] == 0
    assert record["same_order"]
    assert record["delivery"]["p99"] <= 0.25


def test_two_halves_that_could_not_hear_each_other_have_the_same_log_afterwards() -> None:
    record = simulate(replace(TALK, churn=None, seconds=14.0, events=(parse_event("partition:0.5@2+6"),)))
    assert record["missing"] == record["delivered_twice"] == 0
    assert record["same_order"]


def test_same_seed_gives_the_same_figures_of_a_talk() -> None:
    short = replace(TALK, viewers=8, seconds=3.0)
    assert simulate(short)["digest"] == simulate(short)["digest"]
    assert simulate(short)["digest"] != simulate(replace(short, seed=2))["digest"]


@pytest.mark.parametrize("text", ["none", "0", "-1", "1001", ""])
def test_pace_that_is_none_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(CommandError, match=r"give messages a second|is no number"):
        parse_pace(text)


def test_room_that_only_talks_has_no_attackers_and_no_relays() -> None:
    given: dict[str, Any] = dict.fromkeys(("seconds", "settle", "uplink", "rtt", "chat"), "5")
    given |= dict.fromkeys(("jitter", "loss", "unreachable"), "0") | {"behind": "1", "media": "pattern"}
    given |= {"viewers": 5, "seed": 1, "joins": 50.0, "churn": None, "events": [], "origin": True}
    assert read_options(**given, relays=0, attacks=[]).chat == 5
    refused: list[dict[str, Any]] = [{"relays": 1, "attacks": []}, {"relays": 0, "attacks": ["liars:0.3"]}]
    for more in refused:
        with pytest.raises(CommandError, match="neither attackers nor relays"):
            read_options(**given, **more)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thousand_people_hear_within_half_a_second_and_are_sent_one_and_a_half_copies_at_most() -> None:
    record = simulate(
        Options(
            viewers=1000, seconds=15.0, settle=10.0, loss=0.01, churn=60.0, chat=5.0, uplink="lognormal:2M"
        )
    )
    assert record["missing"] == record["delivered_twice"] == record["rejections"] == 0
    assert record["same_order"]
    assert record["copies"] <= 1.5
    assert record["delivery"]["p99"] <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_people_at_40_ms_hear_within_a_quarter_of_a_second(seed: int) -> None:
    record = simulate(replace(TALK, viewers=50, seconds=60.0, settle=10.0, chat=5.0, seed=seed))
    assert record["missing"] == record["delivered_twice"] == record["rejections"] == 0
    assert record["same_order"]
    assert record["delivery"]["p99"] <= 0.25
