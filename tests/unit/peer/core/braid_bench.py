"""One braid core on a bench: a publisher's parts, made-up neighbours, and what the core does with them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TypeVar

from peer import wire
from peer.core.actions import Send, Verify
from peer.core.braid import Action, Braid
from peer.core.probing import UploadRate
from peer.identity import Identity, braid_id
from peer.merkle import proofs
from peer.seal import FIRST, Seal, SealedPart, cut, seal_part
from peer.signing import verify

STRIPES = 4
EPOCH = 5
PART = 0.1

PUBLISHER = Identity(bytes([7]) * 32)
BRAID = braid_id(PUBLISHER.key, "room", "main", "360p")
ME = bytes([0x50]) * 16
LOW, HIGH = bytes([0x10]) * 16, bytes([0x90]) * 16

A = TypeVar("A", bound=Action)


def part(number: int, size: int = 400, *, epoch: int = EPOCH, gop: int = 10, salt: int = 0) -> SealedPart:
    """Part `number`; every `gop`-th is independent."""
    draft = Seal(
        5 if number % gop == 0 else 0, STRIPES, 0, BRAID, epoch, number, number // gop, number % gop, 0,
        number * 100_000, 100_000, number * 100_000, 0, bytes(16), FIRST,
    )  # fmt: skip
    return seal_part(PUBLISHER, draft, random.Random(number * 1000 + salt).randbytes(size))


def blocks(sealed: SealedPart) -> list[wire.Block]:
    pieces = cut(sealed.data, sealed.seal.stripes)
    return [wire.Block(sealed.raw, i, proof, pieces[i]) for i, proof in enumerate(proofs(pieces))]


class Bench:
    """A core and its clock. What the core asks for is in `done`; signatures are checked at once."""

    checks = True
    """Off: a test answers `Verify` itself."""

    def __init__(
        self,
        me: bytes = ME,
        *,
        origins: bool = False,
        delivers: bool = True,
        carries: bool = True,
        upload: UploadRate | None = None,
    ) -> None:
        self.now = 100.0
        self.core = Braid(
            me, PUBLISHER.id, PUBLISHER.key, BRAID,
            stripes=STRIPES, part_duration=PART, epoch=EPOCH, now=self.now,
            delivers=delivers, carries=carries, origins=origins, upload=upload,
        )  # fmt: skip
        self.done: list[Action] = []

    def act(self) -> None:
        while self.core.asks:
            for action in self.core.poll_actions():
                self.done.append(action)
                if isinstance(action, Verify) and self.checks:
                    genuine = verify(action.key, action.tag, action.data, action.signature)
                    self.core.verified(action.token, genuine, self.now)

    def tell(self, peer: bytes, *messages: wire.Message) -> None:
        """Messages from a neighbour."""
        for message in messages:
            self.core.received(peer, message, wire.encode(message), self.now)
            self.act()

    def link(self, *peers: bytes) -> None:
        for peer in peers:
            self.core.link_opened(peer, "viewer", self.now)
        self.act()

    def plan(self, *parents: bytes | None, sequence: int = 1, children: int = 32) -> None:
        self.core.plan(sequence, parents, (), children, self.now)
        self.act()

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.core.next_timer() <= end:
            self.now = max(self.now, self.core.next_timer())
            self.core.handle_timer(self.now)
            self.act()
        self.now = end

    def push(self, peer: bytes, numbers: range, stripes: range = range(STRIPES), size: int = 400) -> None:
        """`peer` pushes some stripes of some parts."""
        for number in numbers:
            for block in blocks(part(number, size)):
                if block.index % STRIPES in stripes:
                    self.tell(peer, block)

    def take(self, kind: type[A]) -> list[A]:
        """What was done of that kind since the last look; all else is forgotten."""
        found: list[A] = [action for action in self.done if isinstance(action, kind)]
        self.done = []
        return found

    def sent(self, kind: type[wire.Message]) -> list[tuple[bytes, wire.Message]]:
        """(peer, message) of that type sent since the last look."""
        found = [(action.peer, wire.decode(action.data)) for action in self.take(Send)]
        return [(peer, message) for peer, message in found if isinstance(message, kind)]


def status(
    *fed: int, newest: int = 0, path: tuple[bytes, ...] = (PUBLISHER.id[:4],), **changes: object
) -> wire.Status:
    """The STATUS of a neighbour that is fed those stripes."""
    stripes = tuple(wire.StripeStatus(s in fed, False, path if s in fed else ()) for s in range(STRIPES))
    usual = wire.Status(BRAID, EPOCH, newest, True, False, 8, stripes)
    return replace(usual, **changes)  # type: ignore[arg-type]
