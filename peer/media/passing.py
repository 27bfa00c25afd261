"""Tracks that fit as they come: their packets pass through untouched."""

from typing import Literal

import av

from peer.media.bitstream import (
    AAC_SILENCE,
    OPUS_SILENCE,
    OPUS_SILENCE_SAMPLES,
    aac_config,
    adts_config,
    annex_b,
    avcc,
    dops,
    is_annex_b,
    length_prefixed,
    opus_samples,
    parameter_sets,
    without_adts,
)
from peer.media.box import AudioTrack, VideoTrack
from peer.media.packager import Sample
from peer.media.timeline import FrameInterval
from peer.media.units import Packet, Unit, microseconds

_MAX_FILL = 5_000_000


class VideoPass:
    """An H.264 track that is passed through."""

    kind: Literal["video"] = "video"

    def __init__(
        self, stream: av.VideoStream, bandwidth: int, context: av.VideoCodecContext | None = None
    ) -> None:
        """`context` is a decoder that knows the parameters, if they are no longer the stream's first."""
        context = context or stream.codec_context
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        self._rate = rate if 1 <= rate <= 240 else 0.0
        extradata = context.extradata or b""
        # A packet by itself does not tell: a length of 256 to 511 looks like a start code.
        self.extradata = extradata
        """As decoders want it."""
        self._annex_b = is_annex_b(extradata)
        self._parameters = parameter_sets(extradata)
        aspect = context.sample_aspect_ratio
        self._track = VideoTrack(
            context.width,
            context.height,
            avcc(extradata),
            round(self._rate, 3),
            (aspect.numerator, aspect.denominator) if aspect else (1, 1),
        )
        self._interval = FrameInterval(round(1_000_000 / (self._rate or 25)))
        self._bandwidth = bandwidth
        self._frames = 0
        """Since the last key frame, it included."""
        self._groups = (0, 0)
        """The frames of the last two groups of pictures."""

    @property
    def bandwidth(self) -> int:
        return self._bandwidth

    @property
    def frame_rate(self) -> float:
        return self._rate

    def config(self) -> VideoTrack:
        return self._track

    def changed(self, packet: Packet) -> bytes | None:
        """The extradata that holds from this packet on, if the sender has changed it."""
        if packet.has_sidedata("new_extradata"):
            data = bytes(packet.get_sidedata("new_extradata"))
        elif self._annex_b and packet.is_keyframe:
            data = annex_b(parameter_sets(bytes(packet)))
        else:
            return None
        parameters = parameter_sets(data)
        return data if parameters and set(parameters) != set(self._parameters) else None

    def read(self, packet: Packet | None) -> list[Unit]:
        if packet is None or packet.pts is None or packet.size == 0:
            return []
        time = microseconds(packet.pts, packet.time_base)
        return [Unit(self, time, self._interval.add(time), packet, packet.is_keyframe)]

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        assert isinstance(unit.payload, av.Packet)
        data = bytes(unit.payload)
        if self._annex_b:
            data = length_prefixed(data)
        if unit.key and self._frames:
            self._groups = (self._groups[1], self._frames)
            self._frames = 0
        self._frames += 1
        # Encoders keep to their rhythm.
        last = unit.last or self._groups == (self._frames, self._frames)
        return [Sample("video", time, unit.duration, data, unit.key, capture_time, last)]

    def resume(self, end: int) -> None:
        pass  # the picture before stays until the first one comes

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        return []  # a picture stays until the next one comes


class AudioPass:
    """An AAC or Opus track that is passed through; holes in it are filled with encoded silence."""

    kind: Literal["audio"] = "audio"

    def __init__(self, stream: av.AudioStream, bandwidth: int) -> None:
        context = stream.codec_context
        extradata = context.extradata or b""
        self._bandwidth = bandwidth
        self._adts = context.name == "aac" and not extradata
        if self._adts:
            extradata = adts_config(context.sample_rate, context.channels)
        if context.name == "aac":
            config = aac_config(extradata)
            self._track = AudioTrack("aac", context.sample_rate, config.channels, extradata, bandwidth)
            self._samples = config.frame_samples
            self._silence = AAC_SILENCE[config.channels]
            silence_samples = self._samples
        else:
            channels = context.channels
            self._track = AudioTrack("opus", 48_000, channels, dops(extradata, channels), bandwidth)
            self._samples = 0
            self._silence = OPUS_SILENCE
            silence_samples = OPUS_SILENCE_SAMPLES
        self._silence_duration = silence_samples * 1_000_000 // self._track.rate
        self._end: int | None = None

    @property
    def bandwidth(self) -> int:
        return self._bandwidth

    @property
    def frame_rate(self) -> float:
        return 0.0

    def config(self) -> AudioTrack:
        return self._track

    def read(self, packet: Packet | None) -> list[Unit]:
        if packet is None or packet.pts is None or packet.size == 0:
            return []
        samples = self._samples or opus_samples(bytes(packet))
        if not samples:
            return []
        time = microseconds(packet.pts, packet.time_base)
        return [Unit(self, time, round(samples * 1_000_000 / self._track.rate), packet, key=True)]

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        assert isinstance(unit.payload, av.Packet)
        samples = self.fill(time, capture_time) if self._end is not None else []
        self._end = max(self._end or 0, time + unit.duration)
        data = bytes(unit.payload)
        if self._adts:
            data = without_adts(data)
        return [*samples, Sample("audio", time, unit.duration, data, True, capture_time)]

    def resume(self, end: int) -> None:
        self._end = end

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        samples: list[Sample] = []
        if self._end is None or until - self._end > _MAX_FILL:
            self._end = until
        while until - self._end >= self._silence_duration:
            silence = Sample("audio", self._end, self._silence_duration, self._silence, True, capture_time)
            samples.append(silence)
            self._end += self._silence_duration
        return samples
