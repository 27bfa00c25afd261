"""`braidcast chat`: lines in, messages out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from peer.chat_display import ACTION, Lines, Names, json_line
from peer.chat_input import InputInterruptedError, piped_lines, prompted_lines
from peer.chat_store import StoreError
from peer.core.chat_message import MAX_NAME, ChatError, Entry

DELIVERY_SECONDS = 5.0
"""How long leaving waits for a link that carries what was said."""
_POLL = 0.05
OK, FAILURE, INTERRUPTED = 0, 1, 130


class Conversation(Protocol):
    """What is needed of `Peer.chat`."""

    name: str
    """What the author is called, in each message from now on."""

    async def send(self, text: str) -> Entry:
        """Say something, waiting when one writes too fast. Raises ChatError with a sentence."""

    def messages(self) -> AsyncIterator[Entry]:
        """What was said, in order, and then each message as it comes."""

    async def before(self, message: Entry) -> list[Entry]:
        """The texts just before that one, in order. Raises StoreError."""

    async def search(self, words: str) -> list[Entry]:
        """The last texts with all these words, in order. Raises StoreError."""

    @property
    def unsent(self) -> int:
        """Messages of one's own that no link has carried yet."""

    @property
    def kept(self) -> bool:
        """Whether what is said stays on disk."""


class Present(Protocol):
    """Somebody who is in the room; `peer` is 32 hex digits."""

    @property
    def peer(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...


class Company(Protocol):
    """What is needed of `Peer`."""

    @property
    def id(self) -> str:
        """One's own peer id, 32 hex digits."""

    @property
    def chat(self) -> Conversation: ...
    @property
    def roster(self) -> Sequence[Present]: ...


@dataclass(slots=True)
class Screen:
    """Where messages go, and where sentences about what went wrong go."""

    write: Callable[[str], object]
    complain: Callable[[str], object]
    json: bool = False


class Talk:
    """One sitting: what is typed is said, what is said is shown."""

    def __init__(self, company: Company, screen: Screen) -> None:
        self._company = company
        self._chat = company.chat
        self._screen = screen
        self._lines = Lines()
        self._said: bytes | None = None
        self._shown: bytes | None = None
        """The last message that was said here, and the last of one's own that was shown."""
        self._oldest: Entry | None = None
        """The first in order of those that were shown."""
        self._progress = asyncio.Event()

    async def run(self, lines: AsyncGenerator[str, None], *, follow: bool = False) -> int:
        """Until `lines` end or /quit is typed; with `follow`, only /quit ends it. Returns the exit code."""
        show = asyncio.create_task(self._show(), name="show messages")
        hear = asyncio.create_task(self._hear(lines, follow), name="hear lines")
        try:
            await asyncio.wait([show, hear], return_when=asyncio.FIRST_COMPLETED)
            if not hear.done():
                show.result()  # what ended it is for the caller
                return OK
            hear.result()
            return await self._leave()
        except InputInterruptedError:
            return INTERRUPTED
        finally:
            for task in (show, hear):
                task.cancel()
            await asyncio.gather(show, hear, return_exceptions=True)

    async def _show(self) -> None:
        async for entry in self._chat.messages():
            self._screen.write(json_line(entry) if self._screen.json else self._lines.message(entry))
            if self._oldest is None or entry.place < self._oldest.place:
                self._oldest = entry
            if entry.author.hex() == self._company.id:
                self._shown = entry.id
                self._progress.set()

    async def _hear(self, lines: AsyncGenerator[str, None], follow: bool) -> None:
        async with aclosing(lines):
            async for line in lines:
                try:
                    if not await self._heard(line):
                        return
                except (ChatError, StoreError) as error:
                    self._screen.complain(str(error))
        if follow:
            await asyncio.Event().wait()

    async def _heard(self, line: str) -> bool:
        """Do what a line says. False at /quit."""
        if self._screen.json:
            await self._heard_from_program(line)
            return True
        command, _, rest = line.partition(" ")
        match command:
            case "/quit":
                return False
            case "/who":
                self._screen.write(self._lines.notice(who(self._company)))
            case "/nick":
                self._call(rest.strip())
                self._screen.write(self._lines.notice(f"You are called {self._chat.name or 'nothing'} now."))
            case "/older":
                await self._show_older()
            case "/search" if rest.strip():
                found = await self._chat.search(rest)
                self._show_past(found, "There is no message with these words in the store.")
            case "/me" if rest.strip():
                await self._say(ACTION + rest.strip())
            case _ if line.startswith("//"):
                await self._say(line[1:])
            case _ if line.startswith("/"):
                raise ChatError(
                    f"There is no {command}, but /nick NAME, /me DOES, /older, /search WORDS, /who and /quit;"
                    " write // to say /."
                )
            case _ if line.strip():
                await self._say(line)
        return True

    async def _show_older(self) -> None:
        """What stands before all that was shown."""
        older = [] if self._oldest is None else await self._chat.before(self._oldest)
        self._show_past(older, "Nobody who is here has older messages.")
        self._oldest = older[0] if older else self._oldest

    def _show_past(self, entries: list[Entry], otherwise: str) -> None:
        for entry in entries:
            self._screen.write(self._lines.message(entry))
        self._screen.write(self._lines.notice(f"These were {len(entries)}." if entries else otherwise))

    async def _heard_from_program(self, line: str) -> None:
        """A line is a text as it stands, or an object with a `text`, a `name` or both."""
        fields = _object(line)
        if fields is None:
            if line.strip():
                await self._say(line)
            return
        if "name" in fields:
            self._call(fields["name"])
        if "text" in fields:
            await self._say(fields["text"])

    def _call(self, name: str) -> None:
        if len(name) > MAX_NAME:
            raise ChatError(f"The name is too long: it has {len(name)} characters, {MAX_NAME} is the most.")
        self._chat.name = name

    async def _say(self, text: str) -> None:
        self._said = (await self._chat.send(text)).id

    async def _leave(self) -> int:
        """See to it that what was said is shown, and has gone out."""
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                while self._said != self._shown and self._said is not None:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return FAILURE
        for _ in range(round(DELIVERY_SECONDS / _POLL)):
            if not self._chat.unsent:
                return OK
            await asyncio.sleep(_POLL)
        if self._chat.kept:
            sentence = "Nobody was here to take what you said last: it is kept, and goes out next time."
            self._screen.complain(sentence)
            return OK
        self._screen.complain("Nobody was here to take what you said last: it is lost.")
        return FAILURE


def _object(line: str) -> dict[str, str] | None:
    """The `text` and `name` of a JSON object; None for any other line. Raises ChatError."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    fields = {key: value[key] for key in ("text", "name") if key in value}
    if not fields or not all(isinstance(field, str) for field in fields.values()):
        raise ChatError("A line of JSON needs a text, a name or both, each of them a string.")
    return fields


def who(company: Company) -> str:
    """A sentence about who is here."""
    names = Names()
    present = [company.id, *(entry.peer for entry in company.roster if entry.peer != company.id)]
    known = {entry.peer: entry for entry in company.roster}
    said = []
    for peer in present:
        entry = known.get(peer)
        own = peer == company.id
        name = names.shown(bytes.fromhex(peer), company.chat.name if own or entry is None else entry.name)
        role = f" ({entry.role})" if entry is not None and entry.role in ("publisher", "relay") else ""
        said.append(f"{name}{role}{' (you)' if own else ''}")
    return f"{len(said)} here: {', '.join(said)}"


async def chat(
    company: Company,
    name: str = "",
    json_lines: bool = False,
    *,
    follow: bool = False,
    stdin: TextIO | None = None,
) -> int:
    """Talk in the room of `company` until the input ends. Returns the exit code.

    At a terminal there is a prompt. From a pipe each line is said; at its end the command leaves as soon as a
    link has carried all of it; with `follow`, or when no line ever came, it goes on showing messages.
    """
    company.chat.name = name
    source = stdin or sys.stdin
    with ExitStack() as stack:
        if source is None:  # it was closed when we were started
            lines = _or_listen(_no_lines())
        elif source.isatty() and sys.stdout.isatty() and not json_lines:
            lines = _prompt(stack)
        else:
            lines = _or_listen(piped_lines(source.fileno()))
        # Looked up at each line: the prompt puts streams of its own there, which write above what is typed.
        screen = Screen(
            lambda text: _print(sys.stdout, text), lambda text: _print(sys.stderr, text + "\n"), json_lines
        )
        return await Talk(company, screen).run(lines, follow=follow)


def _prompt(stack: ExitStack) -> AsyncGenerator[str, None]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.patch_stdout import patch_stdout

    session: PromptSession[str] = PromptSession("> ", erase_when_done=True)
    stack.enter_context(patch_stdout())
    return prompted_lines(session)


async def _or_listen(lines: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """An input that never says anything, such as /dev/null, only wants to listen, until we are stopped."""
    listening = True
    async with aclosing(lines):
        async for line in lines:
            listening = False
            yield line
    if listening:
        await asyncio.Event().wait()


async def _no_lines() -> AsyncGenerator[str, None]:
    return
    yield


def _print(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
