"""The golden vectors on disk are what their generator writes: neither is changed without the other."""

import pytest

from tests.vectors.generate import files
from tests.vectors.samples import FOLDER

FILES = files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_vectors_on_disk_are_the_generated_ones(name: str) -> None:
    assert (FOLDER / name).read_bytes() == FILES[name], "Run `python -m tests.vectors.generate`."


def test_no_golden_message_is_left_behind() -> None:
    assert {path.name for path in FOLDER.glob("*.bin")} == {name for name in FILES if name.endswith(".bin")}
