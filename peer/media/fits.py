"""Whether a track can be passed through as it comes. Every answer is None or the reason why it has to be
encoded."""

import av

from peer.media.bitstream import BitstreamError, aac_config, adts_config, avcc, dops

MAX_GOP = 2_000_000
"""µs: longer groups of pictures make newcomers and segments wait too long."""
_SLACK = 20_000
_PROGRESSIVE = 1


def video_misfit(context: av.VideoCodecContext) -> str | None:
    """What of a video track's configuration stands against passing it through."""
    if context.name != "h264":
        return f"{context.name} is not H.264"
    if context.pix_fmt != "yuv420p":
        return f"its pixels are {context.pix_fmt}, not yuv420p"
    if context.has_b_frames:
        return "it has B-frames"
    if context.field_order not in (0, _PROGRESSIVE):
        return "it is interlaced"
    if not context.width or not context.height:
        return "its size is unknown"
    try:
        avcc(context.extradata or b"")
    except BitstreamError as error:
        return str(error)
    return None


def audio_misfit(stream: av.AudioStream) -> str | None:
    """What of an audio track's configuration stands against passing it through."""
    context = stream.codec_context
    extradata = context.extradata or b""
    if context.channels > 2:
        return f"it has {context.channels} channels"
    try:
        if context.name == "aac" and not extradata and context.profile == "LC":
            adts_config(context.sample_rate, context.channels)
        elif context.name == "aac":
            config = aac_config(extradata)
            if config.object_type != 2:
                return "it is not AAC-LC"
            if config.channels not in (1, 2):
                return "its channels are not plain mono or stereo"
        elif context.name in ("opus", "libopus"):
            dops(extradata, context.channels)
        else:
            return f"{context.name} is neither AAC nor Opus"
    except BitstreamError as error:
        return str(error)
    return None


class GopGauge:
    """Learns from packets whether the pictures come in short groups and in the order in which they are shown.

    `verdict` is None while that is not known: until the second key frame, or until a reason to encode was
    seen.
    """

    def __init__(self) -> None:
        self.verdict: bool | None = None
        self.reason: str | None = None
        self._key: int | None = None
        self._keys = 0
        self._bytes = 0
        self._began: int | None = None
        self._latest = 0

    def add(self, time: int, reordered: bool, key: bool, size: int) -> None:
        """Note a packet in decoding order: `time` in µs, `reordered` when it is not shown when it is
        decoded."""
        if self._began is None:
            self._began = time
        self._bytes += size
        self._latest = max(self._latest, time)
        if reordered:
            self._refuse("it has B-frames")
        elif key:
            self._keys += 1
            if self._key is not None and time - self._key > MAX_GOP + _SLACK:
                self._refuse("its key frames are more than 2 s apart")
            elif self._keys > 1 and self.verdict is None:
                self.verdict = True
            self._key = time
        elif time - (self._key if self._key is not None else self._began) > MAX_GOP + _SLACK:
            self._refuse("its key frames are more than 2 s apart")

    @property
    def bit_rate(self) -> int:
        """Bit/s so far; 0 when too little was seen."""
        elapsed = self._latest - (self._began or 0)
        return self._bytes * 8_000_000 // elapsed if elapsed >= 500_000 else 0

    def jumped(self) -> None:
        """The source's timeline was moved: distances across the jump mean nothing."""
        self._key = self._began = None

    def _refuse(self, reason: str) -> None:
        if self.verdict is not False:
            self.verdict, self.reason = False, reason
