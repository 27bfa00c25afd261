"""Decoded pictures made fit for the encoder: upright, progressive, square pixels, 8-bit 4:2:0, no taller
than asked."""

from fractions import Fraction

import av
import av.filter

from peer.media.units import microseconds

_MICROSECOND = Fraction(1, 1_000_000)


def target_size(width: int, height: int, aspect: Fraction, rotation: int, max_height: int) -> tuple[int, int]:
    """The encoded size of a picture: even, upright, its proportions kept, never enlarged."""
    across = Fraction(width) * (aspect or 1)
    down = Fraction(height)
    if rotation % 180 != 0:
        across, down = down, across
    factor = min(Fraction(1), Fraction(max_height) / down)
    fitted = [max(2, min(round(side * factor / 2), side // 2) * 2) for side in (across, down)]
    return fitted[0], fitted[1]


class Scaler:
    """A chain of filters that is built again when the pictures that come in change."""

    def __init__(self, max_height: int, aspect: Fraction) -> None:
        self._max_height = max_height
        self._aspect = aspect
        self._signature: tuple[object, ...] = ()
        self._graph: av.filter.Graph | None = None

    def scale(self, frame: av.VideoFrame) -> list[av.VideoFrame]:
        """Take a picture and return those that are ready; their `pts` are in µs."""
        time = microseconds(frame.pts or 0, frame.time_base)
        signature = (frame.width, frame.height, frame.format.name, frame.rotation, frame.interlaced_frame)
        if signature != self._signature:
            self._signature = signature
            self._graph = self._build(frame)
        frame.pts, frame.time_base = time, _MICROSECOND
        if self._graph is None:
            return [frame]
        self._graph.vpush(frame)
        ready: list[av.VideoFrame] = []
        while True:
            try:
                scaled = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return ready
            scaled.pts = microseconds(scaled.pts or 0, scaled.time_base)
            scaled.time_base = _MICROSECOND
            ready.append(scaled)

    def _build(self, frame: av.VideoFrame) -> av.filter.Graph | None:
        rotation = frame.rotation
        width, height = target_size(frame.width, frame.height, self._aspect, rotation, self._max_height)
        same = (width, height, "yuv420p") == (frame.width, frame.height, frame.format.name)
        if same and not rotation and not frame.interlaced_frame:
            return None
        steps: list[tuple[str, str]] = []
        if frame.interlaced_frame:
            steps.append(("yadif", "deint=interlaced"))
        if rotation % 360 == 180:
            steps += [("hflip", ""), ("vflip", "")]
        elif rotation:  # the side data turns counterclockwise
            steps.append(("transpose", "cclock" if rotation % 360 == 90 else "clock"))
        steps.append(("scale", f"{width}:{height}:flags=bilinear:out_range=tv"))
        steps.append(("format", "yuv420p"))
        graph = av.filter.Graph()
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=_MICROSECOND
        )
        for name, arguments in (*steps, ("buffersink", "")):
            node = graph.add(name, arguments or None)
            last.link_to(node)
            last = node
        graph.configure()
        return graph
