"""The messages between a peer and an introducer (docs/protocol.md, section 4).

A message is a JSON object in one WebSocket text frame; its `type` says which of the structs below it is.
Unknown fields are ignored, so that later versions may add some. Binary values are unpadded base64url, ids
are lower-case hexadecimal digits.
"""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from signaling.binary import TAG_CHAT as TAG_CHAT
from signaling.binary import TAG_JOIN as TAG_JOIN
from signaling.binary import TAG_STREAM as TAG_STREAM
from signaling.binary import braid_id as braid_id
from signaling.binary import from_base64url as from_base64url
from signaling.binary import join_payload as join_payload
from signaling.binary import lp as lp
from signaling.binary import peer_id as peer_id
from signaling.binary import to_base64url as to_base64url
from signaling.fields import MAX_DESCRIPTION as MAX_DESCRIPTION
from signaling.fields import (
    BraidId,
    CandidateText,
    Capabilities,
    ConnectionId,
    Count,
    DescriptionText,
    Key,
    MeasureText,
    Mid,
    Name,
    Nickname,
    Nonce,
    Parents,
    PeerIds,
    Sdp,
    Seconds,
    Sentence,
    SessionId,
    Share,
    Signature,
    Slots,
    Version,
)
from signaling.fields import ErrorCode as ErrorCode
from signaling.fields import PeerId as PeerId
from signaling.fields import Role as Role

PROTOCOL_VERSION = 1
VERSIONS = (PROTOCOL_VERSION,)
CAPABILITY_NO_LINKS = "no-links"
"""In a `hello`: the peer opens and accepts no links, so it is neither introduced nor planned."""

MAX_MESSAGE = 65_536
"""Bytes of one JSON message, in both directions."""


class ProtocolError(Exception):
    """A message that must not be acted on. `code` is one of the error codes, `sentence` is for a person."""

    def __init__(self, code: ErrorCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code: ErrorCode = code
        self.sentence = sentence


class IceServer(Struct, frozen=True, omit_defaults=True):
    """A STUN or TURN server, with the fields of RTCIceServer."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Introduction(Struct, frozen=True):
    """What one needs to know of a peer in order to open a link to it."""

    peer: PeerId
    key: Key
    nonce: Nonce
    name: Nickname
    role: Role


class RosterEntry(Struct, frozen=True):
    """Somebody who is in the room."""

    peer: PeerId
    name: Nickname
    role: Role


# From the introducer.


class Challenge(Struct, tag="challenge", frozen=True):
    """The first message on every socket; the peer signs `nonce` in its hello."""

    versions: list[Version]
    capabilities: Capabilities
    nonce: Nonce


class Welcome(Struct, tag="welcome", frozen=True):
    """The peer is in the room.

    A `session` other than the one that the hello named means that the old place was gone: announce and watch
    again. `roster` begins with the peer itself and is a sample in large rooms, `count` counts everybody.
    `heartbeat` is in seconds.
    """

    version: Version
    peer: PeerId
    session: SessionId
    ice_servers: list[IceServer]
    heartbeat: Seconds
    roster: list[RosterEntry]
    count: Count
    streams: list[DescriptionText]


class Joined(Struct, tag="joined", frozen=True):
    """Somebody came. `count` is how many there are now."""

    peer: PeerId
    name: Nickname
    role: Role
    count: Count


class Left(Struct, tag="left", frozen=True):
    """Somebody left for good. `count` is how many there are now."""

    peer: PeerId
    count: Count


class Stream(Struct, tag="stream", frozen=True):
    """A new or changed stream description."""

    description: DescriptionText


class Introduce(Struct, tag="introduce", frozen=True):
    """Neighbours: the receiver opens a link to each."""

    peers: Annotated[list[Introduction], Meta(max_length=64)]


class Plan(Struct, tag="plan", frozen=True):
    """Who feeds the receiver in one braid; a greater `sequence` replaces a smaller.

    `parents` has an entry for each stripe, and one more if the receiver is to take the parity stripe; null
    means that nobody can feed it and the origin must. `slots` is how many (child, stripe) pairs the planner
    may give to the receiver, `children_limit` how many of them it should accept at most, which leaves room
    for peers that fail over to it. Both are zero for a leaf.
    """

    stream: Name
    rendition: Name
    braid: BraidId
    sequence: Count
    parents: Parents
    standbys: PeerIds
    introductions: Annotated[list[Introduction], Meta(max_length=64)]
    slots: Count
    children_limit: Count


class RelayedOffer(Struct, tag="offer", frozen=True):
    """An offer by the peer `from` (section 5)."""

    sender: PeerId = field(name="from")
    connection: ConnectionId
    key: Key
    nonce: Nonce
    sdp: Sdp
    signature: Signature


class RelayedAnswer(Struct, tag="answer", frozen=True):
    """An answer by the peer `from` (section 5)."""

    sender: PeerId = field(name="from")
    connection: ConnectionId
    key: Key
    nonce: Nonce
    sdp: Sdp
    signature: Signature


class RelayedCandidate(Struct, tag="candidate", frozen=True):
    """A trickled candidate of the peer `from`; an empty one is the end."""

    sender: PeerId = field(name="from")
    connection: ConnectionId
    candidate: CandidateText
    sdp_mid: Mid | None = None
    sdp_m_line_index: Version | None = None


class Pong(Struct, tag="pong", frozen=True):
    """The answer to a ping."""


class ErrorMessage(Struct, tag="error", frozen=True):
    """One sentence for a person, about a message of type `about`. After a fatal one the socket is closed."""

    code: ErrorCode
    message: Sentence
    fatal: bool
    about: str | None = None


# From the peer.


class Hello(Struct, tag="hello", frozen=True):
    """The first message of a peer. The signature (tag `braidcast join`) is over `join_payload`.

    `owner` is the key of the room's owner as far as the peer knows: the first hello in a room decides whose
    measures the introducer carries out there.
    """

    version: Version
    room: Name
    key: Key
    nonce: Nonce
    signature: Signature
    role: Role
    capabilities: Capabilities = field(default_factory=list)
    name: Nickname = ""
    token: Annotated[str, Meta(max_length=4_096)] | None = None
    session: SessionId | None = None
    owner: Key | None = None


class SignedMeasure(Struct, frozen=True):
    """A chat message of kind 5 or 6 (section 8): header, its author's signature over that, and body."""

    header: MeasureText
    signature: Signature
    body: MeasureText


class Moderate(Struct, tag="moderate", frozen=True):
    """What those who may have done in the room, a checkpoint and then earlier measures first."""

    measures: Annotated[list[SignedMeasure], Meta(max_length=16)]


class Announce(Struct, tag="announce", frozen=True):
    """A publisher's signed stream description; its key must be the peer's own."""

    description: DescriptionText


class Watch(Struct, tag="watch", frozen=True):
    """Ask for a place in a braid. `carry: false` makes a leaf; `uplink` is in bit/s.

    `parity` asks for a parent on the parity stripe, too: plans then have S + 1 parents.
    """

    stream: Name
    rendition: Name
    carry: bool = True
    uplink: Count | None = None
    parity: bool = False


class Unwatch(Struct, tag="unwatch", frozen=True):
    """Give the place in a braid up."""

    stream: Name
    rendition: Name


class Offer(Struct, tag="offer", frozen=True):
    """An offer for the peer `to` (section 5)."""

    to: PeerId
    connection: ConnectionId
    key: Key
    nonce: Nonce
    sdp: Sdp
    signature: Signature


class Answer(Struct, tag="answer", frozen=True):
    """An answer for the peer `to` (section 5)."""

    to: PeerId
    connection: ConnectionId
    key: Key
    nonce: Nonce
    sdp: Sdp
    signature: Signature


class Candidate(Struct, tag="candidate", frozen=True):
    """A trickled candidate for the peer `to`; an empty one is the end."""

    to: PeerId
    connection: ConnectionId
    candidate: CandidateText
    sdp_mid: Mid | None = None
    sdp_m_line_index: Version | None = None


class Report(Struct, tag="report", frozen=True):
    """How a peer fares in a braid.

    Who feeds it by stripe, whose links died, who could not be reached, seconds of round trip by peer, and,
    since the last report, the bytes that went over its links, the bytes of blocks that each parent pushed,
    and the share of blocks that did not come by push in time. `slots` is how many (child, stripe) pairs it
    can feed if that is fewer than its plan says; `harmful` are peers whose links it ended for bad blocks,
    which is believed of nobody on one peer's word. What a peer says of itself only lowers its capacity; what
    its children received from it, those with other address prefixes, raises it.
    """

    braid: BraidId
    parents: Parents
    lost: PeerIds = field(default_factory=list)
    failed: PeerIds = field(default_factory=list)
    rtt: Annotated[dict[PeerId, Seconds], Meta(max_length=64)] = field(default_factory=dict)
    sent: Count = 0
    received: Count = 0
    received_from: Annotated[dict[PeerId, Count], Meta(max_length=64)] = field(default_factory=dict)
    loss: Share = 0.0
    slots: Slots | None = None
    harmful: PeerIds = field(default_factory=list)


class Neighbours(Struct, tag="neighbours", frozen=True):
    """Ask to be introduced to more peers; `links` is how many links the peer has."""

    links: Annotated[int, Meta(ge=0, le=1_024)]


class Leave(Struct, tag="leave", frozen=True):
    """Going for good."""


class Ping(Struct, tag="ping", frozen=True):
    """Heartbeat."""


ServerMessage: TypeAlias = (
    Challenge
    | Welcome
    | Joined
    | Left
    | Stream
    | Introduce
    | Plan
    | RelayedOffer
    | RelayedAnswer
    | RelayedCandidate
    | Pong
    | ErrorMessage
)
ClientMessage: TypeAlias = (
    Hello
    | Announce
    | Watch
    | Unwatch
    | Offer
    | Answer
    | Candidate
    | Report
    | Neighbours
    | Moderate
    | Leave
    | Ping
)
SERVER_MESSAGES: tuple[type[Struct], ...] = ServerMessage.__args__
CLIENT_MESSAGES: tuple[type[Struct], ...] = ClientMessage.__args__


def type_of(message: ServerMessage | ClientMessage) -> str:
    """The `type` that a message has on the wire."""
    return str(message.__struct_config__.tag)


class _Peek(Struct):
    """The little that can be said of a message that does not fit its schema."""

    type: str
    version: int | UnsetType = UNSET


_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_peek_decoder = msgspec.json.Decoder(_Peek)
_SERVER_TYPES = frozenset(str(message.__struct_config__.tag) for message in SERVER_MESSAGES)
_CLIENT_TYPES = frozenset(str(message.__struct_config__.tag) for message in CLIENT_MESSAGES)


def encode(message: ServerMessage | ClientMessage) -> bytes:
    """JSON text of a message, in UTF-8.

    Raises:
        ProtocolError: it would be longer than a frame may be.
    """
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE:
        raise _size_error(len(data))
    return data


def decode_client(data: bytes | str) -> ClientMessage | None:
    """A message from a peer; None when its type is not known, which is to be ignored.

    Raises:
        ProtocolError: `too-large`, `malformed`, or `version` for a hello of a version that we do not speak.
    """
    message: ClientMessage | None = _decode(data, _client_decoder, _CLIENT_TYPES)
    if isinstance(message, Hello) and message.version not in VERSIONS:
        raise _version_error(message.version)
    return message


def decode_server(data: bytes | str) -> ServerMessage | None:
    """A message from an introducer; None when its type is not known, which is to be ignored.

    Raises:
        ProtocolError: `too-large` or `malformed`.
    """
    message: ServerMessage | None = _decode(data, _server_decoder, _SERVER_TYPES)
    return message


def _decode(data: bytes | str, decoder: msgspec.json.Decoder[Any], known: frozenset[str]) -> Any:
    if len(data) > MAX_MESSAGE:
        raise _size_error(len(data))
    try:
        return decoder.decode(data)
    except RecursionError as error:
        raise ProtocolError("malformed", "The message is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        try:
            peek = _peek_decoder.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise ProtocolError("malformed", f"The message is malformed: {error}.") from error
        if peek.type not in known:
            return None
        if peek.type == "hello" and peek.version is not UNSET and peek.version not in VERSIONS:
            raise _version_error(peek.version) from error
        raise ProtocolError("malformed", f"The {peek.type} message is malformed: {error}.") from error


def _size_error(size: int) -> ProtocolError:
    return ProtocolError("too-large", f"A message of {size} bytes is too large: {MAX_MESSAGE} is the limit.")


def _version_error(version: int) -> ProtocolError:
    spoken = ", ".join(str(each) for each in VERSIONS)
    return ProtocolError(
        "version",
        f"Version {version} of the protocol is not spoken here, only {spoken}: update the older side.",
    )
