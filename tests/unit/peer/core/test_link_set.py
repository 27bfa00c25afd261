"""The link set: traces shared with the browser, rules one by one, and what must hold whatever happens."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.core.known_peers import KNOWN_PEERS, SEEN_CONNECTIONS, State
from peer.core.link_actions import (
    Accept,
    Action,
    Close,
    Closed,
    Connect,
    Loud,
    Opened,
    Quiet,
    Refuse,
    SendPing,
    Unreachable,
)
from peer.core.link_liveness import IDLE_AFTER, UNWANTED_FOR
from peer.core.link_set import LinkSet

TRACES = sorted((Path(__file__).parents[3] / "vectors" / "links").glob("*.json"))
BYTES = {"peer", "key", "nonce", "connection"}

OWN = b"\x50" * 16
LOW, HIGH = b"\x10" * 16, b"\x90" * 16


def as_json(action: Action) -> dict[str, Any]:
    name = type(action).__name__
    fields = {slot: getattr(action, slot) for slot in action.__slots__}
    values = {slot: value.hex() if isinstance(value, bytes) else value for slot, value in fields.items()}
    return {"type": name[0].lower() + name[1:], **values}


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_trace_is_replayed(trace: Path) -> None:
    recorded = json.loads(trace.read_text())
    setup = recorded["setup"]
    chances = iter(setup["chance"] * 100)
    links = LinkSet(bytes.fromhex(setup["own"]), setup["limit"], lambda: next(chances))
    for number, step in enumerate(recorded["steps"]):
        arguments = {
            name: bytes.fromhex(value) if name in BYTES else value
            for name, value in step.items()
            if name not in ("event", "actions", "timer")
        }
        getattr(links, step["event"])(**arguments)
        assert [as_json(action) for action in links.poll_actions()] == step["actions"], f"step {number}"
        assert links.next_timer() == step["timer"], f"step {number}"


def test_traces_are_there() -> None:
    assert len(TRACES) >= 12


class Bench:
    """A link set with signaling up, and the verbs that the tests below repeat."""

    def __init__(self, limit: int = 12) -> None:
        self.links = LinkSet(OWN, limit, random.Random(7).random)
        self.links.signaling_up(True, 0.0)

    def introduce(self, peer: bytes, now: float = 0.0, nonce: bytes = b"n" * 16) -> None:
        self.links.introduced(peer, peer * 2, nonce, "", "viewer", now)

    def want(self, peer: bytes, now: float = 0.0, purpose: str = "braid:1") -> bytes:
        """Returns the connection that is offered for it."""
        self.introduce(peer, now)
        self.links.want(peer, purpose, now)
        (action,) = self.links.poll_actions()
        assert isinstance(action, Connect)
        return action.connection

    def offer(self, peer: bytes, connection: bytes, now: float = 0.0) -> list[Action]:
        self.links.offer_received(peer, connection, now)
        return self.links.poll_actions()

    def open(self, peer: bytes, connection: bytes, now: float = 0.0) -> None:
        self.links.link_opened(peer, connection, now)
        assert self.links.poll_actions() == [Opened(peer), SendPing(peer)]

    def run(self, until: float) -> list[Action]:
        """Lets time pass; whoever has an open link is silent."""
        actions: list[Action] = []
        while (timer := self.links.next_timer()) is not None and timer <= until:
            self.links.handle_timer(timer)
            actions += self.links.poll_actions()
        return actions


def number(index: int, size: int = 8) -> bytes:
    return index.to_bytes(size, "big")


def test_peer_is_wanted_before_it_is_introduced() -> None:
    bench = Bench()
    bench.links.want(HIGH, "braid:1", 0.0)
    assert bench.links.poll_actions() == [Unreachable(HIGH)]
    bench.introduce(HIGH, 1.0)
    assert [type(action) for action in bench.links.poll_actions()] == [Connect]


def test_both_offer_at_once_and_one_link_remains() -> None:
    low, high = (LinkSet(peer, 12, random.Random(peer).random) for peer in (LOW, HIGH))
    connections = {}
    for links, other in ((low, HIGH), (high, LOW)):
        links.signaling_up(True, 0.0)
        links.introduced(other, other * 2, b"n" * 16, "", "viewer", 0.0)
        links.want(other, "neighbour", 0.0)
        (action,) = links.poll_actions()
        assert isinstance(action, Connect)
        connections[links.own] = action.connection
    low.offer_received(HIGH, connections[HIGH], 0.1)
    high.offer_received(LOW, connections[LOW], 0.1)
    assert low.poll_actions() == [Refuse(HIGH, connections[HIGH], "glare")]
    assert high.poll_actions() == [
        Close(LOW, connections[HIGH], "glare"),
        Accept(LOW, connections[LOW]),
    ]
    assert low.connection(HIGH) == high.connection(LOW) == connections[LOW]


def test_second_offer_of_a_connection_is_refused_for_anybody() -> None:
    bench = Bench()
    assert bench.offer(HIGH, number(1)) == [Accept(HIGH, number(1))]
    assert bench.offer(HIGH, number(1)) == [Refuse(HIGH, number(1), "replayed")]
    assert bench.offer(LOW, number(1)) == [Refuse(LOW, number(1), "replayed")]


def test_own_offer_sent_back_is_refused() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    assert bench.offer(HIGH, connection) == [Refuse(HIGH, connection, "replayed")]


def test_no_link_to_oneself() -> None:
    bench = Bench()
    bench.introduce(OWN)
    bench.links.want(OWN, "braid:1", 0.0)
    assert bench.links.poll_actions() == []
    assert bench.offer(OWN, number(1)) == [Refuse(OWN, number(1), "oneself")]


def test_opened_link_that_nobody_asked_for_is_closed() -> None:
    bench = Bench()
    bench.links.link_opened(HIGH, number(1), 0.0)
    assert bench.links.poll_actions() == [Close(HIGH, number(1), "stale")]


def test_silence_is_told_at_one_and_a_half_and_ends_the_link_at_three_seconds() -> None:
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    told: dict[Action, float] = {}
    while Closed(HIGH, "silent") not in told:
        timer = bench.links.next_timer()
        assert timer is not None
        bench.links.handle_timer(timer)
        told |= dict.fromkeys(bench.links.poll_actions(), timer)
    assert told[Quiet(HIGH)] == 1.5
    assert told[Closed(HIGH, "silent")] == 3.0


def test_open_link_is_pinged_every_half_to_whole_second() -> None:
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    pings = [0.0]
    while pings[-1] < 30.0:
        timer = bench.links.next_timer()
        assert timer is not None
        bench.links.handle_timer(timer)
        bench.links.heard(HIGH, timer)
        pings += [timer] * bench.links.poll_actions().count(SendPing(HIGH))
    gaps = [later - earlier for earlier, later in itertools.pairwise(pings)]
    assert min(gaps) >= 0.5
    assert max(gaps) <= 1.0


def test_quiet_peer_is_loud_again_when_it_is_heard() -> None:
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    assert Quiet(HIGH) in bench.run(2.0)
    bench.links.heard(HIGH, 2.1)
    bench.links.heard(HIGH, 2.2)
    assert bench.links.poll_actions() == [Loud(HIGH)]


def test_machine_that_slept_keeps_its_links() -> None:
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    bench.links.handle_timer(3600.0)
    assert bench.links.poll_actions() == [SendPing(HIGH)]
    assert bench.links.open_peers == [HIGH]


def test_timer_that_is_a_second_late_grants_a_dead_link_nothing() -> None:
    """A page in the background has its timers once a second."""
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    actions = []
    for second in range(1, 5):
        bench.links.handle_timer(float(second))
        actions += bench.links.poll_actions()
    assert Closed(HIGH, "silent") in actions


def test_three_failures_make_a_peer_unreachable_for_half_a_minute() -> None:
    bench = Bench()
    bench.links.link_failed(HIGH, bench.want(HIGH), "failed", 0.0)
    actions = bench.run(20.0)
    assert [type(action) for action in actions] == [Connect, Close, Connect, Close, Unreachable]
    assert bench.links.state(HIGH) is State.UNREACHABLE
    resumed = bench.links.next_timer()
    assert resumed is not None
    assert [type(action) for action in bench.run(resumed)] == [Connect]


def test_wanting_an_unreachable_peer_tells_so_at_once() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.refused(HIGH, connection, 1.0)
    assert bench.links.poll_actions() == [Unreachable(HIGH)]
    bench.links.want(HIGH, "braid:2", 2.0)
    assert bench.links.poll_actions() == [Unreachable(HIGH)]


def test_unreachable_peer_may_still_come_to_us() -> None:
    bench = Bench()
    bench.links.refused(HIGH, bench.want(HIGH), 1.0)
    bench.links.poll_actions()
    assert bench.offer(HIGH, number(9), 2.0) == [Accept(HIGH, number(9))]


def test_link_that_flaps_is_left_alone_for_a_while() -> None:
    bench = Bench()
    now = 0.0
    connection = bench.want(HIGH)
    for _ in range(3):
        bench.links.link_opened(HIGH, connection, now)
        bench.links.link_closed(HIGH, connection, "lost", now + 1.0)
        bench.links.poll_actions()
        timer = bench.links.next_timer()
        assert timer is not None
        now = timer
        connection = bench.links.connection(HIGH) or connection
        if bench.links.state(HIGH) is State.WAITING:
            bench.links.handle_timer(now)
            connection = bench.links.connection(HIGH) or connection
    assert bench.links.state(HIGH) is State.UNREACHABLE


def test_steady_link_that_is_lost_is_made_again_soon() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.open(HIGH, connection)
    for tenth in range(1, 200):
        bench.links.heard(HIGH, tenth / 10)
        bench.links.handle_timer(tenth / 10)
    bench.links.poll_actions()
    bench.links.link_closed(HIGH, connection, "lost", 20.0)
    assert bench.links.poll_actions() == [Closed(HIGH, "lost")]
    timer = bench.links.next_timer()
    assert timer is not None
    assert timer <= 20.75
    assert [type(action) for action in bench.run(timer)] == [Connect]


def test_full_set_refuses_rather_than_drop_a_link_in_use() -> None:
    bench = Bench(limit=2)
    for index in range(2):
        bench.offer(number(index, 16), number(index))
        bench.open(number(index, 16), number(index))
    for tenth in range(150):
        for index in range(2):
            bench.links.heard(number(index, 16), tenth / 10)
            bench.links.used(number(index, 16), tenth / 10)
        bench.links.handle_timer(tenth / 10)
    bench.links.poll_actions()
    assert bench.offer(HIGH, number(9), 15.0) == [Refuse(HIGH, number(9), "too-many-links")]


def test_link_that_only_the_other_side_wants_gives_way_when_it_has_not_been_used_for_a_moment() -> None:
    """Standbys of others, and children that went elsewhere, would keep out those who are to come."""
    bench = Bench(limit=2)
    for index in range(2):
        bench.offer(number(index, 16), number(index))
        bench.open(number(index, 16), number(index))
    for tenth in range(30):
        for index in range(2):
            bench.links.heard(number(index, 16), tenth / 10)
        bench.links.used(number(0, 16), tenth / 10)
        bench.links.handle_timer(tenth / 10)
    bench.links.poll_actions()
    assert bench.offer(HIGH, number(9), 1.9) == [Refuse(HIGH, number(9), "too-many-links")]
    assert bench.offer(HIGH, number(8), 3.0)[0] == Close(number(1, 16), number(1), "too-many-links")


def test_incoming_link_is_not_closed_for_idleness_while_there_is_room() -> None:
    """Its opener wants it; closing it would only have it opened again, every ten seconds."""
    bench = Bench()
    bench.offer(HIGH, number(1))
    bench.open(HIGH, number(1))
    for tenth in range(600):
        bench.links.heard(HIGH, tenth / 10)
        bench.links.handle_timer(tenth / 10)
    assert not [action for action in bench.links.poll_actions() if isinstance(action, Close)]


def test_signaling_outage_counts_against_nobody() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.signaling_up(False, 1.0)
    assert bench.run(600.0) == [Close(HIGH, connection, "timed-out")]
    bench.links.signaling_up(True, 600.0)
    assert [type(action) for action in bench.run(601.0)] == [Connect]


def test_word_that_signaling_is_there_still_puts_no_attempt_off() -> None:
    bench = Bench()
    bench.links.link_failed(HIGH, bench.want(HIGH), "failed", 0.0)
    due = bench.links.next_timer()
    for tenth in range(10):
        bench.links.signaling_up(True, tenth / 10)
    assert bench.links.next_timer() == due


def test_peer_whose_turn_has_not_come_is_not_tried_at_the_turn_of_another_during_an_outage() -> None:
    bench = Bench()
    bench.open(LOW, bench.want(LOW))
    bench.links.link_failed(HIGH, bench.want(HIGH), "failed", 0.0)
    (again,) = [action for action in bench.run(1.5) if isinstance(action, Connect)]
    bench.links.link_failed(HIGH, again.connection, "failed", 1.5)
    bench.links.signaling_up(False, 1.5)
    assert Connect not in [type(action) for action in bench.run(2.5)]
    assert not bench.links.asks
    bench.links.signaling_up(True, 2.5)
    assert Connect in [type(action) for action in [*bench.links.poll_actions(), *bench.run(4.5)]]


def test_departed_peer_is_not_waited_for_but_its_open_link_stays() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.departed(HIGH, 0.5)
    assert bench.links.poll_actions() == [Close(HIGH, connection, "leaving"), Unreachable(HIGH)]
    bench.open(LOW, bench.want(LOW))
    bench.links.departed(LOW, 0.5)
    assert bench.links.poll_actions() == []


def test_expelled_peer_gets_no_link_for_ten_minutes() -> None:
    bench = Bench()
    bench.offer(HIGH, number(1))
    bench.open(HIGH, number(1))
    bench.links.expel(HIGH, "bad-block", 1.0)
    assert bench.links.poll_actions() == [Close(HIGH, number(1), "bad-block"), Closed(HIGH, "bad-block")]
    assert bench.offer(HIGH, number(2), 599.0) == [Refuse(HIGH, number(2), "expelled")]
    bench.run(601.0)
    assert bench.offer(HIGH, number(3), 602.0) == [Accept(HIGH, number(3))]


def test_leaving_closes_everything_and_leaves_no_timer() -> None:
    bench = Bench()
    bench.open(HIGH, bench.want(HIGH))
    bench.want(LOW)
    bench.links.leave(1.0)
    closed = [action.peer for action in bench.links.poll_actions() if isinstance(action, Close)]
    assert sorted(closed) == [LOW, HIGH]
    assert bench.links.next_timer() is None


def test_flood_of_introductions_and_offers_stays_bounded() -> None:
    bench = Bench(limit=4)
    bench.want(HIGH)
    for index in range(2 * KNOWN_PEERS):
        bench.introduce(number(index, 16))
    for index in range(2 * SEEN_CONNECTIONS):
        bench.offer(number(index, 16), number(index))
    assert bench.links.places_taken == 4
    assert len(list(bench.links._peers)) <= KNOWN_PEERS
    assert bench.links.introduction(HIGH) is not None


def test_when_everybody_known_is_wanted_nobody_else_can_be() -> None:
    bench = Bench(limit=4)
    for index in range(KNOWN_PEERS):
        bench.links.want(number(index, 16), "braid:1", 0.0)
    bench.links.poll_actions()
    bench.links.want(HIGH, "braid:1", 0.0)
    assert bench.links.poll_actions() == [Unreachable(HIGH)]
    bench.introduce(HIGH)
    assert bench.links.introduction(HIGH) is None
    assert bench.offer(HIGH, number(1)) == [Refuse(HIGH, number(1), "too-many-links")]
    bench.links.expel(HIGH, "bad-block", 0.0)
    assert bench.links.poll_actions() == []


def test_wanting_twice_for_one_purpose_is_wanting_once() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.want(HIGH, "braid:1", 0.0)
    bench.open(HIGH, connection)
    bench.links.unwant(HIGH, "braid:1", 0.0)
    bench.links.unwant(HIGH, "braid:1", 0.0)
    bench.links.heard(HIGH, IDLE_AFTER)
    bench.links.handle_timer(IDLE_AFTER)
    assert Close(HIGH, connection, "not-needed") in bench.links.poll_actions()


def test_offer_whose_sender_has_changed_its_mind_is_no_trap_for_one_who_wants_the_link() -> None:
    """It has accepted, and waited for it for eight seconds once."""
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.unwant(HIGH, "braid:1", 0.1)
    assert bench.links.poll_actions() == []
    bench.links.answer_received(HIGH, connection, 0.2)
    bench.open(HIGH, connection, 0.3)
    bench.links.used(HIGH, 1.0)
    bench.links.heard(HIGH, 1.0 + IDLE_AFTER)
    bench.links.handle_timer(1.0 + IDLE_AFTER)
    assert Close(HIGH, connection, "not-needed") in bench.links.poll_actions()


def test_link_that_neither_side_wants_when_it_opens_is_soon_closed() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.links.unwant(HIGH, "braid:1", 0.1)
    bench.open(HIGH, connection, 0.5)
    for tenth in range(6, 35):
        bench.links.heard(HIGH, tenth / 10)
        bench.links.handle_timer(tenth / 10)
        assert all(isinstance(action, SendPing) for action in bench.links.poll_actions())
    bench.links.handle_timer(0.5 + UNWANTED_FOR)
    assert bench.links.poll_actions() == [Close(HIGH, connection, "not-needed"), Closed(HIGH, "not-needed")]


def test_offer_that_nobody_wants_any_more_gives_its_place_at_once() -> None:
    bench = Bench(limit=1)
    connection = bench.want(HIGH)
    bench.links.unwant(HIGH, "braid:1", 0.1)
    bench.introduce(LOW)
    bench.links.want(LOW, "braid:1", 0.2)
    closed, offered = bench.links.poll_actions()
    assert closed == Close(HIGH, connection, "too-many-links")
    assert isinstance(offered, Connect)
    bench.links.unwant(LOW, "braid:1", 0.3)
    bench.open(LOW, offered.connection, 0.4)
    assert bench.offer(HIGH, number(1), 0.5) == [
        Close(LOW, offered.connection, "too-many-links"),
        Closed(LOW, "too-many-links"),
        Accept(HIGH, number(1)),
    ]


def test_peer_that_is_not_wanted_any_more_is_not_tried_again() -> None:
    bench = Bench()
    bench.links.link_failed(HIGH, bench.want(HIGH), "failed", 0.0)
    bench.links.unwant(HIGH, "braid:1", 0.1)
    assert bench.run(600.0) == []


def test_offer_that_was_accepted_is_seen_through_though_nobody_wants_the_peer_any_more() -> None:
    bench = Bench()
    bench.offer(HIGH, number(1))
    bench.links.want(HIGH, "braid:1", 0.0)
    bench.links.unwant(HIGH, "braid:1", 0.1)
    assert bench.links.poll_actions() == []
    bench.open(HIGH, number(1), 0.2)


def test_peer_that_departs_between_two_attempts_is_unreachable() -> None:
    bench = Bench()
    bench.links.link_failed(HIGH, bench.want(HIGH), "failed", 0.0)
    bench.links.departed(HIGH, 0.1)
    assert bench.links.poll_actions() == [Unreachable(HIGH)]


def test_link_that_is_told_open_twice_is_opened_once() -> None:
    bench = Bench()
    connection = bench.want(HIGH)
    bench.open(HIGH, connection)
    bench.links.link_opened(HIGH, connection, 0.1)
    assert bench.links.poll_actions() == []


def test_word_of_peers_and_connections_that_are_not_known_changes_nothing() -> None:
    bench = Bench()
    bench.links.refused(HIGH, number(1), 0.0)
    bench.links.used(HIGH, 0.0)
    bench.links.departed(HIGH, 0.0)
    assert not bench.links.asks
    assert bench.links.next_timer() is None


def test_peer_that_misbehaved_over_another_way_gets_no_link_either() -> None:
    bench = Bench()
    bench.introduce(HIGH)
    bench.links.expel(HIGH, "harmful", 0.0)
    bench.links.poll_actions()
    assert [type(action) for action in bench.offer(HIGH, number(1))] == [Refuse]


PEERS = [OWN, LOW, HIGH, *(bytes([index]) * 16 for index in range(3))]
event = st.tuples(
    st.sampled_from(
        [
            "introduced",
            "want",
            "unwant",
            "offer_received",
            "answer_received",
            "refused",
            "link_opened",
            "link_closed",
            "heard",
            "used",
            "signaling_up",
            "departed",
            "expel",
            "handle_timer",
        ]
    ),
    st.sampled_from(PEERS),
    st.booleans(),
    st.integers(min_value=0, max_value=9),
    st.floats(min_value=0.0, max_value=5.0, allow_nan=False),
)


@given(st.lists(event, max_size=60), st.integers(min_value=1, max_value=3))
def test_any_events_keep_one_bounded_link_a_peer(events: list[Any], limit: int) -> None:
    links = LinkSet(OWN, limit, random.Random(1).random)
    now = 0.0
    opened: set[bytes] = set()
    live: dict[bytes, bytes] = {}
    for name, peer, flag, small, pause in events:
        now += pause
        connection = (flag and links.connection(peer)) or bytes([small]) * 8
        arguments: dict[str, tuple[Any, ...]] = {
            "introduced": (peer, peer * 2, bytes([small]) * 16, "", "viewer"),
            "want": (peer, f"braid:{small % 2}" if flag else "neighbour"),
            "unwant": (peer, f"braid:{small % 2}" if flag else "neighbour"),
            "link_closed": (peer, connection, "leaving" if small == 0 else "lost"),
            "expel": (peer, "bad-block"),
            "signaling_up": (flag or small > 2,),
            "handle_timer": (),
            "departed": (peer,),
            "heard": (peer,),
            "used": (peer,),
        }
        getattr(links, name)(*arguments.get(name, (peer, connection)), now)
        for action in links.poll_actions():
            match action:
                case Connect() | Accept():
                    assert action.peer != OWN
                    assert action.peer not in live, "a second connection beside the first"
                    live[action.peer] = action.connection
                case Close():
                    if live.get(action.peer) == action.connection:
                        del live[action.peer]
                case Opened():
                    assert action.peer not in opened
                    opened.add(action.peer)
                case Closed():
                    opened.remove(action.peer)
                case _:
                    assert isinstance(action, Refuse | Unreachable | Quiet | Loud | SendPing)
        if name == "link_closed" and live.get(peer) == connection:
            del live[peer]
        assert links.places_taken <= limit
        assert set(links.open_peers) == opened
        timer = links.next_timer()
        if name == "handle_timer":
            assert timer is None or timer > now
