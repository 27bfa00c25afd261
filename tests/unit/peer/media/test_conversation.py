"""Decoded frames become parts: the tracks together, the size steady, senders one after another."""

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction

import av

from peer.media.assembly import Item
from peer.media.conversation import Conversation
from peer.media.pace import Stop, StoppedError
from peer.media.parts import EncodeOptions, InitSegment, MediaOptions
from peer.media.reception import Begun, Frame, Gone, Received, Reception
from tests.integration.played import Played, split

OPTIONS = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
SECOND = 1_000_000


def picture(time: int, arrival: int, size: tuple[int, int] = (320, 180)) -> Frame:
    """At a time of its track, in µs."""
    frame = av.VideoFrame(*size, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([time // 40_000 % 200]) * plane.buffer_size)
    frame.pts, frame.time_base = time * 9 // 100, Fraction(1, 90_000)
    return Frame(frame, arrival)


def sound(time: int, arrival: int) -> Frame:
    """20 ms of it."""
    frame = av.AudioFrame("s16", "stereo", 960)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.pts, frame.time_base, frame.sample_rate = time * 48 // 1000, Fraction(1, 48_000), 48_000
    return Frame(frame, arrival)


def talk(seconds: float, begin: int = 0, size: tuple[int, int] = (320, 180)) -> list[Received]:
    """Both tracks, whose times begin at zero; pictures take 33 ms and sound 80 ms to come."""
    video = [
        picture(time, begin + time + 33_000 + (20_000 if time % 3 else 0), size)
        for time in range(0, round(seconds * SECOND), 40_000)
    ]
    audio = [sound(time, begin + time + 80_000) for time in range(0, round(seconds * SECOND), 20_000)]
    return [Begun(True, True), *sorted([*video, *audio], key=lambda frame: frame.arrival)]


def published(received: Iterable[Received]) -> list[Played]:
    """All that comes of it, by init segment."""
    stop = Stop()
    items: list[Item] = []
    waiting = iter([*received, Gone()])

    class Recorded(Reception):
        def get(self) -> Received:
            try:
                return next(waiting)
            except StopIteration:
                raise StoppedError from None

    with suppress(StoppedError):
        Conversation(Recorded(stop), OPTIONS).run(items.extend)
    return split(items)


def test_sound_and_pictures_come_together_however_long_each_was_under_way() -> None:
    (played,) = published(talk(3.0))
    assert played.init.codecs.endswith(",opus")
    decoded = played.decode()
    # What was sent while the clocks of the tracks were learned is not shown.
    assert 60 <= len(decoded.pictures) <= 65
    assert played.holes(1) < 4_000
    assert played.holes(2) == 0
    assert abs(decoded.sounds[0][0] - decoded.pictures[0]) < 0.06
    assert [part.capture_time for part in played.parts] == sorted(part.capture_time for part in played.parts)
    delays = [part.capture_time - part.media_time for part in played.parts]
    assert max(delays) - min(delays) < 30_000


def test_a_sender_whose_pictures_shrink_keeps_its_size() -> None:
    small = [item for item in talk(2.0, 2 * SECOND, (160, 90)) if isinstance(item, Frame)]
    for item in small:
        base = item.frame.time_base
        assert base is not None
        item.frame.pts = (item.frame.pts or 0) + round(2 / base)
    (played,) = published([*talk(2.0), *small])
    assert played.init.width == 320
    assert len(played.decode().pictures) > 80


def test_a_sender_whose_pictures_are_turned_has_another_size() -> None:
    turned = [item for item in talk(1.0, 2 * SECOND, (180, 320)) if isinstance(item, Frame)]
    for item in turned:
        base = item.frame.time_base
        assert base is not None
        item.frame.pts = (item.frame.pts or 0) + round(2 / base)
    first, second = published([*talk(2.0), *turned])
    assert (first.init.width, second.init.width) == (320, 180)
    assert second.parts[0].discontinuity


def test_the_next_sender_continues_the_stream() -> None:
    (played,) = published([*talk(2.0), Gone(), *talk(2.0, 9 * SECOND)])
    assert [part.discontinuity for part in played.parts].count(True) == 1
    played.decode()
    assert played.holes(1) < 6_000


def test_sound_alone_and_pictures_alone_are_streams_too() -> None:
    for kept, codecs in ((av.AudioFrame, "opus"), (av.VideoFrame, "avc1")):
        frames = [item for item in talk(2.0) if isinstance(item, Frame) and isinstance(item.frame, kept)]
        (played,) = published([Begun(kept is av.VideoFrame, kept is av.AudioFrame), *frames])
        assert played.init.codecs.startswith(codecs)
        assert "," not in played.init.codecs
        played.decode()


def test_a_camera_that_never_comes_does_not_keep_the_sound() -> None:
    frames = [item for item in talk(5.0) if isinstance(item, Frame) and isinstance(item.frame, av.AudioFrame)]
    (played,) = published([Begun(True, True), *frames])
    assert isinstance(played.init, InitSegment)
    assert not played.init.video
    assert len(played.parts) > 10
