"""`braidcast watch`: a headless viewer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from peer.commands.record import recorder_at
from peer.membership import Membership
from peer.running import FAILURE, CommandError
from peer.showing import TELL_EVERY, StatusLine, clock, print_json


async def watch(
    membership: Membership,
    stream: str,
    rendition: str | None,
    seconds: float | None,
    record: Path | None,
    json_lines: bool,
) -> int:
    """Until the stream has ended or `seconds` are over."""
    deadline = None if seconds is None else time.monotonic() + seconds
    with StatusLine(json_lines) as line:
        async with membership.prepare("viewer") as peer:
            viewing = peer.viewing(stream, rendition)
            recorder = recorder_at(record, line)
            if recorder is not None:
                viewing.on_part.append(recorder.part)
            line.say(f"Watching {stream} in room {membership.room}. Ctrl-C stops.")
            try:
                while not (viewing.ended or (recorder is not None and recorder.failed)) and (
                    deadline is None or time.monotonic() < deadline
                ):
                    await peer.check()
                    there = viewing.renditions
                    if rendition is not None and there and rendition not in there:
                        raise CommandError(
                            f"The stream {stream} has no rendition {rendition}, but {', '.join(there)}."
                        )
                    pause = TELL_EVERY if deadline is None else min(TELL_EVERY, deadline - time.monotonic())
                    await asyncio.sleep(max(0.0, pause))
                    stats = viewing.stats()
                    if json_lines:
                        print_json(stats)
                    line.update(_viewer_line(line, stats))
            finally:
                if recorder is not None:
                    await recorder.close()
            played = viewing.stats()["parts"] > 0
    if not played:
        line.say(f"Nothing of the stream {stream} came.")
    return 0 if played and not (recorder is not None and recorder.failed) else FAILURE


def _viewer_line(line: StatusLine, stats: dict[str, Any]) -> str:
    peers, origin = stats["bytes_from_peers"], stats["bytes_from_origin"]
    share = 100 * peers / (peers + origin) if peers + origin else 0.0
    latency = stats["live_latency"]
    return (
        f"{clock(line.running_for)}  latency {'-' if latency is None else f'{latency:.2f} s'}, "
        f"{share:.0f} % from viewers, {stats['stalls']} stalls, {stats['peers']} links"
    )
