"""Two tracks in order of time, with the durations that they have."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.box import AudioTrack, VideoTrack
from peer.media.lookahead import Lookahead
from peer.media.packager import Sample
from peer.media.timeline import Kind
from peer.media.units import Packet, Unit


class Source:
    """A track that nothing is read from."""

    bandwidth, frame_rate = 0, 0.0

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind

    def config(self) -> VideoTrack | AudioTrack:
        raise NotImplementedError

    def read(self, packet: Packet | None) -> list[Unit]:
        raise NotImplementedError

    def write(self, unit: Unit, time: int, capture_time: int) -> list[Sample]:
        raise NotImplementedError

    def resume(self, end: int) -> None:
        raise NotImplementedError

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        raise NotImplementedError


VIDEO, AUDIO = Source("video"), Source("audio")
PACKET, PICTURE = av.Packet(b"x"), av.VideoFrame(16, 16, "yuv420p")


def play(units: list[Unit], kinds: set[Kind]) -> list[Unit]:
    lookahead = Lookahead(kinds)
    played = [ready for unit in units for ready in lookahead.push(unit)]
    return played + list(lookahead.finish())


def test_badly_interleaved_tracks_come_out_in_order_of_time() -> None:
    units = [Unit(VIDEO, number * 40_000, 40_000, PACKET) for number in range(25)]
    units += [Unit(AUDIO, number * 20_000, 20_000, PACKET) for number in range(50)]
    times = [unit.time for unit in play(units, {"video", "audio"})]
    assert times == sorted(times)
    assert len(times) == 75


def test_a_frame_lasts_until_the_next_one_whatever_it_claims() -> None:
    units = [Unit(VIDEO, time, 1, PACKET) for time in (0, 40_000, 100_000)]
    assert [unit.duration for unit in play(units, {"video"})] == [40_000, 60_000, 1]


def test_the_last_picture_stays_until_the_sound_ends() -> None:
    units = [Unit(VIDEO, 0, 40_000, PACKET), Unit(AUDIO, 0, 100_000, PACKET)]
    assert [unit.duration for unit in play(units, {"video", "audio"}) if unit.track is VIDEO] == [100_000]


def test_a_decoded_picture_is_shown_again_while_the_sound_goes_on() -> None:
    units = [Unit(VIDEO, 0, 40_000, PICTURE)]
    units += [Unit(AUDIO, number * 20_000, 20_000, PACKET) for number in range(500)]
    pictures = [unit for unit in play(units, {"video", "audio"}) if unit.track is VIDEO]
    assert [unit.time for unit in pictures[:3]] == [0, 40_000, 80_000]
    assert 9_900_000 <= pictures[-1].end <= 10_040_000


@pytest.mark.parametrize("missing", [VIDEO, AUDIO])
def test_a_track_without_packets_does_not_hold_up_the_other_for_ever(missing: Source) -> None:
    lookahead = Lookahead({"video", "audio"})
    other = AUDIO if missing is VIDEO else VIDEO
    played = [
        ready for number in range(1_000) for ready in lookahead.push(Unit(other, number * 40_000, 1, PACKET))
    ]
    assert len(played) > 900


def test_an_encoder_s_priming_before_the_first_picture_is_left_out() -> None:
    units = [Unit(AUDIO, number * 20_000 - 40_000, 20_000, PACKET) for number in range(10)]
    units += [Unit(VIDEO, number * 40_000, 40_000, PACKET) for number in range(4)]
    assert play(units, {"video", "audio"})[0].time == 0


def test_sound_that_begins_long_before_the_pictures_is_played() -> None:
    units = [Unit(AUDIO, number * 20_000, 20_000, PACKET) for number in range(100)]
    units += [Unit(VIDEO, 1_000_000 + number * 40_000, 40_000, PACKET) for number in range(25)]
    assert len(play(units, {"video", "audio"})) == 125


@given(st.lists(st.tuples(st.booleans(), st.integers(-(10**7), 10**7), st.integers(0, 10**6)), max_size=60))
def test_no_packet_is_played_twice_and_no_picture_is_lost(steps: list[tuple[bool, int, int]]) -> None:
    units = [Unit(VIDEO if video else AUDIO, time, length, av.Packet(b"x")) for video, time, length in steps]
    played = play(units, {"video", "audio"})
    assert len({id(unit) for unit in played}) == len(played)
    assert {id(unit) for unit in units if unit.track is VIDEO} <= {id(unit) for unit in played}
