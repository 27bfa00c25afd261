"""Keeps a room's chat on disk: does what the log asks of its store, and fetches what is missing there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from peer import wire
from peer.chat_store import ChatStore, Gap, StoreError
from peer.core.chat_message import Place
from peer.core.chat_recall import (
    Erase,
    Forget,
    Keep,
    KeepMeasure,
    Lookup,
    LookupBefore,
    Recall,
    StoreAction,
)

if TYPE_CHECKING:
    from peer.chat_session import ChatSession

MAX_UNWRITTEN = 20_000
"""Messages that wait for a disk. With more the session ends, for what it cannot keep would be lost."""
FORGET_EVERY = 10.0
MAX_TRIES = 4
"""Questions about one gap, each to another peer."""
MEND_EVERY = 60.0
"""Seconds after which missing messages are asked for again, if no link opens before: others may have them."""


class ChatKeeper:
    """The store of one session. `run` writes and mends until it is cancelled; it raises StoreError."""

    def __init__(self, session: ChatSession, store: ChatStore) -> None:
        self.store = store
        self.kept = 0
        """Messages that are on disk since the start."""
        self._session = session
        self._buffer: list[Keep] = []
        self._unwritten = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None]
        self._news = asyncio.Event()
        self._lacking = asyncio.Event()
        """Something is missing on disk that somebody may have."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The store is open, and the log has what it held. Raises StoreError."""
        self._failed = asyncio.get_running_loop().create_future()
        await self.store.open()
        try:
            await self.store.forget()
            limits = self._session.log.limits
            restored = await self.store.restore(limits.messages, limits.bytes, limits.compared)
            self._session.log.restore(
                restored.messages,
                restored.before,
                restored.forgotten,
                restored.measures,
                restored.places,
            )
            yield
        finally:
            await self._close()

    async def _close(self) -> None:
        for task in self._tasks:
            if task.get_name() != "write":  # what was accepted is kept
                task.cancel()
        self.flush()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()

    async def run(self) -> None:
        work = (self._write_and_forget(), self._mend_what_lacks())
        tasks: list[asyncio.Future[None]] = [asyncio.create_task(part) for part in work]
        try:
            done, _ = await asyncio.wait([*tasks, self._failed], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._failed.done():
                self._failed.exception()  # one of several reasons to end is enough

    def link_opened(self) -> None:
        """Somebody is there who may have what is missing."""
        self._lacking.set()

    def act(self, action: StoreAction) -> None:
        """Do what the log asks for; its questions are answered after all that it wanted kept before."""
        match action:
            case Keep():
                if self._unwritten >= MAX_UNWRITTEN:
                    sentence = f"The disk is too slow for the chat history in {self.store.path}."
                    self._fail(StoreError(sentence))
                    return
                self._buffer.append(action)
                self._unwritten += 1
                self._news.set()
                if not action.complete:
                    self._lacking.set()
            case KeepMeasure(message):
                self._start(self._done(self.store.keep_measure(message)), "write")
            case Erase(target, author):
                self.flush()
                self._start(self._done(self.store.erase(target, author)), "write")
            case Forget(place):
                self.flush()
                self._start(self._settled(place), "write")
            case Recall(token, ids):
                self.flush()
                self._start(self._recalled(token, self.store.recall(ids)), "answer")
            case Lookup(token, ids):
                self.flush()
                self._start(self._looked_up(token, self.store.find(ids)), "answer")
            case LookupBefore(token, ids, count):
                self.flush()
                self._start(self._looked_up(token, self.store.up_to(ids, count)), "answer")

    # Writing

    async def _write_and_forget(self) -> None:
        forget_at = time.monotonic() + FORGET_EVERY
        while True:
            await self._news.wait()
            self._news.clear()
            self.flush()
            # While those are being written, what comes is gathered for the next time.
            writes = [task for task in self._tasks if task.get_name() == "write"]
            if writes:  # to be cancelled with this would lose what they were to write
                await asyncio.wait(writes)
            if time.monotonic() >= forget_at:
                forget_at = time.monotonic() + FORGET_EVERY
                place = await self.store.forget()
                if place is not None:
                    self._session.log.forgotten(place)

    def flush(self) -> None:
        """Begin to write what there is: what is asked of the store after this is answered after that."""
        if self._buffer:
            batch, self._buffer = self._buffer, []
            self._start(self._written(self.store.keep(batch), len(batch)), "write")

    async def _written(self, work: asyncio.Future[None], count: int) -> None:
        try:
            await work
            self.kept += count
        finally:
            self._unwritten -= count

    async def _done(self, work: asyncio.Future[None]) -> None:
        await work

    async def _settled(self, place: Place) -> None:
        while await self.store.settle(place):
            pass  # others come between

    # Answering

    async def _recalled(self, token: int, found: asyncio.Future[list[wire.ChatMessage]]) -> None:
        self._session.recalled(token, await found)

    async def _looked_up(self, token: int, found: asyncio.Future[tuple[bytes, ...]]) -> None:
        self._session.looked_up(token, await found)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    # Mending

    async def _mend_what_lacks(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MEND_EVERY):
                    await self._lacking.wait()
            self._lacking.clear()
            await self._mend()

    async def _mend(self) -> None:
        """Fetch what kept messages follow and what is not there, as far as others have it."""
        below: Place | None = None
        before: Gap | None = None
        tries = 0
        while (gap := await self._gap(below)) is not None:
            tries = tries + 1 if gap == before else 0
            before = gap
            if tries == MAX_TRIES:  # so many have listed it, and not sent it
                below = gap.place
                continue
            page = await self._session.missing(gap.missing)
            if page.ids is None:
                return  # nobody answers
            if not page.ids:
                below = gap.place

    async def _gap(self, below: Place | None) -> Gap | None:
        self.flush()
        return await self.store.gap(below)
