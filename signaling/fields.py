"""The types of the fields of signaling messages, with their limits."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

MAX_DESCRIPTION = 32 + 64 + 32_768
"""Bytes of a signed stream description: key, signature, JSON."""

# `$` of Python's re also matches before a final line feed, which ECMAScript's does not: hence the look-ahead.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$(?!\n)"
NICKNAME_PATTERN = r"^[^\u0000-\u001f\u007f]*$(?!\n)"
BASE64URL_PATTERN = r"^[A-Za-z0-9_-]*$(?!\n)"

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=NAME_PATTERN)]
Nickname: TypeAlias = Annotated[str, Meta(max_length=64, pattern=NICKNAME_PATTERN)]
PeerId: TypeAlias = Annotated[str, Meta(min_length=32, max_length=32, pattern="^[0-9a-f]{32}$")]
BraidId: TypeAlias = Annotated[str, Meta(min_length=16, max_length=16, pattern="^[0-9a-f]{16}$")]
ConnectionId: TypeAlias = Annotated[str, Meta(min_length=16, max_length=16, pattern="^[0-9a-f]{16}$")]
Key: TypeAlias = Annotated[str, Meta(min_length=43, max_length=43, pattern=BASE64URL_PATTERN)]
Nonce: TypeAlias = Annotated[str, Meta(min_length=22, max_length=22, pattern=BASE64URL_PATTERN)]
Signature: TypeAlias = Annotated[str, Meta(min_length=86, max_length=86, pattern=BASE64URL_PATTERN)]
SessionId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=BASE64URL_PATTERN)]
DescriptionText: TypeAlias = Annotated[
    str, Meta(min_length=129, max_length=-(-MAX_DESCRIPTION * 4 // 3), pattern=BASE64URL_PATTERN)
]
MeasureText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=22_000, pattern=BASE64URL_PATTERN)]
Version: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
Capability: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Capabilities: TypeAlias = Annotated[list[Capability], Meta(max_length=32)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Sdp: TypeAlias = Annotated[str, Meta(min_length=1, max_length=32_768)]
CandidateText: TypeAlias = Annotated[str, Meta(max_length=2_048)]
Mid: TypeAlias = Annotated[str, Meta(max_length=64)]
Parents: TypeAlias = Annotated[list[PeerId | None], Meta(min_length=1, max_length=16)]
PeerIds: TypeAlias = Annotated[list[PeerId], Meta(max_length=64)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=3_600)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Slots: TypeAlias = Annotated[int, Meta(ge=0, le=1_024)]
Sentence: TypeAlias = Annotated[str, Meta(max_length=1_024)]
Role: TypeAlias = Literal["viewer", "publisher", "relay", "member"]
ErrorCode: TypeAlias = Literal[
    "version",
    "malformed",
    "too-large",
    "rate",
    "room-full",
    "refused",
    "signature",
    "unknown-peer",
    "unknown-session",
    "not-joined",
    "duplicate",
]
