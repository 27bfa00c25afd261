"""The figures of a run as a picture, by matplotlib, which is an extra: `pip install 'braidcast[plot]'`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peer.running import CommandError
from peer.simulator.results import Record


def check_plot(file: Path) -> None:
    """Find out before hours of computing whether the picture can be drawn. Raises CommandError."""
    try:
        import matplotlib
    except ImportError:
        raise CommandError(
            "--plot needs matplotlib, which is not installed: pip install 'braidcast[plot]'."
        ) from None
    matplotlib.use("agg")
    if not file.absolute().parent.is_dir():
        raise CommandError(f"{file} cannot be written: its folder does not exist.")


def draw(record: Record, delays: list[tuple[float, float]], file: Path) -> None:
    """Delays (seconds, share of parts not later), continuity by distance, and the origin's sending by way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    how_late, how_steady, from_where = figure.subplots(1, 3)
    how_late.plot([1000 * seconds for seconds, _ in delays], [100 * share for _, share in delays])
    how_late.set(title="Behind the publisher's edge", xlabel="ms", ylabel="% of parts", ylim=(0, 100))
    behind: dict[str, dict[str, Any]] = record["behind"]
    how_steady.bar(list(behind), [100 * there["continuity"] for there in behind.values()])
    how_steady.set(title="Parts that were in time", xlabel="s behind the edge", ylabel="%")
    origin = record["origin"]
    ways = {"links": "links", "http_repair": "repair", "http_startup": "start-ups"}
    from_where.bar(list(ways.values()), [origin[f"times_stream_{way}"] for way in ways])
    from_where.set(title="The origin's sending", ylabel="times the stream")
    figure.suptitle(f"{record['viewers']} viewers, {record['seconds']:g} s, seed {record['seed']}")
    figure.savefig(file)
