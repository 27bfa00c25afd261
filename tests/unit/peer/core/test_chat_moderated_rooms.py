"""Whatever happens to links, and whoever does what to whom: all see the same, by what was signed alone."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import wire
from peer.core.actions import Verify
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import Entry, SignedMessage
from peer.identity import verify
from signaling.moderation import Moderation
from tests.unit.peer.core.chat_network import ROOM, ChatNetwork, Node, identity
from tests.unit.peer.core.moderated_days import OWNER, long_day, moderated
from tests.unit.peer.core.test_chat_convergence import heal

pytestmark = pytest.mark.crowd

PEERS = st.integers(0, 4)
GENEROUS = ChatLimits(
    author=(1e6, 1e6), author_history=(1e6, 1e6), link=(1e6, 1e6), banned=(1e6, 1e6), own=(1e6, 1e6)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), PEERS, PEERS),
        st.tuples(st.sampled_from(["ban", "ban", "unban", "mute", "unmute", "kick"]), PEERS, PEERS),
        st.tuples(
            st.sampled_from(["appoint", "appoint", "dismiss", "admit", "expel"]), st.integers(0, 1), PEERS
        ),
        st.tuples(st.sampled_from(["lock", "unlock", "slow", "remove"]), PEERS, PEERS),
        st.tuples(st.sampled_from(["edit", "delete", "react"]), PEERS, st.integers(0, 40)),
        st.tuples(st.sampled_from(["cut", "link"]), PEERS, PEERS),
        st.tuples(st.just("part"), PEERS, PEERS),
        st.tuples(st.just("wait"), st.integers(0, 20), PEERS),
    ),
    max_size=40,
)


def signed_messages(nodes: list[Node]) -> dict[bytes, SignedMessage]:
    """All that any of them holds, with its body where somebody has it."""
    found: dict[bytes, SignedMessage] = {}
    for node in nodes:
        for message in (*node.log._history, *node.log._history.pinned):
            if message.id not in found or not message.is_bare:
                found[message.id] = message
    return found


def replayed(messages: list[SignedMessage], *, patient: bool = False) -> list[Entry]:
    """What a log shows that gets these in that order, and again, for it may have to ask for some.

    A `patient` one waits in the end until it gives up what nobody sends.
    """
    log, peer = ChatLog(ROOM, identity("witness").key, GENEROUS, owner=OWNER.key), identity("teller").id
    log.link_opened(peer, 0.0)
    for place, message in enumerate(messages * 3):
        now = 0.0001 * place
        log.received(peer, message.signed, now)
        for action in log.poll_actions():
            if isinstance(action, Verify):
                log.verified(action.token, verify(action.key, action.tag, action.data, action.signature), now)
    while patient and (timer := log.next_timer()) is not None:
        log.handle_timer(timer)
    return log.messages()


def played(count: int, steps: list[tuple[str, int, int]], seed: int) -> list[Node]:
    """The people of a room after all that, with their links mended."""
    network = ChatNetwork(seed, owner=OWNER)
    nodes = [network.add(f"peer {number}" if number else "owner") for number in range(count)]
    heal(network, nodes)
    moderated(network, nodes, steps)
    heal(network, nodes)
    network.rest()
    return nodes


def assert_one_sight(nodes: list[Node], seed: int) -> None:
    expected = nodes[0].log.messages()
    rules = [[rule.id for rule in node.log.moderation or ()] for node in nodes]
    for node, ruled in zip(nodes, rules, strict=True):
        assert ruled == rules[0]
        assert node.log.messages() == expected
        assert node.told() == {entry.id: entry for entry in expected}
        assert node.rejected == []
    every = signed_messages(nodes)
    assert all(set(message.header.follows) <= every.keys() for message in every.values())
    chance = Random(seed)
    for _ in range(3):
        order = list(every.values())
        chance.shuffle(order)
        assert replayed(order) == expected


@pytest.mark.slow
@given(st.integers(2, 5), STEPS, st.integers(0, 2**32))
def test_rooms_with_measures_come_to_one_sight(
    count: int, steps: list[tuple[str, int, int]], seed: int
) -> None:
    assert_one_sight(played(count, steps, seed), seed)


@given(st.integers(0, 2**32))
def test_rooms_with_measures_come_to_one_sight_after_a_long_day(seed: int) -> None:
    assert_one_sight(played(5, long_day(Random(seed)), seed), seed)


@given(st.integers(0, 2**32))
def test_what_counts_follows_from_its_causal_past_alone(seed: int) -> None:
    every = signed_messages(played(5, long_day(Random(seed)), seed))
    for message in every.values():
        past: dict[bytes, SignedMessage] = {}
        waiting = [every[id] for id in message.after]
        for known in waiting:
            if known.id not in past:
                past[known.id] = known
                waiting += [every[id] for id in known.after]
        alone = Moderation(OWNER.key)
        for known in sorted(past.values(), key=lambda found: found.place):
            assert known.measure is not None
            header = known.header
            assert alone.take(known.id, header.author, header.clock, header.time, known.measure) is None
        if message.measure is None:
            assert not alone.state().is_banned(message.header.author)
        else:
            assert alone.objection(message.header.author, message.measure, message.header.clock) is None


def test_forged_and_foreign_words_are_in_no_log() -> None:
    network = ChatNetwork(owner=OWNER)
    nodes = [network.add(name) for name in ("owner", "ada", "bob")]
    heal(network, nodes)
    nodes[0].rule("ban", nodes[2])
    network.rest()
    [rule] = nodes[0].log._history.pinned
    true = rule.signed
    other_room = bytearray(true.header)
    other_room[2] ^= 1
    for header in (bytes(other_room), true.header[:-1] + b"\0"):
        forged = wire.ChatMessage(header, true.signature, true.body)
        late = network.add(f"late {header[2]} {header[-1]}")
        network.connect(late, nodes[1])
        late.log.received(nodes[1].identity.id, forged, network.now)
        late.act()
        assert late.rejected == [nodes[1].identity.id]
        assert late.log.moderation is not None
        assert not len(late.log.moderation)
