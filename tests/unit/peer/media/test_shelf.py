"""Segments in memory and in nameless files: what is read is what was given, and nothing is left behind."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from peer.media import shelf as shelf_module
from peer.media.shelf import Key, Shelf, ShelfError

pytestmark = pytest.mark.asyncio


def data(number: int, size: int = 1_000) -> bytes:
    return bytes((number * 7 + position) % 251 for position in range(size))


async def settled(shelf: Shelf) -> None:
    """Until all that was to be done with files is done."""
    await asyncio.get_running_loop().run_in_executor(shelf._thread, lambda: None)
    await asyncio.sleep(0)


async def filled(shelf: Shelf, count: int) -> None:
    for number in range(count):
        shelf.append(("360p", number), data(number)[:300])
        shelf.append(("360p", number), data(number)[300:])
        shelf.put_away(("360p", number))
    await settled(shelf)


async def test_without_a_folder_everything_stays_in_memory() -> None:
    shelf = Shelf()
    await filled(shelf, 5)
    assert (shelf.in_memory, shelf.size) == (5, 5_000)
    assert await shelf.read(("360p", 3), 100, 50) == data(3)[100:150]
    shelf.remove(("360p", 3))
    assert await shelf.read(("360p", 3), 100, 50) is None
    shelf.close()


async def test_what_was_put_away_is_read_from_files_and_no_name_is_left_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "CHUNK_BYTES", 2_500)
    shelf = Shelf(tmp_path / "window")
    await filled(shelf, 9)
    assert (shelf.in_memory, shelf.size) == (0, 9_000)
    assert list((tmp_path / "window").iterdir()) == []
    for number in range(9):
        assert await shelf.read(("360p", number), 0, 1_000) == data(number)
        assert await shelf.read(("360p", number), 990, 10) == data(number)[990:]
    shelf.close()


async def test_files_are_closed_when_their_last_segment_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "CHUNK_BYTES", 2_500)
    shelf = Shelf(tmp_path)
    await filled(shelf, 9)
    assert len(shelf._chunks) == 5
    for number in range(8):
        shelf.remove(("360p", number))
    await settled(shelf)
    assert len(shelf._chunks) == 1
    assert shelf.size == 1_000
    shelf.close()


async def test_a_segment_that_is_removed_while_it_is_written_or_read_does_no_harm(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.append(("360p", 1), data(1))
    shelf.put_away(("360p", 1))
    shelf.put_away(("360p", 1))
    shelf.remove(("360p", 1))
    await settled(shelf)
    await filled(shelf, 1)
    reading = asyncio.create_task(shelf.read(("360p", 0), 0, 1_000))
    await asyncio.sleep(0)
    shelf.remove(("360p", 0))
    assert await reading == data(0)
    await settled(shelf)
    assert shelf.size == 0
    shelf.close()
    assert await shelf.read(("360p", 0), 0, 1_000) is None


async def test_a_full_disk_is_told_in_one_sentence_and_later_segments_go_where_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[Key] = []
    shelf = Shelf(tmp_path, on_lost=lost.append)
    await filled(shelf, 1)
    pwrite = os.pwrite

    def full(descriptor: int, content: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    for number in (1, 2):
        shelf.append(("360p", number), data(number))
        shelf.put_away(("360p", number))
    await settled(shelf)
    assert lost == [("360p", 1), ("360p", 2)]
    assert [record.message for record in caplog.records] == [
        f"The window is shorter than asked for, because {tmp_path} cannot take more: No space left on device."
    ]
    assert await shelf.read(("360p", 1), 0, 1_000) == data(1)  # whoever forgets it is the playlist
    monkeypatch.setattr(os, "pwrite", pwrite)
    shelf.append(("360p", 3), data(3))
    shelf.put_away(("360p", 3))
    await settled(shelf)
    assert shelf.in_memory == 2
    assert await shelf.read(("360p", 3), 0, 1_000) == data(3)
    assert await shelf.read(("360p", 0), 0, 1_000) == data(0)
    shelf.close()


async def test_what_waits_for_a_slow_disk_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shelf_module, "MAX_UNWRITTEN", 2_000)
    lost: list[Key] = []
    shelf = Shelf(tmp_path, on_lost=lost.append)
    for number in range(4):
        shelf.append(("360p", number), data(number))
        shelf.put_away(("360p", number))
    assert lost == [("360p", 2), ("360p", 3)]
    assert "too slow" in caplog.text
    await settled(shelf)
    shelf.close()


async def test_closing_in_the_middle_of_everything_leaves_nothing_open(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    await filled(shelf, 2)
    for number in range(10, 20):
        shelf.append(("360p", number), data(number))
        shelf.put_away(("360p", number))
    shelf.close()
    await asyncio.sleep(0)
    assert (shelf.size, shelf.in_memory, shelf._chunks) == (0, 0, set())


async def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfError, match=r"cannot take the window: .*\. Choose another one\."):
        Shelf(tmp_path / "file")
