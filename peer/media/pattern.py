"""`test:`: a moving picture with a clock that people and programs can read, and a tone.

The clock is the publisher's, at the moment at which the picture was captured, so latency can be read off
any screen: for people as the time of day (UTC), for programs as a strip along the bottom edge. The strip is
`CELLS` cells of equal width and of `strip_height` lines, white for 1 and black for 0: first `SYNC`, then
milliseconds of the publisher's clock modulo 2**32 (most significant bit first), then the XOR of those four
bytes.
"""

import math
from array import array
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import count
from typing import Literal

import av
import av.filter

from peer.media.assembly import Assembly, Item
from peer.media.box import AudioTrack, VideoTrack
from peer.media.encoder import AUDIO_RATE, X264, AudioChunks
from peer.media.pace import Clock, Pacer, Stop
from peer.media.packager import Sample
from peer.media.parts import EncodeOptions, MediaOptions
from peer.media.recording import PRIMING
from peer.media.source import PatternInput
from peer.media.units import Packet, Unit

CELLS = 48
SYNC = 0b10110100
_WHITE, _BLACK, _GREY = 235, 16, 128
_SEGMENTS = {  # a b c d e f g of a seven-segment digit, from the top clockwise, then the middle
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcfgd",
}  # fmt: skip


def strip_height(height: int) -> int:
    """Lines of the strip in a picture of this height: even, about an eighteenth."""
    return height // 36 * 2


def strip_bits(captured: int) -> list[bool]:
    """The cells of the strip for a capture time in µs."""
    milliseconds = captured // 1000 % (1 << 32)
    check = 0
    for byte in milliseconds.to_bytes(4, "big"):
        check ^= byte
    word = SYNC << 40 | milliseconds << 8 | check
    return [bool(word >> (CELLS - 1 - bit) & 1) for bit in range(CELLS)]


def read_strip(luma: bytes, width: int) -> int | None:
    """Milliseconds modulo 2**32 from one line of luma in the middle of the strip, of any scaled size; None
    if torn."""
    word = 0
    for cell in range(CELLS):
        word = word << 1 | (luma[(2 * cell + 1) * width // (2 * CELLS)] > 126)
    milliseconds, check = word >> 8 & 0xFFFFFFFF, word & 0xFF
    for byte in milliseconds.to_bytes(4, "big"):
        check ^= byte
    return milliseconds if word >> 40 == SYNC and check == 0 else None


class _Picture:
    """Draws on the luma plane of a frame."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self.width, self.height = frame.width, frame.height
        self._planes = [(memoryview(plane), plane.line_size) for plane in frame.planes]

    def rectangle(self, left: int, top: int, width: int, height: int, luma: int) -> None:
        """Fill a rectangle; its edges are even."""
        for plane, (pixels, line), value in zip(range(3), self._planes, (luma, _GREY, _GREY), strict=True):
            shift = 1 if plane else 0
            row = bytes((value,)) * (width >> shift)
            for y in range(top >> shift, (top + height) >> shift):
                start = y * line + (left >> shift)
                pixels[start : start + len(row)] = row

    def digits(self, text: str, left: int, top: int, size: int) -> None:
        """Write digits, colons and points, `size` lines high (a multiple of 8)."""
        width, bar = size // 2, max(2, size // 16 * 2)
        half = size // 2
        places = {
            "a": (0, 0, width, bar), "b": (width - bar, 0, bar, half), "c": (width - bar, half, bar, half),
            "d": (0, size - bar, width, bar), "e": (0, half, bar, half), "f": (0, 0, bar, half),
            "g": (0, half - bar // 2 // 2 * 2, width, bar),
        }  # fmt: skip
        for character in text:
            for segment in _SEGMENTS.get(character, ""):
                x, y, across, down = places[segment]
                self.rectangle(left + x, top + y, across, down, _WHITE)
            if character in ":.":
                if character == ":":
                    self.rectangle(left, top + size // 4 // 2 * 2, bar, bar, _WHITE)
                self.rectangle(left, top + size - bar, bar, bar, _WHITE)
                left += bar * 2
            else:
                left += width + bar


def draw_clock(frame: av.VideoFrame, captured: int) -> None:
    """Put both clocks on a yuv420p frame for a capture time in µs."""
    picture = _Picture(frame)
    strip = strip_height(frame.height)
    edges = [cell * frame.width // CELLS // 2 * 2 for cell in range(CELLS + 1)]
    for cell, bit in enumerate(strip_bits(captured)):
        left, right = edges[cell], edges[cell + 1]
        picture.rectangle(left, frame.height - strip, right - left, strip, _WHITE if bit else _BLACK)
    milliseconds = captured // 1000
    seconds = milliseconds // 1000
    text = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds % 1000:03}"
    size = frame.height // 64 * 8
    top = frame.height - strip - size - size // 8 * 4
    picture.rectangle(0, top - size // 8 * 2, size * 7, size + size // 8 * 4, _BLACK)
    picture.digits(text, size // 8 * 2, top, size)


class _PatternVideo:
    kind: Literal["video"] = "video"

    def __init__(self, source: PatternInput, options: EncodeOptions) -> None:
        self._x264 = X264(source.width, source.height, source.frame_rate, options)
        self._source = source
        self.bandwidth = options.video_bitrate
        self.frame_rate = float(source.frame_rate)

    def config(self) -> VideoTrack:
        return self._x264.track

    def read(self, packet: Packet | None) -> list[Unit]:
        return []

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        assert isinstance(unit.payload, av.VideoFrame)
        return self._x264.encode(unit.payload, time, unit.duration, capture_time)

    def resume(self, end: int) -> None:
        pass

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        return []


class _PatternAudio:
    kind: Literal["audio"] = "audio"
    frame_rate = 0.0

    def __init__(self, options: EncodeOptions) -> None:
        self._chunks = AudioChunks(options.audio_codec, options.audio_bitrate)
        self.bandwidth = options.audio_bitrate

    def config(self) -> AudioTrack:
        return self._chunks.track

    def read(self, packet: Packet | None) -> list[Unit]:
        return []

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        assert isinstance(unit.payload, av.AudioFrame)
        return self._chunks.add([bytes(plane) for plane in unit.payload.planes], time, capture_time)

    def resume(self, end: int) -> None:
        self._chunks.resume(end)

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        return self._chunks.fill(until, capture_time)


class Pattern:
    """The test pattern as a live source."""

    def __init__(self, source: PatternInput, options: MediaOptions, stop: Stop, clock: Clock) -> None:
        self._source = source
        self._pacer = Pacer(stop, clock)
        self._assembly = Assembly(options, max_silence=1_000_000)
        self._video = _PatternVideo(source, options.encoding(source.height))
        self._audio = _PatternAudio(options.encode)
        self._tone = _tone(options.encode.audio_codec == "aac")

    def run(self, emit: Callable[[Iterable[Item]], None]) -> None:
        """Play for ever."""
        emit(self._assembly.start(self._video, self._audio))
        graph = av.filter.Graph()
        source = self._source
        pictures = graph.add("testsrc2", f"size={source.width}x{source.height}:rate={source.frame_rate}")
        form = graph.add("format", "yuv420p")
        pictures.link_to(form)
        form.link_to(graph.add("buffersink"))
        graph.configure()
        sounded = 0
        for number in count():
            begin, end = (
                PRIMING + position * 1_000_000 // source.frame_rate for position in (number, number + 1)
            )
            self._pacer.wait(begin)
            captured = self._pacer.captured(begin)
            # The sound of a picture's time comes with the picture, so that parts close with as much of both.
            while (sounded + 1) * 20_000 <= end - PRIMING:
                time = PRIMING + sounded * 20_000
                sound = Unit(self._audio, time, 20_000, self._sound(sounded), key=True)
                emit(self._assembly.write(sound, time, self._pacer.captured(time)))
                sounded += 1
            frame = graph.vpull()
            frame.make_writable()
            draw_clock(frame, captured)
            emit(self._assembly.write(Unit(self._video, begin, end - begin, frame), begin, captured))

    def _sound(self, number: int) -> av.AudioFrame:
        samples = AUDIO_RATE // 50
        planar = len(self._tone) == 2
        frame = av.AudioFrame("fltp" if planar else "flt", "stereo", samples)
        for plane, tone in zip(frame.planes, self._tone, strict=True):
            size = len(tone) // 50
            plane.update(tone[number % 50 * size : (number % 50 + 1) * size])
        frame.sample_rate, frame.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
        return frame


def _tone(planar: bool) -> list[bytes]:
    """A second of a quiet 440 Hz with a 880 Hz beep at its beginning, by plane."""
    samples = array("f")
    for position in range(AUDIO_RATE):
        frequency, level = (880, 0.25) if position < AUDIO_RATE // 10 else (440, 0.05)
        value = level * math.sin(2 * math.pi * frequency * position / AUDIO_RATE)
        samples.append(value)
        if not planar:
            samples.append(value)
    return [samples.tobytes()] * (2 if planar else 1)
