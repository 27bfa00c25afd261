"""The messages by which neighbours introduce peers to each other (docs/protocol.md section 6).

They are kept apart from `peer.wire`, for a page loads them only when it has a link. `decode` holds what came
to every bound, or raises WireError; records of peers are read where they are used.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from peer.peer_record import MAX_RECORD
from peer.signing import lp, peer_id
from peer.wire import MALFORMED, TOO_LARGE, WireError

SHUFFLE, PEERS, RELAY_OFFER, RELAY_ANSWER, RELAY_CANDIDATE, RELAY_FAILED = range(0x30, 0x36)
TYPES = range(SHUFFLE, RELAY_FAILED + 1)

MAX_TOLD = 8
MAX_STEPS = 4
"""Peers that a walk visits, and that may lie between two who are introduced."""
MAX_AGE = 3_600_000
MAX_SDP = 8192
MAX_CANDIDATE = 1024

# Reasons of RELAY_FAILED
NO_WAY, TOO_FAR, LOOP, TOO_OFTEN, NOT_TAKEN = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Told:
    """A signed record; `hops` peers lie between teller and peer, `age` is in ms since it was signed."""

    hops: int
    age: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Peers that the sender knows, on a walk of `steps` more peers; the last answers with PEERS."""

    walk: int
    steps: int
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Peers:
    """Peers that the sender knows: the answer to a walk, or unasked (walk 0) when a link opens."""

    walk: int
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class RelayOffer:
    """An offer to `to`, signed as in section 5 by the owner of `key`; `hops` more peers may pass it on."""

    hops: int
    connection: bytes
    to: bytes
    key: bytes
    nonce: bytes
    signature: bytes
    sdp: str

    @property
    def sender(self) -> bytes:
        """The id of the peer that offers."""
        return peer_id(self.key)


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """The answer to the offer of that connection; it goes back the way that the offer came."""

    connection: bytes
    key: bytes
    nonce: bytes
    signature: bytes
    sdp: str


@dataclass(frozen=True, slots=True)
class RelayCandidate:
    """A trickled candidate of either side; an empty one is the end."""

    connection: bytes
    m_line: int
    mid: str
    candidate: str


@dataclass(frozen=True, slots=True)
class RelayFailed:
    """The offer of that connection does not reach its addressee this way."""

    connection: bytes
    reason: int


Introducing: TypeAlias = Shuffle | Peers | RelayOffer | RelayAnswer | RelayCandidate | RelayFailed

_TOLD = struct.Struct(">BIH")
_OFFER = struct.Struct(">B8s16s32s16s64s")
_ANSWER = struct.Struct(">8s32s16s64s")


def decode(data: bytes) -> Introducing:
    """Read a message whose type is one of TYPES. Raises WireError and nothing else."""
    try:
        return _DECODERS[data[0]](data)
    except (struct.error, IndexError) as error:
        raise WireError(MALFORMED, "The message is shorter than its type and counts say.") from error
    except UnicodeDecodeError as error:
        raise WireError(MALFORMED, "A text in the message is not UTF-8.") from error


def encode(message: Introducing) -> bytes:
    """The bytes of a message. Raises ValueError when a field is out of its bounds."""
    kind, encoder = _ENCODERS[type(message)]
    try:
        data = bytes((kind,)) + encoder(message)
        decode(data)  # held to all that is asked of others
    except struct.error as error:
        raise ValueError(f"A field of {type(message).__name__} does not fit its bytes.") from error
    except WireError as error:
        raise ValueError(error.sentence) from error
    return data


def _exactly(value: bytes, size: int) -> bytes:
    # struct would pad or cut it without a word
    if len(value) != size:
        raise ValueError(f"A field has {size} bytes here, not {len(value)}.")
    return value


def _text(data: bytes, at: int, most: int) -> str:
    if len(data) - at > most:
        raise WireError(TOO_LARGE, f"A text in the message has at most {most} bytes, not {len(data) - at}.")
    return data[at:].decode()


def _decode_told(data: bytes, at: int) -> tuple[Told, ...]:
    count, at = data[at], at + 1
    if count > MAX_TOLD:
        raise WireError(MALFORMED, f"A message tells of at most {MAX_TOLD} peers, not {count}.")
    told = []
    for _ in range(count):
        hops, age, length = _TOLD.unpack_from(data, at)
        at += _TOLD.size
        record, at = data[at : at + length], at + length
        if hops > MAX_STEPS or age > MAX_AGE or not 1 <= length <= MAX_RECORD:
            raise WireError(MALFORMED, "What is told of a peer is out of its bounds.")
        told.append(Told(hops, age, record))
    if at != len(data):
        raise WireError(MALFORMED, "The message is not as long as its type and counts say.")
    return tuple(told)


def _encode_told(told: tuple[Told, ...]) -> bytes:
    parts = [struct.pack(">B", len(told))]
    for one in told:
        parts += (_TOLD.pack(one.hops, one.age, len(one.record)), one.record)
    return b"".join(parts)


def _decode_shuffle(data: bytes) -> Shuffle:
    walk, steps = struct.unpack_from(">IB", data, 1)
    if not 1 <= steps <= MAX_STEPS:
        raise WireError(MALFORMED, f"A walk visits 1 to {MAX_STEPS} peers, not {steps}.")
    return Shuffle(walk, steps, _decode_told(data, 6))


def _decode_peers(data: bytes) -> Peers:
    (walk,) = struct.unpack_from(">I", data, 1)
    return Peers(walk, _decode_told(data, 5))


def _decode_offer(data: bytes) -> RelayOffer:
    hops, connection, to, key, nonce, signature = _OFFER.unpack_from(data, 1)
    if hops > MAX_STEPS:
        raise WireError(MALFORMED, f"An offer is passed on by at most {MAX_STEPS} peers, not {hops}.")
    sdp = _text(data, 1 + _OFFER.size, MAX_SDP)
    return RelayOffer(hops, connection, to, key, nonce, signature, sdp)


def _encode_offer(m: RelayOffer) -> bytes:
    return (
        _OFFER.pack(
            m.hops,
            _exactly(m.connection, 8),
            _exactly(m.to, 16),
            _exactly(m.key, 32),
            _exactly(m.nonce, 16),
            _exactly(m.signature, 64),
        )
        + m.sdp.encode()
    )


def _decode_answer(data: bytes) -> RelayAnswer:
    connection, key, nonce, signature = _ANSWER.unpack_from(data, 1)
    return RelayAnswer(connection, key, nonce, signature, _text(data, 1 + _ANSWER.size, MAX_SDP))


def _encode_answer(m: RelayAnswer) -> bytes:
    head = _ANSWER.pack(
        _exactly(m.connection, 8), _exactly(m.key, 32), _exactly(m.nonce, 16), _exactly(m.signature, 64)
    )
    return head + m.sdp.encode()


def _decode_candidate(data: bytes) -> RelayCandidate:
    connection, m_line, length = struct.unpack_from(">8sHB", data, 1)
    end = 12 + length
    if end > len(data):
        raise IndexError
    return RelayCandidate(connection, m_line, data[12:end].decode(), _text(data, end, MAX_CANDIDATE))


def _encode_candidate(m: RelayCandidate) -> bytes:
    head = struct.pack(">8sH", _exactly(m.connection, 8), m.m_line)
    return head + lp(m.mid) + m.candidate.encode()


def _decode_failed(data: bytes) -> RelayFailed:
    connection, reason = struct.unpack_from(">8sB", data, 1)
    if len(data) != 10:
        raise WireError(MALFORMED, "The message is not as long as its type and counts say.")
    return RelayFailed(connection, reason)


_DECODERS: dict[int, Callable[[bytes], Introducing]] = {
    SHUFFLE: _decode_shuffle,
    PEERS: _decode_peers,
    RELAY_OFFER: _decode_offer,
    RELAY_ANSWER: _decode_answer,
    RELAY_CANDIDATE: _decode_candidate,
    RELAY_FAILED: _decode_failed,
}

_ENCODERS: dict[type[Any], tuple[int, Callable[[Any], bytes]]] = {
    Shuffle: (SHUFFLE, lambda m: struct.pack(">IB", m.walk, m.steps) + _encode_told(m.told)),
    Peers: (PEERS, lambda m: struct.pack(">I", m.walk) + _encode_told(m.told)),
    RelayOffer: (RELAY_OFFER, _encode_offer),
    RelayAnswer: (RELAY_ANSWER, _encode_answer),
    RelayCandidate: (RELAY_CANDIDATE, _encode_candidate),
    RelayFailed: (RELAY_FAILED, lambda m: struct.pack(">8sB", _exactly(m.connection, 8), m.reason)),
}
