"""RTMP's chunks: cut, put together, and bounded."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.rtmp_chunks import (
    ABORT,
    AUDIO,
    MAX_MESSAGE,
    SET_CHUNK_SIZE,
    VIDEO,
    ChunkReader,
    ChunkWriter,
    Message,
    RtmpError,
)

messages = st.builds(
    Message,
    st.sampled_from([AUDIO, VIDEO]),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 5),
    st.binary(max_size=700),
)


@given(st.lists(st.tuples(st.integers(2, 63), messages), max_size=5), st.integers(1, 500), st.integers(1, 99))
def test_messages_arrive_as_they_were_sent_however_they_are_cut(
    sent: list[tuple[int, Message]], chunk_size: int, step: int
) -> None:
    writer, reader = ChunkWriter(), ChunkReader()
    data = writer.set_chunk_size(chunk_size) + b"".join(writer.write(*item) for item in sent)
    received: list[Message] = []
    for begin in range(0, len(data), step):
        received += reader.receive(data[begin : begin + step])
    assert received == [message for _, message in sent]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_an_error(data: bytes) -> None:
    try:
        ChunkReader().receive(data)
    except RtmpError:
        pass


def header(form: int, stream: int, *fields: bytes) -> bytes:
    return bytes((form << 6 | stream,)) + b"".join(fields)


def whole(stream: int, time: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    fields = (time.to_bytes(3, "big"), size.to_bytes(3, "big"), bytes((VIDEO,)), struct.pack("<I", 1), body)
    return header(0, stream, *fields)


def test_shorter_headers_stand_for_what_came_before() -> None:
    data = whole(4, 1_000, b"abc")
    data += header(1, 4, b"\x00\x00\x28", b"\x00\x00\x02", bytes((AUDIO,)), b"de")
    data += header(2, 4, b"\x00\x00\x0a", b"fg")
    data += header(3, 4, b"hi")
    assert ChunkReader().receive(data) == [
        Message(VIDEO, 1_000, 1, b"abc"),
        Message(AUDIO, 1_040, 1, b"de"),
        Message(AUDIO, 1_050, 1, b"fg"),
        Message(AUDIO, 1_060, 1, b"hi"),
    ]


def test_chunk_streams_of_many_numbers_are_told_apart() -> None:
    fields = whole(2, 0, b"a")[1:]
    data = b"\x00\x05" + fields + b"\x01\x05\x01" + fields
    data += b"\xc0\x05b" + b"\xc1\x05\x01c"
    assert [message.body for message in ChunkReader().receive(data)] == [b"a", b"a", b"b", b"c"]


def test_messages_of_two_streams_interleave() -> None:
    data = whole(4, 0, b"a" * 128, 200) + whole(6, 0, b"b" * 3) + header(3, 4, b"a" * 72)
    assert [message.body for message in ChunkReader().receive(data)] == [b"bbb", b"a" * 200]


def test_an_aborted_message_is_forgotten() -> None:
    abort = ChunkWriter().write(2, Message(ABORT, 0, 0, struct.pack(">I", 4)))
    unknown = ChunkWriter().write(2, Message(ABORT, 0, 0, struct.pack(">I", 9)))
    data = whole(4, 0, b"a" * 128, 200) + abort + unknown + whole(4, 0, b"xy")
    assert [message.body for message in ChunkReader().receive(data)] == [b"xy"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header(3, 4), "nothing came before"),
        (whole(4, 0, b"", MAX_MESSAGE + 1), "too long"),
        (whole(4, 0, b"a" * 128, 200) + whole(4, 0, b"", 300), "changes its length"),
        (
            b"".join(whole(number, 0, b"") for number in range(2, 64))
            + b"".join(b"\x00" + bytes((number,)) + whole(2, 0, b"")[1:] for number in range(3)),
            "too many",
        ),
        (ChunkWriter().write(2, Message(SET_CHUNK_SIZE, 0, 0, bytes(4))), "impossible size"),
        (b"".join(whole(number, 0, b"a" * 128, MAX_MESSAGE) for number in range(4, 8)), "too long"),
    ],
)
def test_what_breaks_the_rules_or_the_bounds_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(RtmpError, match=words):
        ChunkReader().receive(data)
