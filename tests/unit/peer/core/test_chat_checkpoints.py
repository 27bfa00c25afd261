"""A room whose owner settles the log goes on, and all see the same, whoever knew of it when."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from peer import wire
from peer.core.chat_acts import ChatError
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import draft, message_id, room_hash
from signaling.checkpoint import CHECKPOINT, Checkpoint, read_checkpoint, write_checkpoint
from tests.unit.peer.core.chat_network import ROOM, ChatNetwork, Kept, Node, signed, text_message
from tests.unit.peer.core.moderated_days import OWNER, long_day, moderated
from tests.unit.peer.core.test_chat_convergence import heal
from tests.unit.peer.core.test_chat_moderated_rooms import replayed, signed_messages


def room(*names: str) -> list[Node]:
    network = ChatNetwork(owner=OWNER)
    nodes = [network.add(name) for name in ("owner", *names)]
    heal(network, nodes)
    return nodes


def rest(nodes: list[Node]) -> None:
    nodes[0].network.rest()


def assert_one_sight(nodes: list[Node]) -> None:
    """All show the same, and hold the same measures in force."""
    expected = nodes[0].log.messages()
    for node in nodes:
        assert [rule.id for rule in node.log.moderation or ()] == [
            rule.id for rule in nodes[0].log.moderation or ()
        ]
        assert node.log.messages() == expected
        assert node.told() == {entry.id: entry for entry in expected}
        assert node.rejected == []


def reopen(nodes: list[Node]) -> None:
    """All links end, and open again: what was refused before somebody knew a checkpoint is told of again."""
    network = nodes[0].network
    for node in nodes:
        for other in list(node.links.values()):
            network.disconnect(node, other)
    heal(network, nodes)


def assert_one_sight_in_any_order(nodes: list[Node], seed: int) -> None:
    for _ in range(2):
        reopen(nodes)
    assert_one_sight(nodes)
    every = list(signed_messages(nodes).values())
    chance = Random(seed)
    for _ in range(3):
        chance.shuffle(every)
        assert replayed(every, patient=True) == nodes[0].log.messages()


@pytest.mark.crowd
@given(st.integers(0, 2**32), st.sampled_from([1, 4]))
@hypothesis_settings(max_examples=20)
def test_rooms_with_checkpoints_come_to_one_sight_after_a_long_day(seed: int, checkpoints: int) -> None:
    network = ChatNetwork(seed, owner=OWNER)
    nodes = [network.add(name) for name in ("owner", "peer 1", "peer 2", "peer 3", "peer 4")]
    heal(network, nodes)
    moderated(network, nodes, long_day(Random(seed), checkpoints))
    assert_one_sight_in_any_order(nodes, seed)


@pytest.mark.crowd
@given(st.integers(0, 2**32), st.sampled_from([2, 8]))
@hypothesis_settings(max_examples=20)
def test_owner_in_two_places_at_once_settles_to_one_sight(seed: int, checkpoints: int) -> None:
    network = ChatNetwork(seed, owner=OWNER)
    nodes = [network.add(name) for name in ("owner", "peer 1", "peer 2", "peer 3", "owner")]
    heal(network, nodes)
    for verb, first, second in long_day(Random(seed), checkpoints):
        if verb in ("cut", "part"):  # those two cannot have a link
            network.disconnect(nodes[first % 4], nodes[first % 4 + 1])
        elif verb == "link":
            network.connect(nodes[first % 4], nodes[first % 4 + 1])
        else:
            moderated(network, nodes, [(verb, 4 if verb == "settle" and second % 2 else first, second)])
    assert_one_sight_in_any_order(nodes, seed)


@pytest.mark.crowd
@given(st.integers(0, 2**32), st.sampled_from([1, 4]))
@hypothesis_settings(max_examples=15)
def test_stores_hold_nothing_that_was_settled_and_begin_again_with_the_same(
    seed: int, checkpoints: int
) -> None:
    network = ChatNetwork(seed, owner=OWNER, store_delay=0.05)
    stores = [Kept() if place % 2 else None for place in range(5)]
    nodes = [network.add(f"peer {place}" if place else "owner", kept=stores[place]) for place in range(5)]
    heal(network, nodes)
    moderated(network, nodes, long_day(Random(seed), checkpoints))
    heal(network, nodes)
    for place, kept in enumerate(stores):
        if kept is not None:
            nodes[place] = network.restart(nodes[place])
    for _ in range(2):
        reopen(nodes)
    moderation = nodes[0].log.moderation
    assert moderation is not None
    for node in nodes:
        assert node.log.messages() == nodes[0].log.messages()
        assert_rules_are_those_of(node, nodes[0])
        if node.kept is not None and moderation.settled is not None:
            places = [kept_message.place for kept_message in node.kept.messages.values()]
            assert all(place > moderation.settled for place in places)
            assert {rule.id for rule in moderation} <= node.kept.measures.keys()


def test_newcomer_begins_with_the_checkpoint_and_what_stands_behind_it() -> None:
    nodes = owner, ada, eve = room("ada", "eve")
    for place in range(3):
        ada.say(f"{place}")
        rest(nodes)
    owner.rule("ban", eve)
    rest(nodes)
    owner.settle(1)
    ada.say("behind")
    rest(nodes)
    late = owner.network.add("late")
    owner.network.connect(late, ada)
    rest(nodes)
    assert late.texts() == ada.texts() == ["behind"]
    assert late.log.moderation is not None
    assert late.log.moderation.state().is_banned(eve.identity.key)
    assert late.log.counters.absent == 0
    late.say("hello")
    rest(nodes)
    assert ada.texts() == ["behind", "hello"]


def test_history_that_is_forged_behind_a_checkpoint_is_refused_by_all() -> None:
    nodes = owner, ada, eve = room("ada", "eve")
    ada.say("true")
    ada.say("and this")
    rest(nodes)
    owner.settle()
    rest(nodes)
    forged = text_message(eve.identity, "was always there", clock=1)
    for node, peer in ((owner, ada), (ada, eve)):
        node.log.received(peer.identity.id, forged, owner.network.now)
        node.act()
        assert node.log.counters.too_old == 1
    late = owner.network.add("late")
    owner.network.connect(late, eve)
    late.log.received(eve.identity.id, forged, owner.network.now)
    late.act()  # it does not know the checkpoint yet
    rest(nodes)
    assert owner.texts() == ada.texts() == late.texts() == []
    assert late.told() == {}


def test_page_of_the_past_brings_nothing_that_is_settled() -> None:
    nodes = owner, ada, eve = room("ada", "eve")
    ada.say("settled")
    ada.say("settled, too")
    rest(nodes)
    owner.settle()
    said = ada.say("behind")
    rest(nodes)
    forged = text_message(eve.identity, "was always there")
    assert ada.log.ask_before((said.id,), owner.network.now)
    for peer in ada.links:
        ada.log.received(peer, wire.ChatPage((message_id(forged.header),)), owner.network.now)
        ada.log.received(peer, forged, owner.network.now)
    ada.act()
    rest(nodes)
    assert [entry.text for page in ada.pages for entry in page.messages] == []


def test_those_who_dropped_what_was_settled_are_not_sent_it_again() -> None:
    nodes = owner, _ada, _bob = room("ada", "bob")
    for place in range(20):
        nodes[place % 3].say(f"{place}")
        rest(nodes)
    owner.settle(5)
    rest(nodes)
    for node in nodes:
        node.sent.clear()
    reopen(nodes)
    sent = [message for node in nodes for _, message in node.sent]
    assert {type(message) for message in sent} == {wire.ChatCompare}


def test_moderator_makes_no_checkpoint() -> None:
    nodes = owner, ada, bob = room("ada", "bob")
    appointed = owner.rule("grant", ada, role="moderator")
    rest(nodes)
    with pytest.raises(ChatError, match="Only the owner"):
        ada.settle()
    body = write_checkpoint(Checkpoint("checkpoint", (appointed,), settled=(1, ada.identity.key, bytes(32))))
    forged = signed(
        ada.identity, draft(room_hash(ROOM), ada.identity.key, 2, 0, (appointed,), body, CHECKPOINT)
    )
    bob.log.received(ada.identity.id, forged, owner.network.now)
    bob.act()
    rest(nodes)
    assert bob.log.counters.unauthorised == 1
    assert bob.log.moderation is not None
    assert bob.log.moderation.settled is None


def test_nobody_knows_who_owns_the_room_that_is_to_be_settled() -> None:
    node = ChatNetwork().add("ada")
    with pytest.raises(ChatError, match="Nobody here knows"):
        node.settle()


def test_nothing_is_there_to_be_settled() -> None:
    [owner] = room()
    owner.say("one")
    with pytest.raises(ChatError, match="nothing to settle: no more than 1"):
        owner.settle(1)
    owner.settle()
    with pytest.raises(ChatError, match="nothing to settle"):
        owner.settle(1)


def test_owner_who_has_no_more_than_what_is_to_stay_settles_what_others_have() -> None:
    network = ChatNetwork(owner=OWNER)
    limits = ChatLimits(newest=3)
    ada, bob = (network.add(name, limits) for name in ("ada", "bob"))
    heal(network, [ada, bob])
    for place in range(6):
        ada.say(f"{place}")
        network.rest()
    owner = network.add("owner", limits)
    heal(network, [ada, bob, owner])
    assert owner.texts() == ["3", "4", "5"]
    owner.settle(3)
    network.rest()
    assert ada.texts() == bob.texts() == ["3", "4", "5"]
    with pytest.raises(ChatError, match="nothing to settle"):
        owner.settle(4)


def test_checkpoint_has_no_room_for_all_whom_it_names() -> None:
    [owner] = room()
    for place in range(400):
        owner.network.now += 1.0
        owner.rule("ban", Node(owner.network, f"guest {place}", None))
    with pytest.raises(ChatError, match=r"too long.*400 people: let some back in"):
        owner.settle()


def test_moderator_by_a_checkpoint_goes_on_and_can_be_dismissed() -> None:
    nodes = owner, ada, bob, eve = room("ada", "bob", "eve")
    owner.rule("grant", ada, role="moderator")
    owner.rule("grant", bob, role="member")
    rest(nodes)
    owner.settle()
    rest(nodes)
    ada.rule("mute", eve)
    rest(nodes)
    with pytest.raises(ChatError, match="muted"):
        eve.say("may I?")
    owner.rule("revoke", ada, role="moderator")
    owner.rule("revoke", bob, role="member")
    rest(nodes)
    with pytest.raises(ChatError, match="Only the owner"):
        ada.rule("mute", bob)
    moderation = eve.log.moderation
    assert moderation is not None
    assert moderation.state().moderators == moderation.state().members == frozenset()
    assert_one_sight(nodes)


def test_act_of_a_moderator_whom_the_owner_dismissed_unseen_is_void_behind_a_checkpoint() -> None:
    nodes = owner, ada, eve = room("ada", "eve")
    owner.rule("grant", ada, role="moderator")
    rest(nodes)
    owner.settle()
    rest(nodes)
    network = owner.network
    network.disconnect(owner, ada)
    ada.rule("mute", eve)
    owner.rule("revoke", ada, role="moderator")
    heal(network, nodes)
    eve.say("heard")
    rest(nodes)
    assert owner.texts() == ["heard"]
    assert_one_sight(nodes)


def test_what_a_checkpoint_says_is_ended_like_the_measures_that_it_restates() -> None:
    nodes = owner, ada, bob = room("ada", "bob")
    owner.rule("mute", ada)
    owner.rule("ban", bob)
    owner.rule("lock", role="member")
    owner.rule("slow", seconds=60)
    rest(nodes)
    owner.settle()
    rest(nodes)
    moderation = ada.log.moderation
    assert moderation is not None
    assert (moderation.state().seconds, moderation.state().least) == (60, 1)
    owner.rule("unmute", ada)
    owner.rule("unban", bob)
    owner.rule("unlock")
    owner.rule("slow", seconds=0)
    rest(nodes)
    ada.say("heard")
    bob.say("let in again")
    rest(nodes)
    assert {*owner.texts()} == {"heard", "let in again"}
    assert_one_sight(nodes)


def test_words_of_somebody_muted_until_before_the_checkpoint_are_shown_where_they_stand_behind() -> None:
    nodes = owner, ada, bob = room("ada", "bob")
    owner.rule("mute", ada)
    rest(nodes)
    owner.network.disconnect(owner, ada)
    owner.rule("unmute", ada)
    heal(owner.network, nodes)
    assert owner.texts() == []
    owner.settle(0)
    rest(nodes)
    ada.say("heard")
    rest(nodes)
    assert owner.texts() == bob.texts() == ["heard"]


def test_somebody_away_says_things_that_follow_what_was_settled_meanwhile() -> None:
    nodes = owner, bob, ada = room("bob", "ada")
    for place in range(3):
        bob.say(f"{place}")
        rest(nodes)
    owner.network.disconnect(bob, ada)
    early = ada.say("too early")
    for place in range(2):
        bob.say(f"meanwhile {place}")
        rest(nodes)
    owner.settle()
    settled = owner.log.moderation.settled if owner.log.moderation else None
    assert settled is not None
    said = [early, *[ada.say(f"said {place}") for place in range(3)]]
    heal(owner.network, nodes)
    assert_one_sight(nodes)
    # What stands before is gone, for its author, too; what stands behind counts, though it follows that.
    behind = [entry.text for entry in said if entry.place > settled]
    assert 0 < len(behind) < len(said)
    assert owner.texts() == behind


def test_owner_in_two_places_settles_different_things_at_once() -> None:
    network = ChatNetwork(owner=OWNER)
    nodes = desk, ada, bob, phone = [network.add(name) for name in ("owner", "ada", "bob", "owner")]
    heal(network, nodes)
    for place in range(6):
        ada.say(f"{place}")
        network.rest()
    network.disconnect(desk, ada)
    network.disconnect(bob, phone)
    desk.rule("mute", ada)
    desk.settle(4)
    less = desk.log.moderation
    phone.settle(2)
    heal(network, nodes)
    reopen(nodes)
    assert_one_sight(nodes)
    assert ada.texts() == ["4", "5"]
    assert less is not None
    assert less.settled is not None
    assert less.settled[0] > 2
    # The mute stands behind all that is settled: it is in force by itself, not by a checkpoint.
    with pytest.raises(ChatError, match="muted"):
        ada.say("may I?")


def test_log_that_was_settled_is_kept_and_begins_again_there() -> None:
    network = ChatNetwork(owner=OWNER)
    kept = Kept()
    owner, ada = network.add("owner"), network.add("ada", kept=kept)
    heal(network, [owner, ada])
    for place in range(5):
        owner.rule("slow", seconds=place)
        owner.say(f"{place}")
        network.rest()
    owner.settle(2)
    owner.rule("lock", role="member")
    network.rest()
    places = [kept_message.place for kept_message in kept.messages.values()]
    assert owner.log.moderation is not None
    settled = owner.log.moderation.settled
    assert settled is not None
    assert min(places) > settled
    assert len(kept.measures) == 3
    again = network.restart(ada)
    network.rest()
    assert again.texts() == owner.texts() == ["4"]
    assert_rules_are_those_of(again, owner)


def test_measure_that_was_out_by_a_checkpoint_is_not_in_force_after_a_restart() -> None:
    network = ChatNetwork(owner=OWNER)
    kept = Kept()
    owner, ada, bob = network.add("owner"), network.add("ada", kept=kept), network.add("bob")
    nodes = [owner, ada, bob]
    heal(network, nodes)
    owner.rule("grant", bob, role="moderator")
    network.rest()
    network.disconnect(owner, ada)
    bob.rule("slow", seconds=5)
    for place in range(4):
        bob.say(f"{place}")
    bob.rule("slow", seconds=7)
    owner.say("one")
    owner.say("two")
    owner.settle()
    heal(network, nodes)
    assert owner.log.moderation is not None
    assert [rule.measure.verb for rule in owner.log.moderation] == ["checkpoint"]
    again = network.restart(ada)
    network.rest()
    assert_rules_are_those_of(again, owner)


def test_program_ends_between_keeping_a_checkpoint_and_dropping_what_it_settles() -> None:
    network = ChatNetwork(owner=OWNER)
    kept = Kept()
    owner, ada = network.add("owner"), network.add("ada", kept=kept)
    heal(network, [owner, ada])
    owner.say("settled")
    owner.rule("mute", ada)
    network.rest()
    before = (dict(kept.messages), dict(kept.measures))
    owner.settle()
    network.rest()
    kept.messages |= before[0]
    kept.measures |= before[1]
    kept.forgotten = None
    again = network.restart(ada)
    assert again.texts() == []
    again.act()
    network.rest()
    assert not kept.messages.keys() & before[0].keys()
    assert_rules_are_those_of(again, owner)


def assert_rules_are_those_of(node: Node, other: Node) -> None:
    assert [rule.id for rule in node.log.moderation or ()] == [rule.id for rule in other.log.moderation or ()]


def test_bodies_of_checkpoints_are_read_as_they_were_written() -> None:
    made = Checkpoint(
        "checkpoint",
        (bytes(32),),
        settled=(7, b"\1" * 32, b"\2" * 32),
        known=(b"\3" * 32,),
        moderators=(b"\4" * 32, b"\5" * 32),
        members=(b"\6" * 32,),
        banned=(b"\7" * 32,),
        muted=(b"\7" * 32,),
        lock="member",
        slow=5,
    )
    assert read_checkpoint(write_checkpoint(made)) == made
    assert made.people == 4
    assert read_checkpoint(b" " * 16385) is None
