"""`braidcast chat`: lines in, messages out."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import TextIO

from peer.chat_colours import TerminalColours
from peer.chat_commands import Commands, Company, Screen
from peer.chat_display import Lines, harmless, json_change, json_line
from peer.chat_input import InputInterruptedError, piped_lines, prompted_lines
from peer.chat_moderating import json_rule, sentence
from peer.chat_store import StoreError
from peer.chat_unread import Unread
from peer.core.chat_acts import ChatError
from peer.core.chat_mentions import mentioned
from peer.core.chat_message import Entry
from peer.core.chat_placing import Revise
from peer.file_store import FileError
from signaling.moderation import Rule

DELIVERY_SECONDS = 5.0
"""How long leaving waits for a link that carries what was said."""
HURRY_SECONDS = 0.5
"""The same for somebody who sits at a terminal, and sees whether it was sent."""
GONE = "Only who has fetched what you sent can give it on now: with --follow you stay, and go on giving it."
BELL = "\a"
NEW = "New since you were here:"
SAVED_IN_PART = "What was being saved has not come whole: /save it again next time."
_POLL = 0.05
OK, FAILURE, INTERRUPTED = 0, 1, 130


class Talk:
    """One sitting: what is typed is said, what is said is shown."""

    def __init__(self, company: Company, screen: Screen, unread: Unread | None = None) -> None:
        self._company = company
        self._chat = company.chat
        self._screen = screen
        self._unread = unread
        """Of somebody who sits at a terminal."""
        self._lines = Lines(colours=screen.colours, own=company.id)
        self._lines.names.shown(bytes.fromhex(company.id), self._chat.name)
        self._commands = Commands(company, screen, self._lines)
        self._shown: bytes | None = None
        """The last of one's own messages that was shown."""
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
            await self._commands.files.close()

    async def _show(self) -> None:
        async for news in self._chat.news():
            if isinstance(news, Revise):
                self._show_change(news)
                continue
            if isinstance(news, Rule):
                self._show_rule(news)
                continue
            self._mark(news)
            if mentioned(news.text):
                self._learn_names()
            quoted = self._commands.recent.get(news.reply)
            warning = self._lines.another_key(news)
            if warning is not None and not self._screen.json:
                self._screen.write(self._lines.notice(warning))
            self._screen.write(json_line(news) if self._screen.json else self._lines.message(news, quoted))
            self._commands.shown(news)
            if news.author.hex() == self._company.id:
                self._shown = news.id
                self._progress.set()

    def _mark(self, message: Entry) -> None:
        """What somebody who was away has not read begins with a line; a bell rings for who is meant."""
        if self._unread is None or message.author.hex() == self._company.id:
            return
        calls = self._company.id in mentioned(message.text)
        if self._unread.came(calls):
            self._screen.write(self._lines.notice(NEW))
        if self._lines.rings(message):
            self._screen.write(BELL)

    def _show_rule(self, rule: Rule) -> None:
        moderation = self._chat.moderation
        if moderation is None:
            return
        if self._screen.json:
            self._screen.write(json_rule(rule, moderation))
        else:
            self._learn_names()
            self._screen.write(self._lines.notice(sentence(rule, self._lines.names) + "."))

    def _learn_names(self) -> None:
        for present in self._company.roster:
            self._lines.names.learn(bytes.fromhex(present.peer), present.name)

    def _show_change(self, change: Revise) -> None:
        before = self._commands.recent.revise(change.id, change.message)
        if self._screen.json:
            self._screen.write(json_change(change))
        elif before is not None:
            for sentence in self._lines.changes(before, change.message):
                self._screen.write(self._lines.notice(sentence))

    async def _hear(self, lines: AsyncGenerator[str, None], follow: bool) -> None:
        async with aclosing(lines):
            async for line in lines:
                try:
                    if not await self._commands.heard(line):
                        await self._commands.files.close()
                        return
                except (ChatError, FileError, StoreError) as error:
                    self._screen.complain(str(error))
        if follow:
            await asyncio.Event().wait()

    async def _leave(self) -> int:
        """See to it that what was said is shown, and has gone out, and what was to be saved is saved."""
        patience = DELIVERY_SECONDS
        if self._unread is None:
            await self._commands.files.finish()
        else:
            patience = HURRY_SECONDS
            if await self._commands.files.close():
                self._screen.complain(SAVED_IN_PART)
        try:
            async with asyncio.timeout(patience):
                while self._commands.said not in (None, self._shown):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return FAILURE
        for _ in range(round(patience / _POLL)):
            if not self._chat.unsent:
                if self._commands.files.given and not self._chat.kept:
                    self._screen.complain(GONE)
                return OK
            await asyncio.sleep(_POLL)
        if self._chat.kept:
            sentence = "Nobody was here to take what you said last: it is kept, and goes out next time."
            self._screen.complain(sentence)
            return OK
        self._screen.complain("Nobody was here to take what you said last: it is lost.")
        return FAILURE


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
        # Looked up at each line: the prompt puts streams of its own there, which write above what is typed.
        screen = Screen(
            lambda text: _print(sys.stdout, text),
            lambda text: _print(sys.stderr, harmless(text) + "\n"),
            json_lines,
        )
        unread = None
        if source is None:  # it was closed when we were started
            lines = _or_listen(_no_lines())
        elif source.isatty() and sys.stdout.isatty() and not json_lines:
            lines, unread = _prompt(stack, company, screen)
        else:
            lines = _or_listen(piped_lines(source.fileno()))
        return await Talk(company, screen, unread).run(lines, follow=follow)


def _prompt(stack: ExitStack, company: Company, screen: Screen) -> tuple[AsyncGenerator[str, None], Unread]:
    from prompt_toolkit.patch_stdout import patch_stdout

    from peer.chat_terminal import terminal_session

    unread = Unread()
    session = terminal_session(company, screen, unread)
    # Colours go through as they are: whatever others wrote is harmless before it comes to a line.
    stack.enter_context(patch_stdout(raw=True))
    if not os.environ.get("NO_COLOR"):
        screen.colours = TerminalColours()
    return prompted_lines(session), unread


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
