"""Files are kept whole or not at all, within a quota, and go on where they stopped; `/file` and `/save`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from peer.chat_commands import Commands, Screen
from peer.chat_display import Lines, amount, json_line
from peer.core.block_set import BlockSet
from peer.core.chat_acts import ChatError
from peer.core.chat_message import Entry
from peer.core.shared_file import SharedFile
from peer.file_store import FileError, FileStore
from peer.file_tables import TABLES, TOP
from peer.wire_files import BLOCK
from tests.unit.peer.chat_company import Somebody
from tests.vectors.shared_files import Content, octets

pytestmark = pytest.mark.asyncio

CONTENT = Content(octets(40 * BLOCK + 5))


@asynccontextmanager
async def company(*people: Somebody) -> AsyncIterator[None]:
    """They have their files, and their clocks run."""

    async def clockwork(somebody: Somebody) -> None:
        while True:
            await asyncio.sleep(0.02)
            now = asyncio.get_running_loop().time()
            for peer in list(somebody.mesh.links):
                somebody.files.link_drained(peer, 0)
            somebody.files.handle_timer(now, 0.0)

    async with AsyncExitStack() as stack:
        for somebody in people:
            await stack.enter_async_context(somebody.files.opened())
        clocks = [asyncio.create_task(clockwork(somebody)) for somebody in people]
        try:
            yield
        finally:
            for clock in clocks:
                clock.cancel()
            await asyncio.gather(*clocks, return_exceptions=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "Grüße 1.png"
    path.write_bytes(CONTENT.data)
    return path


def all_is_here(somebody: Somebody, file: SharedFile) -> bool:
    return somebody.chat.progress(file) == (file.size, file.size)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


# On disk


async def test_file_that_was_added_is_read_back_and_proved(source: Path, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store", "demo")
    assert await store.open() == []
    assert await store.add(source, 10**9) == (CONTENT.id, CONTENT.size)
    for piece, data in CONTENT.pieces.items():
        assert await store.read(CONTENT.id, piece) == data
    assert await store.read(bytes(32), 0) is None
    assert await store.add(source, 10**9) == (CONTENT.id, CONTENT.size)
    await store.close()
    again = FileStore(tmp_path / "store", "demo")
    assert await again.open() == [(CONTENT.id, CONTENT.size)]
    await again.drop(CONTENT.id)
    await again.close()
    assert list((tmp_path / "store" / "demo.files").iterdir()) == []


async def test_damage_on_disk_is_not_given_on(source: Path, tmp_path: Path) -> None:
    store = FileStore(tmp_path, "demo")
    await store.add(source, 10**9)
    place = tmp_path / "demo.files" / f"{CONTENT.id.hex()}.file"
    with place.open("r+b") as file:
        file.seek(5)
        file.write(b"?")
    assert await store.read(CONTENT.id, 0) is None
    assert await store.read(CONTENT.id, 1) == CONTENT.pieces[1]
    hashes = place.with_suffix(".hashes")
    hashes.write_bytes(b"?" * hashes.stat().st_size)
    assert await store.read(CONTENT.id, TOP) is None
    await store.close()
    again = FileStore(tmp_path, "demo")
    assert await again.open() == [], "A file that nothing proves is none."
    assert not place.exists()
    await again.close()


async def test_what_came_before_the_end_is_there_after_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path, "demo")
    await store.open()
    tables, have = await store.resume(CONTENT.id, CONTENT.size)
    assert (tables.top, len(have)) == (None, 0)
    for piece in (TOP, TABLES, 0, 7, 40):
        await store.write(CONTENT.id, piece, CONTENT.pieces[piece])
    assert await store.read(CONTENT.id, 7) == CONTENT.pieces[7]
    assert await store.read(CONTENT.id, 8) is None
    killed = FileStore(tmp_path, "demo")  # the first one never closes
    assert await killed.open() == []
    tables, have = await killed.resume(CONTENT.id, CONTENT.size)
    assert tables.top == CONTENT.pieces[TOP]
    assert have.to_bytes() == BlockSet.of(41, (0, 7, 40)).to_bytes()
    for piece in range(41):
        await killed.write(CONTENT.id, piece, CONTENT.pieces[piece])
    await killed.finish(CONTENT.id)
    assert await killed.save(CONTENT.id, tmp_path, "got.png") == tmp_path / "got.png"
    assert (tmp_path / "got.png").read_bytes() == CONTENT.data
    with pytest.raises(FileError, match="there already"):
        await killed.save(CONTENT.id, tmp_path, "got.png")
    await killed.close()
    await store.close()


async def test_file_without_a_store_is_gone_when_it_is_closed(source: Path) -> None:
    store = FileStore(None, "demo")
    await store.open()
    await store.close()
    store = FileStore(None, "demo")
    await store.add(source, 10**9)
    assert store._folder is not None
    await store.close()
    assert not store._folder.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "cannot be read"),
        ("empty", "is empty"),
        ("large", "is too large: it has 101 bytes, 100 is the most"),
        (".", "cannot be read"),
    ],
)
async def test_what_cannot_be_sent_is_refused_with_a_sentence(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(101))
    store = FileStore(None, "demo")
    with pytest.raises(FileError, match=sentence):
        await store.add(tmp_path / name, 100)
    await store.close()


async def test_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    store = FileStore(None, "demo")
    with pytest.raises(FileError, match="is no file"):
        await store.add(tmp_path / "pipe", 100)
    await store.close()
    os.close(writer)


async def test_folder_that_cannot_be_used_is_told_of(tmp_path: Path, source: Path) -> None:
    (tmp_path / "store").touch()
    store = FileStore(tmp_path / "store", "demo")
    with pytest.raises(FileError, match="cannot be used for files"):
        await store.resume(CONTENT.id, CONTENT.size)
    await store.close()


# In a room


async def test_file_that_one_sends_another_saves(source: Path, tmp_path: Path) -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    async with company(ann, bob):
        ann.meet(bob)
        sent = await ann.chat.send_file(source, "look at this")
        assert sent.file == SharedFile(CONTENT.id, "Grüße 1.png", CONTENT.size, "image/png")
        await until(lambda: bob.texts() == ["look at this"])
        (entry,) = bob.chat.history
        assert entry.file == sent.file
        assert bob.chat.progress(sent.file) is None, "Nothing comes by itself."
        saved = await bob.chat.save(sent.file, tmp_path / "saved.png")
        assert saved.read_bytes() == CONTENT.data
        assert bob.chat.progress(sent.file) == (CONTENT.size, CONTENT.size)
        assert ann.files.sent > CONTENT.size


async def test_relay_with_a_store_keeps_what_was_sent_when_all_have_left(
    source: Path, tmp_path: Path
) -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    relay = Somebody("relay", folder=tmp_path, keeps_all=True)
    async with company(ann, bob):
        async with company(relay):
            ann.meet(relay)
            file = (await ann.chat.send_file(source)).file
            assert file is not None
            await until(lambda: relay.chat.progress(file) == (CONTENT.size, CONTENT.size))
            ann.part(relay)
        again = Somebody("relay", folder=tmp_path, keeps_all=True)
        async with company(again):
            again.meet(bob)
            await bob.chat.save(file, tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == CONTENT.data


async def test_file_that_is_larger_than_the_quota_is_not_fetched_and_the_oldest_go(tmp_path: Path) -> None:
    ann = Somebody("ann")
    relay = Somebody("relay", folder=tmp_path / "store", quota=100_000, keeps_all=True)
    async with company(ann, relay):
        ann.meet(relay)
        files = []
        for size in (60_000, 150_000, 70_000):
            path = tmp_path / f"{size}"
            path.write_bytes(octets(size))
            file = (await ann.chat.send_file(path)).file
            assert file is not None
            files.append(file)
            if size < 100_000:
                await until(partial(all_is_here, relay, file))
        assert [relay.chat.progress(file) is not None for file in files] == [False, False, True]
        assert relay.files.kept == 70_000
        with pytest.raises(FileError, match="no room"):
            await relay.chat.fetch(files[1])
        with pytest.raises(FileError, match="too large"):
            await relay.chat.send_file(tmp_path / "150000")


async def test_file_of_a_message_that_was_taken_back_is_dropped_by_all_who_obey(
    source: Path, tmp_path: Path
) -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    async with company(ann, bob):
        ann.meet(bob)
        entry = await ann.chat.send_file(source)
        file = entry.file
        assert file is not None
        await until(lambda: bob.texts() != [])
        await bob.chat.fetch(file)
        await ann.chat.delete(entry.id)
        await until(lambda: ann.chat.progress(file) is None and bob.chat.progress(file) is None)
        assert bob.files.kept == 0


async def test_fetch_goes_on_when_somebody_comes_who_has_it(source: Path, tmp_path: Path) -> None:
    ann, bob, cid = Somebody("ann"), Somebody("bob"), Somebody("cid", folder=tmp_path)
    async with company(ann, bob):
        ann.meet(bob)
        file = (await ann.chat.send_file(source)).file
        assert file is not None
        await bob.chat.fetch(file)
        async with company(cid):
            fetching = asyncio.create_task(cid.chat.fetch(file))
            again = asyncio.create_task(cid.chat.fetch(file))
            await until(lambda: cid.chat.progress(file) == (0, file.size))
            again.cancel()
            cid.meet(bob)
            await asyncio.wait_for(fetching, 20)
        with pytest.raises(asyncio.CancelledError):
            await again


async def test_leaving_ends_what_waits_for_a_file(tmp_path: Path) -> None:
    bob = Somebody("bob")
    async with company(bob):
        fetching = asyncio.create_task(bob.chat.fetch(SharedFile(bytes(32), "a", 5, "a/b")))
        await until(lambda: bob.files.share.progress(bytes(32)) is not None)
    with pytest.raises(asyncio.CancelledError):
        await fetching


async def test_what_is_no_message_ends_the_link() -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    ann.mesh.refuse = lambda peer, code, sentence: refused.append(code)  # type: ignore[method-assign]
    refused: list[int] = []
    ann.files.received(bob.identity.id, b"\x40")
    assert refused == [1]


# Commands


class Desk:
    """Somebody's commands, and what they print."""

    def __init__(self, who: Somebody, json_lines: bool = False) -> None:
        self.printed: list[str] = []
        self.complaints: list[str] = []
        screen = Screen(self.printed.append, self.complaints.append, json_lines)
        self.commands = Commands(who, screen, Lines())


async def test_person_sends_a_file_and_another_saves_it(source: Path, tmp_path: Path) -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    async with company(ann, bob):
        ann.meet(bob)
        await Desk(ann).commands.heard(f"/file {source}")
        await until(lambda: bob.texts() == ["Grüße 1.png"])
        desk = Desk(bob)
        with pytest.raises(ChatError, match="only 1 messages of anybody with a file"):
            await desk.commands.heard("/save ^2")
        for _ in range(2):
            await desk.commands.heard(f"/save ^1 {tmp_path / 'got'}")
            await desk.commands.files.finish()
        assert desk.printed == [f"-- Grüße 1.png is saved as {tmp_path / 'got'}.\n"]
        assert desk.complaints == [f"{tmp_path / 'got'} is there already: choose another name."]
        assert (tmp_path / "got").read_bytes() == CONTENT.data
        for line in ("/file", f"/file {tmp_path / 'missing'}"):
            with pytest.raises((ChatError, FileError), match=r"\.$"):
                await Desk(ann).commands.heard(line)


async def test_program_sends_and_saves_files_by_lines_of_json(source: Path, tmp_path: Path) -> None:
    ann, bob = Somebody("ann"), Somebody("bob")
    async with company(ann, bob):
        ann.meet(bob)
        await Desk(ann, True).commands.heard(json.dumps({"file": str(source), "text": "here"}))
        await until(lambda: bob.texts() == ["here"])
        (entry,) = bob.chat.history
        told = json.loads(json_line(entry))["file"]
        assert told == {
            "id": CONTENT.id.hex(),
            "name": "Grüße 1.png",
            "size": CONTENT.size,
            "type": "image/png",
        }
        desk = Desk(bob, True)
        await desk.commands.heard(json.dumps({"save": entry.id.hex(), "to": str(tmp_path / "got")}))
        await desk.commands.files.finish()
        assert json.loads(desk.printed[0]) == {
            "event": "saved",
            "file": CONTENT.id.hex(),
            "path": str(tmp_path / "got"),
        }
        with pytest.raises(ChatError, match="tells of no file"):
            await desk.commands.heard(json.dumps({"save": "00" * 32}))


@pytest.mark.parametrize("json_lines", [False, True])
async def test_who_waits_is_told_how_far_a_file_has_come(
    json_lines: bool, monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    monkeypatch.setattr("peer.chat_files.TELL_EVERY", 0.01)
    ann, bob = Somebody("ann"), Somebody("bob")
    async with company(ann, bob):
        ann.meet(bob)
        await ann.chat.send_file(source)
        await until(lambda: bob.texts() != [])
        ann.part(bob)
        desk = Desk(bob, json_lines)
        await desk.commands.heard(
            json.dumps({"save": bob.chat.history[0].id.hex()}) if json_lines else "/save"
        )
        await until(lambda: desk.printed)
        told = (
            {"event": "progress", "file": CONTENT.id.hex(), "received": 0, "size": CONTENT.size}
            if json_lines
            else "-- Grüße 1.png: 0 bytes of 655.4 kB are here.\n"
        )
        assert (json.loads(desk.printed[0]) if json_lines else desk.printed[0]) == told
        await desk.commands.files.close()


@pytest.mark.parametrize(
    ("size", "text"), [(1, "1 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2**31, "2.1 GB")]
)
async def test_amounts_are_told_as_people_read_them(size: int, text: str) -> None:
    assert amount(size) == text


async def test_name_of_a_file_cannot_move_the_cursor() -> None:
    file = SharedFile(bytes(32), "a\u009b2J.png", 5, "a/b")
    entry = Entry(bytes(32), bytes(16), bytes(32), "eve", "look", 0, 1, file=file)
    shown = Lines().message(entry)
    assert shown.endswith("      [file: a\ufffd2J.png, a/b, 5 bytes]\n")
