"""The files of a room's chat: what is kept is given to others, what is wanted comes from several at once.

Which files there are is said by signed messages of the chat; all that is told over links is proved by hashes
before it counts (docs/protocol.md section 9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from peer import wire_files as wire
from peer.core.actions import Reject, Send
from peer.core.block_set import BlockSet
from peer.core.bucket import Bucket
from peer.core.file_actions import (
    FileAction,
    FileDone,
    FileFailed,
    FilePutOff,
    FindCompany,
    ReadPiece,
    WritePiece,
)
from peer.core.file_fetch import Came, FileFetch
from peer.core.file_pace import TICK, FilePace
from peer.core.file_serving import FileServing
from peer.file_tables import TABLES, Tables
from peer.wire import BAD_BLOCK, PROTOCOL_ERROR

MAX_SEEKING = 64
"""Files that one peer may want to be told of."""
MAX_FETCHES = 8
PATIENCE = 30.0
"""Seconds without a piece after which a file makes room for another that waits."""
IN_FLIGHT, IN_FLIGHT_BESIDE = 256, 64
"""Pieces that are on their way here, and while something is live."""
AT_ONCE_BESIDE = 16
"""Pieces of one peer that are asked for at once while something is live."""
TELL_EVERY = 0.1
"""Seconds for which blocks that came are gathered before they are told of."""
UNASKED = (64.0, 1.0)
"""Pieces that nobody asked for, at once and in a second: those that came too late are among them."""
FEW = 4
"""With fewer sources, company is looked for."""
COMPANY_EVERY = 5.0
COMPANY_TRIES = 6


@dataclass(slots=True)
class _Link:
    unasked: Bucket
    seeking: dict[bytes, None] = field(default_factory=dict)
    """Files that the other side wants to be told of."""


class FileShare:
    """The files at the peer with the id `own`."""

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._links: dict[bytes, _Link] = {}
        self._whole: dict[bytes, Tables] = {}
        self._fetches: dict[bytes, FileFetch] = {}
        self._serving = FileServing()
        self._news: dict[bytes, list[int]] = {}
        """Blocks that came and that nobody was told of yet."""
        self._tell_at = float("inf")
        self._company_at = float("inf")
        self._actions: list[FileAction] = []
        self._now = 0.0
        self.wrong = 0
        """Pieces that were not what their hashes say."""

    # What is kept, and what is wanted

    def keep(self, file: bytes, size: int, now: float) -> None:
        """All of a file is kept here from now on."""
        self._fetches.pop(file, None)
        self._whole[file] = Tables(file, size)
        self._tell_all(file, wire.FileHave(file, True, b""))
        self._settle(now)

    def begin(self, tables: Tables, have: BlockSet, now: float) -> bool:
        """Get a file, of which so much is kept already. False while too many others come."""
        file = tables.file
        if file in self._whole or file in self._fetches:
            return True
        if len(self._fetches) >= MAX_FETCHES:
            slowest = min(self._fetches.values(), key=lambda other: other.moved_at)
            if now < slowest.moved_at + PATIENCE:
                return False
            self._actions.append(FilePutOff(slowest.tables.file))
            self.stop(slowest.tables.file, now)
        fetch = self._fetches[file] = FileFetch(self._own, tables, have, now)
        self._company_at = min(self._company_at, now + COMPANY_EVERY)
        for peer in self._links:
            self._send(peer, wire.FileSeek(file, True))
        self._tell_all(file, _have(fetch))
        self._finish(fetch)
        self._settle(now)
        return True

    def stop(self, file: bytes, now: float) -> None:
        """What is under way of a file is wanted no more."""
        if self._fetches.pop(file, None) is not None:
            self._end(file)
            self._settle(now)

    def forget(self, file: bytes, now: float) -> None:
        """A file is not kept any more."""
        self._whole.pop(file, None)
        self._serving.forget(file)
        self.stop(file, now)

    def progress(self, file: bytes) -> tuple[int, int, int] | None:
        """Blocks of a file that are here, how many there are, how many peers have some; None if unknown."""
        fetch = self._fetches.get(file)
        if fetch is not None:
            sources = sum(1 for source in fetch.sources.values() if source.have)
            return fetch.written, fetch.tables.blocks, sources
        tables = self._whole.get(file)
        return None if tables is None else (tables.blocks, tables.blocks, 0)

    def beside_video(self, on: bool, now: float) -> None:
        """Something is live in the room, which goes first, or no longer."""
        if on != (self._serving.pace is not None):
            self._serving.pace = FilePace(now) if on else None
            self._settle(now)

    # What happens outside

    def link_opened(self, peer: bytes, now: float) -> None:
        """A link to `peer` can carry messages."""
        self.link_closed(peer, now)
        self._links[peer] = _Link(Bucket(*UNASKED, now))
        self._serving.link_opened(peer)
        for file in self._fetches:
            self._send(peer, wire.FileSeek(file, True))
        self._settle(now)

    def link_closed(self, peer: bytes, now: float) -> None:
        """That link is gone."""
        self._links.pop(peer, None)
        self._serving.link_closed(peer)
        for fetch in self._fetches.values():
            fetch.left(peer)
        self._settle(now)

    def drained(self, peer: bytes, buffered: int, now: float) -> None:
        """The link to `peer` says how many bytes of blocks, of whatever kind, it still holds."""
        self._serving.drained(peer, buffered)
        self._settle(now)

    def received(self, peer: bytes, message: wire.OfFiles, now: float) -> None:
        """A message about a file came over the link to `peer`."""
        link = self._links.get(peer)
        if link is None:
            return
        match message:
            case wire.FileSeek():
                self._sought(peer, link, message)
            case wire.FileHave():
                self._told_have(peer, link, message, now)
            case wire.FileGot():
                self._told_got(peer, message, now)
            case wire.FileWant():
                self._asked(peer, message, now)
            case wire.FileBlock():
                self._came(peer, link, message, now)
            case _:
                fetch = self._fetches.get(message.file)
                if fetch is not None:
                    fetch.put_off(peer, message.pieces, now)
        self._settle(now)

    def piece_read(self, peer: bytes, file: bytes, piece: int, data: bytes | None, now: float) -> None:
        """The answer to a `ReadPiece`: None when it could not be read."""
        message = b"" if data is None else wire.encode(wire.FileBlock(file, piece, data))
        if self._serving.read(peer, len(message)):
            if data is None:
                self._send(peer, wire.FileLater(file, (piece,)))
            else:
                self._actions.append(Send(peer, message, "blocks"))
        self._settle(now)

    def written(self, file: bytes, piece: int, ok: bool, now: float) -> None:
        """The answer to a `WritePiece`."""
        fetch = self._fetches.get(file)
        if fetch is not None and not ok:
            self._fail(file, "The file cannot be kept: the disk is full, or the store cannot be written.")
        elif fetch is not None and piece < TABLES:
            fetch.kept(piece)
            self._news.setdefault(file, []).append(piece)
            self._tell_at = min(self._tell_at, now + TELL_EVERY)
            self._finish(fetch)
        self._settle(now)

    def next_timer(self) -> float:
        """When `handle_timer` is to be called next."""
        timers = [fetch.next_timer() for fetch in self._fetches.values()]
        timers += [self._tell_at, self._company_at, self._serving.next_timer(self._now)]
        if self._fetches and self._serving.pace is not None:
            timers.append(self._serving.pace.asks_again_at(self._now))
            if any(fetch.flying for fetch in self._fetches.values()):
                timers.append(self._now + TICK)
        return min(timers)

    def handle_timer(self, now: float, late: float = 0.0) -> None:
        """`next_timer` has come. The shell was woken `late` by so many seconds, whatever it was woken for."""
        if self._serving.pace is not None:
            self._serving.pace.woken(late, now)
        for fetch in self._fetches.values():
            fetch.expire(now)
        if now >= self._tell_at:
            self._tell_news()
        if now >= self._company_at:
            self._look_for_company(now)
        self._settle(now)

    def poll_actions(self) -> list[FileAction]:
        actions, self._actions = self._actions, []
        return actions

    # What others say

    def _sought(self, peer: bytes, link: _Link, message: wire.FileSeek) -> None:
        file = message.file
        if not message.on:
            link.seeking.pop(file, None)
        elif file in link.seeking or len(link.seeking) < MAX_SEEKING:
            link.seeking[file] = None
            fetch = self._fetches.get(file)
            if file in self._whole:
                self._send(peer, wire.FileHave(file, True, b""))
            elif fetch is not None:
                self._send(peer, _have(fetch))

    def _told_have(self, peer: bytes, link: _Link, message: wire.FileHave, now: float) -> None:
        if message.complete:
            link.seeking.pop(message.file, None)
        fetch = self._fetches.get(message.file)
        if fetch is None:
            return
        size = fetch.tables.blocks
        if message.complete:
            have: BlockSet | None = BlockSet.whole(size)
        elif message.blocks:
            have = BlockSet.from_bytes(size, message.blocks)
        else:
            have = BlockSet(size)
        if have is None:
            self._out_of_bounds(peer, fetch)
            return
        source = fetch.source(peer, now)
        source.tells(have, message.complete)

    def _told_got(self, peer: bytes, message: wire.FileGot, now: float) -> None:
        fetch = self._fetches.get(message.file)
        if fetch is None:
            return
        if any(block >= fetch.tables.blocks for block in message.blocks):
            self._out_of_bounds(peer, fetch)
            return
        source = fetch.source(peer, now)
        for block in message.blocks:
            source.have.add(block)
        source.empty_at = None

    def _out_of_bounds(self, peer: bytes, fetch: FileFetch) -> None:
        """What `peer` says fits no file of that size. Before its top table is here, the size is hearsay."""
        if fetch.tables.top is not None:
            self._breach(
                peer, PROTOCOL_ERROR, "What the peer says that it has of a file is more than there is."
            )

    def _asked(self, peer: bytes, message: wire.FileWant, now: float) -> None:
        whole = self._whole.get(message.file)
        fetch = self._fetches.get(message.file)
        later = []
        for piece in message.pieces:
            if whole is not None:
                here = whole.length(piece) > 0
            else:
                here = fetch is not None and fetch.has(piece)
            block = whole is not None and piece < TABLES
            if not here or not self._serving.ask(peer, message.file, piece, block, now):
                later.append(piece)
        if later:
            self._send(peer, wire.FileLater(message.file, tuple(later)))

    def _came(self, peer: bytes, link: _Link, message: wire.FileBlock, now: float) -> None:
        file, piece, data = message.file, message.piece, message.data
        fetch = self._fetches.get(file)
        came = Came.UNASKED if fetch is None else fetch.arrived(peer, piece, data, now)
        match came:
            case Came.KEEP:
                self._actions.append(WritePiece(file, piece, data))
            case Came.LIE:
                self._fail(file, "The file is not as large as its message says, so it was not fetched.")
            case Came.WRONG:
                self.wrong += 1
                self._breach(peer, BAD_BLOCK, "A block of a file is not what its hash says.")
            case _:
                if not link.unasked.take(now):
                    self._breach(peer, PROTOCOL_ERROR, "Blocks of a file came that nobody had asked for.")

    # Inside

    def _finish(self, fetch: FileFetch) -> None:
        file = fetch.tables.file
        if fetch.is_done:
            self._actions.append(FileDone(file))
            self._news.pop(file, None)
            del self._fetches[file]
            self._whole[file] = Tables(file, fetch.tables.size)
            for peer in self._links:  # also to those who have it all: there is nothing to tell us of any more
                self._send(peer, wire.FileHave(file, True, b""))

    def _fail(self, file: bytes, sentence: str) -> None:
        del self._fetches[file]
        self._actions.append(FileFailed(file, sentence))
        self._end(file)

    def _end(self, file: bytes) -> None:
        self._news.pop(file, None)
        for peer in self._links:
            self._send(peer, wire.FileSeek(file, False))

    def _tell_all(self, file: bytes, message: wire.FileHave) -> None:
        for peer, link in self._links.items():
            if file in link.seeking:
                self._send(peer, message)

    def _tell_news(self) -> None:
        self._tell_at = float("inf")
        for file, blocks in self._news.items():
            for start in range(0, len(blocks), wire.MAX_GOT):
                message = wire.FileGot(file, tuple(blocks[start : start + wire.MAX_GOT]))
                for peer, link in self._links.items():
                    if file in link.seeking:
                        self._send(peer, message)
        self._news.clear()

    def _look_for_company(self, now: float) -> None:
        lonely = [
            fetch
            for fetch in self._fetches.values()
            if fetch.tries < COMPANY_TRIES and sum(1 for s in fetch.sources.values() if s.have) < FEW
        ]
        self._company_at = now + COMPANY_EVERY if self._fetches else float("inf")
        if lonely:
            self._actions.append(FindCompany())
        for fetch in lonely:
            fetch.tries += 1

    def _send(self, peer: bytes, message: wire.OfFiles) -> None:
        self._actions.append(Send(peer, wire.encode(message)))

    def _breach(self, peer: bytes, reason: int, sentence: str) -> None:
        self._actions.append(Reject(peer, reason, sentence))

    def _settle(self, now: float) -> None:
        """Ask for what there is room for, and read what can be sent."""
        self._now = now
        pace = self._serving.pace
        at_once, most = (wire.MAX_WANT, IN_FLIGHT) if pace is None else (AT_ONCE_BESIDE, IN_FLIGHT_BESIDE)
        room = most - sum(fetch.flying for fetch in self._fetches.values())
        for file, fetch in self._fetches.items():
            for peer in fetch.sources:
                if pace is not None and not pace.may_ask(now):
                    break
                pieces = fetch.plan(peer, min(room, at_once), now)
                if pieces:
                    room -= len(pieces)
                    self._send(peer, wire.FileWant(file, tuple(pieces)))
                    if pace is not None:
                        pace.asked(len(pieces), now)
        for peer, file, piece in self._serving.take(now):
            self._actions.append(ReadPiece(peer, file, piece))


def _have(fetch: FileFetch) -> wire.FileHave:
    return wire.FileHave(fetch.tables.file, False, fetch.have.to_bytes() if fetch.have else b"")
