"""What a set of measures makes of a room, whatever the order in which they came; and what is no measure."""

import hashlib
import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.measures import MAX_MEASURE, Measure, Verb, read_measure, write_measure
from signaling.moderation import Moderation, Standing


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


PEOPLE = [key(name) for name in ("owner", "one", "two", "three")]
VERBS: list[Verb] = [
    "grant",
    "revoke",
    "ban",
    "unban",
    "mute",
    "unmute",
    "lock",
    "unlock",
    "slow",
    "kick",
    "delete",
]
Told = tuple[bytes, bytes, int, Measure]


def room_of(chance: Random, count: int) -> list[Told]:
    """Measures of people who know some of the earlier ones, not all of them by those who may."""
    told: list[Told] = []
    for number in range(count):
        verb = chance.choice(VERBS)
        measure = Measure(
            verb,
            tuple(before[0] for before in chance.sample(told, min(len(told), chance.randint(0, 3)))),
            None if verb in ("lock", "unlock", "slow") else chance.choice(PEOPLE),
            chance.choice(["moderator", "moderator", "member"])
            if verb in ("grant", "revoke", "lock")
            else None,
            (),
            key("message") if verb == "delete" else None,
            chance.randint(0, 9) if verb == "slow" else 0,
        )
        author = PEOPLE[0] if chance.random() < 0.5 else chance.choice(PEOPLE)
        told.append((key(f"{number}"), author, number + 1, measure))
    return told


def taken(told: list[Told]) -> Moderation:
    """In that order, but each after those that it comes after."""
    moderation = Moderation(PEOPLE[0])
    refused: set[bytes] = set()
    waiting = list(told)
    while waiting:
        for measure in list(waiting):
            id, author, clock, done = measure
            if all(known in refused for known in moderation.unknown(done.after)):
                waiting.remove(measure)
                if moderation.take(id, author, clock, 0, done) is not None:
                    refused.add(id)
    return moderation


def sight(moderation: Moderation) -> object:
    state = moderation.state()

    def named(bits: int) -> set[bytes]:
        return {rule.id for rule in moderation if bits >> rule.number & 1}

    forces = [
        *state.locks,
        *state.slows,
        *(force for by in (state.bans, state.mutes) for of in by.values() for force in of),
    ]
    return (
        [(rule.id, moderation.counts(rule, moderation.all), named(rule.past)) for rule in moderation],
        [(force.rule.id, named(force.ends)) for force in forces],
        [moderation.standing(person) for person in PEOPLE],
        (state.banned, state.seconds, state.least, state.deletes.keys(), moderation.heads()),
    )


@given(st.integers(0, 2**32), st.integers(0, 40))
def test_same_measures_make_the_same_room_in_any_order(seed: int, count: int) -> None:
    chance = Random(seed)
    told = room_of(chance, count)
    expected = sight(taken(told))
    for _ in range(3):
        chance.shuffle(told)
        assert sight(taken(told)) == expected


@given(st.integers(0, 2**32), st.integers(0, 40))
def test_nobody_without_standing_has_any_effect(seed: int, count: int) -> None:
    told = room_of(Random(seed), count)
    moderation = taken(told)
    for rule in moderation:
        assert rule.author == PEOPLE[0] or any(
            grant.author == PEOPLE[0]
            and grant.measure.subject == rule.author
            and rule.past >> grant.number & 1
            for grant in moderation
            if (grant.measure.verb, grant.measure.role) == ("grant", "moderator")
        )
    assert not moderation.state().is_banned(PEOPLE[0])
    assert moderation.standing(PEOPLE[0]) == Standing.OWNER


@given(st.integers(0, 2**32))
def test_measure_comes_back_as_it_was_written(seed: int) -> None:
    for _, _, _, measure in room_of(Random(seed), 20):
        assert read_measure(write_measure(measure)) == measure


@given(st.binary())
def test_any_bytes_are_a_measure_or_none(body: bytes) -> None:
    assert read_measure(body) is None or isinstance(read_measure(body), Measure)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value | {"act": "hang"},
        lambda value: value | {"subject": "ab"},
        lambda value: {"act": "ban"},
        lambda value: value | {"last": [[1]]},
        lambda value: value | {"last": [[1, "x"]]},
        lambda value: value | {"last": 7},
        lambda value: value | {"after": ["x"]},
        lambda value: value | {"after": {}},
        lambda value: value | {"reason": 1},
        lambda value: value | {"reason": "x" * 201},
        lambda value: value | {"reason": "\ud800"},
        lambda value: value | {"seconds": 1.5},
        lambda value: value | {"later": "x" * MAX_MEASURE},
        lambda value: [value],
    ],
)
def test_body_that_is_no_measure_is_none(spoil: Callable[[dict[str, object]], object]) -> None:
    value = json.loads(write_measure(Measure("ban", subject=PEOPLE[1])))
    assert read_measure(json.dumps(value).encode()) is not None
    assert read_measure(json.dumps(spoil(value)).encode()) is None


def test_of_a_ban_and_an_unban_at_once_the_ban_stays() -> None:
    moderation = Moderation(PEOPLE[0])
    owner, other = PEOPLE[:2]

    def take(name: str, measure: Measure, clock: int) -> bytes:
        assert moderation.take(key(name), owner, clock, 0, measure) is None
        return key(name)

    first = take("first", Measure("ban", subject=other), 1)
    take("unban", Measure("unban", (first,), other), 2)
    take("second", Measure("ban", (first,), other), 2)
    assert moderation.state().is_banned(other)
    assert moderation.take(key("late"), owner, 2, 0, Measure("unlock", (key("second"),))) is not None
    take("both", Measure("unban", moderation.heads(), other), 3)
    assert not moderation.state().is_banned(other)


def test_of_two_locks_and_of_two_slow_modes_at_once_the_stricter_counts() -> None:
    moderation = Moderation(PEOPLE[0])
    measures = [Measure("lock", role="member"), Measure("lock", role="moderator")]
    measures += [Measure("slow", seconds=9), Measure("slow", seconds=5)]
    for number, measure in enumerate(measures):
        assert moderation.take(key(f"{number}"), PEOPLE[0], 1, 0, measure) is None
    assert moderation.state().least == Standing.MODERATOR
    assert moderation.state().seconds == 9
    assert (
        moderation.take(key("later"), PEOPLE[0], 2, 0, Measure("slow", moderation.heads(), seconds=5)) is None
    )
    assert moderation.state().seconds == 5
