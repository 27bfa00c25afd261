"""Tracks that do not fit as they come: decoded, then encoded with x264 and Opus or AAC without looking
ahead."""

from collections import deque
from fractions import Fraction
from typing import Literal

import av
from av.audio.resampler import AudioResampler
from av.codec.context import Flags
from av.video.frame import PictureType

from peer.media.bitstream import avcc, dops, length_prefixed
from peer.media.box import VIDEO_TIMESCALE, AudioTrack, VideoTrack
from peer.media.packager import Sample
from peer.media.parts import EncodeOptions
from peer.media.scaler import Scaler, target_size
from peer.media.timeline import FrameInterval
from peer.media.units import Packet, Unit, microseconds

AUDIO_RATE = 48_000
GOP = 1_000_000
"""µs between key frames: a segment, and the longest that a newcomer waits for one."""
_VBV = 0.4
"""Seconds of the bit rate that one picture may borrow: a key frame must pass an uplink within a few parts."""
_MAX_FILL = 5_000_000


class X264:
    """One x264 encoder: every picture goes in with its media time and comes out at once."""

    def __init__(self, width: int, height: int, frame_rate: float, options: EncodeOptions) -> None:
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, VIDEO_TIMESCALE)
        context.framerate = Fraction(frame_rate).limit_denominator(1001)
        context.bit_rate = options.video_bitrate
        context.flags |= Flags.global_header
        context.thread_count = 1 if height <= 480 else 2
        context.options = {
            "preset": options.preset,
            "tune": "zerolatency",
            "maxrate": str(options.video_bitrate),
            "bufsize": str(int(options.video_bitrate * _VBV)),
            "bf": "0",
            "g": str(max(1, round(frame_rate * 10))),  # key frames are forced by media time
            "sc_threshold": "0",
            "forced-idr": "1",
        }
        context.open()
        self._context = context
        self.track = VideoTrack(width, height, avcc(context.extradata or b""), round(frame_rate, 3))
        self._next_key: int | None = None
        self._pending: deque[tuple[int, int, int, int, bool]] = deque()

    def encode(
        self, frame: av.VideoFrame, time: int, duration: int, capture_time: int, *, key: bool | None = None
    ) -> list[Sample]:
        """Times in µs; media times must grow. A second has a key frame, unless it is said where they are."""
        jitter = duration // 4
        due = self._next_key is None or time + jitter >= self._next_key or time < self._next_key - 2 * GOP
        if due if key is None else key:
            # On a grid, so that frame rates which do not divide a second keep one key frame a second on
            # average.
            grid = self._next_key if self._next_key is not None and time < self._next_key + GOP // 2 else time
            self._next_key = grid + GOP
            frame.pict_type = PictureType.I
        else:
            frame.pict_type = PictureType.NONE
        frame.pts = (time * VIDEO_TIMESCALE + 500_000) // 1_000_000
        frame.time_base = Fraction(1, VIDEO_TIMESCALE)
        last = self._next_key is not None and time + duration + jitter >= self._next_key
        self._pending.append((frame.pts, time, duration, capture_time, last))
        samples = []
        for packet in self._context.encode(frame):
            while self._pending and self._pending[0][0] < (packet.pts or 0):
                self._pending.popleft()
            _, time, duration, capture_time, last = self._pending.popleft()
            data = length_prefixed(bytes(packet))
            key = packet.is_keyframe
            samples.append(Sample("video", time, duration, data, key, capture_time, last))
        return samples


class PictureEncode:
    """Pictures that are scaled and encoded."""

    kind: Literal["video"] = "video"

    def __init__(self, size: tuple[int, int], aspect: Fraction, rate: float, options: EncodeOptions) -> None:
        """`size` and the pixels' `aspect` are those of the first picture, `rate` in pictures a second."""
        self._options = options
        self._skip = rate > options.max_frame_rate * 1.05
        self._rate = options.max_frame_rate if self._skip else rate
        self._due: float | None = None
        self._interval = FrameInterval(round(1_000_000 / self._rate))
        self._scaler = Scaler(options.height, aspect)
        self._x264 = X264(*target_size(*size, aspect, 0, options.height), self._rate, options)
        self._begin = -(1 << 62)

    @property
    def bandwidth(self) -> int:
        return self._options.video_bitrate

    @property
    def frame_rate(self) -> float:
        return self._rate

    def config(self) -> VideoTrack:
        return self._x264.track

    def show(self, picture: av.VideoFrame) -> list[Unit]:
        """Take a decoded picture; return what can be placed in time."""
        units = []
        for frame in self._scaler.scale(picture):
            time = frame.pts or 0
            if time < self._begin or self._is_surplus(time):
                continue
            units.append(Unit(self, time, self._interval.add(time), frame))
        return units

    def read(self, packet: Packet | None) -> list[Unit]:
        return []  # pictures come by `show`

    def begin_at(self, time: int) -> None:
        """Only decode pictures before this source time (µs): others showed them already."""
        self._begin = time

    def _is_surplus(self, time: int) -> bool:
        if not self._skip:
            return False
        step = 1_000_000 / self._rate
        if self._due is None or abs(time - self._due) > 4 * step:
            self._due = float(time)
        if time < self._due - step / 4:
            return True
        self._due += step
        return False

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        frame = unit.payload
        assert isinstance(frame, av.VideoFrame)
        config = self._x264.track
        if (frame.width, frame.height) != (config.width, config.height):
            self._x264 = X264(frame.width, frame.height, self._rate, self._options)
        return self._x264.encode(frame, time, unit.duration, capture_time)

    def resume(self, end: int) -> None:
        pass  # the picture before stays until the first one comes

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        return []  # a picture stays until the next one comes


class VideoEncode(PictureEncode):
    """A video track that is decoded, scaled and encoded."""

    def __init__(self, stream: av.VideoStream, options: EncodeOptions, *, live: bool) -> None:
        context = stream.codec_context
        # Frame threads decode faster but hold frames back.
        context.thread_type = "SLICE" if live else "AUTO"
        self._decoder = context
        self._time_base = stream.time_base
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        if not 1 <= rate <= 240:
            rate = 25.0
        aspect = context.sample_aspect_ratio or Fraction(1)
        super().__init__((context.width, context.height), aspect, rate, options)

    def read(self, packet: Packet | None) -> list[Unit]:
        units = []
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            return []  # a damaged packet; the decoder goes on with the next
        for decoded in frames:
            if decoded.pts is None:
                continue
            if packet is None or not packet.size:
                decoded.time_base = self._time_base  # what a decoder gives at the end comes without one
            units += self.show(decoded)
        if packet is None:
            self._begin, self._due = -(1 << 62), None  # what follows begins anew
        return units


class AudioChunks:
    """Sound at 48 kHz in stereo, cut into the encoder's frames; holes become silence, overlaps are cut
    off."""

    def __init__(self, codec: Literal["opus", "aac"], bit_rate: int) -> None:
        context = av.CodecContext.create("libopus" if codec == "opus" else "aac", "w")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate, context.layout = AUDIO_RATE, "stereo"
        self.format = "flt" if codec == "opus" else "fltp"
        context.format = self.format
        context.bit_rate = bit_rate
        context.flags |= Flags.global_header
        if codec == "opus":
            context.options = {"application": "audio", "frame_duration": "20"}
        context.open()
        self._context = context
        config = context.extradata or b""
        self.track = AudioTrack(
            codec, AUDIO_RATE, 2, dops(config, 2) if codec == "opus" else config, bit_rate
        )
        self._planes = [bytearray()] if codec == "opus" else [bytearray(), bytearray()]
        self._width = 8 if codec == "opus" else 4
        """Bytes a sample in one plane."""
        self.next: int | None = None
        """Where the next sample belongs, in samples of media time."""

    def add(self, planes: list[bytes], time: int, capture_time: int) -> list[Sample]:
        """Take sound at a media time (µs) and return the frames that are full."""
        position = time * AUDIO_RATE // 1_000_000
        if self.next is None:
            self.next = position
        gap = position - self.next
        if gap > AUDIO_RATE // 50:
            samples = self.fill(time, capture_time)
        else:
            samples = []
            if gap < -AUDIO_RATE // 50:
                planes = [plane[-gap * self._width :] for plane in planes]
        return samples + self._push(planes, capture_time)

    def resume(self, end: int) -> None:
        """Sound so far ended at a media time (µs): the hole until the first that comes becomes silence."""
        self.next = end * AUDIO_RATE // 1_000_000

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        """Put silence until a media time (µs)."""
        position = until * AUDIO_RATE // 1_000_000
        if self.next is None or position - self.next > _MAX_FILL * AUDIO_RATE // 1_000_000:
            self._drop()
            self.next = position
        silence = bytes(max(0, position - self.next) * self._width)
        return self._push([silence] * len(self._planes), capture_time)

    def _drop(self) -> None:
        for plane in self._planes:
            plane.clear()

    def _push(self, planes: list[bytes], capture_time: int) -> list[Sample]:
        assert self.next is not None
        for plane, data in zip(self._planes, planes, strict=True):
            plane += data
        self.next += len(planes[0]) // self._width
        samples: list[Sample] = []
        size = self._context.frame_size
        while len(self._planes[0]) >= size * self._width:
            frame = av.AudioFrame(self.format, "stereo", size)
            for target, plane in zip(frame.planes, self._planes, strict=True):
                target.update(bytes(plane[: size * self._width]))
                del plane[: size * self._width]
            frame.sample_rate = AUDIO_RATE
            frame.time_base = Fraction(1, AUDIO_RATE)
            frame.pts = self.next - len(self._planes[0]) // self._width - size
            for packet in self._context.encode(frame):
                time = microseconds(packet.pts or 0, Fraction(1, AUDIO_RATE))
                duration = microseconds(size, Fraction(1, AUDIO_RATE))
                samples.append(Sample("audio", time, duration, bytes(packet), True, capture_time))
        return samples


class SoundEncode:
    """Sound that is mixed down to stereo at 48 kHz and encoded."""

    kind: Literal["audio"] = "audio"

    def __init__(self, options: EncodeOptions) -> None:
        self._options = options
        self._chunks = AudioChunks(options.audio_codec, options.audio_bitrate)
        self._resampler: AudioResampler | None = None
        self._signature: tuple[object, ...] = ()

    @property
    def bandwidth(self) -> int:
        return self._options.audio_bitrate

    @property
    def frame_rate(self) -> float:
        return 0.0

    def config(self) -> AudioTrack:
        return self._chunks.track

    def hear(self, frame: av.AudioFrame) -> list[Unit]:
        """Take decoded sound; return what can be placed in time."""
        signature = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or signature != self._signature:
            self._signature = signature
            self._resampler = AudioResampler(self._chunks.format, "stereo", AUDIO_RATE)
        return [self._unit(resampled) for resampled in self._resampler.resample(frame)]

    def read(self, packet: Packet | None) -> list[Unit]:
        return []  # sound comes by `hear`

    def _unit(self, frame: av.AudioFrame) -> Unit:
        time = microseconds(frame.pts or 0, frame.time_base)
        return Unit(self, time, frame.samples * 1_000_000 // AUDIO_RATE, frame, key=True)

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        frame = unit.payload
        assert isinstance(frame, av.AudioFrame)
        size = frame.samples * (8 if len(frame.planes) == 1 else 4)
        return self._chunks.add([bytes(plane)[:size] for plane in frame.planes], time, capture_time)

    def resume(self, end: int) -> None:
        self._chunks.resume(end)

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        return self._chunks.fill(until, capture_time)


class AudioEncode(SoundEncode):
    """An audio track that is decoded, mixed down to stereo at 48 kHz and encoded."""

    def __init__(self, stream: av.AudioStream, options: EncodeOptions) -> None:
        super().__init__(options)
        self._decoder = stream.codec_context
        self._time_base = stream.time_base

    def read(self, packet: Packet | None) -> list[Unit]:
        units: list[Unit] = []
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            return []  # a damaged packet; the hole becomes silence
        for frame in frames:
            if frame.pts is None:
                continue
            if packet is None or not packet.size:
                frame.time_base = self._time_base
            units += self.hear(frame)
        if packet is None:
            self._resampler = None  # what follows begins anew
        return units
