"""What a line means that a person types into the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from peer import chat_program
from peer.chat_colours import Colours
from peer.chat_display import ACTION, Lines, Names, about_file
from peer.chat_export import export
from peer.chat_files import FileCommands, FileKeeping, at
from peer.chat_help import help_lines, objection
from peer.chat_moderating import (
    VERBS,
    audit,
    audit_lines,
    find_author,
    kept_behind,
    measure_of,
    reason,
)
from peer.chat_people import people
from peer.chat_recent import Recent, find
from peer.core.chat_acts import Act, ChatError, Delete, Edit, Reaction
from peer.core.chat_mentions import written
from peer.core.chat_message import MAX_NAME, Entry
from peer.core.chat_placing import Revise
from peer.core.chat_threads import roots
from signaling.measures import Measure
from signaling.moderation import Moderation, Rule

OTHERS, ONESELF = "others", "your own"


class Conversation(FileKeeping, Protocol):
    """What is needed of `Peer.chat`."""

    name: str
    """What the author is called, in each message from now on."""

    async def send(self, text: str, reply: bytes | None = None) -> Entry:
        """Say something, waiting when one writes too fast. Raises ChatError with a sentence."""

    def writes(self, on: bool = True) -> None:
        """Tell others that one is writing, or has stopped."""

    @property
    def writing(self) -> Sequence[str]:
        """The peer ids, 32 hex digits, of those who are writing just now."""

    async def act(self, act: Act) -> None:
        """Do something to a message, waiting as `send` does. Raises ChatError with a sentence."""

    async def checkpoint(self, keep: int) -> None:
        """Settle all but the last `keep` messages. Raises ChatError."""

    async def rule(self, measure: Measure) -> None:
        """Take a measure, waiting as `send` does. Raises ChatError with a sentence."""

    @property
    def moderation(self) -> Moderation | None:
        """Who may do what, and what was done; None where nobody knows who owns the room."""

    @property
    def authors(self) -> Mapping[bytes, str]:
        """The names of those who have said something, by key."""

    @property
    def history(self) -> Sequence[Entry]:
        """The last texts, in order."""

    def news(self) -> AsyncIterator[Entry | Revise | Rule]:
        """What was said, in order, and then each message, change of one and measure, as it comes."""

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
    def room(self) -> str:
        """Its name."""

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
    colours: Colours = field(default_factory=Colours)
    thread: bytes | None = None
    """The first message of the thread into which goes what is typed."""


class Commands:
    """Does what lines say; `said` is the last message that was said here."""

    def __init__(self, company: Company, screen: Screen, lines: Lines) -> None:
        self.said: bytes | None = None
        self.recent = Recent()
        self.oldest: Entry | None = None
        """The first in order of those that were shown."""
        self._company = company
        self.chat = company.chat
        self._screen = screen
        self._lines = lines
        self.files = FileCommands(company.chat, screen, self._notice)

    async def heard(self, line: str) -> bool:
        """Do what a line says. False at /quit. Raises ChatError and StoreError."""
        if self._screen.json:
            await chat_program.hear(self, line)
            return True
        command, _, rest = line.partition(" ")
        match command:
            case "/quit":
                return False
            case "/help":
                for told in help_lines():
                    self._notice(told)
            case "/who":
                self._notice(who(self._company))
            case "/nick":
                self.call(rest.strip())
                self._notice(f"You are called {self.chat.name or 'nothing'} now.")
            case "/older":
                await self._show_older()
            case "/search" if rest.strip():
                found = await self.chat.search(rest)
                self._show_past(found, "There is no message with these words in the store.")
            case "/thread":
                self._enter(rest)
            case "/me" if rest.strip():
                await self._say(ACTION + rest.strip())
            case "/file":
                self.said = (await self.files.send(rest.strip())).id
            case "/files":
                self._show_files()
            case "/export" if rest.strip():
                path = at(rest.strip())
                self._notice(f"{await export(self.chat, path)} messages are in {path}.")
            case "/save":
                self.files.save(rest)
            case "/audit":
                self.show_audit()
            case "/checkpoint":
                await self.chat.checkpoint(kept_behind(rest))
            case _ if command in VERBS:
                await self.chat.rule(measure_of(VERBS[command], rest, self.find))
            case "/delete" if rest.strip() and not rest.strip().startswith("^"):
                await self._delete_of_others(rest)
            case "/reply" | "/edit" | "/delete" | "/react":
                await self._about_a_message(command, rest)
            case _ if line.startswith("//"):
                await self._say(line[1:])
            case _ if line.startswith("/"):
                raise ChatError(objection(line))
            case _ if line.strip():
                await self._say(line)
        return True

    def shown(self, entry: Entry) -> None:
        """A message stands on the screen now."""
        self.recent.add(entry)
        if self.oldest is None or entry.place < self.oldest.place:
            self.oldest = entry

    def _enter(self, words: str) -> None:
        """Show a thread, into which goes what is typed from now on; leave it when that is typed again."""
        if self._screen.thread is not None and not words.strip():
            self._screen.thread = None
            self._notice("What you write goes to all of the room again.")
            return
        history = list(self.chat.history)
        entry, _ = find(history, words, "anybody")
        root_of = roots(history)
        known = {message.id: message for message in history}
        root = known[root_of[entry.id]]
        for message in history:
            if root_of[message.id] == root.id:
                self._screen.write(self._lines.message(message, known.get(message.reply or b"")))
        self._screen.thread = root.id
        self._notice("What you write goes into this thread; /thread ends that.")

    async def _about_a_message(self, command: str, words: str) -> None:
        mine = command in ("/edit", "/delete")
        own = self._company.id
        meant = [entry for entry in self.chat.history if (entry.author.hex() == own) == mine]
        entry, rest = find(meant, words, ONESELF if mine else OTHERS)
        match command:
            case "/reply":
                await self._say(rest, entry.id)
            case "/edit":
                await self.chat.act(Edit(entry.id, self._written(rest)))
            case "/delete":
                await self.chat.act(Delete(entry.id))
            case _:
                given = dict(entry.reactions).get(rest, ())
                await self.chat.act(Reaction(entry.id, rest, bytes.fromhex(own) not in given))

    async def _delete_of_others(self, words: str) -> None:
        name, _, back = words.strip().partition(" ")
        key = self.find(name)
        entry, rest = find([entry for entry in self.chat.history if entry.key == key], back, name)
        await self.chat.rule(Measure("delete", subject=key, target=entry.id, reason=reason(rest)))

    def find(self, words: str) -> bytes:
        return find_author(words, self.chat.authors, self.chat.moderation)

    def _show_files(self) -> None:
        told = [(entry.author, entry.file) for entry in self.chat.history if entry.file is not None]
        for place, (author, file) in enumerate(told):
            self._notice(f"^{len(told) - place} of {self._lines.names.known(author)}: {about_file(file)}")
        if not told:
            self._notice("No message here tells of a file: /file PATH sends one.")

    def show_audit(self) -> None:
        moderation = self.chat.moderation
        if self._screen.json:
            for line in audit_lines(moderation):
                self._screen.write(line)
        elif moderation is None:
            self._notice("Nobody here knows who owns this room, so nobody moderates it: see --owner.")
        else:
            for said in audit(moderation, self._lines.names) or ["Nothing was done in this room."]:
                self._notice(said)

    async def _show_older(self) -> None:
        """What stands before all that was shown."""
        older = [] if self.oldest is None else await self.chat.before(self.oldest)
        self._show_past(older, "Nobody who is here has older messages.")
        self.oldest = older[0] if older else self.oldest

    def _show_past(self, entries: list[Entry], otherwise: str) -> None:
        for entry in entries:
            self._screen.write(self._lines.message(entry))
        self._notice(f"These were {len(entries)}." if entries else otherwise)

    def _notice(self, sentence: str) -> None:
        self._screen.write(self._lines.notice(sentence))

    def call(self, name: str) -> None:
        if len(name) > MAX_NAME:
            raise ChatError(f"The name is too long: it has {len(name)} characters, {MAX_NAME} is the most.")
        self.chat.name = name

    async def _say(self, text: str, reply: bytes | None = None) -> None:
        await self.say(self._written(text), reply or self._screen.thread)

    def _written(self, text: str) -> str:
        """What was typed, with everybody meant who is called @name."""
        return written(text, people(self._company)) if "@" in text else text

    async def say(self, text: str, reply: bytes | None = None) -> None:
        self.said = (await self.chat.send(text, reply)).id


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
