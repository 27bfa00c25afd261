"""The measures of a room whose owner settles its log."""

from hashlib import sha256

from signaling.checkpoint import Checkpoint
from signaling.measures import Measure, Verb
from signaling.moderation import FULL, MAX_MEASURES, Moderation

OWNER, ADA, BOB = (sha256(name).digest() for name in (b"owner", b"ada", b"bob"))


def id_of(clock: int) -> bytes:
    return clock.to_bytes(32, "big")


class Room:
    """Its measures come one after the other, each after the one before."""

    def __init__(self, most: int = MAX_MEASURES) -> None:
        self.moderation = Moderation(OWNER, most)
        self.clock = 0

    def take(self, measure: Measure, author: bytes = OWNER) -> str | None:
        self.clock += 1
        return self.moderation.take(id_of(self.clock), author, self.clock, 0, measure)

    def rule(self, verb: Verb, subject: bytes | None = None, author: bytes = OWNER) -> str | None:
        measure = Measure(verb, self.moderation.heads(), subject)
        return self.take(measure, author)

    def settle(self, clock: int) -> str | None:
        restated = self.moderation.restated((clock, OWNER, id_of(clock)))
        made = Checkpoint(
            "checkpoint",
            self.moderation.heads(),
            settled=restated.settled,
            known=restated.known,
            banned=restated.banned,
            muted=restated.muted,
        )
        return self.take(made)


def test_room_that_is_full_of_measures_goes_on_after_a_checkpoint() -> None:
    room = Room()
    room.rule("ban", ADA)
    for _ in range(MAX_MEASURES - 1):
        assert room.rule("slow") is None
    assert room.rule("mute", BOB) == FULL
    assert room.settle(MAX_MEASURES - 10) is None
    assert len(room.moderation) == 11
    for _ in range(MAX_MEASURES - 11):
        assert room.rule("slow") is None
    assert room.moderation.state().banned == [ADA]


def test_checkpoint_that_frees_nothing_is_one_measure_too_many() -> None:
    room = Room(3)
    for _ in range(3):
        room.rule("slow")
    assert room.take(Checkpoint("checkpoint", settled=(0, OWNER, id_of(0)))) == FULL
    assert len(room.moderation) == 3


def test_checkpoint_is_taken_once_more_settled_less_and_changes_nothing() -> None:
    room = Room()
    room.rule("ban", ADA)
    room.rule("unban", ADA)
    assert room.settle(2) is None
    assert room.settle(1) is None  # what was said at another place, with less in sight
    assert room.moderation.settled == (2, OWNER, id_of(2))
    assert not room.moderation.state().is_banned(ADA)
    assert room.moderation.take(id_of(1), OWNER, 1, 0, Measure("ban", (), ADA)) == (
        "That stands before a checkpoint of the room."
    )


def test_checkpoint_that_does_not_stand_behind_what_it_settles_is_refused() -> None:
    room = Room()
    sentence = room.take(Checkpoint("checkpoint", settled=(1, OWNER, id_of(1))))
    assert sentence == "A checkpoint stands behind all that it settles."


def test_settled_measure_that_no_checkpoint_tells_of_takes_those_after_it_along() -> None:
    room = Room()
    room.rule("ban", ADA)
    room.rule("unban", ADA)
    first = id_of(1)
    assert room.take(Measure("mute", (first,), BOB)) is None
    assert room.take(Checkpoint("checkpoint", settled=(2, OWNER, id_of(2)))) is None
    assert [rule.measure.verb for rule in room.moderation] == ["checkpoint"]
    assert room.moderation.unknown((first,)) == [first]


def test_somebody_who_did_not_know_the_checkpoint_is_hidden_by_it_and_not_invalid() -> None:
    room = Room()
    room.rule("ban", ADA)
    room.settle(1)
    moderation = room.moderation
    assert moderation.state(moderation.past(())).banned == []
    assert moderation.state(moderation.past(moderation.heads())).banned == [ADA]


def test_checkpoint_of_another_place_that_came_after_what_is_settled_by_now_keeps_nobody_waiting() -> None:
    room = Room()
    room.rule("ban", ADA)
    lesser = Checkpoint("checkpoint", (id_of(7),), settled=(0, OWNER, id_of(0)))
    assert room.take(lesser) is None
    assert room.moderation.unknown((id_of(2),)) == [id_of(7)]
    assert room.take(Checkpoint("checkpoint", (id_of(1),), settled=(1, OWNER, id_of(1)))) is None
    assert room.moderation.unknown((id_of(2),)) == []
    assert room.rule("mute", BOB) is None
