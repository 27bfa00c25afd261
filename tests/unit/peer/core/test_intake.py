"""What comes in is proved before it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peer.core.actions import Equivocation, Reject, Verify
from peer.core.counters import Counters
from peer.core.equivocations import PROOFS, SECONDS, Equivocations
from peer.core.intake import Began, Intake, Outcome, Taken
from peer.core.verifier import PENDING, PENDING_PER_PEER
from peer.core.window import Window
from peer.identity import Identity
from peer.merkle import proofs, root
from peer.seal import SealedPart, seal_part
from peer.signing import TAG_SEAL, verify
from peer.wire import Block, encode
from tests.unit.peer.core.braid_bench import (
    BRAID,
    EPOCH,
    HIGH,
    LOW,
    PUBLISHER,
    STRIPES,
    blocks,
    part,
)


class Gate:
    """An intake with its window; signatures wait until `settle`."""

    def __init__(self) -> None:
        self.window, self.counters = Window(), Counters()
        self.window.begin(EPOCH)
        self.intake = Intake(PUBLISHER.key, BRAID, STRIPES, self.window, self.counters)
        self._checks: list[Verify] = []

    def _keep(self, outcomes: list[Outcome]) -> list[Outcome]:
        self._checks += [outcome for outcome in outcomes if isinstance(outcome, Verify)]
        return [outcome for outcome in outcomes if not isinstance(outcome, Verify)]

    def block(self, peer: bytes, block: Block) -> list[Outcome]:
        return self._keep(self.intake.block(peer, block, encode(block), 0.0))

    def whole(self, sealed: SealedPart) -> list[Outcome]:
        return self._keep(self.intake.whole(sealed.raw, sealed.data, 0.0))

    def settle(self, *present: bytes) -> list[Outcome]:
        checks, self._checks = self._checks, []
        out: list[Outcome] = []
        for check in checks:
            ok = verify(check.key, check.tag, check.data, check.signature)
            out += self.intake.verified(check.token, ok, present or (LOW, HIGH), 0.0)
        return out

    def fill(self, sealed: SealedPart) -> None:
        for block in blocks(sealed):
            self.block(LOW, block)
        self.settle()


def sentences(outcomes: list[Outcome]) -> list[str]:
    return [outcome.sentence for outcome in outcomes if isinstance(outcome, Reject)]


def test_nothing_counts_before_the_signature_is_checked() -> None:
    gate = Gate()
    assert [gate.block(LOW, block) for block in blocks(part(0))] == [[], [], [], []]
    assert len(gate.window) == 0
    taken = gate.settle()
    assert [(t.index, t.fresh) for t in taken if isinstance(t, Taken)] == [(i, True) for i in range(4)]
    assert gate.window.newest_complete == 0


def test_block_that_two_have_sent_before_the_signature_is_checked_came_twice() -> None:
    gate = Gate()
    first = blocks(part(0))[0]
    gate.block(LOW, first)
    gate.block(HIGH, first)
    taken = [outcome for outcome in gate.settle() if isinstance(outcome, Taken)]
    assert [(each.source, each.fresh) for each in taken] == [(LOW, True), (HIGH, False)]
    assert gate.counters.duplicates == 1


def test_signature_is_checked_once_a_part() -> None:
    gate = Gate()
    first, *others = blocks(part(0))
    gate.block(LOW, first)
    gate.settle()
    for block in others:
        (taken,) = gate.block(HIGH, block)
        assert isinstance(taken, Taken)
    assert gate.settle() == []


@pytest.mark.parametrize("field", ["data", "proof", "index"])
def test_altered_block_ends_the_link(field: str) -> None:
    gate = Gate()
    block = blocks(part(0))[1]
    altered = {
        "data": replace(block, data=block.data[:-1] + b"?"),
        "proof": replace(block, proof=block.proof[::-1]),
        "index": replace(block, index=2),
    }[field]
    assert sentences(gate.block(LOW, altered)) == ["a block does not match its seal"]
    assert gate.counters.blocks_rejected == 1


def test_altered_copy_of_a_block_that_is_here_ends_the_link() -> None:
    gate = Gate()
    gate.fill(part(0))
    block = blocks(part(0))[1]
    (taken,) = gate.block(HIGH, block)
    assert isinstance(taken, Taken)
    assert not taken.fresh
    assert sentences(gate.block(HIGH, replace(block, data=b""))) == ["a block does not match its seal"]


def test_block_of_another_length_than_the_seal_says_is_refused_though_it_is_under_the_root() -> None:
    gate = Gate()
    pieces = [bytes(300), b"", b"", b""]
    signed = replace(part(0).seal, root=root(pieces)).encode()
    raw = signed + PUBLISHER.sign(TAG_SEAL, signed)
    refused = gate.block(LOW, Block(raw, 0, proofs(pieces)[0], pieces[0]))
    assert sentences(refused) == ["a block does not match its seal"]


def test_seal_by_another_key_ends_the_links_of_all_that_sent_it() -> None:
    gate = Gate()
    forged = seal_part(Identity(bytes([9]) * 32), part(0).seal, part(0).data)
    for peer, block in zip((LOW, LOW, HIGH), blocks(forged), strict=False):
        gate.block(peer, block)
    rejected = gate.settle()
    assert [r.peer for r in rejected if isinstance(r, Reject)] == [LOW, HIGH]
    assert len(gate.window) == 0


def test_forged_seal_does_not_take_the_true_blocks_with_it() -> None:
    gate = Gate()
    block = blocks(part(0))[0]
    gate.block(LOW, replace(block, seal=block.seal[:-1] + bytes([block.seal[-1] ^ 1])))
    gate.block(HIGH, block)
    outcomes = gate.settle()
    assert sentences(outcomes) == ["a seal was not signed by the publisher"]
    assert [t.source for t in outcomes if isinstance(t, Taken)] == [HIGH]


@pytest.mark.parametrize("change", [{"braid": bytes(8)}, {"stripes": 2}])
def test_block_of_another_braid_ends_the_link(change: dict[str, object]) -> None:
    gate = Gate()
    other = seal_part(PUBLISHER, replace(part(0).seal, **change), part(0).data)  # type: ignore[arg-type]
    assert sentences(gate.block(LOW, blocks(other)[0])) == ["a block does not belong to this braid"]


def test_bytes_that_are_no_seal_end_the_link() -> None:
    gate = Gate()
    assert sentences(gate.block(LOW, Block(bytes(148), 0, (), b"x")))


def test_old_parts_are_late_and_nothing_worse() -> None:
    gate = Gate()
    gate.fill(part(200))
    assert gate.block(LOW, blocks(part(3))[0]) == []
    assert gate.block(LOW, blocks(part(201, epoch=EPOCH - 1))[0]) == []
    assert gate.counters.late == 2


def test_old_part_from_the_origin_is_late_and_nothing_worse() -> None:
    gate = Gate()
    gate.fill(part(200))
    assert gate.whole(part(3)) == []
    assert gate.settle() == []
    assert (gate.counters.late, gate.counters.blocks_rejected) == (1, 0)


def test_part_that_leaves_the_window_while_it_is_checked_is_late() -> None:
    gate = Gate()
    gate.block(LOW, blocks(part(0))[0])
    slow = gate._checks.pop()
    gate.fill(part(200))
    assert gate.intake.verified(slow.token, True, (LOW,), 0.0) == []
    assert gate.counters.late == 1
    assert gate.window.get(0) is None


def test_answer_to_a_check_that_nobody_waits_for_is_ignored() -> None:
    gate = Gate()
    gate.block(LOW, blocks(part(0))[0])
    (check,) = gate._checks
    gate.settle()
    assert gate.intake.verified(check.token, False, (LOW,), 0.0) == []
    assert gate.counters.blocks_rejected == 0


def test_newer_epoch_begins_when_its_first_seal_is_known_to_be_genuine() -> None:
    gate = Gate()
    gate.fill(part(7))
    gate.block(LOW, blocks(part(0, epoch=EPOCH + 1))[0])
    assert gate.window.epoch == EPOCH
    began, taken = gate.settle()
    assert isinstance(began, Began)
    assert isinstance(taken, Taken)
    assert (gate.window.epoch, gate.window.newest) == (EPOCH + 1, 0)


def test_second_seal_for_a_part_is_equivocation_and_the_first_stands() -> None:
    gate = Gate()
    gate.fill(part(0))
    gate.block(LOW, blocks(part(0, salt=1))[0])
    assert gate.settle() == [Equivocation(part(0).raw, part(0, salt=1).raw)]
    assert gate.counters.equivocations == 1
    kept = gate.window.get(0)
    assert kept is not None
    assert kept.raw == part(0).raw


def test_blocks_of_a_second_seal_are_dropped_without_checking_it_again() -> None:
    gate = Gate()
    gate.fill(part(0))
    gate.block(LOW, blocks(part(0, salt=1))[0])
    gate.settle()
    gate.block(HIGH, blocks(part(0, salt=1))[1])
    assert gate.settle() == []
    assert gate.counters.equivocations == 1


def test_proofs_of_equivocation_are_bounded_however_often_a_publisher_signs_twice() -> None:
    found = Equivocations()
    seals = [bytes([number % 256, number // 256]) * 74 for number in range(2 * SECONDS)]
    told = [proof for seal in seals for proof in found.found(bytes(148), seal)]
    assert told == found.proofs
    assert len(told) == PROOFS
    assert sum(seal in found for seal in seals) == SECONDS
    assert seals[-1] in found


def test_blocks_of_peers_that_have_gone_meanwhile_are_dropped() -> None:
    gate = Gate()
    first, second, *_ = blocks(part(0))
    gate.block(LOW, first)
    gate.block(HIGH, second)
    assert [t.source for t in gate.settle(HIGH) if isinstance(t, Taken)] == [HIGH]


def test_one_peer_cannot_occupy_the_verifier() -> None:
    gate = Gate()
    for number in range(PENDING_PER_PEER + 5):
        gate.block(LOW, blocks(part(number))[0])
    gate.block(HIGH, blocks(part(90))[0])
    taken = gate.settle()
    assert len(taken) == PENDING_PER_PEER + 1


def test_many_peers_cannot_make_more_wait_than_fits() -> None:
    gate = Gate()
    peers = [bytes([i]) * 16 for i in range(32)]
    for number in range(20):
        for at, peer in enumerate(peers):
            gate.block(peer, blocks(part(number, salt=at))[0])
    assert len(gate._checks) == PENDING


def test_block_sent_again_and_again_does_not_crowd_out_those_of_others() -> None:
    gate = Gate()
    first, *others = blocks(part(0))
    for _ in range(50):
        gate.block(LOW, first)
    for block in others:
        gate.block(HIGH, block)
    assert [t.index for t in gate.settle() if isinstance(t, Taken)] == [0, 1, 2, 3]


def test_part_from_the_origin_is_checked_like_any_other() -> None:
    gate = Gate()
    sealed = part(0)
    assert gate.whole(sealed) == []
    assert len(gate.window) == 0
    assert [t.source for t in gate.settle() if isinstance(t, Taken)] == [None] * 4
    assert gate.whole(sealed) == []
    assert gate.counters.duplicates == 4
    gate.whole(replace(part(1), data=part(2).data))
    gate.whole(replace(part(1), data=b"short"))
    gate.whole(replace(part(1), raw=bytes(148)))
    forged = part(3)
    gate.whole(replace(forged, raw=forged.raw[:-1] + bytes([forged.raw[-1] ^ 1])))
    assert gate.settle() == []
    assert gate.counters.blocks_rejected == 4 + 1 + 1 + 4
    assert len(gate.window) == 1


def test_part_from_the_origin_fills_up_what_came_over_links() -> None:
    gate = Gate()
    first, *_ = blocks(part(0))
    gate.block(LOW, first)
    gate.whole(part(0))
    taken = [t for t in gate.settle() if isinstance(t, Taken)]
    assert [(t.index, t.source) for t in taken] == [(0, LOW), (1, None), (2, None), (3, None)]
    for block in blocks(part(0)):
        held = gate.window.get(0)
        assert held is not None
        assert held.messages[block.index] == encode(block)


def test_part_from_the_origin_waits_for_no_check_while_too_many_do() -> None:
    gate = Gate()
    for at in range(PENDING):
        gate.block(bytes([at]) * 16, blocks(part(at))[0])
    assert gate.whole(part(PENDING)) == []
    assert len(gate._checks) == PENDING
    gate.settle()
    gate.whole(part(PENDING))
    assert len(gate.settle()) == STRIPES


def test_publisher_that_begins_a_new_epoch_empties_its_window_for_it() -> None:
    gate = Gate()
    gate.fill(part(7))
    sealed = part(0, epoch=EPOCH + 1)
    began, *taken = gate.intake.own(sealed.seal, sealed.raw, sealed.data, 0.0)
    assert isinstance(began, Began)
    assert len(taken) == STRIPES
    assert (gate.window.epoch, gate.window.newest, gate.window.newest_complete) == (EPOCH + 1, 0, 0)
