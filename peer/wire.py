"""The messages on a link, in their binary form (docs/protocol.md section 6).

`decode` takes whatever a peer sent: it returns a message whose every bound holds, None for a type that is not
known, or raises WireError. It looks into no seal: `Seal.parse` is called once for all blocks of a part; and
not into what CHAT_COMPARE and CHAT_RANGES hold: `peer.wire_ranges` does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from peer.merkle import MAX_LEAVES, MAX_PROOF
from peer.seal import MAX_BLOCK, MAX_STRIPES, MAX_TIME, SEAL
from peer.signing import lp
from peer.wire_messages import (
    UNKNOWN_ERROR,
    Block,
    Bye,
    ChatBefore,
    ChatCompare,
    ChatGraft,
    ChatHave,
    ChatMessage,
    ChatNews,
    ChatPage,
    ChatPrune,
    ChatRanges,
    ChatRoot,
    ChatWant,
    ErrorMessage,
    Hello,
    Message,
    OfChat,
    Ping,
    Pong,
    Probe,
    Probed,
    Refuse,
    Status,
    Stream,
    StripeStatus,
    Subscribe,
    Unsubscribe,
    Want,
)
from signaling.chat_header import ChatHeader, ChatHeaderError

__all__ = [
    "MAX_MESSAGE",
    "PROTOCOL_VERSION",
    "UNKNOWN_ERROR",
    "Block",
    "Bye",
    "ChatBefore",
    "ChatCompare",
    "ChatGraft",
    "ChatHave",
    "ChatMessage",
    "ChatNews",
    "ChatPage",
    "ChatPrune",
    "ChatRanges",
    "ChatRoot",
    "ChatWant",
    "ErrorMessage",
    "Hello",
    "Message",
    "OfChat",
    "Ping",
    "Pong",
    "Probe",
    "Probed",
    "Refuse",
    "Status",
    "Stream",
    "StripeStatus",
    "Subscribe",
    "Unsubscribe",
    "Want",
    "WireError",
    "decode",
    "encode",
    "peek_type",
]

PROTOCOL_VERSION = 1
MAX_MESSAGE = 65536
MAX_DESCRIPTION = 32 + 64 + 32768
MAX_CHAT_IDS = 256
MAX_PROBE = 1200

HELLO, PING, PONG, ERROR, BYE = 0x01, 0x02, 0x03, 0x04, 0x05
BLOCK, SUBSCRIBE, UNSUBSCRIBE, REFUSE, STATUS, WANT, STREAM = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16
PROBE, PROBED = 0x17, 0x18
CHAT_MESSAGE, CHAT_HAVE, CHAT_WANT, CHAT_BEFORE, CHAT_PAGE = 0x20, 0x21, 0x22, 0x23, 0x24
CHAT_NEWS, CHAT_GRAFT, CHAT_PRUNE, CHAT_COMPARE, CHAT_RANGES = 0x25, 0x26, 0x27, 0x28, 0x29
CHAT_ROOT = 0x2A

# Codes of ERROR
MALFORMED, VERSION, TOO_LARGE, RATE, UNEXPECTED, FORBIDDEN = 1, 2, 3, 4, 5, 6
# Reasons of BYE
LEAVING, NOT_NEEDED, BAD_BLOCK, PROTOCOL_ERROR, TOO_MANY_LINKS = 0, 1, 2, 3, 4
# Reasons of REFUSE
REFUSE_FULL, REFUSE_LOOP, REFUSE_SLOW, REFUSE_NOT_CARRIED, REFUSE_STARVED, REFUSE_LEAVING = 1, 2, 3, 4, 5, 6


class WireError(Exception):
    """A message breaks the protocol: `code` is for the ERROR to answer with, `sentence` for a person."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


_PING = struct.Struct(">16sQ")
_PONG = struct.Struct(">16sQQQI")
_BLOCK = struct.Struct(f">{SEAL}sHB")
_SUBSCRIBE = struct.Struct(">8sBII")
_UNSUBSCRIBE = struct.Struct(">8sB")
_REFUSE = struct.Struct(">8sBB")
_STATUS = struct.Struct(">8sIIBBB")
_WANT = struct.Struct(">8sIIB")
_PROBE = struct.Struct(">8sBB")
_PROBED = struct.Struct(">8sBI")
_CHAT_ROOT = struct.Struct(">I16sIB")

_CARRIES, _LEAVING = 1, 2
_FED, _STARVED, _FEEDS = 1, 2, 4


def peek_type(data: bytes) -> int:
    """The type byte of a message; -1 when it is empty."""
    return data[0] if data else -1


def decode(data: bytes) -> Message | None:
    """Read one message; None when its type is not known. Raises WireError and nothing else."""
    if len(data) > MAX_MESSAGE:
        raise WireError(TOO_LARGE, f"A message has at most {MAX_MESSAGE} bytes, not {len(data)}.")
    if not data:
        raise WireError(MALFORMED, "The message is empty.")
    decoder = _DECODERS.get(data[0])
    if decoder is None:
        return None
    try:
        return decoder(data)
    except (struct.error, IndexError) as error:
        raise WireError(MALFORMED, "The message is shorter than its type and counts say.") from error
    except UnicodeDecodeError as error:
        raise WireError(MALFORMED, "A text in the message is not UTF-8.") from error


def encode(message: Message) -> bytes:
    """The bytes of a message. Raises ValueError when a field is out of its bounds."""
    kind = type(message)
    type_byte, encoder = _ENCODERS[kind]
    try:
        data = bytes((type_byte,)) + encoder(message)
    except struct.error as error:
        raise ValueError(f"A field of {kind.__name__} does not fit its bytes.") from error
    if type_byte != BLOCK:  # small, and rare enough to be held to all that decode asks for
        try:
            decode(data)
        except WireError as error:
            if error.code != VERSION:
                raise ValueError(error.sentence) from error
    return data


def _end(data: bytes, at: int) -> None:
    if len(data) != at:
        raise WireError(MALFORMED, "The message is not as long as its type and counts say.")


def _time(*times: int) -> None:
    if max(times) > MAX_TIME:
        raise WireError(MALFORMED, "A time in the message is beyond the year 2255.")


def _stripe(stripe: int) -> None:
    if stripe >= MAX_STRIPES:
        raise WireError(MALFORMED, f"Stripes are numbered 0 to {MAX_STRIPES - 1}, not {stripe}.")


def _split(data: bytes, start: int, end: int, size: int) -> tuple[bytes, ...]:
    return tuple([data[at : at + size] for at in range(start, end, size)])


def _joined(items: tuple[bytes, ...], size: int) -> bytes:
    if any(len(item) != size for item in items):
        raise ValueError(f"Each id or hash in this list has {size} bytes.")
    return b"".join(items)


def _exactly(value: bytes, size: int) -> bytes:
    # struct would pad or cut it without a word
    if len(value) != size:
        raise ValueError(f"An id has {size} bytes here, not {len(value)}.")
    return value


def _read_lp(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError
    return data[at + 1 : end].decode(), end


def _decode_hello(data: bytes) -> Hello:
    version = data[1]
    if version != PROTOCOL_VERSION:
        raise WireError(VERSION, f"The peer speaks version {version}, this program {PROTOCOL_VERSION}.")
    at = 3
    capabilities = []
    for _ in range(data[2]):
        capability, at = _read_lp(data, at)
        capabilities.append(capability)
    agent, at = _read_lp(data, at)
    _end(data, at)
    return Hello(version, tuple(capabilities), agent)


def _encode_hello(message: Hello) -> bytes:
    if len(message.capabilities) > 255:
        raise ValueError("A peer has at most 255 capabilities.")
    head = struct.pack(">BB", message.version, len(message.capabilities))
    return head + b"".join(map(lp, message.capabilities)) + lp(message.agent)


def _decode_ping(data: bytes) -> Ping:
    publisher, t0 = _PING.unpack_from(data, 1)
    _end(data, 25)
    _time(t0)
    return Ping(publisher, t0)


def _decode_pong(data: bytes) -> Pong:
    publisher, t0, t1, t2, error = _PONG.unpack_from(data, 1)
    _end(data, 45)
    _time(t0, t1, t2)
    return Pong(publisher, t0, t1, t2, error)


def _decode_error(data: bytes) -> ErrorMessage:
    (code,) = struct.unpack_from(">H", data, 1)
    return ErrorMessage(code, data[3:].decode())


def _decode_bye(data: bytes) -> Bye:
    _end(data, 2)
    return Bye(data[1])


def _decode_block(data: bytes) -> Block:
    seal, index, length = _BLOCK.unpack_from(data, 1)
    start = 152 + 16 * length
    size = len(data) - start
    if index >= MAX_LEAVES:
        raise WireError(MALFORMED, f"Blocks are numbered 0 to {MAX_LEAVES - 1}, not {index}.")
    if length > MAX_PROOF:
        raise WireError(MALFORMED, f"A proof has at most {MAX_PROOF} nodes, not {length}.")
    if size < 0:
        raise WireError(MALFORMED, "The message is shorter than its type and counts say.")
    if size > MAX_BLOCK:
        raise WireError(TOO_LARGE, f"A block has at most {MAX_BLOCK} bytes, not {size}.")
    return Block(seal, index, _split(data, 152, start, 16), data[start:])


def _encode_block(message: Block) -> bytes:
    if len(message.data) > MAX_BLOCK or len(message.proof) > MAX_PROOF or not 0 <= message.index < MAX_LEAVES:
        raise ValueError("The block, its proof or its index is too large.")
    head = _BLOCK.pack(_exactly(message.seal, SEAL), message.index, len(message.proof))
    return b"".join((head, _joined(message.proof, 16), message.data))


def _decode_subscribe(data: bytes) -> Subscribe:
    braid, stripe, epoch, number = _SUBSCRIBE.unpack_from(data, 1)
    _end(data, 18)
    _stripe(stripe)
    return Subscribe(braid, stripe, epoch, number)


def _decode_unsubscribe(data: bytes) -> Unsubscribe:
    braid, stripe = _UNSUBSCRIBE.unpack_from(data, 1)
    _end(data, 10)
    _stripe(stripe)
    return Unsubscribe(braid, stripe)


def _decode_refuse(data: bytes) -> Refuse:
    braid, stripe, reason = _REFUSE.unpack_from(data, 1)
    _end(data, 11)
    _stripe(stripe)
    return Refuse(braid, stripe, reason)


def _decode_status(data: bytes) -> Status:
    braid, epoch, newest, flags, free, count = _STATUS.unpack_from(data, 1)
    if not 1 <= count <= MAX_STRIPES:
        raise WireError(MALFORMED, f"A braid has 1 to {MAX_STRIPES} stripes, not {count}.")
    stripes = []
    at = 20
    for _ in range(count):
        stripe_flags = data[at]
        start, at = at + 2, at + 2 + 4 * data[at + 1]
        if at > len(data):
            raise IndexError
        path = _split(data, start, at, 4)
        fed, starved = bool(stripe_flags & _FED), bool(stripe_flags & _STARVED)
        stripes.append(StripeStatus(fed, starved, path, bool(stripe_flags & _FEEDS)))
    _end(data, at)
    return Status(braid, epoch, newest, bool(flags & _CARRIES), bool(flags & _LEAVING), free, tuple(stripes))


def _encode_status(message: Status) -> bytes:
    flags = _CARRIES * message.carries | _LEAVING * message.leaving
    parts = [
        _STATUS.pack(
            _exactly(message.braid, 8),
            message.epoch,
            message.newest,
            flags,
            message.free,
            len(message.stripes),
        )
    ]
    for stripe in message.stripes:
        stripe_flags = _FED * stripe.fed | _STARVED * stripe.starved | _FEEDS * stripe.feeds
        parts.append(struct.pack(">BB", stripe_flags, len(stripe.path)))
        parts.append(_joined(stripe.path, 4))
    return b"".join(parts)


def _decode_want(data: bytes) -> Want:
    braid, epoch, number, count = _WANT.unpack_from(data, 1)
    _end(data, 18 + 2 * count)
    blocks = struct.unpack_from(f">{count}H", data, 18)
    if count and max(blocks) >= MAX_LEAVES:
        raise WireError(MALFORMED, f"Blocks are numbered 0 to {MAX_LEAVES - 1}, not {max(blocks)}.")
    return Want(braid, epoch, number, blocks)


def _encode_want(message: Want) -> bytes:
    count = len(message.blocks)
    head = _WANT.pack(_exactly(message.braid, 8), message.epoch, message.number, count)
    return head + struct.pack(f">{count}H", *message.blocks)


def _decode_probe(data: bytes) -> Probe:
    braid, train, count = _PROBE.unpack_from(data, 1)
    if not count or len(data) > MAX_PROBE:
        raise WireError(MALFORMED, f"A train has messages, and each at most {MAX_PROBE} bytes.")
    return Probe(braid, train, count, len(data))


def _encode_probe(message: Probe) -> bytes:
    head = _PROBE.pack(_exactly(message.braid, 8), message.train, message.count)
    if not len(head) < message.size <= MAX_PROBE:
        raise ValueError(f"A message of a train has more than {len(head)} bytes and at most {MAX_PROBE}.")
    return head + bytes(message.size - 1 - len(head))


def _decode_probed(data: bytes) -> Probed:
    _end(data, 14)
    return Probed(*_PROBED.unpack_from(data, 1))


def _decode_stream(data: bytes) -> Stream:
    if len(data) - 1 > MAX_DESCRIPTION:
        raise WireError(TOO_LARGE, "A stream description has at most 32 KiB.")
    if len(data) - 1 <= 32 + 64:
        raise WireError(MALFORMED, "The stream description is shorter than its signature.")
    return Stream(data[1:])


def _decode_chat_message(data: bytes) -> ChatMessage:
    (length,) = struct.unpack_from(">H", data, 1)
    end = 3 + length
    follows = data[end + 64]
    header, signature = data[3:end], data[end : end + 64]
    try:
        body_length = ChatHeader.parse(header).body_length
    except ChatHeaderError as error:
        raise WireError(MALFORMED, str(error)) from error
    if follows > 1:
        raise WireError(MALFORMED, "A chat message says by 0 or 1 whether its body follows.")
    _end(data, end + 65 + (body_length if follows else 0))
    return ChatMessage(header, signature, data[end + 65 :] if follows else None)


def _encode_chat_message(message: ChatMessage) -> bytes:
    head = struct.pack(">H", len(message.header))
    body = b"\x00" if message.body is None else b"\x01" + message.body
    return head + message.header + _exactly(message.signature, 64) + body


def _chat_ids(data: bytes) -> tuple[bytes, ...]:
    (count,) = struct.unpack_from(">H", data, 1)
    if count > MAX_CHAT_IDS:
        raise WireError(TOO_LARGE, f"A message names at most {MAX_CHAT_IDS} chat messages.")
    _end(data, 3 + 32 * count)
    return _split(data, 3, len(data), 32)


def _decode_chat_root(data: bytes) -> ChatRoot:
    _end(data, 26)
    return ChatRoot(*_CHAT_ROOT.unpack_from(data, 1))


def _encode_chat_ids(
    message: ChatHave | ChatWant | ChatBefore | ChatPage | ChatNews | ChatGraft | ChatPrune,
) -> bytes:
    return struct.pack(">H", len(message.ids)) + _joined(message.ids, 32)


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    HELLO: _decode_hello,
    PING: _decode_ping,
    PONG: _decode_pong,
    ERROR: _decode_error,
    BYE: _decode_bye,
    BLOCK: _decode_block,
    SUBSCRIBE: _decode_subscribe,
    UNSUBSCRIBE: _decode_unsubscribe,
    REFUSE: _decode_refuse,
    STATUS: _decode_status,
    WANT: _decode_want,
    PROBE: _decode_probe,
    PROBED: _decode_probed,
    STREAM: _decode_stream,
    CHAT_MESSAGE: _decode_chat_message,
    CHAT_HAVE: lambda data: ChatHave(_chat_ids(data)),
    CHAT_WANT: lambda data: ChatWant(_chat_ids(data)),
    CHAT_BEFORE: lambda data: ChatBefore(_chat_ids(data)),
    CHAT_PAGE: lambda data: ChatPage(_chat_ids(data)),
    CHAT_NEWS: lambda data: ChatNews(_chat_ids(data)),
    CHAT_GRAFT: lambda data: ChatGraft(_chat_ids(data)),
    CHAT_PRUNE: lambda data: ChatPrune(_chat_ids(data)),
    CHAT_COMPARE: lambda data: ChatCompare(data[1:]),
    CHAT_RANGES: lambda data: ChatRanges(data[1:]),
    CHAT_ROOT: _decode_chat_root,
}

_ENCODERS: dict[type[Any], tuple[int, Callable[[Any], bytes]]] = {
    Hello: (HELLO, _encode_hello),
    Ping: (PING, lambda m: _PING.pack(_exactly(m.publisher, 16), m.t0)),
    Pong: (PONG, lambda m: _PONG.pack(_exactly(m.publisher, 16), m.t0, m.t1, m.t2, m.error)),
    ErrorMessage: (ERROR, lambda m: struct.pack(">H", m.code) + m.sentence.encode()),
    Bye: (BYE, lambda m: struct.pack(">B", m.reason)),
    Block: (BLOCK, _encode_block),
    Subscribe: (SUBSCRIBE, lambda m: _SUBSCRIBE.pack(_exactly(m.braid, 8), m.stripe, m.epoch, m.number)),
    Unsubscribe: (UNSUBSCRIBE, lambda m: _UNSUBSCRIBE.pack(_exactly(m.braid, 8), m.stripe)),
    Refuse: (REFUSE, lambda m: _REFUSE.pack(_exactly(m.braid, 8), m.stripe, m.reason)),
    Status: (STATUS, _encode_status),
    Want: (WANT, _encode_want),
    Probe: (PROBE, _encode_probe),
    Probed: (PROBED, lambda m: _PROBED.pack(_exactly(m.braid, 8), m.train, m.spread)),
    Stream: (STREAM, lambda m: m.description),
    ChatMessage: (CHAT_MESSAGE, _encode_chat_message),
    ChatHave: (CHAT_HAVE, _encode_chat_ids),
    ChatWant: (CHAT_WANT, _encode_chat_ids),
    ChatBefore: (CHAT_BEFORE, _encode_chat_ids),
    ChatPage: (CHAT_PAGE, _encode_chat_ids),
    ChatNews: (CHAT_NEWS, _encode_chat_ids),
    ChatGraft: (CHAT_GRAFT, _encode_chat_ids),
    ChatPrune: (CHAT_PRUNE, _encode_chat_ids),
    ChatCompare: (CHAT_COMPARE, lambda m: m.data),
    ChatRanges: (CHAT_RANGES, lambda m: m.data),
    ChatRoot: (CHAT_ROOT, lambda m: _CHAT_ROOT.pack(m.generation, _exactly(m.root, 16), m.number, m.hops)),
}
