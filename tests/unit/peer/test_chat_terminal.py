"""The prompt of `braidcast chat`: what it offers, remembers and tells."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from peer.chat_commands import Screen
from peer.chat_completion import ChatCompleter, offers_as_typed
from peer.chat_input import prompted_lines
from peer.chat_terminal import HISTORY, asked, here, terminal_session, typed_before
from peer.chat_unread import Unread
from tests.unit.peer.chat_company import Somebody
from tests.unit.peer.core.chat_network import ROOM


def quiet() -> Screen:
    return Screen(lambda _: None, lambda _: None)


def offers(somebody: Somebody, typed: str) -> list[str]:
    """What lines read after taking one of what is offered."""
    document = Document(typed, len(typed))
    found = ChatCompleter(somebody).get_completions(document, CompleteEvent(completion_requested=True))
    return [typed[: len(typed) + offer.start_position] + offer.text for offer in found]


@pytest.mark.asyncio
async def test_commands_names_and_emoji_are_offered() -> None:
    ada, bob = Somebody("ada"), Somebody("Bob B.")
    ada.meet(bob)
    assert offers(ada, "/re") == ["/reply ", "/react ", "/revoke "]
    assert offers(ada, "/delete") == ["/delete "]
    assert offers(ada, "/who") == ["/who"]
    assert offers(ada, "/ban b") == ["/ban Bob B. "]
    assert offers(ada, "hello @bo") == ["hello @Bob B. "]
    assert offers(ada, "hello (@") == ["hello (@Bob B. "]
    assert offers(ada, "/react :tad")[0] == "/react 🎉"
    assert offers(ada, "mail@bo") == []
    assert offers(ada, "at 10:30") == []
    assert offers(ada, "/nick b") == []


def test_paths_are_offered_where_a_file_is_meant(tmp_path: Path) -> None:
    (tmp_path / "minutes.txt").touch()
    assert offers(Somebody("ada"), f"/file {tmp_path}/min") == [f"/file {tmp_path}/minutes.txt"]


@pytest.mark.parametrize(
    ("typed", "asks"),
    [
        ("/re", True),
        ("hi @", True),
        (":ta", True),
        ("hi", False),
        ("10:3", False),
        (":", False),
        ("/me a", False),
    ],
)
def test_offers_come_without_the_tab_key_only_where_they_are_asked_for(typed: str, asks: bool) -> None:
    assert offers_as_typed(Document(typed, len(typed))) is asks


@pytest.mark.asyncio
async def test_toolbar_and_prompt_tell_who_is_here_and_what_is_new() -> None:
    ada, unread, screen = Somebody("ada"), Unread(), quiet()
    assert here(ada, unread) == f" {ROOM} · nobody else is here · /help"
    for name in ("\x1b[31mbob", "cy", "d", "e", "f", "g", "h", "i", "j", "k"):
        ada.meet(Somebody(name))
    unread.came(calls=True)
    ada.session.received_typing(Somebody("cy").identity.id, b"\x46\x01")
    others = "\ufffd[31mbob, cy, d, e, f, g, h, i, 2 more"
    assert here(ada, unread) == f" {ROOM} · you and {others} · cy is writing · 1 new, 1 for you · /help"
    assert asked(ada, screen) == f"ada@{ROOM}> "
    screen.thread = b"id"
    assert asked(ada, screen) == f"ada@{ROOM} (thread)> "
    screen.thread = None
    ada.chat.name = "  "
    assert asked(ada, screen) == f"{ada.id[:8]}@{ROOM}> "


@pytest.mark.asyncio
async def test_what_was_typed_comes_back_with_the_arrow_key_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    heard, unread = [], Unread()
    unread.came()
    for keys in ("first\r\x04", "\x1b[A\r\x04"):
        with create_pipe_input() as typed:
            session = terminal_session(Somebody("ada"), quiet(), unread, input=typed, output=DummyOutput())
            typed.send_text(keys)
            heard += [line async for line in prompted_lines(session)]
    assert heard == ["first", "first"]
    assert unread.count == 0
    assert stat.S_IMODE((tmp_path / "braidcast" / "chat-history").stat().st_mode) == 0o600


def test_what_was_typed_does_not_grow_without_bound(tmp_path: Path) -> None:
    path = tmp_path / "chat-history"
    path.write_text("".join(f"\n# then\n+line {number}\n" for number in range(20_000)))
    history = typed_before(path)
    assert history is not None
    assert path.stat().st_size < HISTORY
    kept = list(history.load_history_strings())
    assert kept[0] == "line 19999"
    assert kept[-1] == f"line {20_000 - len(kept)}"


def test_history_that_cannot_be_kept_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert typed_before(tmp_path / "file" / "chat-history") is None


@pytest.mark.asyncio
async def test_what_is_typed_stays_while_messages_come() -> None:
    """The prompt is drawn again below them: nothing of the line is lost."""
    with create_pipe_input() as typed:
        session = terminal_session(Somebody("ada"), quiet(), Unread(), input=typed, output=DummyOutput())
        line = asyncio.ensure_future(anext(prompted_lines(session)))
        typed.send_text("half a ")
        await asyncio.sleep(0.01)
        session.app.invalidate()
        typed.send_text("line\r")
        assert await line == "half a line"


@pytest.mark.asyncio
async def test_others_hear_that_words_are_typed_but_of_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ada, bob = Somebody("ada"), Somebody("bob")
    ada.meet(bob)
    with create_pipe_input() as typed:
        session = terminal_session(ada, quiet(), Unread(), input=typed, output=DummyOutput())
        line = asyncio.ensure_future(anext(prompted_lines(session)))
        for words, writing in (
            *(("/ban b", ()), ("\x15/reply yes", (ada.id,))),
            *(("\x15", ()), ("hm", (ada.id,))),
        ):
            typed.send_text(words)
            for _ in range(500):
                if bob.chat.writing == writing:
                    break
                await asyncio.sleep(0.02)
            assert bob.chat.writing == writing
        await ada.chat.send("hm")
        await asyncio.sleep(0.01)
        assert bob.chat.writing == ()
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
