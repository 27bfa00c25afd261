"""Stream descriptions: what a publisher says about its stream, signed (docs/protocol.md section 3)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from peer.signing import NAME, TAG_STREAM, Signer, verify
from signaling.protocol import from_base64url, to_base64url

VERSION = 1
MAX_JSON = 32768
HEAD = 32 + 64
"""Bytes of key and signature before the JSON."""

_U32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Pixels: TypeAlias = Annotated[int, Meta(ge=0, le=65535)]
_Url: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2048)]


class DescriptionError(ValueError):
    """A stream description cannot be used; the message is one sentence."""


class Rendition(Struct, frozen=True):
    """One quality of the stream. `bandwidth` is in bit/s; width, height, frame rate are 0 without video."""

    id: str
    codecs: Annotated[str, Meta(max_length=256)]
    """As in RFC 6381."""
    width: _Pixels
    height: _Pixels
    frame_rate: Annotated[float, Meta(ge=0, le=1000)]
    bandwidth: _U32
    stripes: Annotated[int, Meta(ge=1, le=16)]
    inits: Annotated[tuple[str, ...], Meta(max_length=256)]
    """Init segments (ftyp and moov) in unpadded base64url; seals name them by their index."""

    def init(self, index: int) -> bytes:
        """The bytes of an init segment. Raises IndexError when there is no such."""
        return from_base64url(self.inits[index])


class StreamDescription(Struct, frozen=True):
    """The greater `(epoch, revision)` replaces the smaller. `part_duration` is in seconds."""

    room: str
    stream: str
    title: Annotated[str, Meta(max_length=256)]
    state: Literal["live", "offline", "ended"]
    epoch: _U32
    revision: _U32
    part_duration: Annotated[float, Meta(gt=0, le=10)]
    origins: Annotated[tuple[_Url, ...], Meta(max_length=16)]
    renditions: Annotated[tuple[Rendition, ...], Meta(max_length=16)]
    version: int = VERSION


class _Version(Struct):
    version: int


_DECODER = msgspec.json.Decoder(StreamDescription)
_VERSION_DECODER = msgspec.json.Decoder(_Version)


def init_text(data: bytes) -> str:
    """An init segment as `Rendition.inits` holds it."""
    return to_base64url(data)


def sign_description(identity: Signer, description: StreamDescription) -> bytes:
    """Key, signature and JSON. Raises DescriptionError when the description is out of its bounds."""
    text = msgspec.json.encode(description)
    _read(text)
    return identity.key + identity.sign(TAG_STREAM, text) + text


def open_description(data: bytes) -> tuple[bytes, StreamDescription]:
    """The publisher's key and what it says, if the signature holds. Raises DescriptionError."""
    if len(data) <= HEAD:
        raise DescriptionError("The stream description is shorter than its signature.")
    if len(data) > HEAD + MAX_JSON:
        raise DescriptionError(f"A stream description has at most {MAX_JSON} bytes of JSON.")
    key, signature, text = data[:32], data[32:HEAD], data[HEAD:]
    if not verify(key, TAG_STREAM, text, signature):
        raise DescriptionError("The signature of the stream description does not fit.")
    return key, _read(text)


def _read(text: bytes) -> StreamDescription:
    if len(text) > MAX_JSON:
        raise DescriptionError(f"A stream description has at most {MAX_JSON} bytes of JSON.")
    try:
        text.decode()  # the decoder does not look at fields that it skips; other languages' do
        version = _VERSION_DECODER.decode(text).version
        if version != VERSION:
            raise DescriptionError(
                f"The stream description has version {version}; this program knows version {VERSION}."
            )
        description = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DescriptionError(f"The stream description is malformed: {error}.") from error
    names = [rendition.id for rendition in description.renditions]
    if not all(map(NAME.fullmatch, (description.room, description.stream, *names))):
        raise DescriptionError("A name in the stream description is not allowed.")
    if len(set(names)) != len(names):
        raise DescriptionError("Two renditions of the stream description have one id.")
    for rendition in description.renditions:
        try:
            for text_of_init in rendition.inits:
                from_base64url(text_of_init)
        except ValueError as error:
            raise DescriptionError("An init segment of the stream description is not base64url.") from error
    return description
