"""Whatever a peer sends, in whatever order: a log with a store keeps what was signed, each message once."""

from __future__ import annotations

from random import Random
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from peer import wire
from peer.core.actions import Reject, Verify
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import message_id
from peer.core.chat_recall import Keep, Lookup, LookupBefore, Recall
from signaling.chat_header import ChatHeader
from tests.unit.peer.core.chat_network import ROOM, Kept, chain, identity, text_message

pytestmark = pytest.mark.crowd

PEERS = tuple(identity(name).id for name in ("one", "two", "three"))
Question: TypeAlias = Verify | Keep | Recall | Lookup | LookupBefore
LITTLE = ChatLimits(messages=10, newest=6, waiting=40, peer_waiting=20, remembered=16)


def material(chance: Random) -> list[wire.ChatMessage]:
    """True messages in two branches and across them, and some that no honest peer writes."""
    ada, eve = identity("ada"), identity("eve")
    branches = [chain(ada, 25), chain(eve, 25)]
    crossing = []
    for _ in range(10):
        one, other = (chance.randrange(25) for _ in range(2))
        follows = (message_id(branches[0][one].header), message_id(branches[1][other].header))
        clock = max(one, other) + chance.choice([2, 2, 2, 1, 5])
        crossing.append(text_message(eve, "across", clock=clock, follows=follows))
    forged = [
        wire.ChatMessage(message.header, bytes(64), message.body) for message in chance.sample(branches[0], 5)
    ]
    return [*branches[0], *branches[1], *crossing, *forged]


@given(st.integers(0, 2**32))
@hypothesis_settings(max_examples=60)
def test_only_what_was_signed_is_kept_and_each_message_once(seed: int) -> None:
    chance = Random(seed)
    messages = material(chance)
    ids = [message_id(message.header) for message in messages] + [bytes([number]) * 32 for number in range(5)]
    log, kept = ChatLog(ROOM, identity("me").key, LITTLE, stored=True), Kept()
    genuine: set[bytes] = set()
    waiting: list[Question] = []
    now = 0.0

    def answer(action: Question) -> None:
        match action:
            case Verify():
                ok = action.signature != bytes(64)
                if ok:
                    genuine.add(message_id(action.data))
                log.verified(action.token, ok, now)
            case Keep():
                number = message_id(action.message.header)
                assert number in genuine
                follows = ChatHeader.parse(action.message.header).follows
                assert not action.complete or set(follows) <= kept.messages.keys()
                kept.keep(action)
            case Recall(token, asked):
                log.recalled(token, [kept.messages[number].message for number in kept.find(asked)], now)
            case Lookup(token, asked):
                log.looked_up(token, kept.find(asked), now)
            case LookupBefore(token, asked, count):
                log.looked_up(token, kept.before(asked, count), now)

    for _ in range(400):
        now += chance.random()
        peer = chance.choice(PEERS)
        some = tuple(chance.sample(ids, chance.randint(0, 8)))
        match chance.randrange(9):
            case 0:
                log.link_opened(peer, now)
            case 1 if chance.random() < 0.2:
                log.link_closed(peer, now)
            case 2:
                lists = (wire.ChatHave(some), wire.ChatWant(some), wire.ChatBefore(some), wire.ChatPage(some))
                log.received(peer, chance.choice(lists), now)
            case 3:
                log.ask_before(some, now)
            case 4:
                log.ask_missing(some, now)
            case 5:
                log.handle_timer(now)
            case _:
                log.received(peer, chance.choice(messages), now)
        for action in log.poll_actions():
            if isinstance(action, Verify):
                answer(action)
            elif isinstance(action, Keep | Recall | Lookup | LookupBefore):
                waiting.append(action)
            elif isinstance(action, Reject):
                log.link_closed(action.peer, now)
        while waiting and chance.random() < 0.5:  # the store does one thing after the other
            answer(waiting.pop(0))

    def asked() -> list[Question]:
        return [action for action in log.poll_actions() if isinstance(action, Question)]

    waiting += asked()
    while waiting:
        answer(waiting.pop(0))
        waiting += asked()
    memory = [entry.id for entry in log.messages()]
    assert set(memory) <= kept.messages.keys()
    assert memory == [place[2] for place in kept.order()][-len(memory) :]
