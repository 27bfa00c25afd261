"""The boxes of fragmented MP4, written byte by byte so that every time in them is ours.

Sources: ISO/IEC 14496-12 (section numbers below), 14496-14 section 6.7 (esds), 14496-15 section 5.4 (avc1,
avcC) and "Encapsulation of Opus in ISO Base Media File Format" section 4.3 (Opus, dOps).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

VIDEO_TRACK, AUDIO_TRACK = 1, 2
VIDEO_TIMESCALE = 90_000

_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC = 0x02000000  # sample_depends_on = 2: on no other (8.8.3.1)
_NOT_SYNC = 0x01010000  # depends on others, and is no sync sample


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """An H.264 track; its timescale is `VIDEO_TIMESCALE`."""

    width: int
    height: int
    avcc: bytes
    frame_rate: float = 0.0
    pixel_aspect: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio track; its timescale is its sample rate (48,000 for Opus)."""

    codec: Literal["opus", "aac"]
    rate: int
    channels: int
    config: bytes
    """The body of dOps for Opus, an AudioSpecificConfig for AAC."""
    bit_rate: int = 0


@dataclass(slots=True)
class Run:
    """The samples of one track in one fragment."""

    track: int
    decode_time: int
    """Of the first sample, in the track's timescale."""
    durations: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)


def box(kind: bytes, *content: bytes) -> bytes:
    """A box (4.2)."""
    size = 8 + sum(map(len, content))
    return b"".join((struct.pack(">I4s", size, kind), *content))


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A full box (4.2)."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def init_segment(video: VideoTrack | None, audio: AudioTrack | None) -> bytes:
    """ftyp and moov of a fragmented file (8.1, 8.2) with one or two tracks."""
    tracks = []
    if video is not None:
        tracks.append(_video_trak(video))
    if audio is not None:
        tracks.append(_audio_trak(audio))
    extends = [  # 8.8.3; every fragment states durations, sizes and flags itself
        full_box(b"trex", 0, 0, struct.pack(">5I", number, 1, 0, 0, 0))
        for number, track in ((VIDEO_TRACK, video), (AUDIO_TRACK, audio))
        if track is not None
    ]
    header = struct.pack(">4IIHHII", 0, 0, 1000, 0, 0x10000, 0x100, 0, 0, 0) + _MATRIX + bytes(24)
    header += struct.pack(">I", 3)  # next_track_ID
    return box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6cmfcmp41") + box(
        b"moov", full_box(b"mvhd", 0, 0, header), *tracks, box(b"mvex", *extends)
    )


def fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """moof and mdat (8.8.4): one traf a run, `default-base-is-moof`, decode time, explicit samples."""
    sizes = [sum(map(len, run.data)) for run in runs]
    # The data offset is a fixed-size field, so a moof written with zeros has its final size.
    moof = _moof(sequence, runs, [0] * len(runs))
    offsets, offset = [], len(moof) + 8
    for size in sizes:
        offsets.append(offset)
        offset += size
    payload = (data for run in runs for data in run.data)
    return _moof(sequence, runs, offsets) + box(b"mdat", *payload)


def _moof(sequence: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    trafs = []
    for run, offset in zip(runs, offsets, strict=True):
        video = run.track == VIDEO_TRACK
        samples = []
        for duration, key, data in zip(run.durations, run.keys, run.data, strict=True):
            samples.append(struct.pack(">II", duration, len(data)))
            if video:
                samples.append(struct.pack(">I", _SYNC if key else _NOT_SYNC))
        flags = 0x1 | 0x100 | 0x200 | (0x400 if video else 0)  # 8.8.8: offset, durations, sizes, flags
        if video:
            header = full_box(b"tfhd", 0, 0x20000, struct.pack(">I", run.track))
        else:  # 8.8.7: every audio sample is a sync sample
            header = full_box(b"tfhd", 0, 0x20020, struct.pack(">II", run.track, _SYNC))
        trafs.append(
            box(
                b"traf",
                header,
                full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time)),
                full_box(b"trun", 0, flags, struct.pack(">Ii", len(run.data), offset), *samples),
            )
        )
    return box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF)), *trafs)


def _trak(
    number: int, volume: int, size: tuple[int, int], timescale: int, kind: bytes, *media: bytes
) -> bytes:
    track = struct.pack(">5I", 0, 0, number, 0, 0) + bytes(8) + struct.pack(">hhhH", 0, 0, volume, 0)
    track += _MATRIX + struct.pack(">II", size[0] << 16, size[1] << 16)
    name = {b"vide": b"video\0", b"soun": b"audio\0"}[kind]
    language = struct.pack(">HH", 0x55C4, 0)  # "und"
    reference = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    media_header, sample_entry = media
    table = box(
        b"stbl",  # 8.5: the tables of a file that consists of fragments are empty
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    return box(
        b"trak",
        full_box(b"tkhd", 0, 7, track),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">4I", 0, 0, timescale, 0), language),
            full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name),
            box(b"minf", media_header, reference, table),
        ),
    )


def _video_trak(track: VideoTrack) -> bytes:
    across, down = track.pixel_aspect
    entry = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", track.width, track.height)
    entry += (
        struct.pack(">III", 0x480000, 0x480000, 0)
        + struct.pack(">H", 1)
        + bytes(32)
        + struct.pack(">Hh", 24, -1)
    )
    aspect = b"" if across == down else box(b"pasp", struct.pack(">II", across, down))
    return _trak(
        VIDEO_TRACK,
        0,
        (track.width * across // down, track.height),
        VIDEO_TIMESCALE,
        b"vide",
        full_box(b"vmhd", 0, 1, bytes(8)),
        box(b"avc1", entry, box(b"avcC", track.avcc), aspect),
    )


def _audio_trak(track: AudioTrack) -> bytes:
    entry = bytes(6) + struct.pack(">H", 1) + bytes(8)
    entry += struct.pack(">HHHHI", track.channels, 16, 0, 0, track.rate << 16)
    if track.codec == "opus":
        sample_entry = box(b"Opus", entry, box(b"dOps", track.config))
    else:
        sample_entry = box(b"mp4a", entry, _esds(track))
    return _trak(
        AUDIO_TRACK, 0x100, (0, 0), track.rate, b"soun", full_box(b"smhd", 0, 0, bytes(4)), sample_entry
    )


def _esds(track: AudioTrack) -> bytes:
    """ISO/IEC 14496-1 section 7.2.6: the descriptors around an AudioSpecificConfig."""
    specific = _descriptor(5, track.config)
    config = _descriptor(
        4, struct.pack(">BBBHII", 0x40, 0x15, 0, 0, track.bit_rate, track.bit_rate), specific
    )
    return full_box(
        b"esds", 0, 0, _descriptor(3, struct.pack(">HB", AUDIO_TRACK, 0), config, _descriptor(6, b"\x02"))
    )


def _descriptor(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = (
        0x80 | len(body) >> 21 & 0x7F,
        0x80 | len(body) >> 14 & 0x7F,
        0x80 | len(body) >> 7 & 0x7F,
        len(body) & 0x7F,
    )
    return bytes((tag, *size)) + body
