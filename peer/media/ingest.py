"""Runs a source in a thread of its own and hands its parts to asyncio."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Protocol

from peer.media.assembly import Item
from peer.media.connection import Connector
from peer.media.conversation import Conversation
from peer.media.live import LiveSource
from peer.media.pace import Clock, Pacer, Stop, StoppedError
from peer.media.parts import MediaOptions
from peer.media.pattern import Pattern
from peer.media.pull import Pull
from peer.media.reception import Reception
from peer.media.recording import Recording
from peer.media.rtmp import RtmpListener
from peer.media.source import (
    FileInput,
    Input,
    PatternInput,
    RtmpInput,
    SourceError,
    SrtInput,
    WhipInput,
    check_file,
    parse_input,
)
from peer.media.srt import SrtConnector, find_bridge

log = logging.getLogger(__name__)

QUEUE = 64
"""Parts that may wait to be taken: at 100 ms each, longer than any pause of an event loop that works."""
_LEAVE_TIMEOUT = 0.4
_LEAVE_ATTEMPTS = 8


class _Source(Protocol):
    def run(self, emit: Callable[[Iterable[Item]], None]) -> None:
        """Emit items until the source ends; raises SourceError or StoppedError."""


class Channel:
    """A bounded queue from a thread to a coroutine."""

    def __init__(self, stop: Stop) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = stop
        self._items: deque[Item] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._ready = asyncio.Event()
        self._finished = asyncio.Event()
        self._room = threading.Semaphore(QUEUE)

    def put(self, items: Iterable[Item]) -> None:
        """From the thread; blocks while the queue is full."""
        for item in items:
            while not self._room.acquire(timeout=0.1):
                self._stop.check()
            self._stop.check()
            self._items.append(item)
            self._notify(self._ready)

    def end(self, error: BaseException | None) -> None:
        """From the thread: nothing follows."""
        self._error, self._ended = error, True
        self._notify(self._finished)
        self._notify(self._ready)

    def _notify(self, event: asyncio.Event) -> None:
        try:
            self._loop.call_soon_threadsafe(event.set)
        except RuntimeError:  # the loop was closed: nobody waits any more
            self._stop.set()

    async def leave(self) -> None:
        """Stop the thread, and give it a moment to end."""
        for _ in range(_LEAVE_ATTEMPTS):
            self._stop.set()  # again, as the thread may only have begun the wait that this wakes it from
            try:
                await asyncio.wait_for(self._finished.wait(), _LEAVE_TIMEOUT / _LEAVE_ATTEMPTS)
            except TimeoutError:
                continue
            return
        log.debug("the source's thread is left behind")

    async def get(self) -> Item | None:
        """The next item; None at the end. Raises what ended the source."""
        while not self._items:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            self._ready.clear()
            if not self._items and not self._ended:
                await self._ready.wait()
        item = self._items.popleft()
        self._room.release()
        return item


def check_input(text: str) -> Input:
    """What the INPUT names, found out before anything else begins. Raises SourceError."""
    source_input = parse_input(text)
    if isinstance(source_input, FileInput):
        check_file(source_input.path)
    elif isinstance(source_input, SrtInput):
        find_bridge()
    return source_input


async def media_parts(text: str, options: MediaOptions, clock: Clock) -> AsyncGenerator[Item, None]:
    """Open an INPUT and yield its init segments and parts, in real time, until it ends.

    Leaving the iterator (`aclose`, or cancelling the task that waits in it) stops the source within half a
    second. A thread that is stuck in the operating system then is left behind as a daemon; it frees what it
    holds by itself.

    Args:
        text: the INPUT, as `parse_input` reads it.
        options: how to cut and encode it.
        clock: the publisher's clock in µs; called from the source's thread.

    Raises:
        SourceError: the input cannot be used; one sentence that says why.
    """
    source_input = check_input(text)
    stop = Stop()
    channel = Channel(stop)
    stack = AsyncExitStack()
    source = await _open(source_input, options, stop, clock, stack)

    def work() -> None:
        error: BaseException | None = None
        try:
            source.run(channel.put)
        except StoppedError:
            pass
        except SourceError as failure:
            error = failure
        except Exception as failure:
            log.exception("the source %s failed", text)
            error = SourceError(f"The source {text!r} failed: {failure}.")
        channel.end(error)

    threading.Thread(target=work, name="media", daemon=True).start()
    try:
        while (item := await channel.get()) is not None:
            yield item
    finally:
        await channel.leave()
        await stack.aclose()


async def _open(
    source: Input, options: MediaOptions, stop: Stop, clock: Clock, stack: AsyncExitStack
) -> _Source:
    """What runs in the thread; what serves it in this loop is left with the stack."""
    if isinstance(source, PatternInput):
        return Pattern(source, options, stop, clock)
    if isinstance(source, FileInput):
        return Recording(source.path, options, stop, Pacer(stop, clock))
    if isinstance(source, WhipInput):
        from peer.media.whip import WhipListener  # aiortc's codecs take a while to load

        reception = Reception(stop)
        await stack.enter_async_context(WhipListener(source, reception, clock))
        return Conversation(reception, options)
    connector: Connector
    if isinstance(source, RtmpInput) and source.listen:
        connector = await stack.enter_async_context(RtmpListener(source, stop))
    elif isinstance(source, SrtInput):
        connector = SrtConnector(source, stop)
    else:
        connector = Pull(source, stop)
    return LiveSource(str(source), connector, options, stop, clock)
