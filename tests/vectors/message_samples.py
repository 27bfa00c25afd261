"""messages.json, chat_headers.json and the .bin files: every message on a link, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from peer import identity, merkle, wire
from peer.description import StreamDescription, sign_description
from peer.seal import FIRST, Seal, cut, seal_part
from signaling.chat_header import ChatHeader, message_id, room_hash
from tests.vectors.samples import PUBLISHER, VIEWER, Json, fields, pattern, plain

BRAID = identity.braid_id(PUBLISHER.key, "demo", "main", "360p")
PART = seal_part(
    PUBLISHER,
    Seal(5, 4, 0, BRAID, 91234567, 7, 12, 2, 0, 700_000, 100_000, 1_795_000_000_123_456, 0, b"", FIRST),
    pattern(65_536),
)
BLOCKS = cut(PART.data, 4)
DESCRIPTION = StreamDescription("demo", "main", "", "offline", 91234567, 4, 0.1, (), ())


def chat_header(follows: int, body: bytes) -> ChatHeader:
    return ChatHeader(
        kind=1,
        room=room_hash("demo"),
        author=VIEWER.key,
        clock=follows + 1,
        time=1_795_000_000_123,
        follows=tuple(sha256(bytes([index])).digest() for index in range(follows)),
        body_length=len(body),
        body_hash=sha256(body).digest(),
    )


def chat_message(follows: int, body: bytes, with_body: bool = True) -> wire.ChatMessage:
    header = chat_header(follows, body).encode()
    return wire.ChatMessage(header, VIEWER.sign(identity.TAG_CHAT, header), body if with_body else None)


TEXT = '{"text":"Grüße an alle 👋","name":"Ada"}'.encode()
PATH = (PUBLISHER.id[:4], VIEWER.id[:4])

GOOD: dict[str, wire.Message] = {
    "hello": wire.Hello(1, ("braid", "chat"), "braidcast 0.1.0 (python)"),
    "hello of few words": wire.Hello(1, (), ""),
    "hello outside ASCII": wire.Hello(1, ("\ufeffé", "x" * 255), "ü"),
    "ping": wire.Ping(PUBLISHER.id, 123_456_789),
    "pong": wire.Pong(PUBLISHER.id, 123_456_789, 1_795_000_000_123_456, 1_795_000_000_123_789, 4_500),
    "pong of one that does not know": wire.Pong(PUBLISHER.id, 2**53 - 1, 0, 1, wire.UNKNOWN_ERROR),
    "error": wire.ErrorMessage(1, "A block has at most 16384 bytes, not 16385."),
    "error without a sentence": wire.ErrorMessage(65535, ""),
    "bye": wire.Bye(2),
    "bye for a later reason": wire.Bye(255),
    "subscribe": wire.Subscribe(BRAID, 3, 91234567, 7),
    "unsubscribe": wire.Unsubscribe(BRAID, 15),
    "refuse": wire.Refuse(BRAID, 0, 2),
    "status": wire.Status(
        BRAID,
        91234567,
        7,
        True,
        False,
        3,
        (
            wire.StripeStatus(True, False, PATH, feeds=True),
            wire.StripeStatus(True, True, PATH[:1]),
            wire.StripeStatus(False, True, ()),
            wire.StripeStatus(False, False, PATH * 127),
        ),
    ),
    "status of a leaf that leaves": wire.Status(
        BRAID, 0, 2**32 - 1, False, True, 255, (wire.StripeStatus(False, False, ()),) * 16
    ),
    "want": wire.Want(BRAID, 91234567, 7, (0, 5, 1023)),
    "want of nothing": wire.Want(BRAID, 91234567, 7, ()),
    "want of many": wire.Want(BRAID, 91234567, 7, tuple(range(255))),
    "probe": wire.Probe(BRAID, 2, 16, 40),
    "probe without padding": wire.Probe(BRAID, 0, 255, 11),
    "probed": wire.Probed(BRAID, 2, 93_500),
    "probed that took very long": wire.Probed(BRAID, 255, 2**32 - 1),
    "stream": wire.Stream(sign_description(PUBLISHER, DESCRIPTION)),
    "chat message": chat_message(2, TEXT),
    "chat message without its body": chat_message(8, TEXT, with_body=False),
    "chat message that says nothing": chat_message(0, b""),
    "chat have": wire.ChatHave((sha256(b"a").digest(), sha256(b"b").digest())),
    "chat have nothing": wire.ChatHave(()),
    "chat want": wire.ChatWant((sha256(b"a").digest(),)),
    "chat before": wire.ChatBefore((sha256(b"a").digest(),)),
    "chat page": wire.ChatPage((sha256(b"a").digest(), sha256(b"b").digest())),
    "chat page of nothing": wire.ChatPage(()),
    "chat news": wire.ChatNews((sha256(b"a").digest(), sha256(b"b").digest())),
    "chat graft": wire.ChatGraft((sha256(b"a").digest(),)),
    "chat graft of nothing": wire.ChatGraft(()),
    "chat prune": wire.ChatPrune((sha256(b"a").digest(),)),
    "chat root": wire.ChatRoot(2**32 - 1, bytes(range(16)), 7, 64),
    "chat compare": wire.ChatCompare(b"\x01\x02"),
    "chat ranges": wire.ChatRanges(b"\x00\x00"),
    "block without a proof": wire.Block(PART.raw, 0, (), b""),
}

OPEN_ENDED = (
    "error",
    "error without a sentence",
    "stream",
    "block without a proof",
    "probe",
    "probe without padding",
)
"""Those that may have another byte."""

FILES: dict[str, wire.Message] = {
    f"block-{index}.bin": wire.Block(PART.raw, index, merkle.proofs(BLOCKS)[index], block)
    for index, block in enumerate(BLOCKS)
}
FILES["chat-message.bin"] = chat_message(8, pattern(16384))
FILES["chat-have.bin"] = wire.ChatHave(tuple(sha256(bytes([index])).digest() for index in range(256)))


def files() -> dict[str, bytes]:
    return {name: wire.encode(message) for name, message in FILES.items()}


def messages() -> Json:
    good = [
        {"name": name, "raw": wire.encode(message).hex(), "message": typed(message)}
        for name, message in GOOD.items()
    ]
    whole = [
        {"name": name.removesuffix(".bin"), "file": name, "message": typed(message)}
        for name, message in FILES.items()
    ]
    return {
        "publisher": PUBLISHER.key.hex(),
        "good": good + whole,
        "unknown": ["00", "7f", "ff00112233", "19", "2b"],
        "refused": [
            {"name": name, "raw": start.hex(), "zeros": zeros, "code": code}
            for name, (start, zeros, code) in refused().items()
        ],
    }


def typed(message: wire.Message) -> Json:
    return {"type": type(message).__name__} | fields(message)


def refused() -> dict[str, tuple[bytes, int, int]]:
    """Each as its first bytes, how many zero bytes follow, and the code of the error to answer with."""
    malformed = wire.MALFORMED
    good = {name: wire.encode(message) for name, message in GOOD.items()}
    cases: dict[str, tuple[bytes, int, int]] = {
        "no bytes": (b"", 0, malformed),
        "more than 65,536 bytes": (b"\x04", wire.MAX_MESSAGE, wire.TOO_LARGE),
        "an unknown type of more than 65,536 bytes": (b"\x7f", wire.MAX_MESSAGE, wire.TOO_LARGE),
        "hello of version 0": (b"\x01\x00\x00\x00", 0, wire.VERSION),
        "hello of version 2": (b"\x01\x02", 0, wire.VERSION),
        "hello with capabilities missing": (b"\x01\x01\x02\x01a", 0, malformed),
        "hello whose text ends too soon": (b"\x01\x01\x00\x05abcd", 0, malformed),
        "hello that is no UTF-8": (b"\x01\x01\x00\x02\xc3\x28", 0, malformed),
        "hello with half a surrogate pair": (b"\x01\x01\x00\x03\xed\xa0\x80", 0, malformed),
        "ping beyond 2^53 - 1": (b"\x02" + bytes(16) + (2**53).to_bytes(8, "big"), 0, malformed),
        "ping of the greatest time": (b"\x02" + bytes(16) + b"\xff" * 8, 0, malformed),
        "pong beyond 2^53 - 1": (b"\x03" + bytes(32) + b"\xff" * 8 + bytes(4), 0, malformed),
        "error without a code": (b"\x04\x00", 0, malformed),
        "error that is no UTF-8": (b"\x04\x00\x01\xff", 0, malformed),
        "block with a part of its seal": (b"\x10", 147, malformed),
        "block without its proof": (b"\x10" + PART.raw + b"\x00\x00\x02" + bytes(31), 0, malformed),
        "block with index 1024": (b"\x10" + PART.raw + b"\x04\x00\x00", 0, malformed),
        "block with a proof of 11 nodes": (b"\x10" + PART.raw + b"\x00\x00\x0b", 176, malformed),
        "block of 16,385 bytes": (b"\x10" + PART.raw + b"\x00\x00\x00", 16385, wire.TOO_LARGE),
        "subscribe to stripe 16": (b"\x11" + BRAID + b"\x10", 8, malformed),
        "unsubscribe from stripe 16": (b"\x12" + BRAID + b"\x10", 0, malformed),
        "refuse stripe 255": (b"\x13" + BRAID + b"\xff\x01", 0, malformed),
        "status of no stripes": (b"\x14" + BRAID + bytes(11), 0, malformed),
        "status of 17 stripes": (b"\x14" + BRAID + bytes(10) + b"\x11", 34, malformed),
        "status whose path ends too soon": (b"\x14" + BRAID + bytes(10) + b"\x01\x01\x02", 7, malformed),
        "status with a stripe missing": (b"\x14" + BRAID + bytes(10) + b"\x02\x01\x00", 0, malformed),
        "want of block 1024": (b"\x15" + BRAID + bytes(8) + b"\x01\x04\x00", 0, malformed),
        "want that ends too soon": (b"\x15" + BRAID + bytes(8) + b"\x02\x00\x01", 0, malformed),
        "probe of a train without messages": (b"\x17" + BRAID + b"\x00\x00", 0, malformed),
        "probe of 1,201 bytes": (b"\x17" + BRAID + b"\x00\x04", wire.MAX_PROBE - 10, malformed),
        "stream without JSON": (b"\x16", 96, malformed),
        "stream of more than 32 KiB": (b"\x16", 32 + 64 + 32769, wire.TOO_LARGE),
        "chat have of 257 ids": (b"\x21\x01\x01", 257 * 32, wire.TOO_LARGE),
        "chat want that ends too soon": (b"\x22\x00\x02", 63, malformed),
    }
    chat = good["chat message"]
    body_at = 3 + 91 + 64
    plain_chat = good["chat message that says nothing"]
    cases |= {
        "chat message with a header of 348 bytes": (b"\x20\x01\x5c", 500, malformed),
        "chat message with a short header": (b"\x20\x00\x5a", 160, malformed),
        "chat message of version 2": (b"\x20\x00\x5b\x02", 160, malformed),
        "chat message with more follows than ids": (
            plain_chat[:57] + b"\x01" + plain_chat[58:],
            0,
            malformed,
        ),
        "chat message whose body is 16,385 bytes": (
            plain_chat[:60] + b"\x40\x01" + plain_chat[62:],
            16385,
            malformed,
        ),
        "chat message with a body byte missing": (chat[:-1], 0, malformed),
        "chat message with a body byte too many": (chat, 1, malformed),
        "chat message with a strange body mark": (plain_chat[:body_at] + b"\x02", 0, malformed),
        "chat message beyond 2^53 - 1": (plain_chat[:49] + b"\xff" * 8 + plain_chat[57:], 0, malformed),
    }
    for name, raw in good.items():
        if name in ("chat compare", "chat ranges"):
            continue  # what they hold is looked into elsewhere
        if name not in OPEN_ENDED:
            cases[f"{name}, and a byte"] = (raw, 1, malformed)
        if name not in ("error", "probe"):
            cases[f"{name}, all but a byte"] = (raw[:-1], 0, malformed)
    del cases["stream, all but a byte"]  # as good as any, until its signature is looked at
    return cases


def chat_headers() -> Json:
    good = [chat_header(0, b""), chat_header(1, TEXT), chat_header(8, pattern(16384))]
    good.append(replace(good[0], kind=255, clock=2**32 - 1, time=2**53 - 1))
    raw = good[1].encode()
    bad: dict[str, Any] = {
        "no bytes": b"",
        "90 bytes": raw[:90],
        "one byte less": raw[:-1],
        "one byte more": raw + b"\0",
        "version 2": b"\x02" + raw[1:],
        "follows nine": raw[:54] + b"\x09" + bytes(9 * 32) + raw[-36:],
        "follows two and names one": raw[:54] + b"\x02" + raw[55:],
        "a body of 16,385 bytes": raw[:-36] + (16385).to_bytes(4, "big") + raw[-32:],
        "a time beyond 2^53 - 1": raw[:46] + (2**53).to_bytes(8, "big") + raw[54:],
    }
    return plain(
        {
            "rooms": [{"room": room, "hash": room_hash(room)} for room in ("demo", "x" * 64)],
            "good": [
                {"raw": header.encode(), "fields": fields(header), "id": message_id(header.encode())}
                for header in good
            ],
            "bad": [{"name": name, "raw": raw} for name, raw in bad.items()],
        }
    )
