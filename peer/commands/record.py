"""`--record`: what the commands that have it write."""

from __future__ import annotations

from pathlib import Path

from peer.recorder import Recorder
from peer.showing import StatusLine, print_json


def recorder_at(path: Path | None, line: StatusLine) -> Recorder | None:
    """What writes to `path` and says on `line` how that goes; None without a path."""

    def told(sentence: str) -> None:
        line.say(sentence)
        if line.json_lines:
            print_json({"event": "recording", "text": sentence})

    return None if path is None else Recorder(path, told)
