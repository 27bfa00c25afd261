"""The messages of one room on disk: SQLite in a file of its own, written and read by one thread.

What `keep` is done with is on disk, whatever happens to the process or the machine; what was being written
when the process was killed is rolled back when the file is opened next.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from peer import wire
from peer.chat_retention import Retention
from peer.core.chat_acts import EDIT, Edit, read_act
from peer.core.chat_message import (
    ChatBreachError,
    Place,
    message_id,
    open_message,
    read_text,
    room_hash,
)
from peer.core.chat_recall import Keep
from peer.signing import TAG_CHAT, verify
from signaling.chat_header import TEXT, ChatHeader, ChatHeaderError
from signaling.errors import ToldError

VERSION = 2
AT_ONCE = 500
"""Messages that one transaction forgets, so that others come between."""
T = TypeVar("T")
_Row: TypeAlias = tuple[Any, ...]

_TARGETS = f"""
ALTER TABLE messages ADD COLUMN target BLOB;
CREATE INDEX targets ON messages (target) WHERE target IS NOT NULL;
CREATE TABLE measures (
    id BLOB PRIMARY KEY, header BLOB NOT NULL, signature BLOB NOT NULL, body BLOB NOT NULL
);
PRAGMA user_version = {VERSION};
"""
"""What files of version 1 lack: `target` is the message that an act is done to. They held no acts."""
_SCHEMA = f"""
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, clock INTEGER NOT NULL, author BLOB NOT NULL, id BLOB NOT NULL UNIQUE,
    kept INTEGER NOT NULL, lacks INTEGER NOT NULL,
    signature BLOB NOT NULL, header BLOB NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX places ON messages (clock, author, id);
CREATE INDEX lacking ON messages (clock, author, id) WHERE lacks;
CREATE TABLE forgotten (clock INTEGER NOT NULL, author BLOB NOT NULL, id BLOB NOT NULL);
CREATE VIRTUAL TABLE texts USING fts5 (text, content='', tokenize="unicode61 remove_diacritics 2");
{_TARGETS}"""
_COLUMNS = "clock, author, id, header, signature, body"
_FOLLOWERS = 1_000
"""Messages after a damaged one that are looked at again: some of them follow it."""


class StoreError(ToldError):
    """The history cannot be read or written; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a log needs to begin: `messages` in order, and the places that `ChatLog.restore` asks for."""

    messages: list[wire.ChatMessage]
    before: Place | None
    forgotten: Place | None
    measures: list[wire.ChatMessage]
    places: list[Place]


@dataclass(frozen=True, slots=True)
class Gap:
    """The message at `place` follows these, which are not kept."""

    place: Place
    missing: tuple[bytes, ...]


class ChatStore:
    """One thread does one thing after the other, in the order of the calls. Calls raise StoreError."""

    def __init__(
        self,
        folder: Path,
        room: str,
        retention: Retention | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.path = folder / f"{room}.chat.sqlite"
        self.retention = retention or Retention()
        self.damaged = 0
        """Messages that were not those which somebody signed, and were dropped when they were read."""
        self._room = room_hash(room)
        self._wall = wall
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chat store")
        self._db: sqlite3.Connection

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        """Everything that was asked for before is done first."""
        await self._do(self._close)
        self._thread.shutdown()

    def keep(self, messages: Sequence[Keep]) -> asyncio.Future[None]:
        """Done when all of them are on disk. Those that are there already are left, or get their body."""
        return self._do(lambda: self._keep(messages))

    def keep_measure(self, message: wire.ChatMessage) -> asyncio.Future[None]:
        """Done when it is on disk, where it stays whatever is forgotten."""
        row = (message_id(message.header), message.header, message.signature, message.body)

        def write() -> None:
            self._db.execute("INSERT OR IGNORE INTO measures VALUES (?, ?, ?, ?)", row)

        return self._do(write)

    def erase(self, target: bytes, author: bytes) -> asyncio.Future[None]:
        """Done when nothing on disk holds what that author said in that message, or made of it later."""
        return self._do(lambda: self._transaction(lambda: self._erase(target, author)))

    def acts_on(self, ids: Sequence[bytes]) -> asyncio.Future[list[wire.ChatMessage]]:
        """What was done to these messages, as far as it is kept, each checked as if it came from outside."""
        return self._do(lambda: self._genuine(self._acts(ids)))

    def recall(self, ids: Sequence[bytes]) -> asyncio.Future[list[wire.ChatMessage]]:
        """Those of these messages that are kept, each checked as if it came from outside."""
        return self._do(lambda: self._genuine(self._rows(ids, _COLUMNS)))

    def find(self, ids: Sequence[bytes]) -> asyncio.Future[tuple[bytes, ...]]:
        """Which of these are kept."""
        return self._do(lambda: tuple(id for (id,) in self._rows(ids, "id")))

    def up_to(self, ids: Sequence[bytes], count: int) -> asyncio.Future[tuple[bytes, ...]]:
        """Ids of the `count` messages up to the last of these, in order; none if none of these is kept."""

        def look() -> tuple[bytes, ...]:
            place = max(self._rows(ids, "clock, author, id"), default=None)
            if place is None:
                return ()
            found = self._db.execute(
                "SELECT id FROM messages WHERE (clock, author, id) <= (?, ?, ?)"
                " ORDER BY clock DESC, author DESC, id DESC LIMIT ?",
                (*place, count),
            )
            return tuple(id for (id,) in found)[::-1]

        return self._do(look)

    def restore(self, count: int, size: int, most: int = 131_072) -> asyncio.Future[Restored]:
        """The last `count` messages, of at most `size` bytes, each checked as if it came from outside.

        Of the last `most` the places, too.
        """
        return self._do(lambda: self._restore(count, size, most))

    def search(self, words: str, count: int = 50) -> asyncio.Future[list[wire.ChatMessage]]:
        """The last `count` texts that hold all these words, in order; the last one may be half a word."""
        return self._do(lambda: self._search(words, count))

    def gap(self, below: Place | None) -> asyncio.Future[Gap | None]:
        """Where something is missing for the last time, before that place if one is given."""
        return self._do(lambda: self._gap(below))

    def forget(self) -> asyncio.Future[Place | None]:
        """Drop what is too old or too much. Returns the last place that is gone, when something went."""
        return self._do(self._forget)

    def settle(self, place: Place) -> asyncio.Future[bool]:
        """Drop what stands at that place or before it, some at a time. Returns whether more is left."""
        return self._do(lambda: self._settle(place))

    def count(self) -> asyncio.Future[int]:
        """How many messages are kept."""
        return self._do(lambda: int(self._db.execute("SELECT count(*) FROM messages").fetchone()[0]))

    # In the thread

    def _do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        def guarded() -> T:
            try:
                return work()
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"The chat history in {self.path} cannot be used: {error}.") from error

        return asyncio.wrap_future(self._thread.submit(guarded))

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(0o600)  # what is said in a room is nothing to others on this machine
        self._db = sqlite3.connect(self.path, timeout=1, isolation_level=None, check_same_thread=False)
        db = self._db
        # One process at a time: a second one would keep what the first has forgotten.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
        ):
            db.execute(f"PRAGMA {pragma}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version == 1:
            db.executescript(f"BEGIN IMMEDIATE; {_TARGETS} COMMIT;")
        elif version != VERSION:
            db.close()
            raise StoreError(
                f"The chat history in {self.path} is of version {version}; this program knows {VERSION}."
            )

    def _close(self) -> None:
        self._db.close()

    def _transaction(self, work: Callable[[], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            done = work()
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return done

    def _keep(self, messages: Sequence[Keep]) -> None:
        now = int(self._wall())

        def write() -> None:
            for kept in messages:
                signed = kept.message
                body, target = signed.body or b"", _target(signed)
                changed = kept.place[2] if target is None else target
                shown = self._text(changed)
                self._db.execute(
                    "INSERT INTO messages (clock, author, id, kept, lacks, signature, header, body, target)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " body = excluded.body, target = excluded.target WHERE body = x''",
                    (*kept.place, now, not kept.complete, signed.signature, signed.header, body, target),
                )
                self._index(changed, shown)

        self._transaction(write)

    def _erase(self, target: bytes, author: bytes) -> None:
        shown = self._text(target)
        self._db.execute(
            "UPDATE messages SET body = x'' WHERE author = ? AND (id = ? OR (target = ? AND"
            " unicode(substr(header, 2, 1)) = ?))",
            (author, target, target, EDIT),
        )
        self._index(target, shown)

    def _text(self, id: bytes) -> tuple[int, str] | None:
        """The number of a text that is kept, and what is shown of it after its edits."""
        found = self._db.execute(
            "SELECT number, author, header, body FROM messages WHERE id = ?", (id,)
        ).fetchone()
        if found is None:
            return None
        number, author, header, body = found
        text = _text(wire.ChatMessage(header, b"", body))
        if text is None:
            return None
        edits = self._db.execute(
            "SELECT header, body FROM messages WHERE target = ? AND author = ?"
            " ORDER BY clock DESC, author DESC, id DESC",
            (id, author),
        )
        edited = (_act_of(*edit) for edit in edits)
        return number, next((edit.text for edit in edited if isinstance(edit, Edit)), text)

    def _index(self, id: bytes, before: tuple[int, str] | None) -> None:
        """Let the search find what is shown of that message now, and no longer what was shown before."""
        after = self._text(id)
        if after == before:
            return
        if before is not None:
            self._db.execute("INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?, ?)", before)
        if after is not None:
            self._db.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", after)

    def _acts(self, ids: Sequence[bytes]) -> list[_Row]:
        found: list[_Row] = []
        for start in range(0, len(ids), AT_ONCE):
            some = tuple(ids[start : start + AT_ONCE])
            marks = ", ".join("?" * len(some))
            found += self._db.execute(f"SELECT {_COLUMNS} FROM messages WHERE target IN ({marks})", some)
        return found

    def _rows(self, ids: Sequence[bytes], columns: str) -> list[_Row]:
        marks = ", ".join("?" * len(ids))
        return self._db.execute(
            f"SELECT {columns} FROM messages WHERE id IN ({marks}) ORDER BY clock, author, id",
            tuple(ids),
        ).fetchall()

    def _genuine(self, rows: Iterable[_Row]) -> list[wire.ChatMessage]:
        genuine: list[wire.ChatMessage] = []
        damaged: list[Place] = []
        for clock, author, id, *row in rows:
            message = _message(*row)
            if _is_genuine(id, message, self._room):
                genuine.append(message)
            else:
                damaged.append((clock, author, id))
        if damaged:
            self.damaged += len(damaged)
            self._transaction(lambda: self._miss(damaged))
        return genuine

    def _miss(self, damaged: Sequence[Place]) -> None:
        """Without them here others can be asked for the true ones."""
        for place in damaged:
            self._db.execute("DELETE FROM messages WHERE id = ?", place[2:])
            self._db.execute(
                "UPDATE messages SET lacks = 1 WHERE number IN (SELECT number FROM messages"
                " WHERE (clock, author, id) > (?, ?, ?) ORDER BY clock, author, id LIMIT ?)",
                (*place, _FOLLOWERS),
            )

    def _restore(self, count: int, size: int, most: int) -> Restored:
        rows: list[_Row] = []
        before: Place | None = None
        for row in self._db.execute(
            f"SELECT {_COLUMNS} FROM messages ORDER BY clock DESC, author DESC, id DESC"
        ):
            size -= sum(map(len, row[1:]))
            if len(rows) == count or size < 0:
                before = row[:3]
                break
            rows.append(row)
        measures = self._db.execute("SELECT 0, x'', id, header, signature, body FROM measures").fetchall()
        genuine = [
            _message(*row[3:]) for row in measures if _is_genuine(row[2], _message(*row[3:]), self._room)
        ]
        messages = self._genuine(reversed(rows))
        places = self._db.execute(
            "SELECT clock, author, id FROM messages WHERE id NOT IN (SELECT id FROM measures)"
            " ORDER BY clock DESC, author DESC, id DESC LIMIT ?",
            (most,),
        ).fetchall()
        return Restored(messages, before, self._bottom(), genuine, places)

    def _bottom(self) -> Place | None:
        found: Place | None = self._db.execute("SELECT clock, author, id FROM forgotten").fetchone()
        return found

    def _search(self, words: str, count: int) -> list[wire.ChatMessage]:
        terms = [f'"{word}"' for word in words.replace('"', " ").split()]
        if not terms:
            return []
        # Along the order from its end: a frequent word is found soon, a rare one costs a look at each place.
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM messages INDEXED BY places"
            " WHERE number IN (SELECT rowid FROM texts WHERE texts MATCH ?)"
            " ORDER BY clock DESC, author DESC, id DESC LIMIT ?",
            (" ".join(terms) + "*", count),
        ).fetchall()
        return self._genuine(reversed(rows))

    def _gap(self, below: Place | None) -> Gap | None:
        bottom = self._bottom()
        least = bottom[0] + 1 if bottom else 1
        healed: list[tuple[bytes]] = []
        gap: Gap | None = None
        for clock, author, id, header in self._db.execute(
            "SELECT clock, author, id, header FROM messages WHERE lacks AND (clock, author, id) < (?, ?, ?)"
            " ORDER BY clock DESC, author DESC, id DESC",
            below or (1 << 32, b"", b""),
        ):
            known = _header(header)
            follows = () if known is None else known.follows
            here = self._rows(follows, "id")
            if len(here) == len(follows):
                healed.append((id,))
            elif clock > least:
                missing = tuple(followed for followed in follows if (followed,) not in here)
                gap = Gap((clock, author, id), missing)
                break
        if healed:
            self._transaction(
                lambda: self._db.executemany("UPDATE messages SET lacks = 0 WHERE id = ?", healed)
            )
        return gap

    def _forget(self) -> Place | None:
        gone: Place | None = None
        if self.retention.age is not None:
            since = self._wall() - self.retention.age
            while (
                first := self._db.execute("SELECT max(number) FROM (SELECT number, kept FROM messages"
                " ORDER BY number LIMIT ?) WHERE kept < ?", (AT_ONCE, since)).fetchone()[0]
            ) is not None:  # fmt: skip
                place = self._db.execute(
                    "SELECT clock, author, id FROM messages WHERE number <= ?"
                    " ORDER BY clock DESC, author DESC, id DESC LIMIT 1",
                    (first,),
                ).fetchone()
                gone = self._drop(place)
        while self.retention.size is not None and self._size() > self.retention.size:
            places = self._db.execute(
                "SELECT clock, author, id FROM messages ORDER BY clock, author, id LIMIT ?", (AT_ONCE,)
            ).fetchall()
            if not places:
                break
            gone = self._drop(places[-1])
        return gone

    def _settle(self, place: Place) -> bool:
        bottom = self._bottom()
        if bottom is None or bottom < place:
            first = self._db.execute(
                "SELECT clock, author, id FROM messages WHERE (clock, author, id) <= (?, ?, ?)"
                " ORDER BY clock, author, id LIMIT ?",
                (*place, AT_ONCE),
            ).fetchall()
            if len(first) == AT_ONCE:
                self._drop(first[-1])
                return True
            self._drop(place)
        settled = [
            (id,)
            for id, data in self._db.execute("SELECT id, header FROM measures")
            if (header := _header(data)) is not None and (header.clock, header.author, id) <= place
        ]
        self._transaction(lambda: self._db.executemany("DELETE FROM measures WHERE id = ?", settled))
        return False

    def _size(self) -> int:
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _drop(self, place: Place) -> Place:
        """Forget what stands there or before."""

        def drop() -> None:
            rows = self._db.execute(
                "SELECT number, id FROM messages WHERE (clock, author, id) <= (?, ?, ?)", place
            ).fetchall()
            for _, id in rows:
                text = self._text(id)
                if text is not None:
                    self._db.execute("INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?, ?)", text)
            self._db.executemany("DELETE FROM messages WHERE number = ?", [(row[0],) for row in rows])
            self._db.execute("DELETE FROM forgotten")
            self._db.execute("INSERT INTO forgotten VALUES (?, ?, ?)", place)

        self._transaction(drop)
        return place


def _header(data: bytes) -> ChatHeader | None:
    """None for what was damaged on disk."""
    try:
        return ChatHeader.parse(data)
    except ChatHeaderError:
        return None


def _message(header: bytes, signature: bytes, body: bytes) -> wire.ChatMessage:
    """A message as it lies there: an empty body where its header tells of one was erased."""
    known = _header(header)
    erased = not body and known is not None and known.body_length > 0
    return wire.ChatMessage(header, signature, None if erased else body)


def _text(message: wire.ChatMessage) -> str | None:
    header = _header(message.header)
    read = read_text(message.body or b"") if header is not None and header.kind == TEXT else None
    return None if read is None else read.text


def _act_of(header: bytes, body: bytes) -> Any:
    known = _header(header)
    return None if known is None else read_act(known.kind, body)


def _target(message: wire.ChatMessage) -> bytes | None:
    act = _act_of(message.header, message.body or b"")
    return None if act is None else act.target


def _is_genuine(id: bytes, message: wire.ChatMessage, room: bytes) -> bool:
    try:
        opened = open_message(message, room)
    except ChatBreachError:
        return False
    return opened.id == id and verify(opened.header.author, TAG_CHAT, message.header, message.signature)
