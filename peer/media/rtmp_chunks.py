"""RTMP's chunk stream: messages cut into chunks, and put together again (RTMP 1.0, section 5.3). No I/O."""

import struct
from dataclasses import dataclass, field

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20

MAX_MESSAGE = 8 << 20
"""Bytes: more than the greatest picture that is published."""
_MAX_STREAMS = 64
_DEFAULT_CHUNK_SIZE = 128
_EXTENDED = 0xFFFFFF


class RtmpError(Exception):
    """What came is no RTMP, or more of it than a sender needs; one sentence."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; its timestamp is in ms."""

    kind: int
    timestamp: int
    stream: int
    body: bytes


@dataclass(slots=True)
class _Stream:
    """What a chunk stream remembers for shorter headers."""

    timestamp: int = 0
    delta: int = 0
    length: int = 0
    kind: int = 0
    stream: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)


class ChunkReader:
    """Puts messages together; heeds SET_CHUNK_SIZE and ABORT itself."""

    def __init__(self) -> None:
        self.max_message = MAX_MESSAGE
        self._buffer = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._chunk_size = _DEFAULT_CHUNK_SIZE
        self._promised = 0
        """Bytes of the messages that have begun."""

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes and return the messages that they complete.

        Raises:
            RtmpError: they break the rules or the bounds.
        """
        self._buffer += data
        messages: list[Message] = []
        position = 0
        while (end := self._chunk(position, messages)) is not None:
            position = end
        del self._buffer[:position]
        return messages

    def _chunk(self, position: int, messages: list[Message]) -> int | None:
        """Read the chunk at a position and return where it ends; None if it is not all there."""
        buffer = self._buffer
        if position >= len(buffer):
            return None
        form, number = buffer[position] >> 6, buffer[position] & 0x3F
        position += 1
        if number < 2:
            if position + number + 1 > len(buffer):
                return None
            low = buffer[position] + 64
            number, position = (
                (low, position + 1) if number == 0 else (low + (buffer[position + 1] << 8), position + 2)
            )
        size = (11, 7, 3, 0)[form]
        if position + size > len(buffer):
            return None
        stream = self._streams.get(number)
        if stream is None:
            if form > 1:
                raise RtmpError("The RTMP stream has a chunk that nothing came before.")
            if len(self._streams) >= _MAX_STREAMS:
                raise RtmpError("The RTMP stream has too many chunk streams.")
            stream = _Stream()
        header = buffer[position : position + size]
        position += size
        extended = int.from_bytes(header[:3], "big") == _EXTENDED if form < 3 else stream.extended
        if extended:
            if position + 4 > len(buffer):
                return None
            time = int.from_bytes(buffer[position : position + 4], "big")
            position += 4
        else:
            time = int.from_bytes(header[:3], "big")
        begins = not stream.body
        length = int.from_bytes(header[3:6], "big") if form < 2 else stream.length
        if length > self.max_message or (begins and self._promised + length > 2 * MAX_MESSAGE):
            raise RtmpError("The RTMP stream has a message that is too long.")
        if not begins and form < 2 and length != stream.length:
            raise RtmpError("The RTMP stream has a message that changes its length.")
        count = min(self._chunk_size, length - len(stream.body))
        if position + count > len(buffer):
            return None
        # All of the chunk is there: from here on it counts.
        self._streams[number] = stream
        stream.extended, stream.length = extended, length
        if form < 2:
            stream.kind = header[6]
        if form == 0:
            stream.stream = int.from_bytes(header[7:11], "little")
        if begins:
            self._tell_time(stream, form, time)
            self._promised += length
        stream.body += buffer[position : position + count]
        if len(stream.body) == length:
            self._promised -= length
            self._finish(Message(stream.kind, stream.timestamp, stream.stream, bytes(stream.body)), messages)
            stream.body.clear()
        return position + count

    @staticmethod
    def _tell_time(stream: _Stream, form: int, time: int) -> None:
        if form == 0:
            stream.timestamp, stream.delta = time, 0
            return
        if form < 3:
            stream.delta = time
        stream.timestamp = (stream.timestamp + stream.delta) & 0xFFFFFFFF

    def _finish(self, message: Message, messages: list[Message]) -> None:
        if message.kind == SET_CHUNK_SIZE:
            size = int.from_bytes(message.body[:4], "big")
            if not 1 <= size <= 0x7FFFFFFF:
                raise RtmpError("The RTMP stream has chunks of an impossible size.")
            self._chunk_size = min(size, MAX_MESSAGE)
        elif message.kind == ABORT:
            stream = self._streams.get(int.from_bytes(message.body[:4], "big"))
            if stream is not None and stream.body:
                self._promised -= stream.length
                stream.body.clear()
        else:
            messages.append(message)


class ChunkWriter:
    """Cuts messages; each begins with a whole header."""

    def __init__(self) -> None:
        self._chunk_size = _DEFAULT_CHUNK_SIZE

    def set_chunk_size(self, size: int) -> bytes:
        """Chunks are of this size from now on; returns the message that says so."""
        data = self.write(2, Message(SET_CHUNK_SIZE, 0, 0, struct.pack(">I", size)))
        self._chunk_size = size
        return data

    def write(self, number: int, message: Message) -> bytes:
        """A message on a chunk stream, 2 to 63."""
        extended = message.timestamp >= _EXTENDED
        time = _EXTENDED if extended else message.timestamp
        tail = struct.pack(">I", message.timestamp) if extended else b""
        head = bytes((number,)) + time.to_bytes(3, "big") + len(message.body).to_bytes(3, "big")
        data = bytearray(head + bytes((message.kind,)) + message.stream.to_bytes(4, "little") + tail)
        for begin in range(0, len(message.body), self._chunk_size):
            if begin:
                data += bytes((0xC0 | number,)) + tail
            data += message.body[begin : begin + self._chunk_size]
        return bytes(data)
