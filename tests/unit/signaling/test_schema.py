"""The JSON schema is the one that the messages give."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from signaling import schema
from signaling.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, ErrorCode


def test_schema_file_is_current() -> None:
    current = schema.SCHEMA_FILE.read_text() == schema.text()
    assert current, "Run `python -m signaling.schema`, and in web/ `npm run types`."


def test_check_fails_on_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schema, "SCHEMA_FILE", tmp_path / "schema.json")
    assert schema.main(["--check"]) == 1
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0
    (tmp_path / "schema.json").write_text("{}")
    assert schema.main(["--check"]) == 1
    assert schema.main(["--help"]) == 2


def test_every_message_is_in_the_schema_with_its_type() -> None:
    definitions = schema.build()["$defs"]
    for message in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        definition = definitions[message.__name__]
        assert definition["properties"]["type"]["enum"] == [message.__struct_config__.tag]
        assert "type" in definition["required"]


def test_patterns_mean_the_same_in_both_languages() -> None:
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema.text()))
    assert patterns
    for text in patterns:
        pattern = json.loads(text)
        # `$` alone would let a final line feed pass in Python only; fixed lengths keep it out elsewhere.
        assert pattern.endswith(r"$(?!\n)") or re.search(r"\{\d+\}\$$", pattern)
        assert not re.search(pattern, "a\n" if "{" not in pattern else "0" * 32 + "\n0")


def test_codes_of_errors_are_those_of_the_protocol() -> None:
    codes = schema.build()["$defs"]["ErrorMessage"]["properties"]["code"]["enum"]
    assert set(codes) == set(get_args(ErrorCode))
