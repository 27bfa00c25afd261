"""Records the parts' sizes of a real stream for the simulator: record_trace.py INPUT SECONDS FILE.

INPUT is encoded and cut by the very packager that `braidcast publish` uses, at its defaults. What is kept is
`{"part_duration": s, "bandwidth": bit/s, "parts": [[size, independent, duration in µs], …]}`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from peer.media.ingest import media_parts
from peer.media.parts import InitSegment, MediaOptions, MediaPart


async def record(source: str, seconds: float) -> dict[str, object]:
    options = MediaOptions()
    parts: list[MediaPart] = []
    bandwidth = 0
    async for item in media_parts(source, options, lambda: time.monotonic_ns() // 1000):
        if isinstance(item, InitSegment):
            bandwidth = item.bandwidth
            continue
        parts.append(item)
        if sum(part.duration for part in parts) >= seconds * 1e6:
            break
    # Up to the last key frame, so that the trace can be repeated without a seam.
    last = max(index for index, part in enumerate(parts) if part.independent)
    return {
        "part_duration": options.part_duration,
        "bandwidth": bandwidth,
        "parts": [[len(part.data), int(part.independent), part.duration] for part in parts[:last]],
    }


if __name__ == "__main__":
    trace = asyncio.run(record(sys.argv[1], float(sys.argv[2])))
    Path(sys.argv[3]).write_text(json.dumps(trace, separators=(",", ":")) + "\n")
