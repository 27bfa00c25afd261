"""Who may do what in a room, and what was done: the same for whoever has the same measures.

A measure counts by the measures that its author knew (its past) and by those that take its author's standing
away. All that is told of a room is computed from a set of measures, whatever the order in which they came.
Sets of measures are bits of an integer.

A checkpoint of the owner takes the place of all measures that stand up to where it settles the log. Of
several the one that settles most is in force (of two that settle the same, the later one in the order): what
it says holds for all that stands behind, as if everybody had known it. Words of somebody whom it bans are
hidden; they are invalid only where their author knew the checkpoint itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

from signaling.checkpoint import SETTLED_MEASURES, Checkpoint
from signaling.measures import MAX_AFTER, Measure, Role

MAX_MEASURES = 1_024
MAX_OF_MODERATOR = 256
"""Measures of one author other than the owner: whoever was a moderator once cannot fill the room."""

BANNED = "You are banned from this room."
KICKED = "You were removed from this room: come back in ten minutes."
"""What peers and introducers say to those whom a measure keeps out."""

Place: TypeAlias = tuple[int, bytes, bytes]
"""(clock, author key, id): where a message stands."""

REMEMBERED = 64
"""States that are kept: most messages know the same measures."""
FULL = "That is more than can be done in a room."
LIFTS = {"unmute": "mute", "unban": "ban", "unlock": "lock"}
ENDING = frozenset({*LIFTS, "slow", "grant"})


class Standing(IntEnum):
    """What somebody is in a room."""

    GUEST = 0
    MEMBER = 1
    MODERATOR = 2
    OWNER = 3


ROLES: dict[Role, Standing] = {"member": Standing.MEMBER, "moderator": Standing.MODERATOR}
NAMES = {standing: role for role, standing in ROLES.items()}


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
    def place(self) -> Place:
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
        self._checkpoints: list[Rule] = []
        self._checkpoint: Rule | None = None
        """The one that is in force."""
        self._base = Checkpoint("checkpoint")
        """What it says."""
        self._restated: list[Rule] = []
        """What is in force by it, as if it were measures."""
        self._settled: set[bytes] = set()
        """Ids that checkpoints tell of: the measures among them are known, and are nothing by themselves."""

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

    @property
    def checkpoint(self) -> Rule | None:
        """The one that is in force."""
        return self._checkpoint

    @property
    def settled(self) -> Place | None:
        """Up to where the log is settled: what stands there or before it is out."""
        return None if self._checkpoint is None else self._base.settled

    def settles(self, place: Place) -> bool:
        """Whether that is out, being before the checkpoint that is in force."""
        return self._checkpoint is not None and place <= self._base.settled

    def is_settled(self, id: bytes) -> bool:
        """Whether a checkpoint tells of that message: nobody waits for it."""
        return id in self._settled

    def unknown(self, after: tuple[bytes, ...]) -> list[bytes]:
        """Those of these that are not here, and what the checkpoint in force among them comes after."""
        unknown = self._absent(after)
        past = self.past(after)
        for rule in self._checkpoints:
            # What another one comes after may be settled, and never come.
            if rule.measure is self._base and past >> rule.number & 1:
                unknown += self._absent(rule.measure.after)
        return list(dict.fromkeys(unknown))

    def _absent(self, ids: Sequence[bytes]) -> list[bytes]:
        return [id for id in ids if id not in self._by_id and id not in self._settled]

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
        if isinstance(measure, Checkpoint):
            if author != self.owner:
                return "Only the owner of the room makes checkpoints."
            if clock is not None and measure.settled[0] >= clock:
                return "A checkpoint stands behind all that it settles."
            return None
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
        rule = Rule(id, author, clock, time, measure, len(self._rules), self.past(measure.after))
        if self.settles(rule.place):
            return "That stands before a checkpoint of the room."
        if isinstance(measure, Checkpoint):
            return self._begin_anew(rule)
        most, most_of_one = self._most
        if author != self.owner and sum(rule.author == author for rule in self._rules) >= most_of_one:
            return "That is more than one moderator may do in a room."
        if len(self._rules) >= most:
            return FULL
        if any(id in checkpoint.measure.after for checkpoint in self._checkpoints):
            self._replay([*self._rules, rule])  # it was made in the knowledge of this
            return None
        self._add(rule)
        return None

    def _add(self, rule: Rule) -> None:
        author, measure = rule.author, rule.measure
        self._rules.append(rule)
        self._by_id[rule.id] = rule
        self._known.clear()
        if isinstance(measure, Checkpoint):
            self._checkpoints.append(rule)
        if author == self.owner and measure.subject is not None:
            if (measure.verb, measure.role) == ("grant", "moderator"):
                self._appointments.setdefault(measure.subject, []).append(rule)
            elif measure.verb == "ban" or (measure.verb, measure.role) == ("revoke", "moderator"):
                self._dismissals.setdefault(measure.subject, []).append(rule)

    def _begin_anew(self, checkpoint: Rule) -> str | None:
        """Take a checkpoint. Returns why it is refused."""
        rules = [*self._rules, checkpoint]
        settled = max(rule.measure.settled for rule in rules if isinstance(rule.measure, Checkpoint))
        if sum(rule.place > settled for rule in rules) > self._most[0]:
            return FULL
        self._replay(rules)
        return None

    def _replay(self, rules: list[Rule]) -> None:
        """Take those anew that stand behind the checkpoint in force: what counts follows from them and it.

        What comes after measures of which no checkpoint tells, and which are not here, is out, as it would be
        where it came last.
        """
        told = {rule.place: rule.measure for rule in rules if isinstance(rule.measure, Checkpoint)}
        first = max(told, key=lambda place: (told[place].settled, place))
        base = self._base = told[first]
        self._settled = {id for place in told if place > base.settled for id in told[place].known}
        self._rules, self._by_id, self._checkpoints, self._checkpoint = [], {}, [], None
        self._appointments, self._dismissals = {}, {}
        for rule in sorted(rules, key=lambda rule: rule.place):
            measure, known = rule.measure, isinstance(rule.measure, Checkpoint)
            if rule.place <= base.settled or not (known or not self.unknown(measure.after)):
                continue
            if self.objection(rule.author, measure, rule.clock) is None:
                past = self.past(measure.after)
                number = len(self._rules)
                self._add(Rule(rule.id, rule.author, rule.clock, rule.time, measure, number, past))
        self._known.clear()
        checkpoint = self._checkpoint = self._by_id[first[2]]
        measures = [Measure("ban", subject=key) for key in base.banned]
        measures += [Measure("mute", subject=key) for key in base.muted]
        if base.lock is not None:
            measures.append(Measure("lock", role=base.lock))
        if base.slow:
            measures.append(Measure("slow", seconds=base.slow))
        self._restated = [replace(checkpoint, measure=measure) for measure in measures]

    def restated(self, settled: Place) -> Checkpoint:
        """What a checkpoint says that settles all up to there, made in the knowledge of all that is here."""
        before = [rule for rule in self if rule.place <= settled]
        given = sum(1 << rule.number for rule in before)
        if self._checkpoint is not None:
            given |= 1 << self._checkpoint.number
        state = self.state(given)
        behind = [rule.measure.after for rule in self if rule.place > settled]
        named = [id for after in (*behind, self.heads()) for id in after]
        known = [
            id for id in named if id in self._settled or (id in self and self._by_id[id].place <= settled)
        ]
        known += [rule.id for rule in reversed(before)][:SETTLED_MEASURES]
        return Checkpoint(
            "checkpoint",
            settled=settled,
            known=tuple(dict.fromkeys(known)),
            moderators=tuple(sorted(state.moderators)),
            members=tuple(sorted(state.members)),
            banned=tuple(sorted(state.banned)),
            muted=tuple(sorted(key for key in state.mutes if state.is_muted(key))),
            lock=None if state.least == Standing.GUEST else NAMES[state.least],
            slow=state.seconds,
        )

    # What counts, given the measures of a set

    def counts(self, rule: Rule, given: int) -> bool:
        """Whether its author had standing, and has not lost it to something that did not know of this."""
        if rule.author == self.owner:
            return True
        dismissals = _among(self._dismissals, rule.author, given)
        if rule.author in self._base.moderators and all(lost.past >> rule.number & 1 for lost in dismissals):
            return True
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
        granted |= set(self._base.moderators)
        moderators = frozenset(key for key in granted if key is not None and self._is_moderator(key, given))
        members = frozenset(_members(rules, self._base.members))
        state = State(moderators, members, {}, {}, [], [], {})
        ending: dict[bytes | None, list[Rule]] = {}
        for rule in rules:
            if rule.measure.verb in ENDING:
                ending.setdefault(rule.measure.subject, []).append(rule)
        if self._checkpoint is not None and given >> self._checkpoint.number & 1:
            for rule in self._restated:
                ended = (later for later in ending.get(rule.measure.subject, ()) if _ends(later, rule))
                _put(state, Force(rule, sum(1 << later.number for later in ended)))
        for rule in rules:
            subject = rule.measure.subject
            if rule.author != self.owner and subject in moderators and subject != rule.author:
                continue  # nobody but the owner can do anything to those
            ends = (
                1 << later.number
                for later in ending.get(subject, ())
                if later.past >> rule.number & 1 and _ends(later, rule)
            )
            _put(state, Force(rule, sum(ends)))
        return state

    def _is_moderator(self, key: bytes, given: int) -> bool:
        dismissals = _among(self._dismissals, key, given)
        if key in self._base.moderators and not dismissals:
            return True
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
    """Whether `later`, about the same subject, ends the rule if it knew of it."""
    verb, before = later.measure.verb, rule.measure.verb
    appoints = verb == "grant" and later.measure.role == "moderator"
    return LIFTS.get(verb) == before or verb == before == "slow" or (before == "ban" and appoints)


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


def _members(rules: list[Rule], before: Sequence[bytes]) -> Iterator[bytes]:
    """Who was one `before`, or made a member by rules that count, and not unmade by one that knew of it."""
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
    unmade_since = {rule.measure.subject for rule in told if rule.measure.verb == "revoke"}
    yield from (key for key in before if key not in unmade_since)
