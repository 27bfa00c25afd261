"""The size and shape of what is encoded."""

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.scaler import Scaler, target_size

sides = st.integers(16, 8_000)


@pytest.mark.parametrize(
    ("size", "aspect", "rotation", "expected"),
    [
        ((1280, 720), Fraction(1), 0, (640, 360)),
        ((320, 240), Fraction(1), 0, (320, 240)),
        ((1920, 1080), Fraction(1), -90, (202, 360)),
        ((720, 576), Fraction(16, 11), 0, (654, 360)),
        ((853, 480), Fraction(1), 0, (640, 360)),
        ((161, 91), Fraction(1), 0, (160, 90)),
    ],
)
def test_pictures_are_fitted_below_the_height(
    size: tuple[int, int], aspect: Fraction, rotation: int, expected: tuple[int, int]
) -> None:
    assert target_size(*size, aspect, rotation, 360) == expected


@given(sides, sides, st.integers(2, 2160))
def test_sizes_are_even_and_never_enlarged(width: int, height: int, cap: int) -> None:
    across, down = target_size(width, height, Fraction(1), 0, cap)
    assert across % 2 == down % 2 == 0
    assert across <= width
    assert down <= max(2, min(height, cap + 1))


def picture(width: int, height: int, form: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame(width, height, form)
    frame.pts, frame.time_base = 90, Fraction(1, 90_000)
    return frame


def test_a_picture_that_fits_is_left_as_it_is() -> None:
    frame = picture(640, 360)
    assert Scaler(360, Fraction(1)).scale(frame) == [frame]
    assert frame.pts == 1_000


@pytest.mark.parametrize("form", ["yuv420p10le", "yuv444p", "rgb24", "nv12", "yuvj420p"])
def test_any_pixel_format_becomes_8_bit_4_2_0(form: str) -> None:
    (scaled,) = Scaler(360, Fraction(1)).scale(picture(640, 360, form))
    assert scaled.format.name == "yuv420p"
    assert scaled.pts == 1_000


def test_a_source_that_changes_its_size_is_followed() -> None:
    scaler = Scaler(180, Fraction(1))
    sizes = [
        (frame.width, frame.height) for side in (360, 720, 360) for frame in scaler.scale(picture(640, side))
    ]
    assert sizes == [(320, 180), (160, 180), (320, 180)]
