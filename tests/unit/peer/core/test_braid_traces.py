"""The braid core lives its recorded lives again: a change of what it does has to be recorded, and ported."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest

from peer import wire
from peer.core.braid import Braid
from peer.core.probing import UploadRate
from tests.vectors.record_braid import EVENTS, FOLDER, Blobs, action_as_json, outcome_as_json

TRACES = sorted(FOLDER.glob("*.json"))


def argument(name: str, value: Any, blobs: list[bytes]) -> Any:
    """An argument of an event as the core takes it."""
    match name:
        case "peer":
            return bytes.fromhex(value)
        case "parents" | "standbys":
            return tuple(None if peer is None else bytes.fromhex(peer) for peer in value)
        case "seal" | "part" | "message":
            return blobs[value]
        case "parts":
            return [(blobs[seal], blobs[part]) for seal, part in value]
    return value


def happen(core: Braid, event: str, given: list[Any], blobs: list[bytes]) -> None:
    values = [argument(name, value, blobs) for name, value in zip(EVENTS[event], given, strict=True)]
    if event == "received":
        peer, raw, now = values
        message = wire.decode(raw)
        assert message is not None
        core.received(peer, message, raw, now)
    else:
        getattr(core, event)(*values)


def test_there_are_traces() -> None:
    assert len(TRACES) > 20


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_core_does_what_was_recorded(path: Path) -> None:
    trace = json.loads(path.read_text())
    texts = [urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in trace["blobs"]]
    blobs = Blobs()
    for blob in texts:
        blobs.place(blob)
    setup = dict(trace["setup"])
    ids = [bytes.fromhex(setup.pop(name)) for name in ("me", "publisher", "key", "braid")]
    if setup.pop("upload", False):
        setup["upload"] = UploadRate()
    core = Braid(*ids, **setup)
    for number, (event, given, actions, timer) in enumerate(trace["steps"]):
        happen(core, event, given, texts)
        done = [action_as_json(action, blobs) for action in core.poll_actions()]
        assert (number, event, done, core.next_timer()) == (number, event, actions, timer)
    assert len(blobs.as_json()) == len(texts)
    assert outcome_as_json(core) == trace["end"]
