"""From frames to parts: whole frames of both tracks, cut near the part duration and before every key
frame."""

from dataclasses import dataclass, replace

from peer.media.box import AUDIO_TRACK, VIDEO_TIMESCALE, VIDEO_TRACK, AudioTrack, Run, VideoTrack, fragment
from peer.media.parts import MAX_PART_SIZE, MediaPart
from peer.media.timeline import Kind, TrackClock

_EVEN = 1_000
"""µs: what the whole milliseconds of RTMP may add up to before a part is longer than it was asked to be."""
_VIDEO_TOLERANCE, _AUDIO_TOLERANCE = 2_000, 15_000
_AUDIO_AHEAD = 300_000
"""µs of audio that waits for video before it goes alone, or is dropped while there is no key frame to begin
with."""
_GROUP = 300_000
"""µs: what an origin's playlist makes a part of at least (`peer.media.playlist`)."""
_ROUNDING = 100
_MAX_FRAGMENT_DATA = MAX_PART_SIZE - 64 * 1024
_MAX_FRAMES = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One encoded frame on the media timeline; times in µs."""

    kind: Kind
    time: int
    duration: int
    """Exact where the next frame is known, expected otherwise."""
    data: bytes
    key: bool
    capture_time: int
    last: bool = False
    """A key frame is expected next: the part need not wait for it to close."""
    lower: tuple[bytes, ...] = ()
    """The same picture in the lower rungs of a ladder; sound is the same in all."""

    @property
    def size(self) -> int:
        """Bytes of the largest rung."""
        return max(map(len, (self.data, *self.lower)))


class Packager:
    """Cuts the frames of one stream into parts. Decode times never overlap and never go back, whatever
    comes in. Each part is made once for every rung of a ladder, so parts are cut alike in all."""

    def __init__(self, part_duration: int, segment_duration: int) -> None:
        """Both in µs."""
        self.lower_rungs = 0
        """How many there are below the first; unchanging once frames have come."""
        self._part_duration = part_duration
        self._segment_duration = segment_duration
        self._video: TrackClock | None = None
        self._audio: TrackClock | None = None
        self._runs: dict[Kind, Run] = {}
        self._lower: list[tuple[bytes, ...]] = []
        """The open part's pictures in the lower rungs."""
        self._captures: dict[Kind, int] = {}
        self._size = 0
        self._sequence = 0
        self._waiting = True
        self._broken = False
        self._segment_began: int | None = None
        self._groups = _Groups()

    def begin(self, video: VideoTrack | None, audio: AudioTrack | None) -> list[MediaPart]:
        """Frames of these tracks follow. After the first time, what follows is discontinuous with what came
        before."""
        parts = self.interrupt() if self._video or self._audio else []
        old_video, old_audio, end = self._video, self._audio, self.end
        self._video = TrackClock(VIDEO_TIMESCALE, _VIDEO_TOLERANCE) if video else None
        self._audio = TrackClock(audio.rate, _AUDIO_TOLERANCE) if audio else None
        for clock, old in ((self._video, old_video), (self._audio, old_audio)):
            if clock is not None and end:
                clock.next = clock.ticks(old.end if old is not None and old.next is not None else end)
        return parts

    @property
    def end(self) -> int:
        """The end of the longer track, in µs."""
        return max((clock.end for clock in (self._video, self._audio) if clock), default=0)

    @property
    def audio_end(self) -> int:
        """The end of the sound, in µs; 0 while there was none."""
        return self._audio.end if self._audio else 0

    def interrupt(self) -> list[MediaPart]:
        """The source was interrupted: close the open part, wait for a key frame, and mark the part that it
        begins."""
        parts = self.flush()
        self._waiting = True
        self._broken = self._sequence > 0
        return parts

    def mark(self) -> None:
        """The source's timeline was moved without a break in decoding: mark the next part that begins a
        segment."""
        self._broken = self._sequence > 0

    def add(self, sample: Sample) -> list[MediaPart]:
        """Take a frame and return the parts that it completes, at most two."""
        return self._add_video(sample) if sample.kind == "video" else self._add_audio(sample)

    def flush(self) -> list[MediaPart]:
        """Close the open part, if there is anything in it that can be played."""
        if not self._runs or (self._waiting and "video" not in self._runs and self._video is not None):
            self._clear()
            return []
        return self._close()

    def _add_video(self, sample: Sample) -> list[MediaPart]:
        if self._video is None or (self._waiting and not sample.key):
            return []
        parts: list[MediaPart] = []
        if sample.size > _MAX_FRAGMENT_DATA:
            parts += self.flush()
            self._waiting = True  # what follows cannot be decoded without it
            return parts
        if "video" in self._runs and (sample.key or not self._has_room(sample)):
            parts += self._close()
        self._waiting = False
        run = self._append(self._video, VIDEO_TRACK, sample)
        began, end = run.decode_time, self._video.next or 0
        length = self._video.microseconds(end - began)
        if len(run.data) == 1 and self._starts(run, self._video):
            self._groups.restart()
        if (
            sample.last
            or length >= self._part_duration - _EVEN
            or self._groups.ends(length, self._video.microseconds(run.durations[-1]))
        ):
            parts += self._close()
        return parts

    def _add_audio(self, sample: Sample) -> list[MediaPart]:
        clock = self._audio
        if clock is None or len(sample.data) > _MAX_FRAGMENT_DATA:
            return []
        duration = clock.ticks(sample.duration)
        if clock.lateness(sample.time) >= max(duration, 1):
            return []  # it lies wholly before the end of what was sent
        parts: list[MediaPart] = []
        run = self._runs.get("audio")
        if run is not None and not self._has_room(sample):
            parts += self._close()
        run = self._append(clock, AUDIO_TRACK, sample)
        length = clock.microseconds((clock.next or 0) - run.decode_time)
        if self._video is None:
            if length >= self._part_duration - _EVEN:
                self._waiting = False
                parts += self._close()
        elif "video" not in self._runs and length >= self._part_duration + _AUDIO_AHEAD:
            if self._waiting:
                self._size -= len(run.data.pop(0))
                run.decode_time += run.durations.pop(0)
                run.keys.pop(0)
            else:
                parts += self._close()
        return parts

    def _has_room(self, sample: Sample) -> bool:
        frames = sum(len(run.data) for run in self._runs.values())
        return self._size + sample.size <= _MAX_FRAGMENT_DATA and frames < _MAX_FRAMES

    def _append(self, clock: TrackClock, track: int, sample: Sample) -> Run:
        duration = max(1, clock.ticks(sample.duration))
        run = self._runs.get(sample.kind)
        if run is None:
            run = self._runs[sample.kind] = Run(track, clock.place(sample.time, duration))
            self._captures[sample.kind] = sample.capture_time
        else:
            last = run.decode_time + sum(run.durations[:-1])
            placed = clock.place(sample.time, duration, floor=last + 1 if track == VIDEO_TRACK else None)
            run.durations[-1] = placed - last
        run.durations.append(duration)
        run.keys.append(sample.key)
        run.data.append(sample.data)
        if sample.kind == "video":
            self._lower.append(sample.lower)
        self._size += sample.size
        return run

    def _close(self) -> list[MediaPart]:
        """The open part in every rung."""
        kind: Kind = "video" if "video" in self._runs else "audio"
        run, clock = self._runs[kind], self._video if kind == "video" else self._audio
        assert clock is not None
        time = clock.microseconds(run.decode_time)
        independent = run.keys[0] and (kind == "video" or self._video is None)
        starts = independent and self._starts(run, clock)
        if starts:
            self._segment_began = time
        self._sequence += 1
        length = clock.microseconds(run.decode_time + sum(run.durations)) - time
        if kind == "video":
            self._groups.add(length, clock.microseconds(run.durations[-1]))
        part = MediaPart(
            data=fragment(self._sequence, self._rung(0)),
            media_time=time,
            duration=length,
            capture_time=self._captures[kind],
            independent=independent,
            discontinuity=starts and self._broken,
            segment_start=starts,
        )
        self._broken = self._broken and not starts
        lower = [
            replace(part, rung=rung, data=fragment(self._sequence, self._rung(rung)))
            for rung in range(1, 1 + self.lower_rungs)
        ]
        self._clear()
        return [part, *lower]

    def _starts(self, run: Run, clock: TrackClock) -> bool:
        """Whether a part that can be decoded by itself begins a segment."""
        began, time = self._segment_began, clock.microseconds(run.decode_time)
        late = began is None or time - began >= self._segment_duration - 10 * _EVEN
        return run.keys[0] and (late or self._broken)

    def _rung(self, rung: int) -> list[Run]:
        """The open part's tracks in a rung."""
        runs = [self._runs[kind] for kind in ("video", "audio") if kind in self._runs]
        if rung and "video" in self._runs:
            runs[0] = replace(runs[0], data=[lower[rung - 1] for lower in self._lower])
        return runs

    def _clear(self) -> None:
        self._runs.clear()
        self._lower.clear()
        self._captures.clear()
        self._size = 0


class _Groups:
    """Which parts a playlist will join to one of its own, whose greatest length the first of these settles.

    When the frame rate changes, parts are cut so that they still fill it, to 85 % (RFC 8216bis, 4.4.4.9).
    """

    def __init__(self) -> None:
        self._target: int | None = None
        self._longest = 0
        self._length = 0

    def ends(self, length: int, frame: int) -> bool:
        """Whether the open part, of this length, is the last of its group: one more frame is too much."""
        return self._target is not None and self._length + length + frame > self._target + _ROUNDING

    def restart(self) -> None:
        """The open part begins a segment, and so a group."""
        self._settle(1)
        self._length = 0

    def add(self, length: int, frame: int) -> None:
        """A part of this length was closed, whose last frame is so long."""
        self._longest = max(self._longest, length)
        self._length += length
        self._settle(_GROUP - _EVEN)
        if self.ends(0, frame):
            self._length = 0

    def _settle(self, least: int) -> None:
        """As a playlist does with what it has by then."""
        if self._target is None and self._length >= least:
            self._target = -(-_GROUP // self._longest) * self._longest
