"""The validator of playlists can fail: each rule is broken once, and is the one that says so."""

import pytest

from tests.hls_playlist import SyntaxFaultError, parse, update
from tests.hls_rules import RULES, STEP_RULES, blocked_in_vain, check, check_delta, check_succession

GOOD = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=3
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:2,
10.mp4
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:10.000Z
#EXT-X-PART:DURATION=1,URI="11.0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=1,URI="11.1.mp4"
#EXTINF:2,
11.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12.000Z
#EXT-X-PART:DURATION=1,URI="12.0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=1,URI="12.1.mp4"
#EXTINF:2,
12.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.000Z
#EXT-X-PART:DURATION=1,URI="13.0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=1,URI="13.1.mp4"
#EXTINF:2,
13.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16.000Z
#EXT-X-PART:DURATION=1,URI="14.0.mp4",INDEPENDENT=YES
#EXT-X-RENDITION-REPORT:URI="../720p/media.m3u8",LAST-MSN=14,LAST-PART=0
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="14.1.mp4"
"""
LAST = '#EXT-X-PART:DURATION=1,URI="14.0.mp4",INDEPENDENT=YES\n'
NEXT = LAST + '#EXT-X-PART:DURATION=1,URI="14.1.mp4"\n'
HINT = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="14.1.mp4"\n'
LATER = GOOD.replace(LAST, NEXT).replace(HINT, HINT.replace("14.1", "14.2"))
TEN = GOOD[GOOD.index("#EXT-X-MAP") : GOOD.index("#EXT-X-DISC", GOOD.index("10.mp4"))]
ELEVEN = GOOD[GOOD.index("#EXT-X-DISCONTINUITY\n") : GOOD.index("11.mp4\n") + len("11.mp4\n")]
DATE = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16"
TRIMMED = LATER.replace(TEN, "").replace("SEQUENCE:10", "SEQUENCE:11")


def edit(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new)


BROKEN = {
    "no first line": ("4.4.1.1", edit("#EXTM3U\n", "")),
    "an attribute twice": ("4.2", edit("PART-TARGET=1", "PART-TARGET=1,PART-TARGET=1")),
    "an attribute in small letters": ("4.2", edit("PART-TARGET", "part-target")),
    "a number that is none": ("4.2", edit("#EXTINF:2,\n10", "#EXTINF:two,\n10")),
    "an address without quotes": ("4.2", edit('"11.0.mp4"', "11.0.mp4")),
    "white space": ("4.1", edit("11.mp4\n", "11.mp4 \n")),
    "a tag twice": ("4.4.3", edit("#EXT-X-VERSION:9\n", "#EXT-X-VERSION:9\n#EXT-X-VERSION:9\n")),
    "no version": ("4.4.1.2", edit("#EXT-X-VERSION:9\n", "")),
    "an old version": ("8", edit("VERSION:9", "VERSION:5")),
    "no target duration": ("4.4.3.1", edit("#EXT-X-TARGETDURATION:2\n", "")),
    "a fraction as target": ("4.4.3.1", edit("TARGETDURATION:2", "TARGETDURATION:2.0")),
    "a long segment": ("4.4.3.1", edit("#EXTINF:2,\n10", "#EXTINF:2.5,\n10")),
    "a late sequence": (
        "4.4.3.2",
        edit("#EXT-X-MEDIA-SEQUENCE:10\n", "") + "#EXT-X-MEDIA-SEQUENCE:10\n",
    ),
    "an open end": (
        "4.4.3.4",
        edit(HINT, "#EXT-X-ENDLIST\n"),
    ),
    "no part target": ("4.4.3.7", edit("#EXT-X-PART-INF:PART-TARGET=1\n", "")),
    "a near skip boundary": ("4.4.3.8", edit("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11.9")),
    "date ranges alone": ("4.4.3.8", edit("CAN-SKIP-UNTIL=12", "CAN-SKIP-DATERANGES=YES")),
    "a near hold back": ("4.4.3.8", edit("CAN-SKIP-UNTIL=12", "HOLD-BACK=5")),
    "a near part hold back": ("4.4.3.8", edit("PART-HOLD-BACK=3", "PART-HOLD-BACK=2.9")),
    "no part hold back": ("4.4.3.8", edit(",PART-HOLD-BACK=3", "")),
    "no duration": ("4.4.4.1", edit("#EXTINF:2,\n10.mp4", "10.mp4")),
    "no init segment": ("4.4.4.5", edit('#EXT-X-MAP:URI="init0.mp4"\n', "")),
    "no date": ("4.4.4.6", edit("2026-01-01T00:00:12.000Z", "noon")),
    "no time zone": ("4.4.4.6", edit("2026-01-01T00:00:12.000Z", "2026-01-01T00:00:12.000")),
    "a date before": ("4.4.4.6", edit("2026-01-01T00:00:12.000Z", "2026-01-01T00:00:09.000Z")),
    "a long part": ("4.4.4.9", edit('DURATION=1,URI="14.0', 'DURATION=1.01,URI="14.0')),
    "a short part": ("4.4.4.9", edit(LAST, LAST.replace("=1", "=0.8") + NEXT[len(LAST) :])),
    "parts that are no segment": ("4.4.4.9", edit('DURATION=1,URI="11.1', 'DURATION=0.9,URI="11.1')),
    "a dependent segment": ("4.4.2.1", edit('"14.0.mp4",INDEPENDENT=YES', '"14.0.mp4"')),
    "parts that are old": (
        "6.2.2",
        edit(
            "#EXTINF:2,\n10", '#EXT-X-PART:DURATION=2,URI="10.0.mp4",INDEPENDENT=YES\n#EXTINF:2,\n10'
        ).replace("PART-TARGET=1", "PART-TARGET=2"),
    ),
    "parts that are missing": (
        "6.2.2",
        edit('#EXT-X-PART:DURATION=1,URI="12.0.mp4",INDEPENDENT=YES\n', "").replace(
            '#EXT-X-PART:DURATION=1,URI="12.1.mp4"\n', ""
        ),
    ),
    "a skip of nothing": (
        "4.4.5.2",
        edit('#EXT-X-MAP:URI="init0', '#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n#EXT-X-MAP:URI="init0'),
    ),
    "a skip that is not offered": (
        "4.4.5.2",
        edit(",CAN-SKIP-UNTIL=12", "").replace(
            '#EXT-X-MAP:URI="init0', '#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-MAP:URI="init0'
        ),
    ),
    "a hint at the end": ("4.4.5.3", edit(HINT, HINT + "#EXT-X-ENDLIST\n")),
    "two hints": ("4.4.5.3", edit(HINT, HINT + HINT)),
    "a part after the hint": ("4.4.5.3", edit(LAST, HINT + LAST).removesuffix(HINT)),
    "a hint at nothing": ("4.4.5.3", edit("TYPE=PART,URI", "URI")),
    "a hint at what is there": ("4.4.5.3", edit(HINT, HINT.replace("14.1", "14.0"))),
    "a report of somewhere else": ("4.4.5.4", edit("../720p", "http://elsewhere/720p")),
    "a report of nothing": ("4.4.5.4", edit(",LAST-PART=0", "")),
}
BROKEN_STEPS = {
    "another target": ("6.2.1", edit("SKIP-UNTIL=12", "SKIP-UNTIL=13", LATER)),
    "another part target": ("6.2.1", edit("PART-TARGET=1", "PART-TARGET=1.0", LATER)),
    "a sequence that goes back": ("6.2.1", edit("SEQUENCE:10", "SEQUENCE:9", LATER)),
    "another address": ("6.2.1", edit("\n12.mp4", "\n99.mp4", LATER)),
    "another date": ("6.2.1", edit("00:00:12.000Z", "00:00:12.001Z", LATER)),
    "another part": ("6.2.1", edit('"14.0.mp4"', '"15.0.mp4"', LATER)),
    "another init segment": ("6.2.1", edit('"init1.mp4"', '"init2.mp4"', LATER)),
    "a discontinuity that comes later": (
        "6.2.1",
        edit(
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12",
            "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12",
            LATER,
        ),
    ),
    "an end that is cut off": ("6.2.1", edit(TEN + ELEVEN, ELEVEN, GOOD[: GOOD.index(DATE)])),
    "a discontinuity that is not counted": (
        "6.2.2",
        edit(ELEVEN, '#EXT-X-MAP:URI="init1.mp4"\n', TRIMMED).replace("SEQUENCE:11", "SEQUENCE:12"),
    ),
    "a discontinuity that is counted too soon": ("6.2.2", edit("-SEQUENCE:3", "-SEQUENCE:4", TRIMMED)),
    "too little left": (
        "6.2.2",
        edit(ELEVEN, '#EXT-X-MAP:URI="init1.mp4"\n', TRIMMED)
        .replace("SEQUENCE:11", "SEQUENCE:12")
        .replace("-SEQUENCE:3", "-SEQUENCE:4")
        .replace('#EXT-X-PART:DURATION=1,URI="14.1.mp4"\n', "")
        .replace("14.2", "14.1"),
    ),
    "a hint that was wrong": ("6.2.6", edit('URI="14.1.mp4"', 'URI="14.9.mp4"', LATER)),
}


def test_what_keeps_the_rules_is_accepted() -> None:
    assert check(GOOD) == []
    assert check_succession([GOOD, GOOD, LATER, TRIMMED]) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_fires(name: str) -> None:
    section, text = BROKEN[name]
    assert section in {found for found, _ in check(text)}, check(text)


@pytest.mark.parametrize("name", BROKEN_STEPS)
def test_each_rule_of_a_succession_fires(name: str) -> None:
    section, text = BROKEN_STEPS[name]
    assert check(text) == []
    assert section in {found for found, _ in check_succession([GOOD, text])}


def test_what_has_ended_does_not_change() -> None:
    ended = GOOD[: GOOD.index(DATE)] + "#EXT-X-ENDLIST\n"
    assert check_succession([GOOD[: GOOD.index(LAST)], ended]) != []  # it has lost its last segment
    assert check_succession([ended, ended]) == []
    assert ("4.4.3.4", "playlist 1: it has changed after its end") in check_succession([ended, GOOD])


def test_no_rule_is_there_that_nothing_breaks() -> None:
    broken = {section for section, _ in [*BROKEN.values(), *BROKEN_STEPS.values()]}
    assert {section for section, _ in [*RULES, *STEP_RULES]} <= broken


SKIPPING = LATER.replace(TEN, "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n")
"""The delta update that skips a segment, though that is younger than the skip boundary."""


def test_a_delta_update_that_skips_too_much_or_says_something_else_is_found_out() -> None:
    assert check_delta(LATER, LATER, GOOD) == []
    assert {section for section, _ in check_delta(LATER, SKIPPING, GOOD)} == {"4.4.5.2"}
    wrong = SKIPPING.replace("00:00:12", "00:00:13")
    assert {section for section, _ in check_delta(LATER, wrong, GOOD)} == {"4.4.5.2", "6.2.5.1"}


def test_a_client_that_lacks_what_is_skipped_says_so() -> None:
    with pytest.raises(SyntaxFaultError, match="segment 10 is skipped"):
        update(parse(TRIMMED), parse(SKIPPING))
    assert "6.2.5.1" in {section for section, _ in check_succession([TRIMMED, SKIPPING])}
    assert check_succession([SKIPPING]) == [("6.2.5.1", "playlist 0: the first playlist skips segments")]
    assert "6.2.5.1" in {section for section, _ in check_delta(LATER, SKIPPING, TRIMMED)}
    assert check_delta(LATER, "", GOOD)[0][0] == "4.4.1.1"


def test_an_answer_to_a_blocking_reload_that_came_too_early_is_found_out() -> None:
    assert blocked_in_vain(GOOD, 14, 0) == []
    assert blocked_in_vain(GOOD, 13, None) == []
    assert blocked_in_vain(GOOD, 9, None) == []
    assert blocked_in_vain(GOOD, 14, 1) != []
    assert blocked_in_vain(GOOD, 14, None) != []
    ended = GOOD[: GOOD.index(DATE)] + "#EXT-X-ENDLIST\n"
    assert blocked_in_vain(ended, 99, None) == []
