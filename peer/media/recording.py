"""A file as a live source: in real time, looped unless asked for once."""

import logging
from collections.abc import Callable, Iterable
from itertools import islice

import av
from av.container import InputContainer

from peer.media.assembly import Assembly, Item
from peer.media.fits import GopGauge
from peer.media.lookahead import Lookahead
from peer.media.pace import Pacer, Stop
from peer.media.parts import MediaOptions
from peer.media.source import SourceError, check_file
from peer.media.timeline import Kind, Timeline
from peer.media.tracks import Opened, Overseer, note
from peer.media.units import Packet, Track, Unit

log = logging.getLogger(__name__)

PRIMING = 25_000
"""µs at which media time begins: encoders of sound start up to 22 ms before the first sample."""
_SCAN_PACKETS = 20_000
_MAX_SILENCE = 100_000


class Recording:
    """Plays one file."""

    def __init__(self, path: str, options: MediaOptions, stop: Stop, pacer: Pacer) -> None:
        self._path = path
        self._options = options
        self._stop = stop
        self._pacer = pacer
        self._timeline = Timeline(PRIMING)
        self._assembly = Assembly(options, max_silence=_MAX_SILENCE)
        self._lead = 0

    def run(self, emit: Callable[[Iterable[Item]], None]) -> None:
        """Play until the end, or for ever.

        Raises:
            SourceError: the file cannot be played.
        """
        check_file(self._path)
        with self._open() as container:
            opened = Opened.of(container, self._options, live=False)
            if not opened.streams:
                raise SourceError(
                    f"The file {self._path!r} has neither video nor audio that can be published."
                )
            video = opened.video_track(self._scan(opened))
            tracks: list[Track] = [track for track in (video, opened.audio_track()) if track is not None]
            audio = next((track for track in tracks if track.kind == "audio"), None)
            if video is not None and video.frame_rate:
                self._lead = round(1_000_000 / video.frame_rate)
            emit(self._assembly.start(video, audio))
            readers: dict[int, Track | Overseer] = {
                stream.index: Overseer(opened, track) if stream.type == "video" else track
                for stream, track in zip(opened.streams, tracks, strict=True)
            }
            while True:
                if not self._play(opened, readers, emit):
                    raise SourceError(f"Nothing in the file {self._path!r} can be decoded.")
                if self._options.once:
                    break
                self._rewind(container)
                for reader in readers.values():
                    if isinstance(reader, Overseer):
                        reader.rewound()
            emit(self._assembly.flush())

    def _open(self) -> InputContainer:
        try:
            return av.open(self._path)
        except av.error.FFmpegError as error:
            reason = error.strerror or "its format is unknown"
            raise SourceError(f"The file {self._path!r} is no media that can be read: {reason}.") from error

    def _scan(self, opened: Opened) -> GopGauge:
        """Read ahead through the packets of a file that might be passed through."""
        gauge = GopGauge()
        if opened.video is None or opened.video_reason() is not None:
            return gauge
        try:
            for packet in islice(opened.container.demux(opened.video), _SCAN_PACKETS):
                note(gauge, packet)
                if gauge.verdict is False:
                    break
                self._stop.check()
        except av.error.FFmpegError as error:
            log.warning("the file %s is damaged: %s", self._path, error)
        self._rewind(opened.container)
        return gauge

    def _rewind(self, container: InputContainer) -> None:
        try:
            container.seek(min(0, container.start_time or 0), backward=True)
        except av.error.FFmpegError as error:
            raise SourceError(f"The file {self._path!r} cannot be played from its start again.") from error

    def _play(
        self,
        opened: Opened,
        readers: dict[int, Track | Overseer],
        emit: Callable[[Iterable[Item]], None],
    ) -> bool:
        """Play once through; return whether there was anything."""
        kinds: set[Kind] = {"video" if stream.type == "video" else "audio" for stream in opened.streams}
        lookahead = Lookahead(kinds)
        began = False

        def deliver(units: Iterable[Unit]) -> None:
            nonlocal began
            for unit in units:
                if not began:
                    began = True
                    self._timeline.begin(unit.time)
                kind = unit.track.kind
                time, moved = self._timeline.map(kind, unit.time, unit.duration)
                if moved:
                    self._assembly.mark()
                # Sound goes a picture earlier, so that it is there when the part closes at its last picture.
                self._pacer.wait(time, self._lead if kind == "audio" else 0)
                emit(self._assembly.write(unit, time, self._pacer.captured(time)))

        def read(index: int, packet: Packet | None) -> None:
            for unit in readers[index].read(packet):
                deliver(lookahead.push(unit))

        try:
            for packet in opened.container.demux(opened.streams):
                self._stop.check()
                if packet.size:
                    read(packet.stream_index, packet)
        except av.error.FFmpegError as error:
            log.warning("the file %s is damaged: %s", self._path, error)
        for stream in opened.streams:
            read(stream.index, None)
        deliver(lookahead.finish())
        return began
