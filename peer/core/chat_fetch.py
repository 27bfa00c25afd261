"""Who is asked for which chat message, and who is asked next when no answer comes."""

from __future__ import annotations

from dataclasses import dataclass, field

QUIET = 3.0
"""Seconds, from the question or from the last answer of that peer, after which the next one is asked."""
PATIENCE = 30.0
"""Seconds after which the next peer is asked, however steadily other answers drip."""
MAX_GUESSES = 4
"""Peers that are asked for one message without having said that they have it."""
MAX_TRIES = 32
"""Questions for one message, whatever peers say that they have."""
MAX_ASKED = 512
"""Messages that one peer is asked for at a time."""
MAX_IDS = 256
"""Ids in one message on a link."""


@dataclass(slots=True)
class _Want:
    sources: dict[bytes, bool]
    """Peers to ask; True for those that said that they have it, False for those that should."""
    needed: bool = False
    """Something waits for it: peers that did not say that they have it are asked too."""
    asked: set[bytes] = field(default_factory=set)
    """Who was asked, and is not to be asked again."""
    peer: bytes = b""
    """Who is being asked."""
    guesses: int = 0
    tries: int = 0


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
                self._wants[message].asked.discard(peer)  # another link to it may bring the answer
                self._ask_next(message, now)

    def claimed(self, message: bytes, peer: bytes, now: float) -> None:
        """`peer` says that it has a message that is missing here."""
        want = self._wants.get(message)
        if want is not None:
            want.sources[peer] = True
            want.asked.discard(peer)  # it may not have had it yet when it was asked
            if not want.sources.get(want.peer, False):  # that was a guess
                self._forget_question(want, message)
                self._ask_next(message, now)
            return
        self._wants[message] = _Want({peer: True})
        self._ask_next(message, now)

    def need(self, message: bytes, peer: bytes, now: float) -> None:
        """What `peer` sent follows a message that is missing here."""
        want = self._wants.get(message)
        if want is not None:
            want.needed = True
            want.sources.setdefault(peer, False)
            return
        self._wants[message] = _Want({peer: False}, needed=True)
        self._ask_next(message, now)

    def arrived(self, message: bytes, peer: bytes, now: float) -> list[bytes]:
        """It came, from `peer`: ask nobody else. Returns the peers that said that they have it."""
        want = self._wants.pop(message, None)
        if want is None:
            return []
        self._forget_question(want, message)
        link = self._links.get(peer)
        if link is not None and peer in want.asked:
            link.progress = now
        return [source for source, has in want.sources.items() if has and source in self._links]

    def failed(self, message: bytes, peer: bytes, now: float) -> None:
        """What `peer` sent for it cannot be used: ask the next one, whether it said that it has it or not."""
        want = self._wants.get(message)
        if want is None:
            return
        want.needed = True
        want.asked.add(peer)
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
        del self._links[want.peer].at[message]
        ids = self._questions.get(want.peer)
        if ids is not None and message in ids:
            ids.remove(message)

    def _ask_next(self, message: bytes, now: float) -> None:
        want = self._wants[message]
        peer = self._candidate(want)
        if peer is None:
            del self._wants[message]
            if want.needed:
                self._given_up.append(message)
            return
        want.peer = peer
        want.asked.add(peer)
        want.tries += 1
        self._links[peer].at[message] = now
        self._questions.setdefault(peer, []).append(message)

    def _candidate(self, want: _Want) -> bytes | None:
        if want.tries == MAX_TRIES:
            return None
        for peer, has in want.sources.items():
            if has and self._can_be_asked(peer, want):
                return peer
        if want.needed and want.guesses < MAX_GUESSES:
            for peer in (*want.sources, *self._links):
                if self._can_be_asked(peer, want):
                    want.guesses += 1
                    return peer
        return None

    def _can_be_asked(self, peer: bytes, want: _Want) -> bool:
        link = self._links.get(peer)
        return link is not None and peer not in want.asked and len(link.at) < MAX_ASKED
