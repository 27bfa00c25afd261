"""What goes over a link that opens between two logs, and what each of them has afterwards."""

from __future__ import annotations

import pytest

from peer import wire
from peer.core.actions import Reject
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import message_id
from peer.core.chat_recall import Keep
from peer.wire_ranges import PLACE, Comparison, Range, read_comparison, write_comparison, write_ranges
from signaling.chat_header import ChatHeader
from tests.unit.peer.core.chat_network import ChatNetwork, Kept, Node, chain, identity, text_message
from tests.unit.peer.core.test_chat_log import BOB, EVE, Bench, number, sent

COMPARES = (wire.ChatCompare, wire.ChatRanges, wire.ChatHave)


def said(node: Node, *kinds: type[wire.Message]) -> list[wire.Message]:
    return [message for _, message in node.sent if isinstance(message, kinds or COMPARES)]


def store(messages: list[wire.ChatMessage]) -> Kept:
    """A store that has kept these, and nothing of what they follow but that."""
    kept, here = Kept(), {message_id(message.header) for message in messages}
    for message in messages:
        header = ChatHeader.parse(message.header)
        place = (header.clock, header.author, message_id(message.header))
        kept.keep(Keep(place, message, here.issuperset(header.follows)))
    return kept


def two(here: list[wire.ChatMessage], there: list[wire.ChatMessage]) -> tuple[ChatNetwork, Node, Node]:
    """Two logs with stores, linked."""
    network = ChatNetwork()
    one, other = network.add("one", kept=store(here)), network.add("other", kept=store(there))
    network.connect(one, other)
    return network, one, other


def test_logs_that_are_equal_say_so_with_one_message_of_fixed_size_each() -> None:
    for length in (1, 300):
        messages = chain(EVE, length)
        network, one, other = two(messages, messages)
        network.rest()
        for node in (one, other):
            (only,) = node.sent
            assert isinstance(only[1], wire.ChatCompare)
            assert len(wire.encode(only[1])) == 170


def test_what_a_log_lost_long_ago_comes_back_when_a_link_opens() -> None:
    messages = chain(EVE, 600)
    for gone in ([300, 301, 302], [5, 100, 250, 599], [598]):
        network, one, other = two(messages, [m for at, m in enumerate(messages) if at not in gone])
        network.rest()
        assert other.kept is not None
        assert one.kept is not None
        assert other.kept.order() == one.kept.order()
        spoken = sum(len(wire.encode(message)) for node in (one, other) for message in said(node))
        assert spoken < 3_000


def test_branch_that_nobody_followed_is_found_however_old_it_is() -> None:
    messages = chain(EVE, 600)
    branch = text_message(BOB, "nobody followed me", clock=2, follows=(number(messages[0]),))
    network, one, _ = two(messages, [*messages[:300], branch, *messages[300:]])
    network.rest()
    assert one.kept is not None
    assert number(branch) in one.kept.messages


def test_newcomer_is_told_the_last_ones_first_and_compares_from_there() -> None:
    network = ChatNetwork()
    old = network.add("old", kept=store(chain(EVE, 600)))
    new = network.add("new")
    network.connect(old, new)
    network.run(30)
    assert len(said(old, wire.ChatHave)) == 1
    assert len(new.log.messages()) == 200
    network.disconnect(old, new)
    network.connect(old, new)
    network.run(30)
    assert said(new, wire.ChatRanges) == []
    assert said(old, wire.ChatRanges) == []
    assert len(new.log.messages()) == 200


def test_logs_compare_from_where_the_one_with_less_memory_begins() -> None:
    network = ChatNetwork()
    much, little = network.add("much"), network.add("little", ChatLimits(messages=20))
    network.connect(much, little)
    for place in range(40):
        much.say(f"{place}")
        network.run(2)
    little.say("and so")
    network.rest()
    network.disconnect(much, little)
    before = len(much.sent) + len(little.sent)
    network.connect(much, little)
    network.rest()
    assert len(much.sent) + len(little.sent) == before + 2
    network.disconnect(much, little)
    much.say("between")
    network.connect(much, little)
    network.rest()
    assert little.texts() == much.texts()[-20:]


@pytest.mark.parametrize("data", [b"", bytes(170), b"\x00" * 168])
def test_comparison_that_is_none_ends_the_link(data: bytes) -> None:
    bench = Bench()
    (answer,) = bench.receive(BOB.id, wire.ChatCompare(data))
    assert isinstance(answer, Reject)
    (answer,) = bench.receive(EVE.id, wire.ChatRanges(b"\x00\x00\x00\x00"))
    assert isinstance(answer, Reject)
    assert bench.log.counters.malformed == 2


def comparison(begins: bool = False, horizon: bytes = bytes(PLACE)) -> wire.ChatCompare:
    return wire.ChatCompare(write_comparison(Comparison(begins, bytes(16), horizon, horizon, b"\x07" * 16)))


def test_peer_that_compares_without_end_is_answered_seldom() -> None:
    bench = Bench()
    bench.accept(chain(BOB, 60))
    bench.log.link_closed(EVE.id, 0.0)
    bench.log.link_opened(EVE.id, 0.0)
    bench.acted(0.0)
    question = wire.ChatRanges(write_ranges([Range(b"", 1, b"\x07" * 16)]))
    answers = [bench.receive(EVE.id, question, 1.0) for _ in range(50)]
    assert len([answer for answer in answers if answer]) == 16
    answers = [bench.receive(EVE.id, comparison(), 5.0) for _ in range(50)]
    assert len([answer for answer in answers if answer]) <= 2


def test_liar_who_says_that_its_page_is_the_end_of_all_takes_no_more_than_the_past() -> None:
    bench = Bench(ChatLimits(newest=5))
    page = wire.ChatCompare(
        write_comparison(Comparison(False, bytes(16), b"\xff" * PLACE, b"\xff" * PLACE, bytes(16)))
    )
    bench.receive(BOB.id, page)
    messages = chain(BOB, 20)
    bench.accept(messages)
    bench.log.link_opened(identity("late").id, 1.0)
    ((_, opened),) = sent(bench.acted(1.0))
    assert isinstance(opened, wire.ChatCompare)
    assert read_comparison(opened.data).horizon == (16).to_bytes(4, "big") + BOB.key + number(messages[15])


def test_what_was_too_much_to_be_told_is_looked_for_again_a_few_times() -> None:
    network = ChatNetwork()
    limits = ChatLimits(compare_again=(2, 15.0))
    messages = chain(EVE, 2_000)
    one, other = (
        network.add("one", limits, kept=store(messages)),
        network.add("other", limits, kept=store([*messages[:40], *messages[1_990:]])),
    )
    network.connect(one, other)
    network.rest()
    assert len(said(one, wire.ChatHave)) >= 3
    assert one.log.next_timer() is None
    assert one.kept is not None
    assert other.kept is not None
    assert set(other.kept.messages) < set(one.kept.messages)
    assert len(other.kept.messages) > 500


def test_words_that_nobody_has_heard_are_told_of_at_once() -> None:
    network, one, other = two(chain(EVE, 5), chain(EVE, 5))
    network.disconnect(one, other)
    entry = one.say("alone")
    assert one.log.unsent == 1
    one.sent.clear()
    network.connect(one, other)
    network.rest()
    assert one.sent[0][1] == wire.ChatHave((entry.id,))
    assert one.log.unsent == 0
    assert [entry.text for entry in other.log.messages()][-1] == "alone"
