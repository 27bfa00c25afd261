"""New messages travel along a tree of links, and whatever breaks it is mended by what others tell."""

from __future__ import annotations

from hashlib import sha256

from peer import wire
from peer.core.chat_limits import ChatLimits
from tests.seeds import seeds
from tests.unit.peer.core.chat_network import WALL, ChatNetwork, chain, identity, signed
from tests.unit.peer.core.test_chat_log import ADA, BOB, EVE, Bench, delivered, sent

DAN = identity("dan")
ONE = ChatLimits(feeders=1)
"""As in a large room."""
PEERS = (BOB.id, EVE.id, DAN.id)


def number(message: wire.ChatMessage) -> bytes:
    return sha256(message.header).digest()


def news(*messages: wire.ChatMessage) -> wire.ChatNews:
    return wire.ChatNews(tuple(map(number, messages)))


def graft(*messages: wire.ChatMessage) -> wire.ChatGraft:
    return wire.ChatGraft(tuple(map(number, messages)))


def prune(*messages: wire.ChatMessage) -> wire.ChatPrune:
    return wire.ChatPrune(tuple(map(number, messages)))


def want(*messages: wire.ChatMessage) -> wire.ChatWant:
    return wire.ChatWant(tuple(map(number, messages)))


def say(bench: Bench, text: str, now: float) -> wire.ChatMessage:
    """One's own message, as it was pushed or would be."""
    draft = bench.log.compose(text, "", WALL + int(1000 * now), now)
    message = signed(ADA, draft)
    bench.log.said(draft, message.signature, now)
    return message


def test_link_that_brings_a_second_copy_is_told_of_what_is_new_and_not_pushed_it() -> None:
    bench = Bench(ONE, PEERS)
    first, second, third = chain(BOB, 3)
    assert sent(bench.receive(BOB.id, first)) == [(EVE.id, first), (DAN.id, first)]
    assert sent(bench.receive(EVE.id, first)) == [(EVE.id, prune(first))]
    assert sent(bench.receive(BOB.id, second, 1.0)) == [(DAN.id, second)]
    assert sent(bench.wait(1.02)) == [(EVE.id, news(second))]
    assert sent(bench.receive(BOB.id, third, 2.0)) == [(DAN.id, third)]
    assert sent(bench.receive(EVE.id, news(third), 2.01)) == []
    assert sent(bench.wait(3.0)) == [], "it has told of it first"


def test_peer_that_gets_what_is_new_from_others_is_pushed_nothing_until_it_asks() -> None:
    bench = Bench(ONE, PEERS)
    first, second = chain(BOB, 2)
    bench.receive(EVE.id, wire.ChatPrune(()))
    assert sent(bench.receive(BOB.id, first)) == [(DAN.id, first)]
    assert sent(bench.wait(0.02)) == [(EVE.id, news(first))]
    assert sent(bench.receive(EVE.id, graft(first), 0.1)) == [(EVE.id, first)]
    assert sent(bench.receive(BOB.id, second, 1.0)) == [(EVE.id, second), (DAN.id, second)]


def test_nobody_is_asked_for_what_comes_along_the_tree_in_time() -> None:
    bench = Bench(ONE, PEERS)
    (message,) = chain(BOB, 1)
    bench.receive(EVE.id, news(message))
    assert bench.wait(0.05) == []
    assert sent(bench.receive(BOB.id, message, 0.05)) == [(DAN.id, message)], "Eve has it"
    assert sent(bench.wait(5.0)) == []


def test_what_the_tree_does_not_bring_is_asked_of_whoever_told_of_it_and_goes_on_as_new() -> None:
    bench = Bench(ONE, PEERS)
    first, second = chain(BOB, 2)
    bench.receive(EVE.id, wire.ChatPrune(()))
    bench.receive(EVE.id, news(first))
    assert sent(bench.wait(0.06)) == [(EVE.id, graft(first))]
    actions = bench.receive(EVE.id, first, 0.1)
    assert delivered(actions) == ["0"]
    assert sent(actions) == [(BOB.id, first), (DAN.id, first)], "as new, not as a part of the past"
    assert sent(bench.receive(BOB.id, first, 1.0)) == [(BOB.id, prune(first))], "it came too late"
    assert sent(bench.receive(EVE.id, second, 2.0)) == [(DAN.id, second)]


def test_one_teller_after_the_other_is_asked_and_then_whoever_may_have_it() -> None:
    bench = Bench(ONE, PEERS)
    (message,) = chain(BOB, 1)
    bench.receive(EVE.id, news(message))
    bench.receive(DAN.id, news(message), 0.01)
    bench.receive(DAN.id, news(message), 0.02)
    assert sent(bench.wait(0.1)) == [(EVE.id, graft(message))]
    assert sent(bench.wait(0.25)) == [(DAN.id, graft(message))]
    assert sent(bench.wait(0.4)) == [(EVE.id, want(message))], "now patiently"
    assert sent(bench.wait(3.5)) == [(DAN.id, want(message))]
    assert delivered(bench.receive(DAN.id, message, 3.6)) == ["0"]


def test_next_teller_is_asked_at_once_when_the_link_to_the_first_ends() -> None:
    bench = Bench(ONE, PEERS)
    (message,) = chain(BOB, 1)
    for peer in PEERS:
        bench.receive(peer, news(message))
    assert sent(bench.wait(0.06)) == [(BOB.id, graft(message))]
    bench.log.link_closed(EVE.id, 0.07)
    bench.log.link_closed(BOB.id, 0.07)
    assert bench.log.next_timer() == 0.07
    assert sent(bench.wait(0.07)) == [(DAN.id, graft(message))]
    bench.log.link_closed(DAN.id, 0.08)
    assert sent(bench.wait(10.0)) == []
    assert bench.log.next_timer() is None


def test_second_copy_takes_the_place_of_a_first_that_comes_no_more() -> None:
    bench = Bench(ONE, PEERS)
    first, second = chain(BOB, 2)
    bench.receive(BOB.id, first)
    bench.receive(BOB.id, wire.ChatPrune(()))
    assert sent(bench.receive(EVE.id, first)) == [], "the only one that still brings it is kept"
    bench.receive(EVE.id, second, 1.0)
    bench.log.link_closed(EVE.id, 1.0)
    assert sent(bench.receive(DAN.id, second, 1.1)) == []
    assert sent(bench.receive(DAN.id, second, 1.2)) == [], "and what it sends twice is its own affair"


def test_what_one_says_is_pushed_to_somebody_although_all_get_it_from_others() -> None:
    bench = Bench(ONE, PEERS)
    for peer in PEERS:
        bench.receive(peer, wire.ChatPrune(()))
    message = say(bench, "hello", 0.0)
    assert sent(bench.acted(0.0)) == [(BOB.id, message)]
    assert sent(bench.wait(1.0)) == [(EVE.id, news(message)), (DAN.id, news(message))]


def test_in_a_small_room_several_bring_the_same_and_in_a_large_one_a_single_one() -> None:
    names = [identity(f"peer {index}").id for index in range(6)]
    bench = Bench(ChatLimits(), ())
    for name in names:
        bench.log.link_opened(name, 0.0, 99)
    first, second, third = chain(BOB, 3)
    for name in names[:4]:
        assert prune(first) not in [message for _, message in sent(bench.receive(name, first))]
    assert sent(bench.receive(names[4], first)) == [(names[4], prune(first))]
    for name in names[:4]:
        assert prune(second) not in [message for _, message in sent(bench.receive(name, second, 1.0))]
    bench.log.link_opened(names[5], 1.0, 100)
    bench.acted(1.0)
    others = [peer for peer, _ in sent(bench.receive(names[0], third, 2.0))]
    assert others == names[1:4], "who came when there was a crowd already asks for what it is told of"
    told = dict(sent(bench.wait(2.02)))
    assert set(told) == {names[4], names[5]}
    for name in names[1:4]:
        assert sent(bench.receive(name, third, 2.0)) == [(name, prune(third))]


def test_second_copies_of_the_past_say_nothing_of_the_tree() -> None:
    bench = Bench(ONE, PEERS)
    past = chain(BOB, 2)
    bench.receive(EVE.id, wire.ChatHave(tuple(map(number, past))))
    for message in past:
        bench.receive(EVE.id, message)
        assert sent(bench.receive(BOB.id, message)) == []


def test_told_of_while_it_is_checked_is_not_pushed_back() -> None:
    bench = Bench(ONE, PEERS)
    (message,) = chain(BOB, 1)
    bench.log.received(BOB.id, message, 0.0)
    bench.log.received(EVE.id, news(message), 0.0)
    assert sent(bench.acted(0.0)) == [(DAN.id, message)]
    assert sent(bench.wait(1.0)) == []


def test_peer_that_tells_of_what_there_is_not_takes_no_memory_and_no_time_from_others() -> None:
    bench = Bench(ChatLimits(feeders=1, waiting=500), PEERS)
    lies = [sha256(bytes([index, more])).digest() for index in range(4) for more in range(150)]
    for start in range(0, 600, 150):
        bench.receive(EVE.id, wire.ChatNews(tuple(lies[start : start + 150])))
    (message,) = chain(BOB, 1)
    bench.receive(DAN.id, news(message))
    asked = sent(bench.wait(0.06))
    assert sum(len(question.ids) for _, question in asked if isinstance(question, wire.ChatGraft)) == 401
    assert asked[-1] == (DAN.id, graft(message))
    more = [sha256(bytes([index, 7, 7])).digest() for index in range(200)]
    bench.receive(BOB.id, wire.ChatNews(tuple(more)), 0.07)
    asked = sent(bench.wait(0.14))
    assert sum(len(question.ids) for _, question in asked if isinstance(question, wire.ChatGraft)) == 99, (
        "500 are waited for in all"
    )


def test_who_brought_very_many_messages_is_forgotten() -> None:
    bench = Bench(ChatLimits(feeders=1, remembered=2), PEERS)
    messages = chain(BOB, 3)
    for message in messages:
        bench.receive(BOB.id, message)
    assert sent(bench.receive(EVE.id, messages[0])) == []
    assert sent(bench.receive(EVE.id, messages[2])) == [(EVE.id, prune(messages[2]))]


@seeds(3)
def test_message_comes_about_once_to_each_of_a_large_room(seed: int) -> None:
    """Each was sent over every link once: by as many peers as one has, all but one in vain."""
    network = ChatNetwork(seed)
    nodes = [network.add(f"peer {index}", ONE) for index in range(40)]
    for index, node in enumerate(nodes):
        for other in network.random.sample(nodes[:index], min(3, index)):
            network.connect(node, other)
    network.run(12.0)
    for count in range(20):
        network.random.choice(nodes).say(f"warm-up {count}")
        network.run(0.5)
    for node in nodes:
        node.sent.clear()
    for count in range(20):
        network.random.choice(nodes).say(f"{count}")
        network.run(0.5)
    network.run(2.0)
    copies = sum(isinstance(message, wire.ChatMessage) for node in nodes for _, message in node.sent)
    assert copies <= 1.5 * 20 * 39
    assert len({tuple(node.texts()) for node in nodes}) == 1
    assert len(nodes[0].texts()) == 40
