"""RTMP as a live source: listening for one client after another, or calling a server."""

import errno
import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import av
from av.container import InputContainer

from peer.media.assembly import Assembly, Item
from peer.media.encoder import VideoEncode
from peer.media.fits import GopGauge
from peer.media.pace import Clock, Stop
from peer.media.parts import MediaOptions
from peer.media.recording import PRIMING
from peer.media.source import RtmpInput, SourceError
from peer.media.timeline import ArrivalClock, Timeline
from peer.media.tracks import Opened, Overseer, note
from peer.media.units import Packet, Track, Unit, microseconds

log = logging.getLogger(__name__)

_MAX_SILENCE = 500_000
_MAX_BACKLOG = 2_000
_MAX_PRELUDE = 3_000_000
"""µs of sound that wait for the first picture."""
_OPTIONS = {
    "rw_timeout": "5000000",  # µs without a byte after which the other side is gone
    "analyzeduration": "500000",
    "fpsprobesize": "0",
}
_RETRY = (0.1, 0.2, 0.5, 1.0, 2.0)

Emit = Callable[[Iterable[Item]], None]
Arrived = tuple[Packet, int]


class RtmpSource:
    """One RTMP address. When a client goes away the next one continues the stream, after a discontinuity."""

    def __init__(self, source: RtmpInput, options: MediaOptions, stop: Stop, clock: Clock) -> None:
        self._source = source
        self._options = options
        self._stop = stop
        self._clock = clock
        self._timeline = Timeline(PRIMING)
        self._assembly = Assembly(options, max_silence=_MAX_SILENCE)
        self._arrivals = ArrivalClock()
        self._known: tuple[bytes, GopGauge] | None = None
        """The parameter sets of the last video, and what was learned of it: the same encoder is not
        measured twice."""

    def run(self, emit: Emit) -> None:
        """Serve until stopped.

        Raises:
            SourceError: the address cannot be listened at, or a server cannot be reached at all.
        """
        failures, worked = 0, False
        while True:
            self._stop.check()
            container = self._listen() if self._source.listen else self._call(worked)
            if container is None:
                self._stop.wait(_RETRY[min(failures, len(_RETRY) - 1)])
                failures += 1
                continue
            failures, worked = 0, True
            with container:
                try:
                    self._session(container, emit)
                except av.error.FFmpegError as error:
                    log.info("the RTMP connection ended: %s", error.strerror)
            emit(self._assembly.interrupt())

    def _listen(self) -> InputContainer | None:
        """Wait for a client; None when one came that does not speak RTMP."""
        self._check_address()
        self._stop.waking(self._knock)
        log.info("waiting: %s", self._source)
        try:
            return av.open(self._source.url, options={"listen": "1", **_OPTIONS})
        except av.error.FFmpegError as error:
            log.info("an RTMP client failed: %s", error.strerror)
            return None
        finally:
            self._stop.waking(None)

    def _call(self, worked: bool) -> InputContainer | None:
        try:
            return av.open(self._source.url, options=_OPTIONS, timeout=(10.0, None))
        except av.error.FFmpegError as error:
            if not worked:
                raise SourceError(
                    f"{self._source} gives no stream: {error.strerror or 'it does not answer'}."
                ) from error
            return None

    def _check_address(self) -> None:
        """Say clearly what a listening library would only hint at."""
        for attempt in range(10):
            try:
                family, kind, _, _, address = socket.getaddrinfo(
                    self._source.host, self._source.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
                )[0]
                with socket.socket(family, kind) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(address)
                    probe.listen(1)
                return
            except socket.gaierror:
                raise SourceError(f"The host {self._source.host!r} of the RTMP address is unknown.") from None
            except OSError as error:
                if error.errno == errno.EADDRINUSE and self._known is not None and attempt < 9:
                    self._stop.wait(0.2)  # the last client's socket may take a moment to go
                    continue
                reason = (
                    "is in use already" if error.errno == errno.EADDRINUSE else f"fails: {error.strerror}"
                )
                raise SourceError(
                    f"Listening at {self._source.host}:{self._source.port} {reason}; choose another port."
                ) from error

    def _knock(self) -> None:
        """Connect and leave at once: that ends the library's wait for a client."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._source.host, self._source.host)
        try:
            socket.create_connection((host, self._source.port), timeout=0.2).close()
        except OSError:
            pass  # nobody listens: there is no wait to end

    def _session(self, container: InputContainer, emit: Emit) -> None:
        opened = Opened.of(container, self._options, live=True)
        if not opened.streams:
            log.warning("the RTMP client sends neither video nor audio that is known")
            return
        packets = self._packets(opened)
        gauge, backlog = self._measure(opened, packets)
        video, audio = opened.video_track(gauge), opened.audio_track()
        emit(self._assembly.start(video, audio))
        if opened.video is not None:
            self._known = (opened.video.codec_context.extradata or b"", gauge)
        readers: dict[int, Track | Overseer] = {}
        if opened.video is not None and video is not None:
            readers[opened.video.index] = Overseer(opened, video)
        if opened.audio is not None and audio is not None:
            readers[opened.audio.index] = audio
        if isinstance(video, VideoEncode) and backlog:
            # What was sent while we measured is only decoded: viewers get what is new, without delay.
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
        first, begun = None, False
        for packet, arrival in chain(backlog, packets):
            for unit in readers[packet.stream_index].read(packet):
                first = unit.time if first is None else first
                if not begun and (_may_begin(unit, video) or unit.time - first > _MAX_PRELUDE):
                    begun = True
                    self._timeline.begin(unit.time)
                if begun:
                    emit(self._place(unit, arrival))

    def _place(self, unit: Unit, arrival: int) -> list[Item]:
        time, moved = self._timeline.map(unit.track.kind, unit.time, unit.duration)
        if moved:
            self._arrivals.restart()
            self._assembly.mark()
        return self._assembly.write(unit, time, self._arrivals.capture(unit.time, arrival))

    def _packets(self, opened: Opened) -> Iterator[Arrived]:
        for packet in opened.container.demux(opened.streams):
            self._stop.check()
            if packet.size and packet.pts is not None:
                yield packet, self._clock()

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


def _may_begin(unit: Unit, video: Track | None) -> bool:
    """Whether a player can start with it: sound before the first picture would leave a hole in the video."""
    if video is None:
        return True
    return unit.track.kind == "video" and (unit.key or isinstance(unit.payload, av.VideoFrame))


def _time(packet: Packet) -> int:
    return microseconds(packet.pts or 0, packet.time_base)
