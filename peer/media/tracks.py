"""Chooses for each track of an opened source whether it passes through or is encoded."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.stream import Disposition

from peer.media.encoder import AudioEncode, VideoEncode
from peer.media.fits import GopGauge, audio_misfit, video_misfit
from peer.media.parts import MediaOptions
from peer.media.passing import AudioPass, VideoPass
from peer.media.units import Packet, Track, Unit, microseconds

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Opened:
    """An opened source's streams, at most one of each kind, and what they become."""

    container: InputContainer
    video: av.VideoStream | None
    audio: av.AudioStream | None
    options: MediaOptions
    live: bool

    @classmethod
    def of(cls, container: InputContainer, options: MediaOptions, *, live: bool) -> "Opened":
        """Find the best streams; a picture on a record's sleeve is no video."""
        videos = [
            stream
            for stream in container.streams.video
            if not stream.disposition & Disposition.attached_pic and stream.codec_context.width
        ]
        audios = [stream for stream in container.streams.audio if stream.codec_context.sample_rate]
        video = max(videos, key=lambda stream: stream.codec_context.width, default=None)
        audio = max(audios, key=lambda stream: bool(stream.disposition & Disposition.default), default=None)
        return cls(container, video, audio, options, live)

    @property
    def streams(self) -> list[av.VideoStream | av.AudioStream]:
        return [stream for stream in (self.video, self.audio) if stream is not None]

    def video_reason(self) -> str | None:
        """Why the video's configuration does not let it pass; None if it does, or if there is none."""
        if self.video is None:
            return None
        if not self.options.passthrough:
            return "passing through is switched off"
        context = self.video.codec_context
        return video_misfit(context) or self._ladder_reason(context.height)

    def _ladder_reason(self, height: int, bit_rate: int = 0) -> str | None:
        """Why the ladder does not let video of this height and rate pass."""
        return None if self.options.ladder is None else self.options.ladder.misfit(height, bit_rate)

    def video_track(self, gauge: GopGauge) -> Track | None:
        """The video track, by its configuration and by what a gauge has learned of its packets."""
        if self.video is None:
            return None
        reason = self.video_reason() or gauge.reason
        reason = reason or self._ladder_reason(self.video.codec_context.height, gauge.bit_rate)
        if reason is None and gauge.verdict is None:
            reason = "it has fewer than two key frames"
        if reason is None:
            return VideoPass(self.video, gauge.bit_rate or self.video.bit_rate or 0)
        log.info("the video is encoded: %s", reason)
        return self.video_encode()

    def video_again(self, extradata: bytes, packet: Packet, gauge: GopGauge) -> Track:
        """The video track once the sender has changed its parameters, at a key frame."""
        assert self.video is not None
        context = av.CodecContext.create("h264", "r")
        assert isinstance(context, av.VideoCodecContext)
        context.extradata = extradata
        try:
            context.decode(packet)
            context.decode(None)
        except av.error.FFmpegError as error:
            log.info("the video is encoded: its new parameters cannot be read (%s)", error.strerror)
            return self.video_encode()
        if reason := video_misfit(context) or self._ladder_reason(context.height):
            log.info("the video is encoded from here on: %s", reason)
            return self.video_encode()
        return VideoPass(self.video, gauge.bit_rate or self.video.bit_rate or 0, context)

    def video_encode(self) -> VideoEncode:
        """The video track, encoded."""
        assert self.video is not None
        encoding = self.options.encoding(self.video.codec_context.height)
        return VideoEncode(self.video, encoding, live=self.live)

    def audio_track(self) -> Track | None:
        """The audio track."""
        if self.audio is None:
            return None
        reason = audio_misfit(self.audio) if self.options.passthrough else "passing through is switched off"
        if reason is None:
            return AudioPass(self.audio, self.audio.bit_rate or 128_000)
        log.info("the audio is encoded: %s", reason)
        return AudioEncode(self.audio, self.options.encode)


def note(gauge: GopGauge, packet: Packet) -> None:
    """Show a packet of video to a gauge."""
    if packet.pts is not None and packet.size:
        time = microseconds(packet.pts, packet.time_base)
        reordered = packet.dts is not None and packet.dts != packet.pts
        gauge.add(time, reordered, packet.is_keyframe, packet.size)


class Overseer:
    """Watches a video track that passes through, and has it encoded from the moment at which it no longer
    fits."""

    def __init__(self, opened: Opened, track: Track) -> None:
        self._opened = opened
        self._track = track
        self._gauge = GopGauge()
        self._group: list[Packet] = []

    def read(self, packet: Packet | None) -> list[Unit]:
        """As `Track.read`."""
        if not isinstance(self._track, VideoPass) or packet is None:
            return self._track.read(packet)
        if packet.is_keyframe:
            self._group.clear()
        self._group.append(packet)
        if (extradata := self._track.changed(packet)) is not None:
            self._track = self._opened.video_again(extradata, packet, self._gauge)
            return self._track.read(packet)
        note(self._gauge, packet)
        if self._gauge.reason is None:
            return self._track.read(packet)
        log.warning("the video is encoded from here on: %s", self._gauge.reason)
        encode = self._opened.video_encode()
        self._track = encode
        return warm(encode, self._group)

    def rewound(self) -> None:
        """The source begins again, or its timeline was moved."""
        self._gauge.jumped()
        self._group.clear()


def warm(encode: VideoEncode, packets: Iterable[Packet]) -> list[Unit]:
    """Show a decoder what it missed, and return the units from the last packet on."""
    units: list[Unit] = []
    packets = list(packets)
    if packets and packets[-1].pts is not None:
        encode.begin_at(microseconds(packets[-1].pts, packets[-1].time_base))
    for packet in packets:
        units += encode.read(packet)
    return units
