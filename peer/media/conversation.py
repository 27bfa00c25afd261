"""A source of decoded frames, such as WHIP has: both tracks on one clock, encoded here."""

import logging
from collections.abc import Callable, Iterable
from fractions import Fraction

import av

from peer.media.assembly import Assembly, Item
from peer.media.encoder import PictureEncode, SoundEncode
from peer.media.parts import MediaOptions
from peer.media.reception import Begun, Frame, Reception
from peer.media.recording import PRIMING
from peer.media.timeline import ArrivalClock, Kind, Timeline
from peer.media.units import Unit, microseconds

log = logging.getLogger(__name__)

_LEARNING = 500_000
"""µs of frames by which it is learned how far apart the clocks of the tracks are; they are not shown."""
_MAX_PRELUDE = 3_000_000
"""µs that sound waits for the first picture."""
_MAX_SILENCE = 500_000
_FRAME_RATE = 30.0
_DELAYS: dict[Kind, int] = {"video": 33_000, "audio": 80_000}
"""µs for which the library keeps a frame: a picture until the next begins, sound until four more came."""


class Conversation:
    """Whoever sends, one after another, as one stream."""

    def __init__(self, reception: Reception, options: MediaOptions) -> None:
        self._reception = reception
        self._options = options
        self._timeline = Timeline(PRIMING)
        self._assembly = Assembly(options, max_silence=_MAX_SILENCE)
        self._sender: _Sender | None = None

    def run(self, emit: Callable[[Iterable[Item]], None]) -> None:
        """Publish until stopped."""
        while True:
            item = self._reception.get()
            if isinstance(item, Frame):
                if self._sender is not None:
                    emit(self._sender.take(item))
                continue
            self._sender = None
            emit(self._assembly.interrupt())
            if isinstance(item, Begun):
                self._sender = _Sender(item, self._options, self._timeline, self._assembly)


class _Sender:
    """One connection: learns, starts, and places frames."""

    def __init__(self, begun: Begun, options: MediaOptions, timeline: Timeline, assembly: Assembly) -> None:
        self._begun = begun
        self._options = options
        self._timeline = timeline
        self._assembly = assembly
        self._arrivals = ArrivalClock()
        self._offsets: dict[Kind, int] = {}
        """From the times of a track to the publisher's clock, by the frame of it that came fastest."""
        self._first: int | None = None
        self._video: PictureEncode | None = None
        self._audio: SoundEncode | None = None
        self._size = (0, 0)

    def take(self, received: Frame) -> list[Item]:
        frame, kind = received.frame, _kind(received.frame)
        time = microseconds(frame.pts or 0, frame.time_base)
        arrival = received.arrival - _DELAYS[kind]
        started = self._video is not None or self._audio is not None
        items: list[Item] = []
        if not started:
            self._offsets[kind] = min(arrival - time, self._offsets.get(kind, arrival - time))
            self._first = arrival if self._first is None else self._first
            waited = arrival - self._first
            shown = isinstance(frame, av.VideoFrame) or not self._begun.video or waited > _MAX_PRELUDE
            if waited < _LEARNING or not shown:
                return []
            items += self._start(frame)
        frame.pts = time + self._offsets.setdefault(kind, arrival - time)
        frame.time_base = Fraction(1, 1_000_000)
        for unit in self._units(frame):
            if not started:
                started = True
                self._timeline.begin(unit.time)
            items += self._place(unit, arrival)
        return items

    def _start(self, frame: av.VideoFrame | av.AudioFrame) -> list[Item]:
        if isinstance(frame, av.VideoFrame):
            self._size = (frame.width, frame.height)
            encoding = self._options.encoding(frame.height)
            self._video = PictureEncode(self._size, Fraction(1), _FRAME_RATE, encoding)
        if self._begun.audio or self._video is None:
            self._audio = SoundEncode(self._options.encode)
        return self._assembly.start(self._video, self._audio)

    def _units(self, frame: av.VideoFrame | av.AudioFrame) -> list[Unit]:
        if isinstance(frame, av.AudioFrame):
            return self._audio.hear(frame) if self._audio is not None else []
        return self._video.show(self._steady(frame)) if self._video is not None else []

    def _steady(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Browsers send smaller pictures while their network is slow: viewers keep the size they have."""
        width, height = self._size
        if (picture.width, picture.height) == (width, height):
            return picture
        # Proportions tell a smaller picture from one that was turned.
        turned = abs(picture.width * height - picture.height * width) > picture.height * width // 20
        if turned or picture.width > width:
            self._size = (picture.width, picture.height)
            return picture
        scaled = picture.reformat(width=width, height=height)
        scaled.pts, scaled.time_base = picture.pts, picture.time_base
        return scaled

    def _place(self, unit: Unit, arrival: int) -> list[Item]:
        time, moved = self._timeline.map(unit.track.kind, unit.time, unit.duration)
        if moved:
            self._arrivals.restart()
            self._assembly.mark()
        return self._assembly.write(unit, time, self._arrivals.capture(unit.time, arrival))


def _kind(frame: av.VideoFrame | av.AudioFrame) -> Kind:
    return "video" if isinstance(frame, av.VideoFrame) else "audio"
