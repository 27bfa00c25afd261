"""Who may do what in a room, and what was done: the same for whoever has the same measures.

A measure counts by the measures that its author knew (its past) and by those that take its author's standing
away. All that is told of a room is computed from a set of measures, whatever the order in which they came.
Sets of measures are bits of an integer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from signaling.measures import MAX_AFTER, Measure

MAX_MEASURES = 1_024
MAX_OF_MODERATOR = 256
"""Measures of one author other than the owner: whoever was a moderator once cannot fill the room."""

BANNED = "You are banned from this room."
KICKED = "You were removed from this room: come back in ten minutes."
"""What peers and introducers say to those whom a measure keeps out."""

REMEMBERED = 64
"""States that are kept: most messages know the same measures."""
LIFTS = {"unmute": "mute", "unban": "ban", "unlock": "lock"}
ENDING = frozenset({*LIFTS, "slow", "grant"})


class Standing(IntEnum):
    """What somebody is in a room."""

    GUEST = 0
    MEMBER = 1
    MODERATOR = 2
    OWNER = 3


ROLES = {"member": Standing.MEMBER, "moderator": Standing.MODERATOR}


@dataclass(frozen=True, slots=True)
class Rule:
    """A measure that was taken; `author` is a key, `place` where its message stands, `time` its author's."""

    id: bytes
    author: bytes
    clock: int
    time: int
    measure: Measure
    number: int
    past: int
    """The measures that its author knew, as bits."""

    @property
    def place(self) -> tuple[int, bytes, bytes]:
        return (self.clock, self.author, self.id)


@dataclass(frozen=True, slots=True)
class Force:
    """A rule that counts; `ends` are the measures that count and end it, as bits."""

    rule: Rule
    ends: int


@dataclass(frozen=True, slots=True)
class State:
    """What a set of measures makes of a room; rules are in the order of places, ended ones among them."""

    moderators: frozenset[bytes]
    members: frozenset[bytes]
    bans: dict[bytes, list[Force]]
    mutes: dict[bytes, list[Force]]
    locks: list[Force]
    slows: list[Force]
    deletes: dict[bytes, list[Rule]]
    """By the message."""

    def is_banned(self, key: bytes) -> bool:
        return any(not force.ends for force in self.bans.get(key, ()))

    def is_muted(self, key: bytes) -> bool:
        return any(not force.ends for force in self.mutes.get(key, ()))

    @property
    def banned(self) -> list[bytes]:
        """Keys."""
        return [key for key in self.bans if self.is_banned(key)]

    @property
    def seconds(self) -> int:
        """Between two messages of one author, in slow mode."""
        return max((force.rule.measure.seconds for force in self.slows if not force.ends), default=0)

    @property
    def least(self) -> Standing:
        """Who may speak at least."""
        return max((locked_for(force.rule) for force in self.locks if not force.ends), default=Standing.GUEST)


class Moderation:
    """The measures of a room whose owner has that key."""

    def __init__(self, owner: bytes, most: int = MAX_MEASURES, most_of_one: int = MAX_OF_MODERATOR) -> None:
        self.owner = owner
        self._most = (most, most_of_one)
        self._rules: list[Rule] = []
        self._by_id: dict[bytes, Rule] = {}
        self._known: dict[int, State] = {}
        self._appointments: dict[bytes, list[Rule]] = {}
        self._dismissals: dict[bytes, list[Rule]] = {}
        """What the owner did to the standing of moderators, by key."""

    def __contains__(self, id: bytes) -> bool:
        return id in self._by_id

    def __iter__(self) -> Iterator[Rule]:
        """In the order that is the same for everybody."""
        return iter(sorted(self._rules, key=lambda rule: rule.place))

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def all(self) -> int:
        """All that is known, as bits."""
        return (1 << len(self._rules)) - 1

    def get(self, id: bytes) -> Rule | None:
        return self._by_id.get(id)

    def unknown(self, after: tuple[bytes, ...]) -> list[bytes]:
        """Those of these that are not here."""
        return [id for id in after if id not in self._by_id]

    def past(self, after: tuple[bytes, ...]) -> int:
        """Those of these that are here and all that they come after, as bits."""
        bits = 0
        for id in after:
            rule = self._by_id.get(id)
            if rule is not None:
                bits |= rule.past | 1 << rule.number
        return bits

    def heads(self) -> tuple[bytes, ...]:
        """The measures that none comes after: whoever names them knows all. The last ones, at most 8."""
        followed = 0
        for rule in self._rules:
            followed |= rule.past
        heads = [rule for rule in self if not followed >> rule.number & 1]
        return tuple(rule.id for rule in heads[-MAX_AFTER:])

    # Taking measures

    def objection(self, author: bytes, measure: Measure, clock: int | None = None) -> str | None:
        """Why that author may not do that, knowing what the measure comes after; None if it may."""
        past = self.past(measure.after)
        standing = self.standing(author, past)
        if standing < Standing.MODERATOR:
            return "Only the owner of the room and its moderators can do that."
        if clock is not None and any(self._by_id[id].clock >= clock for id in measure.after if id in self):
            return "A measure stands behind those that it comes after."
        if measure.subject == self.owner:
            return "Nothing can be done to the owner of the room."
        if standing == Standing.OWNER:
            return None
        if measure.role == "moderator" and measure.verb in ("grant", "revoke"):
            return "Only the owner of the room appoints and dismisses moderators."
        other = measure.subject if measure.subject != author else None
        if other is not None and self.standing(other, past) >= Standing.MODERATOR:
            return "Only the owner of the room can do that to a moderator."
        return None

    def take(self, id: bytes, author: bytes, clock: int, time: int, measure: Measure) -> str | None:
        """Add a measure that is signed by its author. Returns why it is refused, None if it was taken."""
        sentence = self.objection(author, measure, clock)
        if sentence is not None:
            return sentence
        most, most_of_one = self._most
        if author != self.owner and sum(rule.author == author for rule in self._rules) >= most_of_one:
            return "That is more than one moderator may do in a room."
        if len(self._rules) >= most:
            return "That is more than can be done in a room."
        rule = Rule(id, author, clock, time, measure, len(self._rules), self.past(measure.after))
        self._rules.append(rule)
        self._by_id[id] = rule
        self._known.clear()
        if author == self.owner and measure.subject is not None:
            if (measure.verb, measure.role) == ("grant", "moderator"):
                self._appointments.setdefault(measure.subject, []).append(rule)
            elif measure.verb == "ban" or (measure.verb, measure.role) == ("revoke", "moderator"):
                self._dismissals.setdefault(measure.subject, []).append(rule)
        return None

    # What counts, given the measures of a set

    def counts(self, rule: Rule, given: int) -> bool:
        """Whether its author had standing, and has not lost it to something that did not know of this."""
        if rule.author == self.owner:
            return True
        dismissals = _among(self._dismissals, rule.author, given)
        return any(
            all(lost.past >> rule.number & 1 for lost in dismissals if lost.past >> grant.number & 1)
            for grant in _among(self._appointments, rule.author, given & rule.past)
        )

    def standing(self, key: bytes, given: int | None = None) -> Standing:
        """What that key is, by a set of measures or by all that is known."""
        if key == self.owner:
            return Standing.OWNER
        state = self.state(given)
        if key in state.moderators:
            return Standing.MODERATOR
        return Standing.MEMBER if key in state.members else Standing.GUEST

    def state(self, given: int | None = None) -> State:
        """What a set of measures makes of the room: all that is known if none is given."""
        given = self.all if given is None else given
        known = self._known.get(given)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[given] = self._state(given)
        return known

    def _state(self, given: int) -> State:
        rules = sorted(
            (rule for rule in self._of(given) if self.counts(rule, given)), key=lambda rule: rule.place
        )
        granted = {rule.measure.subject for rule in rules if rule.measure.verb == "grant"}
        moderators = frozenset(key for key in granted if key is not None and self._is_moderator(key, given))
        state = State(moderators, frozenset(_members(rules)), {}, {}, [], [], {})
        ending: dict[bytes | None, list[Rule]] = {}
        for rule in rules:
            if rule.measure.verb in ENDING:
                ending.setdefault(rule.measure.subject, []).append(rule)
        for rule in rules:
            subject = rule.measure.subject
            if rule.author != self.owner and subject in moderators and subject != rule.author:
                continue  # nobody but the owner can do anything to those
            ends = (1 << later.number for later in ending.get(subject, ()) if _ends(later, rule))
            _put(state, Force(rule, sum(ends)))
        return state

    def _is_moderator(self, key: bytes, given: int) -> bool:
        dismissals = _among(self._dismissals, key, given)
        return any(
            not any(lost.past >> grant.number & 1 for lost in dismissals)
            for grant in _among(self._appointments, key, given)
        )

    def _of(self, given: int) -> Iterator[Rule]:
        return (rule for rule in self._rules if given >> rule.number & 1)


def _among(rules: dict[bytes, list[Rule]], key: bytes, given: int) -> list[Rule]:
    return [rule for rule in rules.get(key, ()) if given >> rule.number & 1]


def locked_for(lock: Rule) -> Standing:
    """Who may speak at least in a room with that lock."""
    return ROLES[lock.measure.role or "moderator"]


def _ends(later: Rule, rule: Rule) -> bool:
    """Whether `later`, about the same subject, knew of the rule and ends it."""
    verb, before = later.measure.verb, rule.measure.verb
    appoints = verb == "grant" and later.measure.role == "moderator"
    ends = LIFTS.get(verb) == before or verb == before == "slow" or (before == "ban" and appoints)
    return ends and bool(later.past >> rule.number & 1)


def _put(state: State, force: Force) -> None:
    measure = force.rule.measure
    match measure.verb:
        case "ban":
            state.bans.setdefault(measure.subject or b"", []).append(force)
        case "mute":
            state.mutes.setdefault(measure.subject or b"", []).append(force)
        case "lock":
            state.locks.append(force)
        case "slow":
            state.slows.append(force)
        case "delete":
            state.deletes.setdefault(measure.target or b"", []).append(force.rule)
        case _:
            pass  # it is over, or of effect in others


def _members(rules: list[Rule]) -> Iterator[bytes]:
    """Who was made a member by rules that count, and not unmade by one that knew of it."""
    told = [
        rule for rule in rules if rule.measure.role == "member" and rule.measure.verb in ("grant", "revoke")
    ]
    for grant in told:
        subject = grant.measure.subject
        unmade = any(
            rule.measure.verb == "revoke"
            and rule.measure.subject == subject
            and rule.past >> grant.number & 1
            for rule in told
        )
        if grant.measure.verb == "grant" and subject is not None and not unmade:
            yield subject
