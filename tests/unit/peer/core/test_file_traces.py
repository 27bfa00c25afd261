"""The traces that the browser's share is held to are those of this one."""

import pytest

from tests.vectors.write_files import FOLDER, SCENES, trace


@pytest.mark.parametrize("name", SCENES)
def test_trace_on_disk_is_what_the_share_does(name: str) -> None:
    written = (FOLDER / f"{name}.json").read_bytes()
    assert written == trace(SCENES[name]()), "Run `python -m tests.vectors.write_files`."


def test_no_trace_is_left_behind() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SCENES)
