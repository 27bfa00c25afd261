"""What a session does with its store: it writes, answers and mends, and ends when the disk takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from peer import chat_keeper, wire
from peer.chat_retention import Retention
from peer.chat_session import ChatSession
from peer.chat_store import ChatStore, StoreError
from peer.core import chat_fetch
from peer.core.chat_message import message_id, read_text
from peer.core.chat_recall import Keep
from peer.identity import Identity
from tests.chat_past import ROOM, fill
from tests.unit.peer.core.chat_network import chain, identity, text_message

pytestmark = pytest.mark.asyncio
PATIENCE = 20.0


class Links:
    """The links of a session: everything arrives."""

    def __init__(self) -> None:
        self.others: dict[bytes, Any] = {}
        self.own = b""

    def send(self, peer: bytes, data: bytes, channel: str = "control") -> None:
        message = wire.decode(data)
        assert message is None or isinstance(message, wire.OfChat)
        if peer in self.others and message is not None:
            asyncio.get_running_loop().call_soon(self.others[peer].received, self.own, message)

    def refuse(self, peer: bytes, code: int, sentence: str) -> None:
        raise AssertionError(sentence)


def session(who: Identity, store: ChatStore | None) -> ChatSession:
    mesh: Any = Links()
    mesh.own = who.id
    return ChatSession(ROOM, who, mesh, store)


def link(one: ChatSession, other: ChatSession) -> None:
    for here, there in ((one, other), (other, one)):
        mesh: Any = here._mesh
        mesh.others[there._identity.id] = there
    for here, there in ((one, other), (other, one)):
        here.link_opened(there._identity.id, 2)


@asynccontextmanager
async def running(chat: ChatSession) -> AsyncIterator[asyncio.Task[None]]:
    async with chat.opened():
        task = asyncio.create_task(chat.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(round(PATIENCE / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("This did not come to pass.")


async def has(store: ChatStore, count: int) -> None:
    for _ in range(round(PATIENCE / 0.02)):
        if await store.count() == count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{await store.count()} are kept, not {count}.")


class SlowStore(ChatStore):
    """A disk that takes nothing until it is told to."""

    def __init__(self, folder: Path, room: str) -> None:
        super().__init__(folder, room)
        self.ready = asyncio.Event()

    def keep(self, messages: Sequence[Keep]) -> asyncio.Future[None]:
        async def later() -> None:
            await self.ready.wait()
            await super(SlowStore, self).keep(messages)

        return asyncio.ensure_future(later())


class FullStore(ChatStore):
    """A disk without room."""

    def keep(self, messages: Sequence[Keep]) -> asyncio.Future[None]:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failed.set_exception(StoreError(f"The chat history in {self.path} cannot be used: disk is full."))
        return failed


async def test_newcomer_with_a_store_fetches_all_and_a_session_without_reads_it_page_by_page(
    tmp_path: Path,
) -> None:
    await fill(tmp_path / "relay", 450)
    relay = session(identity("relay"), ChatStore(tmp_path / "relay", ROOM))
    store = ChatStore(tmp_path / "other", ROOM)
    other = session(identity("other"), store)
    async with running(relay), running(other):
        link(relay, other)
        await has(store, 450)
    plain = session(identity("plain"), None)
    async with (
        running(plain),
        running(session_of := session(identity("relay"), ChatStore(tmp_path / "other", ROOM))),
    ):
        link(plain, session_of)
        await until(lambda: len(plain.messages()) == 200)
        texts: list[str] = []
        oldest = plain.messages()[0]
        while page := await plain.before(oldest.id):
            texts = [entry.text for entry in page] + texts
            oldest = page[0]
        assert texts == [f"{number}" for number in range(250)]
        assert [entry.text for entry in await session_of.before(session_of.messages()[3].id)] == [
            "0",
            "1",
            "2",
        ]
        assert await session_of.before(session_of.messages()[0].id) == []


async def test_disk_that_takes_nothing_ends_the_session_with_its_sentence(tmp_path: Path) -> None:
    chat = session(identity("ada"), FullStore(tmp_path, ROOM))
    async with running(chat) as task:
        chat.say("not kept", "Ada")
        with pytest.raises(StoreError, match="disk is full"):
            await asyncio.wait_for(task, PATIENCE)


async def test_disk_that_is_too_slow_ends_the_session_before_anything_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_keeper, "MAX_UNWRITTEN", 3)
    store = SlowStore(tmp_path, ROOM)
    chat = session(identity("ada"), store)
    async with running(chat) as task:
        for number in range(5):
            chat.say(f"{number}", "Ada")
        with pytest.raises(StoreError, match="too slow"):
            await asyncio.wait_for(task, PATIENCE)
        store.ready.set()
    async with running(again := session(identity("ada"), ChatStore(tmp_path, ROOM))):
        assert [entry.text for entry in again.messages()] == ["0", "1", "2"]


async def test_what_is_too_much_leaves_memory_with_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_keeper, "FORGET_EVERY", 0.0)
    await fill(tmp_path, 3)
    chat = session(identity("ada"), ChatStore(tmp_path, ROOM, Retention(size=1)))
    async with running(chat):
        assert chat.messages() == []
        chat.say("kept for a moment", "Ada")
        await until(lambda: not chat.messages())


async def test_page_of_one_who_does_not_wait_is_not_the_answer_to_the_next(tmp_path: Path) -> None:
    await fill(tmp_path, 300)
    relay = session(identity("relay"), ChatStore(tmp_path, ROOM))
    plain = session(identity("plain"), None)
    async with running(relay), running(plain):
        link(plain, relay)
        await until(lambda: len(plain.messages()) == 200)
        oldest = plain.messages()[0]
        impatient = asyncio.create_task(plain.before(bytes(32)))
        await asyncio.sleep(0)
        impatient.cancel()
        page = await asyncio.wait_for(plain.before(oldest.id), PATIENCE)
        assert [entry.text for entry in page] == [f"{number}" for number in range(100)]


class Liar:
    """Lists messages that nobody has ever written."""

    def __init__(self, victim: ChatSession) -> None:
        self.victim = victim
        self.asked = 0

    def received(self, peer: bytes, message: wire.OfChat) -> None:
        if isinstance(message, wire.ChatBefore):
            self.asked += 1
            self.victim.received(LIAR, wire.ChatPage(tuple(bytes([number]) * 32 for number in range(9))))


LIAR = b"a liar's peer id"


async def test_peer_that_lists_what_it_does_not_send_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_fetch, "QUIET", 0.1)
    await fill(tmp_path / "relay", 450)
    relay = session(identity("relay"), ChatStore(tmp_path / "relay", ROOM))
    plain, store = session(identity("plain"), None), ChatStore(tmp_path / "store", ROOM)
    keeping = session(identity("keeping"), store)
    async with running(relay), running(plain), running(keeping):
        liars = []
        for victim in (plain, keeping):
            mesh: Any = victim._mesh
            liars.append(Liar(victim))
            mesh.others[LIAR] = liars[-1]
            victim.link_opened(LIAR, 2)
            link(victim, relay)
        await until(lambda: len(plain.messages()) == 200)
        page = await plain.before(plain.messages()[0].id)
        assert [entry.text for entry in page] == [f"{number}" for number in range(51, 250)]
        await has(store, 450)
        assert min(liar.asked for liar in liars) > 0


class Torn:
    """A link that ends in the middle of a page: some of it never arrives."""

    def __init__(self, reader: ChatSession, relay: ChatSession, lost: range) -> None:
        self._reader, self._relay, self._lost = reader, relay, lost
        self.torn = False

    def received(self, peer: bytes, message: wire.OfChat) -> None:
        text = read_text(message.body or b"") if isinstance(message, wire.ChatMessage) else None
        if text is None or self.torn or text.text not in map(str, self._lost):
            self._reader.received(peer, message)
        elif text.text == str(self._lost[-1]):
            self.torn = True
            self._reader.link_closed(peer)
            self._relay.link_closed(self._reader._identity.id)
            link(self._reader, self._relay)


@pytest.mark.parametrize("stored", [False, True])
async def test_page_that_was_torn_is_read_whole_and_hides_nothing(tmp_path: Path, stored: bool) -> None:
    """What came of a page stood for all of it: a page of the browser once went from 25 on to 50."""
    await fill(tmp_path / "relay", 450)
    relay = session(identity("relay"), ChatStore(tmp_path / "relay", ROOM))
    reader = session(identity("reader"), ChatStore(tmp_path / "reader", ROOM) if stored else None)
    async with running(relay), running(reader):
        link(relay, reader)
        mesh: Any = relay._mesh
        await until(lambda: len(reader.messages()) >= 200)
        torn = mesh.others[reader._identity.id] = Torn(reader, relay, range(126, 150))
        first = next(entry for entry in reader.messages() if entry.text == "250")
        read = [first]
        while page := await asyncio.wait_for(reader.before(read[0].id), PATIENCE):
            read = page + read
        assert [entry.text for entry in read] == [f"{number}" for number in range(251)]
        assert torn.torn or stored


async def test_what_nobody_has_any_more_hides_nothing_of_what_is_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat_fetch, "QUIET", 0.1)
    reader = session(identity("reader"), None)
    relay = session(identity("relay"), None)
    async with running(reader), running(relay):
        link(relay, reader)
        messages = chain(identity("eve"), 9)
        for message in [*messages[:3], *messages[5:]]:
            reader.received(relay._identity.id, message)
        await until(lambda: len(reader.messages()) == 7)
        reader.link_closed(relay._identity.id)
        read = await asyncio.wait_for(reader.before(reader.messages()[-1].id), PATIENCE)
        read = await asyncio.wait_for(reader.before(read[0].id), PATIENCE) + read
        assert [entry.text for entry in read] == ["0", "1", "2", "5", "6", "7"]


async def test_past_is_not_hidden_behind_messages_that_are_not_shown(tmp_path: Path) -> None:
    author = identity("eve")
    follows: tuple[bytes, ...] = ()
    kept: list[Keep] = []
    for clock in range(1, 701):
        kind, body = (7, b"?") if 10 < clock <= 650 else (1, None)
        message = text_message(author, f"{clock}", clock=clock, follows=follows, kind=kind, body=body)
        number = message_id(message.header)
        kept.append(Keep((clock, author.key, number), message, True))
        follows = (number,)
    store = ChatStore(tmp_path, ROOM)
    await store.open()
    await store.keep(kept)
    await store.close()
    relay, plain = session(identity("relay"), ChatStore(tmp_path, ROOM)), session(identity("plain"), None)
    async with running(relay), running(plain):
        link(plain, relay)
        await until(lambda: len(plain.messages()) == 50)
        for reader in (plain, relay):
            first = reader.messages()[-50]
            page = await asyncio.wait_for(reader.before(first.id), PATIENCE)
            assert [entry.text for entry in page][-10:] == [f"{number}" for number in range(1, 11)]


async def test_session_ends_while_its_store_is_asked(tmp_path: Path) -> None:
    await fill(tmp_path, 5_100)
    relay = session(identity("relay"), ChatStore(tmp_path, ROOM))
    async with running(relay):
        relay.link_opened(bytes(16), 2)
        for _ in range(3):
            relay.received(bytes(16), wire.ChatBefore((relay.messages()[0].id,)))
