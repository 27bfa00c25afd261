"""The lower rungs of a ladder: the pictures of the first one, smaller and at a lower rate.

They are made picture by picture, with key frames where the first rung has them, so all renditions share
their times, parts and segments, and a viewer can go from one to another at any key frame.
"""

from dataclasses import replace
from fractions import Fraction

import av
from av.codec.context import Flags

from peer.media.box import VideoTrack
from peer.media.encoder import X264
from peer.media.ladder import Rung
from peer.media.packager import Sample
from peer.media.parts import EncodeOptions
from peer.media.passing import VideoPass
from peer.media.scaler import target_size
from peer.media.units import Packet, Unit

_FRAME_RATE = 30.0
"""Where the source does not tell; only rate control asks."""


class LowerRungs:
    """Encodes every picture of the first rung once more for each rung below it."""

    def __init__(self, rungs: tuple[Rung, ...], options: EncodeOptions) -> None:
        self.rungs = rungs
        self._encoders = [
            _RungEncoder(replace(options, height=rung.height, video_bitrate=rung.video_bitrate))
            for rung in rungs
        ]
        self._decoder: _Decoder | None = None

    def begin(self, config: VideoTrack, frame_rate: float) -> None:
        """Pictures of this track follow."""
        for encoder in self._encoders:
            encoder.begin(config, frame_rate or _FRAME_RATE)

    def configs(self) -> tuple[VideoTrack, ...]:
        """What init segments say of the rungs' pictures, after `begin`."""
        return tuple(encoder.track for encoder in self._encoders)

    def encode(self, unit: Unit, sample: Sample) -> tuple[bytes, ...]:
        """The picture of a unit, which the first rung sends as `sample`, in every rung."""
        picture = self._picture(unit)
        return tuple(encoder.encode(picture, sample) for encoder in self._encoders)

    def _picture(self, unit: Unit) -> av.VideoFrame | None:
        if isinstance(unit.payload, av.VideoFrame):
            return unit.payload
        assert isinstance(unit.payload, av.Packet)
        assert isinstance(unit.track, VideoPass)
        if self._decoder is None or self._decoder.track is not unit.track:
            self._decoder = _Decoder(unit.track)
        return self._decoder.decode(unit.payload)


class _Decoder:
    """Decodes what is passed on; for a damaged picture it shows the one before it."""

    def __init__(self, track: VideoPass) -> None:
        self.track = track
        context = av.CodecContext.create("h264", "r")
        assert isinstance(context, av.VideoCodecContext)
        context.extradata = track.extradata
        context.flags |= Flags.low_delay
        context.thread_type = "SLICE"  # frame threads hold pictures back
        self._context = context
        self._last: av.VideoFrame | None = None

    def decode(self, packet: Packet) -> av.VideoFrame | None:
        try:
            frames = self._context.decode(packet)
        except av.error.InvalidDataError:
            return self._last
        if frames:
            self._last = frames[-1]
        return self._last


class _RungEncoder:
    """One rung's pictures."""

    def __init__(self, options: EncodeOptions) -> None:
        self._options = options
        self._form: tuple[int, int, float] = (0, 0, 0.0)
        self._x264: X264 | None = None
        self._last: av.VideoFrame | None = None

    @property
    def track(self) -> VideoTrack:
        assert self._x264 is not None
        return self._x264.track

    def begin(self, config: VideoTrack, frame_rate: float) -> None:
        aspect = Fraction(*config.pixel_aspect)
        form = (*target_size(config.width, config.height, aspect, 0, self._options.height), frame_rate)
        if form != self._form:
            self._form, self._last = form, None
            self._x264 = X264(*form, self._options)

    def encode(self, picture: av.VideoFrame | None, sample: Sample) -> bytes:
        assert self._x264 is not None
        width, height, _ = self._form
        if picture is not None:
            self._last = picture.reformat(width=width, height=height, format="yuv420p")
        if self._last is None:
            self._last = _black(width, height)
        made = self._x264.encode(
            self._last, sample.time, sample.duration, sample.capture_time, key=sample.key
        )
        return b"".join(each.data for each in made)


def _black(width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (16, 128, 128), strict=True):
        plane.update(bytes((value,)) * plane.buffer_size)
    return frame
