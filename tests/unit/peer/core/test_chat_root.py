"""A crowd's tree has a root, which waves name, and every peer hangs below one that is nearer to it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from peer import wire
from peer.core.chat_limits import ChatLimits
from peer.core.chat_root import MAX_HOPS, Root
from tests.seeds import seeds
from tests.unit.peer.core.chat_network import ChatNetwork, Node, chain
from tests.unit.peer.core.test_chat_log import BOB, EVE, Bench, delivered, sent
from tests.unit.peer.core.test_chat_tree import DAN, PEERS, news, prune, want

CROWD = ChatLimits(crowd=1)
"""Every room is one."""
LAST = 2**32 - 1


def peer(number: int) -> bytes:
    return bytes([number]) * 16


ME, FAR = peer(5), peer(1)


class Place:
    """A peer's place in the tree; what it says is in the test's hands."""

    def __init__(self, *neighbours: int, crowded: bool = True) -> None:
        self._said: list[tuple[bytes, wire.ChatRoot]] = []
        self.root = Root(ME, ChatLimits(), lambda to, message: self._said.append((to, message)))
        for neighbour in neighbours:
            self.root.link_opened(peer(neighbour), 0.0, crowded)

    def said(self) -> list[tuple[bytes, wire.ChatRoot]]:
        said, self._said = self._said, []
        return said

    def parent(self) -> bytes | None:
        return self.root.parent

    def known(self) -> bool:
        return self.root.known

    def hear(
        self, neighbour: int, number: int, hops: int, now: float, *, root: bytes = FAR, generation: int = 0
    ) -> list[tuple[bytes, wire.ChatRoot]]:
        self.root.heard(peer(neighbour), wire.ChatRoot(generation, root, number, hops), now)
        return self.said()

    def wait(self, until: float) -> list[tuple[bytes, wire.ChatRoot]]:
        while (timer := self.root.next_timer()) is not None and timer <= until:
            self.root.handle_timer(timer)
        return self.said()


def to_all(neighbours: Iterable[int], message: wire.ChatRoot) -> list[tuple[bytes, wire.ChatRoot]]:
    return [(peer(neighbour), message) for neighbour in neighbours]


def test_small_room_has_no_root_and_sends_no_waves() -> None:
    place = Place(2, 3, crowded=False)
    assert place.root.next_timer() is None
    assert not place.known()


def test_crowd_that_hears_no_wave_has_a_root_that_sends_one_again_and_again() -> None:
    place = Place(2, 3)
    assert place.wait(1.4) == []
    assert place.wait(3.0) == to_all((2, 3), wire.ChatRoot(0, ME, 0, 0))
    assert place.known()
    assert place.parent() is None
    assert place.wait(4.5) == to_all((2, 3), wire.ChatRoot(0, ME, 1, 0))
    place.root.link_opened(peer(7), 4.6, True)
    assert place.said() == to_all((7,), wire.ChatRoot(0, ME, 1, 0))


def test_wave_is_passed_on_once_and_its_first_teller_is_the_parent() -> None:
    place = Place(2, 3)
    assert place.hear(3, 7, 4, 1.0) == to_all((2, 3), wire.ChatRoot(0, FAR, 7, 5))
    assert place.parent() == peer(3)
    assert place.hear(2, 7, 4, 1.01) == []
    assert place.parent() == peer(3)
    assert place.hear(2, 6, 1, 1.02) == [], "an old one"


def test_parent_stays_while_waves_come_over_it_nearly_as_soon_as_over_others() -> None:
    place = Place(2, 3)
    place.hear(3, 0, 4, 1.0)
    place.hear(2, 1, 4, 2.5)
    assert place.hear(3, 1, 4, 2.55) == []
    place.wait(2.7)
    assert place.parent() == peer(3)
    place.hear(2, 2, 4, 4.0)
    place.wait(4.09)
    assert place.parent() == peer(3)
    place.wait(4.1)
    assert place.parent() == peer(2), "nothing came over the old one"


def test_parent_that_is_no_nearer_any_more_is_left() -> None:
    place = Place(2, 3)
    place.hear(3, 0, 4, 1.0)
    place.hear(2, 1, 4, 2.5)
    place.hear(3, 1, 5, 2.52)
    place.wait(2.7)
    assert place.parent() == peer(2)


def test_of_two_roots_of_one_generation_the_one_with_the_smaller_id_is_it() -> None:
    place = Place(2, 3)
    place.wait(3.0)
    assert place.hear(2, 9, 0, 3.1, root=peer(6)) == [], "it will hear of this one"
    assert place.hear(3, 0, 0, 3.2, root=peer(4)) == to_all((2, 3), wire.ChatRoot(0, peer(4), 0, 1))
    assert place.parent() == peer(3)


def test_root_dies_and_its_neighbour_is_the_root_of_the_next_generation() -> None:
    place = Place(1, 2)
    place.hear(1, 3, 0, 1.0)
    assert place.parent() == FAR
    place.root.link_closed(FAR, 1.5)
    assert place.said() == to_all((2,), wire.ChatRoot(1, ME, 0, 0))
    assert place.parent() is None
    assert place.hear(2, 4, 3, 1.6) == [], "what the dead one said is under way still"
    assert place.hear(2, 0, 0, 1.7, root=peer(2), generation=1) == to_all(
        (2,), wire.ChatRoot(1, peer(2), 0, 1)
    ), "another neighbour of it did the same"


def test_root_falls_silent_and_somebody_else_is_it() -> None:
    place = Place(2)
    place.hear(2, 3, 2, 1.0)
    assert place.wait(5.9) == []
    assert place.wait(7.4) == to_all((2,), wire.ChatRoot(1, ME, 0, 0))


@pytest.mark.parametrize(
    ("before", "after"), [((LAST, 5), (0, 0)), ((3, LAST), (3, 0)), ((LAST, LAST), (LAST, 0))]
)
def test_no_number_is_the_last(before: tuple[int, int], after: tuple[int, int]) -> None:
    place = Place(2)
    place.hear(2, before[1], 0, 1.0, generation=before[0])
    assert place.hear(2, after[1], 0, 2.0, generation=after[0]) == to_all(
        (2,), wire.ChatRoot(after[0], FAR, after[1], 1)
    )
    assert place.hear(2, before[1], 0, 3.0, generation=before[0]) == []


def test_root_goes_on_behind_the_last_number_and_the_last_generation() -> None:
    place = Place(2)
    place.hear(2, 0, 0, 1.0, generation=LAST)
    assert place.wait(7.4) == to_all((2,), wire.ChatRoot(0, ME, 0, 0))


def test_wave_in_ones_own_name_from_too_far_or_from_a_babbler_is_passed_over() -> None:
    place = Place(2, 3)
    assert place.hear(2, 0, 1, 1.0, root=ME) == []
    assert place.hear(2, 0, MAX_HOPS, 1.0) == []
    heard = [place.hear(2, number, 1, 1.0) for number in range(1, 40)]
    assert [len(said) for said in heard] == [2] * 16 + [0] * 23
    assert len(place.hear(3, 30, 1, 1.0)) == 2


def test_parent_that_brings_nothing_gives_way_to_another_if_there_is_one() -> None:
    place = Place(2, 3)
    place.root.failed(0.5)
    assert place.parent() is None, "there was none"
    place.hear(2, 0, 3, 1.0)
    place.root.failed(1.1)
    assert place.parent() == peer(2), "better than none"
    place.hear(3, 0, 3, 1.2)
    place.root.failed(1.3)
    assert place.parent() == peer(3)
    place.hear(2, 1, 1, 2.0)
    place.hear(3, 1, 3, 2.01)
    place.wait(2.2)
    assert place.parent() == peer(2), "only that one is nearer"
    place.hear(3, 2, 1, 3.0)
    place.hear(2, 2, 1, 3.01)
    place.wait(3.2)
    assert place.parent() == peer(3)


def test_parent_dies_and_a_brother_with_a_smaller_id_takes_its_place_but_none_that_may_be_below() -> None:
    place = Place(2, 4, 6)
    place.hear(2, 0, 3, 1.0)
    place.hear(6, 0, 4, 1.1)
    place.hear(4, 0, 4, 1.1)
    place.root.link_closed(peer(2), 1.2)
    assert place.parent() == peer(4)
    place.root.link_closed(peer(4), 1.3)
    assert place.parent() is None
    assert not place.known()
    place.hear(6, 1, 3, 2.0)
    assert place.parent() == peer(6)
    place.root.link_closed(peer(9), 2.1)
    assert place.parent() == peer(6)


def test_room_that_is_no_crowd_any_more_forgets_its_root() -> None:
    place = Place(2)
    place.hear(2, 0, 0, 1.0)
    place.root.link_opened(peer(3), 2.0, False)
    assert place.wait(20.0) == to_all((3,), wire.ChatRoot(0, FAR, 0, 1))
    assert place.parent() is None
    assert not place.known()
    assert place.root.next_timer() is None


# In the tree


def wave(number: int, hops: int) -> wire.ChatRoot:
    return wire.ChatRoot(0, bytes(16), number, hops)


def rooted(bench: Bench, parent: bytes = BOB.id) -> list[tuple[bytes, wire.Message | None]]:
    """What it says when it hears of the first wave."""
    return [
        (to, message)
        for to, message in sent(bench.receive(parent, wave(0, 3), 0.0))
        if not isinstance(message, wire.ChatRoot)
    ]


def test_in_a_crowd_what_is_new_goes_to_the_parent_and_to_those_that_asked_for_it() -> None:
    bench = Bench(CROWD, PEERS)
    bench.receive(EVE.id, wire.ChatGraft(()))
    assert rooted(bench) == [(BOB.id, wire.ChatGraft(())), (DAN.id, wire.ChatPrune(()))]
    first, second = chain(BOB, 2)
    assert sent(bench.receive(BOB.id, first, 0.1)) == [(EVE.id, first)]
    assert sent(bench.wait(0.13)) == [(DAN.id, news(first))]
    assert sent(bench.receive(EVE.id, second, 0.2)) == [(BOB.id, second)]
    bench.receive(EVE.id, wire.ChatPrune(()), 0.3)
    (third,) = chain(DAN, 1)
    assert sent(bench.receive(BOB.id, third, 0.4)) == []
    assert sent(bench.receive(BOB.id, wire.ChatPrune(()), 0.5)) == [(BOB.id, wire.ChatGraft(()))]


def test_in_a_crowd_what_is_late_is_asked_for_and_no_branch_is_made_of_that() -> None:
    bench = Bench(CROWD, PEERS)
    rooted(bench)
    first, second = chain(BOB, 2)
    bench.receive(EVE.id, news(first), 0.1)
    assert sent(bench.wait(0.17)) == [(EVE.id, want(first))]
    assert sent(bench.receive(BOB.id, first, 0.2)) == [], "Eve has it, Dan will be told"
    assert sent(bench.receive(EVE.id, first, 0.21)) == [], "it was asked for"
    assert sent(bench.receive(DAN.id, first, 0.22)) == [(DAN.id, prune(first))]
    assert sent(bench.receive(BOB.id, first, 0.23)) == [], "it is the parent"
    assert sent(bench.receive(BOB.id, second, 0.3)) == []


def test_in_a_crowd_another_parent_is_taken_when_what_is_new_has_to_be_asked_for_again_and_again() -> None:
    bench = Bench(CROWD, PEERS)
    rooted(bench)
    bench.receive(DAN.id, wave(0, 3), 0.0)
    first, second, third, fourth = chain(BOB, 4)
    bench.receive(EVE.id, news(first, second), 0.1)
    assert sent(bench.wait(0.17)) == [(EVE.id, want(first, second))]
    bench.receive(EVE.id, first, 0.2)
    bench.receive(BOB.id, second, 0.2)
    bench.receive(EVE.id, news(third, fourth), 0.3)
    assert sent(bench.wait(0.37))[-1] == (EVE.id, want(third, fourth))
    assert delivered(bench.receive(EVE.id, third, 0.4)) == ["2"]
    assert sent(bench.receive(EVE.id, fourth, 0.4)) == [
        (DAN.id, wire.ChatGraft(())),
        (BOB.id, wire.ChatPrune(())),
        (DAN.id, fourth),
    ]


def test_tree_of_a_crowd_remembers_no_more_of_what_was_asked_than_it_may() -> None:
    bench = Bench(ChatLimits(crowd=1, remembered=1), PEERS)
    rooted(bench)
    first, second = chain(BOB, 2)
    bench.receive(EVE.id, news(first, second), 0.1)
    bench.wait(0.17)
    bench.receive(BOB.id, first, 0.2)
    bench.receive(BOB.id, second, 0.2)
    assert sent(bench.receive(EVE.id, second, 0.3)) == []


def crowd(seed: int, count: int) -> tuple[ChatNetwork, list[Node]]:
    network = ChatNetwork(seed, delay=0.02)
    nodes = [network.add(f"peer {index}", CROWD) for index in range(count)]
    for index, node in enumerate(nodes):
        for other in network.random.sample(nodes[:index], min(3, index)):
            network.connect(node, other)
    network.run(12.0)
    return network, nodes


def talk(network: ChatNetwork, nodes: list[Node], count: int) -> float:
    """`count` messages, of which several are under way at a time; how often each was sent to each."""
    for node in nodes:
        node.sent.clear()
    for number in range(count):
        network.random.choice(nodes).say(f"{network.now:.3f} {number}")
        network.run(0.1)
    network.run(4.0)
    copies = sum(isinstance(message, wire.ChatMessage) for node in nodes for _, message in node.sent)
    return copies / (count * (len(nodes) - 1))


@seeds(3)
def test_messages_that_are_under_way_together_do_not_take_the_tree_of_a_crowd_apart(seed: int) -> None:
    network, nodes = crowd(seed, 40)
    assert talk(network, nodes, 40) <= 1.1
    assert len({tuple(node.texts()) for node in nodes}) == 1
    assert len(nodes[0].texts()) == 40


@seeds(3)
def test_root_and_others_of_a_crowd_die_and_messages_come_about_once_all_the_same(seed: int) -> None:
    network, nodes = crowd(seed, 40)
    talk(network, nodes, 5)
    root = min(nodes, key=lambda node: node.identity.id)
    for node in [root, *network.random.sample([node for node in nodes if node is not root], 3)]:
        node.alive = False
        for other in list(node.links.values()):
            network.disconnect(node, other)
        nodes.remove(node)
    assert talk(network, nodes, 5) <= 1.5
    assert talk(network, nodes, 40) <= 1.1
    assert len({tuple(node.texts()) for node in nodes}) == 1
    assert len(nodes[0].texts()) == 50


class Liar(Node):
    """Makes itself the root of one generation after the other, and passes nothing on."""

    def received(self, peer: bytes, data: bytes) -> None:
        pass

    def lie(self, generation: int = 1) -> None:
        for neighbour in list(self.links.values()):
            said = wire.ChatRoot(generation, self.identity.id, 0, 0)
            self.network.carry(self, neighbour.identity.id, wire.encode(said))
        self.network.at(self.network.now + 0.5, lambda: self.lie(generation + 1))


@seeds(3)
def test_member_makes_itself_the_root_again_and_again_and_all_that_is_said_comes(seed: int) -> None:
    network, nodes = crowd(seed, 40)
    liar = Liar(network, "liar", CROWD)
    for node in network.random.sample(nodes, 6):
        network.connect(node, liar)
    liar.lie()
    assert talk(network, nodes, 20) <= 2.0
    assert len({tuple(node.texts()) for node in nodes}) == 1
    assert len(nodes[0].texts()) == 20
