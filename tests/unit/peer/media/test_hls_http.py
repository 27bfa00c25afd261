"""What a request asks for, read without a server."""

import pytest

from peer.media.hls import Wanted
from peer.media.hls_http import RangeError, read_directives, read_range
from peer.media.playlist import PlaylistError


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=8-99", (8, 10)),
        ("bytes=-99", (0, 10)),
        (None, None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_ranges_are_read_as_http_means_them(header: str | None, found: tuple[int, int] | None) -> None:
    assert read_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_bytes_that_do_not_exist_are_refused(header: str) -> None:
    with pytest.raises(RangeError, match="only 10 bytes"):
        read_range(header, 10)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, Wanted()),
        ({"_HLS_msn": "7"}, Wanted(7)),
        ({"_HLS_msn": "7", "_HLS_part": "0", "_HLS_skip": "YES"}, Wanted(7, 0, True)),
        ({"_HLS_skip": "v2", "_HLS_tomorrow": "x"}, Wanted(skip=True)),
        ({"_HLS_skip": "no"}, Wanted()),
    ],
)
def test_directives_are_read_and_unknown_ones_ignored(query: dict[str, str], wanted: Wanted) -> None:
    assert read_directives(query) == wanted


@pytest.mark.parametrize(
    "query",
    [{"_HLS_part": "1"}, {"_HLS_msn": ""}, {"_HLS_msn": "-1"}, {"_HLS_msn": "٣"}, {"_HLS_msn": "9" * 11}],
)
def test_directives_that_make_no_sense_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(PlaylistError):
        read_directives(query)
