"""The few bytes of H.264, AAC and Opus streams that a packager has to understand.

Sources: ITU-T H.264 annex B and section 7.3; ISO/IEC 14496-15 section 5.3.3 (avcC); ISO/IEC 14496-3 section
1.6.2 (AudioSpecificConfig); RFC 6716 section 3.1 (Opus TOC) and RFC 7845 section 5.1 (OpusHead).
"""

import struct
from dataclasses import dataclass

_IDR, _SPS, _PPS, _DELIMITER = 5, 7, 8, 9
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)

# Frames of silence, for holes in a track that is passed through: a hole would stop a player that needs both
# tracks.
OPUS_SILENCE = b"\xfc\xff\xfe"  # RFC 6716: CELT, fullband, 20 ms, stereo, one frame
OPUS_SILENCE_SAMPLES = 960
AAC_SILENCE = {1: bytes.fromhex("00c800802380"), 2: bytes.fromhex("210049900219002380")}
AAC_FRAME_SAMPLES = 1024


class BitstreamError(ValueError):
    """Configuration bytes that are not what their codec says."""


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units between the start codes of H.264 annex B."""
    units: list[bytes] = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        begin = start + 3
        start = data.find(b"\x00\x00\x01", begin)
        unit = data[begin : start if start >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            units.append(unit)
    return units


def is_annex_b(extradata: bytes) -> bool:
    """Whether an H.264 stream with this extradata has start codes; avcC begins with 1 instead."""
    return extradata.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))


def length_prefixed(annex_b: bytes) -> bytes:
    """An access unit as MP4 stores it: lengths for start codes, without the parameter sets that avcC
    holds."""
    units = (unit for unit in split_annex_b(annex_b) if unit[0] & 0x1F not in (_SPS, _PPS, _DELIMITER))
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def annex_b(units: list[bytes]) -> bytes:
    """NAL units with start codes."""
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def parameter_sets(data: bytes) -> list[bytes]:
    """The sequence and picture parameter sets in annex B or in an avcC record; none if it is damaged."""
    if is_annex_b(data):
        return [unit for unit in split_annex_b(data) if unit[0] & 0x1F in (_SPS, _PPS)]
    units: list[bytes] = []
    position = 5
    for mask in (0x1F, 0xFF):
        for _ in range(data[position] & mask if position < len(data) else 0):
            end = position + 3 + int.from_bytes(data[position + 1 : position + 3], "big")
            units.append(data[position + 3 : end])
            position = end - 1
        position += 1
    return units if position <= len(data) and all(units) else []


def avcc(extradata: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord of a decoder's or encoder's extradata.

    Raises:
        BitstreamError: there are no parameter sets in it.
    """
    if not is_annex_b(extradata):
        if len(extradata) < 7 or extradata[0] != 1:
            raise BitstreamError("H.264 came without its parameter sets")
        return extradata
    units = split_annex_b(extradata)
    sps = [unit for unit in units if unit[0] & 0x1F == _SPS and len(unit) >= 4]
    pps = [unit for unit in units if unit[0] & 0x1F == _PPS]
    if not sps or not pps:
        raise BitstreamError("H.264 came without its parameter sets")
    record = bytearray((1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)))
    for unit in sps:
        record += struct.pack(">H", len(unit)) + unit
    record.append(len(pps))
    for unit in pps:
        record += struct.pack(">H", len(unit)) + unit
    if sps[0][1] in (100, 110, 122, 144):  # 4:2:0 of 8 bits is all that we package
        record += bytes((0xFC | 1, 0xF8, 0xF8, 0))
    return bytes(record)


def avc_codec(record: bytes) -> str:
    """The RFC 6381 name of an avcC record: ``avc1.64001e``."""
    return f"avc1.{record[1:4].hex()}"


@dataclass(frozen=True, slots=True)
class AacConfig:
    """What an AudioSpecificConfig says."""

    object_type: int
    """2 is AAC-LC."""
    rate: int
    channels: int
    frame_samples: int


def aac_config(extradata: bytes) -> AacConfig:
    """Read an AudioSpecificConfig.

    Raises:
        BitstreamError: it is too short or names reserved values.
    """
    if len(extradata) < 2:
        raise BitstreamError("AAC came without its configuration")
    bits = int.from_bytes(extradata[:8].ljust(8, b"\0"), "big")
    position = 0

    def read(count: int) -> int:
        nonlocal position
        position += count
        return (bits >> (64 - position)) & ((1 << count) - 1)

    object_type = read(5)
    if object_type == 31:
        object_type = 32 + read(6)
    index = read(4)
    if index == 15:
        rate = read(24)
    elif index < len(_AAC_RATES):
        rate = _AAC_RATES[index]
    else:
        raise BitstreamError("the AAC configuration names a reserved sample rate")
    channels = read(4)
    short = object_type in (1, 2, 3, 4) and read(1) == 1
    return AacConfig(object_type, rate, channels, 960 if short else 1024)


def adts_config(rate: int, channels: int) -> bytes:
    """The AudioSpecificConfig of AAC-LC that came with ADTS headers instead (14496-3, section 1.A.3.2).

    Raises:
        BitstreamError: ADTS has no such rate, or the channels are not plain mono or stereo.
    """
    if rate not in _AAC_RATES or channels not in (1, 2):
        raise BitstreamError(f"ADTS has no plain {channels} channels at {rate} Hz")
    return struct.pack(">H", 2 << 11 | _AAC_RATES.index(rate) << 7 | channels << 3)


def without_adts(packet: bytes) -> bytes:
    """An AAC frame without the ADTS header (7 bytes, or 9 with a checksum) that MPEG-TS puts before it."""
    if len(packet) > 7 and packet[0] == 0xFF and packet[1] & 0xF6 == 0xF0:
        return packet[7 if packet[1] & 1 else 9 :]
    return packet


def aac_codec(extradata: bytes) -> str:
    """The RFC 6381 name of an AudioSpecificConfig: ``mp4a.40.2``."""
    return f"mp4a.40.{aac_config(extradata).object_type}"


def dops(extradata: bytes, channels: int) -> bytes:
    """The body of a dOps box from an OpusHead, or from nothing but the number of channels.

    Raises:
        BitstreamError: it is no OpusHead, or one with a channel mapping of more than two channels.
    """
    pre_skip, rate, gain = 312, 48000, 0
    if extradata:
        if len(extradata) < 19 or not extradata.startswith(b"OpusHead") or extradata[18] != 0:
            raise BitstreamError("the Opus header is not one of mono or stereo")
        channels = extradata[9]
        pre_skip, rate, gain = struct.unpack_from("<HIh", extradata, 10)
    return struct.pack(">BBHIhB", 0, channels, pre_skip, rate, gain, 0)


def opus_samples(packet: bytes) -> int:
    """How many samples at 48 kHz an Opus packet lasts (RFC 6716, section 3.1); 0 for an invalid one."""
    if not packet:
        return 0
    config = packet[0] >> 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    code = packet[0] & 3
    if code == 3:
        count = packet[1] & 0x3F if len(packet) > 1 else 0
    else:
        count = 1 if code == 0 else 2
    samples = frame * count
    return samples if samples <= 5760 else 0
