"""Whatever happens to links: in the end everybody has the same messages in the same order, each once."""

from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from peer import wire
from peer.core.chat_acts import Delete, Edit, Reaction
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import Entry
from tests.unit.peer.core.chat_network import ChatNetwork, Node, chain, identity, text_message

pytestmark = pytest.mark.crowd

PEERS = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), PEERS, PEERS),
        st.tuples(st.sampled_from(["edit", "delete", "react", "unreact"]), PEERS, st.integers(0, 40)),
        st.tuples(st.just("cut"), PEERS, PEERS),
        st.tuples(st.just("link"), PEERS, PEERS),
        st.tuples(st.just("part"), PEERS, PEERS),
        st.tuples(st.just("wait"), st.integers(0, 20), PEERS),
        st.tuples(st.just("pause"), st.integers(5, 20), PEERS),
    ),
    max_size=40,
)


def walk(network: ChatNetwork, nodes: list[Node], steps: list[tuple[str, int, int]]) -> list[Entry]:
    """Do what the steps say; returns what was said."""
    said: list[Entry] = []
    for verb, first, second in steps:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        match verb:
            case "say" if second % 3 == 0 and said:
                said.append(a.say(f"{len(said)}", said[second % len(said)].id))
            case "say":
                said.append(a.say(f"{len(said)}"))
            case "edit" | "delete" | "react" | "unreact":
                act(a, verb, second, said)
            case "cut":
                network.disconnect(a, b)
            case "link" if a is not b:
                network.connect(a, b)
            case "part":  # the room falls into two halves
                border = first % len(nodes)
                for left, right in combinations(range(len(nodes)), 2):
                    if left < border <= right:
                        network.disconnect(nodes[left], nodes[right])
            case "wait":
                network.run(first * 0.02)
            case "pause":
                network.run(first)
    return said


def act(node: Node, verb: str, number: int, said: list[Entry]) -> None:
    """Do something to a message that the node sees, one of its own where others may not."""
    own = verb in ("edit", "delete")
    seen = [entry for entry in node.log.messages() if entry.key == node.identity.key or not own]
    if not seen:
        return
    target = seen[number % len(seen)].id
    if verb == "edit":
        node.do(Edit(target, f"edited {number} by {node.name}"))
    elif verb == "delete":
        node.do(Delete(target))
    else:
        node.do(Reaction(target, "👍", verb == "react"))


def heal(network: ChatNetwork, nodes: list[Node]) -> None:
    for here, there in pairwise(nodes):
        network.connect(here, there)
    network.rest()


def assert_same(nodes: list[Node], said: list[Entry]) -> None:
    """The same on all, and nothing that was said is missing but what its author took back."""
    expected = nodes[0].log.messages()
    shown = {entry.id for entry in expected}
    places = [entry.place for entry in sorted(said, key=lambda entry: entry.place) if entry.id in shown]
    assert [entry.place for entry in expected] == places
    for node in nodes:
        assert node.log.messages() == expected
        assert node.told() == {entry.id: entry for entry in expected}
        assert len({entry.id for entry in node.delivered}) == len(node.delivered)
        assert node.rejected == []
        assert node.log.next_timer() is None


@given(st.integers(2, 6), STEPS, st.integers(0, 2**32), st.sampled_from([0.0, 0.1]))
@example(2, [], 0, 0.0)
@example(6, [("part", 3, 0), *[("say", place, 0) for place in range(6)] * 3, ("wait", 5, 0)], 1, 0.1)
def test_logs_come_to_the_same_messages_and_order(
    count: int, steps: list[tuple[str, int, int]], seed: int, check_delay: float
) -> None:
    network = ChatNetwork(seed, check_delay=check_delay)
    nodes = network.ring(count)
    said = walk(network, nodes, steps)
    heal(network, nodes)
    assert_same(nodes, said)


@pytest.mark.slow
@given(st.integers(0, 2**32))
def test_logs_of_a_long_day_come_to_the_same_messages_and_order(seed: int) -> None:
    chance = Random(seed)
    delay, check_delay = chance.choice([0.02, 0.2, 1.0]), chance.choice([0.0, 0.1])
    network = ChatNetwork(seed, delay=delay, check_delay=check_delay)
    nodes = network.ring(chance.randint(2, 6))
    verbs = chance.choices(["say", "cut", "link", "part", "wait", "pause"], [8, 3, 3, 1, 4, 1], k=80)
    said = walk(network, nodes, [(verb, chance.randint(5, 20), chance.randint(0, 5)) for verb in verbs])
    heal(network, nodes)
    assert_same(nodes, said)


@given(STEPS, st.integers(0, 2**32))
def test_logs_that_keep_few_messages_keep_the_same_ones(steps: list[tuple[str, int, int]], seed: int) -> None:
    network = ChatNetwork(seed)
    nodes = network.ring(4, ChatLimits(messages=5))
    said = walk(network, nodes, [step for step in steps if step[0] in ("say", "wait", "pause")])
    network.rest()
    expected = sorted(said, key=lambda entry: (entry.clock, entry.key, entry.id))[-5:]
    for node in nodes:
        assert node.log.messages() == expected


@given(STEPS, st.integers(0, 2**32))
def test_follower_stands_behind_what_it_follows(steps: list[tuple[str, int, int]], seed: int) -> None:
    network = ChatNetwork(seed)
    nodes = network.ring(5)
    seen: dict[bytes, set[bytes]] = {}
    say = Node.say
    for step in steps:
        if step[0] == "say":
            node = nodes[step[1] % 5]
            before = {entry.id for entry in node.log.messages()}
            seen[say(node, "text").id] = before
        else:
            walk(network, nodes, [step])
    heal(network, nodes)
    order = [entry.id for entry in nodes[0].log.messages()]
    for message, before in seen.items():
        assert before <= set(order[: order.index(message)])


@given(st.data(), st.integers(0, 2**32))
def test_changed_bytes_are_never_shown_and_never_stop_the_log(data: st.DataObject, seed: int) -> None:
    network = ChatNetwork(seed)
    nodes = network.ring(3)
    eve = nodes[0].identity.id
    true = chain(identity("bob"), 4)
    for message in true:
        raw = bytearray(wire.encode(message))
        for _ in range(data.draw(st.integers(0, 2))):
            raw[data.draw(st.integers(1, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            changed = wire.decode(bytes(raw))
        except wire.WireError:
            continue  # the link's shell answers this
        if isinstance(changed, wire.ChatMessage) and eve in nodes[1].links:
            nodes[1].log.received(eve, changed, network.now)
            nodes[1].act()
    network.rest()
    texts = {"0", "1", "2", "3"}
    assert {entry.text for entry in nodes[1].log.messages()} <= texts
    nodes[1].say("still here")
    network.rest()
    assert "still here" in nodes[2].texts()


@pytest.mark.slow
@given(st.integers(0, 2**32))
@hypothesis_settings(max_examples=20)
def test_flood_of_everything_stays_within_bounds(seed: int) -> None:
    limits = ChatLimits(messages=50, waiting=40, peer_waiting=20, owed=10, remembered=30)
    network = ChatNetwork(seed)
    nodes = network.ring(3, limits)
    eve, victim = nodes[0].identity.id, nodes[1]
    chance = network.random
    for place in range(400):
        author = identity(f"sybil {chance.randrange(20)}")
        follows = tuple(chance.randbytes(32) for _ in range(chance.randrange(3)))
        clock = chance.randrange(2, 2**32) if follows else 1
        message = text_message(author, f"{place}", clock=clock, follows=follows)
        ids = tuple(chance.randbytes(32) for _ in range(chance.randrange(256)))
        for flood in (message, wire.ChatHave(ids), wire.ChatWant(ids)):
            victim.log.received(eve, flood, network.now)
        victim.act()
        network.run(0.01)
    assert len(victim.log.messages()) <= 50
    network.rest()
    bystander = nodes[2]
    entry = bystander.say("I am here")
    network.rest()
    assert entry in victim.delivered
