"""`braidcast chat`: what is typed reaches others, what others say is shown, and it ends when it should."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from peer.chat import INTERRUPTED, OK, Talk, chat
from peer.chat_colours import TerminalColours
from peer.chat_commands import Screen, who
from peer.chat_help import COMMANDS
from peer.chat_input import InputInterruptedError
from peer.chat_store import ChatStore
from peer.chat_unread import Unread
from peer.signing import TAG_CHAT
from signaling.measures import Measure
from tests.unit.peer.chat_company import Somebody
from tests.unit.peer.core.chat_network import ROOM

pytestmark = pytest.mark.asyncio


class Paper(Screen):
    """A screen that can be read."""

    def __init__(self, *, json: bool = False) -> None:
        self.shown: list[str] = []
        self.complaints: list[str] = []
        self.seen = asyncio.Event()
        super().__init__(self._show, self.complaints.append, json)

    def _show(self, text: str) -> None:
        self.shown.append(text)
        self.seen.set()

    def texts(self) -> list[str]:
        """What stands behind the time of each line."""
        return [line.split(" ", 1)[1].rstrip("\n") for line in self.shown]


async def typed(*lines: str) -> AsyncGenerator[str, None]:
    for line in lines:
        yield line


async def typed_until(end: asyncio.Event, *lines: str) -> AsyncGenerator[str, None]:
    for line in lines:
        yield line
    await end.wait()


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await condition.wait()


def couple() -> tuple[Somebody, Somebody]:
    ada, bob = Somebody("ada"), Somebody("bob")
    ada.meet(bob)
    return ada, bob


def opened(path: Path) -> TextIO:
    return path.open()


@contextmanager
def pipe(content: str) -> Iterator[TextIO]:
    reading, writing = os.pipe()
    os.write(writing, content.encode())
    os.close(writing)
    with os.fdopen(reading) as stdin:
        yield stdin


async def test_typed_lines_reach_the_other_and_are_shown_here() -> None:
    ada, bob = couple()
    paper = Paper()
    assert await Talk(ada, paper).run(typed("hello", "", "  ", "all well?")) == OK
    await asyncio.sleep(0)
    assert bob.texts() == ["hello", "all well?"]
    assert paper.texts() == ["ada: hello", "ada: all well?"]


async def test_what_others_say_is_shown_as_it_comes() -> None:
    ada, bob = couple()
    await bob.chat.send("before")
    await asyncio.sleep(0.01)
    paper, end = Paper(), asyncio.Event()
    talk = asyncio.create_task(Talk(ada, paper).run(typed_until(end)))
    await until(paper.seen)
    paper.seen.clear()
    await bob.chat.send("after")
    await until(paper.seen)
    end.set()
    assert await talk == OK
    assert paper.texts() == ["bob: before", "bob: after"]


async def test_json_has_one_object_a_line_with_the_promised_fields() -> None:
    ada, _ = couple()
    paper = Paper(json=True)
    lines = typed("plain /quit", '{"text":"two\\nlines"}', '{"name":"Ada 🎈"}', '{"text":"hi","name":"bot"}')
    assert await Talk(ada, paper).run(lines) == OK
    records = [json.loads(line) for line in paper.shown]
    assert [record["text"] for record in records] == ["plain /quit", "two\nlines", "hi"]
    assert [record["name"] for record in records] == ["ada", "ada", "bot"]
    assert {record["author"] for record in records} == {ada.id}
    assert all(record.keys() >= {"id", "author", "name", "text", "time"} for record in records)
    assert all(line.count("\n") == 1 and line.isascii() for line in paper.shown)


@pytest.mark.parametrize("line", ['{"txt":"hi"}', '{"text":1}', '{"name":null,"text":"hi"}'])
async def test_json_without_a_text_is_complained_about_and_not_sent(line: str) -> None:
    ada, bob = couple()
    paper = Paper(json=True)
    assert await Talk(ada, paper).run(typed(line)) == OK
    assert bob.texts() == []
    assert len(paper.complaints) == 1


async def test_json_that_is_none_is_said_as_it_stands() -> None:
    ada, _ = couple()
    await Talk(ada, Paper(json=True)).run(typed("{not json", "{" * 5000))
    assert ada.texts() == ["{not json", "{" * 5000]


async def test_lines_answer_change_and_take_back_messages() -> None:
    ada, bob = couple()
    await bob.chat.send("lunch?")
    await bob.chat.send("or tea?")
    await asyncio.sleep(0.01)
    paper, end = Paper(), asyncio.Event()
    lines = ("/reply ^2 yes", "/react 👍", "/react 👍", "/react ^2 🎉", "noo", "/edit no", "/delete ^2")
    talk = asyncio.create_task(Talk(ada, paper).run(typed_until(end, *lines)))
    while not any("yes" in text and "is gone" in text for text in paper.texts()):
        paper.seen.clear()
        await until(paper.seen)
    end.set()
    assert await talk == OK
    assert paper.complaints == []
    assert paper.texts() == [
        "bob: lunch?",
        "bob: or tea?",
        "ada to bob: yes",
        "👍 by ada for bob “or tea?”",
        "👍 of ada taken back from bob “or tea?”",
        "🎉 by ada for bob “lunch?”",
        "ada: noo",
        "ada “noo” is now: no",
        "ada “yes” is gone.",
    ]
    assert bob.texts() == ["lunch?", "or tea?", "no"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/edit hm", "only 0 messages of your own"),
        ("/reply ^2 hm", "only 1 messages of others"),
        ("/delete ^x", "names no message"),
        ("/reply", "the message is empty"),
        ("/react too long for an emoji", "A reaction is one emoji"),
    ],
)
async def test_line_about_no_message_is_complained_about(line: str, complaint: str) -> None:
    ada, bob = couple()
    await bob.chat.send("lunch?")
    await asyncio.sleep(0.01)
    paper = Paper()

    async def lines() -> AsyncGenerator[str, None]:
        await until(paper.seen)
        yield line

    assert await Talk(ada, paper).run(lines()) == OK
    assert [complaint in sentence for sentence in paper.complaints] == [True]


async def test_programs_act_by_ids_and_are_told_of_changes() -> None:
    ada, bob = couple()
    first = await bob.chat.send("lunch?")
    await asyncio.sleep(0.01)
    paper, target = Paper(json=True), first.id.hex()

    async def lines() -> AsyncGenerator[str, None]:
        yield json.dumps({"text": "yes", "reply": target})
        yield json.dumps({"react": target, "emoji": "👍"})
        yield json.dumps({"unreact": target, "emoji": "👍"})
        own = ada.session.messages()[-1].id.hex()
        yield json.dumps({"edit": own, "text": "no"})
        yield json.dumps({"delete": own})
        yield json.dumps({"delete": "17"})
        await bob.chat.delete(first.id)
        while "gone" not in paper.shown[-1] or target not in paper.shown[-1]:
            paper.seen.clear()
            await until(paper.seen)

    assert await Talk(ada, paper).run(lines()) == OK
    records = [json.loads(line) for line in paper.shown]
    assert [record.get("event") for record in records] == [
        *(None, None, "changed", "changed", "changed", "gone", "gone")
    ]
    assert [record["text"] for record in records[:5]] == ["lunch?", "yes", "lunch?", "lunch?", "no"]
    assert records[1]["reply"] == target
    assert records[2]["reactions"] == {"👍": [ada.id]}
    assert records[4]["edited"]
    assert paper.complaints == ["'17' is no id of a message: it has 64 hex digits."]


async def test_commands_change_the_name_act_and_tell_who_is_here() -> None:
    ada, bob = couple()
    paper = Paper()
    await Talk(ada, paper).run(typed("/nick Countess", "hello", "/me waves", "//not a command", "/who"))
    assert ada.texts() == ["hello", "/me waves", "/not a command"]
    assert [entry.name for entry in bob.session.messages()] == ["Countess"] * 3
    assert "Countess: hello" in paper.texts()
    assert "* Countess waves" in paper.texts()
    assert "2 here: Countess (you), bob" in paper.texts()


@pytest.mark.parametrize("line", ["/nonsense", "/me", "x" * 8001, f"/nick {'n' * 65}"])
async def test_line_that_cannot_be_said_is_complained_about_and_the_next_one_is_said(line: str) -> None:
    ada, _ = couple()
    paper = Paper()
    assert await Talk(ada, paper).run(typed(line, "next")) == OK
    assert len(paper.complaints) == 1
    assert ada.texts() == ["next"]


async def test_name_that_somebody_else_had_is_told_before_what_is_said_by_it() -> None:
    ada, bob = couple()
    ada.session.say("hello", "ada")
    paper = Paper()
    await Talk(bob, paper).run(typed("/nick Ada", "it is me", "again"))
    keys = f"{bob.id[:8]}, not {ada.id[:8]}"
    warning = f"“Ada” has another key than before: {keys}. It may be somebody else."
    said = [text for text in paper.texts() if "Ada" in text and "called" not in text]
    assert said == [warning, f"Ada ({bob.id[:8]}): it is me", f"Ada ({bob.id[:8]}): again"]


async def test_quit_ends_before_the_lines_do() -> None:
    ada, _ = couple()
    assert await Talk(ada, Paper()).run(typed("one", "/quit", "two")) == OK
    assert ada.texts() == ["one"]


async def test_end_of_input_waits_until_a_link_has_carried_all() -> None:
    ada, bob = Somebody("ada"), Somebody("bob")
    talk = asyncio.create_task(Talk(ada, Paper()).run(typed("early")))
    await asyncio.sleep(0.1)
    assert not talk.done()
    ada.meet(bob)
    assert await talk == OK
    assert bob.texts() == ["early"]


async def test_end_of_input_with_nobody_there_fails_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.chat.DELIVERY_SECONDS", 0.2)
    paper = Paper()
    assert await Talk(Somebody("ada"), paper).run(typed("early")) == 1
    assert paper.complaints == ["Nobody was here to take what you said last: it is lost."]


async def test_with_a_store_what_nobody_took_goes_out_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peer.chat.DELIVERY_SECONDS", 0.2)
    ada, paper = Somebody("ada", ChatStore(tmp_path, ROOM)), Paper()
    async with ada.session.opened():
        assert await Talk(ada, paper).run(typed("early")) == OK
    assert "it is kept" in paper.complaints[0]
    again, bob = Somebody("ada", ChatStore(tmp_path, ROOM)), Somebody("bob")
    async with again.session.opened():
        again.meet(bob)
        await asyncio.sleep(0.05)
        assert bob.texts() == ["early"]


async def test_follow_goes_on_showing_after_the_end_of_input() -> None:
    ada, bob = couple()
    paper = Paper()
    talk = asyncio.create_task(Talk(ada, paper).run(typed(), follow=True))
    await asyncio.sleep(0.01)
    await bob.chat.send("are you there?")
    await until(paper.seen)
    assert not talk.done()
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)
    assert talk.cancelled()
    assert ada.session.on_message == [ada.files.said]


async def test_what_came_while_nobody_was_at_the_keys_begins_with_a_line() -> None:
    ada, bob = couple()
    paper, end, now = Paper(), asyncio.Event(), [0.0]
    unread = Unread(lambda: now[0])
    talk = asyncio.create_task(Talk(ada, paper, unread).run(typed_until(end)))
    await asyncio.sleep(0.01)
    for words, at in (("at once", 1.0), ("late", 100.0), ("later", 200.0)):
        now[0] = at
        await bob.chat.send(words)
        await asyncio.sleep(0.01)
    assert unread.count == 3
    unread.touched()
    assert unread.count == 0
    await bob.chat.send("read")
    await asyncio.sleep(0.01)
    end.set()
    await talk
    assert paper.texts() == [
        *("bob: at once", "New since you were here:", "bob: late", "bob: later", "bob: read")
    ]


async def test_who_is_mentioned_hears_a_bell_and_sees_it_under_whatever_name() -> None:
    ada, bob = couple()
    unread, paper, end = Unread(), Paper(), asyncio.Event()
    paper.colours = TerminalColours()
    talk = asyncio.create_task(Talk(ada, paper, unread).run(typed_until(end)))
    await Talk(bob, Paper()).run(typed("hello @ada", "/me greets @Ada!", "@nobody", "mail@ada"))
    await asyncio.sleep(0.01)
    assert bob.texts()[:2] == [f"hello @[ada]({ada.id})", f"/me greets @[ada]({ada.id})!"]
    end.set()
    await talk
    strong = TerminalColours().strong("@ada")
    assert [strong in text for text in paper.shown] == [False, True, False, True, False, False]
    assert [text for text in paper.shown if text == "\a"] == ["\a", "\a"]
    assert (unread.count, unread.calls) == (4, 2)


async def test_mention_of_somebody_who_has_changed_name_shows_the_new_one_and_can_be_edited() -> None:
    ada, bob = couple()
    paper = Paper()
    await Talk(bob, Paper()).run(typed("/nick Robert", "here I am"))
    await asyncio.sleep(0.01)
    await Talk(ada, paper).run(typed("@Robert?", "/edit @robert, look"))
    assert paper.texts()[1:] == ["ada: @Robert?", "ada “@Robert?” is now: @Robert, look"]
    await Talk(bob, Paper()).run(typed("/nick Bobby", "again"))
    await asyncio.sleep(0.01)
    paper = Paper()
    await Talk(ada, paper).run(typed("/reply ^1 @bobby!"))
    assert paper.texts()[-1] == "ada to Bobby: @Bobby!"


async def test_thread_is_shown_and_takes_what_is_typed_until_it_is_left() -> None:
    ada, bob = couple()
    root = await bob.chat.send("lunch?")
    await bob.chat.send("something else")
    await bob.chat.send("at one", root.id)
    await asyncio.sleep(0.01)
    paper = Paper()
    await Talk(ada, paper).run(typed("/thread", "/me comes", "/thread", "/thread ^9", "hello", "/thread ^2"))
    said = {entry.text: entry.reply for entry in bob.session.messages()}
    assert said["/me comes"] == root.id
    assert said["hello"] is None
    assert paper.complaints == ["There are only 4 messages of anybody here."]
    inside = paper.texts().index("What you write goes into this thread; /thread ends that.")
    assert paper.texts()[inside - 2 : inside] == ["bob: lunch?", "bob to bob: at one"]


async def test_nonsense_about_who_writes_ends_the_link() -> None:
    ada, bob = couple()
    refused: list[tuple[int, str]] = []

    def refuse(peer: bytes, code: int, sentence: str) -> None:
        refused.append((code, sentence))

    ada.mesh.refuse = refuse  # type: ignore[method-assign]
    bob.mesh.send(ada.identity.id, b"\x46\x07")
    bob.chat.writes()
    await asyncio.sleep(0.01)
    assert refused == [(1, "Whether somebody writes is one byte, 0 or 1.")]
    assert ada.chat.writing == (bob.id,)
    ada.part(bob)
    assert not ada.chat.writing


async def test_programs_are_told_who_is_meant_and_name_whom_they_mean() -> None:
    ada, bob = couple()
    paper = Paper(json=True)
    await Talk(ada, paper).run(typed(json.dumps({"text": f"@[bob]({bob.id}) @bob"})))
    assert json.loads(paper.shown[0])["mentions"] == [bob.id]
    assert bob.texts() == [f"@[bob]({bob.id}) @bob"]


async def test_who_leaves_a_terminal_waits_for_nobody() -> None:
    paper = Paper()
    assert await Talk(Somebody("ada"), paper, Unread()).run(typed("early")) == 1
    assert paper.complaints == ["Nobody was here to take what you said last: it is lost."]


async def test_colours_go_by_key_and_nothing_that_others_wrote_has_any() -> None:
    ada, bob = couple()
    bob.chat.name = "b\x1b[31mob"
    await bob.chat.send("\x1b]0;title\x07\x9b2J")
    await asyncio.sleep(0.01)
    paper = Paper()
    paper.colours = TerminalColours()
    await Talk(ada, paper).run(typed("hello"))
    assert [text.count("\x1b") for text in paper.shown] == [4, 4]
    colours = [text.partition("38;5;")[2].partition("m")[0] for text in paper.shown]
    assert colours[0] != colours[1]
    assert "\x07" not in paper.shown[0]
    assert "\x9b" not in paper.shown[0]


async def test_interrupt_at_the_prompt_ends_with_its_code() -> None:
    async def interrupted() -> AsyncGenerator[str, None]:
        yield "one"
        raise InputInterruptedError

    ada, _ = couple()
    assert await Talk(ada, Paper()).run(interrupted()) == INTERRUPTED


async def test_reader_of_the_output_that_has_gone_is_the_callers_business() -> None:
    class BrokenPaper(Paper):
        def _show(self, text: str) -> None:
            raise BrokenPipeError

    ada, bob = couple()
    talk = asyncio.create_task(Talk(ada, BrokenPaper()).run(typed_until(asyncio.Event())))
    await asyncio.sleep(0)
    await bob.chat.send("hello")
    with pytest.raises(BrokenPipeError):
        await talk


async def test_pipe_of_many_lines_is_said_whole(capsys: pytest.CaptureFixture[str]) -> None:
    ada, bob = couple()
    lines = [f"line {place}" for place in range(15)]
    with pipe("\n".join(lines)) as stdin:
        assert await chat(ada, "bot", json_lines=True, stdin=stdin) == OK
    assert bob.texts() == lines
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == lines


async def test_file_is_an_input_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ada, bob = couple()
    (tmp_path / "lines").write_text("from a file\n")
    with opened(tmp_path / "lines") as stdin:
        assert await chat(ada, "ada", stdin=stdin) == OK
    assert bob.texts() == ["from a file"]
    assert "ada: from a file" in capsys.readouterr().out


async def test_who_tells_people_of_one_name_apart() -> None:
    ada, bob = Somebody("ada"), Somebody("bob")
    bob.chat.name = "ada"
    ada.meet(bob)
    assert who(ada) == f"2 here: ada (you), ada ({bob.id[:8]})"


async def test_empty_input_listens_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = couple()
    paper = Paper()
    monkeypatch.setattr("peer.chat._print", lambda _, text: paper.write(text))
    with opened(Path(os.devnull)) as nothing:
        talk = asyncio.create_task(chat(ada, "ada", True, stdin=nothing))
        await asyncio.sleep(0.05)
        await bob.chat.send("is anybody listening?")
        await until(paper.seen)
        assert "is anybody listening?" in paper.shown[0]
        assert not talk.done()
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)


async def test_prompt_that_ends_before_anything_was_said_ends_all_the_same() -> None:
    ada, _ = couple()
    assert await Talk(ada, Paper()).run(typed()) == OK


def said_long_ago(somebody: Somebody, count: int) -> None:
    """So many texts, one a second."""
    log = somebody.session.log
    for second in range(count):
        draft = log.compose(f"{second}", somebody.chat.name, second, float(second))
        log.said(draft, somebody.identity.sign(TAG_CHAT, draft.header), float(second))


async def test_older_messages_are_shown_when_asked_for_until_nobody_has_any() -> None:
    ada, bob = Somebody("ada"), Somebody("bob")
    said_long_ago(bob, 250)
    ada.meet(bob)
    paper = Paper()

    async def lines() -> AsyncGenerator[str, None]:
        while len(paper.shown) < 200:
            paper.seen.clear()
            await until(paper.seen)
        yield "/older"
        yield "/older"

    assert await Talk(ada, paper).run(lines()) == OK
    shown = [line.split(": ")[-1].strip() for line in paper.shown]
    assert shown[:200] == [f"{number}" for number in range(50, 250)]
    assert shown[200:] == [
        *[f"{number}" for number in range(50)],
        "-- These were 50.",
        "-- Nobody who is here has older messages.",
    ]


async def test_search_without_a_store_says_what_it_needs() -> None:
    ada, _ = couple()
    paper = Paper()
    assert await Talk(ada, paper).run(typed("/search hello", "/search")) == OK
    assert paper.complaints[0] == "Only a peer that was given a store can search."
    assert paper.complaints[1] == "Write /search WORDS: find words, with --store DIR."


async def test_search_shows_what_the_store_has(tmp_path: Path) -> None:
    ada, bob = Somebody("ada", ChatStore(tmp_path, ROOM)), Somebody("bob")
    ada.meet(bob)
    paper = Paper()
    async with ada.session.opened():
        await ada.chat.send("hello there")
        await Talk(ada, paper).run(typed("good bye", "/search hel", "/search nothing"))
    assert paper.texts()[-3:] == [
        "ada: hello there",
        "These were 1.",
        "There is no message with these words in the store.",
    ]


async def test_help_tells_of_every_command() -> None:
    ada, _ = couple()
    paper = Paper()
    await Talk(ada, paper).run(typed("/help", "/nonsense"))
    told = "".join(paper.shown)
    assert all(f" {command.usage} " in told and command.does in told for command in COMMANDS)
    assert paper.complaints == ["There is no /nonsense: /help lists what there is; write // to say /."]


async def test_files_are_listed_with_the_numbers_that_save_takes(tmp_path: Path) -> None:
    ada, bob = couple()
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name)
        await bob.chat.send_file(tmp_path / name)
    await asyncio.sleep(0.05)
    paper = Paper()
    await Talk(ada, paper).run(typed("/files"))
    assert paper.texts()[-2:] == [
        "^2 of bob: one.txt, text/plain, 7 bytes",
        "^1 of bob: two.txt, text/plain, 7 bytes",
    ]
    paper = Paper()
    await Talk(Somebody("cy"), paper).run(typed("/files"))
    assert paper.texts() == ["No message here tells of a file: /file PATH sends one."]


async def test_all_that_was_said_is_exported_as_text_or_as_lines_of_json(tmp_path: Path) -> None:
    ada, bob = Somebody("ada"), Somebody("bob")
    said_long_ago(bob, 250)
    ada.meet(bob)
    await asyncio.sleep(0.05)
    await ada.chat.send("yes", bob.session.messages()[0].id)
    text, lines = tmp_path / "chat.txt", tmp_path / "chat.jsonl"
    paper = Paper()
    await Talk(ada, paper).run(typed(f"/export {text}", f"/export {lines}", f"/export {text}", "/export"))
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["text"] for record in records] == [*map(str, range(250)), "yes"]
    written = text.read_text().splitlines()
    assert [line.rpartition(": ")[2] for line in written] == [record["text"] for record in records]
    assert "ada to bob: yes" in written[-1]
    assert f"251 messages are in {lines}." in paper.texts()
    assert "is there already" in paper.complaints[0]
    assert paper.complaints[1].startswith("Write /export PATH")


async def test_export_into_a_folder_that_is_not_there_is_complained_about(tmp_path: Path) -> None:
    ada, _ = couple()
    paper = Paper()
    await Talk(ada, paper).run(typed("hello", f"/export {tmp_path}/none/chat.txt"))
    assert paper.complaints == [f"{tmp_path}/none/chat.txt cannot be written: No such file or directory."]


def moderated() -> tuple[Somebody, Somebody, Somebody]:
    owner, ada, bob = (Somebody(name, owner="owner") for name in ("owner", "ada", "bob"))
    owner.meet(ada)
    owner.meet(bob)
    ada.meet(bob)
    return owner, ada, bob


async def test_owner_moderates_by_lines() -> None:
    owner, ada, bob = moderated()
    await ada.chat.send("hello")
    await bob.chat.send("rude")
    await bob.chat.send("ruder")
    await asyncio.sleep(0.01)
    paper = Paper()
    lines = (
        *("/mute bob", "/unmute bob", "/delete bob ^2 be kind", "/grant ada member", "/revoke ada member"),
        *("/lock", "/unlock", "/lock guests", "/unlock", "/slow 5", "/slow 0", "/kick bob", "/ban bob spam"),
        *("/unban bob", "/grant ada moderator", "/revoke ada moderator", "/audit"),
    )
    assert await Talk(owner, paper).run(typed(*lines)) == OK
    assert paper.complaints == []
    told = [
        *("owner muted bob", "owner let bob speak again", "owner deleted a message of bob (be kind)"),
        *("owner made ada a member", "owner made ada no member any more"),
        *("owner locked the room for all but moderators", "owner unlocked the room"),
        *("owner locked the room for guests", "owner unlocked the room", "owner set slow mode to 5 s"),
        *("owner ended slow mode", "owner removed bob for ten minutes", "owner banned bob (spam)"),
        *("owner let bob back in", "owner made ada a moderator", "owner made ada no moderator any more"),
    ]
    ended = {0, 5, 7, 9, 12}
    audited = [f"{line}, which was ended" if place in ended else line for place, line in enumerate(told)]
    shown = [text.replace(owner.id[:8], "owner") for text in paper.texts() if not text.endswith(".")]
    assert [text for text in shown if text.startswith("owner ")] == audited
    assert owner.mesh.forbidden == {bob.identity.id: "You are banned from this room."}
    assert ada.mesh.forbidden == owner.mesh.forbidden


async def test_measures_that_one_may_not_take_or_that_say_nothing_are_complained_about() -> None:
    owner, ada, bob = moderated()
    for name in ("ada", "bob", "bob"):
        await {"ada": ada, "bob": bob}[name].chat.send("hello")
    bob.chat.name = "ada"
    await bob.chat.send("I am ada, too")
    await asyncio.sleep(0.01)
    expected = {
        "/ban ada": "Several are called ada: write one of",
        "/ban nobody": "Nobody called nobody has said anything here",
        "/ban": "Write /ban NAME",
        "/lock up": "Write /lock to let only moderators write",
        "/slow down": "Write /slow and seconds",
        "/grant ada king": "Write /grant NAME moderator",
        f"/ban {ada.id} " + "x" * 201: "The reason is too long",
        f"/ban {owner.identity.key.hex()}": "Nobody called",
        "/lock": "Only the owner of the room and its moderators",
    }
    paper = Paper()
    assert await Talk(bob, paper).run(typed(*expected)) == OK
    assert len(paper.complaints) == len(expected)
    for complaint, sentence in zip(paper.complaints, expected.values(), strict=True):
        assert sentence in complaint


async def test_programs_moderate_by_lines_of_json_and_are_told_of_measures() -> None:
    owner, ada, bob = moderated()
    said = await bob.chat.send("rude")
    await asyncio.sleep(0.01)
    paper = Paper(json=True)
    lines = [
        {"rule": "delete", "subject": bob.id, "target": said.id.hex()},
        {"rule": "ban", "subject": bob.id, "reason": "spam"},
        {"rule": "slow", "seconds": "7"},
        {"rule": "lock", "role": "member"},
        {"rule": "grant", "subject": bob.id, "role": "member"},
        {"rule": "hang", "subject": "bob"},
        {"audit": ""},
    ]
    assert await Talk(owner, paper).run(typed(*map(json.dumps, lines))) == OK
    await asyncio.sleep(0)
    assert ["There is no hang" in complaint for complaint in paper.complaints] == [True]
    records = [json.loads(line) for line in paper.shown]
    audited = [record for record in records if record.get("event") == "audit"]
    assert [record["act"] for record in audited] == ["delete", "ban", "slow", "lock", "grant"]
    assert audited[1] | {"id": "", "time": 0} == {
        "event": "audit",
        "id": "",
        "by": owner.id,
        "act": "ban",
        "time": 0,
        "counts": True,
        "subject": bob.id,
        "key": bob.identity.key.hex(),
        "reason": "spam",
    }
    assert ada.session.messages() == []


async def test_who_was_banned_is_not_talked_to_when_it_comes_back() -> None:
    owner, ada, bob = moderated()
    await bob.chat.send("rude")
    await asyncio.sleep(0.01)
    await owner.chat.ban(bob.identity.key, "spam")
    await asyncio.sleep(0.01)
    assert bob.identity.id in ada.mesh.forbidden
    ada.mesh.forbidden.clear()
    ada.meet(bob)
    await asyncio.sleep(0.01)
    assert ada.mesh.forbidden == {bob.identity.id: "You are banned from this room."}
    assert [entry.text for entry in ada.session.messages()] == ["rude"]


async def test_owner_settles_the_log_by_a_line() -> None:
    owner, ada, bob = moderated()
    for name in ("mute", "ban"):
        await owner.chat.rule(Measure(name, subject=bob.identity.key))
    await owner.chat.rule(Measure("grant", subject=ada.identity.key, role="moderator"))
    await owner.chat.rule(Measure("slow", seconds=5))
    for text in ("one", "two", "three"):
        await owner.chat.send(text)
    await asyncio.sleep(0.01)
    paper = Paper()
    lines = ("/checkpoint 200", "/checkpoint few", "/checkpoint 1", "/audit", "/unban bob")
    await Talk(owner, paper).run(typed(*lines))
    assert paper.complaints == [
        "There is nothing to settle: no more than 200 messages are here.",
        "Write /checkpoint and how many messages are to stay: 200 if you give no number.",
        "Nobody called bob has said anything here.",
    ]
    sentence = (
        "settled what was said before, which nobody keeps;"
        " in force stay 1 moderator, 1 ban, 1 mute, slow mode of 5 s"
    )
    assert any(text.endswith(sentence) for text in paper.texts())
    assert [entry.text for entry in ada.chat.history] == ["three"]
    await Talk(owner, Paper()).run(typed(f"/unban {bob.id[:8]}"))
    assert owner.chat.moderation is not None
    assert owner.chat.moderation.state().banned == []
    refused = Paper()
    await Talk(ada, refused).run(typed("/checkpoint 0"))
    assert refused.complaints == ["Only the owner of the room makes checkpoints."]


async def test_program_settles_the_log_and_reads_what_is_in_force() -> None:
    owner, ada, _ = moderated()
    await owner.chat.send("gone")
    paper = Paper(json=True)
    lines = ({"rule": "checkpoint", "keep": "0"}, {"audit": ""})
    await Talk(owner, paper).run(typed(*map(json.dumps, lines)))
    await asyncio.sleep(0.01)
    records = [json.loads(line) for line in paper.shown]
    audited = next(record for record in records if record.get("event") == "audit")
    assert audited["act"] == "checkpoint"
    assert audited["settled"][0] == 1
    assert audited["banned"] == audited["moderators"] == []
    assert (audited["lock"], audited["slow"]) == (None, 0)
    assert [entry.text for entry in ada.chat.history] == []
