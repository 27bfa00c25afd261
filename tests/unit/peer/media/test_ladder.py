"""Which renditions a source is published in."""

import pytest

from peer.media.ladder import Ladder, LadderError, Rung, parse_ladder
from peer.media.parts import EncodeOptions, MediaOptions

WRITTEN = "720p:2500k,360p:700k"


def heights(text: str, height: int) -> list[int]:
    return [rung.height for rung in parse_ladder(text).fit(height)]


def test_rungs_are_read_in_any_order_and_the_tallest_is_first() -> None:
    rungs = (Rung(720, 2_500_000), Rung(480, 1_200_000), Rung(360, 700_000))
    assert parse_ladder("360p:700k, 720p:2.5M,480p:1200k").rungs == rungs
    assert [rung.name for rung in rungs] == ["720p", "480p", "360p"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        ("720p", "'720p'"),
        ("720:2500k", "'720:2500k'"),
        ("720p:fast", "'720p:fast'"),
        ("720p:2500k,", "''"),
        ("361p:700k", "361p: heights are even"),
        ("40p:700k", "from 90 to 4320"),
        ("720p:2500k,720p:1M", "720p twice"),
        ("720p:700k,360p:700k", "360p needs a lower bit rate than its 720p"),
        (",".join(f"{height}p:{height}k" for height in range(100, 240, 20)), "at most 6 rungs"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused_in_a_sentence(text: str, part: str) -> None:
    with pytest.raises(LadderError) as failure:
        parse_ladder(text)
    assert part in str(failure.value)
    assert str(failure.value).endswith(".")


@pytest.mark.parametrize(
    ("text", "height", "wanted"),
    [
        (WRITTEN, 1080, [720, 360]),
        (WRITTEN, 720, [720, 360]),
        (WRITTEN, 480, [720, 360]),
        (WRITTEN, 360, [360]),
        (WRITTEN, 240, [360]),
        ("auto", 2160, [1080, 720, 360]),
        ("auto", 1080, [1080, 720, 360]),
        ("auto", 720, [720, 360, 240]),
        ("auto", 480, [480, 240]),
        ("auto", 300, [300]),
    ],
)
def test_a_small_source_has_no_rungs_that_it_cannot_fill(text: str, height: int, wanted: list[int]) -> None:
    assert heights(text, height) == wanted


def test_rates_of_an_automatic_ladder_fall_with_its_heights() -> None:
    for height in range(90, 2200, 2):
        rungs = Ladder().fit(height)
        assert [rung.video_bitrate for rung in rungs] == sorted(
            {rung.video_bitrate for rung in rungs}, reverse=True
        )


def test_a_source_that_is_more_than_the_first_rung_does_not_pass_as_it_comes() -> None:
    written, automatic = parse_ladder(WRITTEN), Ladder()
    assert written.misfit(720, 0) is None
    assert written.misfit(720, 3_700_000) is None
    assert "4000 kbit/s" in (written.misfit(720, 4_000_000) or "")
    assert "720 lines" in (written.misfit(1080, 0) or "")
    assert automatic.misfit(720, 8_000_000) is None
    assert "1080 lines" in (automatic.misfit(2160, 0) or "")


def test_the_first_rung_says_how_to_encode_in_place_of_other_options() -> None:
    options = MediaOptions(encode=EncodeOptions(height=180, audio_codec="aac"), ladder=parse_ladder(WRITTEN))
    encoding = options.encoding(1080)
    assert (encoding.height, encoding.video_bitrate, encoding.audio_codec) == (720, 2_500_000, "aac")
    assert MediaOptions().encoding(1080) == EncodeOptions()
