"""Peers that introduce each other: outages and churn, forgeries, replays, floods and loops."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer.core.actions import Reject, Send, Verify
from peer.core.introduction_actions import Acquaint, Hand, Sign
from peer.core.introductions import Introductions
from peer.core.mending import AWAY_LINKS, AWAY_PATIENCE, LINGER, LINGER_SPREAD, RESERVE, SURPLUS
from peer.core.partial_view import LIFE, PASSIVE, PER_NEIGHBOUR, REMEMBERED, WAYS, PartialView
from peer.peer_record import PeerRecord, signed_by_peer
from peer.signing import TAG_PEER
from peer.wire_introductions import (
    LOOP,
    MAX_STEPS,
    MAX_TOLD,
    NO_WAY,
    NOT_TAKEN,
    SHUFFLE,
    TOO_FAR,
    TOO_OFTEN,
    Peers,
    RelayAnswer,
    RelayCandidate,
    RelayFailed,
    RelayOffer,
    Shuffle,
    Told,
    decode,
    encode,
)
from tests.seeds import seeds
from tests.unit.peer.core.introduction_network import (
    BRAID,
    NOTICED,
    ROOM,
    IntroductionNetwork,
    Someone,
    identity,
    nonce,
)
from tests.vectors.write_introductions import action_as_json

CONNECTION = b"connecti"
TRACES = sorted((Path(__file__).parents[3] / "vectors" / "introductions").glob("*.json"))


def record_of(number: int, sequence: int = 1, room: str = ROOM) -> bytes:
    """The signed record of a peer that is not in the network."""
    who = identity(number)
    body = PeerRecord(who.key, nonce(number), sequence, "viewer", True, (BRAID,)).body()
    return body + who.sign(TAG_PEER, signed_by_peer(room, body))


def chain(count: int) -> tuple[IntroductionNetwork, list[Someone]]:
    """Peers in a row, each linked to the next, who have told each other of all."""
    network = IntroductionNetwork()
    row = network.company(count, 0)
    for one, other in pairwise(row):
        network.link(one.id, other.id)
    network.run(40.0)
    return network, row


class Neighbour:
    """A linked peer that says what a test has it say to one core, and hears what that answers."""

    def __init__(self, count: int = 1) -> None:
        self.now = 100.0
        self.core = Introductions(
            identity(0).key, nonce(0), ROOM, "viewer", 12, 1000, Random(1).random, self.now
        )
        self.ids = [identity(100 + index).id for index in range(count)]
        for peer in self.ids:
            self.core.link_opened(peer, self.now)
        self.heard: list[tuple[bytes, object]] = []
        self.handed: list[Hand] = []
        self.rejected: list[bytes] = []
        self.act()

    def act(self, ok: bool = True) -> None:
        while self.core.asks:
            for action in self.core.poll_actions():
                match action:
                    case Send(peer, data):
                        self.heard.append((peer, decode(data)))
                    case Verify():
                        self.core.verified(action.token, ok, self.now)
                    case Sign(body):
                        self.core.signed(body, bytes(64), self.now)
                    case Hand():
                        self.handed.append(action)
                    case Reject(peer):
                        self.rejected.append(peer)

    def say(self, message: object, of: int = 0, ok: bool = True) -> list[object]:
        """Returns what is answered to the neighbour that said it."""
        self.heard.clear()
        self.core.received(self.ids[of], message, self.now)  # type: ignore[arg-type]
        self.act(ok)
        return [answer for peer, answer in self.heard if peer == self.ids[of]]

    def tell(self, number: int, sequence: int = 1, age: float = 0.0, hops: int = 0, of: int = 0) -> None:
        self.say(Peers(0, (Told(hops, int(age * 1000), record_of(number, sequence)),)), of)

    def knows(self, number: int) -> bool:
        return identity(number).id in self.core.view

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (timer := self.core.next_timer()) <= end:
            self.now = max(self.now, timer)
            self.core.handle_timer(self.now)
            self.act()
        self.now = end


def offer_of(number: int, to: bytes, connection: bytes = CONNECTION, hops: int = MAX_STEPS) -> RelayOffer:
    return RelayOffer(hops, connection, to, identity(number).key, nonce(number), bytes(64), "v=0")


# --- the mesh as a whole


@pytest.mark.crowd
@seeds(2)
def test_mesh_stays_in_one_piece_through_ten_minutes_of_churn_without_an_introducer(seed: int) -> None:
    network = IntroductionNetwork(seed)
    people = network.company(36, 4)
    network.run(30.0)
    network.signaling_up(False)
    staying, going = people[:10], people[10:]
    for someone in going:
        at = network.now + min(580.0, network.random.expovariate(1 / 120.0))
        network.schedule(at, lambda someone=someone: network.kill(someone))  # type: ignore[misc]
    for _ in range(60):
        network.run(10.0)
        assert network.pieces() == [len(network.alive())]
    assert network.alive() == staying
    assert all(len(someone.links) >= AWAY_LINKS for someone in staying)
    assert all(someone.core.gossip.forged == 0 and someone.rejected == [] for someone in people)


def test_room_of_which_half_lost_the_introducer_stays_in_one_piece() -> None:
    network = IntroductionNetwork(4)
    people = network.company(30, 4)
    network.run(60.0)
    for someone in people[::2]:
        someone.core.signaling_up(False, network.now)
        someone.act()
    for someone in people[1:20:2]:
        network.kill(someone)
    network.run(NOTICED + 20.0)
    assert all(len(someone.links) >= AWAY_LINKS for someone in people[::2])
    assert network.pieces() == [20]


def test_lost_link_is_made_again_through_a_neighbour() -> None:
    network = IntroductionNetwork()
    a, b, c = network.company(3, 2)
    network.run(30.0)
    network.signaling_up(False)
    network.run(AWAY_PATIENCE + 1.0)
    network.cut(a.id, c.id)
    assert c.id not in a.links
    network.run(10.0)
    assert c.id in a.links
    assert b.core.relaying.relayed >= 1


def test_short_absence_of_the_introducer_makes_no_link() -> None:
    network = IntroductionNetwork()
    people = network.company(20, 2)
    network.run(60.0)
    before = [list(someone.links) for someone in people]
    network.signaling_up(False)
    network.run(AWAY_PATIENCE / 2)
    network.signaling_up(True)
    network.run(LINGER + LINGER_SPREAD + 1.0)
    assert [list(someone.links) for someone in people] == before


def test_links_of_an_outage_are_let_go_of_one_by_one_when_the_introducer_is_back() -> None:
    network = IntroductionNetwork()
    people = network.company(20, 2)
    network.run(60.0)
    network.signaling_up(False)
    network.run(20.0)
    assert all(someone.wanted for someone in people)
    network.signaling_up(True)
    network.run(LINGER - 1.0)
    assert all(someone.wanted for someone in people)
    network.run(LINGER_SPREAD / 2)
    assert 0 < sum(bool(someone.wanted) for someone in people) < 20
    network.run(LINGER_SPREAD)
    assert not any(someone.wanted for someone in people)


@pytest.mark.crowd
def test_hungry_peer_opens_more_links_than_others_but_leaves_places_free() -> None:
    network = IntroductionNetwork(2)
    people = network.company(40, 3)
    network.run(60.0)
    network.signaling_up(False)
    network.run(20.0)
    hungry = people[-1]
    before = len(hungry.links)
    hungry.core.hungry(True, network.now)
    hungry.core.hungry(True, network.now)
    hungry.act()
    network.run(20.0)
    assert before < len(hungry.links) <= 12 - RESERVE
    hungry.core.hungry(False, network.now)
    hungry.act()
    hungry.core.set_limit(32)
    network.run(2.0)
    assert len(hungry.wanted) <= 12


def test_peer_that_is_hungry_no_more_lets_go_of_what_it_does_not_need() -> None:
    network = IntroductionNetwork(2)
    people = network.company(40, 3)
    network.run(60.0)
    network.signaling_up(False)
    network.run(20.0)
    hungry = people[-1]
    hungry.core.set_limit(32)
    for _ in range(2):
        hungry.core.hungry(True, network.now)
        hungry.act()
    network.run(30.0)
    assert len(hungry.wanted) > AWAY_LINKS + SURPLUS
    hungry.core.hungry(False, network.now)
    hungry.act()
    network.run(2.0)
    assert len(hungry.wanted) == AWAY_LINKS


def test_peer_that_says_that_it_leaves_is_told_of_no_more() -> None:
    network = IntroductionNetwork()
    people = network.company(8, 3)
    network.run(40.0)
    gone = people[3]
    gone.alive = False
    for other in list(gone.links):
        network.cut(other, gone.id, left=True)
    network.run(LIFE + 1.0)
    assert all(gone.id not in someone.core.view for someone in network.alive())


def test_walk_brings_peers_that_are_three_links_away() -> None:
    _, row = chain(5)
    assert row[4].id in row[0].core.view
    assert row[0].core.view.way(row[4].id, None) == row[1].id


# --- what is told of peers


def test_forged_record_convicts_the_neighbour_that_told_it() -> None:
    network, row = chain(3)
    network.people[row[1].id].tamper = lambda data: (
        data[:-1] + bytes([data[-1] ^ 1]) if data[0] in (SHUFFLE, SHUFFLE + 1) else data
    )
    network.run(60.0)
    assert row[0].rejected[0][0] == row[1].id
    assert row[0].core.gossip.forged >= 1
    assert row[1].id not in row[0].links


def test_record_signed_for_another_room_is_forged() -> None:
    network, row = chain(2)
    row[1].say(row[0].id, encode(Peers(0, (Told(0, 0, record_of(50, room="other")),))))
    network.run(0.1)
    assert [peer for peer, _ in row[0].rejected] == [row[1].id]


def test_record_that_cannot_be_read_convicts_the_neighbour_that_told_it() -> None:
    bench = Neighbour()
    bench.say(Peers(0, (Told(0, 0, b"\x01short"),)))
    assert bench.rejected == bench.ids


def test_record_of_a_later_version_is_passed_over() -> None:
    bench = Neighbour()
    bench.say(Peers(0, (Told(0, 0, b"\x02later"), Told(0, 0, record_of(50)))))
    assert bench.rejected == []
    assert bench.knows(50)


def test_own_record_is_not_learned_from_others() -> None:
    bench = Neighbour()
    bench.tell(0)
    assert not bench.knows(0)


def test_replayed_record_of_one_who_left_is_not_believed_again() -> None:
    bench = Neighbour()
    bench.tell(50)
    assert bench.knows(50)
    bench.wait(LIFE + 1.0)
    assert not bench.knows(50)
    bench.tell(50, age=0.0)
    assert not bench.knows(50)
    assert bench.core.gossip.stale == 1
    bench.tell(50, sequence=2)
    assert bench.knows(50)


def test_old_record_changes_nothing_and_a_newer_one_does() -> None:
    bench = Neighbour()
    peer = identity(50).id
    for sequence in (5, 4, 6):
        bench.tell(50, sequence)
    known = bench.core.view.get(peer)
    assert known is not None
    assert known.record.sequence == 6
    assert bench.core.gossip.taken == 2
    bench.tell(51, age=LIFE)
    assert not bench.knows(51)


def test_records_that_were_seen_are_remembered_within_a_bound() -> None:
    view = PartialView(identity(0).id, Random(1).random)
    records = [
        PeerRecord(bytes([number % 256, number // 256]) * 16, nonce(1), 1, "viewer", True, (BRAID,))
        for number in range(REMEMBERED + 1)
    ]
    for record in records:
        assert view.is_news(record, 0.0, 0.0)
        view.learn(record, b"", 0.0, identity(1).id, 0, False)
    assert [view.is_news(record, 0.0, 0.0) for record in records[:2]] == [True, False]


def test_one_neighbour_cannot_fill_the_view_with_inventions() -> None:
    bench = Neighbour(5)
    for number in range(200, 200 + PER_NEIGHBOUR):
        bench.tell(number, of=1 + number % 4)
    for number in range(300, 400):
        bench.tell(number)
        bench.now += 1.0
    view = list(bench.core.view)
    assert sum(identity(number).id in view for number in range(300, 400)) <= PER_NEIGHBOUR
    assert all(bench.knows(number) for number in range(200, 200 + PER_NEIGHBOUR))


def test_full_view_takes_the_place_of_whoever_told_most() -> None:
    bench = Neighbour(6)
    for number in range(200, 200 + 5 * PER_NEIGHBOUR):
        bench.tell(number, of=number % 5)
        bench.now += 1.0
    assert len(list(bench.core.view)) == PASSIVE
    bench.tell(999, of=5)
    assert bench.knows(999)
    assert len(list(bench.core.view)) == PASSIVE


def test_flood_of_records_is_not_checked_without_bound() -> None:
    bench = Neighbour()
    for number in range(300, 450):
        bench.tell(number)
    assert bench.core.gossip.taken <= 97
    assert bench.core.gossip.ignored >= 50


def test_records_that_wait_for_their_check_are_bounded() -> None:
    bench = Neighbour(4)
    for number in range(300, 580):
        told = Peers(0, (Told(0, 0, record_of(number)),))
        bench.core.received(bench.ids[number % 4], told, bench.now)
    checks = [action for action in bench.core.poll_actions() if isinstance(action, Verify)]
    assert len(checks) == 256
    # A check that comes when its teller is gone, or a second time, says nothing.
    bench.core.link_closed(bench.ids[0], False, bench.now)
    for check in checks:
        bench.core.verified(check.token, True, bench.now)
    bench.core.verified(checks[1].token, True, bench.now)
    assert bench.core.gossip.taken == 192


def test_check_that_was_overtaken_by_a_newer_record_changes_nothing() -> None:
    bench = Neighbour()
    for sequence in (1, 2):
        told = Peers(0, (Told(0, 0, record_of(50, sequence)),))
        bench.core.received(bench.ids[0], told, bench.now)
    older, newer = (action for action in bench.core.poll_actions() if isinstance(action, Verify))
    bench.core.verified(newer.token, True, bench.now)
    bench.core.verified(older.token, True, bench.now)
    known = bench.core.view.get(identity(50).id)
    assert known is not None
    assert known.record.sequence == 2


def test_flood_of_walks_is_not_answered_without_bound() -> None:
    bench = Neighbour()
    answers = [bench.say(Shuffle(walk, 1, ())) for walk in range(1, 40)]
    assert sum(map(len, answers)) <= 17
    assert bench.core.gossip.ignored >= 20


def test_walk_goes_on_once_and_its_answer_comes_back() -> None:
    bench = Neighbour(2)
    assert bench.say(Shuffle(7, 3, ())) == []
    ((following, shuffle),) = bench.heard
    assert following == bench.ids[1]
    assert isinstance(shuffle, Shuffle)
    assert (shuffle.walk, shuffle.steps) == (7, 2)
    # A walk that comes by again ends here.
    assert [type(answer) for answer in bench.say(Shuffle(7, 3, ()))] == [Peers]
    bench.say(Peers(7, ()), of=1)
    assert [(peer, type(answer)) for peer, answer in bench.heard] == [(bench.ids[0], Peers)]
    bench.say(Peers(7, ()), of=1)
    assert bench.heard == []


def test_walks_that_never_come_back_are_forgotten_and_bounded() -> None:
    bench = Neighbour(7)
    for walk in range(1, 90):
        bench.say(Shuffle(walk, 3, ()), of=walk % 6)
    went_on = [walk for walk in range(1, 90) if walk in bench.core.gossip._walks]
    assert len(went_on) == 64
    bench.wait(12.0)
    bench.say(Peers(went_on[0], ()), of=6)
    assert bench.heard == []


def test_what_a_stranger_says_is_not_heard() -> None:
    bench = Neighbour()
    bench.core.received(identity(70).id, Peers(0, (Told(0, 0, record_of(50)),)), bench.now)
    assert not bench.knows(50)


def test_expelled_peer_is_neither_known_nor_believed_nor_wanted() -> None:
    bench = Neighbour()
    bench.tell(50)
    bench.core.expelled(identity(50).id, bench.now)
    assert not bench.knows(50)
    bench.tell(50, sequence=9)
    assert not bench.knows(50)
    bench.wait(601.0)
    bench.tell(50, sequence=10)
    assert bench.knows(50)


def test_expelled_peers_are_remembered_within_a_bound() -> None:
    bench = Neighbour()
    for number in range(300):
        bench.core.expelled(number.to_bytes(16, "big"), bench.now)
    assert len(bench.core.view._barred) == 256
    assert len(bench.core.mending._avoided) == 128


def test_new_record_of_oneself_is_told_to_all_neighbours_at_once() -> None:
    bench = Neighbour(2)
    bench.wait(1.0)
    bench.heard.clear()
    bench.core.describe(True, (BRAID,), bench.now)
    bench.core.describe(True, (BRAID,), bench.now)
    bench.act()
    assert [peer for peer, _ in bench.heard] == bench.ids
    # A signature of what is no longer said comes too late.
    bench.heard.clear()
    bench.core.signed(b"old", bytes(64), bench.now)
    bench.act()
    assert bench.heard == []


def test_sequence_numbers_rise_even_when_the_clock_stands_still() -> None:
    bench = Neighbour()
    seen = []
    for braid in (b"a" * 8, b"b" * 8, b"c" * 8):
        bench.core.describe(True, (braid,) * 20, bench.now)
        seen.append(bench.core.gossip.record.sequence)
        assert len(bench.core.gossip.record.braids) == 8
    assert seen == sorted(set(seen))


# --- offers, answers and candidates


def test_offer_answer_and_candidates_go_over_three_peers_and_back() -> None:
    network, row = chain(5)
    network.takes_offers = True
    connection = row[0].offer(row[4].id)
    network.run(0.2)
    assert [hand.peer for hand in row[4].handed] == [row[0].id]
    assert [hand.peer for hand in row[0].handed] == [row[4].id]
    row[0].core.send_candidate(RelayCandidate(connection, 0, "0", "candidate:1"), network.now)
    row[4].core.send_candidate(RelayCandidate(connection, 0, "0", ""), network.now)
    row[0].act()
    row[4].act()
    network.run(0.2)
    assert isinstance(row[4].handed[-1].message, RelayCandidate)
    assert isinstance(row[0].handed[-1].message, RelayCandidate)
    assert not row[2].core.send_candidate(RelayCandidate(connection, 0, "0", ""), network.now)
    assert not row[2].core.send_answer(RelayAnswer(connection, bytes(32), bytes(16), bytes(64), ""), 0.0)


def test_offer_to_nobody_known_is_answered_and_no_way_is_tried_twice() -> None:
    network, row = chain(3)
    row[2].alive = False
    network.cut(row[1].id, row[2].id)
    assert row[0].core.view.reachable(row[2].id)
    row[0].offer(row[2].id)
    network.run(0.2)
    assert [failure.peer for failure in row[0].undelivered] == [row[2].id]
    assert not row[0].core.view.reachable(row[2].id)
    assert row[2].id not in row[0].mediated
    row[0].offer(row[2].id)
    assert len(row[0].undelivered) == 2


def test_hop_limit_ends_an_offer_and_says_so() -> None:
    bench = Neighbour(2)
    assert bench.say(offer_of(50, bench.ids[1], hops=0)) == [RelayFailed(CONNECTION, TOO_FAR)]
    assert bench.core.relaying.refused == 1


def test_loop_is_refused_and_says_so() -> None:
    bench = Neighbour(3)
    bench.say(offer_of(50, bench.ids[1]))
    assert bench.heard == [(bench.ids[1], offer_of(50, bench.ids[1], hops=MAX_STEPS - 1))]
    assert bench.say(offer_of(50, bench.ids[1]), of=2) == [RelayFailed(CONNECTION, LOOP)]
    assert bench.say(offer_of(0, bench.ids[1], b"another1")) == [RelayFailed(b"another1", LOOP)]


def test_offer_is_not_sent_back_where_it_came_from() -> None:
    bench = Neighbour()
    bench.tell(50)
    assert bench.say(offer_of(51, identity(50).id)) == [RelayFailed(CONNECTION, NO_WAY)]
    assert bench.say(offer_of(51, bench.ids[0], b"another1")) == [RelayFailed(b"another1", NO_WAY)]


def test_flood_of_offers_is_refused_by_neighbour_and_by_origin() -> None:
    bench = Neighbour(3)
    refusals = []
    for index in range(40):
        connection = index.to_bytes(8, "big")
        refusals += bench.say(offer_of(200 + index, bench.ids[1], connection))
    assert len(refusals) >= 23
    assert refusals[-1] == RelayFailed((39).to_bytes(8, "big"), TOO_OFTEN)
    refusals = []
    for index in range(10):
        refusals += bench.say(offer_of(50, bench.ids[1], index.to_bytes(8, "little")), of=2)
    assert len(refusals) == 4
    assert bench.core.relaying.refused >= 27


def test_circuits_are_bounded_for_each_neighbour_and_in_all() -> None:
    bench = Neighbour(20)
    for index in range(40 * 18):
        bench.now += 0.02
        bench.say(offer_of(1000 + index, bench.ids[19], index.to_bytes(8, "big")), of=index % 18)
    assert len(bench.core.relaying._circuits) == 256
    bench.wait(21.0)
    assert len(bench.core.relaying._circuits) == 0
    for index in range(50):
        bench.now += 0.5
        bench.say(offer_of(2000 + index, bench.ids[19], index.to_bytes(8, "little")))
    assert len(bench.core.relaying._circuits) == 32
    assert len(bench.core.relaying._by_origin) <= 256


def test_answer_from_elsewhere_or_a_second_one_goes_nowhere() -> None:
    bench = Neighbour(3)
    bench.say(offer_of(50, bench.ids[1]))
    answer = RelayAnswer(CONNECTION, bytes(32), bytes(16), bytes(64), "v=0")
    bench.say(answer, of=2)
    bench.say(replace(answer, connection=b"another1"), of=1)
    bench.say(RelayFailed(CONNECTION, NO_WAY), of=2)
    assert bench.heard == []
    bench.say(answer, of=1)
    assert bench.heard == [(bench.ids[0], answer)]
    bench.say(answer, of=1)
    assert bench.heard == []
    assert bench.core.relaying.strayed == 4


def test_flood_of_candidates_and_those_that_nobody_asked_for_go_nowhere() -> None:
    bench = Neighbour(3)
    bench.say(offer_of(50, bench.ids[1]))
    candidate = RelayCandidate(CONNECTION, 0, "0", "candidate:1")
    passed = 0
    for _ in range(70):
        bench.say(candidate)
        passed += len(bench.heard)
    assert passed == 64
    bench.say(candidate, of=1)
    assert bench.heard == [(bench.ids[0], candidate)]
    bench.say(candidate, of=2)
    bench.say(replace(candidate, connection=b"another1"))
    assert bench.heard == []


def test_offer_that_is_not_taken_is_answered_and_its_way_stays_good() -> None:
    network, row = chain(3)
    network.takes_offers = False
    connection = row[0].offer(row[2].id)
    network.run(0.1)
    row[2].core.refuse(connection, network.now)
    row[2].core.refuse(connection, network.now)
    row[2].act()
    network.run(0.1)
    assert [failure.connection for failure in row[0].undelivered] == [connection]
    assert row[0].core.view.reachable(row[2].id)


def test_refusal_comes_as_failure_with_its_reason() -> None:
    bench = Neighbour()
    own = identity(0).id
    bench.say(offer_of(50, own))
    assert [hand.peer for hand in bench.handed] == [identity(50).id]
    bench.heard.clear()
    bench.core.refuse(CONNECTION, bench.now)
    bench.act()
    assert bench.heard == [(bench.ids[0], RelayFailed(CONNECTION, NOT_TAKEN))]


def test_neighbour_lost_with_an_offer_on_its_way_is_told_to_whoever_offered() -> None:
    bench = Neighbour(3)
    bench.say(offer_of(50, bench.ids[1]))
    bench.say(offer_of(51, bench.ids[1], b"another1"), of=2)
    bench.say(RelayAnswer(b"another1", bytes(32), bytes(16), bytes(64), ""), of=1)
    bench.heard.clear()
    bench.core.link_closed(bench.ids[1], False, bench.now)
    bench.act()
    assert bench.heard == [(bench.ids[0], RelayFailed(CONNECTION, NO_WAY))]
    bench.say(offer_of(52, bench.ids[2], b"another2"))
    bench.core.link_closed(bench.ids[0], False, bench.now)
    assert len(bench.core.relaying._circuits) == 0


def test_connection_without_an_answer_tells_that_the_way_was_none() -> None:
    bench = Neighbour(2)
    bench.tell(50)
    peer = identity(50).id
    own = RelayOffer(MAX_STEPS, CONNECTION, peer, identity(0).key, nonce(0), bytes(64), "")
    assert bench.core.send_offer(own, bench.now)
    bench.core.connection_closed(CONNECTION, bench.now)
    assert not bench.core.view.reachable(peer)
    assert not bench.core.send_offer(own, bench.now)
    bench.core.connection_closed(CONNECTION, bench.now)
    assert not bench.core.send_candidate(RelayCandidate(CONNECTION, 0, "0", ""), bench.now)


def test_failure_of_a_peer_that_is_not_known_any_more_changes_nothing() -> None:
    bench = Neighbour(2)
    bench.say(offer_of(50, bench.ids[1]))
    assert bench.say(RelayFailed(CONNECTION, NO_WAY), of=1) == []
    assert len(bench.core.relaying._circuits) == 0


def test_nearest_way_is_taken_and_too_long_ones_are_none() -> None:
    bench = Neighbour(5)
    peer = identity(50).id
    bench.tell(50, hops=2)
    assert bench.core.view.way(peer, None) == bench.ids[0]
    bench.tell(50, hops=1, of=1)
    bench.tell(50, hops=1, of=2)
    assert bench.core.view.way(peer, None) == bench.ids[2]
    assert bench.core.view.way(peer, bench.ids[2]) == bench.ids[1]
    bench.tell(50, hops=MAX_STEPS, of=2)
    assert bench.core.view.way(peer, None) == bench.ids[1]
    bench.tell(50, hops=3, of=3)
    bench.tell(50, hops=3, of=4)
    known = bench.core.view.get(peer)
    assert known is not None
    assert len(known.ways) == WAYS
    assert bench.core.view.way(identity(51).id, None) is None


def test_peer_that_cannot_be_linked_is_avoided_for_a_while() -> None:
    bench = Neighbour()
    bench.core.signaling_up(False, bench.now)
    bench.tell(50)
    bench.wait(2.0)
    peer = identity(50).id
    assert peer in bench.core.mending.wanted
    bench.core.unreachable(peer, bench.now)
    bench.core.unreachable(peer, bench.now)
    assert peer not in bench.core.mending.wanted
    for sequence in range(2, 9):
        bench.tell(50, sequence)
        bench.wait(5.0)
    assert peer in bench.core.mending.wanted
    # An attempt that leads nowhere is given up without anybody's word.
    bench.wait(7.0)
    assert peer not in bench.core.mending.wanted


def test_who_carries_the_same_braid_is_chosen_first() -> None:
    bench = Neighbour()
    who = identity(60)
    body = PeerRecord(who.key, nonce(60), 1, "viewer", False, (BRAID,)).body()
    idle = body + who.sign(TAG_PEER, signed_by_peer(ROOM, body))
    bench.say(Peers(0, (Told(0, 0, idle), Told(0, 0, record_of(50)))))
    bench.core.describe(True, (BRAID,), bench.now)
    assert bench.core.view.choose((BRAID,), ()) == _record(bench, 50)
    assert bench.core.view.choose((b"otherbra",), (identity(50).id,)) == _record(bench, 60)
    assert bench.core.view.choose((), (identity(50).id, who.id)) is None


def test_newcomer_to_the_view_is_made_known_before_its_link_is_wanted() -> None:
    bench = Neighbour()
    bench.core.signaling_up(False, bench.now)
    bench.tell(50)
    bench.now += 2.0
    bench.core.handle_timer(bench.now)
    kinds = [type(action).__name__ for action in bench.core.poll_actions()]
    assert kinds.index("Acquaint") < kinds.index("Links")
    assert Acquaint.__name__ in kinds


# --- whatever happens


@pytest.mark.crowd
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_view_keeps_its_bounds_whatever_happens(data: st.DataObject) -> None:
    bench = Neighbour(3)
    expelled: set[bytes] = set()
    linked = set(bench.ids)
    everybody = [identity(number).id for number in range(200, 290)] + bench.ids
    for _ in range(data.draw(st.integers(1, 60))):
        step = data.draw(st.integers(0, 6))
        peer = data.draw(st.sampled_from(everybody))
        if step <= 2:
            number = data.draw(st.integers(200, 289))
            of = data.draw(st.integers(0, 2))
            if bench.ids[of] in linked:
                told = [
                    Told(data.draw(st.integers(0, MAX_STEPS)), 0, record_of(n, data.draw(st.integers(1, 3))))
                    for n in range(number, min(290, number + MAX_TOLD))
                ]
                bench.say(Peers(0, tuple(told)), of)
        elif step == 3:
            bench.core.expelled(peer, bench.now)
            expelled.add(peer)
            if peer in linked:
                linked.discard(peer)
                bench.core.link_closed(peer, False, bench.now)
        elif step == 4 and peer not in expelled and len(linked) < 12:
            linked.add(peer)
            bench.core.link_opened(peer, bench.now)
        elif step == 5 and peer in linked:
            linked.discard(peer)
            bench.core.link_closed(peer, data.draw(st.booleans()), bench.now)
        else:
            bench.core.signaling_up(data.draw(st.booleans()), bench.now)
            bench.wait(data.draw(st.floats(0, 20)))
        bench.act()
        view = bench.core.view
        passive = [peer for peer in view if peer not in linked]
        assert len(passive) <= PASSIVE
        assert identity(0).id not in view
        assert not expelled & set(view)
        for known in view:
            acquaintance = view.get(known)
            assert acquaintance is not None
            assert set(acquaintance.ways) <= linked
            assert acquaintance.linked == (known in linked)
        wanted = set(bench.core.mending.wanted)
        assert not expelled & wanted
        assert len(wanted | linked) <= 12 + RESERVE


def _record(bench: Neighbour, number: int) -> PeerRecord:
    known = bench.core.view.get(identity(number).id)
    assert known is not None
    return known.record


# --- traces


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_trace_is_replayed(trace: Path) -> None:
    recorded = json.loads(trace.read_text())
    setup = recorded["setup"]
    core = Introductions(
        bytes.fromhex(setup["key"]),
        bytes.fromhex(setup["nonce"]),
        setup["room"],
        setup["role"],
        setup["limit"],
        setup["wall_ms"],
        cycle(setup["chance"]).__next__,
        setup["now"],
    )
    for number, (event, arguments, actions, timer, result) in enumerate(recorded["steps"]):
        given_arguments = [_read(event, place, value) for place, value in enumerate(arguments)]
        assert getattr(core, event)(*given_arguments) == result, f"step {number}, {event}"
        done = [action_as_json(action) for action in core.poll_actions()]
        assert done == actions, f"step {number}, {event}"
        assert core.next_timer() == timer, f"step {number}, {event}"
    gossip, relaying = core.gossip, core.relaying
    counters = [gossip.taken, gossip.forged, gossip.stale, gossip.ignored]
    counters += [relaying.relayed, relaying.refused, relaying.strayed]
    assert counters == recorded["counters"]


def test_traces_are_there() -> None:
    assert len(TRACES) == 5


def _read(event: str, place: int, value: Any) -> Any:
    """An argument of an event as the core takes it."""
    if isinstance(value, list):
        return tuple(bytes.fromhex(item) for item in value)
    if not isinstance(value, str):
        return value
    raw = bytes.fromhex(value)
    message = (event == "received" and place == 1) or event.startswith("send_")
    return decode(raw) if message else raw
