"""Link messages survive their encoding, and no bytes whatever make decode raise anything but a WireError."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer import wire
from peer.seal import FIRST
from signaling.chat_header import MAX_BODY, ChatHeader, ChatHeaderError, message_id, room_hash

U8 = st.integers(0, 255)
U32 = st.integers(0, 2**32 - 1)
Time = st.integers(0, 2**53 - 1)
Stripe = st.integers(0, 15)
Index = st.integers(0, 1023)


def fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


def several(items: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=most).map(tuple)


Short = st.text(max_size=60)
Headers = st.builds(
    ChatHeader,
    kind=U8,
    room=fixed(8),
    author=fixed(32),
    clock=U32,
    time=Time,
    follows=several(fixed(32), 8),
    body_length=st.integers(0, MAX_BODY),
    body_hash=fixed(32),
)


@st.composite
def chat_messages(draw: st.DrawFn) -> wire.ChatMessage:
    header = draw(Headers)
    length = draw(st.sampled_from((0, 1, 100, MAX_BODY)))
    header = ChatHeader(
        header.kind,
        header.room,
        header.author,
        header.clock,
        header.time,
        header.follows,
        length,
        header.body_hash,
    )
    return wire.ChatMessage(header.encode(), draw(fixed(64)), draw(st.sampled_from((None, bytes(length)))))


Messages = st.one_of(
    st.builds(wire.Hello, st.just(1), several(Short, 5), Short),
    st.builds(wire.Ping, fixed(16), Time),
    st.builds(wire.Pong, fixed(16), Time, Time, Time, U32),
    st.builds(wire.ErrorMessage, st.integers(0, 65535), Short),
    st.builds(wire.Bye, U8),
    st.builds(wire.Block, fixed(148), Index, several(fixed(16), 10), st.binary(max_size=300)),
    st.builds(wire.Subscribe, fixed(8), Stripe, U32, U32),
    st.builds(wire.Unsubscribe, fixed(8), Stripe),
    st.builds(wire.Refuse, fixed(8), Stripe, U8),
    st.builds(
        wire.Status,
        fixed(8),
        U32,
        U32,
        st.booleans(),
        st.booleans(),
        U8,
        st.lists(
            st.builds(wire.StripeStatus, st.booleans(), st.booleans(), several(fixed(4), 6)),
            min_size=1,
            max_size=16,
        ).map(tuple),
    ),
    st.builds(wire.Want, fixed(8), U32, U32, several(Index, 20)),
    st.builds(wire.Probe, fixed(8), U8, st.integers(1, 255), st.integers(11, wire.MAX_PROBE)),
    st.builds(wire.Probed, fixed(8), U8, U32),
    st.builds(wire.Stream, st.binary(min_size=97, max_size=200)),
    chat_messages(),
    st.builds(wire.ChatHave, several(fixed(32), 5)),
    st.builds(wire.ChatWant, several(fixed(32), 5)),
)


@settings(max_examples=500)
@given(Messages)
def test_what_was_encoded_is_decoded(message: wire.Message) -> None:
    encoded = wire.encode(message)
    assert wire.decode(encoded) == message
    assert wire.peek_type(encoded) == encoded[0]


def decode_or_refuse(data: bytes) -> wire.Message | None:
    try:
        return wire.decode(data)
    except wire.WireError as error:
        refusal = error
    assert refusal.code in (wire.MALFORMED, wire.VERSION, wire.TOO_LARGE)
    assert str(refusal) == refusal.sentence
    assert refusal.sentence.endswith(".")
    assert "\n" not in refusal.sentence
    return None


@settings(max_examples=500)
@given(st.sampled_from(sorted(wire._DECODERS)), st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_wire_error(kind: int, data: bytes) -> None:
    decode_or_refuse(data)
    decode_or_refuse(bytes((kind,)) + data)


@settings(max_examples=1000)
@given(Messages, st.data())
def test_damaged_message_raises_nothing_but_wire_error(message: wire.Message, data: st.DataObject) -> None:
    damaged = bytearray(wire.encode(message))
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(U8)
    cut = data.draw(st.integers(0, len(damaged)))
    tail = data.draw(st.binary(max_size=40))
    result = decode_or_refuse(bytes(damaged[:cut]) + tail)
    if result is not None:
        assert wire.decode(wire.encode(result)) == result


@given(Messages, st.data())
def test_message_cut_short_is_refused_or_another_whole_one(
    message: wire.Message, data: st.DataObject
) -> None:
    encoded = wire.encode(message)
    short = encoded[: data.draw(st.integers(1, len(encoded) - 1))]
    open_ended = isinstance(message, wire.Block | wire.ErrorMessage | wire.Probe | wire.Stream)
    assert open_ended or decode_or_refuse(short) is None


def test_unknown_type_is_no_error() -> None:
    assert wire.decode(b"\x7fwhatever") is None
    assert wire.decode(b"\x00") is None


def test_message_may_be_as_large_as_the_limit_and_no_larger() -> None:
    text = "x" * (wire.MAX_MESSAGE - 3)
    assert wire.decode(wire.encode(wire.ErrorMessage(1, text))) == wire.ErrorMessage(1, text)
    with pytest.raises(wire.WireError, match="at most 65536 bytes") as caught:
        wire.decode(bytes(wire.MAX_MESSAGE + 1))
    assert caught.value.code == wire.TOO_LARGE


def test_hello_of_another_version_is_refused_whatever_follows() -> None:
    with pytest.raises(wire.WireError, match="speaks version 2") as caught:
        wire.decode(b"\x01\x02\xff\xff")
    assert caught.value.code == wire.VERSION
    assert wire.encode(wire.Hello(2, (), ""))[:2] == b"\x01\x02"


def test_empty_message_is_refused() -> None:
    assert wire.peek_type(b"") == -1
    with pytest.raises(wire.WireError, match="empty"):
        wire.decode(b"")


@pytest.mark.parametrize(
    "message",
    [
        wire.Hello(1, ("",) * 256, ""),
        wire.Hello(1, (), "x" * 256),
        wire.Hello(256, (), ""),
        wire.Hello(1, ("x" * 255,) * 255, "x" * 255),
        wire.Ping(bytes(15), 0),
        wire.Ping(bytes(16), 2**53),
        wire.Pong(bytes(16), 0, -1, 0, 0),
        wire.Bye(256),
        wire.Block(bytes(147), 0, (), b""),
        wire.Block(bytes(148), 1024, (), b""),
        wire.Block(bytes(148), -1, (), b""),
        wire.Block(bytes(148), 0, (bytes(16),) * 11, b""),
        wire.Block(bytes(148), 0, (bytes(15),), b""),
        wire.Block(bytes(148), 0, (), bytes(16385)),
        wire.Subscribe(bytes(8), 16, 0, 0),
        wire.Unsubscribe(bytes(9), 0),
        wire.Refuse(bytes(8), 16, 1),
        wire.Status(bytes(8), 0, 0, True, False, 256, (wire.StripeStatus(True, False, ()),)),
        wire.Status(bytes(8), 0, 0, True, False, 0, ()),
        wire.Status(bytes(8), 0, 0, True, False, 0, (wire.StripeStatus(True, False, (bytes(3),)),)),
        wire.Status(bytes(8), 0, 0, True, False, 0, (wire.StripeStatus(True, False, (FIRST[:4],) * 256),)),
        wire.Want(bytes(8), 0, 0, (1024,)),
        wire.Want(bytes(8), 0, 0, (0,) * 256),
        wire.Probe(bytes(8), 0, 0, 11),
        wire.Probe(bytes(8), 0, 256, 11),
        wire.Probe(bytes(8), 0, 4, 10),
        wire.Probe(bytes(8), 0, 4, wire.MAX_PROBE + 1),
        wire.Probed(bytes(7), 0, 0),
        wire.Probed(bytes(8), 0, 2**32),
        wire.Stream(bytes(96)),
        wire.Stream(bytes(wire.MAX_DESCRIPTION + 1)),
        wire.ChatMessage(b"", bytes(64), None),
        wire.ChatHave((bytes(31),)),
        wire.ChatWant((bytes(32),) * 257),
    ],
)
def test_message_out_of_its_bounds_is_not_encoded(message: wire.Message) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        wire.encode(message)


def test_reserved_flags_of_a_status_are_ignored() -> None:
    encoded = bytearray(
        wire.encode(wire.Status(bytes(8), 1, 2, True, False, 3, (wire.StripeStatus(True, True, ()),)))
    )
    encoded[17] |= 0xF0
    encoded[20] |= 0xF0
    assert wire.decode(bytes(encoded)) == wire.Status(
        bytes(8), 1, 2, True, False, 3, (wire.StripeStatus(True, True, ()),)
    )


@given(Headers)
def test_chat_header_survives_its_encoding(header: ChatHeader) -> None:
    assert ChatHeader.parse(header.encode()) == header


@given(st.binary(max_size=400) | fixed(91) | fixed(123))
def test_random_bytes_as_a_chat_header_raise_nothing_but_its_error(data: bytes) -> None:
    for candidate in (data, b"\x01" + data):
        try:
            header = ChatHeader.parse(candidate)
        except ChatHeaderError:
            continue
        assert header.encode() == candidate


@pytest.mark.parametrize(
    "fields",
    [
        {"room": bytes(7)},
        {"author": bytes(33)},
        {"body_hash": bytes(31)},
        {"follows": (bytes(31),)},
        {"follows": (bytes(32),) * 9},
        {"body_length": MAX_BODY + 1},
        {"time": 2**53},
        {"clock": 2**32},
        {"kind": -1},
    ],
)
def test_chat_header_out_of_its_bounds_is_not_encoded(fields: dict[str, Any]) -> None:
    whole: dict[str, Any] = {
        "kind": 1,
        "room": bytes(8),
        "author": bytes(32),
        "clock": 1,
        "time": 0,
        "follows": (),
        "body_length": 0,
        "body_hash": bytes(32),
    }
    with pytest.raises(ChatHeaderError):
        ChatHeader(**(whole | fields)).encode()


def test_chat_ids_and_room_hashes_have_their_sizes() -> None:
    assert len(message_id(b"header")) == 32
    assert len(room_hash("demo")) == 8
    assert room_hash("demo") != room_hash("dem")


FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((FOLDER / "messages.json").read_text())
HEADERS = json.loads((FOLDER / "chat_headers.json").read_text())


def as_vector(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [as_vector(item) for item in value]
    if isinstance(value, dict):
        return {name: as_vector(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: str(vector["name"]))
def test_golden_message_is_read_and_written(vector: dict[str, Any]) -> None:
    raw = (FOLDER / vector["file"]).read_bytes() if "file" in vector else bytes.fromhex(vector["raw"])
    message = wire.decode(raw)
    assert message is not None
    assert {"type": type(message).__name__} | as_vector(asdict(message)) == vector["message"]
    assert wire.encode(message) == raw


def test_every_message_has_a_golden_sample() -> None:
    sampled = {vector["message"]["type"] for vector in VECTORS["good"]}
    assert sampled == {kind.__name__ for kind in wire._ENCODERS}


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: str(vector["name"]))
def test_golden_message_with_a_fault_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError, match=r"\.$") as caught:
        wire.decode(bytes.fromhex(vector["raw"]) + bytes(vector["zeros"]))
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize("raw", VECTORS["unknown"])
def test_golden_message_of_an_unknown_type_is_none(raw: str) -> None:
    assert wire.decode(bytes.fromhex(raw)) is None


@pytest.mark.parametrize("vector", HEADERS["good"])
def test_golden_chat_header_is_read_and_written(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["raw"])
    header = ChatHeader.parse(raw)
    assert as_vector(asdict(header)) == vector["fields"]
    assert header.encode() == raw
    assert message_id(raw).hex() == vector["id"]


@pytest.mark.parametrize("vector", HEADERS["bad"], ids=lambda vector: str(vector["name"]))
def test_golden_chat_header_with_a_fault_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ChatHeaderError, match=r"\.$"):
        ChatHeader.parse(bytes.fromhex(vector["raw"]))


@pytest.mark.parametrize("vector", HEADERS["rooms"])
def test_golden_room_hash(vector: dict[str, Any]) -> None:
    assert room_hash(vector["room"]).hex() == vector["hash"]
