"""How a newcomer finds out what its upload carries, and how it helps others to."""

from __future__ import annotations

from peer import wire
from peer.core.actions import Report, Send
from peer.core.neighbour import Neighbour, Role
from peer.core.probing import (
    AGAIN,
    ALIKE,
    ASKED,
    COMPANY,
    LONG,
    PATIENCE,
    SHORTEST,
    SIZE,
    SURE,
    TRAINS,
    TRIES,
    Probing,
    UploadRate,
    due,
)
from peer.core.upload import PROBED_SHARE
from tests.unit.peer.core.braid_bench import BRAID, HIGH, LOW, PUBLISHER, STRIPES, Bench, status

A, B, C = (bytes([number]) * 16 for number in (0x10, 0x20, 0x30))
LAST = len(TRAINS) - 1


def answer(train: int, spread: float) -> wire.Probed:
    return wire.Probed(BRAID, train, round(spread * 1e6))


def rate_of(train: int, spread: float) -> float:
    """Bytes a second of a train that came in so many seconds."""
    return (due(TRAINS[train]) - 1) * SIZE / spread


def spread_of(train: int, rate: float) -> float:
    """Seconds in which it comes at that rate."""
    return (due(TRAINS[train]) - 1) * SIZE / rate


class Newcomer:
    """One that asks its neighbours."""

    def __init__(self, *peers: bytes, known: UploadRate | None = None) -> None:
        self.now = 10.0
        self.known = known or UploadRate()
        self.neighbours: dict[bytes, Neighbour] = {}
        self.probing = Probing(BRAID, self.neighbours, self.known)
        for peer in peers:
            self.meet(peer)

    def meet(self, peer: bytes, role: Role = "viewer") -> Neighbour:
        neighbour = self.neighbours[peer] = Neighbour(peer, role, self.now)
        neighbour.takes_part = True
        return neighbour

    def tick(self, after: float = 0.0) -> dict[bytes, list[wire.Probe]]:
        """What is sent to whom `after` seconds later."""
        self.now += after
        return self.sent(self.probing.tick(self.now))

    def told(self, peer: bytes, train: int, spread: float) -> dict[bytes, list[wire.Probe]]:
        return self.sent(self.probing.probed(peer, answer(train, spread), self.now))

    def sent(self, actions: list[Send]) -> dict[bytes, list[wire.Probe]]:
        sent: dict[bytes, list[wire.Probe]] = {}
        for action in actions:
            message = wire.decode(action.data)
            assert isinstance(message, wire.Probe)
            assert action.channel == "blocks"
            assert len(action.data) == SIZE
            sent.setdefault(action.peer, []).append(message)
        return sent


def train(number: int, *peers: bytes) -> dict[bytes, list[wire.Probe]]:
    """All messages of a train to those."""
    count = TRAINS[number]
    return {peer: [wire.Probe(BRAID, number, count, SIZE)] * count for peer in peers}


def test_two_are_asked_as_soon_as_there_are_two() -> None:
    newcomer = Newcomer(A)
    assert newcomer.tick() == {}
    newcomer.meet(B)
    newcomer.meet(C)
    assert newcomer.tick() == train(0, A, B)
    assert newcomer.tick() == {}


def test_newcomer_without_more_company_asks_the_one_it_has_after_a_while() -> None:
    newcomer = Newcomer(A)
    assert newcomer.tick() == {}
    assert newcomer.tick(COMPANY / 2) == {}
    assert newcomer.tick(COMPANY) == train(0, A)


def test_newcomer_whose_company_has_gone_asks_nobody() -> None:
    newcomer = Newcomer(A)
    newcomer.tick()
    del newcomer.neighbours[A]
    assert newcomer.tick(2 * COMPANY) == {}
    assert newcomer.known.tries == 0


def test_publisher_the_quiet_and_those_who_take_no_part_are_not_asked() -> None:
    newcomer = Newcomer(A)
    newcomer.meet(PUBLISHER.id, "publisher")
    newcomer.meet(B).quiet = True
    newcomer.meet(C).takes_part = False
    assert newcomer.tick() == {}
    assert newcomer.tick(COMPANY) == train(0, A)


def test_what_comes_to_both_together_is_what_the_upload_carries() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    assert newcomer.told(A, 0, LONG) == {}
    of_one = newcomer.probing.rate
    assert of_one is None
    assert newcomer.told(B, 0, 2 * LONG) == {}
    assert newcomer.probing.rate == rate_of(0, LONG) + rate_of(0, 2 * LONG)
    assert newcomer.tick(2 * PATIENCE) == {}


def test_rate_that_still_grows_is_seen_again_by_a_longer_train() -> None:
    newcomer = Newcomer(A)
    newcomer.tick()
    newcomer.tick(COMPANY)
    rate = rate_of(0, 0.8 * LONG)
    assert newcomer.told(A, 0, spread_of(0, rate)) == train(1, A)
    assert newcomer.told(A, 1, spread_of(1, 2 * ALIKE * rate)) == train(2, A)
    assert newcomer.told(A, 2, spread_of(2, 2 * ALIKE * rate)) == {}
    assert newcomer.probing.rate is not None
    assert round(newcomer.probing.rate) == round(2 * ALIKE * rate)


def test_train_of_a_moment_says_nothing_for_that_may_be_jitter() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    for number in range(LAST):
        assert newcomer.told(A, number, SURE / 4) == {}
        assert newcomer.told(B, number, SURE / 2) == train(number + 1, A, B)
    newcomer.told(A, LAST, 0.0)
    newcomer.told(B, LAST, SHORTEST / 2)
    # So much that nobody can tell: nothing is bounded, and nobody is asked again.
    assert newcomer.probing.rate is None
    assert newcomer.tick(2 * PATIENCE) == {}


def test_neighbour_that_answers_late_is_no_measure() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, SURE)
    assert newcomer.tick(PATIENCE / 2) == {}
    assert newcomer.tick(PATIENCE) == train(1, A)
    assert newcomer.told(B, 0, 10 * LONG) == {}
    assert newcomer.told(B, 1, 10 * LONG) == {}
    assert newcomer.told(A, 1, LONG) == {}
    assert newcomer.probing.rate == rate_of(1, LONG)


def test_half_of_a_train_is_not_taken_for_all_that_the_upload_carries() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, 2 * SURE)
    newcomer.told(B, 0, 2 * SURE)
    newcomer.told(A, 1, spread_of(1, rate_of(0, 2 * SURE)))
    # It does not come faster to one alone, but what went to the other had its share.
    assert newcomer.tick(PATIENCE) == train(2, A)
    assert newcomer.probing.rate is None


def test_slow_upload_is_not_settled_by_the_one_who_answers() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, 2 * LONG)
    newcomer.probing.closed(B)
    assert newcomer.tick(PATIENCE) == train(1, A)
    newcomer.told(A, 1, 2 * LONG)
    assert newcomer.probing.rate == rate_of(1, 2 * LONG)


def test_nobody_answers_and_it_is_tried_again_but_not_for_ever() -> None:
    newcomer = Newcomer(A, B)
    for number in range(TRIES):
        assert list(newcomer.tick(AGAIN)) == [A, B]
        assert newcomer.tick(PATIENCE) == {}
        assert newcomer.told(A, number * len(TRAINS), LONG) == {}
    assert newcomer.tick(AGAIN) == {}
    assert newcomer.probing.rate is None


def test_second_try_has_trains_of_other_numbers_and_forgets_the_first() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, SURE)
    newcomer.probing.closed(A)
    newcomer.probing.closed(B)
    newcomer.tick(PATIENCE)
    again = len(TRAINS)
    sent = newcomer.tick(AGAIN)
    assert {message.train for messages in sent.values() for message in messages} == {again}
    newcomer.told(A, 0, LONG)
    newcomer.told(A, again, 2 * LONG)
    newcomer.told(B, again, 2 * LONG)
    assert newcomer.probing.rate == ASKED * rate_of(0, 2 * LONG)


def test_braid_that_is_left_amid_a_train_leaves_it_to_another() -> None:
    known = UploadRate()
    first, second = Newcomer(A, B, known=known), Newcomer(A, B, known=known)
    assert first.tick() == train(0, A, B)
    assert second.tick() == {}
    assert second.tick(AGAIN) == train(0, A, B)


def test_one_that_says_that_a_train_took_hours_does_not_end_it() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, 1000.0)
    assert newcomer.told(B, 0, SURE / 2) == train(1, A, B)
    assert newcomer.probing.rate is None


def test_first_train_that_seemed_to_come_in_no_time_is_no_measure_of_what_is_carried() -> None:
    """A busy neighbour sees several messages at once."""
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.told(A, 0, 0.0)
    newcomer.told(B, 0, 0.0)
    newcomer.told(A, 1, 2 * SURE)
    newcomer.told(B, 1, 2 * SURE)
    assert newcomer.probing.rate == ASKED * rate_of(1, 2 * SURE)


def test_answer_of_one_who_was_not_asked_or_to_another_train_is_no_measure() -> None:
    newcomer = Newcomer(A, B)
    newcomer.meet(C)
    newcomer.tick()
    newcomer.told(C, 0, LONG)
    newcomer.told(A, 1, LONG)
    newcomer.told(A, 0, 2 * LONG)
    newcomer.told(A, 0, LONG)
    newcomer.told(B, 0, 2 * LONG)
    assert newcomer.probing.rate == ASKED * rate_of(0, 2 * LONG)


def test_link_that_closes_amid_a_train_is_not_waited_for_longer_than_others() -> None:
    newcomer = Newcomer(A, B)
    newcomer.tick()
    newcomer.probing.closed(A)
    newcomer.probing.closed(C)
    assert newcomer.told(B, 0, SURE) == train(1, B)
    newcomer.probing.closed(B)
    assert newcomer.tick(PATIENCE) == {}
    assert newcomer.probing.rate is None


def test_one_braid_of_a_machine_asks_for_all() -> None:
    known = UploadRate()
    first, second = Newcomer(A, B, known=known), Newcomer(A, B, known=known)
    assert first.tick() == train(0, A, B)
    assert second.tick() == {}
    first.told(A, 0, LONG)
    first.told(B, 0, LONG)
    assert second.probing.rate == first.probing.rate == ASKED * rate_of(0, LONG)


def test_who_does_not_want_to_know_asks_nobody() -> None:
    neighbours = Newcomer(A, B).neighbours
    probing = Probing(BRAID, neighbours, None)
    assert probing.tick(10.0) == []
    assert probing.probed(A, answer(0, LONG), 10.0) == []
    assert probing.rate is None


# --- at the other end


def came(probing: Probing, peer: bytes, number: int, count: int, now: float) -> list[wire.Message | None]:
    """What is answered to a message of a train."""
    sent = probing.came(peer, wire.Probe(BRAID, number, count, SIZE), now)
    assert all((action.peer, action.channel) == (peer, "control") for action in sent)
    return [wire.decode(action.data) for action in sent]


def test_train_is_answered_for_once_when_enough_of_it_has_come() -> None:
    probing = Probing(BRAID, {}, None)
    said = [came(probing, A, 2, 16, 10.0 + 0.25 * number) for number in range(16)]
    last = due(16) - 1
    assert said[last] == [answer(2, 0.25 * last)]
    assert [number for number, messages in enumerate(said) if messages] == [last]


def test_round_trips_that_a_narrow_window_or_a_lost_packet_waits_for_do_not_count() -> None:
    """They would make a fast upload look slow wherever packets are lost, or far away."""
    probing = Probing(BRAID, {}, None)
    now, said = 10.0, []
    for number in range(16):
        now += 1.0 if number in (4, 9) else 0.125
        said += came(probing, A, 2, 16, now)
    assert said == [answer(2, 0.125 * (due(16) - 1))]


def test_train_that_never_ends_fills_no_memory() -> None:
    probing = Probing(BRAID, {}, None)
    said = 0
    for number in range(5000):
        said += len(came(probing, A, 1, 255 if number % 1000 < 100 else 250, 10.0 + number))
        assert len(probing._came[A].gaps) <= 255
    assert said <= 5000 // 200


def test_single_message_took_no_time() -> None:
    assert came(Probing(BRAID, {}, None), A, 0, 1, 10.0) == [answer(0, 0.0)]


def test_trains_of_several_are_told_apart() -> None:
    probing = Probing(BRAID, {}, None)
    assert came(probing, A, 0, 2, 10.0) == []
    assert came(probing, B, 0, 2, 11.0) == []
    assert came(probing, A, 0, 2, 12.0) == [answer(0, 2.0)]
    assert came(probing, A, 1, 2, 13.0) == []
    assert came(probing, B, 0, 2, 14.0) == [answer(0, 3.0)]
    assert came(probing, A, 1, 2, 14.0) == [answer(1, 1.0)]


def test_lost_message_that_comes_amid_the_next_train_does_not_spoil_it() -> None:
    probing = Probing(BRAID, {}, None)
    for _ in range(due(8)):
        came(probing, A, 1, 8, 10.0)
    assert came(probing, A, 2, 3, 11.0) == []
    assert came(probing, A, 1, 8, 11.25) == []
    assert came(probing, A, 2, 3, 11.5) == []
    assert came(probing, A, 2, 3, 11.75) == [answer(2, 0.75)]


def test_train_over_a_new_link_has_nothing_of_the_old_ones() -> None:
    probing = Probing(BRAID, {}, None)
    came(probing, A, 1, 2, 10.0)
    probing.closed(A)
    assert came(probing, A, 0, 2, 20.0) == []
    assert came(probing, A, 0, 2, 21.0) == [answer(0, 1.0)]


def test_train_that_takes_hours_is_answered_for_in_bounds() -> None:
    probing = Probing(BRAID, {}, None)
    came(probing, A, 0, 2, 10.0)
    assert came(probing, A, 0, 2, 10_000.0) == [wire.Probed(BRAID, 0, 2**32 - 1)]


# --- in a braid


def probes(bench: Bench) -> list[tuple[bytes, wire.Message]]:
    return bench.sent(wire.Probe)


def fed(bench: Bench) -> Bench:
    """Two neighbours take part, one of whom feeds it."""
    bench.link(HIGH, LOW)
    bench.plan(*[HIGH] * STRIPES)
    bench.push(HIGH, range(10))
    bench.tell(HIGH, status(*range(STRIPES)))
    bench.tell(LOW, status(*range(STRIPES)))
    bench.wait(0.1)
    return bench


def test_peer_that_found_out_tells_the_planner_and_takes_no_more_children() -> None:
    bench = fed(Bench(upload=UploadRate()))
    assert probes(bench) == [
        (peer, wire.Probe(BRAID, 0, TRAINS[0], SIZE)) for _ in range(TRAINS[0]) for peer in (HIGH, LOW)
    ]
    bench.tell(HIGH, answer(0, LONG))
    bench.tell(LOW, answer(0, LONG))
    bench.wait(0.1)
    slots = bench.core._down.places.upload.slots
    assert slots is not None
    stripe = 4000 / STRIPES  # of parts of 400 bytes, ten a second
    assert abs(slots - ASKED * rate_of(0, LONG) * PROBED_SHARE / stripe) <= 1
    assert [report.slots for report in bench.take(Report)][-1] == slots
    bench.wait(0.5)
    assert [m.free for _, m in bench.sent(wire.Status) if isinstance(m, wire.Status)][-1] == min(slots, 32)


def test_neighbour_of_a_newcomer_answers_for_its_train() -> None:
    bench = fed(Bench())
    bench.done = []
    bench.tell(LOW, wire.Probe(BRAID, 0, 4, SIZE))
    for _ in range(3):
        bench.now += 0.125
        bench.tell(LOW, wire.Probe(BRAID, 0, 4, SIZE))
    assert bench.sent(wire.Probed) == [(LOW, answer(0, 0.375))]


def test_link_that_is_gone_is_no_longer_under_way() -> None:
    bench = fed(Bench(upload=UploadRate()))
    bench.core.link_closed(LOW, bench.now)
    bench.act()
    bench.done = []
    bench.tell(HIGH, answer(0, SURE))
    assert [peer for peer, _ in probes(bench)] == [HIGH] * TRAINS[1]


def test_who_carries_nothing_and_who_does_not_want_to_know_ask_nobody() -> None:
    known = UploadRate()
    assert probes(fed(Bench(upload=known, carries=False))) == []
    assert known.tries == 0
    assert probes(fed(Bench())) == []


def test_publisher_does_not_ask_for_all_come_to_it() -> None:
    known = UploadRate()
    bench = Bench(PUBLISHER.id, upload=known)
    bench.link(HIGH, LOW)
    for peer in (HIGH, LOW):
        bench.tell(peer, status())
    bench.wait(2 * COMPANY)
    assert probes(bench) == []
    assert known.tries == 0
