"""Nothing counts before the publisher's signature over its seal: what waits for that, within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from peer.core.actions import Verify
from peer.seal import Seal
from peer.signing import TAG_SEAL

PENDING_PER_PEER = 16
PENDING = 256


@dataclass(slots=True)
class Waiting:
    """One seal whose signature is being checked, and the blocks that came with it."""

    seal: Seal
    raw: bytes
    source: bytes | None
    blocks: list[tuple[bytes, int, bytes]] = field(default_factory=list)
    """(peer, index, message); each has passed its Merkle proof against this seal's root."""
    whole: bytes | None = None
    """The part as an origin sent it."""

    def offer(self, peer: bytes, index: int, message: bytes) -> None:
        """Keep a block. Whoever sends one again and again does not crowd out those of others."""
        senders = [sender for sender, at, _ in self.blocks if at == index]
        if not senders or (peer not in senders and len(self.blocks) < 2 * self.seal.blocks):
            self.blocks.append((peer, index, message))


class Verifier:
    """Seals on their way through a signature check."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._by_raw: dict[bytes, int] = {}
        self._by_token: dict[int, Waiting] = {}
        self._token = 0

    def waiting(self, raw: bytes) -> Waiting | None:
        token = self._by_raw.get(raw)
        return None if token is None else self._by_token[token]

    def ask(self, seal: Seal, raw: bytes, source: bytes | None) -> tuple[Waiting, Verify] | None:
        """Begin a check, or None when too many already wait (in all, or from this source)."""
        if len(self._by_token) >= PENDING:
            return None
        if source is not None:
            mine = sum(1 for waiting in self._by_token.values() if waiting.source == source)
            if mine >= PENDING_PER_PEER:
                return None
        self._token += 1
        waiting = self._by_token[self._token] = Waiting(seal, raw, source)
        self._by_raw[raw] = self._token
        return waiting, Verify(self._token, self._key, TAG_SEAL, raw[:84], raw[84:])

    def settled(self) -> bool:
        """Whether nothing waits that an origin has sent."""
        return all(waiting.whole is None for waiting in self._by_token.values())

    def done(self, token: int) -> Waiting | None:
        """Take back what waited for `token`."""
        waiting = self._by_token.pop(token, None)
        if waiting is not None:
            del self._by_raw[waiting.raw]
        return waiting
