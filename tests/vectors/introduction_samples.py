"""introductions.json: records of peers and the messages by which neighbours introduce them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from peer import wire_introductions as wire
from peer.peer_record import MAX_BRAIDS, MAX_CREDENTIAL, MAX_RECORD, PeerRecord, signed_by_peer
from peer.signing import TAG_PEER
from peer.wire import MALFORMED, TOO_LARGE
from tests.vectors.samples import PUBLISHER, VIEWER, Json

BRAIDS = tuple(bytes([index]) * 8 for index in range(MAX_BRAIDS))
CONNECTION = bytes(range(8))

RECORDS = {
    "viewer": PeerRecord(VIEWER.key, b"n" * 16, 1_795_000_000_123, "viewer", True, BRAIDS[:1]),
    "publisher": PeerRecord(PUBLISHER.key, bytes(16), 0, "publisher", True, BRAIDS),
    "relay with a credential": PeerRecord(
        VIEWER.key, b"\xff" * 16, 2**53 - 1, "relay", True, (), bytes(MAX_CREDENTIAL)
    ),
    "member that carries nothing": PeerRecord(VIEWER.key, b"n" * 16, 1, "member", False, ()),
}


def signed(record: PeerRecord) -> bytes:
    who = PUBLISHER if record.key == PUBLISHER.key else VIEWER
    return record.body() + who.sign(TAG_PEER, signed_by_peer("demo", record.body()))


TOLD = tuple(wire.Told(index, 1000 * index, signed(record)) for index, record in enumerate(RECORDS.values()))
OFFER = wire.RelayOffer(4, CONNECTION, PUBLISHER.id, VIEWER.key, b"n" * 16, b"s" * 64, "v=0\r\n")

GOOD: dict[str, wire.Introducing] = {
    "shuffle": wire.Shuffle(2**32 - 1, 4, TOLD),
    "shuffle of nobody": wire.Shuffle(1, 1, ()),
    "peers": wire.Peers(7, TOLD + TOLD),
    "peers of the greatest age": wire.Peers(0, (wire.Told(4, 3_600_000, b"\x02later"),)),
    "offer": OFFER,
    "offer of the greatest size": dataclasses.replace(OFFER, hops=0, sdp="é" * 4096),
    "answer": wire.RelayAnswer(CONNECTION, PUBLISHER.key, b"m" * 16, b"t" * 64, "v=0\r\n"),
    "candidate": wire.RelayCandidate(CONNECTION, 65535, "0", "candidate:1 1 udp 1 192.0.2.1 9 typ host"),
    "last candidate": wire.RelayCandidate(CONNECTION, 0, "", ""),
    "failed": wire.RelayFailed(CONNECTION, wire.NOT_TAKEN),
}


def plain(value: Any) -> Json:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def messages(
    good: Mapping[str, Any],
    encode: Callable[[Any], bytes],
    refused: Mapping[str, tuple[bytes, int, int]],
) -> dict[str, Json]:
    """What is read and written alike, and what is refused as `refused` says it."""
    return {
        "good": [
            {
                "name": name,
                "raw": encode(message).hex(),
                "message": {"type": type(message).__name__} | plain(message),
            }
            for name, message in good.items()
        ],
        "refused": [
            {"name": name, "raw": start.hex(), "zeros": zeros, "code": code}
            for name, (start, zeros, code) in refused.items()
        ],
    }


def refused() -> dict[str, tuple[bytes, int, int]]:
    """Each as its first bytes, how many zero bytes follow, and the code of the error to answer with."""
    told = bytes.fromhex("000000000000b4")  # no hops, no age, 180 bytes
    return {
        "shuffle of no steps": (b"\x30\0\0\0\1\0\0", 0, MALFORMED),
        "shuffle of five steps": (b"\x30\0\0\0\1\5\0", 0, MALFORMED),
        "shuffle that tells of nine": (b"\x30\0\0\0\1\1\x09", 2000, MALFORMED),
        "shuffle cut short": (b"\x30\0\0\0", 0, MALFORMED),
        "peers with a record missing": (b"\x31\0\0\0\0\1" + told, 179, MALFORMED),
        "peers with a byte too many": (b"\x31\0\0\0\0\1" + told, 181, MALFORMED),
        "peers five links away": (b"\x31\0\0\0\0\1\5" + told[1:], 180, MALFORMED),
        "peers older than an hour": (b"\x31\0\0\0\0\1\0\0\x36\xee\x81\0\xb4", 180, MALFORMED),
        "peers without a record": (b"\x31\0\0\0\0\1\0\0\0\0\0\0\0", 0, MALFORMED),
        "peers with too large a record": (
            b"\x31\0\0\0\0\1\0\0\0\0\0" + (MAX_RECORD + 1).to_bytes(2, "big"),
            MAX_RECORD + 1,
            MALFORMED,
        ),
        "offer over five peers": (b"\x32\5", 136, MALFORMED),
        "offer cut short": (b"\x32", 136, MALFORMED),
        "offer with too long an SDP": (b"\x32", 137 + 8193, TOO_LARGE),
        "answer that is no UTF-8": (b"\x33" + bytes(120) + b"\xff", 0, MALFORMED),
        "answer with too long an SDP": (b"\x33", 120 + 8193, TOO_LARGE),
        "candidate whose name ends too soon": (b"\x34" + bytes(10) + b"\5abcd", 0, MALFORMED),
        "candidate that is too long": (b"\x34", 11 + 1025, TOO_LARGE),
        "failed without a reason": (b"\x35" + bytes(8), 0, MALFORMED),
        "failed with two": (b"\x35" + bytes(10), 0, MALFORMED),
    }


def introductions() -> Json:
    head = RECORDS["viewer"].body()[:59]
    bad = {
        "no bytes": b"",
        "too many bytes": bytes([1]) * (MAX_RECORD + 1),
        "only a head": head,
        "nine braids": head + b"\x09" + bytes(72 + 2 + 64),
        "too large a credential": head + b"\0\x02\x01" + bytes(513 + 64),
        "credential cut short": head + b"\0\0\x05" + bytes(4 + 64),
        "a byte too many": TOLD[0].record + b"\0",
        "too great a sequence number": TOLD[0].record[:51] + b"\xff" * 8 + TOLD[0].record[59:],
    }
    return {
        "room": "demo",
        "records": [
            {"name": name, "raw": signed(record).hex(), "record": plain(record)}
            for name, record in RECORDS.items()
        ],
        "later": ["02", "ff" * 20],
        "bad_records": [{"name": name, "raw": raw.hex()} for name, raw in bad.items()],
        **messages(GOOD, wire.encode, refused()),
    }
