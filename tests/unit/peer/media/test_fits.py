"""What a gauge of packets decides: pass through, or encode."""

from peer.media.fits import GopGauge


def gauge(times: list[int], keys: set[int], *, reordered: bool = False) -> GopGauge:
    result = GopGauge()
    for time in times:
        result.add(time, reordered, time in keys, 1_000)
    return result


SECOND = [number * 40_000 for number in range(25)]


def test_the_second_key_frame_within_two_seconds_decides_for_passing() -> None:
    times = [number * 40_000 for number in range(51)]
    assert gauge(times[:50], {0, 2_000_000}).verdict is None
    assert gauge(times, {0, 2_000_000}).verdict is True


def test_no_second_key_frame_for_two_seconds_decides_for_encoding() -> None:
    result = gauge([number * 40_000 for number in range(60)], {0})
    assert result.verdict is False
    assert result.reason == "its key frames are more than 2 s apart"


def test_a_long_group_is_found_after_short_ones() -> None:
    result = gauge([number * 40_000 for number in range(150)], {0, 1_000_000, 2_000_000, 5_000_000})
    assert result.verdict is False


def test_pictures_out_of_order_are_b_frames() -> None:
    assert gauge(SECOND, {0}, reordered=True).reason == "it has B-frames"


def test_no_key_frame_at_all_is_encoded() -> None:
    assert gauge([number * 40_000 for number in range(60)], set()).verdict is False


def test_a_jump_is_no_long_group() -> None:
    result = gauge([0, 40_000], {0})
    result.jumped()
    result.add(90_000_000, False, False, 1_000)
    result.add(90_040_000, False, True, 1_000)
    assert result.verdict is True


def test_the_bit_rate_is_that_of_the_packets() -> None:
    assert gauge(SECOND, {0}).bit_rate == 25 * 8_000_000 * 1_000 // 960_000
    assert gauge(SECOND[:5], {0}).bit_rate == 0
