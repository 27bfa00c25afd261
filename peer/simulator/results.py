"""The figures of a run, as one JSON object (docs/simulator.md says what each field means)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from peer.core.counters import Counters
from peer.simulator.association import OVERHEAD, PACKET
from peer.simulator.measures import Totals, difference, quantile
from peer.simulator.watching import DISTANCES
from peer.simulator.world import World

Record = dict[str, Any]


def results(world: World) -> Record:
    """Everything that the same seed gives on any machine, and under `machine` what depends on this one."""
    measures = world.measures
    begun = measures.begun
    assert begun is not None, "nothing was measured"
    end = measures.snapshot()
    seconds = end.at - begun.at
    media, sealed = end.media - begun.media, end.sealed - begun.sealed
    counters = difference(end.counters, begun.counters)
    link, startup, repair = end.link - begun.link, end.startup - begun.startup, end.repair - begun.repair
    joins = end.joins - begun.joins
    demand = measures.viewer_seconds / seconds * sealed
    steady = link + repair
    present = world.viewers()
    mean_upload = sum(peer.uplink for peer in present if peer.carries) / max(1, len(present))
    bitrate = 8 * media / seconds
    viewers = measures.viewer_seconds / seconds
    bound = min(1 - 1 / max(viewers, 1.0), mean_upload / bitrate)
    offload = 1 - (steady + startup) / demand if demand else 0.0
    delays = measures.delays
    record: Record = {
        "viewers": world.options.viewers,
        "seconds": round(seconds, 3),
        "seed": world.seed,
        "watching": round(viewers, 1),
        "stream": {
            "bitrate": round(bitrate),
            "parts": end.part - begun.part,
            "proofs": _share(sealed - media, media),
        },
        "origin": {
            "times_stream": _ratio(steady, media),
            "times_stream_links": _ratio(link, media),
            "times_stream_http_repair": _ratio(repair, media),
            "times_stream_http_startup": _ratio(startup, media),
            "link_bytes": link,
            "http_repair_bytes": repair,
            "http_startup_bytes": startup,
            "startups": joins,
            "startups_refused": end.refusals - begun.refusals,
            "startup_bytes_per_join": round(startup / joins) if joins else 0,
        },
        "offload": {
            "offload": round(offload, 4),
            "bound": round(bound, 4),
            "of_bound": _ratio(offload, bound),
            "mean_upload": round(mean_upload),
        },
        "mesh_delay": {
            name: delays.quantile(share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        },
        "behind": {},
        "startup": {
            "count": len(measures.startups),
            "p50": _round(quantile(measures.startups, 0.5)),
            "p95": _round(quantile(measures.startups, 0.95)),
            "waiting": sum(1 for peer in present if peer.role == "viewer" and peer.first_part is None),
        },
        "fail_overs": counters.fail_overs,
        "parts_skipped": counters.parts_skipped,
        "wants_sent": counters.wants_sent,
        "fetches": counters.fetches,
        "slow_children": counters.slow_children,
        "refused_children": counters.refused_children,
        "overhead": {
            "control": _share(end.control - begun.control, end.blocks - begun.blocks),
            "duplicates": _share(counters.duplicates + counters.late, _blocks(counters, world)),
            "retransmitted_packets": world.network.traffic.retransmitted_packets,
            "retransmission_timeouts": world.network.traffic.timeouts,
            "packets_dropped_at_uplinks": sum(u.dropped for u in world.network.uplinks.values()),
            "wire": _share(OVERHEAD, PACKET),
        },
        "tree_depth": _depths(world),
        "links_per_peer": _round(_mean([len(peer.links.peers) for peer in present])),
        "defence": {
            "attackers": len(world.attackers),
            "altered_parts_played": measures.altered,
            "forged_blocks_forwarded": measures.forged,
            "left_alone_after": _left_alone(world),
            "rejections": measures.rejections,
            "honest_rejected": measures.wrongly_rejected,
        },
        "introducer": {"received": world.desk.received, "sent": world.desk.sent},
    }
    for index, distance in enumerate(DISTANCES):
        totals = Totals()
        for players in measures.players:
            totals.add(players[index])
        record["behind"][f"{distance:g}"] = {
            "continuity": _ratio(totals.in_time, totals.due, 6),
            "stalls": totals.stalls,
            "stalled_viewers": totals.stalled_viewers,
            "longest_stall": round(totals.longest, 3),
            "most_stalls_of_one": totals.most,
        }
    record["digest"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]
    record["machine"] = {
        "events": world.clock.events,
        "planner_us_per_join": _work(world, "watch"),
        "planner_us_per_report": _work(world, "report"),
        "planner_us_per_leave": _work(world, "leave"),
    }
    return record


def _blocks(counters: Counters, world: World) -> int:
    received = counters.from_viewers + counters.from_relays + counters.from_publisher
    mean = max(1.0, world.measures.sealed / max(1, len(world.timeline.at) * world.stripes))
    return max(1, round(received / mean))


def _depths(world: World) -> Record:
    """Hops from the publisher over all stripes of all viewers, by their announced paths."""
    depths: list[float] = []
    unfed = 0
    for peer in world.viewers():
        for stripe in range(world.stripes):
            path = peer.core.upstreams.path(stripe)
            if path:
                depths.append(len(path) - 1)
            else:
                unfed += 1
    return {"p50": quantile(depths, 0.5), "p95": quantile(depths, 0.95), "unfed_stripes": unfed}


def _left_alone(world: World) -> Record:
    """Seconds from an attacker's first wrong to a child until it had no children any more."""
    harmful = [each for each in world.attackers if each.harms_children and each.began is not None]
    times = [each.left_alone_at - each.began for each in harmful if each.left_alone_at and each.began]
    return {
        "count": len(harmful),
        "p50": _round(quantile(times, 0.5)),
        "p95": _round(quantile(times, 0.95)),
        "max": _round(max(times, default=None)),
        "never": len(harmful) - len(times),
    }


def _work(world: World, what: str) -> float | None:
    count, seconds = world.desk.work.get(what, (0, 0.0))
    return round(1e6 * seconds / count, 1) if count else None


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _round(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _ratio(part: float, whole: float, digits: int = 4) -> float:
    return round(part / whole, digits) if whole else 0.0


_share = _ratio
