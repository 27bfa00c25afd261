"""The bounded tables of a link set: the peers that it knows, and the connection ids that it has seen."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from peer.core.link_actions import Introduction

KNOWN_PEERS = 512
SEEN_CONNECTIONS = 1024
RETRY_DELAY = 0.5


class State(enum.Enum):
    ABSENT = "absent"
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    OPEN = "open"
    UNREACHABLE = "unreachable"


_HOLDS_PLACE = frozenset({State.OFFERED, State.ACCEPTED, State.OPEN})


@dataclass(slots=True)
class KnownPeer:
    """What a link set knows of one other peer. Times are seconds on the shell's monotonic clock."""

    id: bytes
    introduction: Introduction | None = None
    purposes: set[str] = field(default_factory=set)
    state: State = State.ABSENT
    connection: bytes = b""
    outgoing: bool = False
    answered: bool = False
    expelled: bool = False
    attempts: int = 0
    due: float = 0.0  # WAITING: connect; OFFERED, ACCEPTED: give up; UNREACHABLE: try again
    opened_at: float = 0.0
    heard_at: float = 0.0
    used_at: float = 0.0
    ping_at: float = 0.0
    quiet: bool = False

    @property
    def holds_place(self) -> bool:
        return self.state in _HOLDS_PLACE

    @property
    def feeds(self) -> bool:
        """Whether a braid wants this link; such a one goes before one that only a neighbourhood wants."""
        return any(purpose.startswith("braid:") for purpose in self.purposes)


class KnownPeers:
    """At most KNOWN_PEERS others; the oldest that is neither wanted nor linked makes room for a new one."""

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._peers: dict[bytes, KnownPeer] = {}
        self.get: Callable[[bytes], KnownPeer | None] = self._peers.get

    def __iter__(self) -> Iterator[KnownPeer]:
        return iter(self._peers.values())

    def know(self, peer: bytes) -> KnownPeer | None:
        """The entry of `peer`, made if need be; None for oneself and when every place is needed."""
        known = self._peers.get(peer)
        if known is not None or peer == self._own:
            return known
        if len(self._peers) >= KNOWN_PEERS and not self._forget_one():
            return None
        known = self._peers[peer] = KnownPeer(peer)
        return known

    def holding(self, peer: bytes, connection: bytes) -> KnownPeer | None:
        """The entry of `peer` if `connection` is the one that is open or being made with it."""
        known = self._peers.get(peer)
        return known if known is not None and known.holds_place and known.connection == connection else None

    def places_taken(self) -> int:
        return sum(known.holds_place for known in self._peers.values())

    def _forget_one(self) -> bool:
        for known in self._peers.values():
            if known.state is State.ABSENT and not known.purposes:
                del self._peers[known.id]
                return True
        return False


def retry_delay(attempts: int, chance: float) -> float:
    """Seconds to wait after so many failed attempts: doubled each time, times 0.5 to 1.5."""
    return RETRY_DELAY * 2.0 ** (attempts - 1) * (0.5 + chance)


class SeenConnections:
    """The latest SEEN_CONNECTIONS connection ids: each is accepted once."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def __contains__(self, connection: bytes) -> bool:
        return connection in self._seen

    def add(self, connection: bytes) -> None:
        if len(self._seen) >= SEEN_CONNECTIONS:
            del self._seen[next(iter(self._seen))]
        self._seen[connection] = None

    def new(self, chance: Callable[[], float]) -> bytes:
        """A connection id of our own; nobody may offer it back to us."""
        high, low = int(chance() * 2**32), int(chance() * 2**32)
        connection = high.to_bytes(4, "big") + low.to_bytes(4, "big")
        self.add(connection)
        return connection
