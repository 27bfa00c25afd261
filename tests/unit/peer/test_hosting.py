"""What `--window` and its companions mean."""

import tempfile
from pathlib import Path

import pytest

from peer.hosting import parse_window
from peer.media.hls import MEMORY_BYTES, WindowOptions
from peer.running import CommandError


def test_a_short_window_stays_in_memory_and_a_long_one_goes_into_files() -> None:
    assert parse_window("12s", None, "4G") == WindowOptions(12.0, None, MEMORY_BYTES)
    assert parse_window("60s", None, "1M") == WindowOptions(60.0, None, 1_000_000)
    assert parse_window("30m", None, "4G") == WindowOptions(1800.0, Path(tempfile.gettempdir()), 4 * 10**9)
    assert parse_window("12s", Path("here"), "4G") == WindowOptions(12.0, Path("here"), 4 * 10**9)


@pytest.mark.parametrize(("seconds", "size"), [("12", "4G"), ("5h", "4G"), ("1m", "0"), ("1m", "much")])
def test_what_is_no_window_is_one_sentence(seconds: str, size: str) -> None:
    with pytest.raises(CommandError, match=r"\.$"):
        parse_window(seconds, None, size)
