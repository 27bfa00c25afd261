"""History beyond memory: from the store of a peer that has one, page by page."""

from __future__ import annotations

import pytest

from peer import wire
from peer.core.actions import Send
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import message_id
from peer.core.chat_past import Page
from peer.core.chat_recall import Keep, Lookup, LookupBefore, Recall
from tests.unit.peer.core.chat_network import ROOM, ChatNetwork, Kept, Node, chain, identity, text_message

LITTLE = ChatLimits(messages=20, newest=10)
BOB, EVE = identity("bob"), identity("eve")


def room_of_one(count: int, *, store_delay: float = 0.0) -> tuple[ChatNetwork, Node, list[str]]:
    """A relay with a store that holds `count` messages of somebody who has left."""
    network = ChatNetwork(store_delay=store_delay)
    relay = network.add("relay", LITTLE, Kept())
    author = network.add("author")
    network.connect(author, relay)
    texts = [f"{number}" for number in range(count)]
    for text in texts:
        author.say(text)
        network.run(1)
    network.disconnect(author, relay)
    return network, relay, texts


@pytest.mark.parametrize("store_delay", [0.0, 0.1])
def test_newcomer_gets_the_recent_page_at_once_and_all_others_when_asked_for(store_delay: float) -> None:
    network, relay, texts = room_of_one(75, store_delay=store_delay)
    assert relay.texts() == texts[-20:]
    relay = network.restart(relay)
    assert relay.texts() == texts[-20:]
    newcomer = network.add("newcomer", LITTLE)
    network.connect(newcomer, relay)
    network.run(1)
    assert newcomer.texts() == texts[-10:]
    read = [entry.id for entry in newcomer.log.messages()]
    shown = {entry.id: entry.text for entry in newcomer.log.messages()}
    while (page := newcomer.page(tuple(read[:1]))).ids:
        assert list(page.ids) == [entry.id for entry in page.messages]
        read = [*page.ids, *read]
        shown |= {entry.id: entry.text for entry in page.messages}
    assert [shown[number] for number in read] == texts
    assert newcomer.texts() == texts[-20:]
    assert page == Page(tuple(read[:1]), (), 0, ())
    network.rest()
    assert newcomer.log.next_timer() is None


def test_page_holds_what_is_in_memory_too() -> None:
    network, relay, texts = room_of_one(40)
    newcomer = network.add("newcomer", LITTLE)
    network.connect(newcomer, relay)
    network.run(1)
    have = newcomer.log.messages()
    page = newcomer.page((have[5].id,))
    assert [entry.text for entry in page.messages][-8:] == texts[-13:-5]
    assert [entry.place for entry in page.messages] == sorted(entry.place for entry in page.messages)


def test_newcomer_with_a_store_of_its_own_keeps_what_its_pages_bring() -> None:
    network, relay, texts = room_of_one(75, store_delay=0.05)
    kept = Kept()
    second = network.add("second relay", LITTLE, kept)
    network.connect(second, relay)
    network.run(1)
    while second.page(tuple(place[2] for place in kept.order()[:1])).ids:
        pass
    assert kept.order() == relay.kept.order() if relay.kept else False
    assert [place for place in kept.order() if not kept.messages[place[2]].complete] != []
    assert second.texts() == texts[-20:]
    assert [entry.text for entry in second.delivered] == texts[-10:]


def test_page_is_asked_of_others_when_the_first_has_nothing_or_is_silent() -> None:
    network, relay, texts = room_of_one(40)
    newcomer, other = network.add("newcomer", LITTLE), network.add("other", LITTLE)
    network.connect(other, relay)
    network.run(1)
    network.connect(newcomer, other)
    network.run(1)
    assert newcomer.page().ids == ()
    silent = network.add("silent")
    network.connect(newcomer, silent)
    silent.received = lambda peer, data: None  # type: ignore[method-assign]
    network.connect(newcomer, relay)
    page = newcomer.page()
    assert [entry.text for entry in page.messages] == texts[-19:-10]


def test_page_ends_when_the_only_peer_is_silent_or_goes() -> None:
    network, relay, _ = room_of_one(40)
    newcomer = network.add("newcomer", LITTLE)
    assert newcomer.page((b"\x01" * 32,)).ids is None
    network.connect(newcomer, relay)
    network.run(1)
    relay.received = lambda peer, data: None  # type: ignore[method-assign]
    assert newcomer.page().ids is None
    before = (newcomer.log.messages()[0].id,)
    assert newcomer.log.ask_before(before, network.now)
    assert not newcomer.log.ask_before(before, network.now)
    newcomer.act()
    network.disconnect(newcomer, relay)
    assert newcomer.pages[-1] == Page(before, None, 0, ())


def test_page_of_messages_that_nobody_sends_is_closed_with_those_that_came() -> None:
    log = ChatLog(ROOM, identity("ada").key, LITTLE)
    log.link_opened(BOB.id, 0.0)
    past = chain(EVE, 3)
    ids = tuple(message_id(message.header) for message in past)
    log.received(BOB.id, wire.ChatPage(ids), 0.0)
    assert len(log.poll_actions()) == 1  # what was not asked for says nothing
    log.ask_before((b"\x01" * 32,), 0.0)
    log.received(BOB.id, wire.ChatPage(ids), 0.1)
    log.received(BOB.id, past[1], 0.2)
    verify = log.poll_actions()[-1]
    log.verified(verify.token, True, 0.2)  # type: ignore[union-attr]
    log.handle_timer(5.0)
    page = log.poll_actions()[-1]
    assert isinstance(page, Page)
    assert page.ids == ids
    assert [entry.text for entry in page.messages] == ["1"]


def test_unknown_kind_in_a_page_is_no_text() -> None:
    log = ChatLog(ROOM, identity("ada").key, LITTLE)
    log.link_opened(BOB.id, 0.0)
    message = text_message(EVE, kind=7, body=b"?")
    log.ask_before((b"\x01" * 32,), 0.0)
    log.received(BOB.id, wire.ChatPage((message_id(message.header),)), 0.1)
    log.received(BOB.id, message, 0.2)
    log.verified(0, True, 0.2)
    page = log.poll_actions()[-1]
    assert isinstance(page, Page)
    assert (page.came, page.messages) == (1, ())


# With a store


def stored(limits: ChatLimits = LITTLE, count: int = 30) -> tuple[ChatLog, list[wire.ChatMessage]]:
    """A log that was restored with the last 20 of `count` messages, linked to two peers."""
    log = ChatLog(ROOM, identity("ada").key, limits, stored=True)
    past = chain(EVE, count)
    place = (count - 20, EVE.key, message_id(past[count - 21].header))
    log.restore(past[count - 20 :], place, None)
    for peer in (BOB.id, EVE.id):
        log.link_opened(peer, 0.0)
    log.poll_actions()
    return log, past


def ids_of(messages: list[wire.ChatMessage]) -> tuple[bytes, ...]:
    return tuple(message_id(message.header) for message in messages)


def test_damaged_and_misplaced_messages_of_the_store_are_left_out() -> None:
    log = ChatLog(ROOM, identity("ada").key, stored=True)
    first, second, third = chain(EVE, 3)
    damaged = wire.ChatMessage(second.header, second.signature, b"something else")
    wrong = text_message(BOB, clock=7, follows=(message_id(first.header),))
    log.restore([first, damaged, wrong, third, first], None, None)
    assert [entry.text for entry in log.messages()] == ["0", "2"]
    assert log.counters.malformed == 1


def test_what_the_store_has_forgotten_stays_out() -> None:
    log, past = stored()
    bottom = (25, EVE.key, message_id(past[24].header))
    log.forgotten(bottom)
    assert [entry.text for entry in log.messages()] == ["25", "26", "27", "28", "29"]
    log.received(BOB.id, past[24], 1.0)
    assert log.counters.too_old == 1
    assert log.poll_actions() == []
    again = ChatLog(ROOM, identity("ada").key, LITTLE, stored=True)
    again.restore(past[25:], None, bottom)
    again.link_opened(BOB.id, 0.0)
    again.received(BOB.id, past[24], 1.0)
    assert again.counters.too_old == 1


def test_a_page_beyond_what_the_store_keeps_is_shown_and_not_kept() -> None:
    log, past = stored()
    log.forgotten((15, EVE.key, message_id(past[14].header)))
    log.ask_before((log.messages()[0].id,), 0.0)
    log.received(BOB.id, wire.ChatPage(ids_of(past[13:14])), 0.1)
    log.looked_up(1, (), 0.1)
    log.received(BOB.id, past[13], 0.2)
    log.verified(0, True, 0.2)
    log.recalled(2, [], 0.2)
    actions = log.poll_actions()
    assert not any(isinstance(action, Keep) for action in actions)
    page = actions[-1]
    assert isinstance(page, Page)
    assert [entry.text for entry in page.messages] == ["13"]


def test_late_message_of_the_past_is_kept_once_and_its_clock_checked_against_the_store() -> None:
    log, past = stored()
    late = text_message(BOB, clock=5, follows=ids_of(past[3:4]))
    for clock, ok in ((5, True), (7, False)):
        message = text_message(BOB, clock=clock, follows=ids_of(past[3:4]))
        log.received(BOB.id, message, 1.0)
        log.verified(0 if ok else 1, True, 1.0)
        recall = log.poll_actions()[-1]
        assert isinstance(recall, Recall)
        assert set(recall.ids) == {*ids_of(past[3:4]), *ids_of([message])}
        log.recalled(recall.token, past[3:4], 1.0)
        kept = [action for action in log.poll_actions() if isinstance(action, Keep)]
        assert [action.complete for action in kept] == ([True] if ok else [])
    assert log.counters.misplaced == 1
    log.received(EVE.id, late, 2.0)
    log.verified(2, True, 2.0)
    recall = log.poll_actions()[-1]
    assert isinstance(recall, Recall)
    log.recalled(recall.token, [late], 2.0)
    assert log.counters.duplicates == 1
    assert log.poll_actions() == []


def test_waiting_message_takes_the_clock_of_a_parent_that_went_to_the_store() -> None:
    log, past = stored()
    parent = text_message(BOB, clock=5, follows=ids_of(past[3:4]))
    child = text_message(BOB, clock=6, follows=ids_of([parent]))
    log.received(BOB.id, child, 1.0)
    log.verified(0, True, 1.0)
    log.recalled(1, [], 1.0)
    log.received(BOB.id, parent, 1.1)
    log.verified(1, True, 1.1)
    log.recalled(2, past[3:4], 1.1)
    kept = [action.message for action in log.poll_actions() if isinstance(action, Keep)]
    assert kept == [parent, child]


def test_a_peer_that_names_too_much_of_the_past_at_once_does_not_keep_the_store_busy() -> None:
    log, past = stored()
    for _ in range(6):
        log.received(BOB.id, wire.ChatHave(ids_of(past[:5])), 1.0)
        log.received(EVE.id, wire.ChatBefore(ids_of(past[5:6])), 1.0)
    asked = log.poll_actions()
    assert sum(isinstance(action, Lookup) for action in asked) == 4
    assert sum(isinstance(action, LookupBefore) for action in asked) == 4
    log.link_closed(EVE.id, 1.0)
    for action in asked:
        assert isinstance(action, Lookup | LookupBefore)
        log.looked_up(action.token, ids_of(past[:5]), 1.1)
    assert log.poll_actions() == []


def test_a_peer_that_names_the_past_again_and_again_does_not_keep_the_store_busy() -> None:
    log, past = stored(ChatLimits(messages=20, newest=10, lookups=(3, 1)))
    asked = 0
    for number in range(10):
        log.received(BOB.id, wire.ChatHave(ids_of(past[:5])), number / 10)
        for action in log.poll_actions():
            assert isinstance(action, Lookup)
            log.looked_up(action.token, ids_of(past[:5]), number / 10)
            asked += 1
    assert asked == 3


def test_messages_of_the_store_are_sent_at_the_rate_of_a_link() -> None:
    log, past = stored(ChatLimits(messages=20, newest=10, answers=(400, 400), owed=12), 60)
    log.received(BOB.id, wire.ChatWant(ids_of(past[:30])), 1.0)
    sent: list[bytes] = []
    now = 1.0
    while (timer := log.next_timer()) is not None or now == 1.0:
        for action in log.poll_actions():
            if isinstance(action, Recall):
                log.recalled(action.token, [m for m in past if ids_of([m])[0] in action.ids], now)
        sent += [action.data for action in log.poll_actions() if isinstance(action, Send)]
        now = max(now + 0.01, timer or 0.0)
        log.handle_timer(now)
    assert sent == [wire.encode(message) for message in past[:12]]
    log.received(BOB.id, wire.ChatWant(ids_of(past[:1])), 60.0)
    recall = log.poll_actions()[-1]
    assert isinstance(recall, Recall)
    log.received(BOB.id, wire.ChatWant(ids_of(past[-3:])), 60.0)  # takes what there was to send
    log.recalled(recall.token, past[:1], 60.0)
    sends = [action.data for action in log.poll_actions() if isinstance(action, Send)]
    assert sends == [wire.encode(message) for message in past[-3:-2]]
    log.link_closed(BOB.id, 60.0)
    assert log.next_timer() is None


def test_answers_of_the_store_for_a_link_that_is_gone_are_dropped() -> None:
    log, past = stored()
    log.received(BOB.id, wire.ChatWant(ids_of(past[:1])), 1.0)
    log.received(BOB.id, wire.ChatHave(ids_of(past[:1])), 1.0)
    recall, lookup = log.poll_actions()
    assert isinstance(recall, Recall)
    assert isinstance(lookup, Lookup)
    log.link_closed(BOB.id, 1.0)
    log.recalled(recall.token, past[:1], 1.1)
    log.looked_up(lookup.token, (), 1.1)
    assert log.poll_actions() == []


def test_message_that_came_while_the_store_was_asked_for_it_is_not_asked_for_again() -> None:
    log, past = stored()
    fresh = text_message(BOB, clock=31, follows=ids_of(past[-1:]))
    log.received(EVE.id, wire.ChatHave(ids_of([fresh])), 1.0)
    lookup = log.poll_actions()[-1]
    assert isinstance(lookup, Lookup)
    log.received(BOB.id, fresh, 1.0)
    log.verified(0, True, 1.0)
    log.poll_actions()
    log.looked_up(lookup.token, (), 1.1)
    assert log.poll_actions() == []


def test_page_waits_for_one_who_has_taken_too_much() -> None:
    log, past = stored(ChatLimits(messages=20, newest=5, answers=(1, 1)))
    for last in (30, 29, 28):
        log.received(BOB.id, wire.ChatBefore(ids_of(past[last - 1 : last])), 1.0)
    sent = [action.data for action in log.poll_actions() if isinstance(action, Send)]
    timer = log.next_timer()
    assert timer is not None
    log.handle_timer(timer)
    sent += [action.data for action in log.poll_actions() if isinstance(action, Send)]
    assert sent == [wire.encode(wire.ChatPage(ids_of(past[last - 5 : last]))) for last in (30, 28)]
    assert log.next_timer() is None


def test_log_without_a_store_needs_no_answers() -> None:
    log = ChatLog(ROOM, identity("ada").key)
    log.recalled(1, [], 0.0)
    log.looked_up(1, (), 0.0)
    assert log.poll_actions() == []
