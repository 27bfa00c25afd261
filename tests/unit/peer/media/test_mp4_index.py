"""The tables of a recording, and what a hostile publisher might send to whoever records it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.box import AudioTrack, Run, VideoTrack, box, fragment, full_box, init_segment
from peer.media.mp4_index import Mp4Error, Mp4Index, boxes

INIT = init_segment(VideoTrack(320, 180, b"\1\x42\xc0\x1e"), AudioTrack("opus", 48_000, 2, bytes(11)))


def part(time: int, frames: int = 3, audio: bool = True) -> bytes:
    """Frames of 3,000 ticks and of sizes 1, 2, 3, …, the first a key frame; packets of 960 beside."""
    runs = [
        Run(
            1,
            time,
            [3_000] * frames,
            [number == 0 for number in range(frames)],
            [b"v" * n for n in range(1, frames + 1)],
        )
    ]
    if audio:
        runs.append(Run(2, time * 48 // 90, [960] * 5, [True] * 5, [b"a"] * 5))
    return fragment(1, runs)


def table(moov: bytes, kind: bytes, trak: int) -> tuple[int, ...]:
    """The 32-bit numbers of a full box of a track."""

    def find(data: bytes, path: list[bytes]) -> list[bytes]:
        found = [body for name, body in boxes(data) if name == path[0]]
        return found if len(path) == 1 else [deep for body in found for deep in find(body, path[1:])]

    content = find(moov[8:], [b"trak", b"mdia", b"minf", b"stbl", kind])[trak]
    return struct.unpack(f">{len(content) // 4}I", content)[1:]


def test_tables_name_every_sample_once() -> None:
    index = Mp4Index(INIT)
    position = len(index.head)
    for number in range(3):
        data = part(number * 9_000)
        index.add(data, position)
        position += len(data)
    moov = index.moov()
    assert table(moov, b"stts", 0) == (1, 9, 3_000)
    assert table(moov, b"stsz", 0) == (0, 9, *[1, 2, 3] * 3)
    assert table(moov, b"stss", 0) == (3, 1, 4, 7)
    assert table(moov, b"stsc", 0) == (1, 1, 3, 1)
    assert table(moov, b"stsz", 1) == (0, 15, *[1] * 15)
    assert table(moov, b"co64", 0)[0] == 3
    assert index.duration == pytest.approx(0.3)


def test_a_sample_lasts_until_what_comes_after_a_hole() -> None:
    index = Mp4Index(INIT)
    index.add(part(0, audio=False), 100)
    index.add(part(90_000, frames=2, audio=False), 200)
    assert table(index.moov(), b"stts", 0) == (3, 2, 3_000, 1, 84_000, 2, 3_000)
    assert table(index.moov(), b"stsc", 0) == (2, 1, 3, 1, 2, 2, 1)


def test_the_wrapping_reaches_from_the_free_box_to_the_moov() -> None:
    index = Mp4Index(INIT)
    assert index.head[index.reserve : index.reserve + 8] == struct.pack(">I4s", 16, b"free")
    assert index.wrapping(1_000) == struct.pack(">I4sQ", 1, b"mdat", 1_000 - index.reserve)
    assert index.duration == 0.0


@pytest.mark.parametrize(
    "init",
    [
        b"",
        b"1234",
        box(b"moov"),
        box(b"ftyp") + box(b"moov"),
        box(b"ftyp") + box(b"moov", full_box(b"mvhd", 0, 0, bytes(96))),
        box(b"ftyp") + box(b"moov", full_box(b"mvhd", 0, 0, bytes(96)), box(b"trak", box(b"tkhd", b"\0"))),
        box(b"ftyp") + box(b"moov", full_box(b"mvhd", 0, 0, bytes(96)), box(b"trak")),
        INIT[:-4],
    ],
)
def test_what_is_no_init_segment_is_refused(init: bytes) -> None:
    with pytest.raises(Mp4Error):
        Mp4Index(init)


def test_samples_that_say_nothing_of_themselves_lie_in_the_past_or_a_day_ahead_are_refused() -> None:
    index = Mp4Index(INIT)
    index.add(part(90_000), 100)
    good = part(900_000)
    with pytest.raises(Mp4Error, match="before the end"):
        index.add(part(0), 200)
    with pytest.raises(Mp4Error, match="how long and how big"):
        index.add(good.replace(struct.pack(">I", 0x701), struct.pack(">I", 0x001)), 200)
    with pytest.raises(Mp4Error, match="hole"):
        index.add(part(1 << 33), 200)
    with pytest.raises(Mp4Error, match="cut off"):
        index.add(box(b"moof", box(b"traf", box(b"tfhd", b"\0"))), 200)
    index.add(box(b"moof", box(b"traf", full_box(b"tfhd", 0, 0, struct.pack(">I", 99)))) + box(b"free"), 200)


@given(st.integers(0, len(part(0)) - 1), st.integers(0, 255), st.booleans())
def test_damage_is_an_error_or_tables_but_nothing_else(position: int, value: int, of_init: bool) -> None:
    data = bytearray(INIT if of_init else part(9_000))
    data[position % len(data)] = value
    try:
        index = Mp4Index(bytes(data) if of_init else INIT)
        index.add(part(9_000) if of_init else bytes(data), 100)
        index.moov()
    except Mp4Error:
        pass
