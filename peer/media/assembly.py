"""From the units of a source to what a publisher gets: an init segment whenever the tracks change, and
parts."""

from dataclasses import replace

from peer.media.bitstream import aac_codec, avc_codec
from peer.media.box import AudioTrack, VideoTrack, init_segment
from peer.media.ladder import Rung
from peer.media.packager import Packager, Sample
from peer.media.parts import InitSegment, MediaOptions, MediaPart
from peer.media.rungs import LowerRungs
from peer.media.units import Track, Unit

Item = InitSegment | MediaPart


class Assembly:
    """Holds a source's current tracks and the packager behind them."""

    def __init__(self, options: MediaOptions, *, max_silence: int) -> None:
        """`max_silence` is how many µs sound may be behind the pictures before silence takes its place."""
        self._options = options
        self._packager = Packager(
            round(options.part_duration * 1_000_000), round(options.segment_duration * 1_000_000)
        )
        self._max_silence = max_silence
        self._video: Track | None = None
        self._audio: Track | None = None
        self._configs: tuple[VideoTrack | AudioTrack | None, ...] | None = None
        self._audio_end: int | None = None
        self._lower: LowerRungs | None = None
        """The ladder's rungs below the first: those that the first tracks had, whatever comes after."""

    def start(self, video: Track | None, audio: Track | None) -> list[Item]:
        """These tracks begin, or begin again after an interruption."""
        self._video, self._audio = video, audio
        if self._lower is None:
            self._lower = LowerRungs(self._rungs(video), self._options.encode)
            self._packager.lower_rungs = len(self._lower.rungs)
        self._audio_end = None
        items: list[Item] = []
        if self._configs == self._current():
            items += self._packager.interrupt()
        else:
            items += self._reconfigure()
        if audio is not None and self._packager.audio_end:
            audio.resume(self._packager.audio_end)
        return items

    def interrupt(self) -> list[Item]:
        """The source went away; it may come back."""
        return list(self._packager.interrupt())

    def flush(self) -> list[Item]:
        """The source ended: return what is left."""
        return list(self._packager.flush())

    def mark(self) -> None:
        """The source's timeline was moved."""
        self._packager.mark()

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Item]:
        """Take a unit at its media time (µs) and return what it completes."""
        track = unit.track
        items: list[Item] = []
        if track.kind == "video":
            items += self._keep_sound(time, capture_time)
            self._video = track
        else:
            self._audio = track
            self._audio_end = max(self._audio_end or 0, time + unit.duration)
        samples = track.write(unit, time, capture_time)
        if self._configs != self._current():
            items += self._reconfigure()
        if track.kind == "video" and self._lower is not None and self._lower.rungs:
            samples = [replace(sample, lower=self._lower.encode(unit, sample)) for sample in samples]
        return items + self._package(samples)

    def _keep_sound(self, time: int, capture_time: int) -> list[Item]:
        """Silence for a hole in the audio track: without it, players that need both tracks would stop."""
        if self._audio is None:
            return []
        if self._audio_end is None:
            self._audio_end = time
        if time - self._audio_end <= self._max_silence:
            return []
        self._audio_end = time
        return self._package(self._audio.fill(time, capture_time))

    def _package(self, samples: list[Sample]) -> list[Item]:
        return [part for sample in samples for part in self._packager.add(sample)]

    def _current(self) -> tuple[VideoTrack | AudioTrack | None, ...]:
        return (self._video.config() if self._video else None, self._audio.config() if self._audio else None)

    def _rungs(self, video: Track | None) -> tuple[Rung, ...]:
        config = video.config() if video is not None else None
        if self._options.ladder is None or not isinstance(config, VideoTrack):
            return ()
        return tuple(rung for rung in self._options.ladder.fit(config.height) if rung.height < config.height)

    def _reconfigure(self) -> list[Item]:
        self._configs = self._current()
        video = self._video.config() if self._video else None
        audio = self._audio.config() if self._audio else None
        assert video is None or isinstance(video, VideoTrack)
        assert audio is None or isinstance(audio, AudioTrack)
        frame_rate = self._video.frame_rate if self._video else 0.0
        tracks: list[tuple[VideoTrack | None, int]] = [(video, self._video.bandwidth if self._video else 0)]
        if self._lower is not None:
            if video is not None:
                self._lower.begin(video, frame_rate)
            lower = self._lower.configs() if video is not None else (None,) * len(self._lower.rungs)
            rates = [rung.video_bitrate if video is not None else 0 for rung in self._lower.rungs]
            tracks += zip(lower, rates, strict=True)
        sound = self._audio.bandwidth if self._audio else 0
        items: list[Item] = list(self._packager.begin(video, audio))
        for rung, (track, bandwidth) in enumerate(tracks):
            items.append(
                InitSegment(
                    codecs=_codecs(track, audio),
                    width=track.width if track else 0,
                    height=track.height if track else 0,
                    frame_rate=frame_rate,
                    bandwidth=bandwidth + sound,
                    data=init_segment(track, audio),
                    audio=audio is not None,
                    video=track is not None,
                    rung=rung,
                    rungs=len(tracks),
                )
            )
        return items


def _codecs(video: VideoTrack | None, audio: AudioTrack | None) -> str:
    codecs = [avc_codec(video.avcc)] if video else []
    if audio is not None:
        codecs.append("opus" if audio.codec == "opus" else aac_codec(audio.config))
    return ",".join(codecs)
