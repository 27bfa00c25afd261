"""What a source of media hands to its publisher: init segments and parts, and the options that shape them.

Times are integers in microseconds. *Media time* counts from the start of the epoch and never goes back;
*capture time* is on the publisher's clock.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from peer.media.ladder import Ladder, Rung

AudioCodec = Literal["opus", "aac"]

MAX_PART_SIZE = 4 * 1024 * 1024
"""The greatest part that a seal can describe (docs/protocol.md, section 2)."""


@dataclass(frozen=True, slots=True)
class InitSegment:
    """What a player needs before the first part: the first item of every source, and again when codecs or
    size change."""

    codecs: str
    """As in RFC 6381, video first: ``avc1.64001e,opus``."""
    width: int
    height: int
    frame_rate: float
    bandwidth: int
    """Target bit/s of all tracks together."""
    data: bytes
    """ftyp and moov."""
    audio: bool
    video: bool
    rung: int = 0
    """Which rendition of the ladder it is of: 0 is the first."""
    rungs: int = 1
    """How many there are; their init segments come together, in order."""


@dataclass(frozen=True, slots=True)
class MediaPart:
    """One moof and mdat: a whole number of frames of both tracks, near the part duration."""

    data: bytes
    media_time: int
    """Of the first video frame, or of the first audio frame in a part without video, in µs."""
    duration: int
    """Of the video in the part, or of the audio in a part without video, in µs: parts follow without gap or
    overlap."""
    capture_time: int
    """When the frame at `media_time` was captured, or arrived where the source has no time code, in µs."""
    independent: bool
    """The part begins with a key frame."""
    discontinuity: bool
    """The source was interrupted or changed just before; always an independent part that starts a segment."""
    segment_start: bool
    """The first part of a new HLS segment."""
    rung: int = 0
    """Its rendition. Each part comes once for every rung, in order, and only its data differs."""


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """What is encoded when the source cannot be passed through."""

    height: int = 360
    """The greatest height; smaller pictures are never enlarged."""
    video_bitrate: int = 800_000
    audio_bitrate: int = 96_000
    audio_codec: AudioCodec = "opus"
    max_frame_rate: float = 30.0
    preset: str = "veryfast"


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """How a source is turned into parts."""

    encode: EncodeOptions = field(default_factory=EncodeOptions)
    part_duration: float = 0.1
    """Seconds; a part closes at this length, or just before a key frame."""
    segment_duration: float = 1.0
    """Seconds; a segment begins with the first key frame after this length."""
    once: bool = False
    """Play a file once instead of looping it."""
    passthrough: bool = True
    """Pass tracks through that fit instead of encoding everything."""
    ladder: Ladder | None = None
    """The renditions, whose heights and rates then stand in place of those of `encode`; one unless given."""

    def rungs(self, height: int) -> tuple[Rung, ...]:
        """The renditions of pictures of this height, the first one first."""
        if self.ladder is None:
            return (Rung(self.encode.height, self.encode.video_bitrate),)
        return self.ladder.fit(height)

    def encoding(self, height: int) -> EncodeOptions:
        """How pictures of this height are encoded for the first rendition."""
        first = self.rungs(height)[0]
        return replace(self.encode, height=first.height, video_bitrate=first.video_bitrate)
