"""Which files have to go so that another one has room."""

from __future__ import annotations

from collections.abc import Iterable


def to_forget(kept: Iterable[tuple[bytes, int]], size: int, quota: int) -> list[bytes] | None:
    """Of the files that are kept (id and size, the oldest first), those that go for one of `size` bytes.

    None when it has no room whatever goes.
    """
    if size > quota:
        return None
    files = list(kept)
    spare = quota - sum(other for _, other in files)
    gone = []
    for file, other in files:
        if spare >= size:
            break
        spare += other
        gone.append(file)
    return gone
