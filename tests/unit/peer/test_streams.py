"""What is live in a room: the newest genuine description of each stream stands."""

import msgspec

from peer.description import StreamDescription, sign_description
from peer.identity import Identity
from peer.streams import StreamDirectory

ANN, BOB = Identity(b"\x01" * 32), Identity(b"\x02" * 32)
LIVE = StreamDescription("demo", "main", "", "live", 10, 1, 0.1, (), ())


def described(by: Identity, **changes: object) -> bytes:
    return sign_description(by, msgspec.structs.replace(LIVE, **changes))


def test_greater_epoch_and_revision_stands_whatever_comes_after_it() -> None:
    streams = StreamDirectory("demo")
    for changes, news in (
        ({}, True),
        ({}, False),
        ({"revision": 3}, True),
        ({"revision": 2}, False),
        ({"epoch": 11}, True),
        ({"epoch": 10, "revision": 9}, False),
    ):
        assert (streams.take(described(ANN, **changes)) is not None) == news
    known = streams.get("main")
    assert known is not None
    assert (known.description.epoch, known.description.revision) == (11, 1)


def test_pinned_key_admits_no_other_and_another_room_is_none_of_ours() -> None:
    streams = StreamDirectory("demo", ANN.key)
    assert streams.take(described(BOB)) is None
    assert streams.take(described(ANN, room="other")) is None
    known = streams.take(described(ANN))
    assert known is not None
    assert known.publisher == ANN.id


def test_name_stays_with_its_key_until_that_has_ended() -> None:
    streams = StreamDirectory("demo")
    streams.take(described(ANN))
    assert streams.take(described(BOB, epoch=99)) is None
    streams.take(described(ANN, revision=2, state="ended"))
    known = streams.take(described(BOB))
    assert known is not None
    assert known.publisher == BOB.id


def test_room_is_live_while_one_of_its_streams_is() -> None:
    streams, seen = StreamDirectory("demo"), []
    for changes in ({}, {"stream": "other", "state": "ended"}, {"revision": 2, "state": "offline"}):
        seen.append(streams.is_live)
        streams.take(described(ANN, **changes))
    assert [*seen, streams.is_live] == [False, True, True, False]
