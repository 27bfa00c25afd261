"""One RTMP connection, as a server that is published to sees it. No I/O: bytes in, events and bytes out.

Sources: RTMP 1.0, sections 5.2 (handshake), 5.4 (control) and 7 (commands); Enhanced RTMP (Veovera) for
HEVC, AV1 and VP9.
"""

import os
import struct
from dataclasses import dataclass
from typing import Literal

from peer.media.amf import AmfError, Value, decode, encode
from peer.media.rtmp_chunks import (
    ACKNOWLEDGEMENT,
    AUDIO,
    COMMAND,
    DATA,
    MAX_MESSAGE,
    PEER_BANDWIDTH,
    USER_CONTROL,
    VIDEO,
    WINDOW_SIZE,
    ChunkReader,
    ChunkWriter,
    Message,
    RtmpError,
)

FLV_HEADER = b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4)
"""What a demuxer reads before the tags; it announces sound and pictures."""

_HANDSHAKE = 1536
_WINDOW = 2_500_000
_CHUNK_SIZE = 4096
_MAX_COMMAND = 64 * 1024
_STREAM = 1
_PING, _PONG = 6, 7
_FOURCCS = ("avc1", "hvc1", "av01", "vp09")
_AVC = 7
_VIDEO_NAMES = {2: "H.263", 4: "VP6", 5: "VP6", 12: "HEVC without Enhanced RTMP"}
_READABLE = "choose H.264, HEVC, AV1 or VP9"


@dataclass(frozen=True, slots=True)
class Publish:
    """Somebody wants to publish: to be answered by `accept` or `refuse`."""

    path: str
    """App and stream key, with a slash between them."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Sound, a picture or metadata, as a tag of an FLV file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing follows."""


Event = Publish | Tag | Ended


class RtmpSession:
    """The protocol's state. Feed what `data_to_send` returns to the client after each call."""

    def __init__(self) -> None:
        self._state: Literal["version", "hello", "echo", "open", "ended"] = "version"
        self._buffer = bytearray()
        self._reader, self._writer = ChunkReader(), ChunkWriter()
        self._reader.max_message = _MAX_COMMAND  # until somebody is let in
        self._out = bytearray()
        self._received = self._acknowledged = 0
        self._window = _WINDOW
        self._app = ""
        self._publishing: Literal["no", "asked", "yes"] = "no"

    def data_to_send(self) -> bytes:
        """What the client is to get."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the client.

        Raises:
            RtmpError: they are no RTMP, or nothing that can be published; the connection is to be closed
                after what `data_to_send` still has.
        """
        if self._state == "ended":
            return []
        if self._state != "open":
            self._buffer += data
            data = self._shake_hands()
        self._received += len(data)
        events: list[Event] = []
        if self._state == "open":
            for message in self._reader.receive(data):
                events += self._message(message)
            self._acknowledge()
        return events

    def accept(self) -> None:
        """Let the client publish."""
        self._publishing = "yes"
        self._reader.max_message = MAX_MESSAGE
        self._status("status", "NetStream.Publish.Start", "Publishing begins.")

    def refuse(self, sentence: str, code: str = "NetStream.Publish.BadName") -> None:
        """Do not let it, or no longer; the connection is to be closed."""
        if self._state == "open":
            self._status("error", code, sentence)
        self._state = "ended"

    def _shake_hands(self) -> bytes:
        """Go on with the handshake; return what came after it."""
        if self._state == "version" and self._buffer:
            if self._buffer[0] != 3:
                raise RtmpError("What came is no RTMP.")
            self._state = "hello"
        if self._state == "hello" and len(self._buffer) > _HANDSHAKE:
            theirs = bytes(self._buffer[1 : 1 + _HANDSHAKE])
            del self._buffer[: 1 + _HANDSHAKE]
            self._out += b"\x03" + bytes(8) + os.urandom(_HANDSHAKE - 8) + theirs
            self._state = "echo"
        if self._state == "echo" and len(self._buffer) >= _HANDSHAKE:
            rest = bytes(self._buffer[_HANDSHAKE:])
            self._buffer.clear()
            self._state = "open"
            return rest
        return b""

    def _message(self, message: Message) -> list[Event]:
        if message.kind in (AUDIO, VIDEO, DATA):
            return self._media(message) if self._publishing == "yes" else []
        if message.kind == COMMAND:
            return self._command(message)
        if message.kind == WINDOW_SIZE and len(message.body) >= 4:
            self._window = max(4096, int.from_bytes(message.body[:4], "big"))
        elif message.kind == USER_CONTROL and message.body[:2] == struct.pack(">H", _PING):
            self._send(2, USER_CONTROL, struct.pack(">H", _PONG) + message.body[2:6])
        return []

    def _media(self, message: Message) -> list[Event]:
        body = message.body
        if message.kind == VIDEO and body:
            _check_codec(body)
        elif message.kind == DATA:
            # Encoders tell a server to keep it; in a file it stands alone.
            prefix = encode(["@setDataFrame"])
            body = body.removeprefix(prefix)
        time = message.timestamp
        head = bytes((message.kind,)) + len(body).to_bytes(3, "big")
        head += (time & 0xFFFFFF).to_bytes(3, "big") + bytes((time >> 24,)) + bytes(3)
        return [Tag(head + body + struct.pack(">I", len(head) + len(body)))]

    def _command(self, message: Message) -> list[Event]:
        try:
            name, number, *arguments = decode(message.body)
        except (AmfError, ValueError) as error:
            raise RtmpError("The RTMP stream has a command that cannot be read.") from error
        if name == "connect":
            self._connect(number, arguments[0] if arguments else None)
        elif name in ("releaseStream", "FCPublish"):
            self._reply("_result", number, None)
        elif name == "createStream":
            self._reply("_result", number, None, _STREAM)
        elif name == "publish":
            return self._publish(arguments)
        elif name == "play":
            self._status("error", "NetStream.Play.Failed", "Nothing is played from here, only published to.")
            self._state = "ended"
            return [Ended()]
        elif name in ("FCUnpublish", "deleteStream", "closeStream") and self._publishing == "yes":
            self._state = "ended"
            return [Ended()]
        return []

    def _connect(self, number: Value, told: Value) -> None:
        app = told.get("app") if isinstance(told, dict) else None
        if not isinstance(app, str):
            raise RtmpError("The RTMP client does not say to what it connects.")
        self._app = app
        self._send(2, WINDOW_SIZE, struct.pack(">I", _WINDOW))
        self._send(2, PEER_BANDWIDTH, struct.pack(">IB", _WINDOW, 2))
        self._out += self._writer.set_chunk_size(_CHUNK_SIZE)
        properties: dict[str, Value] = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
        properties["fourCcList"] = list(_FOURCCS)
        info: dict[str, Value] = {"level": "status", "code": "NetConnection.Connect.Success"}
        info |= {"description": "Connected.", "objectEncoding": 0.0}
        self._reply("_result", number, properties, info)

    def _publish(self, arguments: list[Value]) -> list[Event]:
        name = arguments[1] if len(arguments) > 1 else None
        if not isinstance(name, str) or self._publishing != "no":
            raise RtmpError("The RTMP client asks to publish in a way that is not understood.")
        self._publishing = "asked"
        return [Publish(f"{self._app}/{name}".strip("/"))]

    def _status(self, level: str, code: str, description: str) -> None:
        info: dict[str, Value] = {"level": level, "code": code, "description": description}
        self._send(5, COMMAND, encode(["onStatus", 0.0, None, info]), _STREAM)

    def _reply(self, name: str, number: Value, *values: Value) -> None:
        self._send(3, COMMAND, encode([name, number, *values]))

    def _send(self, chunk_stream: int, kind: int, body: bytes, stream: int = 0) -> None:
        self._out += self._writer.write(chunk_stream, Message(kind, 0, stream, body))

    def _acknowledge(self) -> None:
        if self._received - self._acknowledged >= self._window // 2:
            self._acknowledged = self._received
            self._send(2, ACKNOWLEDGEMENT, struct.pack(">I", self._received & 0xFFFFFFFF))


def _check_codec(body: bytes) -> None:
    """Raises RtmpError for a picture that nothing here can decode."""
    if body[0] & 0x80:  # Enhanced RTMP: four letters instead of a number
        name = body[1:5].decode("ascii", errors="replace")
        if body[0] & 0x0F == 6:
            raise RtmpError(f"Several video tracks in one stream are not taken: send one, {_READABLE}.")
        if name not in _FOURCCS:
            raise RtmpError(f"Video as {name!r} cannot be read: {_READABLE}.")
    elif body[0] >> 4 != 5 and body[0] & 0x0F != _AVC:  # 5: a command to the player
        name = _VIDEO_NAMES.get(body[0] & 0x0F, f"codec {body[0] & 0x0F}")
        raise RtmpError(f"Video as {name} cannot be read: {_READABLE}.")
