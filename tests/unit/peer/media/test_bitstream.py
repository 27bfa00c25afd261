"""H.264, AAC and Opus: the bytes that a packager reads and writes."""

import struct

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.bitstream import (
    AAC_SILENCE,
    OPUS_SILENCE,
    BitstreamError,
    aac_codec,
    aac_config,
    adts_config,
    annex_b,
    avc_codec,
    avcc,
    dops,
    is_annex_b,
    length_prefixed,
    opus_samples,
    parameter_sets,
    split_annex_b,
    without_adts,
)

SPS, PPS = bytes.fromhex("6764001eacb405017fcb08"), bytes.fromhex("68ef3cb0")
# A NAL unit holds no start code and does not end in zero (H.264, 7.4.1).
units = st.binary(min_size=1, max_size=60).map(
    lambda data: b"\x65" + data.replace(b"\x00\x00", b"\x00\x07") + b"\x80"
)


@given(st.lists(units, min_size=1, max_size=5), st.booleans())
def test_annex_b_becomes_length_prefixed_whatever_the_start_codes(nal_units: list[bytes], long: bool) -> None:
    start = b"\x00\x00\x00\x01" if long else b"\x00\x00\x01"
    stream = b"".join(start + unit for unit in nal_units)
    assert split_annex_b(stream) == nal_units
    assert length_prefixed(stream) == b"".join(struct.pack(">I", len(unit)) + unit for unit in nal_units)


def test_parameter_sets_stay_out_of_samples() -> None:
    stream = b"".join(b"\x00\x00\x00\x01" + unit for unit in (b"\x09\xf0", SPS, PPS, b"\x65\x88\x80"))
    assert length_prefixed(stream) == b"\x00\x00\x00\x03\x65\x88\x80"


def test_avcc_of_annex_b_names_the_profile_and_holds_both_sets() -> None:
    record = avcc(b"\x00\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS)
    assert avc_codec(record) == "avc1.64001e"
    assert SPS in record
    assert PPS in record
    assert avcc(record) == record


@pytest.mark.parametrize("extradata", [b"", b"\x00\x00\x01" + SPS, b"\x01\x64", b"\x02" * 20])
def test_h264_without_parameter_sets_is_refused(extradata: bytes) -> None:
    with pytest.raises(BitstreamError):
        avcc(extradata)


def test_parameter_sets_are_the_same_in_both_forms() -> None:
    stream = annex_b([b"\x09\xf0", SPS, PPS, b"\x65\x88\x80"])
    assert parameter_sets(stream) == [SPS, PPS]
    assert parameter_sets(avcc(stream)) == [SPS, PPS]


@given(st.binary(max_size=40))
def test_a_damaged_record_has_no_parameter_sets_or_whole_ones(tail: bytes) -> None:
    record = avcc(annex_b([SPS, PPS]))
    for data in (record[: len(tail)], record[:5] + tail):
        assert all(parameter_sets(data))


def test_adts_tells_what_an_aac_configuration_would() -> None:
    for rate, channels in ((48_000, 2), (44_100, 1), (8_000, 2)):
        config = aac_config(adts_config(rate, channels))
        assert (config.object_type, config.rate, config.channels) == (2, rate, channels)
    for rate, channels in ((48_001, 2), (48_000, 6)):
        with pytest.raises(BitstreamError):
            adts_config(rate, channels)


def test_adts_headers_are_taken_off_and_nothing_else() -> None:
    frame = b"\x21\x10\x05"
    assert without_adts(bytes.fromhex("fff14c80051ffc") + frame) == frame
    assert without_adts(bytes.fromhex("fff04c80051ffcabcd") + frame) == frame
    assert without_adts(frame) == frame
    assert without_adts(b"\xff\xf1") == b"\xff\xf1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1210", (2, 44100, 2, 1024)), ("119056e500", (2, 48000, 2, 1024)), ("11b0", (2, 48000, 6, 1024))],
)
def test_aac_configurations_are_read(text: str, expected: tuple[int, ...]) -> None:
    config = aac_config(bytes.fromhex(text))
    assert (config.object_type, config.rate, config.channels, config.frame_samples) == expected
    assert aac_codec(bytes.fromhex(text)) == "mp4a.40.2"


@given(st.binary(max_size=20))
def test_any_bytes_are_an_aac_configuration_or_an_error(data: bytes) -> None:
    try:
        assert aac_config(data).rate > 0 or data[0] & 7 == 7
    except BitstreamError:
        pass


def test_opus_header_keeps_pre_skip_and_turns_its_byte_order() -> None:
    head = b"OpusHead\x01\x02" + struct.pack("<HIh", 312, 48000, -5) + b"\x00"
    assert dops(head, 2) == struct.pack(">BBHIhB", 0, 2, 312, 48000, -5, 0)
    with pytest.raises(BitstreamError):
        dops(head[:-1] + b"\x01", 2)


@given(st.binary(max_size=8))
def test_opus_durations_are_possible(packet: bytes) -> None:
    assert 0 <= opus_samples(packet) <= 5760


def test_avcc_is_told_from_annex_b_by_its_version() -> None:
    assert is_annex_b(b"\x00\x00\x00\x01" + SPS)
    assert not is_annex_b(avcc(b"\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS))


def test_opus_silence_is_silent_and_lasts_20_ms() -> None:
    assert opus_samples(OPUS_SILENCE) == 960
    decoder = av.CodecContext.create("opus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = b"OpusHead\x01\x02" + struct.pack("<HIh", 0, 48000, 0) + b"\x00"
    frames = decoder.decode(av.Packet(OPUS_SILENCE)) + decoder.decode(av.Packet(OPUS_SILENCE))
    assert frames
    assert all(not any(bytes(plane)) for frame in frames for plane in frame.planes)


@pytest.mark.parametrize(("channels", "config"), [(1, "1188"), (2, "1190")])
def test_aac_silence_is_silent_in_mono_and_stereo(channels: int, config: str) -> None:
    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = bytes.fromhex(config)
    frames = decoder.decode(av.Packet(AAC_SILENCE[channels])) + decoder.decode(
        av.Packet(AAC_SILENCE[channels])
    )
    assert [frame.samples for frame in frames] == [1024, 1024]
    assert all(not any(bytes(plane)) for frame in frames for plane in frame.planes)
