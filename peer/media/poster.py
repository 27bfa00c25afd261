"""A small JPEG of a stream's newest key frame: decoded when somebody asks, every few seconds at most."""

import asyncio
import io
import logging
from fractions import Fraction
from time import monotonic

import av
from av.video.reformatter import ColorRange

from peer.media.hls import HlsOrigin, NotThereError, Picture

log = logging.getLogger(__name__)

SECONDS = 4.0
"""A picture is given out for this long before another one is decoded."""
HEIGHTS = {"poster.jpg": 360, "thumbnail.jpg": 90}
"""By file name: the greatest height, in pixels. Smaller pictures are never enlarged."""
_PATIENCE = 5.0
"""Seconds that one picture may take on a busy machine."""
_QUALITY = 5
"""As ffmpeg's -qscale: 2 is the best, 31 the worst."""


class Poster:
    """The pictures of one stream. Whoever asks while one is decoded waits for the same."""

    def __init__(self, origin: HlsOrigin) -> None:
        self._origin = origin
        self._made: dict[str, tuple[float, str, bytes]] = {}
        """By file name: when, of which key frame, and the JPEG."""
        self._turn = asyncio.Lock()

    async def get(self, name: str) -> bytes:
        """The JPEG of this file name.

        Raises:
            NotThereError: the stream has no picture, or none that can be decoded.
            TimeoutError: the machine is too busy.
        """
        async with asyncio.timeout(_PATIENCE), self._turn:
            made = self._made.get(name)
            if made is not None and monotonic() - made[0] < SECONDS:
                return made[2]
            picture = await self._origin.picture()
            if made is not None and made[1] == picture.name:
                return made[2]  # the stream stands still
            try:
                jpeg = await asyncio.to_thread(make_jpeg, picture, HEIGHTS[name])
            except (av.error.FFmpegError, ValueError) as error:
                log.warning("no poster can be made: %s", error)
                raise NotThereError(
                    "The newest key frame cannot be decoded: ask again in a moment."
                ) from error
            self._made[name] = (monotonic(), picture.name, jpeg)
            return jpeg


def make_jpeg(picture: Picture, height: int) -> bytes:
    """The first frame of a picture, in its own shape, at most so high.

    Raises:
        av.error.FFmpegError, ValueError: it cannot be decoded.
    """
    with av.open(io.BytesIO(picture.init + picture.data), "r", format="mp4") as container:
        frame = next(container.decode(video=0), None)
        if frame is None:
            raise ValueError("there is no frame in it")
        aspect = container.streams.video[0].sample_aspect_ratio or 1
    tall = min(height, frame.height) & ~1
    wide = max(2, round(frame.width * float(aspect) * tall / frame.height) & ~1)
    small = frame.reformat(wide, tall, format="yuvj420p", dst_color_range=ColorRange.JPEG)
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = wide, tall, "yuvj420p"
    encoder.time_base = Fraction(1, 1000)
    encoder.qmin = encoder.qmax = _QUALITY
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
