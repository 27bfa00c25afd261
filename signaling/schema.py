"""Exports the JSON schema of the signaling messages: `python -m signaling.schema [--check]`."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from signaling import protocol

SCHEMA_FILE = Path(__file__).with_name("protocol.schema.json")


def build() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of both directions: `ClientMessage` and `ServerMessage` in `$defs`."""
    _, definitions = msgspec.json.schema_components(
        [*protocol.CLIENT_MESSAGES, *protocol.SERVER_MESSAGES], ref_template="#/$defs/{name}"
    )
    for name, messages in (
        ("ClientMessage", protocol.CLIENT_MESSAGES),
        ("ServerMessage", protocol.SERVER_MESSAGES),
    ):
        definitions[name] = {
            "title": name,
            "anyOf": [{"$ref": f"#/$defs/{message.__name__}"} for message in messages],
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SignalingMessage",
        "description": "A message between a peer and an introducer (docs/protocol.md, section 4).",
        "anyOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": definitions,
    }


def text() -> str:
    """The schema as it is kept in the file."""
    return json.dumps(build(), indent=2, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is current."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("Usage: python -m signaling.schema [--check]\n")
        return 2
    if arguments:
        if SCHEMA_FILE.exists() and SCHEMA_FILE.read_text() == text():
            return 0
        sys.stderr.write(f"{SCHEMA_FILE.name} is not current: run `python -m signaling.schema`.\n")
        return 1
    SCHEMA_FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
