"""The traces that the browser's log is held to are those of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peer import wire
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import ChatError, Draft
from tests.vectors.write_chat import FOLDER, SCENES, plain, trace

FILES = sorted(FOLDER.glob("*.json"))


def play(log: ChatLog, step: dict[str, Any]) -> None:
    now = step["now"]
    match step["event"]:
        case "link_opened":
            log.link_opened(bytes.fromhex(step["peer"]), now)
        case "link_closed":
            log.link_closed(bytes.fromhex(step["peer"]), now)
        case "received":
            message = wire.decode(bytes.fromhex(step["data"]))
            assert isinstance(message, wire.ChatMessage | wire.ChatHave | wire.ChatWant)
            log.received(bytes.fromhex(step["peer"]), message, now)
        case "verified":
            log.verified(step["token"], step["ok"], now)
        case "compose" if "error" in step:
            with pytest.raises(ChatError) as refusal:
                log.compose(step["text"], step["name"], step["wall_ms"], now)
            assert str(refusal.value) == step["error"]
        case "compose":
            draft = log.compose(step["text"], step["name"], step["wall_ms"], now)
            assert [draft.header.hex(), draft.body.hex()] == step["draft"]
        case "said":
            header, body = map(bytes.fromhex, step["draft"])
            log.said(Draft(header, body), bytes.fromhex(step["signature"]), now)
        case "handle_timer":
            log.handle_timer(now)
        case unknown:
            raise AssertionError(unknown)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_trace_is_replayed(file: Path) -> None:
    expected = json.loads(file.read_text())
    setup = expected["setup"]
    log = ChatLog(setup["room"], bytes.fromhex(setup["key"]), msgspec.convert(setup["limits"], ChatLimits))
    for step in expected["steps"]:
        play(log, step)
        assert [plain(action) for action in log.poll_actions()] == step["actions"]
        assert log.next_timer() == step["timer"]
    assert [plain(entry) for entry in log.messages()] == expected["messages"]
    assert plain(log.counters) == {"type": "chatcounters", **expected["counters"]}


@pytest.mark.parametrize("name", SCENES)
def test_trace_is_what_its_scene_writes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == trace(name)


def test_every_trace_has_its_scene() -> None:
    assert {file.stem for file in FILES} == set(SCENES)
