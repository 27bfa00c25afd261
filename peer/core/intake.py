"""The way in: every block is proved against its seal, and every seal against the publisher's key, first."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from peer.core.actions import Equivocation, Reject, Verify
from peer.core.counters import Counters
from peer.core.equivocations import Equivocations
from peer.core.verifier import Verifier, Waiting
from peer.core.window import Window, WindowPart
from peer.merkle import proofs, root, verify_proof
from peer.parity import belongs, rebuild
from peer.seal import MAX_STRIPES, PARITY, Seal, SealError, cut
from peer.wire import Block, encode

BYE_BAD_BLOCK = 2
COMPANIONS_AHEAD = 32
"""Parts past the newest of which parity is kept: its tree may be the shorter way."""


@dataclass(frozen=True, slots=True)
class Began:
    """A genuine seal of a newer epoch has come; the window was emptied for it."""


@dataclass(slots=True)
class Taken:
    """A verified block: `fresh` unless it was here already.

    `source` is None for the origin, ourselves, and what was rebuilt from parity. Parity is stripe number S.
    """

    seal: Seal
    stripe: int
    index: int
    message: bytes
    source: bytes | None
    fresh: bool


Proves = Callable[[int, int, bytes, Sequence[bytes], bytes], bool]
"""As `verify_proof`: whether a block is one of so many under a root."""
Outcome = Began | Taken | Verify | Reject | Equivocation


class Intake:
    """Fills the window with what proves genuine, and says what that was."""

    def __init__(
        self,
        key: bytes,
        braid: bytes,
        stripes: int,
        window: Window,
        counters: Counters,
        proves: Proves = verify_proof,
    ) -> None:
        self._verifier = Verifier(key)
        self._proves = proves
        self._braid = braid
        self._stripes = stripes
        self._window = window
        self._counters = counters
        self.equivocations = Equivocations()

    def block(self, peer: bytes, block: Block, raw: bytes, now: float) -> list[Outcome]:
        """A BLOCK from a link; `raw` is the whole message."""
        try:
            part = self._known(block.seal)
            seal = part.seal if part is not None else Seal.parse(block.seal)
        except SealError as error:
            return [self._reject(peer, str(error))]
        index = block.index
        # What the window has of a seal says that it is ours and not too old, but for how far parity is ahead.
        sure = part is not None and not seal.parity
        if index >= seal.blocks or not (sure or self._is_ours(seal)):
            return [self._reject(peer, "a block does not belong to this braid")]
        if not sure and self._too_old(seal):
            self._counters.late += 1
            return []
        if part is not None and part.messages[index] == raw:
            # A block has but one proof: the same bytes are as good as a hash.
            self._counters.duplicates += 1
            return [Taken(seal, self._stripe(seal, index), index, raw, peer, False)]
        fits = len(block.data) == seal.block_length(index)
        if not fits or not self._proves(index, seal.blocks, block.data, block.proof, seal.root):
            return [self._reject(peer, "a block does not match its seal")]
        if part is not None:
            return [self._keep(peer, seal, block.seal, index, raw, now), *self._mended(seal.number, now)]
        if block.seal in self.equivocations:
            return []
        out: list[Outcome] = []
        waiting = self._verifier.waiting(block.seal)
        if waiting is None:
            asked = self._verifier.ask(seal, block.seal, peer)
            if asked is None:
                return []
            waiting, verify = asked
            out.append(verify)
        waiting.offer(peer, index, raw)
        return out

    def whole(self, raw: bytes, data: bytes, now: float) -> list[Outcome]:
        """A part from the origin, `raw` being its seal: verified like any other."""
        self._counters.from_http += len(raw) + len(data)
        try:
            seal = Seal.parse(raw)
            blocks = cut(data, seal.stripes) if len(data) == seal.size else []
        except SealError:
            blocks, seal = [], None
        if (
            seal is None
            or seal.parity
            or not self._is_ours(seal)
            or len(blocks) != seal.blocks
            or root(blocks) != seal.root
        ):
            self._counters.blocks_rejected += max(1, len(blocks))
            return []
        if self._too_old(seal):
            self._counters.late += 1
            return []
        if self._known(raw) is not None:
            return self.own(seal, raw, data, now)
        waiting = self._verifier.waiting(raw)
        if waiting is not None:
            waiting.whole = data
            return []
        asked = self._verifier.ask(seal, raw, None)
        if asked is None:
            return []
        asked[0].whole = data
        return [asked[1]]

    def own(self, seal: Seal, raw: bytes, data: bytes, now: float) -> list[Outcome]:
        """A whole part whose seal is known to be genuine, such as the publisher's own."""
        out: list[Outcome] = []
        if seal.epoch > self._window.epoch:
            self._window.begin(seal.epoch)
            out.append(Began())
        part = self._window.like(seal)
        if part is not None and part.complete:
            self._counters.duplicates += seal.blocks
            return out
        blocks = cut(data, seal.stripes)
        for index, proof in enumerate(proofs(blocks)):
            if part is None or part.messages[index] is None:
                message = encode(Block(raw, index, proof, blocks[index]))
                out.append(self._keep(None, seal, raw, index, message, now))
        return out

    def settled(self) -> bool:
        """Whether all that the origin has sent was checked."""
        return self._verifier.settled()

    def verified(self, token: int, ok: bool, present: Container[bytes], now: float) -> list[Outcome]:
        """The answer to `Verify`; blocks of peers that are not `present` any more are dropped."""
        waiting = self._verifier.done(token)
        if waiting is None:
            return []
        if ok:
            return self._genuine(waiting, present, now)
        if waiting.whole is not None:
            self._counters.blocks_rejected += waiting.seal.blocks
        senders = {peer: None for peer, _, _ in waiting.blocks}
        return [self._reject(peer, "a seal was not signed by the publisher") for peer in senders]

    def _genuine(self, waiting: Waiting, present: Container[bytes], now: float) -> list[Outcome]:
        seal, raw = waiting.seal, waiting.raw
        out: list[Outcome] = []
        if seal.epoch > self._window.epoch:
            self._window.begin(seal.epoch)
            out.append(Began())
        if self._too_old(seal):
            self._counters.late += 1
            return out
        known = self._window.like(seal)
        if known is not None and known.raw != raw:
            # Two genuine seals for one part: the publisher equivocates. The first stands.
            self._counters.equivocations += 1
            out += self.equivocations.found(known.raw, raw)
            return out
        for peer, index, message in waiting.blocks:
            if peer in present:
                out.append(self._keep(peer, seal, raw, index, message, now))
        if waiting.whole is not None:
            out += self.own(seal, raw, waiting.whole, now)
        return out + self._mended(seal.number, now)

    def _mended(self, number: int, now: float) -> list[Outcome]:
        """Rebuild what a part lacks if its parity is enough; it is then as good as what came."""
        part, companion = self._window.get(number), self._window.companion(number)
        if part is None or part.complete or companion is None or companion.spoilt:
            return []
        if part.seal.blocks - part.held > companion.held:
            return []
        rebuilt = None
        if belongs(companion.seal, part.seal):
            rebuilt = rebuild(part.seal, part.payloads(), companion.payloads())
        if rebuilt is None:
            companion.spoilt = True
            return []
        self._counters.rebuilt += len(rebuilt)
        return [
            self._keep(None, part.seal, part.raw, index, encode(Block(part.raw, index, proof, data)), now)
            for index, (data, proof) in rebuilt.items()
        ]

    def _is_ours(self, seal: Seal) -> bool:
        """Of this braid, and cut as it should be."""
        if seal.braid != self._braid:
            return False
        if seal.parity:
            return seal.stripes == 1 and self._stripes < MAX_STRIPES
        return seal.stripes == self._stripes

    def _stripe(self, seal: Seal, index: int) -> int:
        return self._stripes if seal.parity else index % self._stripes

    def _known(self, raw: bytes) -> WindowPart | None:
        """The part of the window that has exactly this seal: its signature was checked before."""
        number = int.from_bytes(raw[17:21], "big")
        part = self._window.companion(number) if raw[1] & PARITY else self._window.get(number)
        return part if part is not None and part.raw == raw else None

    def _too_old(self, seal: Seal) -> bool:
        if seal.epoch != self._window.epoch:
            return seal.epoch < self._window.epoch
        ahead = seal.parity and seal.number > self._window.newest + COMPANIONS_AHEAD
        return ahead or seal.number < self._window.oldest

    def _keep(
        self, peer: bytes | None, seal: Seal, raw: bytes, index: int, message: bytes, now: float
    ) -> Taken:
        part = self._window.open(seal, raw, now)
        fresh = self._window.add(part, index, message)
        if not fresh:
            self._counters.duplicates += 1
        return Taken(seal, self._stripe(seal, index), index, message, peer, fresh)

    def _reject(self, peer: bytes, sentence: str) -> Reject:
        self._counters.blocks_rejected += 1
        return Reject(peer, BYE_BAD_BLOCK, sentence)
