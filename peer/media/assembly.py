"""From the units of a source to what a publisher gets: an init segment whenever the tracks change, and
parts."""

from peer.media.bitstream import aac_codec, avc_codec
from peer.media.box import AudioTrack, VideoTrack, init_segment
from peer.media.packager import Packager, Sample
from peer.media.parts import InitSegment, MediaOptions, MediaPart
from peer.media.units import Track, Unit

Item = InitSegment | MediaPart


class Assembly:
    """Holds a source's current tracks and the packager behind them."""

    def __init__(self, options: MediaOptions, *, max_silence: int) -> None:
        """`max_silence` is how many µs sound may be behind the pictures before silence takes its place."""
        self._packager = Packager(
            round(options.part_duration * 1_000_000), round(options.segment_duration * 1_000_000)
        )
        self._max_silence = max_silence
        self._video: Track | None = None
        self._audio: Track | None = None
        self._configs: tuple[VideoTrack | AudioTrack | None, ...] | None = None
        self._audio_end: int | None = None

    def start(self, video: Track | None, audio: Track | None) -> list[Item]:
        """These tracks begin, or begin again after an interruption."""
        self._video, self._audio = video, audio
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

    def _reconfigure(self) -> list[Item]:
        self._configs = self._current()
        video = self._video.config() if self._video else None
        audio = self._audio.config() if self._audio else None
        assert video is None or isinstance(video, VideoTrack)
        assert audio is None or isinstance(audio, AudioTrack)
        codecs = [avc_codec(video.avcc)] if video else []
        if audio is not None:
            codecs.append("opus" if audio.codec == "opus" else aac_codec(audio.config))
        items: list[Item] = list(self._packager.begin(video, audio))
        items.append(
            InitSegment(
                codecs=",".join(codecs),
                width=video.width if video else 0,
                height=video.height if video else 0,
                frame_rate=self._video.frame_rate if self._video else 0.0,
                bandwidth=sum(track.bandwidth for track in (self._video, self._audio) if track),
                data=init_segment(video, audio),
                audio=audio is not None,
                video=video is not None,
            )
        )
        return items
