"""What the sharing of files asks its shell to do besides sending. File ids have 32 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from peer.core.actions import Reject, Send


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """Read a piece of a file that is kept, for `peer`; answer with `piece_read`."""

    peer: bytes
    file: bytes
    piece: int


@dataclass(frozen=True, slots=True)
class WritePiece:
    """Keep a piece, which is proved; answer with `written`."""

    file: bytes
    piece: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileDone:
    """All of a file is kept."""

    file: bytes


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file cannot be had; `sentence` is for a person."""

    file: bytes
    sentence: str


@dataclass(frozen=True, slots=True)
class FilePutOff:
    """Of a file nothing came for long while another waited, which comes now: ask for it again later."""

    file: bytes


@dataclass(frozen=True, slots=True)
class FindCompany:
    """Few linked peers have what is wanted: links to more would help."""


FileAction: TypeAlias = (
    Send | Reject | ReadPiece | WritePiece | FileDone | FileFailed | FilePutOff | FindCompany
)
