"""What a chat log allows itself and others, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass

KEPT_BEHIND = 200
"""Messages that a checkpoint leaves, where its maker says nothing else."""


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """What one log allows itself and others. Rates are (at once, a second after that)."""

    messages: int = 5_000
    bytes: int = 16 * 1024 * 1024
    waiting: int = 4_096
    waiting_bytes: int = 8 * 1024 * 1024
    peer_waiting: int = 1_024
    peer_waiting_bytes: int = 1024 * 1024
    clock_ahead: int = 1_000_000
    newest: int = 200
    """How many ids are told to a newcomer, and in a page."""
    own: tuple[float, float] = (20, 2)
    author: tuple[float, float] = (60, 4)
    """Above an author's own rate, because links bunch what they carry."""
    author_history: tuple[float, float] = (1_000, 4)
    """For messages that were asked for."""
    banned: tuple[float, float] = (60, 0.1)
    """For messages of authors who are banned by now: what they said before may still come."""
    link: tuple[float, float] = (400, 100)
    answers: tuple[float, float] = (1024 * 1024, 256 * 1024)
    """Bytes that one peer is sent from the log."""
    lookups: tuple[float, float] = (40, 25)
    """Questions to the store that what one peer says leads to."""
    comparisons: tuple[float, float] = (16, 0.5)
    """Messages of one peer that compare logs."""
    compare_again: tuple[int, float] = (8, 15.0)
    """How often what was too much to be told is looked for again over a link, and after how many seconds."""
    compared: int = 131_072
    """Messages that are compared: the last ones."""
    owed: int = 512
    """Answers that wait for that rate, for one peer."""
    settling: float = 10.0
    """Seconds in which a newcomer takes what it is told as the beginning."""
    announce_after: float = 0.05
    feeders: int = 4
    """Links that may bring the same message: copies cost a small room nothing, and the first one counts."""
    crowd: int = 100
    """People in a room from whom on a message is to come by one link alone, and the tree has a root."""
    news_after: float = 0.02
    """Seconds in which what is to be told of as new is gathered."""
    graft_after: float = 0.06
    """Seconds for which something new that was told of may still come along the tree."""
    graft_again: float = 0.15
    """Seconds after which the next teller is asked for it."""
    wave_every: float = 1.5
    """Seconds between two waves of a root."""
    wave_lost: float = 5.0
    """Seconds without a wave after which its root is gone."""
    wave_settles: float = 0.1
    """Seconds for which a wave may take longer over the parent than over others."""
    waves: tuple[float, float] = (16, 1)
    """What one peer may say of waves."""
    idle: int = 2
    """Messages that had to be asked for, one after the other, from which on a parent is no use."""
    shunned: float = 10.0
    """Seconds for which it is not taken again."""
    remembered: int = 1_024
    """Ids of refused and of absent messages, each."""


@dataclass(slots=True)
class ChatCounters:
    """Monotonic counts of messages that came over links."""

    accepted: int = 0
    duplicates: int = 0
    malformed: int = 0
    """Wrong form, room or body: the link was ended."""
    forged: int = 0
    """Wrong signature: the link was ended."""
    ahead: int = 0
    """A clock far beyond all others."""
    misplaced: int = 0
    """A clock that does not fit the followed messages."""
    too_fast: int = 0
    """Above the rate of its author or of the link."""
    overflow: int = 0
    """No room to wait in."""
    too_old: int = 0
    """Before everything that is kept."""
    bodiless: int = 0
    unauthorised: int = 0
    """Measures of people without the standing for them, and messages that follow their author's ban."""
    absent: int = 0
    """Followed messages that nobody sent."""
