"""Edits, deletes and reactions: one outcome, whatever the order in which they come."""

from __future__ import annotations

from itertools import islice, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer import wire
from peer.core.chat_acts import KINDS, Act, ChatError, Delete, Edit, Reaction, read_act, write_act
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import SignedMessage, message_id, open_message, room_hash
from peer.core.chat_restraints import Restraints
from peer.core.chat_view import View, visible
from tests.unit.peer.core.chat_network import (
    ROOM,
    ChatNetwork,
    Kept,
    chain,
    identity,
    text_message,
)

ADA, BOB = identity("ada"), identity("bob")
NOBODY = Restraints(None, lambda id: None, lambda message: None)
TARGET = b"\x07" * 32
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip)
EMOJI = st.text(st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF), min_size=1, max_size=16)
ACTS = st.one_of(
    st.builds(Edit, st.binary(min_size=32, max_size=32), TEXTS),
    st.builds(Delete, st.binary(min_size=32, max_size=32)),
    st.builds(Reaction, st.binary(min_size=32, max_size=32), EMOJI, st.booleans()),
)


def opened(message: wire.ChatMessage) -> SignedMessage:
    return open_message(message, room_hash(ROOM))


def act(author: str, done: Act, clock: int) -> SignedMessage:
    body, kind = write_act(done), KINDS[type(done)]
    return opened(
        text_message(identity(author), clock=clock, follows=(TARGET,), kind=kind, body=body, time=clock)
    )


@given(ACTS)
def test_act_comes_back_as_it_was_written(done: Act) -> None:
    assert read_act(KINDS[type(done)], write_act(done)) == done


@given(st.integers(0, 255), st.binary())
def test_any_bytes_are_an_act_or_none(kind: int, body: bytes) -> None:
    assert read_act(kind, body) is None or kind in KINDS.values()


def test_concurrent_acts_have_one_outcome_whatever_their_order() -> None:
    text = opened(text_message(ADA, "first"))
    target = text.id
    acts = [
        act("ada", Edit(target, "second"), 2),
        act("ada", Edit(target, "third"), 3),
        act("bob", Edit(target, "not his"), 4),
        act("bob", Delete(target), 4),
        act("bob", Reaction(target, "👍", True), 5),
        act("eve", Reaction(target, "👍", True), 3),
        act("bob", Reaction(target, "🎉", True), 5),
        act("eve", Reaction(target, "👍", True), 8),
    ]
    taken_back = act("bob", Reaction(target, "🎉", False), 6)
    for order in islice(permutations(acts), 0, None, 7):
        [entry] = visible([text], [taken_back, *order], NOBODY)
        assert entry.text == "third"
        assert entry.edited
        assert entry.reactions == (("👍", (identity("eve").id, BOB.id)),)
    deleted = act("ada", Delete(target), 2)
    assert visible([text], [*acts, deleted], NOBODY) == []


def test_view_without_acts_is_empty_again() -> None:
    view, done = View(NOBODY), act("ada", Edit(TARGET, "x"), 2)
    view.add(done)
    view.add(act("bob", Delete(TARGET), 2))
    view.remove(done)
    assert [found.act for found in view.on(TARGET)] == [Delete(TARGET)]
    view.remove(view.on(TARGET)[0])
    assert view.on(TARGET) == []


def test_words_that_are_taken_back_are_nowhere_any_more() -> None:
    network = ChatNetwork()
    kept = Kept()
    ada, bob, relay = network.add("ada"), network.add("bob"), network.add("relay", kept=kept)
    network.connect(ada, bob)
    network.connect(bob, relay)
    entry = ada.say("secret")
    ada.do(Edit(entry.id, "still secret"))
    network.rest()
    ada.do(Delete(entry.id))
    network.rest()
    assert [node.texts() for node in (ada, bob, relay)] == [[], [], []]
    assert not any(b"secret" in (stored.message.body or b"") for stored in kept.messages.values())
    late = network.add("late")
    network.connect(relay, late)
    network.rest()
    assert late.texts() == []
    assert late.log.counters.accepted == 3
    bob.say("and on it goes")
    network.rest()
    assert late.texts() == ["and on it goes"]
    assert late.rejected == relay.rejected == []


def test_peer_that_keeps_bodies_back_is_no_reason_to_lose_them() -> None:
    network = ChatNetwork()
    mallory, honest, victim = (network.add(name) for name in ("mallory", "honest", "victim"))
    message = text_message(ADA, "hello")
    bare = wire.ChatMessage(message.header, message.signature, None)
    network.connect(mallory, victim)
    network.rest()
    id = message_id(message.header)
    victim.log.received(mallory.identity.id, bare, network.now)  # unasked: nothing to go by
    victim.log.received(mallory.identity.id, wire.ChatHave((id,)), network.now)
    victim.act()
    victim.log.received(mallory.identity.id, bare, network.now)
    victim.act()
    network.run(0.1)
    assert victim.log.counters.accepted == 1
    assert victim.texts() == []
    honest.log.link_opened(ADA.id, network.now)
    honest.log.received(ADA.id, message, network.now)
    honest.act()
    network.connect(honest, victim)
    network.rest()
    assert victim.texts() == ["hello"]
    assert [entry.text for entry in victim.delivered] == ["hello"]


def test_act_on_what_is_not_there_or_not_ones_own_is_refused_with_a_sentence() -> None:
    log = ChatLog(ROOM, ADA.key)
    draft = log.compose("mine", "", 1, 0.0)
    own = log.said(draft, ADA.sign(b"", draft.header), 0.0)
    log.link_opened(BOB.id, 0.0)
    log.received(BOB.id, text_message(BOB), 0.0)
    log.verified(0, True, 0.0)
    other = next(entry.id for entry in log.messages() if entry.key == BOB.key)
    with pytest.raises(ChatError, match="Only messages of your own can be edited"):
        log.compose_act(Edit(other, "x"), 2, 0.0)
    with pytest.raises(ChatError, match="Only messages of your own can be deleted"):
        log.compose_act(Delete(other), 2, 0.0)
    draft = log.compose_act(Delete(own.id), 2, 0.0)
    log.done(draft, bytes(64), 0.0)
    with pytest.raises(ChatError, match="not there any more"):
        log.compose_act(Reaction(own.id, "👍", True), 3, 0.0)
    draft = log.compose_act(Reaction(other, "👍", True), 3, 0.0)
    with pytest.raises(ValueError, match="This is no text"):
        log.said(draft, bytes(64), 0.0)


def test_pages_of_the_store_are_shown_with_what_was_done_to_them() -> None:
    log = ChatLog(ROOM, ADA.key, stored=True)
    first, second = chain(BOB, 2)
    edit = act("bob", Edit(message_id(first.header), "edited"), 3).signed
    delete = act("bob", Delete(message_id(second.header)), 4).signed
    assert [entry.text for entry in log.shown([first, second], [edit, delete])] == ["edited"]


def test_only_so_many_acts_of_pages_are_remembered() -> None:
    network = ChatNetwork()
    limits = ChatLimits(newest=20, remembered=6, messages=20)
    far, near = network.add("far", ChatLimits(newest=20)), network.add("near", limits)
    first = far.say("said")
    far.do(Edit(first.id, "edited"))
    for number in range(75):
        far.do(Reaction(first.id, chr(0x1F600 + number), True))
        network.run(1)
    network.connect(far, near)
    network.run(20)
    told = [message for _, message in far.sent if isinstance(message, wire.ChatHave)]
    before: tuple[bytes, ...] = told[0].ids[:1]
    while (page := near.page(before)).ids:
        before = page.ids[:1]
        if first.id in page.ids:
            break
    assert [entry.text for entry in page.messages] == ["edited"]
    assert 1 < len(page.messages[0].reactions) < 75


def test_only_so_many_messages_without_bodies_are_remembered() -> None:
    log = ChatLog(ROOM, ADA.key, ChatLimits(remembered=2))
    for peer in (BOB.id, identity("eve").id):
        log.link_opened(peer, 0.0)
    messages = [text_message(BOB, f"{number}", time=number) for number in range(4)]
    log.received(BOB.id, wire.ChatHave(tuple(message_id(message.header) for message in messages)), 0.0)
    for message in messages:
        log.received(BOB.id, wire.ChatMessage(message.header, message.signature, None), 0.0)
    assert len(log._bare) == 2
