"""Who is asked for which chat message, and who is asked next when no answer comes."""

from __future__ import annotations

from dataclasses import dataclass, field

QUIET = 3.0
"""Seconds, from the question or from the last answer of that peer, after which the next one is asked."""
PATIENCE = 30.0
"""Seconds after which the next peer is asked, however steadily other answers drip."""
MAX_TRIES = 4
"""Peers that are asked for one message."""
MAX_ASKED = 512
"""Messages that one peer is asked for at a time."""
MAX_IDS = 256
"""Ids in one message on a link."""


@dataclass(slots=True)
class _Want:
    holders: dict[bytes, None]
    """Peers that said that they have it."""
    needed: bool = False
    """Something waits for it: peers that did not say that they have it are asked too."""
    asked: dict[bytes, None] = field(default_factory=dict)
    peer: bytes | None = None
    """Who is being asked."""


@dataclass(slots=True)
class _Asked:
    progress: float
    """When the peer last sent something that it had been asked for."""
    at: dict[bytes, float] = field(default_factory=dict)
    """By id, oldest first: when it was asked."""


class Fetch:
    """Every wanted message is either asked of one peer, or given up: nothing waits without a time-out."""

    def __init__(self) -> None:
        self._links: dict[bytes, _Asked] = {}
        self._wants: dict[bytes, _Want] = {}
        self._questions: dict[bytes, list[bytes]] = {}
        self._given_up: list[bytes] = []

    def __contains__(self, message: bytes) -> bool:
        return message in self._wants

    def link_opened(self, peer: bytes, now: float) -> None:
        self._links[peer] = _Asked(now)

    def link_closed(self, peer: bytes, now: float) -> None:
        link = self._links.pop(peer, None)
        self._questions.pop(peer, None)
        if link is not None:
            for message in link.at:
                self._ask_next(message, now)

    def claimed(self, message: bytes, peer: bytes, now: float) -> None:
        """`peer` says that it has a message that is missing here."""
        want = self._wants.get(message)
        if want is not None:
            want.holders[peer] = None
            return
        self._wants[message] = _Want({peer: None})
        self._ask_next(message, now)

    def need(self, message: bytes, peer: bytes, now: float) -> None:
        """What `peer` sent follows a message that is missing here."""
        want = self._wants.get(message)
        if want is not None:
            want.needed = True
            want.holders[peer] = None
            return
        self._wants[message] = _Want({peer: None}, needed=True)
        self._ask_next(message, now)

    def arrived(self, message: bytes, peer: bytes, now: float) -> list[bytes]:
        """It came, from `peer`: ask nobody else. Returns the peers that are known to have it."""
        want = self._wants.pop(message, None)
        if want is None:
            return []
        self._forget_question(want, message)
        link = self._links.get(peer)
        if link is not None and peer in want.asked:
            link.progress = now
        return [holder for holder in want.holders if holder in self._links]

    def failed(self, message: bytes, peer: bytes, now: float) -> None:
        """What `peer` sent for it cannot be used: ask the next one."""
        want = self._wants.get(message)
        if want is None:
            return
        want.asked[peer] = None
        if want.peer == peer:
            self._forget_question(want, message)
            self._ask_next(message, now)

    def handle_timer(self, now: float) -> None:
        for link in list(self._links.values()):
            while link.at:
                message, asked = next(iter(link.at.items()))
                if now < self._deadline(link, asked):
                    break
                del link.at[message]
                self._ask_next(message, now)

    def next_timer(self) -> float | None:
        """When the first answer is overdue."""
        return min(
            (self._deadline(link, next(iter(link.at.values()))) for link in self._links.values() if link.at),
            default=None,
        )

    def poll_questions(self) -> list[tuple[bytes, tuple[bytes, ...]]]:
        """(peer, ids) of the questions to send, each small enough for one message."""
        questions = [
            (peer, tuple(ids[start : start + MAX_IDS]))
            for peer, ids in self._questions.items()
            for start in range(0, len(ids), MAX_IDS)
        ]
        self._questions = {}
        return questions

    def poll_given_up(self) -> list[bytes]:
        """Needed messages that nobody who was asked has sent."""
        given_up, self._given_up = self._given_up, []
        return given_up

    @staticmethod
    def _deadline(link: _Asked, asked: float) -> float:
        return min(max(asked, link.progress) + QUIET, asked + PATIENCE)

    def _forget_question(self, want: _Want, message: bytes) -> None:
        if want.peer is None:
            return
        link = self._links.get(want.peer)
        if link is not None:
            link.at.pop(message, None)
        ids = self._questions.get(want.peer)
        if ids is not None and message in ids:
            ids.remove(message)

    def _ask_next(self, message: bytes, now: float) -> None:
        want = self._wants[message]
        want.peer = self._candidate(want)
        if want.peer is None:
            del self._wants[message]
            if want.needed:
                self._given_up.append(message)
            return
        want.asked[want.peer] = None
        self._links[want.peer].at[message] = now
        self._questions.setdefault(want.peer, []).append(message)

    def _candidate(self, want: _Want) -> bytes | None:
        if len(want.asked) >= MAX_TRIES:
            return None
        peers = [*want.holders, *self._links] if want.needed else list(want.holders)
        for peer in peers:
            link = self._links.get(peer)
            if link is not None and peer not in want.asked and len(link.at) < MAX_ASKED:
                return peer
        return None
