"""The test pattern's clock, for people and for programs."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.pattern import CELLS, draw_clock, read_strip, strip_bits, strip_height


def strip(frame: av.VideoFrame) -> bytes:
    plane = frame.planes[0]
    line = frame.height - strip_height(frame.height) // 2
    return bytes(plane)[line * plane.line_size : line * plane.line_size + frame.width]


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (854, 480), (1280, 720), (1920, 1080), (360, 640)])
def test_the_strip_reads_as_the_capture_time(size: tuple[int, int]) -> None:
    frame = av.VideoFrame(*size, "yuv420p")
    draw_clock(frame, 1_790_000_000_123_456)
    assert read_strip(strip(frame), frame.width) == 1_790_000_000_123 % (1 << 32)


def test_the_strip_survives_scaling() -> None:
    frame = av.VideoFrame(640, 360, "yuv420p")
    draw_clock(frame, 1_790_000_000_123_456)
    scaled = frame.reformat(width=426, height=240)
    assert read_strip(strip(scaled), scaled.width) == 1_790_000_000_123 % (1 << 32)


@given(st.integers(0, 1 << 62), st.integers(0, CELLS - 1))
def test_a_torn_strip_is_not_believed(captured: int, torn: int) -> None:
    bits = strip_bits(captured)
    line = b"".join(bytes([235 if bit else 16]) * 4 for bit in bits)
    assert read_strip(line, len(line)) == captured // 1000 % (1 << 32)
    bits[torn] = not bits[torn]
    line = b"".join(bytes([235 if bit else 16]) * 4 for bit in bits)
    assert read_strip(line, len(line)) is None
