"""The terminal at which one chats: a prompt below what is said, what was typed before, and who is here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory

from peer.chat_commands import Company, Screen
from peer.chat_completion import ChatCompleter, offers_as_typed
from peer.chat_display import Names, harmless
from peer.chat_unread import Unread
from peer.membership import state_file

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

HISTORY = 256 * 1024
"""Bytes of what was typed that are kept, about."""
COMMAND = re.compile(r"/(?!me |reply |/)")
"""Of what begins so, others hear nothing."""
NAMED = 8
"""People in the toolbar."""


def typed_before(path: Path) -> FileHistory | None:
    """What was typed before, in a file that only its owner reads; None where there can be none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if path.stat().st_size > HISTORY:
            kept = path.read_bytes()[-HISTORY // 2 :]
            path.write_bytes(kept[kept.find(b"\n#") + 1 :])
    except OSError:
        return None
    return FileHistory(path)


def here(company: Company, unread: Unread) -> str:
    """Who is here, and what is new."""
    names = Names()
    others = [entry for entry in company.roster if entry.peer != company.id]
    called = [names.shown(bytes.fromhex(entry.peer), entry.name) for entry in others]
    named = called[:NAMED]
    if len(others) > NAMED:
        named.append(f"{len(others) - NAMED} more")
    told = [company.room, f"you and {', '.join(named)}" if named else "nobody else is here"]
    writing = [names.known(bytes.fromhex(peer)) for peer in company.chat.writing[:NAMED]]
    if writing:
        told.append(f"{', '.join(writing)} {'is' if len(writing) == 1 else 'are'} writing")
    if unread.count:
        told.append(f"{unread.count} new{f', {unread.calls} for you' if unread.calls else ''}")
    return f" {' · '.join(told)} · /help"


def asked(company: Company, screen: Screen) -> str:
    """The prompt: as whom one talks, and where."""
    name = " ".join(harmless(company.chat.name).split()) or company.id[:8]
    return f"{name}@{company.room}{'' if screen.thread is None else ' (thread)'}> "


def terminal_session(company: Company, screen: Screen, unread: Unread, **terminal: Any) -> PromptSession[str]:
    """The prompt; `terminal` may have an `input` and an `output` other than the process's own."""

    def toolbar() -> StyleAndTextTuples:
        return [("", here(company, unread))]

    session: PromptSession[str] = PromptSession(
        lambda: asked(company, screen),
        erase_when_done=True,
        history=typed_before(state_file("chat-history")),
        completer=ChatCompleter(company),
        complete_while_typing=Condition(lambda: offers_as_typed(get_app().current_buffer.document)),
        reserve_space_for_menu=6,
        bottom_toolbar=toolbar,
        refresh_interval=1.0,
        **terminal,
    )

    def typed(buffer: Buffer) -> None:
        unread.touched()
        company.chat.writes(bool(buffer.text) and not COMMAND.match(buffer.text))

    session.default_buffer.on_text_changed += typed
    return session
