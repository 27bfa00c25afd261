"""What makes room for a file."""

import pytest

from peer.core.file_quota import to_forget


@pytest.mark.parametrize(
    ("size", "gone"),
    [
        (10, []),
        (20, []),
        (21, [b"a"]),
        (45, [b"a"]),
        (46, [b"a", b"b"]),
        (100, [b"a", b"b", b"c"]),
        (101, None),
    ],
)
def test_the_oldest_files_go_first_and_no_more_than_need_be(size: int, gone: list[bytes] | None) -> None:
    kept = [(b"a", 25), (b"b", 25), (b"c", 30)]
    assert to_forget(kept, size, 100) == gone
