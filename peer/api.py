"""A room from a Python program: `async with Peer.join(server, room) as peer` (DESIGN.md section 7)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self, TypeVar

from peer.chat_retention import Retention
from peer.chat_session import ChatSession
from peer.chat_store import ChatStore
from peer.core.chat_acts import Act, Delete, Edit, Reaction
from peer.core.chat_limits import KEPT_BEHIND
from peer.core.chat_message import ChatRateError, Entry
from peer.core.chat_placing import Revise
from peer.core.neighbour import Role
from peer.core.shared_file import SharedFile
from peer.file_session import QUOTA, FileSession
from peer.identity import Identity
from peer.introducer import IntroducerError
from peer.media.parts import MediaOptions
from peer.node import Node
from peer.part import Part
from peer.publisher import Publisher
from peer.streams import KnownStream
from peer.viewer import Viewing
from signaling.measures import Measure
from signaling.moderation import Moderation, Rule
from signaling.protocol import IceServer, RosterEntry

JOIN_TIMEOUT = 15.0
CHAT_QUEUE = 1000
T = TypeVar("T")


class Chat:
    """The room's chat."""

    def __init__(self, session: ChatSession, files: FileSession, name: str) -> None:
        self.name = name
        self.session = session
        self.files = files

    async def send(self, text: str, reply: bytes | None = None) -> Entry:
        """Say something, perhaps as the answer to a message (its id).

        Waits when one writes too fast. Raises ChatError with one sentence.
        """
        return await self._patiently(lambda: self.session.say(text, self.name, reply))

    def writes(self, on: bool = True) -> None:
        """Tell those to whom there are links that one is writing, or has stopped."""
        self.session.writes(on)

    @property
    def writing(self) -> tuple[str, ...]:
        """The peer ids, 32 hex digits, of those who are writing just now."""
        return tuple(peer.hex() for peer in self.session.writing)

    async def send_file(self, path: Path, text: str = "", reply: bytes | None = None) -> Entry:
        """Tell of a file, and give it to those who ask as long as we are here; `text` is its name if empty.

        It is copied first. Waits and raises as `send` does, and FileError with one sentence.
        """
        file = await self.files.offer(path)
        return await self._patiently(lambda: self.session.say(text or file.name, self.name, reply, file))

    async def fetch(self, file: SharedFile) -> None:
        """Have a file that a message tells of, from all who have it. Raises FileError with one sentence.

        Waits as long as nobody has it. What has come is kept when that is cancelled, and goes on coming.
        """
        await self.files.fetch(file)

    async def save(self, file: SharedFile, path: Path) -> Path:
        """Fetch a file, and copy it to `path`, or into that folder; where it is then. Raises FileError."""
        await self.files.fetch(file)
        return await self.files.save(file, path)

    def progress(self, file: SharedFile) -> tuple[int, int] | None:
        """Bytes of a file that are here, and all; None when it neither is here nor comes."""
        return self.files.progress(file)

    async def edit(self, message: bytes, text: str) -> None:
        """Put a message of one's own (its id) otherwise. Waits and raises as `send` does."""
        await self.act(Edit(message, text))

    async def delete(self, message: bytes) -> None:
        """Take a message of one's own (its id) back. Waits and raises as `send` does."""
        await self.act(Delete(message))

    async def react(self, message: bytes, emoji: str, on: bool = True) -> None:
        """Give a message (its id) an emoji, or take it back. Waits and raises as `send` does."""
        await self.act(Reaction(message, emoji, on))

    async def act(self, act: Act) -> None:
        """Do something to a message. Waits and raises as `send` does."""
        await self._patiently(lambda: self.session.do(act))

    async def rule(self, measure: Measure) -> None:
        """Take a measure of moderation. Waits as `send` does, raises ChatError when one may not."""
        await self._patiently(lambda: self.session.rule(measure))

    async def ban(self, key: bytes, reason: str = "") -> None:
        """Let nothing count that this author (a key, 32 bytes) says from now on, and have its links ended."""
        await self.rule(Measure("ban", subject=key, reason=reason))

    async def mute(self, key: bytes, reason: str = "") -> None:
        """Hide what this author says from now on."""
        await self.rule(Measure("mute", subject=key, reason=reason))

    async def kick(self, key: bytes, reason: str = "") -> None:
        """Have this author's links ended for ten minutes."""
        await self.rule(Measure("kick", subject=key, reason=reason))

    async def checkpoint(self, keep: int = KEPT_BEHIND) -> None:
        """Settle all but the last `keep` messages: nobody keeps them, what is in force in the room stays so.

        Only the owner of the room may. Waits as `send` does, raises ChatError.
        """
        await self._patiently(lambda: self.session.checkpoint(keep))

    @property
    def moderation(self) -> Moderation | None:
        """Who may do what, and what was done; None where nobody knows who owns the room."""
        return self.session.log.moderation

    @staticmethod
    async def _patiently(work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except ChatRateError as error:
                await asyncio.sleep(error.wait)

    @property
    def authors(self) -> dict[bytes, str]:
        """The names of those who have said something, by key."""
        return self.session.log.authors()

    @property
    def history(self) -> list[Entry]:
        """The last texts, in order, as they are now."""
        return self.session.messages()

    @property
    def unsent(self) -> int:
        """Messages of one's own that no link has carried yet."""
        return self.session.log.unsent

    @property
    def kept(self) -> bool:
        """Whether what is said stays on disk."""
        return self.session.keeper is not None

    async def before(self, message: Entry, count: int = 200) -> list[Entry]:
        """The texts just before that one, in order: from memory, the store, or others (200 at most).

        Empty when nobody who is here has any. Raises StoreError.
        """
        return await self.session.before(message.id, count)

    async def search(self, words: str, count: int = 50) -> list[Entry]:
        """The last texts in the store that hold all these words, in order; the last one may be half a word.

        Raises StoreError, also when the peer has no store.
        """
        return await self.session.search(words, count)

    async def messages(self, history: bool = True) -> AsyncIterator[Entry]:
        """What was said, in order, and then each message as it comes."""
        async with aclosing(self.news(history)) as news:
            async for message in news:
                if isinstance(message, Entry):
                    yield message

    async def news(self, history: bool = True) -> AsyncGenerator[Entry | Revise | Rule, None]:
        """What was said, in order, and then each message, change of one and measure, as it comes.

        A change is a `Revise`: the `id` and what is shown of that `message` now, None when it is gone.
        A `Rule` is a measure of moderation that is in force from now on.
        """
        said = self.session.messages() if history else ()
        waiting: deque[Entry | Revise | Rule] = deque(said, maxlen=CHAT_QUEUE)
        came = asyncio.Event()

        def heard(news: Entry | Revise | Rule) -> None:
            waiting.append(news)
            came.set()

        def changed(id: bytes, message: Entry | None) -> None:
            heard(Revise(id, message))

        def ruled(rule: Rule, live: bool) -> None:
            if live:
                heard(rule)

        self.session.on_message.append(heard)
        self.session.on_revision.append(changed)
        self.session.on_ruled.append(ruled)
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                came.clear()
                await came.wait()
        finally:
            self.session.on_message.remove(heard)
            self.session.on_revision.remove(changed)
            self.session.on_ruled.remove(ruled)


class Peer:
    """A member of a room, made by `Peer.join`."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.chat = Chat(node.chat, node.files, name)
        self._life: asyncio.Task[None] | None = None
        self._viewings: list[Viewing] = []
        self._publishing: set[asyncio.Task[None]] = set()

    @classmethod
    def join(
        cls,
        server: str,
        room: str,
        token: str | None = None,
        identity: Identity | None = None,
        *,
        role: Role = "viewer",
        name: str = "",
        ice_servers: Sequence[IceServer] = (),
        publisher_key: bytes | None = None,
        carries: bool = True,
        store: Path | None = None,
        retention: Retention | None = None,
        owner: bytes | None = None,
        file_quota: int = QUOTA,
    ) -> Peer:
        """Join `room` at the introducer `server` when the block begins, and leave when it ends.

        `owner` is the key of the room's owner, whose moderation is in force: the publisher's if not given.

        With `store`, a folder, the room's chat is kept there, as long as `retention` says, and given to those
        who ask, and so are the files that were sent or fetched, `file_quota` bytes at most. Entering raises
        IntroducerError with one sentence when the room refuses us or is not reached, StoreError or FileError
        when the store cannot be used.
        """
        node = Node(
            server,
            room,
            role,
            identity=identity,
            name=name,
            token=token,
            ice_servers=ice_servers,
            publisher_key=publisher_key,
            carries=carries,
            store=None if store is None else ChatStore(store, room, retention),
            owner=owner,
            files=store,
            file_quota=file_quota,
        )
        return cls(node, name)

    async def __aenter__(self) -> Self:
        self._life = asyncio.create_task(self.node.run(), name="node")
        joined = asyncio.create_task(self.node.joined.wait())
        try:
            await asyncio.wait(
                [self._life, joined], timeout=JOIN_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            await self.check()
            if not joined.done():
                raise IntroducerError("unreachable", self.node.trouble)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        finally:
            joined.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._publishing:
            task.cancel()
        await asyncio.gather(*self._publishing, return_exceptions=True)
        for viewing in list(self._viewings):
            await viewing.close()
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def check(self) -> None:
        """Raises what ended our membership, if something has."""
        if self._life is not None and self._life.done():
            self._life.result()

    async def alive_while(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` to its end. Raises what ends our membership before that."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait(
                [task, *([self._life] if self._life is not None else [])],
                return_when=asyncio.FIRST_COMPLETED,
            )
            if task.done():
                task.result()
            await self.check()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def id(self) -> str:
        """This peer's id, 32 hex digits."""
        return self.node.identity.id.hex()

    @property
    def room(self) -> str:
        """Its name."""
        return self.node.room

    @property
    def streams(self) -> dict[str, KnownStream]:
        """What is live now, by name."""
        return {known.name: known for known in self.node.streams if known.description.state != "ended"}

    @property
    def roster(self) -> list[RosterEntry]:
        """Who is here."""
        return list(self.node.roster.values())

    def viewing(
        self,
        stream: str = "main",
        rendition: str | None = None,
        *,
        uplink: int | None = None,
        carries: bool = True,
    ) -> Viewing:
        """Watch a stream, with its statistics; it may begin later. Close it when done.

        `rendition` is the id of one of its qualities, such as 360p; the best unless given.
        """
        viewing = Viewing(self.node, stream, rendition, carries=carries, uplink=uplink)
        self._viewings.append(viewing)
        return viewing

    async def watch(self, stream: str = "main", rendition: str | None = None) -> AsyncIterator[Part]:
        """Verified parts of a stream in order, relayed to others meanwhile; ends when the stream ends.

        `rendition` as for `viewing`.
        """
        viewing = self.viewing(stream, rendition)
        try:
            async for part in viewing:
                yield part
        finally:
            self._viewings.remove(viewing)
            await viewing.close()

    async def publish(self, stream: str, source: str, options: MediaOptions | None = None) -> Publisher:
        """Publish `source` (an INPUT: a file, `test:`, rtmp://…) until the peer leaves or the source ends.

        Raises SourceError with one sentence when the source cannot be used at all.
        """
        publisher = Publisher(self.node, source, stream, options or MediaOptions())
        task = asyncio.create_task(publisher.run(), name=f"publish {stream}")
        self._publishing.add(task)
        live = asyncio.create_task(publisher.live.wait())
        await asyncio.wait([task, live], return_when=asyncio.FIRST_COMPLETED)
        live.cancel()
        if task.done():
            self._publishing.discard(task)
            task.result()
        return publisher
