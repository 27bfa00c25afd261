"""What a player gets out of init segments and parts: decoded by FFmpeg, and read box by box."""

import io
from dataclasses import dataclass
from itertools import pairwise

import av

from peer.media.assembly import Item
from peer.media.parts import InitSegment, MediaPart
from tests.unit.peer.media.boxes import Traf, read_fragment

TIMESCALE = 90_000


@dataclass(frozen=True)
class Decoded:
    """Times in seconds."""

    pictures: list[float]
    sounds: list[tuple[float, float]]
    """Begin and end of every frame."""
    size: tuple[int, int]


@dataclass(frozen=True)
class Played:
    """The parts that follow one init segment."""

    init: InitSegment
    parts: list[MediaPart]

    def decode(self) -> Decoded:
        """Decode everything; raises av.error.FFmpegError for what cannot be decoded."""
        data = self.init.data + b"".join(part.data for part in self.parts)
        pictures, sounds, size = [], [], (0, 0)
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            for stream in container.streams:
                stream.codec_context.options = {"err_detect": "explode"}
            for packet in container.demux():
                for frame in packet.decode():
                    assert not getattr(frame, "is_corrupt", False)
                    if isinstance(frame, av.VideoFrame):
                        pictures.append(frame.pts / TIMESCALE if frame.pts is not None else -1.0)
                        size = (frame.width, frame.height)
                    elif isinstance(frame, av.AudioFrame):
                        begin = (frame.pts or 0) / frame.sample_rate
                        sounds.append((begin, begin + frame.samples / frame.sample_rate))
        return Decoded(pictures, sounds, size)

    def pictures(self) -> list[av.VideoFrame]:
        """The decoded pictures, in order."""
        data = self.init.data + b"".join(part.data for part in self.parts)
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            return list(container.decode(video=0))

    def trafs(self, track: int) -> list[Traf]:
        return [traf for part in self.parts for traf in read_fragment(part.data) if traf.track == track]

    def holes(self, track: int) -> int:
        """The longest hole between the fragments of a track, in its timescale; fails on overlaps."""
        holes = [after.decode_time - before.end for before, after in pairwise(self.trafs(track))]
        assert all(hole >= 0 for hole in holes), "decode times overlap"
        return max(holes, default=0)


def split(items: list[Item]) -> list[Played]:
    """What was emitted, by init segment."""
    played: list[Played] = []
    for item in items:
        if isinstance(item, InitSegment):
            played.append(Played(item, []))
        else:
            played[-1].parts.append(item)
    return played
