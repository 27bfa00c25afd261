"""The history on disk: what was acknowledged is there, whatever happens, and nothing on disk is believed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from peer import wire
from peer.chat_retention import Retention, RetentionError, parse_retention
from peer.chat_store import AT_ONCE, ChatStore, Gap, StoreError
from peer.core.chat_acts import Edit, write_act
from peer.core.chat_message import message_id
from peer.core.chat_recall import Keep
from tests.unit.peer.core.chat_network import ROOM, chain, identity, text_message

pytestmark = pytest.mark.asyncio

ADA, BOB = identity("ada"), identity("bob")


def kept(messages: list[wire.ChatMessage], *, complete: bool = True, first: int = 1) -> list[Keep]:
    return [
        Keep((first + number, ADA.key, message_id(message.header)), message, complete)
        for number, message in enumerate(messages)
    ]


def ids(messages: list[wire.ChatMessage]) -> list[bytes]:
    return [message_id(message.header) for message in messages]


@asynccontextmanager
async def opened(
    folder: Path, retention: Retention | None = None, wall: float = 1e9
) -> AsyncIterator[ChatStore]:
    store = ChatStore(folder, ROOM, retention, lambda: wall)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_what_was_kept_is_there_after_a_restart_in_the_same_order(tmp_path: Path) -> None:
    messages = chain(ADA, 30)
    async with opened(tmp_path / "new folder") as store:
        await store.keep(kept(messages)[::-1])
        await store.keep(kept(messages[:3]))
        assert await store.count() == 30
        assert store.path.stat().st_mode & 0o777 == 0o600
    async with opened(tmp_path / "new folder") as store:
        restored = await store.restore(10, 10**6)
        assert restored.messages == messages[20:]
        assert restored.before == kept(messages)[19].place
        assert restored.forgotten is None
        everything = await store.restore(100, 10**6)
        assert (everything.messages, everything.before) == (messages, None)
        few = await store.restore(10, 1_000)
        assert few.messages == messages[-len(few.messages) :]
        assert 0 < len(few.messages) < 10
        assert await store.up_to(ids(messages[20:22]), 5) == tuple(ids(messages[17:22]))
        assert await store.up_to(ids(messages[:1]), 5) == tuple(ids(messages[:1]))
        assert await store.up_to([bytes(32)], 5) == ()
        assert await store.find([bytes(32), *ids(messages[3:5])]) == tuple(ids(messages[3:5]))
        assert await store.recall([bytes(32), *ids(messages[3:5])]) == messages[3:5]


async def test_killed_while_it_writes_it_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged = 0
    for lines in (3, 40, 1):
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.unit.peer.chat_writer", str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(lines):
            acknowledged = int(await writer.stdout.readline())
        writer.kill()
        rest = (await writer.stdout.read()).split(b"\n")[:-1]  # all but a line that was cut short
        acknowledged = int(rest[-1]) if rest else acknowledged
        await writer.wait()
        async with opened(tmp_path) as store:
            restored = await store.restore(10_000, 10**8)
            assert len(restored.messages) >= acknowledged
            assert restored.messages == chain(ADA, len(restored.messages))
            assert store.damaged == 0
        file = sqlite3.connect(store.path)
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        file.close()


async def test_what_somebody_changed_on_disk_is_dropped_when_it_is_read(tmp_path: Path) -> None:
    messages = chain(ADA, 8)
    async with opened(tmp_path) as store:
        await store.keep(kept(messages))
    file = sqlite3.connect(store.path)
    other = text_message(BOB, "in the name of somebody else")
    for number, (column, value) in enumerate(
        [("body", b"{}"), ("signature", bytes(64)), ("header", b"short"), ("header", other.header)], start=1
    ):
        file.execute(f"UPDATE messages SET {column} = ? WHERE number = ?", (value, number))
    foreign = text_message(ADA, "from another room", room="other")
    file.execute(
        "UPDATE messages SET id = ?, header = ?, signature = ?, body = ? WHERE number = 5",
        (message_id(foreign.header), foreign.header, foreign.signature, foreign.body),
    )
    file.commit()
    file.close()
    async with opened(tmp_path) as store:
        assert (await store.restore(10, 10**6)).messages == messages[5:]
        assert store.damaged == 5
        assert await store.find(ids(messages[:5])) == ()
        gap = Gap(kept(messages)[5].place, (message_id(messages[4].header),))
        assert await store.gap(None) == gap  # so others are asked for it


async def test_words_are_found_by_their_beginning_and_by_nothing_that_looks_like_a_query(
    tmp_path: Path,
) -> None:
    texts = ["Guten Morgen", "morgen ist auch ein Tag", 'He said "no" (twice)', "Grüße", "nothing"]
    messages = [text_message(ADA, text, time=number) for number, text in enumerate(texts)]
    pictures = text_message(ADA, kind=7, body=b"morgen")
    async with opened(tmp_path) as store:
        keeps = [
            Keep((clock, ADA.key, message_id(message.header)), message, True)
            for clock, message in enumerate([*messages, pictures], start=1)
        ]
        await store.keep(keeps[::-1])  # newcomers get the past last

        async def found(words: str, count: int = 50) -> set[int]:
            return {messages.index(message) for message in await store.search(words, count)}

        assert await found("morgen") == {0, 1}
        assert await found("mor") == {0, 1}
        assert await found("auch mor") == {1}
        assert await found("grusse") == set()
        assert await found("gruß") == {3}
        assert await found('"no" OR (') == set()
        assert await found('no" twice') == {2}
        assert await found(" ") == set()
        assert await found("morgen", 1) == {1}
        assert await store.search("morgen") == messages[:2]


async def test_gap_is_the_last_message_that_follows_one_that_is_missing(tmp_path: Path) -> None:
    messages = chain(ADA, 10)
    places = [keep.place for keep in kept(messages)]
    async with opened(tmp_path) as store:
        await store.keep(kept(messages[:1]) + kept(messages[3:4], complete=False, first=4))
        await store.keep(kept(messages[6:7], complete=False, first=7) + kept(messages[7:], first=8))
        assert await store.gap(None) == Gap(places[6], (places[5][2],))
        assert await store.gap(places[6]) == Gap(places[3], (places[2][2],))
        assert await store.gap(places[3]) is None
        await store.keep(kept(messages[4:6], complete=False, first=5))
        assert await store.gap(None) == Gap(places[3], (places[2][2],))
        await store.keep(kept(messages[1:3], first=2))
        assert await store.gap(None) is None
        assert await store.gap(None) is None


async def test_too_much_is_forgotten_from_the_beginning_on(tmp_path: Path) -> None:
    messages = chain(ADA, 3 * AT_ONCE)
    async with opened(tmp_path, Retention(size=600_000)) as store:
        await store.keep(kept(messages))
        place = await store.forget()
        assert place in [keep.place for keep in kept(messages)]
        left = 3 * AT_ONCE - place[0]
        assert 0 < left < 3 * AT_ONCE
        assert (await store.restore(10_000, 10**9)).messages == messages[-left:]
        assert (await store.restore(1, 10**9)).forgotten == place
        assert await store.forget() is None
        assert await store.search("0") == []
        assert await store.search(f"{3 * AT_ONCE - 1}") == messages[-1:]
        await store.keep(kept(messages[-left:][:1], complete=False, first=place[0] + 1))
        assert await store.gap(None) is None
    async with opened(tmp_path, Retention(size=1)) as store:
        assert await store.forget() == kept(messages)[-1].place
        assert await store.count() == 0


async def test_what_came_too_long_ago_is_forgotten_with_all_that_stands_before_it(tmp_path: Path) -> None:
    messages = chain(ADA, 6)
    async with opened(tmp_path, wall=1_000) as store:
        await store.keep(kept(messages[2:4], first=3))
    async with opened(tmp_path, wall=5_000) as store:
        await store.keep(kept(messages[:2]) + kept(messages[4:], first=5))
    async with opened(tmp_path, Retention(age=3_600), wall=5_000) as store:
        assert await store.forget() == kept(messages)[3].place
        assert (await store.restore(10, 10**6)).messages == messages[4:]
        assert await store.forget() is None


async def test_gap_at_a_damaged_header_is_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.keep(kept(chain(ADA, 3)[2:], complete=False, first=3))
    file = sqlite3.connect(store.path)
    file.execute("UPDATE messages SET header = x'00'")
    file.commit()
    file.close()
    async with opened(tmp_path, Retention(size=1)) as store:
        assert await store.gap(None) is None
        assert await store.forget() is not None


async def test_unusable_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = ChatStore(tmp_path, ROOM)
    store.path.write_bytes(b"no database, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"The chat history in .* cannot be used: file is not a database"):
        await store.open()
    store.path.unlink()
    file = sqlite3.connect(store.path)
    file.execute("PRAGMA user_version = 9")
    file.close()
    with pytest.raises(StoreError, match="is of version 9; this program knows 2"):
        await store.open()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        await ChatStore(tmp_path / "file", ROOM).open()


async def test_failed_write_leaves_nothing_half_done(tmp_path: Path) -> None:
    message = text_message(ADA)
    unsigned = wire.ChatMessage(message.header, cast("bytes", None), message.body)
    async with opened(tmp_path) as store:
        with pytest.raises(StoreError):
            await store.keep(kept(chain(BOB, 2)) + kept([unsigned]))
        assert await store.count() == 0
        await store.keep(kept([message]))
        assert await store.count() == 1


@pytest.mark.parametrize(
    ("age", "size", "expected"),
    [
        (None, "1G", Retention(None, 10**9)),
        ("30d", "1.5k", Retention(2_592_000, 1_500)),
        ("90s", "7", Retention(90, 7)),
    ],
)
async def test_retention_is_read(age: str | None, size: str, expected: Retention) -> None:
    assert parse_retention(age, size) == expected


@pytest.mark.parametrize(
    ("age", "size"), [("30", "1G"), ("0d", "1G"), ("1d", "0"), ("1d", "big"), ("-1d", "1")]
)
async def test_what_is_no_retention_is_refused(age: str, size: str) -> None:
    with pytest.raises(RetentionError, match="is no"):
        parse_retention(age, size)


FIRST_VERSION = """
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, clock INTEGER NOT NULL, author BLOB NOT NULL, id BLOB NOT NULL UNIQUE,
    kept INTEGER NOT NULL, lacks INTEGER NOT NULL,
    signature BLOB NOT NULL, header BLOB NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX places ON messages (clock, author, id);
CREATE INDEX lacking ON messages (clock, author, id) WHERE lacks;
CREATE TABLE forgotten (clock INTEGER NOT NULL, author BLOB NOT NULL, id BLOB NOT NULL);
CREATE VIRTUAL TABLE texts USING fts5 (text, content='', tokenize="unicode61 remove_diacritics 2");
PRAGMA user_version = 1;
"""
"""What files were before messages could be edited and taken back, and rooms moderated."""


async def test_file_of_the_first_version_is_read_searched_and_obeys_what_came_later(tmp_path: Path) -> None:
    messages = chain(ADA, 12)
    file = sqlite3.connect(ChatStore(tmp_path, ROOM).path)
    file.executescript(FIRST_VERSION)
    for number, (kept_before, message) in enumerate(zip(kept(messages), messages, strict=True)):
        row = (*kept_before.place, 10**9, number == 6, message.signature, message.header, message.body)
        file.execute(
            "INSERT INTO messages (clock, author, id, kept, lacks, signature, header, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        file.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (number + 1, f"{number}"))
    file.commit()
    file.close()
    first, second = ids(messages)[:2]
    edit = text_message(
        ADA, clock=13, follows=(ids(messages)[-1],), kind=2, body=write_act(Edit(second, "changed"), ())
    )
    for _ in range(2):  # the file is of this version when it is opened again
        async with opened(tmp_path) as store:
            assert messages[-1] in (await store.restore(5, 10**6)).messages
            assert await store.search("7") == [messages[7]]
            assert await store.gap(None) is None, "what it seemed to lack is here"
            await store.keep([Keep((13, ADA.key, message_id(edit.header)), edit, True)])
            await store.erase(first, ADA.key)
            assert await store.acts_on([second]) == [edit]
            assert await store.search("changed") == [messages[1]]
            assert await store.search("0") == []
    version = sqlite3.connect(ChatStore(tmp_path, ROOM).path)
    assert version.execute("PRAGMA user_version").fetchone() == (2,)
    version.close()


async def test_what_a_checkpoint_settles_is_gone_with_its_measures_part_by_part(tmp_path: Path) -> None:
    messages = chain(ADA, AT_ONCE + 20)
    measures = chain(BOB, 4)
    places = [message.place for message in kept(messages)]
    settled = (3, BOB.key, message_id(measures[2].header))
    async with opened(tmp_path) as store:
        await store.keep(kept(messages))
        for measure in measures:
            await store.keep_measure(measure)
        assert not await store.settle(settled)
        restored = await store.restore(10, 10**6)
        assert restored.measures == measures[3:]
        assert await store.count() == sum(place > settled for place in places)
        assert restored.forgotten == settled
        assert await store.settle(places[-5])
        assert await store.count() == len(messages) - AT_ONCE - 3 + (places[2] > settled)
        assert not await store.settle(places[-5])
        assert await store.count() == 4
        assert not await store.settle(places[0])  # that was long ago
        restored = await store.restore(10, 10**6)
        assert (restored.forgotten, restored.measures) == (places[-5], [])
        assert await store.search("0") == []
