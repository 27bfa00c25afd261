"""files.json: the messages by which files travel, what is refused of them, and how files are cut."""

from __future__ import annotations

from hashlib import sha256

from peer import wire_files as wire
from peer.core.block_set import BlockSet
from peer.file_tables import TABLES, TOP
from peer.wire import MALFORMED, TOO_LARGE
from tests.vectors.introduction_samples import messages
from tests.vectors.samples import Json
from tests.vectors.shared_files import Content, octets

FILE = sha256(b"a file").digest()

GOOD: dict[str, wire.OfFiles] = {
    "seek": wire.FileSeek(FILE, True),
    "seek no more": wire.FileSeek(FILE, False),
    "have all": wire.FileHave(FILE, True, b""),
    "have nothing": wire.FileHave(FILE, False, b""),
    "have some": wire.FileHave(FILE, False, BlockSet.of(19, (0, 3, 9, 18)).to_bytes()),
    "got": wire.FileGot(FILE, (0, 1, 2**17 - 1)),
    "got 256": wire.FileGot(FILE, tuple(range(256))),
    "want": wire.FileWant(FILE, (TOP, TABLES, TABLES + 255, 7)),
    "want nothing": wire.FileWant(FILE, ()),
    "block": wire.FileBlock(FILE, 7, b"\x00\xff some bytes"),
    "later": wire.FileLater(FILE, (7, TOP)),
}
SIZES = (1, 16384, 16385, 700_001, 512 * 16384, 512 * 16384 + 1)


def refused() -> dict[str, tuple[bytes, int, int]]:
    """Each as its first bytes, how many zero bytes follow, and the code of the error to answer with."""
    return {
        "no id": (b"\x40", 31, MALFORMED),
        "seek without a word": (b"\x40" + FILE, 0, MALFORMED),
        "seek with 2": (b"\x40" + FILE + b"\x02", 0, MALFORMED),
        "seek with a byte too many": (b"\x40" + FILE + b"\x01", 1, MALFORMED),
        "have without flags": (b"\x41" + FILE, 0, MALFORMED),
        "have all, and blocks": (b"\x41" + FILE + b"\x01\x01", 0, MALFORMED),
        "have more than there can be": (b"\x41" + FILE, 1 + 16385, TOO_LARGE),
        "got cut short": (b"\x42" + FILE + b"\x00", 0, MALFORMED),
        "got 257": (b"\x42" + FILE + b"\x01\x01", 4 * 257, TOO_LARGE),
        "got one that is not there": (b"\x42" + FILE + b"\x00\x01", 3, MALFORMED),
        "want without a count": (b"\x43" + FILE, 0, MALFORMED),
        "want 65": (b"\x43" + FILE + b"\x41", 4 * 65, TOO_LARGE),
        "want with a byte too many": (b"\x43" + FILE + b"\x01", 5, MALFORMED),
        "block without a number": (b"\x44" + FILE, 3, MALFORMED),
        "block of nothing": (b"\x44" + FILE, 4, TOO_LARGE),
        "block of 16,385 bytes": (b"\x44" + FILE, 4 + 16385, TOO_LARGE),
        "later cut short": (b"\x45" + FILE + b"\x02", 4, MALFORMED),
    }


def files() -> Json:
    return {
        **messages(GOOD, wire.encode, refused()),
        "cut": [cut(size) for size in SIZES],
    }


def cut(size: int) -> Json:
    content = Content(octets(size))
    return {
        "size": size,
        "id": content.id.hex(),
        "top": content.pieces[TOP].hex(),
        "tables": [
            sha256(data).hexdigest()[:16]
            for piece, data in sorted(content.pieces.items())
            if TABLES <= piece < TOP
        ],
    }
