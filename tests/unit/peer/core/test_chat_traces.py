"""The traces that the browser's log is held to are those of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peer import wire
from peer.core.chat_acts import Act, Delete, Edit, Reaction
from peer.core.chat_limits import ChatLimits
from peer.core.chat_log import ChatLog
from peer.core.chat_message import ChatError, Draft, Place
from peer.core.shared_file import SharedFile
from signaling.measures import Measure
from tests.vectors.write_chat import FOLDER, SCENES, plain, trace

FILES = sorted(FOLDER.glob("*.json"))


def messages_of(step: dict[str, Any]) -> list[wire.ChatMessage]:
    messages = [wire.decode(bytes.fromhex(data)) for data in step["messages"]]
    return [message for message in messages if isinstance(message, wire.ChatMessage)]


def ids_of(step: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, step["ids"]))


def place_of(place: list[Any] | None) -> Place | None:
    return None if place is None else (place[0], bytes.fromhex(place[1]), bytes.fromhex(place[2]))


def reply_of(step: dict[str, Any]) -> bytes | None:
    return None if step["reply"] is None else bytes.fromhex(step["reply"])


def file_of(step: dict[str, Any]) -> SharedFile | None:
    file = step["file"]
    return None if file is None else SharedFile(**{**file, "id": bytes.fromhex(file["id"])})


def act_of(act: dict[str, Any]) -> Act:
    fields = {**act, "target": bytes.fromhex(act["target"])}
    kinds: dict[str, type[Act]] = {"edit": Edit, "delete": Delete, "reaction": Reaction}
    return kinds[fields.pop("type")](**fields)


def measure_of(measure: dict[str, Any]) -> Measure:
    fields = {name: value for name, value in measure.items() if name not in ("type", "after", "last")}
    for name in ("subject", "target"):
        fields[name] = None if fields[name] is None else bytes.fromhex(fields[name])
    return Measure(**fields)


def play(log: ChatLog, step: dict[str, Any]) -> None:
    now = step["now"]
    match step["event"]:
        case "link_opened":
            log.link_opened(bytes.fromhex(step["peer"]), now, step["company"])
        case "link_closed":
            log.link_closed(bytes.fromhex(step["peer"]), now)
        case "received":
            message = wire.decode(bytes.fromhex(step["data"]))
            assert isinstance(message, wire.OfChat)
            log.received(bytes.fromhex(step["peer"]), message, now)
        case "verified":
            log.verified(step["token"], step["ok"], now)
        case "compose" if "error" in step:
            with pytest.raises(ChatError) as refusal:
                log.compose(step["text"], step["name"], step["wall_ms"], now, reply_of(step), file_of(step))
            assert str(refusal.value) == step["error"]
        case "compose":
            draft = log.compose(
                step["text"], step["name"], step["wall_ms"], now, reply_of(step), file_of(step)
            )
            assert [draft.header.hex(), draft.body.hex()] == step["draft"]
        case "compose_act" if "error" in step:
            with pytest.raises(ChatError) as refusal:
                log.compose_act(act_of(step["act"]), step["wall_ms"], now)
            assert str(refusal.value) == step["error"]
        case "compose_act":
            draft = log.compose_act(act_of(step["act"]), step["wall_ms"], now)
            assert [draft.header.hex(), draft.body.hex()] == step["draft"]
        case "compose_measure" if "error" in step:
            with pytest.raises(ChatError) as refusal:
                log.compose_measure(measure_of(step["measure"]), step["wall_ms"], now)
            assert str(refusal.value) == step["error"]
        case "compose_measure":
            draft = log.compose_measure(measure_of(step["measure"]), step["wall_ms"], now)
            assert [draft.header.hex(), draft.body.hex()] == step["draft"]
        case "compose_checkpoint" if "error" in step:
            with pytest.raises(ChatError) as refusal:
                log.compose_checkpoint(step["keep"], step["wall_ms"], now)
            assert str(refusal.value) == step["error"]
        case "compose_checkpoint":
            draft = log.compose_checkpoint(step["keep"], step["wall_ms"], now)
            assert [draft.header.hex(), draft.body.hex()] == step["draft"]
        case "done":
            header, body = map(bytes.fromhex, step["draft"])
            log.done(Draft(header, body), bytes.fromhex(step["signature"]), now)
        case "said":
            header, body = map(bytes.fromhex, step["draft"])
            log.said(Draft(header, body), bytes.fromhex(step["signature"]), now)
        case "restore":
            measures = messages_of({"messages": step["measures"]})
            before, forgotten = place_of(step["before"]), place_of(step["forgotten"])
            places = [place for raw in step["places"] if (place := place_of(raw)) is not None]
            log.restore(messages_of(step), before, forgotten, measures, places)
        case "forgotten":
            place = place_of(step["place"])
            assert place is not None
            log.forgotten(place)
        case "recalled":
            log.recalled(step["token"], messages_of(step), now)
        case "looked_up":
            log.looked_up(step["token"], ids_of(step), now)
        case "ask_before":
            log.ask_before(ids_of(step), now)
        case "ask_missing":
            log.ask_missing(ids_of(step), now)
        case "handle_timer":
            log.handle_timer(now)
        case unknown:
            raise AssertionError(unknown)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_trace_is_replayed(file: Path) -> None:
    expected = json.loads(file.read_text())
    setup = expected["setup"]
    limits = msgspec.convert(setup["limits"], ChatLimits)
    owner = None if setup["owner"] is None else bytes.fromhex(setup["owner"])
    key = bytes.fromhex(setup["key"])
    log = ChatLog(setup["room"], key, limits, stored=setup["stored"], owner=owner)
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
