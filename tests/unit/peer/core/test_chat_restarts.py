"""Peers with stores that are killed and start again: in the end all keep the same, in the same order."""

from __future__ import annotations

import contextlib
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import ChatRateError, Entry, Place
from signaling.chat_header import ChatHeader
from tests.unit.peer.core.chat_network import ChatNetwork, Kept, Node

pytestmark = pytest.mark.crowd

LITTLE = ChatLimits(messages=30, newest=6)


def mend(node: Node) -> None:
    """What the shell of a log does when there is company."""
    below: Place | None = None
    while (gap := node.gap(below)) is not None:
        came = node.page(gap[1], missing=True).ids
        node.network.run(max(0.0, node.store_busy - node.network.now) + 0.001)
        if not came or node.gap(below) == gap:
            below = gap[0]


def play(network: ChatNetwork, nodes: list[Node], chance: Random, steps: int) -> list[Entry]:
    said: list[Entry] = []
    for _ in range(steps):
        a, b = chance.sample(network.nodes, 2)
        verb = chance.choices(["say", "cut", "link", "part", "wait", "restart"], [10, 2, 2, 1, 4, 2])[0]
        match verb:
            case "say":
                with contextlib.suppress(ChatRateError):
                    said.append(a.say(f"{len(said)}"))
            case "cut":
                network.disconnect(a, b)
            case "link":
                network.connect(a, b)
            case "part":
                border = chance.randrange(len(nodes))
                for left, right in combinations(range(len(nodes)), 2):
                    if left < border <= right:
                        network.disconnect(network.nodes[left], network.nodes[right])
            case "wait":
                network.run(chance.choice([0.02, 0.2, 4.0, 12.0]))
            case _:
                network.restart(a)
    return said


def kept_by(nodes: list[Node]) -> set[Place]:
    return {message.place for node in nodes if node.kept for message in node.kept.messages.values()}


def forgotten_branches(nodes: list[Node]) -> set[Place]:
    """What nobody ever followed, with what it follows alone, is not told of when nobody has it in memory."""
    kept = {number: message for node in nodes if node.kept for number, message in node.kept.messages.items()}
    told = {entry.id for node in nodes for entry in node.log.messages()}
    waiting = list(told)
    for number in waiting:  # grows while it is walked through
        new = set(ChatHeader.parse(kept[number].message.header).follows) & kept.keys() - told
        told |= new
        waiting += new
    return {message.place for number, message in kept.items() if number not in told}


@pytest.mark.slow
@given(st.integers(0, 2**32))
@example(0)
@example(8397)
def test_stores_come_to_the_same_messages_and_order(seed: int) -> None:
    chance = Random(seed)
    network = ChatNetwork(
        seed,
        delay=chance.choice([0.02, 0.2]),
        check_delay=chance.choice([0.0, 0.1]),
        store_delay=chance.choice([0.0, 0.1]),
    )
    nodes = [network.add(f"peer {number}", LITTLE, Kept()) for number in range(chance.randint(2, 5))]
    said = play(network, nodes, chance, 80)
    for here, there in pairwise(network.nodes):
        network.connect(here, there)
    network.rest()
    acknowledged = kept_by(network.nodes)
    for _ in network.nodes:  # what one could not get, its neighbour may have got meanwhile
        for node in network.nodes:
            mend(node)
    network.rest()
    assert {place[2] for place in acknowledged} <= {entry.id for entry in said}
    told = acknowledged - forgotten_branches(network.nodes)
    for node in network.nodes:
        assert node.kept is not None
        order = node.kept.order()
        assert told <= set(order) <= acknowledged
        assert [entry.id for entry in node.log.messages()] == [place[2] for place in order[-30:]]
        assert node.log.next_timer() is None
    for node in [network.restart(node) for node in list(network.nodes)]:
        assert node.kept is not None
        assert [entry.id for entry in node.log.messages()] == [place[2] for place in node.kept.order()[-30:]]
