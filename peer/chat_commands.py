"""What a line means that a person types, or a program writes, into the chat."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from peer.chat_display import ACTION, Lines, Names
from peer.chat_files import FileCommands, FileKeeping
from peer.chat_moderating import (
    VERBS,
    Find,
    audit,
    audit_lines,
    find_author,
    measure_of,
    reason,
)
from peer.chat_recent import Recent, find
from peer.core.chat_acts import Act, ChatError, Delete, Edit, Reaction
from peer.core.chat_message import MAX_NAME, Entry
from peer.core.chat_placing import Revise
from signaling.measures import Measure, read_id
from signaling.moderation import Moderation, Rule

OTHERS, ONESELF = "others", "your own"
COMMANDS = (
    "/nick NAME, /me DOES, /reply TEXT, /edit TEXT, /delete, /react EMOJI, /file PATH, /save PATH, /older,"
    " /search WORDS, /who, /audit and /quit, and for moderators /mute, /unmute, /kick, /ban, /unban, /grant,"
    " /revoke, /lock, /unlock, /slow and /delete NAME"
)


class Conversation(FileKeeping, Protocol):
    """What is needed of `Peer.chat`."""

    name: str
    """What the author is called, in each message from now on."""

    async def send(self, text: str, reply: bytes | None = None) -> Entry:
        """Say something, waiting when one writes too fast. Raises ChatError with a sentence."""

    async def act(self, act: Act) -> None:
        """Do something to a message, waiting as `send` does. Raises ChatError with a sentence."""

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
    def chat(self) -> Conversation: ...
    @property
    def roster(self) -> Sequence[Present]: ...


@dataclass(slots=True)
class Screen:
    """Where messages go, and where sentences about what went wrong go."""

    write: Callable[[str], object]
    complain: Callable[[str], object]
    json: bool = False


class Commands:
    """Does what lines say; `said` is the last message that was said here."""

    def __init__(self, company: Company, screen: Screen, lines: Lines) -> None:
        self.said: bytes | None = None
        self.recent = Recent()
        self.oldest: Entry | None = None
        """The first in order of those that were shown."""
        self._company = company
        self._chat = company.chat
        self._screen = screen
        self._lines = lines
        self.files = FileCommands(company.chat, screen, self._notice)

    async def heard(self, line: str) -> bool:
        """Do what a line says. False at /quit. Raises ChatError and StoreError."""
        if self._screen.json:
            await self._heard_from_program(line)
            return True
        command, _, rest = line.partition(" ")
        match command:
            case "/quit":
                return False
            case "/who":
                self._notice(who(self._company))
            case "/nick":
                self._call(rest.strip())
                self._notice(f"You are called {self._chat.name or 'nothing'} now.")
            case "/older":
                await self._show_older()
            case "/search" if rest.strip():
                found = await self._chat.search(rest)
                self._show_past(found, "There is no message with these words in the store.")
            case "/me" if rest.strip():
                await self._say(ACTION + rest.strip())
            case "/file":
                self.said = (await self.files.send(rest.strip())).id
            case "/save":
                self.files.save(rest)
            case "/audit":
                self._show_audit()
            case _ if command in VERBS:
                await self._chat.rule(measure_of(VERBS[command], rest, self._find))
            case "/delete" if rest.strip() and not rest.strip().startswith("^"):
                await self._delete_of_others(rest)
            case "/reply" | "/edit" | "/delete" | "/react":
                await self._about_a_message(command, rest)
            case _ if line.startswith("//"):
                await self._say(line[1:])
            case _ if line.startswith("/"):
                raise ChatError(f"There is no {command}, but {COMMANDS}; write // to say /.")
            case _ if line.strip():
                await self._say(line)
        return True

    def shown(self, entry: Entry) -> None:
        """A message stands on the screen now."""
        self.recent.add(entry)
        if self.oldest is None or entry.place < self.oldest.place:
            self.oldest = entry

    async def _about_a_message(self, command: str, words: str) -> None:
        mine = command in ("/edit", "/delete")
        own = self._company.id
        meant = [entry for entry in self._chat.history if (entry.author.hex() == own) == mine]
        entry, rest = find(meant, words, ONESELF if mine else OTHERS)
        match command:
            case "/reply":
                await self._say(rest, entry.id)
            case "/edit":
                await self._chat.act(Edit(entry.id, rest))
            case "/delete":
                await self._chat.act(Delete(entry.id))
            case _:
                given = dict(entry.reactions).get(rest, ())
                await self._chat.act(Reaction(entry.id, rest, bytes.fromhex(own) not in given))

    async def _delete_of_others(self, words: str) -> None:
        name, _, back = words.strip().partition(" ")
        key = self._find(name)
        entry, rest = find([entry for entry in self._chat.history if entry.key == key], back, name)
        await self._chat.rule(Measure("delete", subject=key, target=entry.id, reason=reason(rest)))

    def _find(self, words: str) -> bytes:
        return find_author(words, self._chat.authors, self._chat.moderation)

    def _show_audit(self) -> None:
        moderation = self._chat.moderation
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
        older = [] if self.oldest is None else await self._chat.before(self.oldest)
        self._show_past(older, "Nobody who is here has older messages.")
        self.oldest = older[0] if older else self.oldest

    def _show_past(self, entries: list[Entry], otherwise: str) -> None:
        for entry in entries:
            self._screen.write(self._lines.message(entry))
        self._notice(f"These were {len(entries)}." if entries else otherwise)

    def _notice(self, sentence: str) -> None:
        self._screen.write(self._lines.notice(sentence))

    async def _heard_from_program(self, line: str) -> None:
        """A line is a text as it stands, or an object that says what to do."""
        fields = _object(line)
        if fields is None:
            if line.strip():
                await self._say(line)
            return
        if "audit" in fields:
            self._show_audit()
        if "rule" in fields:
            await self._chat.rule(_measure(fields, self._find))
            return
        act = _act(fields)
        if "name" in fields:
            self._call(fields["name"])
        if act is not None:
            await self._chat.act(act)
        elif "file" in fields:
            self.said = (await self.files.send(fields["file"], fields.get("text", ""))).id
        elif "save" in fields:
            self.files.save_of(_id(fields, "save"), fields.get("to", ""))
        elif "text" in fields:
            await self._say(fields["text"], _id(fields, "reply"))

    def _call(self, name: str) -> None:
        if len(name) > MAX_NAME:
            raise ChatError(f"The name is too long: it has {len(name)} characters, {MAX_NAME} is the most.")
        self._chat.name = name

    async def _say(self, text: str, reply: bytes | None = None) -> None:
        self.said = (await self._chat.send(text, reply)).id


_FILES = ("file", "save", "to")
_RULES = ("rule", "subject", "role", "target", "seconds", "reason", "audit")


def _object(line: str) -> dict[str, str] | None:
    """The fields that are known of a JSON object; None for any other line. Raises ChatError."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    known = ("text", "name", "reply", "edit", "delete", "react", "unreact", "emoji", *_FILES, *_RULES)
    fields = {key: value[key] for key in known if key in value}
    if not fields or not all(isinstance(field, str) for field in fields.values()):
        raise ChatError(
            "A line of JSON needs a text, a name, or an act on a message by its id:"
            ' {"edit": ID, "text": …}, {"delete": ID}, {"react": ID, "emoji": …},'
            ' {"file": PATH}, {"save": ID, "to": PATH}, {"rule": "ban", "subject": …};'
            " each field is a string."
        )
    return fields


def _act(fields: dict[str, str]) -> Act | None:
    if "edit" in fields:
        return Edit(_id(fields, "edit") or b"", fields.get("text", ""))
    if "delete" in fields:
        return Delete(_id(fields, "delete") or b"")
    for key in ("react", "unreact"):
        if key in fields:
            return Reaction(_id(fields, key) or b"", fields.get("emoji", ""), key == "react")
    return None


def _measure(fields: dict[str, str], find: Find) -> Measure:
    """Raises ChatError."""
    verb = VERBS.get("/" + fields["rule"])
    if fields["rule"] == "delete":
        target = _id(fields, "target") or b""
        return Measure("delete", subject=find(fields.get("subject", "")), target=target)
    if verb is None:
        raise ChatError(f"There is no {fields['rule'][:80]}, but delete, {', '.join(VERBS.values())}.")
    words = {"lock": "", "unlock": "", "slow": fields.get("seconds", "")}.get(verb)
    if words is None:
        end = fields.get("role", "") if verb in ("grant", "revoke") else fields.get("reason", "")
        words = f"{find(fields.get('subject', '')).hex()} {end}"
    elif verb == "lock" and fields.get("role") == "member":
        words = "guests"
    return measure_of(verb, words, find)


def _id(fields: dict[str, str], key: str) -> bytes | None:
    """The id of a message in that field. Raises ChatError."""
    if key not in fields:
        return None
    id = read_id(fields[key])
    if id is None:
        raise ChatError(f"{fields[key][:80]!r} is no id of a message: it has 64 hex digits.")
    return id


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
