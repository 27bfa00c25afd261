"""Who is held back in a room, and that whoever has no standing holds nobody back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from peer import wire
from peer.core.chat_acts import ChatError, Edit, Reaction
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import message_id
from signaling.measures import MEASURE, Measure, Verb, write_measure
from signaling.moderation import Standing
from tests.unit.peer.core.chat_network import (
    ROOM,
    ChatNetwork,
    Kept,
    Node,
    identity,
    text_message,
)

OWNER = identity("owner")


def room(*names: str, **options: float) -> tuple[ChatNetwork, list[Node]]:
    """The owner and people of those names, each linked to the next."""
    network = ChatNetwork(owner=OWNER, **options)  # type: ignore[arg-type]
    nodes = [network.add(name) for name in ("owner", *names)]
    for here, there in pairwise(nodes):
        network.connect(here, there)
    return network, nodes


def texts(nodes: list[Node]) -> list[str]:
    """What all of them see."""
    seen = {tuple(node.texts()) for node in nodes}
    assert len(seen) == 1, seen
    return list(seen.pop())


def forged(
    author: Node, measure: Measure, follows: tuple[bytes, ...] = (), clock: int = 1
) -> wire.ChatMessage:
    return text_message(
        author.identity, kind=MEASURE, body=write_measure(measure), follows=follows, clock=clock
    )


def counters(node: Node) -> tuple[int, int]:
    return node.log.counters.unauthorised, node.log.counters.accepted


def test_ban_keeps_what_was_said_before_and_hides_what_was_said_meanwhile() -> None:
    network, nodes = room("ada", "mallory")
    owner, ada, mallory = nodes
    mallory.say("before")
    network.rest()
    network.disconnect(ada, mallory)
    mallory.say("meanwhile")
    owner.rule("ban", mallory, reason="spam")
    ada.say("good")
    network.rest()
    network.connect(ada, mallory)
    network.rest()
    assert texts(nodes) == ["before", "good"]
    # The message that is hidden is in the log of all of them, as the chain needs it.
    assert owner.log.counters.accepted == 3
    assert owner.log.measure(message_id(b"")) is None
    with pytest.raises(ChatError, match="You are banned"):
        mallory.say("after")
    with pytest.raises(ChatError, match="You are banned"):
        mallory.do(Reaction(ada.log.messages()[0].id, "👎", True))


def test_words_of_one_who_knew_of_the_ban_do_not_count() -> None:
    network, (owner, ada, mallory) = room("ada", "mallory")
    ban = owner.rule("ban", mallory)
    network.rest()
    body = b'{"text":"still here","name":"","after":["' + ban.hex().encode() + b'"]}'
    after = text_message(mallory.identity, clock=2, follows=(ban,), body=body)
    ada.log.received(mallory.identity.id, after, network.now)
    ada.act()
    network.rest()
    assert counters(ada) == (1, 1)
    follower = text_message(identity("eve"), "an answer", clock=3, follows=(message_id(after.header),))
    ada.log.received(mallory.identity.id, follower, network.now)
    ada.act()
    network.rest()
    assert ada.texts() == ["an answer"]
    assert owner.texts() == ["an answer"]


def test_unban_lets_speak_again_and_leaves_what_was_said_meanwhile_hidden() -> None:
    network, nodes = room("ada", "bob")
    owner, ada, bob = nodes
    network.disconnect(ada, bob)
    bob.say("meanwhile")
    owner.rule("ban", bob)
    network.rest()
    owner.rule("unban", bob)
    network.rest()
    network.connect(ada, bob)
    network.rest()
    bob.say("thank you")
    network.rest()
    assert texts(nodes) == ["thank you"]


def test_muted_are_hidden_until_they_are_unmuted() -> None:
    network, nodes = room("ada", "bob")
    owner, ada, bob = nodes
    first = bob.say("first")
    network.rest()
    network.disconnect(ada, bob)
    bob.do(Edit(first.id, "edited while muted"))
    bob.do(Reaction(first.id, "👍", True))
    bob.say("unheard")
    owner.rule("mute", bob)
    network.connect(ada, bob)
    network.rest()
    assert texts(nodes) == ["first"]
    assert ada.log.messages()[0].reactions == ()
    with pytest.raises(ChatError, match="You are muted"):
        bob.say("hello?")
    owner.rule("unmute", bob)
    network.rest()
    bob.say("heard")
    bob.do(Edit(first.id, "edited"))
    network.rest()
    assert texts(nodes) == ["edited", "heard"]


def test_locked_room_is_for_those_with_standing() -> None:
    network, nodes = room("mod", "member", "guest")
    owner, mod, member, guest = nodes
    owner.rule("grant", mod, role="moderator")
    network.rest()
    mod.rule("grant", member, role="member")
    network.rest()
    owner.rule("lock", role="member")
    network.rest()
    with pytest.raises(ChatError, match="only members and moderators may write"):
        guest.say("let me in")
    member.say("I may")
    network.rest()
    mod.rule("lock", role="moderator")
    network.rest()
    with pytest.raises(ChatError, match="only moderators may write"):
        member.say("not any more")
    mod.say("silence, please")
    network.rest()
    assert texts(nodes) == ["I may", "silence, please"]
    mod.rule("unlock")
    network.rest()
    guest.say("at last")
    network.rest()
    assert texts(nodes) == ["I may", "silence, please", "at last"]


def test_lock_hides_what_guests_said_who_did_not_know_of_it() -> None:
    network, nodes = room("ada", "guest")
    owner, ada, guest = nodes
    guest.say("before")
    network.rest()
    network.disconnect(ada, guest)
    guest.say("meanwhile")
    owner.rule("lock", role="member")
    network.connect(ada, guest)
    network.rest()
    assert texts(nodes) == ["before"]
    owner.rule("grant", guest, role="member")
    network.rest()
    assert texts(nodes) == ["before", "meanwhile"]
    owner.rule("revoke", guest, role="member")
    network.rest()
    assert texts(nodes) == ["before"]


def test_slow_mode_shows_one_message_of_an_author_in_so_many_seconds() -> None:
    network, nodes = room("ada", "bob")
    owner, ada, bob = nodes
    owner.rule("slow", seconds=30)
    network.rest()
    bob.say("one")
    with pytest.raises(ChatError, match="slow mode: write again in 30 s"):
        bob.say("two")
    own = bob.log.messages()[0]
    hasty = text_message(bob.identity, "hasty", clock=3, follows=(own.id,), time=own.time + 29_999)
    patient = text_message(
        bob.identity, "patient", clock=4, follows=(message_id(hasty.header),), time=own.time + 60_000
    )
    for message in (hasty, patient):
        ada.log.received(bob.identity.id, message, network.now)
        ada.act()
    network.rest()
    owner.say("I may")
    owner.say("as often as I like")
    network.rest()
    assert texts(nodes) == ["one", "patient", "I may", "as often as I like"]
    owner.rule("slow", seconds=0)
    network.rest()
    bob.say("three")
    bob.say("four")
    network.rest()
    assert texts(nodes)[-2:] == ["three", "four"]


def test_moderator_deletes_from_view_and_the_owner_from_disks() -> None:
    network, nodes = room("mod", "bob")
    owner, mod, bob = nodes
    kept = Kept()
    relay = network.add("relay", kept=kept)
    network.connect(bob, relay)
    owner.rule("grant", mod, role="moderator")
    one, two = bob.say("rude"), bob.say("unlawful")
    bob.do(Edit(two.id, "still unlawful"))
    network.rest()
    mod.rule("delete", bob, target=one.id)
    network.rest()
    assert texts([*nodes, relay]) == ["still unlawful"]
    assert b"rude" in (kept.messages[one.id].message.body or b"")
    owner.rule("delete", bob, target=two.id)
    network.rest()
    assert texts([*nodes, relay]) == []
    assert not any(b"unlawful" in (stored.message.body or b"") for stored in kept.messages.values())
    late = network.add("late")
    network.connect(relay, late)
    network.rest()
    assert late.texts() == []


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("ban", {}),
        ("mute", {}),
        ("kick", {}),
        ("unban", {}),
        ("delete", {"target": b"\x01" * 32}),
        ("grant", {"role": "moderator"}),
        ("grant", {"role": "member"}),
        ("revoke", {"role": "moderator"}),
        ("lock", {"role": "moderator"}),
        ("slow", {"seconds": 5}),
    ],
)
def test_measure_of_a_guest_is_refused_and_changes_nothing(verb: Verb, fields: dict[str, object]) -> None:
    network, (owner, ada, mallory) = room("ada", "mallory")
    subject = None if verb in ("lock", "slow") else ada
    with pytest.raises(ChatError, match="Only the owner of the room and its moderators can do that"):
        mallory.rule(verb, subject, **fields)
    ada.say("here")
    network.rest()
    key = None if subject is None else ada.identity.key
    measure = forged(mallory, Measure(verb, subject=key, **fields))  # type: ignore[arg-type]
    ada.log.received(mallory.identity.id, measure, network.now)
    ada.act()
    network.rest()
    assert counters(ada) == (1, 0)
    ada.say("and here")
    network.rest()
    assert owner.texts() == ["here", "and here"]
    assert ada.rejected == []


def test_moderator_may_not_appoint_nor_touch_its_like_nor_the_owner() -> None:
    network, (owner, one, two) = room("one", "two")
    owner.rule("grant", one, role="moderator")
    owner.rule("grant", two, role="moderator")
    network.rest()
    for verb in ("ban", "mute", "kick"):
        with pytest.raises(ChatError, match="Only the owner of the room can do that to a moderator"):
            one.rule(verb, two)
        with pytest.raises(ChatError, match="Nothing can be done to the owner"):
            two.rule(verb, owner)
    for verb in ("grant", "revoke"):
        with pytest.raises(ChatError, match="appoints and dismisses moderators"):
            one.rule(verb, two, role="moderator")  # type: ignore[arg-type]


def test_moderators_who_ban_each_other_at_once_are_both_still_there() -> None:
    """One was not a moderator yet when the other banned it; the owner appointed both meanwhile."""
    network, nodes = room("one", "two")
    owner, one, two = nodes
    owner.rule("grant", one, role="moderator")
    network.rest()
    network.disconnect(one, two)
    one.rule("ban", two)
    network.disconnect(owner, one)
    owner.rule("grant", two, role="moderator")
    network.connect(owner, two)
    network.run(1)
    with pytest.raises(ChatError, match="Only the owner"):
        two.rule("ban", one)
    network.connect(owner, one)
    network.rest()
    one.say("one")
    two.say("two")
    network.rest()
    assert texts(nodes) == ["one", "two"] or texts(nodes) == ["two", "one"]
    owner.rule("revoke", two, role="moderator")
    network.rest()
    assert all(
        node.log.moderation.state().is_banned(two.identity.key) for node in nodes if node.log.moderation
    )


def test_ban_by_a_moderator_who_was_dismissed_meanwhile_is_void() -> None:
    network, nodes = room("mod", "ada")
    owner, mod, ada = nodes
    owner.rule("grant", mod, role="moderator")
    network.rest()
    ada.say("hello")
    network.rest()
    network.disconnect(owner, mod)
    mod.rule("ban", ada)
    owner.rule("revoke", mod, role="moderator")
    network.run(1)
    assert ada.log.moderation is not None
    assert ada.log.moderation.state().is_banned(ada.identity.key)
    network.connect(owner, mod)
    network.rest()
    ada.say("I am back")
    network.rest()
    assert texts(nodes) == ["hello", "I am back"]
    with pytest.raises(ChatError, match="Only the owner"):
        mod.rule("ban", ada)


def test_ban_that_the_owner_knew_when_dismissing_the_moderator_stays() -> None:
    network, nodes = room("mod", "ada")
    owner, mod, ada = nodes
    owner.rule("grant", mod, role="moderator")
    network.rest()
    mod.rule("ban", ada)
    network.rest()
    owner.rule("ban", mod)
    network.rest()
    for node in nodes:
        assert node.log.moderation is not None
        state = node.log.moderation.state()
        assert sorted(state.banned) == sorted([ada.identity.key, mod.identity.key])
        assert node.log.moderation.standing(mod.identity.key) == Standing.GUEST


def test_whoever_comes_later_or_comes_back_is_told_of_measures_however_old() -> None:
    network, (owner, ada, mallory) = room("ada", "mallory")
    mallory.say("before")
    network.rest()
    for number in range(30):
        ada.say(f"{number}")
        network.run(1)
        if number == 3:
            owner.rule("grant", ada, role="moderator")
            network.run(1)
            ada.rule("ban", mallory)
    network.rest()

    kept = Kept()
    late = network.add("late", ChatLimits(messages=8, newest=5), kept)
    network.connect(late, ada)
    network.rest()
    for node in (late, network.restart(late)):
        assert node.log.moderation is not None
        assert node.log.moderation.state().banned == [mallory.identity.key]
        assert node.texts() == [f"{number}" for number in range(22, 30)]


def test_measure_waits_for_those_that_it_comes_after() -> None:
    network, (owner, mod, ada) = room("mod", "ada")
    owner.rule("grant", mod, role="moderator")
    network.rest()
    mod.rule("ban", ada)
    network.rest()
    first, second = (measure for measure in sorted(owner.log._history.pinned, key=lambda it: it.place))
    late = network.add("late")
    network.connect(late, ada)
    network.run(0)
    late.log.received(ada.identity.id, second.signed, network.now)
    late.act()
    assert late.log.moderation is not None
    assert len(late.log.moderation) == 0
    network.rest()
    assert [rule.id for rule in late.log.moderation] == [first.id, second.id]
    assert [action.live for action in late.ruled] == [False, True]


def test_room_of_which_nobody_knows_the_owner_is_moderated_by_nobody() -> None:
    network = ChatNetwork()
    ada, bob = network.ring(2)
    with pytest.raises(ChatError, match="Nobody here knows who owns this room"):
        ada.rule("ban", bob)
    measure = forged(ada, Measure("ban", subject=bob.identity.key))
    bob.log.received(ada.identity.id, measure, network.now)
    bob.act()
    network.rest()
    assert bob.log.counters.accepted == 1
    bob.say("still here")
    network.rest()
    assert ada.texts() == ["still here"]


def test_flood_of_measures_by_one_moderator_is_bounded() -> None:
    network, (owner, mod, ada) = room("mod", "ada")
    owner.rule("grant", mod, role="moderator")
    network.rest()
    assert ada.log.moderation is not None
    ada.log.moderation._most = (20, 5)
    for number in range(9):
        mod.rule("slow", seconds=number)
        network.run(1)
    network.rest()
    assert len(ada.log.moderation) == 6
    for number in range(30):
        owner.rule("slow", seconds=number)
        network.run(1)
    network.rest()
    assert len(ada.log.moderation) == 20
    owner.say("on it goes")
    network.rest()
    assert ada.texts() == ["on it goes"]


def test_message_that_comes_late_is_seen_if_it_stood_before_the_measure() -> None:
    network, (owner, ada, bob) = room("ada", "bob")
    first, second = bob.say("first"), bob.say("second")
    network.rest()
    owner.rule("ban", bob)
    owner.rule("lock", role="member")
    network.rest()
    ban, lock = owner.log._history.pinned
    late = network.add("late", ChatLimits(settling=0.0))
    late.log.link_opened(ada.identity.id, network.now)
    for measure in (ban, lock):
        late.log.received(ada.identity.id, measure.signed, network.now)
        late.act()
        network.run(0.1)
    assert late.log.moderation is not None
    assert len(late.log.moderation) == 2
    for entry in (second, first):
        signed = ada.log.measure(entry.id)
        assert signed is not None
        late.log.received(ada.identity.id, signed, network.now)
        late.act()
    network.run(0.1)
    assert late.texts() == ["first", "second"]
    assert late.log.authors() == {bob.identity.key: "bob"}


def test_pages_of_the_past_show_what_stood_before_a_ban() -> None:
    network, (owner, ada, bob) = room("ada", "bob")
    bob.say("before")
    network.rest()
    network.disconnect(ada, bob)
    for number in range(3):
        bob.say(f"meanwhile {number}")
    owner.rule("ban", bob)
    network.rest()
    network.connect(ada, bob)
    network.rest()
    for number in range(10):
        ada.say(f"{number}")
        network.run(1)
    late = network.add("late", ChatLimits(messages=6, newest=5))
    network.connect(late, ada)
    network.run(20)
    shown = [entry.text for entry in late.page().messages]
    assert "before" in shown
    assert not any("meanwhile" in text for text in shown)


def test_words_that_the_owner_deleted_come_to_nobody_any_more() -> None:
    network, (owner, ada, bob) = room("ada", "bob")
    entry = bob.say("unlawful")
    signed = bob.log.measure(entry.id)
    assert signed is not None
    network.rest()
    owner.rule("delete", bob, target=entry.id)
    network.rest()
    late = network.add("late")
    [delete] = owner.log._history.pinned
    late.log.link_opened(ada.identity.id, network.now)
    for message in (delete.signed, signed):
        late.log.received(ada.identity.id, message, network.now)
        late.act()
        network.run(0.1)
    assert late.texts() == []
    kept = late.log.measure(entry.id)
    assert kept is not None
    assert kept.body is None


def test_measures_from_a_disk_are_judged_again() -> None:
    _, (owner, ada, bob) = room("ada", "bob")
    owner.rule("ban", bob)
    [ban] = owner.log._history.pinned
    forged_ban = forged(bob, Measure("ban", subject=ada.identity.key))
    for key, count in ((OWNER.key, 1), (None, 0)):
        log = ChatLog(ROOM, ada.identity.key, stored=True, owner=key)
        log.restore([], None, None, [forged_ban, ban.signed])
        assert len(log.moderation or ()) == count


def test_kick_of_long_ago_is_no_news() -> None:
    network, (owner, ada, bob) = room("ada", "bob")
    kick = owner.rule("kick", bob)
    network.rest()
    assert [rule.live for rule in ada.ruled] == [True]
    late = network.add("late", ChatLimits(newest=3))
    late.log.link_opened(ada.identity.id, network.now)
    for number in range(5):
        late.say(f"{number}")
    signed = owner.log.measure(kick)
    assert signed is not None
    late.log.received(ada.identity.id, signed, network.now)
    late.act()
    network.rest()
    assert [rule.live for rule in late.ruled] == [False]
