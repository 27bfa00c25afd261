"""Write the traces of the link set: `python tests/vectors/write_links.py`.

Each file holds the set-up of one link set and its steps: an event with its arguments (bytes as hex) and
`now`, then the actions that must follow and the time of the next timer. Both languages replay them.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peer.core.link_set import LinkSet

FOLDER = Path(__file__).parent / "links"
CHANCE = [0.5, 0.25, 0.75, 0.125, 0.0, 0.875, 0.375, 0.625]

OWN = bytes([0x50]) * 16
LOW, HIGH = bytes([0x10]) * 16, bytes([0x90]) * 16
OTHERS = [bytes([0xA0 + i]) * 16 for i in range(16)]


def as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.Enum):
        return value.value
    return value


def action_as_json(action: Any) -> dict[str, Any]:
    name = type(action).__name__
    fields = {field.name: as_json(getattr(action, field.name)) for field in dataclasses.fields(action)}
    return {"type": name[0].lower() + name[1:], **fields}


class Recorder:
    """Drives a link set and keeps what it did. Event arguments are given by name."""

    def __init__(self, own: bytes = OWN, limit: int = 12) -> None:
        self.setup = {"own": own.hex(), "limit": limit, "chance": CHANCE}
        self.steps: list[dict[str, Any]] = []
        chances = itertools.cycle(CHANCE)
        self.links = LinkSet(own, limit, lambda: next(chances))

    def __call__(self, event: str, now: float, **arguments: Any) -> list[Any]:
        getattr(self.links, event)(**arguments, now=now)
        actions = self.links.poll_actions()
        self.steps.append(
            {
                "event": event,
                **{name: as_json(value) for name, value in arguments.items()},
                "now": now,
                "actions": [action_as_json(action) for action in actions],
                "timer": self.links.next_timer(),
            }
        )
        return actions

    def run_timers(self, until: float, limit: int = 100) -> None:
        for _ in range(limit):
            timer = self.links.next_timer()
            if timer is None or timer > until:
                return
            self("handle_timer", timer)

    def introduce(self, peer: bytes, now: float, nonce: int = 1) -> None:
        self(
            "introduced",
            now,
            peer=peer,
            key=peer * 2,
            nonce=bytes([nonce]) * 16,
            name=f"n{peer[0]:x}",
            role="viewer",
        )

    def open(self, peer: bytes, now: float) -> bytes:
        """Our offer to `peer` is answered and its link opens."""
        connection = self.links.connection(peer)
        assert connection is not None
        self("answer_received", now, peer=peer, connection=connection)
        self("link_opened", now, peer=peer, connection=connection)
        return connection


def up(limit: int = 12) -> Recorder:
    record = Recorder(limit=limit)
    record("signaling_up", 0.0, up=True)
    return record


def wanted_link_opens_pings_and_dies_of_silence() -> Recorder:
    record = up()
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    record.introduce(HIGH, 0.0)
    connection = record.open(HIGH, 0.5)
    record("heard", 1.0, peer=HIGH)
    record.run_timers(2.875)
    record("heard", 2.875, peer=HIGH)
    record.run_timers(7.0)
    record("link_closed", 7.0, peer=HIGH, connection=connection, reason="lost")
    return record


def attempts_back_off_and_end_as_unreachable() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    record.run_timers(70.0)
    return record


def smaller_id_keeps_its_offer() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    record("offer_received", 0.25, peer=HIGH, connection=b"\x01" * 8)
    record.open(HIGH, 0.5)
    return record


def greater_id_takes_the_others_offer() -> Recorder:
    record = up()
    record.introduce(LOW, 0.0)
    record("want", 0.0, peer=LOW, purpose="neighbour")
    ours = record.links.connection(LOW)
    record("offer_received", 0.25, peer=LOW, connection=b"\x01" * 8)
    record("answer_received", 0.5, peer=LOW, connection=ours)
    record("link_opened", 0.5, peer=LOW, connection=b"\x01" * 8)
    record("link_opened", 0.625, peer=LOW, connection=ours)
    return record


def offer_after_an_answer_begins_anew() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    record("answer_received", 0.25, peer=HIGH, connection=record.links.connection(HIGH))
    record("offer_received", 0.5, peer=HIGH, connection=b"\x01" * 8)
    record("link_opened", 1.0, peer=HIGH, connection=b"\x01" * 8)
    record("offer_received", 2.0, peer=HIGH, connection=b"\x02" * 8)
    record("offer_received", 2.5, peer=HIGH, connection=b"\x03" * 8)
    record("link_failed", 3.0, peer=HIGH, connection=b"\x03" * 8, reason="failed")
    return record


def replayed_own_and_strangers_offers() -> Recorder:
    record = up()
    record("offer_received", 0.0, peer=OWN, connection=b"\x01" * 8)
    record("offer_received", 0.0, peer=HIGH, connection=b"\x02" * 8)
    record("offer_received", 0.25, peer=HIGH, connection=b"\x02" * 8)
    record("offer_received", 0.25, peer=LOW, connection=b"\x02" * 8)
    record.introduce(LOW, 0.5)
    record("want", 0.5, peer=LOW, purpose="neighbour")
    record("offer_received", 0.5, peer=HIGH, connection=record.links.connection(LOW))
    record("want", 0.5, peer=OWN, purpose="neighbour")
    record("want", 0.5, peer=OTHERS[0], purpose="neighbour")
    record.run_timers(9.0)
    return record


def full_set_gives_idle_places_away() -> Recorder:
    record = up(limit=2)
    record("offer_received", 0.0, peer=OTHERS[0], connection=b"\x01" * 8)
    record("link_opened", 0.0, peer=OTHERS[0], connection=b"\x01" * 8)
    record.introduce(OTHERS[1], 0.0)
    record("want", 0.0, peer=OTHERS[1], purpose="neighbour")
    record.open(OTHERS[1], 0.0)
    record("offer_received", 0.5, peer=OTHERS[2], connection=b"\x02" * 8)
    for second in range(1, 12):
        record.run_timers(float(second))
        record("heard", float(second), peer=OTHERS[0])
        record("heard", float(second), peer=OTHERS[1])
    record("offer_received", 12.0, peer=OTHERS[2], connection=b"\x03" * 8)
    record("link_opened", 12.0, peer=OTHERS[2], connection=b"\x03" * 8)
    record.introduce(OTHERS[3], 12.0)
    record("want", 12.0, peer=OTHERS[3], purpose="braid:00")
    record.introduce(OTHERS[4], 12.0)
    record("want", 12.0, peer=OTHERS[4], purpose="braid:00")
    record.run_timers(13.5)
    record("set_limit", 13.5, limit=32)
    record.run_timers(14.5)
    return record


def unwanted_link_is_closed_when_idle() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    record.open(HIGH, 0.0)
    record("unwant", 0.75, peer=HIGH, purpose="braid:00")
    record("unwant", 0.75, peer=HIGH, purpose="neighbour")
    for second in range(1, 15):
        record.run_timers(float(second))
        record("heard", float(second), peer=HIGH)
        if second == 4:
            record("used", 4.0, peer=HIGH)
    record("want", 20.0, peer=HIGH, purpose="neighbour")
    record("unwant", 20.5, peer=HIGH, purpose="neighbour")
    record.open(HIGH, 20.75)
    for second in range(21, 25):
        record.run_timers(float(second))
        record("heard", float(second), peer=HIGH)
    return record


def offer_that_nobody_wants_any_more_gives_its_place_at_once() -> Recorder:
    record = up(limit=2)
    for peer in OTHERS[:3]:
        record.introduce(peer, 0.0)
    record("want", 0.0, peer=OTHERS[0], purpose="braid:00")
    record("want", 0.0, peer=OTHERS[1], purpose="neighbour")
    record("unwant", 0.25, peer=OTHERS[1], purpose="neighbour")
    record("want", 0.5, peer=OTHERS[2], purpose="neighbour")
    record("unwant", 0.75, peer=OTHERS[2], purpose="neighbour")
    record.open(OTHERS[2], 1.0)
    record("want", 1.25, peer=OTHERS[1], purpose="neighbour")
    return record


def signaling_outage_pauses_attempts() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record.introduce(LOW, 0.0)
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    connection = record.open(HIGH, 0.0)
    record("signaling_up", 1.0, up=False)
    record("link_closed", 1.0, peer=HIGH, connection=connection, reason="lost")
    record("want", 1.0, peer=LOW, purpose="neighbour")
    record.run_timers(60.0)
    record("signaling_up", 60.0, up=True)
    record.run_timers(62.0)
    return record


def peer_departs_and_comes_back() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record.introduce(LOW, 0.0)
    record("want", 0.0, peer=HIGH, purpose="neighbour")
    record("departed", 1.0, peer=HIGH)
    record("want", 1.5, peer=HIGH, purpose="braid:00")
    record.introduce(HIGH, 2.0, nonce=2)
    connection = record.open(HIGH, 2.5)
    record("departed", 3.0, peer=HIGH)
    record("link_closed", 3.5, peer=HIGH, connection=connection, reason="leaving")
    record.introduce(HIGH, 4.0, nonce=3)
    record.introduce(HIGH, 4.5, nonce=4)
    record.introduce(HIGH, 4.5, nonce=4)
    record("refused", 5.0, peer=HIGH, connection=record.links.connection(HIGH))
    record("want", 6.0, peer=LOW, purpose="neighbour")
    record("leave", 6.5)
    return record


def expelled_peer_is_refused() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    record.open(HIGH, 0.5)
    record("expel", 1.0, peer=HIGH, reason="bad-block")
    record("offer_received", 2.0, peer=HIGH, connection=b"\x01" * 8)
    record.introduce(HIGH, 3.0, nonce=2)
    record("want", 4.0, peer=HIGH, purpose="neighbour")
    record.run_timers(602.0)
    return record


def own_sleep_is_not_the_others_silence() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    record.open(HIGH, 0.5)
    record("handle_timer", 60.0)
    record.run_timers(64.0)
    return record


def neighbours_pass_offers_on_while_signaling_is_away() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    connection = record.open(HIGH, 0.5)
    record("signaling_up", 1.0, up=False)
    record("link_closed", 2.0, peer=HIGH, connection=connection, reason="lost")
    record("mediated", 3.0, peer=HIGH, possible=True)
    record.run_timers(3.0)
    record("link_failed", 3.5, peer=HIGH, connection=record.links.connection(HIGH), reason="failed")
    record("mediated", 3.5, peer=HIGH, possible=False)
    record.run_timers(9.0)
    record("mediated", 9.0, peer=LOW, possible=True)
    record("mediated", 9.0, peer=HIGH, possible=True)
    record.run_timers(9.0)
    record.open(HIGH, 9.5)
    record("signaling_up", 10.0, up=True)
    record("mediated", 11.0, peer=HIGH, possible=True)
    record.run_timers(11.0)
    return record


def neighbours_are_tried_where_the_introducer_fails() -> Recorder:
    record = up()
    record.introduce(HIGH, 0.0)
    record("mediated", 0.0, peer=HIGH, possible=True)
    record("want", 0.0, peer=HIGH, purpose="braid:00")
    record.run_timers(30.0)
    return record


SCENES: list[Callable[[], Recorder]] = [
    wanted_link_opens_pings_and_dies_of_silence,
    attempts_back_off_and_end_as_unreachable,
    smaller_id_keeps_its_offer,
    greater_id_takes_the_others_offer,
    offer_after_an_answer_begins_anew,
    replayed_own_and_strangers_offers,
    full_set_gives_idle_places_away,
    unwanted_link_is_closed_when_idle,
    offer_that_nobody_wants_any_more_gives_its_place_at_once,
    signaling_outage_pauses_attempts,
    peer_departs_and_comes_back,
    expelled_peer_is_refused,
    own_sleep_is_not_the_others_silence,
    neighbours_pass_offers_on_while_signaling_is_away,
    neighbours_are_tried_where_the_introducer_fails,
]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        record = scene()
        lines = ",\n".join("  " + json.dumps(step) for step in record.steps)
        text = f'{{"setup": {json.dumps(record.setup)},\n "steps": [\n{lines}\n]}}\n'
        (FOLDER / f"{scene.__name__}.json").write_text(text)


if __name__ == "__main__":
    main()
