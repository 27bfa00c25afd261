"""The figures of a run for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show(record: dict[str, Any], console: Console) -> None:
    """Print the table."""
    _print(_of_chat(record) if "delivery" in record else _of_stream(record), console)


def _print(rows: list[tuple[str, str]], console: Console) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    console.print(table)


def _of_chat(record: dict[str, Any]) -> list[tuple[str, str]]:
    delivery = record["delivery"]
    control = ", ".join(f"{name} {size:g}" for name, size in record["control"].items())
    return [
        (
            "present",
            f"{record['present']} of {record['peers']}, {record['seconds']} s, seed {record['seed']}",
        ),
        ("messages", f"{record['messages']}, delivered {record['deliveries']} times"),
        ("delivery", ", ".join(f"{name} {_ms(delivery[name])}" for name in ("p50", "p95", "p99", "max"))),
        ("exactly once", f"{record['missing']} missing, {record['delivered_twice']} delivered twice"),
        ("same order everywhere", "yes" if record["same_order"] else "no"),
        ("copies a peer and message", f"{record['copies']:.3f}, and {record['history_copies']} of the past"),
        (
            "bytes a peer and message",
            f"{record['message_bytes']:g} of messages, {record['control_bytes']:g} of control ({control})",
        ),
        ("network", f"{record['links_per_peer']} links a peer, {record['rejections']} ended for what came"),
        ("digest", record["digest"]),
    ]


def _of_stream(record: dict[str, Any]) -> list[tuple[str, str]]:
    origin, offload, delay = record["origin"], record["offload"], record["mesh_delay"]
    stream, defence = record["stream"], record["defence"]
    startup, overhead, machine = record["startup"], record["overhead"], record["machine"]
    rows = [
        (
            "watching",
            f"{record['watching']} of {record['viewers']} viewers, {record['seconds']} s, "
            f"seed {record['seed']}",
        ),
        (
            "origin's sending",
            f"{origin['times_stream']:.2f} x the stream "
            f"({origin['times_stream_links']:.2f} by links, {origin['times_stream_http_repair']:.2f} repair)"
            f" + {origin['times_stream_http_startup']:.2f} start-ups",
        ),
        (
            "start-ups over HTTP",
            f"{origin['startups']}, {origin['startup_bytes_per_join']} bytes each, "
            f"{origin['startups_refused']} refused by the budget",
        ),
        (
            "offload",
            f"{offload['offload']:.3f} of at most {offload['bound']:.3f} "
            f"(mean upload {offload['mean_upload'] / 1e6:.2f} Mbit/s for {stream['bitrate'] / 1e6:.2f})",
        ),
        ("mesh delay", ", ".join(f"{name} {_ms(delay[name])}" for name in ("p50", "p95", "p99"))),
    ]
    for distance, there in record["behind"].items():
        rows.append(
            (
                f"{distance} s behind",
                f"continuity {100 * there['continuity']:.3f} %, {there['stalls']} stalls at "
                f"{there['stalled_viewers']} viewers, longest {there['longest_stall']:.2f} s",
            )
        )
    rows += [
        (
            "start-up",
            f"{startup['count']} viewers, p50 {_ms(startup['p50'])}, p95 {_ms(startup['p95'])}, "
            f"{startup['waiting']} still wait",
        ),
        (
            "trees",
            f"depth p50 {record['tree_depth']['p50']}, p95 {record['tree_depth']['p95']}, "
            f"{record['tree_depth']['unfed_stripes']} stripes unfed, {record['links_per_peer']} links a peer",
        ),
        (
            "mended",
            f"{record['fail_overs']} fail-overs, {record['wants_sent']} requests, "
            f"{record['fetches']} fetches, {record['parts_skipped']} parts skipped, "
            f"{record['slow_children']} slow children",
        ),
        (
            "overhead",
            f"seals and proofs {100 * stream['proofs']:.1f} %, control {100 * overhead['control']:.1f} %, "
            f"duplicates {100 * overhead['duplicates']:.1f} %",
        ),
        (
            "network",
            f"{overhead['retransmitted_packets']} packets sent again, {overhead['retransmission_timeouts']} "
            f"time-outs, {overhead['packets_dropped_at_uplinks']} dropped at full uplinks",
        ),
        (
            "defence",
            f"{defence['altered_parts_played']} altered parts played, "
            f"{defence['forged_blocks_forwarded']} forged blocks forwarded, "
            f"{defence['rejections']} links ended, {defence['honest_rejected']} of honest peers",
        ),
        ("attackers", _attackers(defence)),
        (
            "planner",
            f"{machine['planner_us_per_join']} us a join, {machine['planner_us_per_report']} us a report, "
            f"{machine['planner_us_per_leave']} us a leave (this machine)",
        ),
        ("digest", record["digest"]),
    ]
    return rows


def _attackers(defence: dict[str, Any]) -> str:
    alone = defence["left_alone_after"]
    if not defence["attackers"]:
        return "none"
    return (
        f"{defence['attackers']}; {alone['count']} harmed children and lost them "
        f"after p50 {_ms(alone['p50'])}, p95 {_ms(alone['p95'])}, at most {_ms(alone['max'])}; "
        f"{alone['never']} never"
    )


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"
