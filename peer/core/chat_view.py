"""What is seen of the messages: a function of those that are there, whatever the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from peer.core.chat_acts import Delete, Edit, Reaction
from peer.core.chat_message import Entry, SignedMessage
from peer.core.chat_restraints import Restraints


class View:
    """What has been done to messages, by the message that it was done to."""

    def __init__(self, restraints: Restraints) -> None:
        self._restraints = restraints
        self._acts: dict[bytes, dict[bytes, SignedMessage]] = {}

    def add(self, message: SignedMessage) -> None:
        """An act that counts, or any other message."""
        if message.act is not None:
            self._acts.setdefault(message.act.target, {})[message.id] = message

    def remove(self, message: SignedMessage) -> None:
        """It is not in memory any more."""
        if message.act is not None:
            acts = self._acts[message.act.target]
            del acts[message.id]
            if not acts:
                del self._acts[message.act.target]

    def is_deleted(self, message: SignedMessage) -> bool:
        """Whether its author has taken it, or the text that it edits, back, or the owner did."""
        if self._restraints.is_erased(message):
            return True
        targets = [message.id]
        if isinstance(message.act, Edit):
            targets.append(message.act.target)
        return any(
            isinstance(act.act, Delete) and act.header.author == message.header.author
            for target in targets
            for act in self.on(target)
        )

    def on(self, target: bytes) -> list[SignedMessage]:
        """What was done to `target`."""
        return list(self._acts.get(target, {}).values())

    def edits(self, target: bytes, author: bytes) -> list[SignedMessage]:
        """The edits of `target` by that author (a key), in order."""
        found = [act for act in self.on(target) if isinstance(act.act, Edit) and act.header.author == author]
        return sorted(found, key=lambda act: act.place)

    def entry(self, message: SignedMessage) -> Entry | None:
        """What is to be shown of it now; None for nothing."""
        entry = message.entry
        if entry is None or self._restraints.hides(message):
            return None
        if message.id not in self._acts:
            return entry
        if self.is_deleted(message):
            return None
        edits = [
            edit for edit in self.edits(message.id, message.header.author) if not self._restraints.hides(edit)
        ]
        if edits and isinstance(edits[-1].act, Edit):
            entry = replace(entry, text=edits[-1].act.text, edited=True)
        return replace(entry, reactions=self._reactions(message.id))

    def _reactions(self, target: bytes) -> tuple[tuple[str, tuple[bytes, ...]], ...]:
        last: dict[tuple[str, bytes], SignedMessage] = {}
        for act in sorted(self.on(target), key=lambda act: act.place):
            if isinstance(act.act, Reaction) and not self._restraints.hides(act):
                key = (act.act.emoji, act.header.author)
                previous = last.get(key)
                if previous is None or _is_on(previous) != act.act.on:
                    last[key] = act
        given: dict[str, list[bytes]] = {}
        for (emoji, author), act in sorted(last.items(), key=lambda item: item[1].place):
            if _is_on(act):
                given.setdefault(emoji, []).append(sha256(author).digest()[:16])
        return tuple((emoji, tuple(authors)) for emoji, authors in given.items())


def _is_on(act: SignedMessage) -> bool:
    return isinstance(act.act, Reaction) and act.act.on


def visible(
    messages: Iterable[SignedMessage], acts: Iterable[SignedMessage], restraints: Restraints
) -> list[Entry]:
    """What is to be shown of those, in their order, where these and `acts` are all that was done to them."""
    messages = list(messages)
    view = View(restraints)
    for message in (*messages, *acts):
        view.add(message)
    entries = [view.entry(message) for message in messages]
    return [entry for entry in entries if entry is not None]
