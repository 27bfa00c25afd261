"""One log, and a few together: what counts, what is refused, what is asked for."""

from __future__ import annotations

from hashlib import sha256

import pytest

from peer import wire
from peer.core.actions import Reject, Send, Verify
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatAction, ChatLog
from peer.core.chat_message import ChatError, ChatRateError
from peer.core.chat_placing import Deliver
from peer.identity import TAG_CHAT
from tests.unit.peer.core.chat_network import (
    ROOM,
    WALL,
    ChatNetwork,
    chain,
    identity,
    signed,
    text_message,
)

ADA, BOB, EVE = identity("ada"), identity("bob"), identity("eve")


def number(message: wire.ChatMessage) -> bytes:
    return sha256(message.header).digest()


class Bench:
    """A log whose links are in the test's hands; signatures are answered by the test's word."""

    def __init__(self, limits: ChatLimits | None = None, peers: tuple[bytes, ...] = (BOB.id, EVE.id)) -> None:
        self.log = ChatLog(ROOM, ADA.key, limits)
        for peer in peers:
            self.log.link_opened(peer, 0.0)
        self.log.poll_actions()

    def receive(
        self,
        peer: bytes,
        message: wire.OfChat,
        now: float = 0.0,
        *,
        ok: bool = True,
    ) -> list[ChatAction]:
        """What the log does about it, its checks answered."""
        self.log.received(peer, message, now)
        return self.acted(now, ok=ok)

    def acted(self, now: float, *, ok: bool = True) -> list[ChatAction]:
        done: list[ChatAction] = []
        while actions := self.log.poll_actions():
            for action in actions:
                if isinstance(action, Verify):
                    self.log.verified(action.token, ok, now)
                else:
                    done.append(action)
        return done

    def accept(self, messages: list[wire.ChatMessage], now: float = 0.0) -> None:
        for message in messages:
            self.receive(BOB.id, message, now)

    def wait(self, until: float) -> list[ChatAction]:
        """Every timer up to `until`."""
        done: list[ChatAction] = []
        while (timer := self.log.next_timer()) is not None and timer <= until:
            self.log.handle_timer(timer)
            done += self.acted(timer)
        return done


def sent(actions: list[ChatAction]) -> list[tuple[bytes, wire.Message | None]]:
    return [(action.peer, wire.decode(action.data)) for action in actions if isinstance(action, Send)]


def delivered(actions: list[ChatAction]) -> list[str]:
    return [action.message.text for action in actions if isinstance(action, Deliver)]


def rejected(actions: list[ChatAction]) -> list[bytes]:
    return [action.peer for action in actions if isinstance(action, Reject)]


def test_message_is_delivered_and_forwarded_only_after_its_signature_was_verified() -> None:
    bench = Bench()
    message = text_message(BOB)
    bench.log.received(BOB.id, message, 0.0)
    (check,) = bench.log.poll_actions()
    assert check == Verify(0, BOB.key, TAG_CHAT, message.header, message.signature)
    assert bench.log.messages() == []
    bench.log.verified(0, True, 0.0)
    actions = bench.log.poll_actions()
    assert delivered(actions) == ["hello"]
    assert sent(actions) == [(EVE.id, message)]


def test_second_copy_is_counted_and_goes_nowhere() -> None:
    bench = Bench()
    message = text_message(BOB)
    bench.receive(BOB.id, message)
    assert bench.receive(EVE.id, message) == []
    assert bench.log.counters.duplicates == 1
    assert len(bench.log.messages()) == 1


def test_peer_that_sent_a_copy_while_the_first_was_checked_gets_none() -> None:
    bench = Bench()
    message = text_message(BOB)
    bench.log.received(BOB.id, message, 0.0)
    bench.log.received(EVE.id, message, 0.0)
    assert sent(bench.acted(0.0)) == []


def test_forged_author_ends_the_link_and_reaches_nobody() -> None:
    bench = Bench()
    actions = bench.receive(EVE.id, text_message(BOB), ok=False)
    (answer,) = actions
    assert isinstance(answer, Reject)
    assert (answer.peer, answer.reason) == (EVE.id, wire.PROTOCOL_ERROR)
    assert bench.log.messages() == []
    assert bench.log.counters.forged == 1


def test_true_message_is_accepted_after_a_forged_copy() -> None:
    bench = Bench()
    message = text_message(BOB)
    bench.receive(EVE.id, message, ok=False)
    assert delivered(bench.receive(BOB.id, message)) == ["hello"]


def test_true_copy_that_came_during_the_check_of_a_forged_one_is_asked_for_again() -> None:
    bench = Bench()
    message = text_message(BOB)
    bench.log.received(EVE.id, message, 0.0)
    bench.log.received(BOB.id, message, 0.0)
    actions = bench.acted(0.0, ok=False)
    assert (BOB.id, wire.ChatWant((number(message),))) in sent(actions)
    assert rejected(actions) == [EVE.id]


def test_replay_from_another_room_ends_the_link() -> None:
    bench = Bench()
    actions = bench.receive(EVE.id, text_message(BOB, room="other"))
    assert rejected(actions) == [EVE.id]
    assert bench.log.counters.malformed == 1


def test_body_that_is_not_the_hashed_one_ends_the_link() -> None:
    bench = Bench()
    message = text_message(BOB)
    assert message.body is not None
    changed = wire.ChatMessage(message.header, message.signature, message.body.replace(b"hello", b"hullo"))
    assert rejected(bench.receive(EVE.id, changed)) == [EVE.id]


@pytest.mark.parametrize("kind", [wire.ChatHave, wire.ChatWant])
def test_oversized_list_of_ids_ends_the_link(kind: type[wire.ChatHave | wire.ChatWant]) -> None:
    bench = Bench()
    actions = bench.receive(EVE.id, kind(tuple(bytes((part % 256, part // 256)) * 16 for part in range(257))))
    assert rejected(actions) == [EVE.id]


def test_message_waits_for_what_it_follows_and_asks_its_source() -> None:
    bench = Bench()
    first, second = chain(BOB, 2)
    actions = bench.receive(BOB.id, second)
    assert sent(actions) == [(BOB.id, wire.ChatWant((number(first),)))]
    assert delivered(actions) == []
    actions = bench.receive(BOB.id, first)
    assert delivered(actions) == ["0", "1"]
    assert bench.log.next_timer() is not None  # what was asked for is announced to the others a little later
    assert sent(bench.wait(0.1)) == [(EVE.id, wire.ChatHave((number(first),)))]


def test_next_peer_is_asked_when_the_first_does_not_answer() -> None:
    bench = Bench()
    first, second = chain(BOB, 2)
    bench.receive(BOB.id, second)
    assert sent(bench.wait(3.0)) == [(EVE.id, wire.ChatWant((number(first),)))]
    assert delivered(bench.receive(EVE.id, first, 3.5)) == ["0", "1"]


def test_next_peer_is_asked_when_the_link_of_the_first_closes() -> None:
    bench = Bench()
    first, second = chain(BOB, 2)
    bench.receive(BOB.id, second)
    bench.log.link_closed(BOB.id, 0.5)
    assert sent(bench.acted(0.5)) == [(EVE.id, wire.ChatWant((number(first),)))]


def test_followed_message_that_nobody_has_is_passed_over() -> None:
    bench = Bench()
    _, second, third = chain(BOB, 3)
    bench.receive(BOB.id, second)
    assert delivered(bench.wait(6.0)) == ["1"]
    assert bench.log.counters.absent == 1
    assert delivered(bench.receive(BOB.id, third, 6.0)) == ["2"]


def test_message_without_its_body_is_no_answer() -> None:
    bench = Bench()
    first, second = chain(BOB, 2)
    bench.receive(BOB.id, second)
    actions = bench.receive(BOB.id, wire.ChatMessage(first.header, first.signature, None))
    assert sent(actions) == [(EVE.id, wire.ChatWant((number(first),)))]
    assert bench.log.counters.bodiless == 1


def test_unknown_kind_is_kept_and_forwarded_but_not_shown() -> None:
    bench = Bench()
    message = text_message(BOB, kind=7)
    actions = bench.receive(BOB.id, message)
    assert sent(actions) == [(EVE.id, message)]
    assert delivered(actions) == []
    assert bench.log.messages() == []
    assert sent(bench.receive(EVE.id, wire.ChatWant((number(message),)))) == [(EVE.id, message)]


def test_clock_far_ahead_is_refused() -> None:
    bench = Bench()
    bench.receive(BOB.id, text_message(BOB))
    poison = text_message(EVE, clock=1_000_002, follows=(b"\x01" * 32,))
    assert bench.receive(EVE.id, poison, 11.0) == []
    assert bench.log.counters.ahead == 1
    assert bench.receive(EVE.id, poison, 11.0) == []  # remembered, not looked at again
    assert bench.log.counters.duplicates == 1


def test_clock_that_does_not_fit_what_is_followed_is_refused() -> None:
    bench = Bench()
    first = text_message(BOB)
    bench.receive(BOB.id, first)
    for clock in (3, 900_000):
        wrong = text_message(EVE, clock=clock, follows=(number(first),))
        assert bench.receive(EVE.id, wrong) == []
    assert bench.log.counters.misplaced == 2
    assert bench.log.counters.accepted == 1


@pytest.mark.parametrize(
    ("clock", "follows"), [(0, ()), (2, ()), (1, (b"\x01" * 32,)), (9, (b"\x01" * 32,) * 2)]
)
def test_clock_or_list_that_no_author_writes_ends_the_link(clock: int, follows: tuple[bytes, ...]) -> None:
    bench = Bench()
    assert rejected(bench.receive(EVE.id, text_message(EVE, clock=clock, follows=follows))) == [EVE.id]


def test_newcomer_takes_the_last_messages_without_asking_for_the_past() -> None:
    bench = Bench()
    past = chain(BOB, 30, clock=5_000_000)
    actions = bench.receive(BOB.id, wire.ChatHave(tuple(map(number, past))))
    assert sent(actions) == [(BOB.id, wire.ChatWant(tuple(map(number, past))))]
    got: list[ChatAction] = []
    for message in past:
        got += bench.receive(BOB.id, message, 0.2)
    assert delivered(got) == [str(place) for place in range(30)]
    assert sent(got) == []


def test_answers_come_from_the_log_up_to_a_rate() -> None:
    bench = Bench(ChatLimits(answers=(3_000, 1_000)))
    messages = chain(BOB, 10)
    bench.accept(messages)
    wanted = tuple(map(number, messages))
    first = sent(bench.receive(EVE.id, wire.ChatWant(wanted)))
    assert 1 <= len(first) < 10
    later = sent(bench.wait(10.0))
    assert [message for _, message in first + later] == messages


def test_answers_that_wait_are_bounded() -> None:
    bench = Bench(ChatLimits(answers=(1, 1), owed=3))
    messages = chain(BOB, 10)
    bench.accept(messages)
    bench.receive(EVE.id, wire.ChatWant(tuple(map(number, messages))))
    assert len(sent(bench.wait(100_000.0))) == 2  # one went out at once


def test_answer_that_was_left_out_meanwhile_is_owed_no_longer() -> None:
    bench = Bench(ChatLimits(messages=3, answers=(1, 1)))
    messages = chain(BOB, 6)
    bench.accept(messages[:3])
    bench.receive(EVE.id, wire.ChatWant(tuple(map(number, messages[:3]))))
    bench.accept(messages[3:])
    assert sent(bench.wait(10_000.0)) == []
    assert bench.log.next_timer() is None


def test_whoever_fills_a_gap_is_told_what_came_before_it() -> None:
    bench = Bench(ChatLimits(newest=3))
    messages = chain(BOB, 10)
    bench.accept(messages)
    answers = sent(bench.receive(EVE.id, wire.ChatWant((number(messages[5]),))))
    assert answers == [
        (EVE.id, messages[5]),
        (EVE.id, wire.ChatHave(tuple(map(number, messages[2:5])))),
    ]


def test_oldest_are_left_out_and_what_followed_them_is_still_accepted() -> None:
    bench = Bench(ChatLimits(messages=3))
    messages = chain(BOB, 5)
    bench.accept(messages)
    assert [entry.text for entry in bench.log.messages()] == ["2", "3", "4"]
    beside = text_message(EVE, "beside", clock=2, follows=(number(messages[0]),))
    assert bench.receive(EVE.id, beside) == []  # as old as what was left out
    assert bench.log.counters.too_old == 1
    after = text_message(EVE, "after", clock=3, follows=(number(messages[1]),))
    bench.receive(EVE.id, after)
    assert bench.log.counters.too_old + bench.log.counters.accepted == 7
    assert len(bench.log.messages()) == 3


def test_memory_of_bodies_is_bounded() -> None:
    bench = Bench(ChatLimits(bytes=4_000))
    for place in range(20):
        bench.receive(BOB.id, text_message(BOB, "x" * 500, time=WALL + place))
    assert 1 <= len(bench.log.messages()) <= 8


def test_author_above_the_rate_is_dropped_and_found_again_by_those_who_follow() -> None:
    bench = Bench(ChatLimits(author=(5, 1)))
    messages = chain(BOB, 8)
    shown = []
    for message in messages[:7]:
        shown += delivered(bench.receive(BOB.id, message))
    assert shown == ["0", "1", "2", "3", "4"]
    assert bench.log.counters.too_fast == 2
    actions = bench.receive(BOB.id, messages[7], 1.0)
    assert sent(actions) == [(BOB.id, wire.ChatWant((number(messages[6]),)))]
    actions = bench.receive(BOB.id, messages[6], 1.1)
    assert sent(actions) == [(BOB.id, wire.ChatWant((number(messages[5]),)))]
    assert delivered(bench.receive(BOB.id, messages[5], 1.2)) == ["5", "6", "7"]


def test_dropped_message_that_another_waits_for_is_asked_for() -> None:
    bench = Bench(ChatLimits(author=(1, 0.1)))
    messages = chain(BOB, 3)
    bench.receive(BOB.id, messages[0])
    bench.log.received(BOB.id, messages[1], 0.0)
    (slow,) = bench.log.poll_actions()
    assert isinstance(slow, Verify)
    reply = text_message(EVE, "reply", clock=3, follows=(number(messages[1]),))
    assert sent(bench.receive(EVE.id, reply)) == []  # it is on its way
    bench.log.verified(slow.token, True, 0.0)
    assert sent(bench.acted(0.0)) == [(EVE.id, wire.ChatWant((number(messages[1]),)))]


def test_link_above_its_rate_is_dropped_before_its_signatures_are_checked() -> None:
    bench = Bench(ChatLimits(link=(3, 1)))
    for place in range(5):
        bench.receive(EVE.id, text_message(identity(f"sybil {place}")))
    assert bench.log.counters.too_fast == 2
    assert bench.log.counters.accepted == 3


def test_author_with_too_long_a_history_is_cut_off_there() -> None:
    bench = Bench(ChatLimits(author_history=(3, 1)))
    past = chain(BOB, 5)
    bench.receive(BOB.id, wire.ChatHave(tuple(map(number, past))))
    for message in past:
        bench.receive(BOB.id, message)
    assert len(bench.log.messages()) == 3
    assert bench.log.counters.too_fast == 2


def test_waiting_messages_are_bounded_for_each_peer() -> None:
    bench = Bench(ChatLimits(peer_waiting=4))
    for message in chain(EVE, 12)[2::2]:
        bench.receive(EVE.id, message)
    assert bench.log.counters.overflow == 1
    bob = chain(BOB, 3)
    bench.receive(BOB.id, bob[1])
    assert delivered(bench.receive(BOB.id, bob[0])) == ["0", "1"]


def test_waiting_bytes_are_bounded() -> None:
    bench = Bench(ChatLimits(waiting_bytes=1_000))
    for message in chain(EVE, 12)[1::2]:
        bench.receive(EVE.id, message)
    assert bench.log.counters.overflow > 0


def test_own_message_is_shown_and_sent_on_every_link() -> None:
    bench = Bench()
    draft = bench.log.compose("hi", "ada", WALL, 0.0)
    entry = bench.log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)
    actions = bench.acted(0.0)
    assert delivered(actions) == ["hi"]
    assert [peer for peer, _ in sent(actions)] == [BOB.id, EVE.id]
    assert (entry.author, entry.key, entry.name, entry.time, entry.clock) == (ADA.id, ADA.key, "ada", WALL, 1)
    with pytest.raises(ValueError, match="not a new message"):
        bench.log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)


def test_own_messages_follow_the_heads_and_stay_apart() -> None:
    bench = Bench()
    heads = [text_message(identity(f"head {place}"), clock=1) for place in range(12)]
    bench.accept(heads)
    first = bench.log.compose("same", "", WALL, 0.0)
    second = bench.log.compose("same", "", WALL, 0.0)
    assert first.header != second.header
    entry = bench.log.said(first, ADA.sign(TAG_CHAT, first.header), 0.0)
    assert entry.clock == 2
    third = bench.log.compose("next", "", WALL, 0.0)
    # Four heads were too many for the first, they and the first itself are followed now.
    assert bench.log.said(third, ADA.sign(TAG_CHAT, third.header), 0.0).clock == 3


def test_draft_of_another_is_not_said() -> None:
    bench = Bench()
    draft = ChatLog(ROOM, BOB.key).compose("hi", "", WALL, 0.0)
    with pytest.raises(ValueError, match="not a new message"):
        bench.log.said(draft, BOB.sign(TAG_CHAT, draft.header), 0.0)
    draft = ChatLog("other", ADA.key).compose("hi", "", WALL, 0.0)
    with pytest.raises(ValueError, match="another room"):
        bench.log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)


def test_writing_too_fast_is_refused_with_the_time_to_wait() -> None:
    log = ChatLog(ROOM, ADA.key)
    for place in range(20):
        log.compose(f"{place}", "", WALL, 0.0)
    with pytest.raises(ChatRateError) as refusal:
        log.compose("more", "", WALL, 0.0)
    assert 0.0 < refusal.value.wait <= 0.5
    log.compose("later", "", WALL, refusal.value.wait)


def test_text_that_cannot_be_sent_is_refused_with_a_sentence() -> None:
    log = ChatLog(ROOM, ADA.key)
    with pytest.raises(ChatError, match="empty"):
        log.compose("  ", "", WALL, 0.0)


def test_own_messages_count_as_unsent_until_a_link_carries_them() -> None:
    log = ChatLog(ROOM, ADA.key)
    draft = log.compose("early", "", WALL, 0.0)
    entry = log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)
    assert log.unsent == 1
    log.link_opened(BOB.id, 1.0)
    log.received(BOB.id, wire.ChatWant((entry.id,)), 1.1)
    assert log.unsent == 0
    draft = log.compose("now", "", WALL, 2.0)
    log.said(draft, ADA.sign(TAG_CHAT, draft.header), 2.0)
    assert log.unsent == 0


def test_unsent_message_that_a_peer_has_already_is_sent() -> None:
    log = ChatLog(ROOM, ADA.key)
    draft = log.compose("early", "", WALL, 0.0)
    entry = log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)
    log.link_opened(BOB.id, 1.0)
    log.received(BOB.id, wire.ChatHave((entry.id,)), 1.1)
    assert log.unsent == 0


def test_link_that_opens_anew_before_the_old_one_closed_is_asked_again() -> None:
    bench = Bench(peers=(BOB.id,))
    first, second = chain(BOB, 2)
    bench.receive(BOB.id, second)
    bench.log.link_opened(BOB.id, 1.0)
    actions = bench.acted(1.0)
    assert delivered(actions) == ["1"]  # there was nobody else to ask
    assert sent(bench.receive(BOB.id, wire.ChatHave((number(first),)), 1.0)) == [
        (BOB.id, wire.ChatWant((number(first),)))
    ]


def test_message_from_a_peer_without_a_link_is_ignored() -> None:
    bench = Bench()
    assert bench.receive(identity("stranger").id, text_message(BOB)) == []
    bench.log.verified(99, True, 0.0)
    bench.log.link_closed(identity("stranger").id, 0.0)
    assert bench.acted(0.0) == []


def test_clock_does_not_run_over() -> None:
    bench = Bench()
    last = text_message(BOB, clock=2**32 - 1, follows=(b"\x01" * 32,))
    bench.receive(BOB.id, wire.ChatHave((number(last),)))
    bench.receive(BOB.id, last)
    draft = bench.log.compose("still here", "", WALL, 0.0)
    assert bench.log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0).clock == 2**32 - 1


def test_message_with_two_heads_waits_for_both() -> None:
    bench = Bench()
    left, right = text_message(BOB, "left"), text_message(EVE, "right")
    both = text_message(BOB, "both", clock=2, follows=(number(left), number(right)))
    bench.receive(BOB.id, both)
    assert delivered(bench.receive(EVE.id, left)) == ["left"]
    assert delivered(bench.receive(EVE.id, right)) == ["right", "both"]


def test_late_joiner_gets_the_last_messages() -> None:
    network = ChatNetwork(1)
    first, second = network.ring(2)
    for place in range(230):
        first.say(f"{place}")
        network.run(0.6)
    late = network.add("late")
    network.connect(late, second)
    network.run(5.0)
    assert late.texts() == [f"{place}" for place in range(30, 230)]
    late.say("hello, all")
    network.run(1.0)
    assert first.texts()[-1] == "hello, all"


def test_peer_that_was_away_for_long_gets_all_that_it_missed() -> None:
    network = ChatNetwork(2)
    first, second = network.ring(2)
    away = network.add("away")
    network.connect(away, first)
    first.say("before")
    network.run(20.0)
    network.disconnect(away, first)
    for place in range(700):
        second.say(f"{place}")
        network.run(0.6)
    network.connect(away, first)
    network.run(20.0)
    assert away.texts() == first.texts()
    assert len(away.texts()) == 701


def test_halves_that_were_apart_for_long_come_to_the_same_log() -> None:
    network = ChatNetwork(3)
    nodes = network.ring(4)
    nodes[0].say("all")
    network.run(20.0)
    network.disconnect(nodes[1], nodes[2])
    network.disconnect(nodes[3], nodes[0])
    for place in range(400):
        nodes[0].say(f"left {place}")
        nodes[2].say(f"right {place}")
        network.run(0.6)
    network.connect(nodes[1], nodes[2])
    network.run(60.0)
    for node in nodes:
        assert node.texts() == nodes[0].texts()
        assert len(node.texts()) == 801


def test_forger_loses_its_link_and_nothing_of_it_is_passed_on() -> None:
    network = ChatNetwork(4, check_delay=0.02)
    first, second, third = network.ring(3)
    forged = signed(EVE, first.log.compose("I am not me", "", WALL, 0.0))
    network.carry(first, second.identity.id, wire.encode(forged))
    network.run(5.0)
    assert second.rejected == [first.identity.id]
    assert [node.texts() for node in (first, second, third)] == [[], [], []]


def test_words_that_no_link_took_are_counted_up_to_a_bound() -> None:
    log = ChatLog(ROOM, ADA.key, ChatLimits(remembered=2))
    for number in range(4):
        draft = log.compose(f"{number}", "", WALL, 0.0)
        log.said(draft, ADA.sign(TAG_CHAT, draft.header), 0.0)
    assert log.unsent == 2


def test_past_in_memory_is_read_back_down_to_where_something_is_missing() -> None:
    bench = Bench()
    first, *later = chain(BOB, 5)
    bench.accept(later)
    bench.wait(6.0)
    ids = list(map(number, later))
    assert [entry.text for entry in bench.log.before(ids[-1], 10)] == ["1", "2", "3"]
    assert [entry.text for entry in bench.log.before(ids[-1], 2)] == ["2", "3"]
    assert bench.log.before(number(first), 10) == []
    assert [bench.log.lacking(id) for id in (ids[0], ids[1], number(first))] == [(number(first),), (), ()]


def test_past_that_is_all_in_memory_is_read_back_to_its_beginning() -> None:
    bench = Bench()
    bench.accept(past := chain(BOB, 4))
    assert [entry.text for entry in bench.log.before(number(past[-1]), 10)] == ["0", "1", "2"]
