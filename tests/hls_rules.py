"""The rules of RFC 8216bis (draft 22) for live media playlists, each with its section, without I/O.

`check` takes one playlist, `check_succession` one playlist after the other as a server gave them out, and
`check_delta` a delta update beside the full playlist. All return what is broken, as `(section, sentence)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from tests.hls_playlist import MediaPlaylist, Segment, SyntaxFaultError, parse, same, update

Fault = tuple[str, str]
Rule = Callable[[MediaPlaylist], Iterator[str]]
StepRule = Callable[[MediaPlaylist, MediaPlaylist], Iterator[str]]

RULES: list[tuple[str, Rule]] = []
STEP_RULES: list[tuple[str, StepRule]] = []
ROUNDING = 0.001
"""Seconds: what decimal fractions may be off."""
ONCE = (
    "#EXT-X-VERSION",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-ENDLIST",
    "#EXT-X-PART-INF",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-SKIP",
)


def check(text: str) -> list[Fault]:
    """What of one media playlist breaks the rules."""
    if not text.startswith("#EXTM3U\n"):
        return [("4.4.1.1", "it does not begin with #EXTM3U")]
    try:
        playlist = parse(text)
    except SyntaxFaultError as fault:
        return [("4.2", str(fault))]
    if len(playlist.values.get("#EXT-X-TARGETDURATION", ())) != 1:
        return [("4.4.3.1", "it has not one target duration")]
    return [(section, sentence) for section, rule in RULES for sentence in rule(playlist)]


def check_succession(texts: Iterable[str]) -> list[Fault]:
    """What breaks the rules in playlists that one client has got one after the other; delta updates count as
    what they make of the one before."""
    faults: list[Fault] = []
    had: MediaPlaylist | None = None
    for number, text in enumerate(texts):
        found = check(text)
        if not found:
            now = parse(text)
            try:
                now = now if had is None else update(had, now)
                if now.skipped:
                    found = [("6.2.5.1", "the first playlist skips segments")]
            except SyntaxFaultError as fault:
                found = [("6.2.5.1", str(fault))]
            if had is not None and not found:
                found = [(section, sentence) for section, rule in STEP_RULES for sentence in rule(had, now)]
            had = now
        faults += [(section, f"playlist {number}: {sentence}") for section, sentence in found]
    return faults


def check_delta(full: str, delta: str, before: str) -> list[Fault]:
    """What is wrong with a delta update that was given out when the full playlist was `full`, to a client
    that had the full playlist `before`."""
    faults = check(delta)
    if faults:
        return faults
    whole, part, old = parse(full), parse(delta), parse(before)
    boundary = float(whole.attributes("#EXT-X-SERVER-CONTROL").get("CAN-SKIP-UNTIL", "inf"))
    young = [
        segment.number
        for segment in whole.segments[: part.skipped]
        if whole.behind(segment) < boundary - ROUNDING
    ]
    if young:
        faults.append(("4.4.5.2", f"segment {young[0]} is skipped, but younger than the skip boundary"))
    try:
        if not same(update(old, part), whole):
            faults.append(("6.2.5.1", "the client has something else than the full playlist"))
    except SyntaxFaultError as fault:
        faults.append(("6.2.5.1", str(fault)))
    return faults


def _rule(section: str) -> Callable[[Rule], Rule]:
    def add(rule: Rule) -> Rule:
        RULES.append((section, rule))
        return rule

    return add


def _step(section: str) -> Callable[[StepRule], StepRule]:
    def add(rule: StepRule) -> StepRule:
        STEP_RULES.append((section, rule))
        return rule

    return add


def _positions(playlist: MediaPlaylist, tag: str) -> list[int]:
    return [number for number, line in enumerate(playlist.lines) if line == tag or line.startswith(f"{tag}:")]


def _first_segment(playlist: MediaPlaylist) -> int:
    """The line where segments begin."""
    marks = ("#EXTINF:", "#EXT-X-PART:", "#EXT-X-MAP:", "#EXT-X-DISCONTINUITY", "#EXT-X-PROGRAM-DATE-TIME:")
    return next(
        (
            number
            for number, line in enumerate(playlist.lines)
            if line.startswith(marks) and not line.startswith("#EXT-X-DISCONTINUITY-SEQUENCE")
        ),
        len(playlist.lines),
    )


@_rule("4.1")
def empty_line(playlist: MediaPlaylist) -> Iterator[str]:
    if any(line != line.strip() for line in playlist.lines):
        yield "a line begins or ends with white space"


@_rule("4.4.3")
def once(playlist: MediaPlaylist) -> Iterator[str]:
    for tag in ONCE:
        if len(playlist.values.get(tag, ())) > 1:
            yield f"{tag} is there twice"


@_rule("4.4.1.2")
def version(playlist: MediaPlaylist) -> Iterator[str]:
    if "#EXT-X-VERSION" not in playlist.values:
        yield "it has no version"


@_rule("8")
def compatibility(playlist: MediaPlaylist) -> Iterator[str]:
    said = int(playlist.values.get("#EXT-X-VERSION", ["1"])[0])
    needed = 9 if "#EXT-X-SKIP" in playlist.values else 6 if "#EXT-X-MAP" in playlist.values else 3
    if said < needed:
        yield f"its version is {said}, and what it says needs {needed}"


@_rule("4.4.3.1")
def segments_within_target(playlist: MediaPlaylist) -> Iterator[str]:
    if re.fullmatch(r"\d+", playlist.values["#EXT-X-TARGETDURATION"][0]) is None:
        yield "the target duration is no whole number"
    for segment in playlist.segments:
        if segment.duration is not None and int(segment.duration + 0.5) > playlist.target:
            yield f"segment {segment.number} is longer than the target duration"


@_rule("4.4.3.2")
def sequence_before_segments(playlist: MediaPlaylist) -> Iterator[str]:
    for tag in ("#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-SKIP"):
        if any(position > _first_segment(playlist) for position in _positions(playlist, tag)):
            yield f"{tag} comes after the first segment"


@_rule("4.4.3.4")
def end(playlist: MediaPlaylist) -> Iterator[str]:
    if playlist.ended and playlist.segments and playlist.segments[-1].uri is None:
        yield "it has ended with an open segment"


@_rule("4.4.3.7")
def part_target(playlist: MediaPlaylist) -> Iterator[str]:
    if "#EXT-X-PART" in playlist.values and not _part_target(playlist):
        yield "it has parts, and no part target"


@_rule("4.4.3.8")
def server_control(playlist: MediaPlaylist) -> Iterator[str]:
    control = playlist.attributes("#EXT-X-SERVER-CONTROL")
    if "CAN-SKIP-UNTIL" in control and float(control["CAN-SKIP-UNTIL"]) < 6 * playlist.target:
        yield "the skip boundary is below six target durations"
    if "CAN-SKIP-DATERANGES" in control and "CAN-SKIP-UNTIL" not in control:
        yield "it skips date ranges, and no segments"
    if "HOLD-BACK" in control and float(control["HOLD-BACK"]) < 3 * playlist.target:
        yield "the hold back is below three target durations"
    if _part_target(playlist) and float(control.get("PART-HOLD-BACK", 0)) < 3 * _part_target(playlist):
        yield "the part hold back is missing or below three part targets"


@_rule("4.4.4.1")
def every_segment_has_a_duration(playlist: MediaPlaylist) -> Iterator[str]:
    for segment in playlist.segments:
        if (segment.uri is None) != (segment.duration is None):
            yield f"segment {segment.number} has not both an EXTINF and a URI"


@_rule("4.4.4.5")
def every_segment_has_an_init_segment(playlist: MediaPlaylist) -> Iterator[str]:
    if not playlist.skipped and any(segment.map is None for segment in playlist.segments):
        yield "a segment has no init segment before it"


@_rule("4.4.4.6")
def dates(playlist: MediaPlaylist) -> Iterator[str]:
    last: tuple[Segment, datetime] | None = None
    for segment in playlist.segments:
        if segment.date is None:
            continue
        try:
            date = datetime.fromisoformat(segment.date)
        except ValueError:
            yield f"{segment.date} is no date"
            continue
        if date.tzinfo is None:
            yield f"{segment.date} has no time zone"
            continue
        if last is not None and date < last[1] and not segment.discontinuity:
            yield f"segment {segment.number} is dated before segment {last[0].number}"
        last = segment, date


@_rule("4.4.4.9")
def parts_within_target(playlist: MediaPlaylist) -> Iterator[str]:
    target = _part_target(playlist)
    for segment in playlist.segments:
        for number, part in enumerate(segment.parts):
            if part.duration > target + ROUNDING:
                yield f"part {segment.number}.{number} is longer than the part target"
        # But for the last of a segment, and for one before an independent part.
        for number, (part, following) in enumerate(pairwise(segment.parts)):
            if part.duration < 0.85 * target - ROUNDING and not following.independent:
                yield f"part {segment.number}.{number} is shorter than 85 % of the part target"
        if segment.parts and segment.duration is not None:
            together = sum(part.duration for part in segment.parts)
            if abs(together - segment.duration) > ROUNDING * len(segment.parts):
                yield f"the parts of segment {segment.number} are together {together} s long"


@_rule("4.4.2.1")
def independent(playlist: MediaPlaylist) -> Iterator[str]:
    if "#EXT-X-INDEPENDENT-SEGMENTS" in playlist.values:
        for segment in playlist.segments:
            if segment.parts and not segment.parts[0].independent:
                yield f"segment {segment.number} begins with a part that is not independent"


@_rule("6.2.2")
def parts_near_the_end(playlist: MediaPlaylist) -> Iterator[str]:
    if playlist.ended or "#EXT-X-PART-INF" not in playlist.values:
        return
    for segment in playlist.segments:
        old = playlist.behind(segment) > 3 * playlist.target + ROUNDING
        if old and segment.parts:
            yield f"the parts of segment {segment.number} are listed, which is old"
        if not old and not segment.parts and segment.uri is not None:
            yield f"the parts of segment {segment.number} are not listed, which is new"


@_rule("4.4.5.2")
def skip(playlist: MediaPlaylist) -> Iterator[str]:
    if "#EXT-X-SKIP" in playlist.values:
        if playlist.skipped < 1:
            yield "it skips nothing"
        if "CAN-SKIP-UNTIL" not in playlist.attributes("#EXT-X-SERVER-CONTROL"):
            yield "it skips segments, and has no skip boundary"


@_rule("4.4.5.3")
def hints(playlist: MediaPlaylist) -> Iterator[str]:
    hinted = playlist.values.get("#EXT-X-PRELOAD-HINT", [])
    if hinted and playlist.ended:
        yield "it hints at what follows, and has ended"
    if len(hinted) > 1:
        yield "it hints at two parts"
    for position in _positions(playlist, "#EXT-X-PRELOAD-HINT"):
        if any(position < other for other in _positions(playlist, "#EXT-X-PART")):
            yield "a part comes after the hint"
        attributes = playlist.attributes("#EXT-X-PRELOAD-HINT")
        if attributes.get("TYPE") not in ("PART", "MAP") or "URI" not in attributes:
            yield "a hint has no type or no URI"
        listed = {part.uri for segment in playlist.segments for part in segment.parts}
        if attributes.get("URI", "").strip('"') in listed:
            yield "it hints at a part that is listed"


@_rule("4.4.5.4")
def reports(playlist: MediaPlaylist) -> Iterator[str]:
    for position in _positions(playlist, "#EXT-X-RENDITION-REPORT"):
        line = playlist.lines[position]
        if re.search(r'[:,]URI="(?!\w+:|/)[^"]+"', line) is None:
            yield "a rendition report has no relative URI"
        if "LAST-MSN=" not in line or "LAST-PART=" not in line:
            yield "a rendition report does not say where the rendition is"


@_step("6.2.1")
def constants(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    for tag in ("#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL"):
        if old.values.get(tag) != new.values.get(tag):
            yield f"{tag} has changed"


@_step("6.2.1")
def segments_stay_as_they_are(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    if new.sequence < old.sequence:
        yield "the media sequence goes back"
    had = {segment.number: segment for segment in old.segments}
    for segment in new.segments:
        before = had.get(segment.number)
        if before is None:
            continue
        if (before.map, before.discontinuity) != (segment.map, segment.discontinuity):
            yield f"segment {segment.number} has another init segment or discontinuity"
        if before.date is not None and before.date != segment.date:
            yield f"segment {segment.number} has another date"
        if before.uri is not None and (before.uri, before.duration) != (segment.uri, segment.duration):
            yield f"segment {segment.number} has another address or duration"
        if segment.parts and segment.parts[: len(before.parts)] != before.parts:
            yield f"segment {segment.number} has other parts"
    last = new.segments[-1].number if new.segments else -1
    if old.segments and last < old.segments[-1].number:
        yield "segments have gone from the end"


@_step("6.2.2")
def discontinuities_are_counted(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    if new.sequence > old.sequence + len(old.segments):
        return  # too much has gone to know
    gone = sum(segment.discontinuity for segment in old.segments if segment.number < new.sequence)
    if new.discontinuities != old.discontinuities + gone:
        counted = new.discontinuities - old.discontinuities
        yield f"{gone} discontinuities have gone, and {counted} were counted"


@_step("6.2.2")
def enough_is_left(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    if new.sequence > old.sequence and new.length < 3 * new.target - ROUNDING:
        yield "segments have gone, and less than three target durations are left"


@_step("4.4.3.4")
def the_end_is_final(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    if old.ended and not same(old, new):
        yield "it has changed after its end"


@_step("6.2.6")
def hints_come_true(old: MediaPlaylist, new: MediaPlaylist) -> Iterator[str]:
    hint = old.attributes("#EXT-X-PRELOAD-HINT").get("URI", "").strip('"')
    if not hint or not old.segments:
        return
    last = old.segments[-1]
    segment = next((each for each in new.segments if each.number == last.number), None)
    if segment is not None and len(segment.parts) > len(last.parts):
        came = segment.parts[len(last.parts)].uri
        if came != hint:
            yield f"{hint} was hinted at, and {came} came"


def blocked_in_vain(text: str, number: int, part: int | None) -> list[Fault]:
    """What is wrong with the answer to a blocking reload (6.2.5.2)."""
    playlist = parse(text)
    if playlist.ended:
        return []
    if part is None:
        complete = [segment.number for segment in playlist.segments if segment.uri is not None]
        there = number < playlist.sequence or (bool(complete) and complete[-1] >= number)
    else:
        edge = playlist.edge
        there = edge is not None and edge >= (number, part)
    return [] if there else [("6.2.5.2", f"it was given out before segment {number}, part {part} was there")]


def _part_target(playlist: MediaPlaylist) -> float:
    return float(playlist.attributes("#EXT-X-PART-INF").get("PART-TARGET", 0))
