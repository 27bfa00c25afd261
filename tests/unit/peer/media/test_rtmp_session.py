"""A connection of an RTMP encoder: its handshake, its commands, its pictures, and what is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.amf import Value, decode, encode
from peer.media.rtmp_chunks import (
    AUDIO,
    COMMAND,
    DATA,
    USER_CONTROL,
    VIDEO,
    WINDOW_SIZE,
    ChunkReader,
    ChunkWriter,
    Message,
    RtmpError,
)
from peer.media.rtmp_session import Ended, Event, Publish, RtmpSession, Tag

PICTURE = b"\x17\x01\x00\x00\x00abc"


class Client:
    """An encoder, in memory."""

    def __init__(self) -> None:
        self.session = RtmpSession()
        self.writer, self.reader = ChunkWriter(), ChunkReader()
        self.answers: list[Message] = []

    def hello(self) -> None:
        assert self.session.receive(b"\x03" + bytes(1000)) == []
        assert self.session.receive(b"\x07" * 536) == []
        answer = self.session.data_to_send()
        assert answer[0] == 3
        assert len(answer) == 1 + 2 * 1536
        assert answer[1537:] == bytes(1000) + b"\x07" * 536
        assert self.session.receive(answer[1:1537]) == []

    def send(self, kind: int, body: bytes, timestamp: int = 0) -> list[Event]:
        events = self.session.receive(self.writer.write(4, Message(kind, timestamp, 1, body)))
        self.collect()
        return events

    def collect(self) -> None:
        self.answers += self.reader.receive(self.session.data_to_send())

    def command(self, *values: Value) -> list[Event]:
        return self.send(COMMAND, encode(values))

    def told(self) -> list[Value]:
        """The last command that came."""
        return decode([message for message in self.answers if message.kind == COMMAND][-1].body)

    def status(self) -> dict[str, Value]:
        info = self.told()[3]
        assert isinstance(info, dict)
        return info

    def publish(self, app: str = "live", key: str = "key") -> list[Event]:
        self.hello()
        self.command("connect", 1.0, {"app": app, "tcUrl": f"rtmp://host/{app}"})
        self.command("releaseStream", 2.0, None, key)
        self.command("FCPublish", 3.0, None, key)
        self.command("createStream", 4.0, None)
        assert self.told() == ["_result", 4.0, None, 1.0]
        return self.command("publish", 5.0, None, key, "live")


@pytest.fixture
def client() -> Client:
    return Client()


def test_an_encoder_is_let_in_and_its_pictures_become_a_file(client: Client) -> None:
    assert client.publish() == [Publish("live/key")]
    assert client.send(VIDEO, PICTURE) == []  # nobody has let it in yet
    client.session.accept()
    client.collect()
    assert client.status()["code"] == "NetStream.Publish.Start"
    (event,) = client.send(VIDEO, PICTURE, 0x01020304)
    assert isinstance(event, Tag)
    size = len(PICTURE)
    assert event.data == b"\x09" + size.to_bytes(3, "big") + b"\x02\x03\x04\x01" + bytes(
        3
    ) + PICTURE + struct.pack(">I", 11 + size)
    (event,) = client.send(AUDIO, b"\xaf\x01sound")
    assert isinstance(event, Tag)
    (event,) = client.send(DATA, encode(["@setDataFrame", "onMetaData", {"width": 640.0}]))
    assert isinstance(event, Tag)
    assert event.data[11:-4] == encode(["onMetaData", {"width": 640.0}])
    assert client.command("deleteStream", 6.0, None, 1.0) == [Ended()]
    assert client.send(VIDEO, PICTURE) == []


def test_what_is_connected_to_is_answered_with_the_codecs_that_can_be_read(client: Client) -> None:
    client.hello()
    client.command("connect", 1.0, {"app": "live"})
    name, number, properties, info = client.told()
    assert (name, number) == ("_result", 1.0)
    assert isinstance(properties, dict)
    assert properties["fourCcList"] == ["avc1", "hvc1", "av01", "vp09"]
    assert isinstance(info, dict)
    assert info["code"] == "NetConnection.Connect.Success"


def test_a_refusal_has_its_sentence(client: Client) -> None:
    client.publish()
    client.session.refuse("The stream key is not the right one.")
    client.collect()
    status = client.status()
    assert (status["level"], status["code"]) == ("error", "NetStream.Publish.BadName")
    assert status["description"] == "The stream key is not the right one."
    assert client.send(VIDEO, PICTURE) == []


def test_nothing_is_played_from_here(client: Client) -> None:
    client.hello()
    client.command("connect", 1.0, {"app": "live"})
    assert client.command("play", 2.0, None, "key") == [Ended()]
    assert client.status()["code"] == "NetStream.Play.Failed"


def test_bytes_are_acknowledged_and_pings_answered(client: Client) -> None:
    client.publish()
    client.session.accept()
    client.send(WINDOW_SIZE, struct.pack(">I", 1))  # no window is smaller than a few packets
    client.send(USER_CONTROL, struct.pack(">HI", 6, 77))
    assert Message(USER_CONTROL, 0, 0, struct.pack(">HI", 7, 77)) in client.answers
    before = sum(message.kind == 3 for message in client.answers)
    for _ in range(4):
        client.send(VIDEO, b"\x27" + bytes(2_048))
    assert sum(message.kind == 3 for message in client.answers) == before + 4


@pytest.mark.parametrize("body", [b"\x90hvc1", b"\x91av01abc", b"\x80vp09", b"\x57", b""])
def test_codecs_that_can_be_read_are_taken(client: Client, body: bytes) -> None:
    client.publish()
    client.session.accept()
    assert len(client.send(VIDEO, body)) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x12abc", "Video as H.263 cannot be read: choose H.264, HEVC, AV1 or VP9"),
        (b"\x1cabc", "Video as HEVC without Enhanced RTMP cannot be read"),
        (b"\x13abc", "Video as codec 3 cannot be read"),
        (b"\x90vp08", "Video as 'vp08' cannot be read"),
        (b"\x96\x00avc1", "Several video tracks in one stream are not taken"),
    ],
)
def test_codecs_that_cannot_be_read_are_refused_in_a_sentence(
    client: Client, body: bytes, words: str
) -> None:
    client.publish()
    client.session.accept()
    with pytest.raises(RtmpError, match=words):
        client.send(VIDEO, body)
    client.session.refuse("It cannot be read.", "NetStream.Publish.Rejected")
    client.collect()
    assert client.status()["code"] == "NetStream.Publish.Rejected"


def test_what_is_no_rtmp_is_refused_without_an_answer(client: Client) -> None:
    with pytest.raises(RtmpError, match="is no RTMP"):
        client.session.receive(b"GET / HTTP/1.1")
    client.session.refuse("What came is no RTMP.")
    assert client.session.data_to_send() == b""


@pytest.mark.parametrize(
    "values", [("connect", 1.0), ("connect", 1.0, {"app": 5.0}), ("publish", 1.0, None), ("publish",)]
)
def test_commands_that_say_too_little_are_refused(client: Client, values: tuple[Value, ...]) -> None:
    client.hello()
    with pytest.raises(RtmpError):
        client.command(*values)


def test_who_has_not_been_let_in_cannot_send_much(client: Client) -> None:
    client.hello()
    with pytest.raises(RtmpError, match="too long"):
        client.send(VIDEO, bytes(100_000))


def test_publishing_twice_is_refused(client: Client) -> None:
    client.publish()
    with pytest.raises(RtmpError):
        client.command("publish", 6.0, None, "other", "live")


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_any_bytes_after_the_handshake_are_events_or_an_error(pieces: list[bytes]) -> None:
    client = Client()
    client.hello()
    try:
        for piece in pieces:
            client.session.receive(piece)
    except RtmpError:
        pass
