"""`python -m bench`: measures what the project promises on the machine that it runs on, and prints it."""

from __future__ import annotations

import argparse
import asyncio
import json
from functools import partial
from typing import Any

from bench import chat, chat_page, comparison, glass, ladder, latency, machine, pages, planner, relay, ways

PARTS = ("pages", "startup", "glass", "latency", "relay", "planner", "chat", "ladder", "compare")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--input", help="what the demo publishes (the sample); "
                        f"for glass the way in, of {', '.join(ways.WAYS)} (rtmp)")  # fmt: skip
    parser.add_argument(
        "--pages", type=int, help="browsers that play together (5; to compare: 6; glass: 6 and 2)"
    )
    parser.add_argument(
        "--size", choices=tuple(glass.SIZES), help="the picture of glass (one after the other)"
    )
    parser.add_argument("--seconds", type=float, help="how long they play (60)")
    parser.add_argument("--times", type=int, default=10, help="how often a page is opened anew (10)")
    parser.add_argument("--quick", action="store_true", help="compare two settings only, for 20 s each")
    parser.add_argument("--rows", default="", help="compare these only, such as fast/braidcast,slow/3-1")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a text")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: there are only {', '.join(PARTS)}")
    wanted = options.parts or PARTS
    source = options.input or str(pages.SAMPLE)
    if "glass" in options.parts and options.input not in (None, *ways.WAYS):
        parser.error(f"{options.input}: glass has only these ways in: {', '.join(ways.WAYS)}.")
    try:
        rows = comparison.chosen(options.rows, options.quick)
    except ValueError as error:
        parser.error(str(error))
    found: dict[str, Any] = {"machine": machine.describe()}
    if not options.json:
        print("\n".join(f"{name:9} {value}" for name, value in found["machine"].items()), flush=True)
    if "pages" in wanted:
        found["pages"] = []
        for at_once in (False, True):
            watching = pages.watch(source, options.pages or 5, options.seconds or 60.0, at_once)
            found["pages"].append(asyncio.run(watching))
            tell(options.json, pages_text(found["pages"][-1]))
    if "startup" in wanted:
        found["startup"] = asyncio.run(pages.startup(source, options.times))
        tell(options.json, startup_text(found["startup"]))
    if "glass" in wanted:
        way = options.input if options.input in ways.WAYS else "rtmp"
        found["glass"] = []
        for run in glass.chosen(way, options.size, options.pages, options.seconds or 60.0):
            found["glass"].append(asyncio.run(glass.glass(run)))
            tell(options.json, glass.text(found["glass"][-1]))
    if "latency" in wanted:
        seconds = options.seconds or 20.0
        found["parts"] = asyncio.run(latency.by_part(seconds))
        tell(options.json, latency.part_text(found["parts"]))
        found["hops"] = asyncio.run(latency.by_hops(seconds))
        tell(options.json, latency.hops_text(found["hops"]))
        found["players"] = asyncio.run(latency.beside_hls_js(seconds))
        tell(options.json, latency.players_text(found["players"]))
    if "relay" in wanted:
        found["relay"] = asyncio.run(relay.measure())
        tell(options.json, relay_text(found["relay"]))
    if "planner" in wanted:
        found["planner"] = planner.rooms()
        tell(options.json, planner_text(found["planner"]))
    if "chat" in wanted:
        found["chat"] = asyncio.run(chat.measure())
        tell(options.json, chat_text(found["chat"]))
    if "ladder" in wanted:
        found["ladder"] = asyncio.run(ladder.measure(options.seconds or ladder.SECONDS))
        tell(options.json, ladder_text(found["ladder"]))
    if "compare" in wanted:
        viewers = options.pages or comparison.VIEWERS
        seconds = options.seconds or (comparison.QUICK_SECONDS if options.quick else comparison.SECONDS)
        told = partial(tell, options.json)
        found["compare"] = asyncio.run(comparison.compare(rows, viewers, seconds, told))
    if options.json:
        print(json.dumps(found, indent=2))


def tell(silent: bool, text: str) -> None:
    if not silent:
        print(text, flush=True)


def spread(values: dict[str, float]) -> str:
    return f"p50 {values['p50']:.2f} s, p95 {values['p95']:.2f} s, greatest {values['max']:.2f} s"


def pages_text(found: dict[str, Any]) -> str:
    megabytes = {name: found[f"bytes_{name}"] / 1e6 for name in
                 ("from_viewers", "from_relays", "from_origin", "sent_http", "sent_links")}  # fmt: skip
    return "\n".join(
        [
            f"\n{found['pages']} pages, each in a browser of its own, for {found['seconds']:.0f} s, "
            + ("opened at once" if found["at_once"] else "opened one after another"),
            f"  received    {megabytes['from_viewers']:.2f} MB from viewers, "
            f"{megabytes['from_relays']:.2f} MB from relays, "
            f"{megabytes['from_origin']:.2f} MB from the origin",
            f"  sent by the publisher  {megabytes['sent_http']:.2f} MB by HTTP, "
            f"{megabytes['sent_links']:.2f} MB over links",
            f"  from peers  {100 * found['share']:.1f} % of the whole run, "
            f"{100 * found['steady_share']:.1f} % once all were fed",
            f"  the origin sent {found['times_stream']:.2f} x the stream's media once all were fed",
            f"  start-up    {spread(found['startup'])} from opening to the first picture",
            f"  latency     {spread(found['latency'])}",
            f"  stalls      {found['stalls']} ({found['stalls_at_start']} of them before all were fed), "
            f"{found['stall_seconds']:.2f} s in all; {found['skipped_seconds']:.2f} s skipped",
            f"  blocks      {found['blocks_rejected']} rejected, {found['duplicates']} came twice",
            f"  CPU         {found['cpu_publisher']:.2f} of a core for the demo, "
            f"{found['cpu_page']:.2f} for each page; "
            f"the machine was {100 * found['machine_busy']:.0f} % busy",
        ]
    )


def startup_text(found: dict[str, Any]) -> str:
    return f"\nA page opened {found['pages']} times\n  first picture  {spread(found['first_frame'])}"


def relay_text(found: dict[str, Any]) -> str:
    lines = [
        f"\nA relay beside aiortc alone: messages of {found['block']} bytes, "
        f"each to {found['fan_out']} links",
        "  offered        relay: sent, CPU, per MB               aiortc: sent, CPU, per MB        per core",
    ]
    for rate in found["rates"]:
        ours, bare = rate["relay"], rate["bare"]
        lines.append(
            f"  {ours['offered']:5.1f} Mbit/s   "
            f"{ours['sent']:5.1f} Mbit/s, {ours['cpu']:.2f}, {ours['cpu_per_mb']:5.1f} ms   "
            f"        {bare['sent']:5.1f} Mbit/s, {bare['cpu']:.2f}, {bare['cpu_per_mb']:5.1f} ms   "
            f"     {rate['ratio']:.2f}"
            + (
                f"   ({ours['elsewhere']:.1f} Mbit/s came from the source itself)"
                if ours["elsewhere"]
                else ""
            )
        )
    return "\n".join(lines)


def planner_text(found: list[dict[str, Any]]) -> str:
    lines = ["\nThe planner alone: nodes that it looks at, and time, for each event"]
    for room in found:
        told = (f"{name} {room[name]['nodes']:4.0f}, {room[name]['microseconds']:4.0f} µs"
                for name in ("join", "report", "leave"))  # fmt: skip
        lines.append(f"  {room['viewers']:6} viewers, upload {room['mean']:.1f} x:  {'   '.join(told)}")
    return "\n".join(lines)


def chat_text(found: dict[str, Any]) -> str:
    count = found["messages"]
    memory = {name: found[name]["memory"] / 1e6 for name in ("empty", "full", "after")}
    lines = [
        f"\nA relay whose store has {count} messages",
        f"  file        {found['file_bytes'] / 1e6:.1f} MB, {found['file_bytes'] / count:.0f} a message "
        f"(bodies {found['text_bytes'] / count:.0f}); {found['kept_a_second']:.0f} were kept a second",
        f"  relay       up after {found['relay_start']:.2f} s; {memory['full']:.0f} MB of memory, "
        f"{memory['after']:.0f} MB after all this, {memory['empty']:.0f} MB with an empty store",
        f"  newcomer    in the room after {found['joined']:.2f} s, had the first page after "
        f"{found['first_page']:.2f} s",
        f"  older page  {1e3 * found['older_page']:.0f} ms for each of the first, {found['older_rate']:.0f} "
        f"messages a second when one reads on and on; {1e3 * found['older_cpu']:.0f} ms of CPU at the relay",
    ]
    for name, search in found["search"].items():
        lines.append(
            f"  search      {name}, {search['hits']} found: "
            f"p50 {1e3 * search['p50']:.0f} ms, greatest {1e3 * search['max']:.0f} ms"
        )
    return "\n".join([*lines, *chat_page.lines(found["page"])])


def ladder_text(found: list[dict[str, Any]]) -> str:
    lines = [f"\nA publisher of a film at {ladder.SIZE} and 30 fps, without viewers, by renditions"]
    for passes in (True, False):
        source = "as it comes" if passes else "encoded, for it has B-frames"
        lines.append(f"  the first rendition {source}")
        before = 0.0
        for row in (row for row in found if row["passes"] is passes):
            more = f"{row['cpu'] - before:+.3f} for the last" if before else " " * 20
            lines.append(
                f"    {row['cpu']:.3f} of a core  {more}   {row['bit_rate'] / 1e6:5.2f} Mbit/s   "
                f"{', '.join(row['renditions'])}"
            )
            before = row["cpu"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
