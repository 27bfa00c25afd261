"""A live source: one connection after another, each of which continues the stream after a discontinuity."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import av

from peer.media.assembly import Assembly, Item
from peer.media.connection import Connection, Connector, Seen
from peer.media.encoder import VideoEncode
from peer.media.fits import GopGauge
from peer.media.lookahead import Lookahead
from peer.media.pace import Clock, Pacer, Stop
from peer.media.parts import MediaOptions
from peer.media.patience import Patience
from peer.media.recording import PRIMING
from peer.media.source import SourceError
from peer.media.timeline import ArrivalClock, Timeline
from peer.media.tracks import Opened, Overseer, note
from peer.media.units import Packet, Track, Unit, microseconds

log = logging.getLogger(__name__)

_MAX_SILENCE = 500_000
_MAX_BACKLOG = 2_000
_MAX_PRELUDE = 3_000_000
"""µs of sound that wait for the first picture."""

Emit = Callable[[Iterable[Item]], None]
Arrived = tuple[Packet, int]


class LiveSource:
    """Whatever its connections bring, as one stream."""

    def __init__(
        self, name: str, connector: Connector, options: MediaOptions, stop: Stop, clock: Clock
    ) -> None:
        """`name` is what people are told it is."""
        self._name = name
        self._connector = connector
        self._options = options
        self._stop = stop
        self._clock = clock
        self._timeline = Timeline(PRIMING)
        self._assembly = Assembly(options, max_silence=_MAX_SILENCE)
        self._arrivals = ArrivalClock()
        self._pacer = Pacer(stop, clock)
        self._seen = Seen()
        self._played = False
        self._known: tuple[bytes, GopGauge] | None = None
        """The parameter sets of the last video, and what was learned of it: the same encoder is not
        measured twice."""

    def run(self, emit: Emit) -> None:
        """Publish until the source ends for good.

        Raises:
            SourceError: it cannot be used at all, or did not come back.
        """
        patience = Patience(self._connector.patience)
        while True:
            self._stop.check()
            connection = self._connector.connect()
            if connection is not None:
                try:
                    ended = connection.finite and self._played
                    if not ended and self._session(connection, emit):
                        self._played = True
                        patience.renew()
                        ended = connection.finite
                finally:
                    connection.close()
                if ended:
                    emit(self._assembly.flush())
                    return
                emit(self._assembly.interrupt())
            pause = patience.pause(time.monotonic())
            if pause is None:
                raise SourceError(f"{self._name} went away and did not come back: the stream has ended.")
            self._stop.wait(pause)

    def _session(self, connection: Connection, emit: Emit) -> bool:
        """Publish what a connection brings, to its end; return whether it brought anything.

        Raises:
            SourceError: the first that we called has nothing that can be published.
        """
        opened = Opened.of(connection.container, self._options, live=True)
        if not opened.streams:
            if self._connector.patience is not None and not self._played:
                raise SourceError(f"{self._name} has neither video nor audio that can be read.")
            log.warning("%s brings neither video nor audio that is known", self._name)
            return False
        packets = self._packets(connection, opened)
        gauge, backlog = self._measure(opened, packets)
        if not backlog and (first := next(packets, None)) is not None:
            backlog = [first]
        if not backlog:
            return False
        video, audio = opened.video_track(gauge), opened.audio_track()
        emit(self._assembly.start(video, audio))
        if opened.video is not None:
            self._known = (opened.video.codec_context.extradata or b"", gauge)
        readers: dict[int, Track | Overseer] = {}
        if opened.video is not None and video is not None:
            readers[opened.video.index] = Overseer(opened, video)
        if opened.audio is not None and audio is not None:
            readers[opened.audio.index] = audio
        order: _AsTheyCome | _InTime
        if connection.paced:
            order = _InTime(Lookahead({track.kind for track in (video, audio) if track is not None}))
        else:
            order = _AsTheyCome()
            backlog = self._hurry(opened, video, backlog)
        lead = round(1_000_000 / video.frame_rate) if video is not None and video.frame_rate else 0
        first_time, begun = None, False
        for unit, arrival in order.units(chain(backlog, packets), readers):
            first_time = unit.time if first_time is None else first_time
            if not begun and (_may_begin(unit, video) or unit.time - first_time > _MAX_PRELUDE):
                begun = True
                self._timeline.begin(unit.time)
            if begun:
                emit(self._place(unit, None if connection.paced else arrival, lead))
        return begun

    def _hurry(self, opened: Opened, video: Track | None, backlog: list[Arrived]) -> list[Arrived]:
        """What was sent while we measured is not made up for: viewers get what is new, without delay."""
        if isinstance(video, VideoEncode):
            latest = max(_time(packet) for packet, _ in backlog)
            video.begin_at(latest)
            backlog = [
                (packet, arrival)
                for packet, arrival in backlog
                if packet.stream_index == opened.streams[0].index or _time(packet) >= latest
            ]
        self._arrivals.restart()
        for packet, arrival in backlog:  # what was read in one go arrived earlier than that
            self._arrivals.capture(_time(packet), arrival)
        return backlog

    def _place(self, unit: Unit, arrival: int | None, lead: int) -> list[Item]:
        time, moved = self._timeline.map(unit.track.kind, unit.time, unit.duration)
        if moved:
            self._arrivals.restart()
            self._assembly.mark()
        if arrival is not None:
            return self._assembly.write(unit, time, self._arrivals.capture(unit.time, arrival))
        # Sound goes a picture earlier, so that it is there when the part closes at its last picture.
        self._pacer.wait(time, lead if unit.track.kind == "audio" else 0)
        return self._assembly.write(unit, time, self._pacer.captured(time))

    def _packets(self, connection: Connection, opened: Opened) -> Iterator[Arrived]:
        try:
            for packet in connection.packets(opened.streams):
                if (
                    packet.size
                    and packet.pts is not None
                    and not (connection.paced and self._seen.add(packet))
                ):
                    yield packet, self._clock()
        except av.error.FFmpegError as error:
            log.info("%s was interrupted: %s", self._name, error.strerror)

    def _measure(self, opened: Opened, packets: Iterator[Arrived]) -> tuple[GopGauge, list[Arrived]]:
        """Hold packets back until it is known whether the video fits, for at most two seconds of it."""
        gauge = GopGauge()
        if opened.video is None or opened.video_reason() is not None:
            return gauge, []
        if self._known is not None and self._known[0] == opened.video.codec_context.extradata:
            return self._known[1], []
        backlog: list[Arrived] = []
        for packet, arrival in packets:
            backlog.append((packet, arrival))
            if packet.stream_index == opened.video.index:
                note(gauge, packet)
            if gauge.verdict is not None or len(backlog) >= _MAX_BACKLOG:
                break
        return gauge, backlog


class _AsTheyCome:
    """Units in the order in which their packets arrived."""

    def units(
        self, packets: Iterable[Arrived], readers: dict[int, Track | Overseer]
    ) -> Iterator[tuple[Unit, int]]:
        for packet, arrival in packets:
            for unit in readers[packet.stream_index].read(packet):
                yield unit, arrival


class _InTime:
    """Units in order of their time, down to the last."""

    def __init__(self, lookahead: Lookahead) -> None:
        self._lookahead = lookahead

    def units(
        self, packets: Iterable[Arrived], readers: dict[int, Track | Overseer]
    ) -> Iterator[tuple[Unit, int]]:
        for packet, arrival in packets:
            for unit in readers[packet.stream_index].read(packet):
                for ready in self._lookahead.push(unit):
                    yield ready, arrival
        for reader in readers.values():
            for unit in reader.read(None):
                for ready in self._lookahead.push(unit):
                    yield ready, 0
        for ready in self._lookahead.finish():
            yield ready, 0


def _may_begin(unit: Unit, video: Track | None) -> bool:
    """Whether a player can start with it: sound before the first picture would leave a hole in the video."""
    if video is None:
        return True
    return unit.track.kind == "video" and (unit.key or isinstance(unit.payload, av.VideoFrame))


def _time(packet: Packet) -> int:
    return microseconds(packet.pts or 0, packet.time_base)
