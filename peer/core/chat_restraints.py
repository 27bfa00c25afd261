"""Which messages the measures of a room hold back: a function of both, in whatever order they came."""

from __future__ import annotations

from collections.abc import Callable

from peer.core.chat_acts import Delete
from peer.core.chat_message import Place, SignedMessage
from signaling.chat_header import MAX_FOLLOWS, TEXT
from signaling.checkpoint import Checkpoint
from signaling.measures import Measure
from signaling.moderation import BANNED, Force, Moderation, Rule, Standing, locked_for


class Reach:
    """The messages in memory that stand before a rule: those that it names, and all that these follow."""

    def __init__(self, ends: tuple[bytes, ...], clock: int) -> None:
        self.ids: set[bytes] = set()
        self.clock = clock
        """The greatest that what is not in memory may have."""
        self._missing = set(ends)

    def extend(self, message: SignedMessage, get: Callable[[bytes], SignedMessage | None]) -> bool:
        """A message is in memory now. Returns whether it stands before the rule."""
        if message.id not in self._missing:
            return False
        self._missing.discard(message.id)
        self.ids.add(message.id)
        waiting = [message]
        for reached in waiting:  # grows while it is walked through
            for id in reached.header.follows:
                known = get(id)
                if known is None:
                    self._missing.add(id)
                elif id not in self.ids:
                    self.ids.add(id)
                    waiting.append(known)
        return True

    def walk(self, get: Callable[[bytes], SignedMessage | None]) -> None:
        """Find what is in memory."""
        for id in list(self._missing):
            known = get(id)
            if known is not None:
                self.extend(known, get)

    def left(self, id: bytes) -> None:
        """It is not in memory any more."""
        self.ids.discard(id)


class Restraints:
    """What is held back in a room with that owner (a key); nothing where nobody knows who owns it."""

    def __init__(
        self,
        owner: bytes | None,
        get: Callable[[bytes], SignedMessage | None],
        previous: Callable[[SignedMessage], SignedMessage | None],
    ) -> None:
        self.moderation = None if owner is None else Moderation(owner)
        self._get = get
        self._previous = previous
        self._reaches: dict[bytes, Reach] = {}

    def unknown(self, message: SignedMessage) -> list[bytes]:
        """The measures that its author knew and that are not here; a checkpoint counts without them."""
        if self.moderation is None or isinstance(message.measure, Checkpoint):
            return []
        return self.moderation.unknown(message.after)

    @property
    def settled(self) -> Place | None:
        """Up to where a checkpoint settles the log, if one does."""
        return None if self.moderation is None else self.moderation.settled

    def settles(self, message: SignedMessage) -> bool:
        """Whether a message is out, being before the checkpoint that is in force."""
        return self.moderation is not None and self.moderation.settles(message.place)

    def is_settled(self, id: bytes) -> bool:
        """Whether nobody waits for that message, as a checkpoint tells of it."""
        return self.moderation is not None and self.moderation.is_settled(id)

    def is_measure(self, message: SignedMessage) -> bool:
        """Whether it counts by its own standing, and not by that of what it follows."""
        return self.moderation is not None and message.measure is not None

    def take(self, message: SignedMessage) -> str | None:
        """Let a measure be in force. Returns why it is not."""
        if self.moderation is None or message.measure is None:
            return None
        header, measure = message.header, message.measure
        sentence = self.moderation.take(message.id, header.author, header.clock, header.time, measure)
        if sentence is None:
            self._begin(message.id, header.clock, header.follows, measure)
            self._reaches = {id: reach for id, reach in self._reaches.items() if id in self.moderation}
        return sentence

    def _begin(self, id: bytes, clock: int, follows: tuple[bytes, ...], measure: Measure) -> None:
        if measure.verb in ("ban", "mute"):
            reach = Reach(tuple(id for _, id in measure.last), max((at for at, _ in measure.last), default=0))
        elif measure.verb in ("lock", "slow"):
            reach = Reach(follows, clock - 1)
        elif measure.verb == "checkpoint":
            reach = Reach((), 0)  # what stands before what it says is out
        else:
            return
        self._reaches[id] = reach
        reach.walk(self._get)

    def added(self, message: SignedMessage) -> bool:
        """A message is in memory. Returns whether others may be seen in another light because of it."""
        grown = [reach.extend(message, self._get) for reach in self._reaches.values()]
        return any(grown)

    def removed(self, message: SignedMessage) -> None:
        """It is not in memory any more."""
        for reach in self._reaches.values():
            reach.left(message.id)

    def is_invalid(self, message: SignedMessage) -> bool:
        """Whether its author knew of a ban on itself: then it does not count at all.

        That is computed from what the message names, and from nothing that came later. Where some of that is
        not here, nobody can tell: then it is hidden by the ban.
        """
        if self.moderation is None or not message.after or self.unknown(message):
            return False
        return self.moderation.state(self.moderation.past(message.after)).is_banned(message.header.author)

    def is_banned(self, key: bytes) -> bool:
        """Whether that author is banned by all that is known."""
        return self.moderation is not None and self.moderation.state().is_banned(key)

    def is_erased(self, message: SignedMessage) -> bool:
        """Whether the owner has deleted it: nobody keeps its words."""
        owner = None if self.moderation is None else self.moderation.owner
        return any(rule.author == owner for rule in self._deletes(message))

    def deletes(self, message: SignedMessage) -> tuple[bytes, bytes | None]:
        """Whose words (a key) a message takes away for good, and in which message; None where it does not."""
        author, act, measure = message.header.author, message.act, message.measure
        if isinstance(act, Delete):
            return author, act.target
        owner = None if self.moderation is None else self.moderation.owner
        if measure is not None and measure.verb == "delete" and author == owner:
            return measure.subject or b"", measure.target
        return author, None

    def hides(self, message: SignedMessage) -> bool:
        """Whether it is held back: it stays in the log, and is not shown."""
        moderation, author = self.moderation, message.header.author
        if moderation is None or not len(moderation) or author == moderation.owner:
            return False
        if self._deletes(message):
            return True
        state, known = moderation.state(), moderation.past(message.after)
        forces = [*state.bans.get(author, ()), *state.mutes.get(author, ())]
        standing = moderation.standing(author)
        if standing < Standing.MODERATOR:
            forces += [force for force in state.locks if standing < locked_for(force.rule)]
        if any(self._holds(force, message, known) for force in forces):
            return True
        if standing >= Standing.MODERATOR or message.header.kind != TEXT:
            return False
        slows = [force for force in state.slows if self._holds(force, message, known)]
        return self._too_soon(message, max((force.rule.measure.seconds for force in slows), default=0))

    def _deletes(self, message: SignedMessage) -> list[Rule]:
        if self.moderation is None:
            return []
        deletes = self.moderation.state().deletes.get(message.id, ())
        return [rule for rule in deletes if rule.measure.subject == message.header.author]

    def _holds(self, force: Force, message: SignedMessage, known: int) -> bool:
        """Whether a rule is about a message: neither did it stand before, nor know that it was ended."""
        if force.ends & known:
            return False
        reach = self._reaches[force.rule.id]
        if self._get(message.id) is None:  # it is shown on a page of the past
            return message.header.clock > reach.clock
        return message.id not in reach.ids

    def _too_soon(self, message: SignedMessage, seconds: int) -> bool:
        previous = self._previous(message) if seconds else None
        return previous is not None and message.header.time < previous.header.time + 1000 * seconds

    def silenced(self, key: bytes) -> str | None:
        """Why that author cannot say anything now."""
        if self.moderation is None or key == self.moderation.owner:
            return None
        state = self.moderation.state()
        if state.is_banned(key):
            return BANNED
        if state.is_muted(key):
            return "You are muted in this room: nobody would see what you write."
        if self.moderation.standing(key) < state.least:
            who = "moderators" if state.least == Standing.MODERATOR else "members and moderators"
            return f"The room is locked: only {who} may write."
        return None

    def slowness(self, key: bytes) -> int:
        """Seconds between two messages of that author."""
        if self.moderation is None or self.moderation.standing(key) >= Standing.MODERATOR:
            return 0
        return self.moderation.state().seconds


def last_of(
    key: bytes, messages: list[SignedMessage], get: Callable[[bytes], SignedMessage | None]
) -> tuple[tuple[int, bytes], ...]:
    """The last messages of that author among these (in order), one of each branch, at most 8."""
    covered: set[bytes] = set()
    found: list[tuple[int, bytes]] = []
    for message in reversed(messages):
        if message.header.author == key and message.id not in covered and len(found) < MAX_FOLLOWS:
            found.append((message.header.clock, message.id))
            reach = Reach((message.id,), 0)
            reach.walk(get)
            covered |= reach.ids
    return tuple(found)
