"""Chat messages on their way in: their signature is being checked, or they wait for what they follow."""

from __future__ import annotations

from dataclasses import dataclass, field

from peer.core.chat_message import SignedMessage


@dataclass(slots=True)
class Waiting:
    """A message that is not accepted yet."""

    message: SignedMessage
    source: bytes
    """Who sent it first."""
    holders: dict[bytes, None]
    """The peers that have it, so that it is not sent to them."""
    asked_for: bool
    """It came as an answer, not unasked."""
    token: int
    """Of the check of its signature."""
    missing: dict[bytes, None] = field(default_factory=dict)
    clocks: dict[bytes, int] = field(default_factory=dict)
    """Of followed messages that are not in memory, by id."""


class Pending:
    """Waiting messages, bounded by count and bytes in all and for each peer that sent them."""

    def __init__(self, messages: int, size: int, peer_messages: int, peer_size: int) -> None:
        self._limit = (messages, size)
        self._peer_limit = (peer_messages, peer_size)
        self._load = (0, 0)
        self._loads: dict[bytes, tuple[int, int]] = {}
        self._by_id: dict[bytes, Waiting] = {}
        self._by_token: dict[int, bytes] = {}
        self._followers: dict[bytes, dict[bytes, None]] = {}

    def __contains__(self, message: bytes) -> bool:
        return message in self._by_id

    def get(self, message: bytes) -> Waiting | None:
        return self._by_id.get(message)

    def by_token(self, token: int) -> Waiting | None:
        """The message whose signature is checked under this number."""
        message = self._by_token.pop(token, None)
        return self._by_id.get(message) if message is not None else None

    def add(self, waiting: Waiting) -> bool:
        """False when there is no room for it."""
        size = waiting.message.size
        load = _plus(self._load, 1, size)
        peer_load = _plus(self._loads.get(waiting.source, (0, 0)), 1, size)
        if _over(load, self._limit) or _over(peer_load, self._peer_limit):
            return False
        self._load = load
        self._loads[waiting.source] = peer_load
        self._by_id[waiting.message.id] = waiting
        self._by_token[waiting.token] = waiting.message.id
        return True

    def remove(self, waiting: Waiting) -> None:
        """It waits for nothing any more: it is accepted, or out."""
        del self._by_id[waiting.message.id]
        self._by_token.pop(waiting.token, None)
        size = waiting.message.size
        self._load = _plus(self._load, -1, -size)
        load = _plus(self._loads[waiting.source], -1, -size)
        if load[0]:
            self._loads[waiting.source] = load
        else:
            del self._loads[waiting.source]

    def link_closed(self, peer: bytes) -> None:
        """What `peer` has by now is not known: it may have started again without anything."""
        for waiting in self._by_id.values():
            waiting.holders.pop(peer, None)

    def wait_for(self, waiting: Waiting, missing: list[bytes]) -> None:
        """Let it wait until `found` was called for each of `missing`."""
        for followed in missing:
            waiting.missing[followed] = None
            self._followers.setdefault(followed, {})[waiting.message.id] = None

    def awaited(self, message: bytes) -> list[Waiting]:
        """What waits for `message`."""
        return [self._by_id[follower] for follower in self._followers.get(message, {})]

    def found(self, message: bytes) -> list[Waiting]:
        """`message` need not be waited for any longer: returns what now waits for nothing."""
        ready = []
        for follower in self._followers.pop(message, {}):
            waiting = self._by_id[follower]
            del waiting.missing[message]
            if not waiting.missing:
                ready.append(waiting)
        return ready


def _plus(load: tuple[int, int], messages: int, size: int) -> tuple[int, int]:
    return (load[0] + messages, load[1] + size)


def _over(load: tuple[int, int], limit: tuple[int, int]) -> bool:
    return load[0] > limit[0] or load[1] > limit[1]
