"""Whom a peer asks: who is able to feed it, and in which order."""

from __future__ import annotations

from peer.core.candidates import SETTLED, best_parent, mender
from peer.core.neighbour import Neighbour, Role
from tests.unit.peer.core.braid_bench import EPOCH, ME, PUBLISHER, STRIPES, status

ROOT = PUBLISHER.id[:4]
A, B, C = (bytes([number]) * 16 for number in (0x10, 0x20, 0x30))
NOW = 10.0


def linked(*peers: Neighbour) -> dict[bytes, Neighbour]:
    return {peer.peer: peer for peer in peers}


def neighbour(peer: bytes, *path: bytes, role: Role = "viewer", fed: bool = True) -> Neighbour:
    """One that has just said that it is fed all stripes, over that path."""
    it = Neighbour(peer, role, NOW)
    it.status = status(*range(STRIPES) if fed else (), path=(*path, peer[:4]))
    return it


def publisher() -> Neighbour:
    return neighbour(PUBLISHER.id, role="publisher")


def best(
    neighbours: dict[bytes, Neighbour],
    *standbys: bytes,
    lost: bytes | None = None,
    parents: tuple[bytes | None, ...] = (None,) * STRIPES,
    since: float = 0.0,
    least: int = 1,
) -> bytes | None:
    found = best_parent(
        0, neighbours, standbys, lost, parents, since, least=least, epoch=EPOCH, me=ME[:4], now=NOW
    )
    return found.peer if found is not None else None


def asked(
    neighbours: dict[bytes, Neighbour], parent: bytes | None, tries: int, since: float = 0.0
) -> list[bytes | None]:
    choose = mender((parent,) * STRIPES, neighbours, since, epoch=EPOCH, me=ME[:4], now=NOW)
    return [choose(0, number) for number in range(tries)]


def test_shortest_way_is_the_best_parent_and_the_publisher_the_last() -> None:
    neighbours = linked(publisher(), neighbour(A, ROOT, C[:4]), neighbour(B, ROOT))
    assert best(neighbours) == B
    assert best(linked(publisher())) == PUBLISHER.id


def test_standby_comes_before_a_shorter_way() -> None:
    neighbours = linked(neighbour(A, ROOT, C[:4]), neighbour(B, ROOT), neighbour(C, ROOT))
    assert best(neighbours, A) == A
    assert best(neighbours, C, B) == C


def test_even_the_publisher_comes_before_who_was_fed_through_the_lost_parent() -> None:
    neighbours = linked(neighbour(A, ROOT, C[:4]), publisher())
    assert best(neighbours, A, lost=C[:4]) == PUBLISHER.id
    assert best(linked(neighbour(A, ROOT, C[:4])), lost=C[:4]) == A


def test_who_is_below_us_or_not_fed_is_no_parent() -> None:
    assert best(linked(neighbour(A, ROOT, ME[:4]), neighbour(B, ROOT, fed=False))) is None


def test_doubted_peer_comes_last_but_before_the_publisher_and_a_distrusted_one_after_it() -> None:
    neighbours = linked(publisher(), neighbour(A, ROOT), neighbour(B, ROOT, C[:4]))
    neighbours[A].doubt = 1
    assert best(neighbours, A) == B
    assert best(linked(publisher(), neighbours[A])) == A
    neighbours[A].doubt = 2
    assert best(linked(publisher(), neighbours[A])) == PUBLISHER.id
    assert best(linked(neighbours[A])) == A


def test_whoever_feeds_half_of_the_stripes_is_not_given_more_while_there_are_others() -> None:
    neighbours = linked(neighbour(A, ROOT), neighbour(B, ROOT, C[:4]))
    assert best(neighbours, A, parents=(None, A, None, None)) == A
    assert best(neighbours, A, parents=(None, A, A, None)) == B
    assert best(linked(neighbours[A]), parents=(None, A, A, A)) == A


def test_who_has_few_places_left_is_passed_over_for_what_can_be_done_without() -> None:
    neighbours = linked(neighbour(A, ROOT), neighbour(B, ROOT, C[:4]))
    neighbours[A].status = status(*range(STRIPES), path=(ROOT, A[:4]), free=3)
    assert best(neighbours) == A
    assert best(neighbours, least=3) == A
    assert best(neighbours, least=4) == B
    assert best(neighbours, least=9) is None


def test_parent_of_the_stripe_is_no_new_parent() -> None:
    assert best(linked(neighbour(A, ROOT)), parents=(A, None, None, None)) is None


def test_link_that_is_new_comes_after_those_that_have_held() -> None:
    neighbours = linked(neighbour(A, ROOT), neighbour(B, ROOT, C[:4]))
    neighbours[B].since = NOW - SETTLED
    assert best(neighbours) == B


def test_doubted_peer_is_asked_for_lost_blocks_after_the_parent() -> None:
    neighbours = linked(publisher(), neighbour(A, ROOT), neighbour(B, ROOT), neighbour(C, ROOT))
    neighbours[B].doubt = 1
    assert asked(neighbours, A, 4) == [C, A, B, PUBLISHER.id]


def test_lost_blocks_are_asked_of_others_first_then_of_the_parent_then_of_the_publisher() -> None:
    neighbours = linked(publisher(), neighbour(A, ROOT), neighbour(B, ROOT), neighbour(C, ROOT))
    # Those nearest to ME by their ids come first: everybody has an order of his own.
    assert asked(neighbours, A, 5) == [C, B, A, PUBLISHER.id, C]


def test_who_is_fed_through_our_parent_lacks_what_that_lacks() -> None:
    neighbours = linked(neighbour(A, ROOT), neighbour(B, ROOT), neighbour(C, ROOT, A[:4]))
    assert asked(neighbours, A, 3) == [B, C, A]


def test_head_asks_the_publisher_first() -> None:
    neighbours = linked(neighbour(A, ROOT), publisher())
    assert asked(neighbours, PUBLISHER.id, 2) == [PUBLISHER.id, A]


def test_who_has_spoken_since_everything_stood_still_is_asked_before_who_may_have_died_then() -> None:
    neighbours = linked(neighbour(A, ROOT), neighbour(B, ROOT))
    first, second = asked(neighbours, None, 2)
    assert first is not None
    assert second is not None
    neighbours[first].heard_at, neighbours[second].heard_at = NOW - 0.3, NOW - 0.1
    assert asked(neighbours, None, 2, since=NOW - 0.2) == [second, first]
    assert asked(neighbours, None, 2) == [first, second]


def test_nobody_is_asked_while_nobody_has_it() -> None:
    assert asked(linked(neighbour(A, ROOT, fed=False)), None, 2) == [None, None]


def test_who_was_heard_after_the_stripe_fell_silent_is_alive_for_sure() -> None:
    early, late = neighbour(A, ROOT), neighbour(B, ROOT, C[:4])
    early.heard_at = NOW - 0.5
    assert best(linked(early, late), A, since=NOW - 1.0) == A
    assert best(linked(early, late), A, since=NOW - 0.3) == B
