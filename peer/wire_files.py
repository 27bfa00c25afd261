"""The messages by which files travel (docs/protocol.md sections 6 and 9).

They are kept apart from `peer.wire`, for a page loads them only when there is a chat. `decode` holds what
came to every bound, or raises WireError; whether a number fits a file is judged where that file is known.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from peer.wire import MALFORMED, TOO_LARGE, WireError

FILE_SEEK, FILE_HAVE, FILE_GOT, FILE_WANT, FILE_BLOCK, FILE_LATER = range(0x40, 0x46)
TYPES = range(FILE_SEEK, FILE_LATER + 1)

BLOCK = 16384
"""Bytes of a block of a file, but for the last; and the most that a table of hashes has."""
MAX_BLOCKS = 2**17
"""Blocks of the largest file, which has 2 GiB."""
MAX_HAVE = MAX_BLOCKS // 8
MAX_GOT = 256
MAX_WANT = 64


@dataclass(frozen=True, slots=True)
class FileSeek:
    """The sender wants to be told, or no longer, what the receiver has of a file (its id, 32 bytes)."""

    file: bytes
    on: bool


@dataclass(frozen=True, slots=True)
class FileHave:
    """What the sender has of a file: all, or the blocks whose bits are set (bit 0 of byte 0 is block 0)."""

    file: bytes
    complete: bool
    blocks: bytes


@dataclass(frozen=True, slots=True)
class FileGot:
    """Blocks that the sender has got since."""

    file: bytes
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileWant:
    """Send these pieces: blocks by their number, tables of hashes by numbers from 2^31 on."""

    file: bytes
    pieces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileBlock:
    """A piece of a file, at most BLOCK bytes."""

    file: bytes
    piece: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileLater:
    """These pieces do not come now: ask somebody else, or again in a while."""

    file: bytes
    pieces: tuple[int, ...]


OfFiles: TypeAlias = FileSeek | FileHave | FileGot | FileWant | FileBlock | FileLater


def decode(data: bytes) -> OfFiles:
    """Read a message whose type is one of TYPES. Raises WireError and nothing else."""
    if len(data) < 33:
        raise WireError(MALFORMED, "The message is shorter than its type and counts say.")
    try:
        return _DECODERS[data[0]](data[1:33], data[33:])
    except (struct.error, IndexError) as error:
        raise WireError(MALFORMED, "The message is shorter than its type and counts say.") from error


def encode(message: OfFiles) -> bytes:
    """The bytes of a message. Raises ValueError when a field is out of its bounds."""
    kind = type(message)
    type_byte, write = _ENCODERS[kind]
    try:
        data = bytes((type_byte,)) + message.file + write(message)
    except struct.error as error:
        raise ValueError(f"A field of {kind.__name__} does not fit its bytes.") from error
    if len(message.file) != 32:
        raise ValueError(f"The id of a file has 32 bytes, not {len(message.file)}.")
    try:
        decode(data)
    except WireError as error:
        raise ValueError(error.sentence) from error
    return data


def _decode_seek(file: bytes, rest: bytes) -> FileSeek:
    if len(rest) != 1 or rest[0] > 1:
        raise WireError(MALFORMED, "A search for a file begins with 1 and ends with 0.")
    return FileSeek(file, rest[0] == 1)


def _decode_have(file: bytes, rest: bytes) -> FileHave:
    complete, blocks = rest[0] & 1 == 1, rest[1:]
    if complete and blocks:
        raise WireError(MALFORMED, "Who has all of a file lists no blocks of it.")
    if len(blocks) > MAX_HAVE:
        raise WireError(TOO_LARGE, f"A file has at most {MAX_BLOCKS} blocks.")
    return FileHave(file, complete, blocks)


def _numbers(form: str, most: int, rest: bytes) -> tuple[int, ...]:
    (count,) = struct.unpack_from(form, rest)
    start = struct.calcsize(form)
    if count > most:
        raise WireError(TOO_LARGE, f"A message names at most {most} pieces of a file, not {count}.")
    if len(rest) != start + 4 * count:
        raise WireError(MALFORMED, "The message is not as long as its type and counts say.")
    return struct.unpack_from(f">{count}I", rest, start)


def _decode_got(file: bytes, rest: bytes) -> FileGot:
    return FileGot(file, _numbers(">H", MAX_GOT, rest))


def _decode_want(file: bytes, rest: bytes) -> FileWant:
    return FileWant(file, _numbers(">B", MAX_WANT, rest))


def _decode_later(file: bytes, rest: bytes) -> FileLater:
    return FileLater(file, _numbers(">B", MAX_WANT, rest))


def _decode_block(file: bytes, rest: bytes) -> FileBlock:
    (piece,) = struct.unpack_from(">I", rest)
    if not 4 < len(rest) <= 4 + BLOCK:
        raise WireError(TOO_LARGE, f"A block of a file has 1 to {BLOCK} bytes, not {len(rest) - 4}.")
    return FileBlock(file, piece, rest[4:])


def _encode_numbers(form: str, numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"{form}{len(numbers)}I", len(numbers), *numbers)


_DECODERS: dict[int, Callable[[bytes, bytes], OfFiles]] = {
    FILE_SEEK: _decode_seek,
    FILE_HAVE: _decode_have,
    FILE_GOT: _decode_got,
    FILE_WANT: _decode_want,
    FILE_BLOCK: _decode_block,
    FILE_LATER: _decode_later,
}

_ENCODERS: dict[type[Any], tuple[int, Callable[[Any], bytes]]] = {
    FileSeek: (FILE_SEEK, lambda m: bytes((m.on,))),
    FileHave: (FILE_HAVE, lambda m: bytes((m.complete,)) + m.blocks),
    FileGot: (FILE_GOT, lambda m: _encode_numbers(">H", m.blocks)),
    FileWant: (FILE_WANT, lambda m: _encode_numbers(">B", m.pieces)),
    FileBlock: (FILE_BLOCK, lambda m: struct.pack(">I", m.piece) + m.data),
    FileLater: (FILE_LATER, lambda m: _encode_numbers(">B", m.pieces)),
}
