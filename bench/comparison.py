"""Braidcast beside p2p-media-loader: which settings are run, and the table of what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.contest import Contestant, Origin, contest

VIEWERS = 6
SECONDS, QUICK_SECONDS = 60.0, 20.0
FAST = Origin("fast")
SLOW = Origin("slow", delay=0.15, rate=4e6)
BRAIDCAST = Contestant("braidcast")
MODULES = Path(__file__).with_name("p2p_media_loader") / "node_modules"


def tuned(sync: int, demand: int) -> Contestant:
    """p2p-media-loader with segments of 2 s, `liveSyncDurationCount` and `highDemandTimeWindow`."""
    return Contestant(f"{sync}-{demand}", plain=2, sync=sync, demand=demand)


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant before one origin."""

    origin: Origin
    contestant: Contestant

    @property
    def name(self) -> str:
        return f"{self.origin.name}/{self.contestant.name}"


DEFAULT = Contestant("default", plain=2)
LONG = Contestant("default-30s", plain=2, window=30.0)
"""By itself p2p-media-loader stays as far behind as the playlist reaches, so its default depends on that."""
SHORT = Contestant("3-1-short", plain=1, sync=3, demand=1)
"""The origin's own segments of 1 s, which halve its latency."""
ROWS = (
    *(Row(FAST, each) for each in (BRAIDCAST, DEFAULT, LONG)),
    *(Row(FAST, tuned(sync, demand)) for sync in (2, 3) for demand in (1, 2, 3)),
    Row(FAST, SHORT),
    Row(SLOW, BRAIDCAST),
    *(Row(SLOW, tuned(sync, demand)) for sync, demand in ((2, 1), (3, 1), (3, 2), (3, 3))),
)
QUICK = (Row(FAST, BRAIDCAST), Row(FAST, tuned(3, 1)))


def chosen(names: str, quick: bool) -> tuple[Row, ...]:
    """The rows of these names, divided by commas; without any all, or the quick ones.

    Raises:
        ValueError: there is no such row; a sentence.
    """
    if not names:
        return QUICK if quick else ROWS
    by_name = {row.name: row for row in ROWS}
    if unknown := [name for name in names.split(",") if name not in by_name]:
        raise ValueError(f"{', '.join(unknown)}: there are only {', '.join(by_name)}.")
    return tuple(by_name[name] for name in names.split(","))


async def compare(
    rows: Sequence[Row], viewers: int, seconds: float, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run one row after the other, and tell of each as it is done."""
    if not MODULES.is_dir():
        raise SystemExit("p2p-media-loader is not installed: run `make bench-modules`.")
    found: dict[str, Any] = {"versions": versions(), "viewers": viewers, "seconds": seconds, "rows": {}}
    tell(heading(found))
    for row in rows:
        figures = await contest(row.contestant, row.origin, viewers, seconds)
        found["rows"][row.name] = figures
        tell(line(row.name, figures))
    return found


def versions() -> dict[str, str]:
    """Of what is compared with."""
    names = ("p2p-media-loader-hlsjs", "hls.js", "bittorrent-tracker")
    return {name: json.loads((MODULES / name / "package.json").read_text())["version"] for name in names}


HEADS = (
    "origin sends  offload  latency p50 / p95  stalls          "
    "at start        start-up p50 / max  CPU page  busy"
)


def heading(found: dict[str, Any]) -> str:
    """What stands above the lines."""
    named = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"\nBraidcast beside {named}\n"
        f"{found['viewers']} pages, a browser each, opened at once; "
        f"figures of {found['seconds']:.0f} s once settled\n"
        f"  {'':16} {HEADS}"
    )


def line(name: str, found: dict[str, Any]) -> str:
    """One row."""
    stalls, at_start = (
        f"{found[f'stalls{when}']:3} of {found[f'stall_seconds{when}']:5.2f} s" for when in ("", "_at_start")
    )
    return (
        f"  {name:16} {found['times_stream']:8.2f} x   {100 * found['offload']:5.1f} %"
        f"  {found['latency']['p50']:6.2f} / {found['latency']['p95']:5.2f} s  {stalls}  {at_start}"
        f"  {found['startup']['p50']:8.2f} / {found['startup']['max']:5.2f} s"
        f"  {found['cpu']['page']:6.2f}  {100 * found['machine_busy']:4.0f} %"
    )
