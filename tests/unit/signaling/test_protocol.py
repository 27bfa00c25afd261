"""The messages: every sample is understood, every malformed one is refused with a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import protocol
from signaling.protocol import (
    CLIENT_MESSAGES,
    MAX_MESSAGE,
    SERVER_MESSAGES,
    ClientMessage,
    Offer,
    Plan,
    ProtocolError,
    ServerMessage,
    Stream,
    decode_client,
    decode_server,
    encode,
    type_of,
)

SAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "signaling.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("sample", SAMPLES["client"], ids=lambda sample: sample["type"])
def test_message_of_a_peer_survives_the_wire(sample: dict[str, Any]) -> None:
    message = decode_client(json.dumps(sample).encode())
    assert message is not None
    assert type_of(message) == sample["type"]
    assert json.loads(encode(message)) == sample
    assert decode_client(encode(message)) == message


@pytest.mark.parametrize("sample", SAMPLES["server"], ids=lambda sample: sample["type"])
def test_message_of_an_introducer_survives_the_wire(sample: dict[str, Any]) -> None:
    message = decode_server(json.dumps(sample).encode())
    assert message is not None
    assert type_of(message) == sample["type"]
    assert json.loads(encode(message)) == sample
    assert decode_server(encode(message)) == message


def test_there_is_a_sample_of_every_message() -> None:
    for direction, messages in (("client", CLIENT_MESSAGES), ("server", SERVER_MESSAGES)):
        types = {str(message.__struct_config__.tag) for message in messages}
        assert {sample["type"] for sample in SAMPLES[direction]} == types


@pytest.mark.parametrize("sample", SAMPLES["malformed"], ids=lambda sample: sample["why"])
def test_malformed_message_is_refused_with_a_sentence(sample: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client(sample["text"].encode())
    assert refused.value.code == sample["code"]
    assert refused.value.sentence.endswith((".", "`"))
    assert "\n" not in refused.value.sentence
    assert len(refused.value.sentence) < 1_024


@pytest.mark.parametrize("sample", SAMPLES["ignored"])
def test_unknown_type_is_ignored(sample: dict[str, Any]) -> None:
    assert decode_client(json.dumps(sample).encode()) is None
    if sample["type"] not in {"plan"}:
        assert decode_server(json.dumps(sample).encode()) is None


def test_unknown_fields_are_ignored() -> None:
    for sample in SAMPLES["client"]:
        with_more = {**sample, "later": {"version": [1, 2, 3]}}
        assert decode_client(json.dumps(with_more)) == decode_client(json.dumps(sample))
    for sample in SAMPLES["server"]:
        with_more = {**sample, "later": {"version": [1, 2, 3]}}
        assert decode_server(json.dumps(with_more)) == decode_server(json.dumps(sample))


@pytest.mark.parametrize(
    ("kind", "field", "length"), [("announce", "description", 43_820), ("offer", "sdp", 32_769)]
)
def test_field_that_is_too_long_is_malformed(kind: str, field: str, length: int) -> None:
    sample = next(sample for sample in SAMPLES["client"] if sample["type"] == kind)
    with pytest.raises(ProtocolError) as refused:
        decode_client(json.dumps({**sample, field: "D" * length}))
    assert refused.value.code == "malformed"
    assert decode_client(json.dumps({**sample, field: "D" * (length - 1)}))


@pytest.mark.parametrize("decode", [decode_client, decode_server])
def test_frame_that_is_too_large_is_not_looked_at(decode: Callable[[bytes], object]) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(b"{" * (MAX_MESSAGE + 1))
    assert refused.value.code == "too-large"


def test_defaults_are_filled_in() -> None:
    needed = ("type", "version", "room", "key", "nonce", "signature", "role")
    hello = {key: SAMPLES["client"][0][key] for key in needed}
    message = decode_client(json.dumps(hello))
    assert isinstance(message, protocol.Hello)
    assert (message.name, message.capabilities, message.token, message.session) == ("", [], None, None)


def test_bytes_that_are_no_text_are_malformed() -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client(b'{"type": "ping"\xff}')
    assert refused.value.code == "malformed"


def test_message_that_is_too_large_is_not_encoded() -> None:
    with pytest.raises(ProtocolError) as refused:
        encode(Stream("A" * MAX_MESSAGE))
    assert refused.value.code == "too-large"


def test_largest_plan_fits_a_frame() -> None:
    sample = next(sample for sample in SAMPLES["server"] if sample["type"] == "plan")
    peer = sample["introductions"][0]["peer"]
    introduction = {**sample["introductions"][0], "name": "\U0001f9ff" * 64}
    plan = {**sample, "parents": [peer] * 16, "standbys": [peer] * 64, "introductions": [introduction] * 64}
    message = decode_server(json.dumps(plan))
    assert isinstance(message, Plan)
    assert len(encode(message)) <= MAX_MESSAGE


def test_largest_offer_fits_a_frame() -> None:
    sample = next(sample for sample in SAMPLES["client"] if sample["type"] == "offer")
    message = decode_client(json.dumps({**sample, "sdp": "\\" * 32_000}, ensure_ascii=False))
    assert isinstance(message, Offer)
    with pytest.raises(ProtocolError):
        encode(protocol.RelayedOffer(message.to, "0" * 16, "A" * 43, "A" * 22, "\\" * 32_768, "A" * 86))


def understood(decode: Callable[[bytes], ClientMessage | ServerMessage | None], data: bytes) -> str:
    """What becomes of a frame: the type of the message, nothing, or the code of the refusal."""
    try:
        message = decode(data)
    except ProtocolError as error:
        return error.code
    if message is None:
        return ""
    assert encode(message)
    return type_of(message)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_refused(data: bytes) -> None:
    assert understood(decode_client, data) in ("malformed", "")
    assert understood(decode_server, data) in ("malformed", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=6,
)


@given(st.data())
def test_sample_with_one_field_changed_is_understood_or_refused(data: st.DataObject) -> None:
    sample = dict(data.draw(st.sampled_from([*SAMPLES["client"], *SAMPLES["server"]])))
    sample[data.draw(st.sampled_from(sorted(sample)))] = data.draw(JSON)
    text = json.dumps(sample).encode()
    assert understood(decode_client, text) in (sample["type"], "malformed", "version", "")
    assert understood(decode_server, text) in (sample["type"], "malformed", "")
